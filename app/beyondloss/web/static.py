"""Static files: addresses that carry the content's hash, answered from memory, compressed once. Knows no page.

A file's address changes when its content does, so browsers may keep it for ever. ES modules import each other by
plain relative names (`./live.js`): these resolve to `/static/<hash>/js/live.js`, where any file of that very
tree is found, so one hash over the tree versions them all.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

_FOREVER = "public, max-age=31536000, immutable"
_COMPRESSIBLE = {".css", ".js", ".svg", ".json", ".txt", ".map"}
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    body: bytes
    compressed: bytes | None


class StaticFiles:
    """An ASGI app over one folder, and `url()` for the addresses of its files."""

    def __init__(self, folder: Path, *, prefix: str = "/static") -> None:
        self.folder = folder
        self.prefix = prefix
        self._names = frozenset(str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file())
        self._files: dict[str, _File] = {}
        self._lock = Lock()
        self._version: str | None = None

    @property
    def version(self) -> str:
        """12 hex digits over names, sizes and times of all files: it changes with any of them."""
        if self._version is None:
            digest = hashlib.sha256()
            for name in sorted(self._names):
                stat = (self.folder / name).stat()
                digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
            self._version = digest.hexdigest()[:12]
        return self._version

    def url(self, name: str) -> str:
        """The address of a file. Raises LookupError for one that is not there: a template's typo must not ship."""
        if name not in self._names:
            raise LookupError(f"There is no static file {name!r}.")
        return f"{self.prefix}/{self.version}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._respond(scope)(scope, receive, send)

    def _respond(self, scope: Scope) -> Response:
        if scope["method"] not in {"GET", "HEAD"}:
            return PlainTextResponse("Method Not Allowed", 405, {"Allow": "GET, HEAD"})
        path: str = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(self.prefix).lstrip("/")
        version, _, name = path.partition("/")
        if name not in self._names:
            return PlainTextResponse("Not Found", 404)
        file = self._load(name)
        headers = {
            "Cache-Control": _FOREVER if version == self.version else "no-cache",
            "Content-Type": file.media_type,
        }
        body = file.body
        if file.compressed is not None:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
                body = file.compressed
        return Response(body, headers=headers)

    def _load(self, name: str) -> _File:
        with self._lock:
            if (known := self._files.get(name)) is not None:
                return known
            path = self.folder / name
            body = path.read_bytes()
            compressed = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSIBLE else None
            media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            self._files[name] = _File(media_type, body, compressed)
            return self._files[name]

    def warm(self) -> None:
        """Read and compress every file now, largest first."""
        for name in sorted(self._names, key=lambda n: -(self.folder / n).stat().st_size):
            self._load(name)
