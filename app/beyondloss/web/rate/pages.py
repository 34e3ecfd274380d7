"""Everything rating mode shows, as one frozen value. Knows no HTTP and no store."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from beyondloss.analysis.diff import word_diff
from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Message
from beyondloss.domain.ratings import CheckKind, Side
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.answers import AnswerView
from beyondloss.services.checks import CheckView
from beyondloss.services.comparisons import Comparison
from beyondloss.services.projects import BehaviourView
from beyondloss.services.ratings import RatingView
from beyondloss.services.rounds import DuePair, RatingRound
from beyondloss.services.runs import RunView
from beyondloss.web.i18n import gettext as _
from beyondloss.web.rate.query import RateQuery, Shown, said_ids, shown
from beyondloss.web.run.cards import verdict_word
from beyondloss.web.run.segments import Segment, diff_segments


@dataclass(frozen=True, slots=True)
class BlindColumn:
    """One answer, without its id: ids rise with time. `name` says whose it is, empty while nobody may know."""

    segments: tuple[Segment, ...]
    empty: bool
    name: str


@dataclass(frozen=True, slots=True)
class RateCard:
    """One comparison to rate. `token` names it without telling which answer is the checkpoint's."""

    token: str
    prompt: str
    before: tuple[Message, ...]
    good: str
    language: str
    behaviours: tuple[BehaviourView, ...]
    left: BlindColumn
    right: BlindColumn
    shown_at: float
    skip: str
    """Address of the page without this comparison, until the others are done."""


@dataclass(frozen=True, slots=True)
class LastVote:
    """What was just said, with the names. `verdict`: more, less, same, bad, or empty for behaviour by behaviour."""

    rating_ids: str
    prompt: str
    language: str
    left: str
    right: str
    this: str
    verdict: str
    splits: tuple[tuple[str, str], ...]
    comment: str
    note: str = ""
    """What a quality check was."""


@dataclass(frozen=True, slots=True)
class StepChoice:
    step: int
    left: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class RateProgress:
    """Of the comparisons asked: how many I have rated, and how many anybody has. `mine` are with quality checks."""

    asked: int
    rated: int
    mine_asked: int
    mine_done: int
    rated_by_anybody: int
    ratings: int
    raters: int
    equal: int


@dataclass(frozen=True, slots=True)
class RatePage:
    """`cards`: the first is shown, the others wait. Without any, the round is over or there is nothing to rate.

    `step` is None while no checkpoint has answers to compare. `here` is the address of this state without what was
    just said; `state` the same as a query.
    """

    run: str
    run_path: str
    path: str
    here: str
    state: str
    step: int | None
    this: str
    reference: str
    reading: str
    """Address of the same comparison on the run page."""
    raters: str
    steps: tuple[StepChoice, ...]
    blind: bool
    other_blind: str
    progress: RateProgress
    cards: tuple[RateCard, ...]
    skipped: int
    unskipped: str
    last: LastVote | None
    at: str
    """The comparison that comes first because its vote was taken back."""
    asks_name: bool
    revision: int
    checks: str
    """Where quality checks are switched, for who may."""
    seen: str
    """Changes with what the page shows of the round."""
    live: str


def build_page(
    run: RunView,
    found: RatingRound,
    query: RateQuery,
    *,
    cards: Sequence[RateCard],
    last: LastVote | None,
    visitor: Visitor,
) -> RatePage:
    run_path = f"/runs/{run.id}"
    path = rate_path(run.id)
    steady = replace(query, step=found.step, last=(), at=None)
    return RatePage(
        run=run.name,
        run_path=run_path,
        path=path,
        here=steady.href(path),
        state=steady.query_string(),
        step=found.step,
        this=answer_name("", found.step or 0),
        reference=answer_name(found.against_run, found.against_step or 0),
        raters=f"{run_path}/raters",
        reading=RateQuery(found.step, query.against, query.sampling).href(run_path),
        steps=tuple(
            StepChoice(one.step, one.left, steady.href(path, step=one.step, skipped=()), one.step == found.step)
            for one in found.steps
        ),
        blind=query.blind,
        other_blind=steady.href(path, blind=not query.blind),
        progress=RateProgress(
            asked=found.asked,
            rated=found.rated,
            mine_asked=found.asked + found.checks.asked,
            mine_done=found.rated + found.checks.done,
            rated_by_anybody=found.rated_by_anybody,
            ratings=found.ratings,
            raters=found.raters,
            equal=found.equal,
        ),
        cards=tuple(cards),
        skipped=len({one for one in found.due if shown_of(one) in set(query.skipped)}),
        unskipped=steady.href(path, skipped=()),
        last=last,
        at=str(query.at or ""),
        asks_name=visitor.rater_id is None,
        revision=run.revision,
        checks=f"{run_path}/raters#checks" if visitor.is_owner else "",
        seen=seen_of(found),
        live=RateQuery(found.step, query.against, query.sampling).href(f"{path}/live"),
    )


