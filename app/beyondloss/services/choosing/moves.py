"""Loss against behaviour: what each did from one rated checkpoint to the next. Read-only, and without words.

A link's visitor gets the words, which take several ratings, and no numbers, which with few ratings would tell what one
person said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from beyondloss.analysis.loss_behaviour import moved_values
from beyondloss.analysis.loss_moves import LossMove, LossWord
from beyondloss.analysis.verdicts import Judged, ProbeValue, judge
from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.losses import LossMoves, moves_along
from beyondloss.services.projects import BehaviourView
from beyondloss.services.verdicts import Evidence, evidence_of
from beyondloss.store.engine import Store
from beyondloss.store.verdicts import PairRecord


@dataclass(frozen=True, slots=True)
class MovedBehaviour:
    """`behaviour` None: all probes together."""

    behaviour: BehaviourView | None
    judged: Judged


@dataclass(frozen=True, slots=True)
class StepMove:
    """From one rated checkpoint to the next one; the first comes after the base.

    `loss` is the eval loss's move where it is known at both ends (`evaluated`), else the training loss's.
    """

    before: int
    after: int
    loss: LossMove
    evaluated: bool
    overall: MovedBehaviour
    behaviours: tuple[MovedBehaviour, ...]


def moves_of(store: Store, run_id: int, visitor: Visitor, *, known: Evidence | None = None) -> tuple[StepMove, ...]:
    """By rising step. All of a run's moves are judged together: a lucky one among many is not called.

    `known`: the run's evidence where it was read before, of unrated answers too.
    """
    evidence = known or evidence_of(store, run_id, visitor, unrated=True)
    steps = [step for step, pairs in evidence.pairs.items() if evidence.is_rated(step) or _unchanged(pairs)]
    pairs = list(zip([BASE_STEP, *steps], steps, strict=False))
    noise = evidence.asked.noise
    overall = judge([_moved(evidence, before, after, None) for before, after in pairs], noise=noise)
    named = evidence.asked.behaviours
    single = iter(judge([_moved(evidence, *pair, behaviour) for pair in pairs for behaviour in named], noise=noise))
    losses = moves_along(store, run_id, pairs)
    moves = [
        StepMove(
            before=before,
            after=after,
            loss=_loss(losses[place]),
            evaluated=losses[place].evaluated.word is not LossWord.UNKNOWN,
            overall=MovedBehaviour(None, overall[place]),
            behaviours=tuple(MovedBehaviour(behaviour, next(single)) for behaviour in named),
        )
        for place, (before, after) in enumerate(pairs)
    ]
    return tuple(moves if visitor.is_owner else map(_without_numbers, moves))


def _moved(evidence: Evidence, before: int, after: int, behaviour: BehaviourView | None) -> Sequence[ProbeValue]:
    values = evidence.values(after, behaviour)
    return values if before == BASE_STEP else moved_values(evidence.values(before, behaviour), values)


def _unchanged(pairs: Sequence[PairRecord]) -> bool:
    """Such a checkpoint is known without anybody rating it."""
    return not any(pair.changed for pair in pairs)


def _loss(moves: LossMoves) -> LossMove:
    return moves.train if moves.evaluated.word is LossWord.UNKNOWN else moves.evaluated


def _without_numbers(move: StepMove) -> StepMove:
    def hidden(one: MovedBehaviour) -> MovedBehaviour:
        return replace(one, judged=replace(one.judged, net_win=None, e_value=1.0, p_value=1.0))

    return replace(move, overall=hidden(move.overall), behaviours=tuple(map(hidden, move.behaviours)))
