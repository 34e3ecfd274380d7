"""Ratings: record, undo, list; and the people who give them."""

import math
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.domain.ratings import RatingDraft, Side, Verdict
from beyondloss.domain.text import storable
from beyondloss.errors import Conflict, InvalidInput, NotAllowed, NotFound
from beyondloss.store import raters, ratings, sharing
from beyondloss.store.engine import Store
from beyondloss.store.raters import RaterRecord
from beyondloss.store.ratings import RatedAnswer, RatingRecord
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.scopes import run_project_id
from beyondloss.store.tables import Rater, Rating

MOST_COMMENT_CHARACTERS = 10_000
MOST_NAME_CHARACTERS = 80
_JOINERS = "\u200c\u200d"
"""Invisible, but they belong to the spelling of Persian and Indic names, and to emoji."""
_MOMENT = 1e-5
"""Between two ratings of one vote, so that it is known which of them is the later."""
_ONE_VOTE_SECONDS = 1e-3
_JUDGEMENT = ("verdict", "both_bad", "comment", "blind", "side", "shown_at")


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
    with store.write() as session:
        return _rater_view(session, raters.ensure_owner(session, clean_name(name) or "owner"))


def ensure_rater(store: Store, *, name: str, share_link_id: int | None) -> RaterView:
    """A visitor who gave a name. The same name through the same link is the same rater.

    Raises InvalidInput for a name that is empty or too long, NotFound for a link that does not exist.
    """
    cleaned = clean_name(name)
    if not cleaned:
        raise InvalidInput("The name is empty.", hint="Type the name others know you by.")
    if len(cleaned) > MOST_NAME_CHARACTERS:
        raise InvalidInput("The name is too long.", hint=f"Use at most {MOST_NAME_CHARACTERS} characters.")
    with store.write() as session:
        if share_link_id is not None and sharing.get_link(session, share_link_id) is None:
            raise NotFound("There is no such link.", hint="Ask the person who shared it for a new one.")
        return _rater_view(session, raters.ensure_guest(session, cleaned, share_link_id))


def find_rater(store: Store, rater_id: int) -> RaterView | None:
    with store.read() as session:
        rater = raters.get_rater(session, rater_id)
        return _rater_view(session, rater) if rater else None


def record_rating(store: Store, visitor: Visitor, draft: RatingDraft) -> RatingView:
    """Append a rating; it supersedes the visitor's earlier one of the same comparison and behaviour.

    The very same rating sent twice (a double press, a retry) is one rating. A rating for all behaviours and one for a
    single behaviour stand side by side: where both are in force, the later one counts for that behaviour.
    Raises NotAllowed without the right to rate, InvalidInput when answer and reference are not two answers to one
    probe, are the same, or the behaviour is none the probe examines; NotFound outside the visitor's scope.
    """
    return record_ratings(store, visitor, [draft])[0]


def record_ratings(
    store: Store, visitor: Visitor, drafts: Sequence[RatingDraft], *, blind_once: bool = False
) -> list[RatingView]:
    """Append ratings that were given at once, all or none, each a moment after the one before it.

    `blind_once`: names are shown after a rating, so whoever rates a comparison again is blind no more, whatever the
    draft says. Raises as `record_rating` does.
    """
    rater_id = rater_of(visitor)
    drafts = [replace(draft, comment=_checked_comment(draft)) for draft in drafts]
    with store.write() as session:
        if blind_once:
            drafts = [replace(draft, blind=draft.blind and _is_new_to(session, rater_id, draft)) for draft in drafts]
        now = time.time()
        return [
            _recorded(session, visitor, draft, rater_id=rater_id, rated_at=now + place * _MOMENT)
            for place, draft in enumerate(drafts)
        ]


def _is_new_to(session: Session, rater_id: int, draft: RatingDraft) -> bool:
    return not ratings.shown_before(
        session,
        rater_id=rater_id,
        answer_id=draft.answer_id,
        reference_id=draft.reference_id,
        shown_at=draft.shown_at,
    )


