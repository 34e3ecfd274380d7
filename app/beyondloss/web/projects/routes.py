"""Looking at a project: its behaviours, probe sets, revisions, exports. Edits are in `edits`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.ingest.probe_files import FORMATS, dump_probe_file
from beyondloss.services import projects
from beyondloss.web.i18n import gettext as _
from beyondloss.web.projects import edits
from beyondloss.web.projects.pages import (
    Notice,
    ProjectsPage,
    find_project,
    opened,
    project_page,
    revisions_page,
)
from beyondloss.web.render import render
from beyondloss.web.visitors import visitor_of

LARGEST_ID = 2**63 - 1
OptionalId = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]
_TYPES = {"yaml": "application/yaml", "json": "application/json", "jsonl": "application/jsonl", "csv": "text/csv"}

router = APIRouter()


@router.get("/projects")
def list_projects(request: Request) -> Response:
    """All projects; with just one there is nothing to choose, so its page."""
    visitor = visitor_of(request)
    found = projects.list_projects(request.app.state.store, visitor)
    if len(found) == 1 and "all" not in request.query_params:
        return RedirectResponse(f"/projects/{found[0].id}", 302)
    return render(request, "projects/projects.html", ProjectsPage(tuple(found), may_edit=visitor.is_owner))


@router.get("/projects/{project}")
def show_project(  # noqa: PLR0917 - one parameter per part of the address
    request: Request,
    project: str,
    edit: OptionalId = None,
    add: str | None = None,
    behaviour: OptionalId = None,
    import_: Annotated[bool, Query(alias="import")] = False,
) -> Response:
    visitor, store = visitor_of(request), request.app.state.store
    view = find_project(store, visitor, project)
    asked = opened(view, edit=edit, add=add, behaviour=behaviour, importing=import_) if visitor.is_owner else None
    page = project_page(store, visitor, project, editing=asked, notice=_notice(request))
    return edits.render_project(request, page)


@router.get("/projects/{project}/probes/{probe}")
def show_revisions(request: Request, project: str, probe: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Response:
    page = revisions_page(request.app.state.store, visitor_of(request), project, probe)
    return render(request, "projects/revisions.html", page)


@router.get("/projects/{project}/export")
def export(
    request: Request,
    project: str,
    format_name: Annotated[str, Query(alias="format", pattern="|".join(FORMATS))] = "yaml",
    set_name: Annotated[str | None, Query(alias="set", max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Response:
    """The probes as a file that the import reads back."""
    store = request.app.state.store
    view = find_project(store, visitor_of(request), project)
    text = dump_probe_file(projects.export_probes(store, view.id, set_name=set_name), format_name)
    headers = {"Content-Disposition": f'attachment; filename="probes-{view.id}.{format_name}"'}
    return Response(text, media_type=f"{_TYPES[format_name]}; charset=utf-8", headers=headers)


def _notice(request: Request) -> Notice | None:
    """What the redirect after an edit said was done."""
    query = request.query_params
    numbers = {
        name: int(value) for name, value in query.items() if value.isascii() and value.isdigit() and len(value) < 20
    }
    if (probe := numbers.get("archived")) is not None:
        return Notice("archived", _("The probe is archived. Its answers and ratings stay."), undo=f"probes/{probe}")
    if (behaviour := numbers.get("archived_behaviour")) is not None:
        text = _("The behaviour is archived. Its ratings stay.")
        return Notice("archived", text, undo=f"behaviours/{behaviour}")
    if "added" in numbers:
        return Notice(
            "imported",
            added=numbers["added"],
            revised=numbers.get("revised", 0),
            unchanged=numbers.get("unchanged", 0),
        )
    return None


router.include_router(edits.router)
