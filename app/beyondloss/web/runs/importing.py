"""Importing a folder that a person typed on the first page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beyondloss.domain.text import storable
from beyondloss.errors import BeyondLossError, InvalidInput
from beyondloss.services.projects import DEFAULT_PROJECT
from beyondloss.web.i18n import gettext as _
from beyondloss.web.runs.pages import ImportForm, runs_page
from beyondloss.web.runs.routes import render_list
from beyondloss.web.visitors import visitor_of

if TYPE_CHECKING:
    from beyondloss.services.importing import ImportReport

router = APIRouter()


@router.post("/import")
def import_folder(
    request: Request,
    folder: Annotated[str, Form()] = "",
    project: Annotated[str, Form()] = DEFAULT_PROJECT,
    base: Annotated[str, Form()] = "",
) -> Response:
    """Read every run under a folder of this machine, and follow the folder from now on."""
    visitor, store = visitor_of(request), request.app.state.store
    visitor.require_owner()
    typed = ImportForm(folder=storable(folder), project=storable(project), base=storable(base), is_open=True)
    try:
        report = _import(request, typed)
    except BeyondLossError as error:
        told = ImportForm(typed.folder, typed.project, typed.base, error.message, error.hint, is_open=True)
        return render_list(request, runs_page(store, visitor, form=told), status=error.status)
    done = ImportForm("", typed.project, "", report=report, is_open=not report.imported)
    return render_list(request, runs_page(store, visitor, form=done))


def _import(request: Request, form: ImportForm) -> "ImportReport":
    from beyondloss.services import importing  # the readers of run folders are not needed to list runs

    settings = request.app.state.settings
    folder = _folder(form.folder)
    report = importing.import_folders(
        request.app.state.store,
        [folder],
        project=form.project.strip() or DEFAULT_PROJECT,
        kept_dir=settings.kept_dir,
        base=form.base.strip() or None,
    )
    request.app.state.watch(folder)
    return report


def _folder(typed: str) -> Path:
    """Raises InvalidInput for what is no folder of this machine."""
    text = typed.strip().strip("\"'")
    if not text:
        raise InvalidInput(_("Type the folder to import."), hint=_("It is the one your trainer writes into."))
    try:
        folder = Path(text).expanduser().absolute()
        if folder.is_dir():
            return folder
    except (OSError, RuntimeError, ValueError):
        pass  # too long, no such home, or forbidden: all the same to the person
    raise InvalidInput(
        _("There is no folder %(folder)s on this machine.") % {"folder": text[:300]},
        hint=_("Check the path; it is the machine that BeyondLoss runs on that counts."),
    )
