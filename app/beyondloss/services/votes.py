"""Votes of rating mode: left or right on screen, turned into ratings of the checkpoint against its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.access import Visitor
from beyondloss.domain.ratings import RatingDraft, Side, Verdict
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import ratings
from beyondloss.services.ratings import RatingView
from beyondloss.store import comparisons
from beyondloss.store.engine import Store


class Choice(StrEnum):
    """Which answer is more like what is wanted, by where it stands."""

    LEFT = "left"
    RIGHT = "right"
    SAME = "same"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Vote:
    """What a rater chose of the answers on the left and on the right, one of which is from `step` of `run_id`.

    `choice` is for the comparison as a whole, `splits` for single behaviours by id: one of them is needed.
    """

    run_id: int
    step: int
    left_id: int
    right_id: int
    choice: Choice | None
    splits: Mapping[int, Choice]
    comment: str = ""
    blind: bool = True
    shown_at: float | None = None


def cast_vote(store: Store, visitor: Visitor, vote: Vote) -> tuple[RatingView, ...]:
    """Record the vote: first the whole, then single behaviours, whose later word counts for them.

    Raises InvalidInput for a vote that says nothing or shows no answer of its checkpoint, NotFound for answers that
    are not there for this visitor, NotAllowed for who may not rate.
    """
    visitor.require_rating()
    said: list[tuple[int | None, Choice]] = [(None, vote.choice)] if vote.choice else []
    said += vote.splits.items()
    if not said:
        raise InvalidInput("The vote says nothing.", hint="Choose left, right, same, or both bad.")
    side = _side(store, visitor, vote)
    answer, reference = (vote.left_id, vote.right_id) if side is Side.LEFT else (vote.right_id, vote.left_id)
    return tuple(
        ratings.record_rating(
            store,
            visitor,
            RatingDraft(
                answer_id=answer,
                reference_id=reference,
                verdict=_verdict(choice, side),
                behaviour_id=behaviour_id,
                both_bad=choice is Choice.BAD,
                comment=vote.comment,
                blind=vote.blind,
                side=side,
                shown_at=vote.shown_at,
            ),
        )
        for behaviour_id, choice in said
    )


def take_back(store: Store, visitor: Visitor, run_id: int, rating_ids: Sequence[int]) -> RatingView | None:
    """Undo one vote, given by its ratings; without ids the visitor's newest in this run. Gives what is undone, if any.

    Ratings that are not the visitor's own, or no longer in force, stay as they are.
    """
    if not rating_ids:
        newest = ratings.undo_last(store, visitor, run_id)
        return newest[0] if newest else None
    found = ratings.own_ratings(store, visitor, rating_ids)
    for rating in reversed(found):
        ratings.undo_rating(store, visitor, rating.id)
    return found[0] if found else None


def _side(store: Store, visitor: Visitor, vote: Vote) -> Side:
    """Where the checkpoint's answer stood. The page does not say, so that nobody can read it there."""
    with store.read() as session:
        placed = comparisons.answers_by_id(session, (vote.left_id, vote.right_id))
    for found in placed.values():
        visitor.require_run(run_id=found.record.run_id, project_id=found.project_id)
    if len(placed) < 2:
        raise NotFound("There is no such answer.", hint="Reload the page: it may have been generated anew.")
    for answer_id, side in ((vote.left_id, Side.LEFT), (vote.right_id, Side.RIGHT)):
        record = placed[answer_id].record
        if (record.run_id, record.step) == (vote.run_id, vote.step):
            return side
    raise InvalidInput("Neither answer is from this checkpoint.", hint="Reload the page and rate again.")


def _verdict(choice: Choice, side: Side) -> Verdict:
    if choice in {Choice.SAME, Choice.BAD}:
        return Verdict.SAME
    return Verdict.MORE if choice.value == side.value else Verdict.LESS
