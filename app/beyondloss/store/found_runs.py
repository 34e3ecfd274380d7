"""Bringing a run's rows to what a folder reader found. Says what changed, so that only that is asked for again."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session, col, select

from beyondloss.domain.runs import (
    BASE_STEP,
    CheckpointKind,
    CheckpointState,
    FoundCheckpoint,
    FoundRun,
    RememberedRun,
    RunState,
)
from beyondloss.domain.text import storable
from beyondloss.store import checkpoints, projects
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.runs import add_run, lock_run, runs_in_folder
from beyondloss.store.tables import Checkpoint, Run

Setting = str | int | float | bool | None

SAME_START_SECONDS = 1.0
"""Two logs whose first entries lie no further apart began together."""


def remembered_runs(session: Session) -> list[RememberedRun]:
    """The latest run of every folder, as it was last read there. Checkpoints that are gone are left out."""
    rows = session.exec(select(Run).where(Run.output_dir != "").order_by(col(Run.generation))).all()
    there: dict[int, list[Checkpoint]] = {}
    for row in session.exec(select(Checkpoint).where(Checkpoint.step > BASE_STEP)):
        if row.found_state != CheckpointState.GONE.value:
            there.setdefault(row.run_id, []).append(row)
    latest = {run.output_dir: run for run in rows}
    return [
        RememberedRun(_as_found(run, there.get(stored_id(run.id), [])), str(run.read_state.get("mark", "")))
        for run in latest.values()
    ]


def _as_found(run: Run, rows: Sequence[Checkpoint]) -> FoundRun:
    return FoundRun(
        name=run.name,
        output_dir=Path(run.output_dir),
        trainer=run.trainer,
        base_model=run.base_model,
        state=RunState(run.state),
        checkpoints=tuple(
            FoundCheckpoint(
                step=row.step,
                path=Path(row.path or run.output_dir),
                kind=CheckpointKind(row.kind),
                state=CheckpointState(row.found_state or row.state),
            )
            for row in rows
        ),
        points=(),
        first_log_key=run.first_log_key,
    )


@dataclass(frozen=True, slots=True)
class TakenCheckpoints:
    """`to_answer` holds ids of those that can answer and could not before, or have other weights now."""

    count: int
    new: int
    changed: bool
    to_answer: frozenset[int]


def ensure_found_run(session: Session, found: FoundRun, project_id: int) -> tuple[Run, bool]:
    """The stored run that this is, held, or a new one. A log once seen in this folder always leads to its own run."""
    known = runs_in_folder(session, str(found.output_dir))
    by_key = next((run for run in known if found.first_log_key and run.first_log_key == found.first_log_key), None)
    same = by_key or (known[0] if known and not is_rerun(known[0], found) else None)
    if same is not None:
        return lock_run(session, stored_id(same.id)), False
    run = add_run(
        session,
        project_id=project_id,
        name=storable(found.name),
        output_dir=str(found.output_dir),
        trainer=found.trainer,
        base_model=None,
        state=found.state.value,
    )
    return run, True


def is_rerun(run: Run, found: FoundRun) -> bool:
    """Whether the folder now holds another run than the one stored: trained again from the start.

    A resume goes on with the same log, so its beginning stays; a log known by nothing says nothing.
    """
    if run.first_log_key and found.first_log_key:
        return run.first_log_key != found.first_log_key
    if run.first_log_at is None or found.first_log_at is None:
        return False
    return found.first_log_at > run.first_log_at + SAME_START_SECONDS


def take_base(session: Session, run: Run, found: FoundRun, override: str | None) -> bool:
    """Whether the run's base is another now, or is found elsewhere.

    `override` names the base of a run that names none, and says where it is found for one that does. What a person
    named for a run whose folder names nothing stands.
    """
    named = found.base_model or run.base_model or override
    moved = False
    if override and found.base_model and override != found.base_model:
        before = projects.set_base_model_path(session, run.project_id, name=found.base_model, path=override)
        moved = before != override
        if moved and before is not None:
            checkpoints.forget_base(session, stored_id(run.id))
    return change_base(session, run, named) or moved


def change_base(session: Session, run: Run, base_model: str | None) -> bool:
    """Whether that changed it. Answers on another base stop being current."""
    if run.base_model == base_model:
        return False
    if run.base_model is not None:
        checkpoints.forget_base(session, stored_id(run.id))
    run.base_model = base_model
    session.flush()
    return True


def take_facts(run: Run, found: FoundRun) -> bool:
    """Everything about the run that is neither checkpoint nor point. Whether that changed it."""
    before = run.model_dump()
    if not found.log_only or run.trainer == found.trainer:
        run.trainer, run.state = found.trainer, found.state.value
        run.problems = [storable(problem) for problem in found.problems]
    run.template = storable(found.template) if found.template else run.template
    run.system_prompt = storable(found.system_prompt) if found.system_prompt else run.system_prompt
    run.config = (run.config if found.log_only else {}) | stored_settings(found.config) or run.config
    run.first_log_key = run.first_log_key or found.first_log_key
    if found.first_log_at is not None:
        run.first_log_at = min(found.first_log_at, run.first_log_at or found.first_log_at)
    return run.model_dump() != before


def take_checkpoints(session: Session, run: Run, found: FoundRun) -> TakenCheckpoints:
    """Weights that lay here when an earlier run of this folder was read are still that run's."""
    if found.log_only:
        return take_reported(session, run, ())
    run_id = stored_id(run.id)
    others = [row for row in runs_in_folder(session, run.output_dir) if row.id != run_id]
    foreign = checkpoints.stamps_of(session, [stored_id(row.id) for row in others]) if others else set()
    for other in others:
        _take_overwritten(session, other, found)
    # Step 0 is the base: weights saved before training are the base's own. The first of two folders of a step counts.
    mine = {
        one.step: one
        for one in reversed(found.checkpoints)
        if one.step > BASE_STEP and (str(one.path), one.stamp) not in foreign
    }
    taken = take_reported(session, run, list(mine.values()))
    gone = [
        row for row in checkpoints.checkpoints_of(session, run_id) if row.step not in mine and _lies_under(row, run)
    ]
    vanished = [checkpoints.take_gone(row) for row in gone]
    return replace(taken, changed=taken.changed or any(vanished))


