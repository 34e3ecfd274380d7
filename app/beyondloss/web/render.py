"""From a page dataclass to HTML: the whole page, or the one part that htmx asked for. Knows no feature.

Templates see `page` (a frozen dataclass), `visitor`, `frame` (language, address, version), `_()`, `ngettext()`,
`static()`, and nothing that could reach the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from beyondloss import __version__
from beyondloss.assets import assets_path
from beyondloss.web import filters
from beyondloss.web.i18n import LANGUAGES, Language, current_language, gettext, ngettext
from beyondloss.web.static import StaticFiles

VARY = "HX-Request, HX-Request-Type, HX-Target, Accept-Language, Cookie"


def make_environment(static: StaticFiles, *, cache_path: Path | None = None) -> Environment:
    """`cache_path` keeps compiled templates between starts."""
    environment = Environment(
        loader=FileSystemLoader(assets_path("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        bytecode_cache=FileSystemBytecodeCache(str(cache_path)) if cache_path else None,
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["static"] = static.url
    environment.filters.update(filters.FILTERS)
    return environment


def wants_part(request: Request) -> bool:
    """True when htmx will swap a part of the page; a boosted link or a restored history entry wants all of it."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-request-type", "partial") == "partial"


def asked_target(request: Request) -> str:
    """The id of the element that htmx will swap, or an empty string. htmx sends `tag#id`."""
    return request.headers.get("hx-target", "").rpartition("#")[2]


def render(
    request: Request,
    template: str,
    page: object,
    *,
    partial: str | Mapping[str, str] | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """`template` as a page; for an htmx request `partial` instead: one template, or one for each target id.

    A target id that `partial` does not name gets the whole page, from which htmx can `hx-select`.
    """
    chosen = template
    if partial is not None and wants_part(request):
        chosen = partial if isinstance(partial, str) else partial.get(asked_target(request), template)
    return HTMLResponse(
        render_text(request, chosen, page),
        status_code=status,
        headers={"Vary": VARY, "Cache-Control": "no-store", **(headers or {})},
    )


def render_text(request: Request, template: str, page: object) -> str:
    environment: Environment = request.app.state.templates
    visitor = getattr(request.state, "visitor", None)
    return environment.get_template(template).render(
        page=page,
        visitor=visitor,
        frame=_frame(request),
    )


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    language: Language
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What the layout around every page needs."""

    version: str
    language: Language
    languages: tuple[LanguageChoice, ...]
    path: str
    here: str
    section: str
    """First part of the path, for the mark in the navigation."""
    link_over: bool
    """This browser holds a share link that leads nowhere (any more)."""


def _frame(request: Request) -> Frame:
    path = request.url.path
    query = [(k, v) for k, v in parse_qsl(request.url.query, keep_blank_values=True) if k not in {"lang", "key"}]
    language = current_language()
    return Frame(
        version=__version__,
        language=language,
        languages=tuple(
            LanguageChoice(choice, f"?{urlencode([*query, ('lang', choice.tag)])}", choice is language)
            for choice in LANGUAGES
        ),
        path=path,
        here=f"{path}?{urlencode(query)}" if query else path,
        section=path.split("/")[1],
        link_over=getattr(request.state, "link_over", False),
    )