def _recorded(session: Session, visitor: Visitor, draft: RatingDraft, *, rater_id: int, rated_at: float) -> RatingView:
    answer = _checked_answer(session, visitor, draft)
    bump_run(session, answer.run_id)  # locks the run's row: two tabs of one person append one after the other
    last = ratings.head(
        session,
        rater_id=rater_id,
        answer_id=draft.answer_id,
        reference_id=draft.reference_id,
        behaviour_id=draft.behaviour_id,
    )
    row = _row(draft, run_id=answer.run_id, rater_id=rater_id, rated_at=rated_at)
    if last is not None and all(getattr(last, name) == getattr(row, name) for name in _JUDGEMENT):
        return _view_of_row(session, last)
    row.replaces = last.id if last is not None and last.verdict is not None else None
    return _view_of_row(session, ratings.append(session, row, superseding=last))


def undo_rating(store: Store, visitor: Visitor, rating_id: int) -> RatingView | None:
    """Take back one's own rating: what it superseded is in force again (returned), or nothing (None).

    Raises NotFound for a rating that is not there for this visitor, NotAllowed for somebody else's, and Conflict for
    one that is no longer in force.
    """
    return undo_ratings(store, visitor, [rating_id])[0]


def undo_ratings(store: Store, visitor: Visitor, rating_ids: Sequence[int]) -> list[RatingView | None]:
    """Take back several of one's own ratings, all or none, in this order. Raises as `undo_rating` does."""
    rater_id = rater_of(visitor)
    with store.write() as session:
        for rating_id in rating_ids:
            rating = ratings.get_rating(session, rating_id)
            if rating is None or (rating.rater_id != rater_id and not visitor.is_owner):
                raise NotFound("There is no such rating.", hint="Reload the page to see what is there now.")
            if rating.rater_id != rater_id:
                raise NotAllowed("That is somebody else's rating.", hint="Only who gave a rating takes it back.")
            _require_run(session, visitor, rating.run_id)
            bump_run(session, rating.run_id)
        return [_undone(session, rating_id) for rating_id in rating_ids]


def undo_last(store: Store, visitor: Visitor, run_id: int) -> tuple[RatingView, RatingView | None] | None:
    """Take back the visitor's newest rating in force in this run: (undone, what is in force now), or None."""
    rater_id = rater_of(visitor)
    with store.write() as session:
        _require_run(session, visitor, run_id)
        bump_run(session, run_id)
        newest = ratings.newest_in_force(session, run_id=run_id, rater_id=rater_id)
        if newest is None:
            return None
        undone = _view_of_row(session, newest)
        return undone, _undone(session, undone.id)


def newest_vote(store: Store, visitor: Visitor, run_id: int) -> list[RatingView]:
    """The visitor's newest rating in force in this run, with those that were given in the same moment, by id."""
    rater_id = rater_of(visitor)
    with store.read() as session:
        _require_run(session, visitor, run_id)
        newest = ratings.newest_in_force(session, run_id=run_id, rater_id=rater_id)
        if newest is None:
            return []
        records = ratings.comparison_ratings(session, rater_id=rater_id, answer_ids=[newest.answer_id])
        of_one = [rating_view(record) for record in records if record.rating.reference_id == newest.reference_id]
        return [one for one in of_one if newest.rated_at - one.rated_at < _ONE_VOTE_SECONDS]


def list_ratings(
    store: Store, visitor: Visitor, run_id: int, *, after: int = 0, limit: int = 500, mine: bool = False
) -> list[RatingView]:
    """Ratings in force, by id. A link's visitor sees only their own."""
    only_own = mine or not visitor.is_owner
    with store.read() as session:
        _require_run(session, visitor, run_id)
        if only_own and visitor.rater_id is None:
            return []
        rater_id = visitor.rater_id if only_own else None
        records = ratings.rating_records(session, run_id=run_id, rater_id=rater_id, after=after, limit=limit)
        return [rating_view(record) for record in records]


def own_ratings(store: Store, visitor: Visitor, rating_ids: Sequence[int]) -> list[RatingView]:
    """Those of these ratings that are the visitor's own and in force, by id."""
    with store.read() as session:
        records = [ratings.rating_record(session, rating_id) for rating_id in sorted(set(rating_ids))]
        found = [rating_view(record) for record in records if record is not None]
    return [rating for rating in found if rating.rater_id == visitor.rater_id]


def rating_view(record: RatingRecord) -> RatingView:
    """A rating in force as the rest of the program sees it."""
    row = record.rating
    if row.verdict is None:
        raise ValueError("an undone rating has no verdict to show")
    return RatingView(
        id=stored_id(row.id),
        run_id=row.run_id,
        rater_id=row.rater_id,
        rater=record.rater_name,
        answer_id=row.answer_id,
        reference_id=row.reference_id,
        behaviour_id=row.behaviour_id,
        verdict=Verdict(row.verdict),
        both_bad=row.both_bad,
        comment=row.comment,
        blind=row.blind,
        side=Side(row.side) if row.side else None,
        shown_at=row.shown_at,
        rated_at=row.rated_at,
    )


