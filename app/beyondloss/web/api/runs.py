"""Runs and their checkpoints, and what a training process says about itself."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import CheckpointKind, CheckpointState, RunState
from beyondloss.services import runs
from beyondloss.services.projects import DEFAULT_PROJECT
from beyondloss.services.runs import CheckpointView, ReportedCheckpoint, RunView
from beyondloss.web.api.shapes import (
    After,
    Asking,
    In,
    Items,
    Limit,
    Name,
    Number,
    Out,
    OwnerAsking,
    Step,
    Text,
    TheRun,
    TheStore,
    find_run,
    problems,
)

router = APIRouter(tags=["runs"])


class CheckpointOut(Out):
    """One saved step. Step 0 is the base: the model before training."""

    id: int
    step: int
    epoch: Number
    kind: CheckpointKind
    state: CheckpointState
    reason: str = Field(description="Why it is not `present`, in a sentence.")
    adapter_check: str = Field(description="`on`, `no effect`, or empty: whether the adapter changes the logits.")
    path: str | None = Field(description="Its folder. Null for the base, and for a share link's guest.")
    answers_done: int
    answers_total: int


class RunOut(Out):
    """One run with its checkpoints, by rising step."""

    id: int
    name: str
    project: str
    project_id: int
    trainer: str
    base_model: str | None
    base_path: str | None = Field(description="Where the base model is found on this machine, if it is.")
    state: RunState
    output_dir: str | None = Field(description="The trainer's folder. Null for a share link's guest.")
    first_seen: float = Field(description="POSIX seconds.")
    changed_at: float
    revision: int = Field(description="Rises with every change that a page of this run would show.")
    config: dict[str, str | int | float | bool | None]
    problems: list[str]
    ratings: int
    raters: int
    checkpoints: list[CheckpointOut]


class RunIn(In):
    """What a training process says first. The same name again updates the same run."""

    name: Annotated[Name, Field(pattern=r"^[^/\\\x00-\x1f]+$", examples=["support-v3"])]
    project: Name = DEFAULT_PROJECT
    base_model: Name | None = None
    trainer: Name = "callback"
    output_dir: Annotated[str | None, Field(max_length=4096)] = None
    config: Annotated[dict[Name, Text | int | float | bool | None], Field(max_length=1000)] = Field(default={})
    state: Annotated[RunState | None, Field(description="`finished` when training has ended.")] = None


class CheckpointIn(In):
    step: Annotated[Step, Field(ge=1, examples=[120])]
    path: Annotated[Name, Field(max_length=4096, examples=["/data/saves/support-v3/checkpoint-120"])]
    epoch: Annotated[float | None, Field(allow_inf_nan=False)] = None


class CheckpointsIn(In):
    checkpoints: Annotated[list[CheckpointIn], Field(min_length=1, max_length=1000)]


@router.get("/runs")
def list_runs(
    *,
    store: TheStore,
    visitor: Asking,
    after: After,
    limit: Limit = 100,
    project: Annotated[Name | None, Query(description="Only runs of this project.")] = None,
) -> Items[RunOut]:
    """Runs, newest first."""
    page = runs.list_run_views(store, visitor, project=project, after=after or None, limit=limit)
    items = [run_out(view, visitor) for view in page.runs]
    return Items(items=items, next=None if page.next is None else str(page.next))


@router.get("/runs/{run}", responses=problems(404))
def get_run(run: TheRun, visitor: Asking) -> RunOut:
    """One run, by id or name."""
    return run_out(run, visitor)


@router.post("/runs", responses=problems(403, 422))
def post_run(store: TheStore, visitor: OwnerAsking, body: RunIn) -> RunOut:
    """Make a run, or update the one of this name. Idempotent."""
    view = runs.register_run(
        store,
        name=body.name,
        project=body.project,
        base_model=body.base_model,
        trainer=body.trainer,
        output_dir=body.output_dir,
        config=dict(body.config),
    )
    if body.state is not None:
        runs.set_run_state(store, view.id, body.state)
    return run_out(find_run(store, str(view.id), visitor), visitor)


@router.post("/runs/{run}/checkpoints", responses=problems(403, 404, 422))
def post_checkpoints(store: TheStore, visitor: OwnerAsking, run: TheRun, body: CheckpointsIn) -> RunOut:
    """Tell of saved checkpoints: their folders are read as the watcher would. Idempotent by step."""
    reported = [ReportedCheckpoint(step=c.step, path=c.path, epoch=c.epoch) for c in body.checkpoints]
    return run_out(runs.register_checkpoints(store, run.id, reported), visitor)


def run_out(view: RunView, visitor: Visitor) -> RunOut:
    """A guest learns nothing about this machine's folders."""
    shown = RunOut.model_validate(view)
    if visitor.is_owner:
        return shown
    checkpoints = [checkpoint_out(c, hidden=True) for c in view.checkpoints]
    return shown.model_copy(update={"output_dir": None, "base_path": None, "checkpoints": checkpoints, "problems": []})


def checkpoint_out(view: CheckpointView, *, hidden: bool = False) -> CheckpointOut:
    shown = CheckpointOut.model_validate(view)
    return shown.model_copy(update={"path": None}) if hidden else shown
