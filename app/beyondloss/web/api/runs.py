"""Runs and their checkpoints, and what a training process says about itself."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from beyondloss.domain.access import Visitor
from beyondloss.domain.alarms import Severity
from beyondloss.domain.runs import CheckpointKind, CheckpointState, RunState
from beyondloss.domain.templates import TemplateDoubt, TemplateSource, TrainedWith
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
from beyondloss.web.run.settings import shown_config
from beyondloss.web.template_words import doubt_advice, doubt_sentence, is_warning

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


class DoubtOut(Out):
    """Something unlike between how training wrote its conversations and how probes are written."""

    kind: TemplateDoubt
    severity: Severity = Field(description="`warn` where answers are to prompts that training never saw, else `info`.")
    message: str


class TrainedWithOut(Out):
    template: str | None = Field(description="The trainer's name for its chat template, where it has such names.")
    system_prompt: str | None = Field(description="What training told the model, where the trainer writes it down.")
    source: TemplateSource = Field(description="Whose tokenizer writes the probes.")
    doubts: list[DoubtOut]


class ChosenOut(Out):
    """The checkpoint that the owner means to use; step 0 is the base."""

    step: int
    note: str
    chosen_at: float = Field(description="POSIX seconds.")


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
    trained_with: TrainedWithOut
    problems: list[str]
    ratings: int
    raters: int
    chosen: ChosenOut | None
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
    facts = {name: getattr(view, name) for name in RunOut.model_fields if name != "trained_with"}
    shown = RunOut.model_validate(facts | {"trained_with": _trained_with(view.trained_with)}, from_attributes=True)
    if visitor.is_owner:
        return shown
    hidden = {
        "output_dir": None,
        "base_path": None,
        "checkpoints": [checkpoint_out(c, hidden=True) for c in view.checkpoints],
        "config": shown_config(view.config, own=False),
        "problems": [],
    }
    return shown.model_copy(update=hidden)


def _trained_with(trained: TrainedWith) -> TrainedWithOut:
    doubts = [
        DoubtOut(
            kind=doubt,
            severity=Severity.WARN if is_warning(doubt) else Severity.INFO,
            message=f"{doubt_sentence(doubt, trained)} {doubt_advice(doubt)}",
        )
        for doubt in trained.doubts
    ]
    return TrainedWithOut(
        template=trained.template, system_prompt=trained.system_prompt, source=trained.source, doubts=doubts
    )


def checkpoint_out(view: CheckpointView, *, hidden: bool = False) -> CheckpointOut:
    shown = CheckpointOut.model_validate(view)
    return shown.model_copy(update={"path": None}) if hidden else shown
