"""A report as one HTML file: styles inside, nothing to fetch, nothing that runs. It opens from a disk, offline."""

from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from beyondloss import __version__
from beyondloss.assets import assets_path
from beyondloss.web.i18n import current_language
from beyondloss.web.render import make_environment
from beyondloss.web.report.pages import ReportPage
from beyondloss.web.static import StaticFiles

STYLES = ("tokens.css", "base.css", "verdicts.css", "report.css")


@dataclass(frozen=True, slots=True)
class Document:
    """What the file's own frame needs beside the page."""

    styles: Markup
    language: str
    version: str


def as_document(page: ReportPage, environment: Environment | None = None) -> str:
    """`environment` is the server's; the command line has none and makes one."""
    folder = assets_path("static")
    environment = environment or make_environment(StaticFiles(folder))
    styles = "\n".join((folder / "css" / name).read_text("utf-8") for name in STYLES)
    document = Document(Markup(styles), current_language().tag, __version__)  # noqa: S704 - our own style sheets
    return environment.get_template("report/document.html").render(page=page, document=document)
