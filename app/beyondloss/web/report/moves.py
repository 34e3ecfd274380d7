"""Loss against behaviour in words: the matrix of moves from checkpoint to checkpoint, and a sentence for each cell."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beyondloss.analysis.loss_behaviour import Cell, cell_of, count_moves
from beyondloss.analysis.loss_moves import LossWord
from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.services.choosing import MovedBehaviour, StepMove
from beyondloss.web.choosing.words import step_name
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext

MOST_NAMED = 4
_CELLS_SAID = (
    (LossWord.FELL, VerdictWord.WORSE),
    (LossWord.FELL, VerdictWord.SAME),
    (LossWord.FLAT, VerdictWord.BETTER),
    (LossWord.ROSE, VerdictWord.BETTER),
    (LossWord.FLAT, VerdictWord.WORSE),
    (LossWord.ROSE, VerdictWord.SAME),
    (LossWord.FELL, VerdictWord.BETTER),
    (LossWord.FLAT, VerdictWord.SAME),
    (LossWord.ROSE, VerdictWord.WORSE),
)
"""Where they disagree first."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    cell: Cell
    count: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """What loss did; `cells` are better, same, worse and not known."""

    label: str
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Moves of all probes together. `columns` are the heads of every row's cells."""

    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    total: int


def build_matrix(moves: Sequence[StepMove]) -> Matrix | None:
    """None without a move; what loss never did has no row."""
    if not moves:
        return None
    counted = count_moves([(move.loss.word, move.overall.judged.word) for move in moves])
    order = (VerdictWord.BETTER, VerdictWord.SAME, VerdictWord.WORSE, VerdictWord.NOT_ENOUGH)
    return Matrix(
        columns=tuple(_verdict_label(word) for word in order),
        rows=tuple(
            MatrixRow(_loss_label(loss), tuple(MatrixCell(cell_of(loss, word), counted[loss][word]) for word in order))
            for loss in LossWord
            if loss is not LossWord.UNKNOWN or any(counted[loss].values())
        ),
        total=len(moves),
    )


def move_sentences(moves: Sequence[StepMove]) -> tuple[str, ...]:
    """One for each way in which loss and behaviour moved, with where they did; one that says so if none is known."""
    where: dict[tuple[LossWord, VerdictWord], list[str]] = defaultdict(list)
    for move in moves:
        for one in _subjects(move):
            where[move.loss.word, one.judged.word].append(_place(move, one))
    said = [_patterns()[key] % {"where": _named(where[key])} for key in _CELLS_SAID if where[key]]
    if moves and not said:
        said.append(
            _("From no checkpoint to the next is enough known of both loss and answers to set them against each other.")
        )
    return tuple(said)


def _subjects(move: StepMove) -> Iterator[MovedBehaviour]:
    yield move.overall
    yield from move.behaviours


def _place(move: StepMove, one: MovedBehaviour) -> str:
    return _("%(name)s from %(before)s to %(after)s") % {
        "name": one.behaviour.name if one.behaviour else _("all probes together"),
        "before": step_name(move.before),
        "after": step_name(move.after),
    }


def _named(places: Sequence[str]) -> str:
    more = len(places) - MOST_NAMED
    named = _("; ").join(places[:MOST_NAMED])
    return named + (" " + ngettext("and %(n)s other", "and %(n)s others", more) % {"n": more} if more > 0 else "")


def _loss_label(word: LossWord) -> str:
    return {
        LossWord.FELL: _("loss fell"),
        LossWord.FLAT: _("loss stayed"),
        LossWord.ROSE: _("loss rose"),
        LossWord.UNKNOWN: _("loss not known"),
    }[word]


def _verdict_label(word: VerdictWord) -> str:
    return {
        VerdictWord.BETTER: _("better"),
        VerdictWord.SAME: _("same"),
        VerdictWord.WORSE: _("worse"),
        VerdictWord.NOT_ENOUGH: _("not known"),
    }[word]


def _patterns() -> dict[tuple[LossWord, VerdictWord], str]:
    return {
        (LossWord.FELL, VerdictWord.WORSE): _("Loss misleads here: it fell while answers became worse (%(where)s)."),
        (LossWord.FELL, VerdictWord.SAME): _("Loss fell, behaviour did not move (%(where)s)."),
        (LossWord.FLAT, VerdictWord.BETTER): _(
            "Loss would have missed it: it stayed where it was while answers became better (%(where)s)."
        ),
        (LossWord.ROSE, VerdictWord.BETTER): _(
            "Loss would have missed it: it rose while answers became better (%(where)s)."
        ),
        (LossWord.FLAT, VerdictWord.WORSE): _(
            "Loss did not see it: it stayed where it was while answers became worse (%(where)s)."
        ),
        (LossWord.ROSE, VerdictWord.SAME): _("Loss rose, behaviour did not move (%(where)s)."),
        (LossWord.FELL, VerdictWord.BETTER): _(
            "Loss and raters agree: loss fell and answers became better (%(where)s)."
        ),
        (LossWord.FLAT, VerdictWord.SAME): _("Loss and raters agree: neither moved (%(where)s)."),
        (LossWord.ROSE, VerdictWord.WORSE): _("Loss and raters agree: loss rose and answers became worse (%(where)s)."),
    }
