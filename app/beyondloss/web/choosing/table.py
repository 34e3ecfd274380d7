"""The table of choosing: each checkpoint with what raters and losses say of it. Numbers in, text out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.choosing import Weighing
from beyondloss.services.losses import LossLevels, lowest
from beyondloss.services.runs import RunView
from beyondloss.services.verdicts import VerdictSet
from beyondloss.web.choosing.words import step_name
from beyondloss.web.filters import number
from beyondloss.web.i18n import gettext as _
from beyondloss.web.sentence import SHAPES, interval, signed, verdict_label


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """`share` is in how many of a hundred halves it came out best; marks say what it is the best at."""

    step: int
    name: str
    chosen: bool
    best: bool
    verdict: VerdictWord | None
    shape: str
    label: str
    value: str
    interval: str
    share: str
    train: str
    evaluated: str
    marks: tuple[str, ...]


def build_rows(
    run: RunView, by_step: Sequence[VerdictSet], found: Weighing, *, only: Collection[int] | None = None
) -> tuple[ChoiceRow, ...]:
    """Of every checkpoint by rising step, the base first; of `only` these steps where given."""
    sets = {one.step: one for one in by_step}
    levels = {one.step: one for one in found.levels}
    shares = {one.step: one.share for one in found.standings}
    marks = _marks(found)
    return tuple(
        _row(
            levels[one.step],
            sets.get(one.step),
            chosen=run.chosen is not None and run.chosen.step == one.step,
            best=one.step == found.best,
            share=shares.get(one.step),
            marks=tuple(mark for mark, step in marks if step == one.step),
        )
        for one in run.checkpoints
        if only is None or one.step in only
    )


def telling_steps(run: RunView, found: Weighing) -> set[int]:
    """What a table that leaves checkpoints out must hold: the chosen one, and the best at anything."""
    return {step for _mark, step in _marks(found) if step is not None} | ({run.chosen.step} if run.chosen else set())


def _marks(found: Weighing) -> tuple[tuple[str, int | None], ...]:
    """Each with the step it belongs to. Where a loss is lowest of all may be a checkpoint that nobody rated."""
    steps = [one.step for one in found.levels]
    train = lowest({one.step: one.train for one in found.levels}, steps)
    evaluated = lowest({one.step: one.evaluated for one in found.levels}, steps)
    marks = [(_("raters' best"), found.best), (_("lowest training loss"), train), (_("lowest eval loss"), evaluated)]
    if found.train and found.train.step != train:
        marks.append((_("lowest training loss of those compared"), found.train.step))
    if found.evaluated and found.evaluated.step != evaluated:
        marks.append((_("lowest eval loss of those compared"), found.evaluated.step))
    return tuple(marks)


def _row(
    levels: LossLevels,
    rated: VerdictSet | None,
    *,
    chosen: bool,
    best: bool,
    share: float | None,
    marks: tuple[str, ...],
) -> ChoiceRow:
    overall = rated.overall if rated else None
    value = "" if overall is None or overall.net_win is None else signed(overall.net_win)
    return ChoiceRow(
        step=levels.step,
        name=step_name(levels.step),
        chosen=chosen,
        best=best,
        verdict=overall.verdict if overall else None,
        shape=SHAPES[overall.verdict] if overall else "",
        label=verdict_label(overall) if overall else "",
        value="0.00" if levels.step == BASE_STEP else value or "–",
        interval=interval(overall) if overall else "",
        share="–" if share is None else f"{round(100 * share)} %",
        train=number(levels.train),
        evaluated=number(levels.evaluated),
        marks=marks,
    )


def as_text(rows: Sequence[ChoiceRow]) -> str:
    """For a terminal."""
    head = [_("checkpoint"), _("net win"), _("interval"), _("best in"), _("training loss"), _("eval loss"), ""]
    cells = [
        [
            f"{row.name} ★" if row.chosen else row.name,
            row.value,
            row.interval or "–",
            row.share,
            row.train,
            row.evaluated,
            _(", ").join(row.marks),
        ]
        for row in rows
    ]
    widths = [max(len(line[at]) for line in [head, *cells]) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *cells]
    )
