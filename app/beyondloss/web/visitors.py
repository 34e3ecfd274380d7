"""Who is asking: the owner of this machine, the guest of a share link, or nobody we know.

Owner: loopback client and loopback host name, nothing forwarded, and no share link opened in this browser; or the
owner key. Guest: a signed cookie holds the id of the link it opened, looked up on every request, so that revoking
works at once. Everybody else gets one plain page.
"""

import getpass
import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from beyondloss.domain.access import LinkScope, Visitor
from beyondloss.errors import BeyondLossError, NotAllowed, NotFound
from beyondloss.services import ratings, sharing
from beyondloss.store.engine import Store
from beyondloss.web.i18n import cookie_of
from beyondloss.web.i18n import gettext as _
from beyondloss.web.problems import refuse
from beyondloss.web.security import LOOPBACK_NAMES, host_name

LINK_COOKIE = "bl_link"
RATER_COOKIE = "bl_rater"
OWNER_COOKIE = "bl_owner"
OPEN_PATHS = ("/static/", "/s/", "/leave", "/favicon.ico", "/robots.txt", "/healthz", "/api/v1/healthz")
_FORWARDING = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "cf-connecting-ip"}
)
_YEAR_SECONDS = 365 * 24 * 3600


class Keys:
    """The secret that signs cookies, and the owner's key: made once, kept in the data folder with mode 0600."""

    def __init__(self, data_dir: Path, *, owner_key: str | None = None) -> None:
        self._signer = URLSafeSerializer(kept_secret(data_dir / "secret.key"), salt="beyondloss.cookie")
        self.owner_key = owner_key or kept_secret(data_dir / "owner.key")

    def sign(self, kind: str, *numbers: int) -> str:
        return str(self._signer.dumps([kind, *numbers]))

    def read(self, kind: str, signed: str) -> tuple[int, ...] | None:
        """The numbers signed under this kind, or None for anything else."""
        try:
            value = self._signer.loads(signed) if signed else None
        except BadSignature:
            return None
        match value:
            case [str(found), *numbers] if found == kind and all(isinstance(n, int) for n in numbers):
                return tuple(numbers)
        return None

    def is_owner_key(self, key: str) -> bool:
        return compare_digest(key.encode("utf-8", "replace"), self.owner_key.encode())


def kept_secret(path: Path) -> str:
    """The secret in a file of mode 0600, made on first need. Two processes that make it at once agree on one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        fresh.touch(mode=0o600, exist_ok=False)
        fresh.write_text(secrets.token_urlsafe(32), "ascii")
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass  # another process was first
        finally:
            fresh.unlink()
    return path.read_text("ascii").strip()


@dataclass(frozen=True, slots=True)
class _Answering:
    """The request being answered, for those who set its cookies."""

    keys: Keys
    link_id: int | None
    secure: bool


_answering: ContextVar[_Answering] = ContextVar("answering")


def visitor_of(request: Request) -> Visitor:
    """Who is asking. Set for every request that reaches a route, except on the open paths, where it may be missing."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    if visitor is None:
        raise _stranger()
    return visitor


def remember_link(response: Response, link_id: int) -> None:
    """This browser is the link's guest from now on; a name given through another link does not follow."""
    _set(response, LINK_COOKIE, _answering.get().keys.sign("link", link_id))
    if _answering.get().link_id != link_id:
        response.delete_cookie(RATER_COOKIE)


def forget_link(response: Response) -> None:
    response.delete_cookie(LINK_COOKIE)
    response.delete_cookie(RATER_COOKIE)


def remember_rater(response: Response, rater_id: int, *, link_id: int | None = None) -> None:
    """The guest gave a name. It counts with the link it was given through: the current one unless told otherwise."""
    answering = _answering.get()
    link = link_id if link_id is not None else answering.link_id
    _set(response, RATER_COOKIE, answering.keys.sign("rater", rater_id, link or 0))


def _set(response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=_YEAR_SECONDS, httponly=True, samesite="lax", secure=_answering.get().secure
    )


