"""Changing a project: every form posts here and is sent back to the page. The owner's alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from beyondloss.domain.probes import Family
from beyondloss.errors import BeyondLossError, InvalidInput
from beyondloss.ingest.probe_files import parse_probe_text
from beyondloss.ingest.probe_files.read import decode_probe_bytes
from beyondloss.services import projects, runs
from beyondloss.services.projects import DEFAULT_SET, ProjectView
from beyondloss.web.i18n import gettext as _
from beyondloss.web.projects.forms import ProbeForm, guess_format, turns_of, typed
from beyondloss.web.projects.pages import (
    Editing,
    Notice,
    ProjectPage,
    ProjectsPage,
    behaviour_in,
    find_project,
    probe_in,
    project_page,
    set_in,
    with_error,
)
from beyondloss.web.render import render
from beyondloss.web.visitors import visitor_of

LARGEST_ID = 2**63 - 1
MOST_IMPORT_BYTES = 16_000_000
Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Field = Annotated[str, Form()]

router = APIRouter()


def edited_project(request: Request, project: str) -> ProjectView:
    """The project in the address, for somebody who may change it."""
    visitor = visitor_of(request)
    visitor.require_owner()
    return find_project(request.app.state.store, visitor, project)


Edited = Annotated[ProjectView, Depends(edited_project)]


async def typed_probe(request: Request) -> ProbeForm:
    """The probe form's fields, lists included."""
    async with request.form(max_files=0, max_fields=1000) as form:

        def one(name: str) -> str:
            return typed(str(form.get(name, "")))

        def many(name: str) -> list[str]:
            return [typed(str(value)) for value in form.getlist(name)]

        return ProbeForm(
            probe_id=None,
            set_name=one("set_name") or DEFAULT_SET,
            key=one("key"),
            system=one("system"),
            prompt=one("prompt"),
            before=turns_of(many("role"), many("content")),
            family=one("family") or Family.UNSEEN.value,
            group=one("group"),
            behaviours=tuple(many("behaviours")),
            new_behaviours=one("new_behaviours"),
            good=one("good"),
            language=one("language"),
        )


TypedProbe = Annotated[ProbeForm, Depends(typed_probe)]


@router.post("/projects")
def make_project(request: Request, name: Field = "") -> Response:
    visitor_of(request).require_owner()
    store = request.app.state.store
    try:
        made = projects.ensure_project(store, typed(name))
    except InvalidInput as error:
        found = projects.list_projects(store, visitor_of(request))
        page = ProjectsPage(tuple(found), may_edit=True, name=name, error=f"{error.message} {error.hint}")
        return render(request, "projects/projects.html", page, status=error.status)
    return RedirectResponse(f"/projects/{made.id}", 303)


@router.post("/projects/{project}/probes")
def add_probe(request: Request, view: Edited, form: TypedProbe) -> Response:
    return _save_probe(request, view, form, probe_id=None)


@router.post("/projects/{project}/probes/{probe}")
def edit_probe(request: Request, view: Edited, form: TypedProbe, probe: Id) -> Response:
    return _save_probe(request, view, form, probe_id=probe)


def _save_probe(request: Request, view: ProjectView, form: ProbeForm, *, probe_id: int | None) -> Response:
    form = replace(form, probe_id=probe_id)

    def save() -> str:
        saved = projects.save_probe(request.app.state.store, view.id, form.set_name, form.spec(), probe_id=probe_id)
        return f"?saved={saved.id}#probe-{saved.id}"

    return _done_or_told(request, view, save, lambda e: Editing(probe=with_error(form, e.message, e.hint)))


@router.post("/projects/{project}/probes/{probe}/archive")
def archive_probe(request: Request, view: Edited, probe: Id) -> Response:
    projects.archive_probe(request.app.state.store, probe_in(view, probe).id)
    return _back(view, f"?archived={probe}")


@router.post("/projects/{project}/probes/{probe}/restore")
def restore_probe(request: Request, view: Edited, probe: Id) -> Response:
    projects.archive_probe(request.app.state.store, probe, archived=False)
    return _back(view, f"?saved={probe}#probe-{probe}")


@router.post("/projects/{project}/behaviours")
def add_behaviour(request: Request, view: Edited, name: Field = "", wanted: Field = "") -> Response:
    return _save_behaviour(request, view, typed(name), wanted=typed(wanted), behaviour_id=None)


