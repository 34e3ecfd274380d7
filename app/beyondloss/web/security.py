"""What keeps other sites, other host names and endless bodies out: small ASGI middlewares. Knows no page."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beyondloss.errors import InvalidInput, NotAllowed
from beyondloss.settings import Settings
from beyondloss.web.problems import refuse

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # Plotly places its drawings with inline styles; no text from outside can become one.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
# `no-referrer` would make browsers send `Origin: null` with forms over plain http, and teammates could not write.
_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


class HeadersMiddleware:
    """Adds the protecting headers to every response that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_protected)


class HostMiddleware:
    """Answers only to names that are ours: a foreign site cannot point its own name at this server (DNS rebinding)."""

    def __init__(self, app: ASGIApp, *, allowed: Iterable[str]) -> None:
        self.app = app
        self.allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_ours(scope):
            await self.app(scope, receive, send)
            return
        await refuse(
            InvalidInput(
                "This server does not answer to that host name.",
                hint="Open it by its own address, or add the name to BEYONDLOSS_ALLOWED_HOSTS.",
                code="unknown_host",
            ),
            scope,
            receive,
            send,
        )

    def _is_ours(self, scope: Scope) -> bool:
        name = host_name(Headers(scope=scope).get("host", ""))
        server = scope.get("server")
        return name in self.allowed or (server is not None and _is_address(name) and name == server[0])


class SameOriginMiddleware:
    """Refuses writes that another site's page sends with this visitor's cookies. Programs send neither header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or is_same_origin(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        await refuse(
            NotAllowed(
                "This request came from another site.", hint="Use the page on this server.", code="cross_origin"
            ),
            scope,
            receive,
            send,
        )


class BodyLimitMiddleware:
    """Refuses bodies over `limit_bytes`: by what they say, and by what they turn out to be."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdigit() or int(said) > self.limit_bytes:
            await refuse(_too_large(self.limit_bytes), scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit_bytes:
                raise _too_large(self.limit_bytes)
            return message

        await self.app(scope, receive_counted, send)


def _too_large(limit_bytes: int) -> HTTPException:
    return HTTPException(413, f"This is larger than {limit_bytes // 1_000_000} MB.")


def is_same_origin(headers: Headers) -> bool:
    """By `Sec-Fetch-Site` where browsers send it (https and loopback), else by `Origin` against `Host`."""
    if site := headers.get("sec-fetch-site"):
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Loopback names, the address served on, the public address, and whatever the settings add."""
    extra = {name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()}
    served = {settings.host.lower()} if settings.host not in {"0.0.0.0", "::", ""} else set()  # noqa: S104
    public = {host_name(urlsplit(settings.public_url).netloc)} if settings.public_url else set()
    return LOOPBACK_NAMES | extra | served | public


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port and brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
