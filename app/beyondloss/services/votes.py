"""Votes of rating mode: left or right on screen, turned into ratings of the checkpoint against its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.access import Visitor
from beyondloss.domain.ratings import RatingDraft, Side, Verdict
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import ratings
from beyondloss.services.ratings import RatingView
from beyondloss.services.rounds import side_for
from beyondloss.store import comparisons
from beyondloss.store.comparisons import PlacedAnswer
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id


class Choice(StrEnum):
    """Which answer is more like what is wanted, by where it stands."""

    LEFT = "left"
    RIGHT = "right"
    SAME = "same"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Vote:
    """What a rater chose of two answers (`pair`, in any order), one of which is from `step` of `run_id`.

    Where each of them stood follows from the rater: the page does not say it, so that nobody can read it there.
    `choice` is for the comparison as a whole, `splits` for single behaviours by id: one of them is needed.
    """

    run_id: int
    step: int
    pair: tuple[int, int]
    choice: Choice | None
    splits: Mapping[int, Choice]
    comment: str = ""
    blind: bool = True
    shown_at: float | None = None


def cast_vote(store: Store, visitor: Visitor, vote: Vote) -> tuple[RatingView, ...]:
    """Record the vote, whole or not at all: first the comparison, then single behaviours, whose later word counts.

    Who votes again on what they have rated before knows the names: that vote is not blind.
    Raises InvalidInput for a vote that says nothing or shows no answer of its checkpoint, NotFound for answers that
    are not there for this visitor, NotAllowed for who may not rate.
    """
    visitor.require_rating()
    said: list[tuple[int | None, Choice]] = [(None, vote.choice)] if vote.choice else []
    said += vote.splits.items()
    if not said:
        raise InvalidInput("The vote says nothing.", hint="Choose left, right, same, or both bad.")
    answer, reference = _answer_and_reference(store, visitor, vote)
    answer_id, reference_id = stored_id(answer.record.answer.id), stored_id(reference.record.answer.id)
    side = side_for(visitor.rater_id or 0, answer.record.answer.probe_id, answer_id, reference_id)
    drafts = [
        RatingDraft(
            answer_id=answer_id,
            reference_id=reference_id,
            verdict=_verdict(choice, side),
            behaviour_id=behaviour_id,
            both_bad=choice is Choice.BAD,
            comment=vote.comment,
            blind=vote.blind,
            side=side,
            shown_at=vote.shown_at,
        )
        for behaviour_id, choice in said
    ]
    return tuple(ratings.record_ratings(store, visitor, drafts, blind_once=True))


def take_back(store: Store, visitor: Visitor, run_id: int, rating_ids: Sequence[int]) -> RatingView | None:
    """Undo one vote, given by its ratings; without ids the visitor's newest in this run. Gives what is undone, if any.

    Ratings that are not the visitor's own, or no longer in force, stay as they are.
    """
    if rating_ids:
        found = ratings.own_ratings(store, visitor, rating_ids)
    else:
        found = ratings.newest_vote(store, visitor, run_id)
    ratings.undo_ratings(store, visitor, [rating.id for rating in reversed(found)])
    return found[0] if found else None


def _answer_and_reference(store: Store, visitor: Visitor, vote: Vote) -> tuple[PlacedAnswer, PlacedAnswer]:
    with store.read() as session:
        placed = comparisons.answers_by_id(session, vote.pair)
    for found in placed.values():
        visitor.require_run(run_id=found.record.run_id, project_id=found.project_id)
    if len(placed) < 2:
        raise NotFound("There is no such answer.", hint="Reload the page: it may have been generated anew.")
    one, other = (placed[answer_id] for answer_id in vote.pair)
    for answer, reference in ((one, other), (other, one)):
        if (answer.record.run_id, answer.record.step) == (vote.run_id, vote.step):
            return answer, reference
    raise InvalidInput("Neither answer is from this checkpoint.", hint="Reload the page and rate again.")


def _verdict(choice: Choice, side: Side) -> Verdict:
    if choice in {Choice.SAME, Choice.BAD}:
        return Verdict.SAME
    return Verdict.MORE if choice.value == side.value else Verdict.LESS
