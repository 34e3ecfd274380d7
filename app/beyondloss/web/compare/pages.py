"""What `/compare` offers: every answered checkpoint of the runs that a visitor sees, by project and run."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.services.runs import RunView, list_run_views
from beyondloss.store.engine import Store
from beyondloss.web.i18n import gettext as _

MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class RunChoice:
    """One run's answered checkpoints, newest first; 0 is the base."""

    name: str
    project: str
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ComparePage:
    """`this` and `other` are RUN@STEP as chosen so far; `problem` says why they cannot be compared."""

    runs: tuple[RunChoice, ...]
    this: str
    other: str
    problem: str

    @property
    def is_ready(self) -> bool:
        return bool(self.this and self.other and not self.problem)


def build_page(store: Store, visitor: Visitor, *, this: str, other: str) -> ComparePage:
    views = list_run_views(store, visitor, limit=MOST_RUNS).runs
    runs = tuple(choice for choice in map(_choice, views) if choice.steps)
    return ComparePage(runs=runs, this=this, other=other, problem=_problem(runs, this, other))


def _choice(run: RunView) -> RunChoice:
    steps = (checkpoint.step for checkpoint in reversed(run.checkpoints) if checkpoint.answers_done)
    return RunChoice(name=run.name, project=run.project, steps=tuple(steps))


def _problem(runs: Sequence[RunChoice], this: str, other: str) -> str:
    projects = {f"{run.name}@{step}": run.project for run in runs for step in run.steps}
    unknown = next((one for one in (this, other) if one and one not in projects), "")
    if unknown:
        return _("There are no answers of %(checkpoint)s.") % {"checkpoint": unknown[:200]}
    if this and other and projects[this] != projects[other]:
        return _("These runs belong to different projects, which ask different probes.")
    if this and this == other:
        return _("That is the same checkpoint twice.")
    return ""
