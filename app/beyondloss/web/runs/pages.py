"""What the list of runs shows, and how it is put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beyondloss.domain.access import Visitor
from beyondloss.services import projects, runs
from beyondloss.services.projects import DEFAULT_PROJECT
from beyondloss.services.runs import RunSummary
from beyondloss.store.engine import Store
from beyondloss.web.i18n import gettext as _
from beyondloss.web.runs.sparkline import Sparkline, draw_sparkline

if TYPE_CHECKING:
    from beyondloss.services.importing import ImportReport
    from beyondloss.services.verdicts import BehaviourVerdict

MOST_CHIPS = 6
SHOWN = 100
"""Rows before "show all": a page of them is what anybody reads."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One verdict: its shape, its behaviour, and the whole of it for whoever points at it or hears it."""

    verdict: str
    shape: str
    name: str
    told: str


@dataclass(frozen=True, slots=True)
class RunRow:
    run: RunSummary
    sparkline: Sparkline
    chips: tuple[Chip, ...] = ()
    """Verdicts of the newest rated checkpoint against the base."""

    @property
    def answered_percent(self) -> int:
        return 100 * self.run.answers_done // self.run.answers_total if self.run.answers_total else 0


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The runs of one project, newest first."""

    project_id: int
    project: str
    rows: tuple[RunRow, ...]


@dataclass(frozen=True, slots=True)
class ImportForm:
    """What was typed, and what came of it."""

    folder: str = ""
    project: str = DEFAULT_PROJECT
    base: str = ""
    error: str = ""
    hint: str = ""
    report: "ImportReport | None" = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class RunsPage:
    groups: tuple[RunGroup, ...]
    total: int
    hidden: int
    """Runs beyond the first `SHOWN`."""
    revision: int
    projects: tuple[str, ...]
    form: ImportForm
    may_edit: bool


def runs_page(store: Store, visitor: Visitor, *, form: ImportForm | None = None, show_all: bool = False) -> RunsPage:
    # The revision is read first: what changes in between shows at the next look instead of never.
    revision = runs.runs_revision(store, visitor)
    found = runs.list_runs(store, visitor)
    shown = found if show_all else found[:SHOWN]
    return RunsPage(
        groups=_groups(shown, _chips(store, visitor, shown)),
        total=len(found),
        hidden=len(found) - len(shown),
        revision=revision,
        projects=tuple(dict.fromkeys(run.project for run in found)) or _projects(store, visitor),
        form=form or ImportForm(),
        may_edit=visitor.is_owner,
    )


def _chips(store: Store, visitor: Visitor, shown: Sequence[RunSummary]) -> dict[int, tuple[Chip, ...]]:
    rated = {run.id: run.revision for run in shown if run.ratings}
    if not rated:
        return {}
    from beyondloss.services import verdicts  # numbers are not needed to list runs that nobody rated
    from beyondloss.web.sentence import SHAPES, signed, subject_name, verdict_label

    def chip(one: "BehaviourVerdict", step: int) -> Chip:
        value = "" if one.net_win is None else f" {signed(one.net_win)}"
        told = _("step %(step)s: %(verdict)s") % {"step": step, "verdict": verdict_label(one) + value}
        return Chip(one.verdict, SHAPES[one.verdict], subject_name(one), told)

    return {
        run_id: tuple(chip(one, found.step) for one in found.behaviours[:MOST_CHIPS])
        for run_id, found in verdicts.newest_verdicts(store, visitor, rated).items()
    }


def _projects(store: Store, visitor: Visitor) -> tuple[str, ...]:
    return tuple(project.name for project in projects.list_projects(store, visitor))


def _groups(found: Sequence[RunSummary], chips: Mapping[int, tuple[Chip, ...]]) -> tuple[RunGroup, ...]:
    """By project; the project with the newest run first."""
    by_project: dict[int, list[RunRow]] = {}
    for run in found:
        row = RunRow(run, draw_sparkline(run.sparkline), chips.get(run.id, ()))
        by_project.setdefault(run.project_id, []).append(row)
    return tuple(RunGroup(key, rows[0].run.project, tuple(rows)) for key, rows in by_project.items())