class VisitorMiddleware:
    """Puts the `Visitor` on the request, or refuses it. Nothing behind it is reached by somebody unknown."""

    def __init__(self, app: ASGIApp, *, store: Store, keys: Keys) -> None:
        self.app = app
        self.store = store
        self.keys = keys
        self._owner: Visitor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if response := self._enter_by_key(scope):
            await response(scope, receive, send)
            return
        claim = self._claim(scope, headers)
        answering = _Answering(self.keys, claim.link_id, scope.get("scheme") == "https")
        with _answering_as(answering):
            try:
                visitor = await self._visitor(claim)
            except BeyondLossError as error:
                if not scope["path"].startswith(OPEN_PATHS):
                    scope.setdefault("state", {})["link_over"] = claim.link_id is not None
                    await refuse(error, scope, receive, send)
                    return
                visitor = None
            scope.setdefault("state", {})["visitor"] = visitor
            await self.app(scope, receive, send)

    def _claim(self, scope: Scope, headers: Headers) -> "_Claim":
        authorization = headers.get("authorization", "")
        if authorization[:7].lower() == "bearer " and self.keys.is_owner_key(authorization[7:].strip()):
            return _Claim(owner=True)
        if (link := self.keys.read("link", cookie_of(headers, LINK_COOKIE))) and len(link) == 1:
            rater = self.keys.read("rater", cookie_of(headers, RATER_COOKIE))
            mine = rater if rater and len(rater) == 2 and rater[1] == link[0] else None
            return _Claim(link_id=link[0], rater_id=mine[0] if mine else None)
        by_key = self.keys.read("owner", cookie_of(headers, OWNER_COOKIE)) is not None
        return _Claim(owner=by_key or is_local(scope, headers))

    def _enter_by_key(self, scope: Scope) -> Response | None:
        """`?key=` makes this browser the owner's, and the key leaves the address bar."""
        if b"key=" not in scope.get("query_string", b"") or scope["method"] != "GET":
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        key = dict(query).get("key", "")
        if not self.keys.is_owner_key(key):
            return None
        rest = urlencode([(name, value) for name, value in query if name != "key"])
        response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
        with _answering_as(_Answering(self.keys, None, scope.get("scheme") == "https")):
            _set(response, OWNER_COOKIE, self.keys.sign("owner"))
            forget_link(response)
        return response

    async def _visitor(self, claim: "_Claim") -> Visitor:
        if claim.link_id is not None:
            return await run_in_threadpool(self._guest, claim.link_id, claim.rater_id)
        if not claim.owner:
            raise _stranger()
        if self._owner is None:
            self._owner = await run_in_threadpool(self._find_owner)
        return self._owner

    def _guest(self, link_id: int, rater_id: int | None) -> Visitor:
        link: LinkScope = sharing.link_in_force(self.store, link_id)
        rater = ratings.find_rater(self.store, rater_id) if rater_id is not None else None
        return Visitor(link=link, rater_id=rater.id if rater else None, rater_name=rater.name if rater else "")

    def _find_owner(self) -> Visitor:
        rater = ratings.ensure_owner(self.store, owner_name())
        return Visitor(rater_id=rater.id, rater_name=rater.name)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says about its sender, before the store is asked."""

    owner: bool = False
    link_id: int | None = None
    rater_id: int | None = None


@contextmanager
def _answering_as(answering: _Answering) -> Iterator[None]:
    token = _answering.set(answering)
    try:
        yield
    finally:
        _answering.reset(token)


def is_local(scope: Scope, headers: Headers) -> bool:
    """Sent on this machine to this machine, through nothing that forwards for others."""
    client = scope.get("client")
    return (
        client is not None
        and _is_loopback(client[0])
        and host_name(headers.get("host", "")) in LOOPBACK_NAMES
        and _FORWARDING.isdisjoint(headers.keys())
    )


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def owner_name() -> str:
    """The name of the person at this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "owner"


def _stranger() -> NotAllowed:
    return NotAllowed(
        _("This BeyondLoss belongs to somebody else."),
        hint=_("Open the link you were given, or ask its owner for one."),
        code="no_access",
    )


def link_is_over() -> NotFound:
    """What a wrong, expired or revoked link says: the same in all three cases."""
    return NotFound(
        _("This link does not work (any more)."), hint=_("Ask the person who shared it for a new one."), code="no_link"
    )
