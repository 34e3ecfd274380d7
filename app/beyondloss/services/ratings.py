"""Ratings: record, undo, list; and the people who give them."""

from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.ratings import RatingDraft, Side, Verdict
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class RatingView:
    id: int
    run_id: int
    rater_id: int
    rater: str
    answer_id: int
    reference_id: int
    behaviour_id: int | None
    verdict: Verdict
    both_bad: bool
    comment: str
    blind: bool
    side: Side | None
    shown_at: float | None
    rated_at: float


@dataclass(frozen=True, slots=True)
class RaterView:
    id: int
    name: str
    is_owner: bool
    ratings: int


def ensure_owner(store: Store, name: str) -> RaterView:
    """The rater who is the owner of this store, made on first need."""
    raise NotImplementedError


def ensure_rater(store: Store, *, name: str, share_link_id: int | None) -> RaterView:
    """A visitor who gave a name. The same name through the same link is the same rater."""
    raise NotImplementedError


def find_rater(store: Store, rater_id: int) -> RaterView | None:
    raise NotImplementedError


def record_rating(store: Store, visitor: Visitor, draft: RatingDraft) -> RatingView:
    """Append a rating; it supersedes the visitor's earlier one of the same comparison and behaviour.

    Raises NotAllowed without the right to rate, InvalidInput when answer and reference are not two answers to one
    probe, are the same, or the behaviour is none the probe examines; NotFound outside the visitor's scope.
    """
    raise NotImplementedError


def undo_rating(store: Store, visitor: Visitor, rating_id: int) -> RatingView | None:
    """Take back one's own rating: what it superseded is in force again (returned), or nothing (None)."""
    raise NotImplementedError


def undo_last(store: Store, visitor: Visitor, run_id: int) -> tuple[RatingView, RatingView | None] | None:
    """Take back the visitor's newest rating in force in this run: (undone, what is in force now). None if there is none."""
    raise NotImplementedError


def list_ratings(
    store: Store, visitor: Visitor, run_id: int, *, after: int = 0, limit: int = 500, mine: bool = False
) -> list[RatingView]:
    """Ratings in force, by id. A link's visitor sees only their own."""
    raise NotImplementedError