def _take_overwritten(session: Session, other: Run, found: FoundRun) -> None:
    """What an earlier run of this folder had saved where there are other weights now, or none."""
    there = {(str(one.path), one.stamp) for one in found.checkpoints}
    rows = checkpoints.checkpoints_of(session, stored_id(other.id))
    lost = [row for row in rows if _lies_under(row, other) and (row.path, row.stamp) not in there]
    vanished = [checkpoints.take_gone(row) for row in lost]
    if any(vanished):
        session.flush()
        bump_run(session, stored_id(other.id))


def take_reported(session: Session, run: Run, found: Sequence[FoundCheckpoint]) -> TakenCheckpoints:
    """The same for some checkpoints of a run: nothing is said of the others."""
    rows = {row.step: row for row in checkpoints.checkpoints_of(session, stored_id(run.id)) if row.step > BASE_STEP}
    mine = {one.step: one for one in found}
    changed, to_answer = False, set()
    for step in sorted(mine):
        could = step in rows and _can_answer(rows[step])
        before = rows[step].stamp if step in rows else ""
        row = rows.get(step) or checkpoints.add_found(session, stored_id(run.id), mine[step])
        changed |= step not in rows or checkpoints.take_found(row, mine[step])
        if _can_answer(row) and (not could or row.stamp != before):
            to_answer.add(stored_id(row.id))
    session.flush()
    return TakenCheckpoints(
        count=len(mine.keys() | rows.keys()),
        new=len(mine.keys() - rows.keys()),
        changed=changed,
        to_answer=frozenset(to_answer),
    )


def stored_settings(config: Mapping[str, Setting]) -> dict[str, Setting]:
    """As JSON in either database can hold them."""
    return {storable(key): _setting(value) for key, value in config.items()}


def _can_answer(row: Checkpoint) -> bool:
    return row.state == CheckpointState.PRESENT.value


def _lies_under(row: Checkpoint, run: Run) -> bool:
    """What a training process on another machine told of lies elsewhere: its absence here means nothing."""
    return row.path is not None and (row.path == run.output_dir or row.path.startswith(f"{run.output_dir}/"))


def _setting(value: Setting) -> Setting:
    """As JSON can hold it: a number that is none becomes its name."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