def rater_of(visitor: Visitor) -> int:
    """Who rates. Raises NotAllowed without the right to, or before a name is given."""
    visitor.require_rating()
    if visitor.rater_id is None:
        raise NotAllowed("Nobody knows yet who is rating.", hint="Give your name first.", code="name_needed")
    return visitor.rater_id


def _checked_comment(draft: RatingDraft) -> str:
    if draft.shown_at is not None and not math.isfinite(draft.shown_at):
        raise InvalidInput("shown_at is not a number.", hint="Send seconds since 1970, or leave it out.")
    comment = storable(draft.comment).strip()
    if len(comment) > MOST_COMMENT_CHARACTERS:
        raise InvalidInput(
            f"The comment has {len(comment):,} characters.", hint=f"Keep it under {MOST_COMMENT_CHARACTERS:,}."
        )
    return comment


def _checked_answer(session: Session, visitor: Visitor, draft: RatingDraft) -> RatedAnswer:
    """The rated answer, once everything about the comparison holds."""
    if draft.answer_id == draft.reference_id:
        raise InvalidInput("An answer cannot be compared with itself.", hint="Send two different answers.")
    found = ratings.rated_answers(session, (draft.answer_id, draft.reference_id))
    visible = {key: one for key, one in found.items() if visitor.sees(run_id=one.run_id, project_id=one.project_id)}
    if len(visible) < 2:
        raise NotFound("There is no such answer.", hint="Reload the page: it may have been generated anew.")
    answer = visible[draft.answer_id]
    if answer.probe_id != visible[draft.reference_id].probe_id:
        raise InvalidInput("These are answers to different probes.", hint="Compare two answers to the same probe.")
    if draft.behaviour_id is not None and not ratings.examines(session, answer.probe_id, draft.behaviour_id):
        raise InvalidInput(
            "The probe does not examine this behaviour.", hint="Leave the behaviour out to rate all that it examines."
        )
    return answer


def _row(draft: RatingDraft, *, run_id: int, rater_id: int, rated_at: float) -> Rating:
    return Rating(
        run_id=run_id,
        rater_id=rater_id,
        answer_id=draft.answer_id,
        reference_id=draft.reference_id,
        behaviour_id=draft.behaviour_id,
        verdict=draft.verdict.value,
        both_bad=draft.both_bad,
        comment=draft.comment,
        blind=draft.blind,
        side=draft.side.value if draft.side else None,
        shown_at=draft.shown_at,
        rated_at=rated_at,
    )


def _undone(session: Session, rating_id: int) -> RatingView | None:
    """Undo a rating of a run whose row is locked: nobody else appends meanwhile."""
    rating = ratings.get_rating(session, rating_id)
    if rating is None or rating.superseded_by is not None or rating.verdict is None:
        raise Conflict("This rating is no longer in force.", hint="Reload the page to see what is there now.")
    now = ratings.undo(session, rating)
    return None if now.verdict is None else _view_of_row(session, now)


def _require_run(session: Session, visitor: Visitor, run_id: int) -> None:
    project_id = run_project_id(session, run_id)
    if project_id is None:
        raise NotFound("There is no such run.", hint="The runs list shows every run.")
    visitor.require_run(run_id=run_id, project_id=project_id)


def _view_of_row(session: Session, row: Rating) -> RatingView:
    record = ratings.rating_record(session, stored_id(row.id))
    if record is None:
        raise ValueError("only ratings in force have a view")
    return rating_view(record)


def _rater_view(session: Session, rater: Rater) -> RaterView:
    return _view_of_rater(raters.with_count(session, rater))


def _view_of_rater(record: RaterRecord) -> RaterView:
    rater = record.rater
    return RaterView(id=stored_id(rater.id), name=rater.name, is_owner=rater.is_owner, ratings=record.ratings)


def clean_name(name: str) -> str:
    """One line without what cannot be seen: two names that look alike should be alike."""
    visible = "".join(
        character if character in _JOINERS or unicodedata.category(character)[0] != "C" else " "
        for character in unicodedata.normalize("NFC", storable(name))
    )
    return " ".join(visible.split())
