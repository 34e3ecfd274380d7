"""Languages: which one a request speaks, and the translated strings. Knows no page.

Runtime needs only the standard library's gettext; Babel extracts and compiles the catalogues (`make messages`).
The language of the request being answered is a context variable, so templates and Python say `_("…")` alike.
"""

import gettext as catalogues
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCALE_PATH = Path(__file__).parent / "locale"
LANGUAGE_COOKIE = "bl_lang"
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Language:
    """`code` names the catalogue, `tag` is what HTML and `?lang=` say, `label` is its own name for itself."""

    code: str
    tag: str
    label: str


ENGLISH = Language("en", "en", "English")
LANGUAGES = (
    ENGLISH,
    Language("zh_TW", "zh-Hant", "繁體中文"),
    Language("zh_CN", "zh-Hans", "简体中文"),
)

_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def current_language() -> Language:
    return _current.get()


def gettext(message: str) -> str:
    """`message` in the language of this request."""
    return _catalogue(_current.get().code).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    return _catalogue(_current.get().code).ngettext(one, many, n)


@cache
def _catalogue(code: str) -> catalogues.NullTranslations:
    return catalogues.translation("messages", LOCALE_PATH, languages=[code], fallback=True)


def find_language(tag: str) -> Language | None:
    """The language a tag such as `zh-Hant`, `zh_TW`, `zh-HK` or `en-GB` asks for."""
    parts = tag.strip().replace("_", "-").lower().split("-")
    if parts[0] == "en":
        return ENGLISH
    if parts[0] != "zh":
        return None
    traditional = not {"hant", "tw", "hk", "mo"}.isdisjoint(parts)
    return LANGUAGES[1] if traditional and "hans" not in parts else LANGUAGES[2]


def choose_language(accepted: str, *, cookie: str = "", asked: str = "") -> Language:
    """What the address asks for, else what was chosen before, else the browser's first language that we speak."""
    for tag in (asked, cookie, *_by_preference(accepted)):
        if language := find_language(tag):
            return language
    return ENGLISH


def _by_preference(accepted: str) -> Iterable[str]:
    weighed = []
    for position, entry in enumerate(accepted[:1000].split(",")):
        tag, _, quality = entry.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        weighed.append((-weight, position, tag))
    return [tag for _, _, tag in sorted(weighed)]


class LanguageMiddleware:
    """Sets the request's language; a `?lang=` in the address is remembered in a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        query = scope.get("query_string", b"")
        asked = parse_qs(query.decode("latin-1")).get("lang", [""])[0] if b"lang=" in query else ""
        language = choose_language(
            headers.get("accept-language", ""), cookie=cookie_of(headers, LANGUAGE_COOKIE), asked=asked
        )
        token = _current.set(language)
        remember = bool(asked) and find_language(asked) is language

        async def send_remembering(message: Message) -> None:
            if remember and message["type"] == "http.response.start":
                MutableHeaders(scope=message).append(
                    "set-cookie",
                    f"{LANGUAGE_COOKIE}={language.tag}; Path=/; Max-Age={_YEAR_SECONDS}; SameSite=Lax; HttpOnly",
                )
            await send(message)

        try:
            await self.app(scope, receive, send_remembering)
        finally:
            _current.reset(token)


def cookie_of(headers: Headers, name: str) -> str:
    """A cookie's value, or an empty string, also when the header is not a cookie header at all."""
    if name not in (raw := headers.get("cookie", "")):
        return ""
    try:
        morsel = SimpleCookie(raw).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
