"""Runs with their checkpoints and curves, and what a folder reader would have found."""

from collections.abc import Sequence
from pathlib import Path

from sqlmodel import select

from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import CheckpointKind, CheckpointState, FoundCheckpoint, FoundRun, RunState
from beyondloss.services.metrics import append_points
from beyondloss.store.engine import Store
from beyondloss.store.tables import Checkpoint, Project, Run
from tests.factories.projects import a_project
from tests.factories.rows import NOW, numbered, stored

BASE_FINGERPRINT = "base" + "0" * 60


def a_run(
    store: Store,
    project: Project | None = None,
    *,
    steps: Sequence[int] = (10, 20),
    name: str | None = None,
    state: str = "finished",
    base_model: str | None = "acme/base-1b",
    **fields: object,
) -> Run:
    """A run with its base checkpoint (step 0) and a present adapter at each of `steps`."""
    project = project or a_project(store)
    name = name or numbered("run")
    defaults: dict[str, object] = {"output_dir": f"/runs/{name}", "trainer": "transformers", "first_log_at": NOW}
    moments: dict[str, object] = {"first_seen": NOW, "changed_at": NOW}
    run = Run(project_id=project.id, name=name, state=state, base_model=base_model, **(defaults | moments | fields))
    stored(store, run)
    a_checkpoint(store, run, step=0)
    for step in steps:
        a_checkpoint(store, run, step=step)
    return run


def a_checkpoint(
    store: Store, run: Run, *, step: int = 10, state: str = "present", fingerprint: str | None = None, **fields: object
) -> Checkpoint:
    """At step 0 it is the base. The fingerprint is one of its own, as after an engine read the weights."""
    base = step == 0
    own = BASE_FINGERPRINT if base else f"{run.id:08x}{step:056x}"
    defaults: dict[str, object] = {
        "path": None if base else f"{run.output_dir}/checkpoint-{step}",
        "kind": "base" if base else "adapter",
        "stamp": "" if base else f"stamp of {step}",
        "first_seen": NOW + step,
    }
    return stored(
        store,
        Checkpoint(
            run_id=run.id,
            step=step,
            state=state,
            fingerprint=own if fingerprint is None else fingerprint,
            **(defaults | fields),
        ),
    )


def checkpoints_of(store: Store, run: Run) -> list[Checkpoint]:
    """By rising step, the base first."""
    with store.read() as session:
        rows = list(session.exec(select(Checkpoint).where(Checkpoint.run_id == run.id).order_by(Checkpoint.step)))
        session.expunge_all()
    return rows


def points(store: Store, run: Run, *, first_step: int = 1, **series: Sequence[float]) -> None:
    """`points(store, run, loss=[2.0, 1.5])` appends each series at steps `first_step`, `first_step` + 1, …"""
    append_points(
        store,
        run.id,
        [MetricPoint(name, first_step + i, v) for name, values in series.items() for i, v in enumerate(values)],
    )


def a_found_checkpoint(
    step: int = 10,
    *,
    folder: Path = Path("/runs/found"),
    kind: CheckpointKind = CheckpointKind.ADAPTER,
    state: CheckpointState = CheckpointState.PRESENT,
    stamp: str = "as saved",
    **fields: object,
) -> FoundCheckpoint:
    return FoundCheckpoint(step=step, path=folder / f"checkpoint-{step}", kind=kind, state=state, stamp=stamp, **fields)


def a_found_run(
    *,
    name: str = "found",
    folder: Path = Path("/runs/found"),
    steps: Sequence[int] = (10, 20),
    losses: Sequence[float] = (),
    first_step: int = 1,
    **fields: object,
) -> FoundRun:
    """What a reader found: an adapter at each of `steps`, and `losses` logged at `first_step`, `first_step` + 1, …"""
    defaults: dict[str, object] = {
        "trainer": "transformers",
        "base_model": "acme/base-1b",
        "state": RunState.FINISHED,
        "checkpoints": tuple(a_found_checkpoint(step, folder=folder) for step in steps),
        "points": tuple(MetricPoint("loss", first_step + i, value) for i, value in enumerate(losses)),
        "first_log_at": NOW,
    }
    return FoundRun(name=name, output_dir=folder, **(defaults | fields))