@router.post("/projects/{project}/behaviours/{behaviour}")
def edit_behaviour(*, request: Request, view: Edited, behaviour: Id, name: Field = "", wanted: Field = "") -> Response:
    return _save_behaviour(request, view, typed(name), wanted=typed(wanted), behaviour_id=behaviour)


def _save_behaviour(
    request: Request, view: ProjectView, name: str, *, wanted: str, behaviour_id: int | None
) -> Response:
    def save() -> str:
        saved = projects.save_behaviour(
            request.app.state.store, view.id, name=name, wanted=wanted, behaviour_id=behaviour_id
        )
        return f"?saved_behaviour={saved.id}"

    return _done_or_told(request, view, save, lambda _error: Editing(behaviour_id=behaviour_id))


@router.post("/projects/{project}/behaviours/{behaviour}/archive")
def archive_behaviour(request: Request, view: Edited, behaviour: Id) -> Response:
    projects.archive_behaviour(request.app.state.store, behaviour_in(view, behaviour).id)
    return _back(view, f"?archived_behaviour={behaviour}")


@router.post("/projects/{project}/behaviours/{behaviour}/restore")
def restore_behaviour(request: Request, view: Edited, behaviour: Id) -> Response:
    projects.archive_behaviour(request.app.state.store, behaviour, archived=False)
    return _back(view)


@router.post("/projects/{project}/sets/{probe_set}/active")
def set_active(request: Request, view: Edited, probe_set: Id, active: Annotated[bool, Form()]) -> Response:
    projects.set_active(request.app.state.store, set_in(view, probe_set).id, active=active)
    return _back(view)


@router.post("/projects/{project}/starter")
def add_starter(request: Request, view: Edited) -> Response:
    added = projects.add_starter_probes(request.app.state.store, view.name)
    return _back(view, f"?added={added.added}&revised={added.revised}&unchanged={added.unchanged}")


@router.post("/projects/{project}/base-models")
def map_base_model(request: Request, view: Edited, name: Field = "", path: Field = "") -> Response:
    def save() -> str:
        if not name.strip() or not path.strip():
            raise InvalidInput(_("Give both a name and a folder."), hint=_("The name is the one the adapters ask for."))
        runs.map_base_model(request.app.state.store, view.id, name=typed(name).strip(), path=typed(path).strip())
        return "#base-models"

    return _done_or_told(request, view, save, lambda _error: Editing())


@router.post("/projects/{project}/import")
def import_probes(
    *, request: Request, view: Edited, file: UploadFile | None = None, text: Field = "", set_name: Field = DEFAULT_SET
) -> Response:
    def save() -> str:
        content, name = _imported(file, text)
        parsed = parse_probe_text(content, guess_format(content, name))
        set_ = typed(set_name).strip() or DEFAULT_SET
        added = projects.add_probes(request.app.state.store, view.name, parsed, set_name=set_)
        return "?" + urlencode({"added": added.added, "revised": added.revised, "unchanged": added.unchanged})

    return _done_or_told(request, view, save, lambda _error: Editing(importing=True, text=text))


def _imported(file: UploadFile | None, text: str) -> tuple[str, str]:
    """The text to read and the name of its file, if it came as one."""
    if file is not None and file.filename:
        return decode_probe_bytes(file.file.read(MOST_IMPORT_BYTES)), file.filename
    if not text.strip():
        raise InvalidInput(_("There is nothing to import."), hint=_("Choose a file, or paste its text."))
    return text, ""


def _done_or_told(
    request: Request, view: ProjectView, save: Callable[[], str], open_form: Callable[[BeyondLossError], Editing]
) -> Response:
    """Back to the page; or the page with what was typed, and what is wrong with it."""
    try:
        return _back(view, save())
    except BeyondLossError as error:
        editing = open_form(error)
        notice = None if editing.probe else Notice("problem", error.message, error.hint)
        page = project_page(request.app.state.store, visitor_of(request), str(view.id), editing=editing, notice=notice)
        return render_project(request, page, status=error.status)


def render_project(request: Request, page: ProjectPage, *, status: int = 200) -> Response:
    return render(request, "projects/project.html", page, partial="projects/_project.html", status=status)


def _back(view: ProjectView, where: str = "") -> Response:
    return RedirectResponse(f"/projects/{view.id}{where}", 303)
