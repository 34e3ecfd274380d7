"""Votes of rating mode: left or right on screen, turned into ratings of the checkpoint against its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from beyondloss.domain.access import Visitor
from beyondloss.domain.blinding import side_for, swapped
from beyondloss.domain.ratings import CheckKind, RatingDraft, Side, Verdict
from beyondloss.domain.runs import BASE_STEP
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import checks, ratings
from beyondloss.services.checks import CheckView
from beyondloss.services.ratings import RatingView
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
    again: bool = False
    """The comparison was asked a second time, with the sides swapped: a quality check."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What a vote became: ratings, or a quality check."""

    ratings: tuple[RatingView, ...] = ()
    check: CheckView | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """Which comparison is to be rated again."""

    answer_id: int
    reference_id: int
    again: bool


def cast_vote(store: Store, visitor: Visitor, vote: Vote) -> Cast:
    """Record the vote, whole or not at all: first the comparison, then single behaviours, whose later word counts.

    A comparison asked again, or of the base with itself, is kept apart: it counts for no verdict.

    Who votes again on what they have rated before knows the names: that vote is not blind.
    Raises InvalidInput for a vote that says nothing or shows no answer of its checkpoint, NotFound for answers that
    are not there for this visitor, NotAllowed for who may not rate.
    """
    visitor.require_rating()
    said: list[tuple[int | None, Choice]] = [(None, vote.choice)] if vote.choice else []
    said += vote.splits.items()
    if not said:
        raise InvalidInput("The vote says nothing.", hint="Choose left, right, same, or both bad.")
    answer, reference, kind = _answer_and_reference(store, visitor, vote)
    answer_id, reference_id = stored_id(answer.record.answer.id), stored_id(reference.record.answer.id)
    side = side_for(visitor.rater_id or 0, answer.record.answer.probe_id, answer_id, reference_id)
    side = swapped(side) if kind is CheckKind.REPEAT else side
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
    if kind is not None:
        return Cast(check=checks.record_check(store, visitor, kind, _as_whole(drafts)))
    return Cast(tuple(ratings.record_ratings(store, visitor, drafts, blind_once=True)))


def _as_whole(drafts: Sequence[RatingDraft]) -> RatingDraft:
    """What a vote says of the comparison as a whole: its own word, else where most of its behaviours lean."""
    first = drafts[0]
    if first.behaviour_id is None:
        return first
    lean = sum(draft.verdict for draft in drafts)
    verdict = Verdict.MORE if lean > 0 else Verdict.LESS if lean < 0 else Verdict.SAME
    return replace(first, behaviour_id=None, verdict=verdict)


def take_back(
    store: Store, visitor: Visitor, run_id: int, rating_ids: Sequence[int], *, check_id: int | None = None
) -> Undone | None:
    """Undo one vote, given by its ratings or its check; without ids the visitor's newest ratings in this run.

    Gives what is undone, if anything: what is not the visitor's own, or no longer in force, stays as it is.
    """
    if check_id is not None:
        check = checks.undo_check(store, visitor, check_id)
        return Undone(check.answer_id, check.reference_id, check.kind is CheckKind.REPEAT) if check else None
    if rating_ids:
        found = ratings.own_ratings(store, visitor, rating_ids)
    else:
        found = ratings.newest_vote(store, visitor, run_id)
    ratings.undo_ratings(store, visitor, [rating.id for rating in reversed(found)])
    return Undone(found[0].answer_id, found[0].reference_id, again=False) if found else None


def _answer_and_reference(
    store: Store, visitor: Visitor, vote: Vote
) -> tuple[PlacedAnswer, PlacedAnswer, CheckKind | None]:
    with store.read() as session:
        placed = comparisons.answers_by_id(session, vote.pair)
    for found in placed.values():
        visitor.require_run(run_id=found.record.run_id, project_id=found.project_id)
    if len(placed) < 2:
        raise NotFound("There is no such answer.", hint="Reload the page: it may have been generated anew.")
    one, other = (placed[answer_id] for answer_id in sorted(vote.pair))
    steps = {(found.record.run_id, found.record.step) for found in (one, other)}
    if steps == {(vote.run_id, BASE_STEP)} and vote.step != BASE_STEP:
        first, second = sorted((one, other), key=lambda found: found.record.answer.sample_index)
        return first, second, CheckKind.BASE
    for answer, reference in ((one, other), (other, one)):
        if (answer.record.run_id, answer.record.step) == (vote.run_id, vote.step):
            return answer, reference, CheckKind.REPEAT if vote.again else None
    raise InvalidInput("Neither answer is from this checkpoint.", hint="Reload the page and rate again.")


def _verdict(choice: Choice, side: Side) -> Verdict:
    if choice in {Choice.SAME, Choice.BAD}:
        return Verdict.SAME
    return Verdict.MORE if choice.value == side.value else Verdict.LESS