def seen_of(found: RatingRound) -> str:
    """The same as long as the page would show the same of this round."""
    counts = (found.asked, found.equal, found.rated, found.rated_by_anybody, found.ratings, found.raters)
    checks = (found.checks.asked, found.checks.done)
    return hashlib.sha256(repr((counts, checks, found.steps)).encode()).hexdigest()[:16]


def shown_of(due: DuePair) -> Shown:
    return shown(*due.pair, again=due.check is CheckKind.REPEAT)


def build_card(comparison: Comparison, due: DuePair, query: RateQuery, found: RatingRound) -> RateCard:
    """The comparison as the rater shall see it. Raises ValueError without two answers."""
    answer, reference, probe = comparison.answer, comparison.reference, comparison.probe
    if answer is None or reference is None:
        raise ValueError("only two answers can be rated")
    diff = diff_segments(comparison.ops or word_diff(reference.text, answer.text), full=True)
    this = _column(answer, diff.answer, "" if query.blind else answer_name("", answer.step))
    other = _column(reference, diff.reference, "" if query.blind else answer_name(found.against_run, reference.step))
    left, right = (this, other) if due.side is Side.LEFT else (other, this)
    one = shown_of(due)
    steady = replace(query, step=found.step, last=(), at=None)
    return RateCard(
        token=str(one),
        prompt=probe.prompt,
        before=probe.messages[:-1],
        good=probe.good,
        language=probe.language,
        behaviours=probe.behaviours,
        left=left,
        right=right,
        shown_at=round(time.time(), 3),
        skip=steady.href(rate_path(found.run_id), skipped=(*query.skipped, one)),
    )


def build_last(given: Sequence[RatingView], comparison: Comparison, found: RatingRound) -> LastVote | None:
    """None without ratings. The side is where the answer stood when the vote was given."""
    if not given or comparison.answer is None or comparison.reference is None:
        return None
    this = answer_name("", comparison.answer.step)
    other = answer_name(found.against_run, comparison.reference.step)
    left, right = (this, other) if given[0].side is Side.LEFT else (other, this)
    names = {behaviour.id: behaviour.name for behaviour in comparison.probe.behaviours}
    return LastVote(
        rating_ids=",".join(str(rating.id) for rating in given),
        prompt=comparison.probe.prompt,
        language=comparison.probe.language,
        left=left,
        right=right,
        this=this,
        verdict=next((verdict_word(one) for one in given if one.behaviour_id is None), ""),
        splits=tuple((names[one.behaviour_id], verdict_word(one)) for one in given if one.behaviour_id in names),
        comment=given[0].comment,
    )


def build_last_check(check: CheckView, comparison: Comparison, found: RatingRound) -> LastVote | None:
    """What a quality check was, once it is given: a comparison asked again, or the base against itself."""
    if comparison.answer is None or comparison.reference is None:
        return None
    this = answer_name("", comparison.answer.step)
    other = answer_name(found.against_run, comparison.reference.step)
    left, right = (this, other) if check.side is Side.LEFT else (other, this)
    word = "bad" if check.both_bad else {-1: "less", 0: "same", 1: "more"}[check.verdict]
    is_repeat = check.kind is CheckKind.REPEAT
    return LastVote(
        rating_ids=said_ids((), check.id),
        prompt=comparison.probe.prompt,
        language=comparison.probe.language,
        left=left,
        right=right,
        this=this,
        verdict=word if is_repeat or word in {"same", "bad"} else "",
        splits=(),
        comment="",
        note=_repeat_note(check) if is_repeat else _("Quality check: both were the base's own answers."),
    )


def _repeat_note(check: CheckView) -> str:
    if check.earlier == check.verdict:
        return _("Quality check: the same comparison again, sides swapped. You said the same as before.")
    return _("Quality check: the same comparison again, sides swapped. You said something else before.")


def rate_path(run_id: int) -> str:
    return f"/runs/{run_id}/rate"


def answer_name(run: str, step: int) -> str:
    """Whose answer it is, in words: `base`, `step 20`, with another run's name before it."""
    where = _("base") if step == BASE_STEP else _("step %(step)s") % {"step": step}
    return f"{run} · {where}" if run else where


def _column(answer: AnswerView, segments: tuple[Segment, ...], name: str) -> BlindColumn:
    return BlindColumn(segments, empty=not answer.text.strip(), name=name)
