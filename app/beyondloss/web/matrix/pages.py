"""What the matrix shows, as one frozen value: few bytes for each of thousands of cells. Knows no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Family
from beyondloss.domain.runs import BASE_STEP, RunState
from beyondloss.services import matrix, steering
from beyondloss.services.matrix import CellState, Matrix, MatrixCell, MatrixColumn
from beyondloss.services.projects import BehaviourView, ProbeView
from beyondloss.services.runs import RunView
from beyondloss.store.engine import Store
from beyondloss.web.matrix.words import Mark, moved_level, moved_text, rating_mark, signal_mark
from beyondloss.web.run.checkpoints import Choice, default_step
from beyondloss.web.run.pages import body_hash, run_path
from beyondloss.web.run.query import BASE, PREVIOUS, RunQuery

_MOST_PROMPT_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class ShownCell:
    """`look`: q0 to q4 by how far the answer moved, `alone`, or `missing`. `moved` is what differs in per cent."""

    step: int
    look: str
    moved: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class ShownColumn:
    step: int
    href: str
    changed: int
    compared: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class ShownRow:
    probe_id: int
    prompt: str
    language: str
    family: Family
    group: str
    href: str
    cells: tuple[ShownCell, ...]


@dataclass(frozen=True, slots=True)
class MatrixFilters:
    """`steady` is what else the form's address keeps."""

    behaviours: tuple[tuple[BehaviourView, bool], ...]
    families: tuple[tuple[Family, bool], ...]
    cleared: str
    steady: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MatrixPage:
    """A cell's address is `cell_start`, its step, `&probe=`, its row's probe, and `cell_end`.

    `against` is base, previous, or a step number; `newest` the newest answered step, 0 without one; `rate` is empty
    where there is nothing to rate.
    """

    name: str
    path: str
    here: str
    state: RunState
    revision: int
    seen: str
    newest: int
    rate: str
    against: str
    references: tuple[Choice, ...]
    filters: MatrixFilters
    columns: tuple[ShownColumn, ...]
    rows: tuple[ShownRow, ...]
    asked: int
    cell_start: str
    cell_end: str
    signals: tuple[Mark, ...]
    """One of each kind that occurs, for the legend."""
    rated: bool
    answered: bool


def load_page(store: Store, visitor: Visitor, run: RunView, query: RunQuery) -> MatrixPage:
    found = matrix.matrix_of(
        store,
        run.id,
        visitor,
        against=query.against,
        behaviour=query.behaviour,
        family=query.family,
        sampling=query.sampling or None,
    )
    seen = body_hash(run, steering.steering_of(store, visitor, run.id, run.state))
    return build_page(run, found, query, seen=seen, may_rate=visitor.may_rate)


def build_page(run: RunView, found: Matrix, query: RunQuery, *, seen: str, may_rate: bool) -> MatrixPage:
    state = RunQuery(against=query.against, behaviour=query.behaviour, family=query.family, sampling=query.sampling)
    path = f"{run_path(run.id)}/matrix"
    kept = RunQuery(against=query.against, sampling=query.sampling)
    end = kept.query_string()
    rows = tuple(_row(run, row.probe, row.cells, found.columns) for row in found.rows)
    cells = [cell for row in found.rows for cell in row.cells]
    newest = default_step(run.checkpoints)
    return MatrixPage(
        name=run.name,
        path=run_path(run.id),
        here=state.href(path),
        state=run.state,
        revision=run.revision,
        seen=seen,
        newest=newest,
        rate=RunQuery(step=newest, sampling=query.sampling).href(f"{run_path(run.id)}/rate")
        if may_rate and newest != BASE_STEP
        else "",
        against=query.against,
        references=_references(state, path),
        filters=_filters(found, state, path),
        columns=tuple(_column(run, column, kept) for column in found.columns),
        rows=rows,
        asked=found.asked,
        cell_start=f"{run_path(run.id)}?step=",
        cell_end=f"&{end}" if end else "",
        signals=tuple(signal_mark(kind) for kind in sorted({kind for cell in cells for kind in cell.signals})),
        rated=any(cell.rating for cell in cells),
        answered=any(cell.state is not CellState.MISSING for cell in cells),
    )


def _row(run: RunView, probe: ProbeView, cells: Sequence[MatrixCell], columns: Sequence[MatrixColumn]) -> ShownRow:
    prompt = " ".join(probe.prompt.split())
    cut = len(prompt) > _MOST_PROMPT_CHARACTERS
    return ShownRow(
        probe_id=probe.id,
        prompt=prompt[: _MOST_PROMPT_CHARACTERS - 1].rstrip() + "…" if cut else prompt,
        language=probe.language,
        family=probe.family,
        group=probe.group,
        href=f"{run_path(run.id)}/probes/{probe.id}",
        cells=tuple(_cell(cell, column.step) for cell, column in zip(cells, columns, strict=True)),
    )


def _cell(cell: MatrixCell, step: int) -> ShownCell:
    marks = [signal_mark(kind) for kind in cell.signals]
    if cell.rating:
        marks.insert(0, rating_mark(cell.rating))
    if cell.moved is None:
        return ShownCell(step, cell.state.value, "", tuple(marks))
    changed = cell.state is CellState.CHANGED
    return ShownCell(
        step,
        f"q{moved_level(cell.moved)}" if changed else "q0",
        moved_text(cell.moved) if changed else "",
        tuple(marks),
    )


def _column(run: RunView, column: MatrixColumn, kept: RunQuery) -> ShownColumn:
    return ShownColumn(
        step=column.step,
        href=kept.href(run_path(run.id), step=column.step),
        changed=column.changed,
        compared=column.compared,
        chosen=run.chosen is not None and run.chosen.step == column.step,
    )


def _references(state: RunQuery, path: str) -> tuple[Choice, ...]:
    """The base and the checkpoint before; any other step only while the address names it."""
    values = dict.fromkeys([BASE, PREVIOUS, state.against])
    return tuple(Choice(value, state.href(path, against=value), value == state.against) for value in values)


def _filters(found: Matrix, state: RunQuery, path: str) -> MatrixFilters:
    steady = {
        "against": "" if state.against == BASE else state.against,
        "sampling": state.sampling,
    }
    return MatrixFilters(
        behaviours=tuple((one, state.behaviour in {str(one.id), one.name}) for one in found.behaviours),
        families=tuple((one, state.family == one) for one in found.families),
        cleared=state.href(path, behaviour="", family="") if state.filters else "",
        steady=tuple((name, value) for name, value in steady.items() if value),
    )
