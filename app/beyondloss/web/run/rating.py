"""What a rating form says, as ratings to record. Knows the services, no HTTP."""

from dataclasses import dataclass

from pydantic import BaseModel, Field

from beyondloss.domain.access import Visitor
from beyondloss.domain.ratings import RatingDraft, Verdict
from beyondloss.errors import InvalidInput
from beyondloss.services import comparisons, ratings
from beyondloss.services.comparisons import Comparison
from beyondloss.services.ratings import RatingView
from beyondloss.store.engine import Store
from beyondloss.web.i18n import gettext as _

KEEP = "keep"
BAD = "bad"
VERDICTS = {"less": Verdict.LESS, "same": Verdict.SAME, "more": Verdict.MORE, BAD: Verdict.SAME}
_LARGEST_ID = 2**62


class RatingInput(BaseModel):
    """The fields of the form. `verdict` is a word of `VERDICTS`, or `keep` to change the comment only; `split` is
    `<behaviour id>:<word>`. `card` and `state` say what the answer shall show."""

    answer_id: int = Field(ge=1, le=_LARGEST_ID)
    reference_id: int = Field(ge=1, le=_LARGEST_ID)
    verdict: str = ""
    split: str = ""
    comment: str = Field(default="", max_length=20_000)
    card: str = Field(default="", max_length=80)
    state: str = Field(default="", max_length=8000)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was said, in the form's words; `behaviour` names the one it was said of, if it was one."""

    word: str
    behaviour: str


def record(store: Store, visitor: Visitor, given: RatingInput) -> Recorded:
    """Record the rating, or a new comment on those in force. Raises InvalidInput for a form that says neither."""
    if given.verdict == KEEP:
        return _comment(store, visitor, given)
    behaviour_id, word = _said(given)
    draft = RatingDraft(
        answer_id=given.answer_id,
        reference_id=given.reference_id,
        verdict=VERDICTS[word],
        behaviour_id=behaviour_id,
        both_bad=word == BAD,
        comment=given.comment.strip(),
    )
    ratings.record_rating(store, visitor, draft)
    return Recorded(word, _behaviour_name(store, visitor, given, behaviour_id))


def _said(given: RatingInput) -> tuple[int | None, str]:
    behaviour, _colon, word = given.split.rpartition(":")
    word = word or given.verdict
    if word not in VERDICTS or (behaviour and not (behaviour.isascii() and behaviour.isdigit())):
        raise InvalidInput(_("That is no rating."), hint=_("Choose less, same, more, or both bad."))
    return (int(behaviour) if behaviour else None), word


def _comment(store: Store, visitor: Visitor, given: RatingInput) -> Recorded:
    """The same ratings again with another comment: how and where they were given stays as it was."""
    mine = _comparison(store, visitor, given).my_ratings
    if not mine:
        raise InvalidInput(
            _("There is no rating yet for this comment."), hint=_("Rate first; the comment goes with it.")
        )
    for rating in mine:
        if rating.comment != given.comment.strip():
            ratings.record_rating(store, visitor, _again(rating, given.comment.strip()))
    return Recorded(KEEP, "")


def _again(rating: RatingView, comment: str) -> RatingDraft:
    return RatingDraft(
        answer_id=rating.answer_id,
        reference_id=rating.reference_id,
        verdict=rating.verdict,
        behaviour_id=rating.behaviour_id,
        both_bad=rating.both_bad,
        comment=comment,
        blind=rating.blind,
        side=rating.side,
        shown_at=rating.shown_at,
    )


def _behaviour_name(store: Store, visitor: Visitor, given: RatingInput, behaviour_id: int | None) -> str:
    if behaviour_id is None:
        return ""
    behaviours = _comparison(store, visitor, given).probe.behaviours
    return next((behaviour.name for behaviour in behaviours if behaviour.id == behaviour_id), "")


def _comparison(store: Store, visitor: Visitor, given: RatingInput) -> Comparison:
    return comparisons.compare_one(store, visitor, answer_id=given.answer_id, reference_id=given.reference_id)


def told(recorded: Recorded) -> str:
    """The sentence that confirms a rating."""
    words = {
        "less": _("Rated: less like it."),
        "same": _("Rated: same."),
        "more": _("Rated: more like it."),
        BAD: _("Rated: both bad."),
        KEEP: _("Comment saved."),
    }
    sentence = words[recorded.word]
    return f"{recorded.behaviour} · {sentence}" if recorded.behaviour else sentence
