"""What the project pages show, and how it is put together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from beyondloss.analysis.diff import Op, word_diff
from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Family
from beyondloss.errors import NotFound
from beyondloss.services import projects
from beyondloss.services.projects import BehaviourView, ProbeSetView, ProbeView, ProjectView
from beyondloss.store.engine import Store
from beyondloss.web.projects.forms import ProbeForm, empty_form, form_of

FAMILIES = tuple(family.value for family in Family)


@dataclass(frozen=True, slots=True)
class ProjectsPage:
    """`error` is said beside the form that makes a project."""

    projects: tuple[ProjectView, ...]
    may_edit: bool
    name: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What was just done, and the address that takes it back."""

    kind: str
    """`archived_probe`, `archived_behaviour`, `imported`, `mapped`, `problem`."""
    text: str = ""
    hint: str = ""
    undo: str = ""
    added: int = 0
    revised: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Editing:
    """Which one form is open, if any: the address says so."""

    probe: ProbeForm | None = None
    behaviour_id: int | None = None
    importing: bool = False
    text: str = ""
    """What was pasted, kept when it could not be read."""


@dataclass(frozen=True, slots=True)
class ProjectPage:
    project: ProjectView
    others: tuple[str, ...]
    may_edit: bool
    editing: Editing
    notice: Notice | None
    unmapped: tuple[str, ...]
    """Base models that runs name and nothing maps yet."""
    families: tuple[str, ...] = FAMILIES

    @property
    def address(self) -> str:
        return f"/projects/{self.project.id}"

    @property
    def probes(self) -> int:
        return sum(len(each.probes) for each in self.project.sets)

    @property
    def groups(self) -> list[str]:
        return sorted({probe.group for each in self.project.sets for probe in each.probes if probe.group})


@dataclass(frozen=True, slots=True)
class Revision:
    """One wording, with its difference from the one before it (empty for the first)."""

    probe: ProbeView
    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class RevisionsPage:
    project: ProjectView
    probe: ProbeView
    revisions: tuple[Revision, ...]


def project_page(
    store: Store, visitor: Visitor, reference: str, *, editing: Editing | None = None, notice: Notice | None = None
) -> ProjectPage:
    view = find_project(store, visitor, reference)
    return ProjectPage(
        project=view,
        others=tuple(other.name for other in projects.list_projects(store, visitor) if other.id != view.id),
        may_edit=visitor.is_owner,
        editing=editing or Editing(),
        notice=notice,
        unmapped=tuple(projects.unmapped_base_models(store, view)) if visitor.is_owner else (),
    )


def find_project(store: Store, visitor: Visitor, reference: str) -> ProjectView:
    if "\x00" in reference:
        raise NotFound("There is no such project.", hint="Check the address.")
    return projects.find_project(store, reference, visitor)


def opened(view: ProjectView, *, edit: int | None, add: str | None, behaviour: int | None, importing: bool) -> Editing:
    """The form that the address opens. Raises NotFound for a probe or behaviour that is not there (any more)."""
    if edit is not None:
        return Editing(probe=form_of(probe_in(view, edit)))
    if add is not None:
        return Editing(probe=empty_form(add or (view.sets[0].name if view.sets else projects.DEFAULT_SET)))
    if behaviour is not None:
        return Editing(behaviour_id=behaviour_in(view, behaviour).id)
    return Editing(importing=importing)


def with_error(form: ProbeForm, message: str, hint: str) -> ProbeForm:
    return replace(form, error=message, hint=hint)


def probe_in(view: ProjectView, probe_id: int) -> ProbeView:
    for each in view.sets:
        for probe in each.probes:
            if probe.id == probe_id:
                return probe
    raise NotFound("There is no such probe in this project (any more).", hint="Go back to the project's page.")


def behaviour_in(view: ProjectView, behaviour_id: int) -> BehaviourView:
    for behaviour in view.behaviours:
        if behaviour.id == behaviour_id:
            return behaviour
    raise NotFound("There is no such behaviour in this project (any more).", hint="Go back to the project's page.")


def set_in(view: ProjectView, set_id: int) -> ProbeSetView:
    for each in view.sets:
        if each.id == set_id:
            return each
    raise NotFound("There is no such probe set in this project.", hint="Go back to the project's page.")


def revisions_page(store: Store, visitor: Visitor, reference: str, probe_id: int) -> RevisionsPage:
    """Raises NotFound for a probe of another project: its id alone opens nothing."""
    view = find_project(store, visitor, reference)
    newest_first = projects.probe_revisions(store, probe_id)
    probe_in(view, newest_first[0].id)
    return RevisionsPage(project=view, probe=newest_first[0], revisions=tuple(_with_differences(newest_first)))


def _with_differences(newest_first: Sequence[ProbeView]) -> list[Revision]:
    before: list[ProbeView | None] = [*newest_first[1:], None]
    return [
        Revision(probe, word_diff(wording(older), wording(probe)) if older else ())
        for probe, older in zip(newest_first, before, strict=True)
    ]


def wording(probe: ProbeView) -> str:
    """The conversation as one text: a single question bare, several turns with who says them."""
    if len(probe.messages) == 1:
        return probe.prompt
    return "\n".join(f"{message.role}: {message.content}" for message in probe.messages)
