"""One comparison as a card of the run page: its texts, its marks, its provenance, its rating. Knows no store."""

from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from beyondloss.analysis.diff import word_diff
from beyondloss.analysis.divergence import tie_margin
from beyondloss.domain.answers import Provenance, Signal
from beyondloss.domain.probes import Family, Message
from beyondloss.domain.ratings import Verdict
from beyondloss.services.answers import AnswerView
from beyondloss.services.comparisons import Comparison
from beyondloss.services.ratings import RatingView
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext
from beyondloss.web.run.markdown import render_markdown
from beyondloss.web.run.query import BASE, RunQuery, Show, View
from beyondloss.web.run.segments import Segment, diff_segments, plain_segments

_HASH_LENGTH = 12


class CardState(StrEnum):
    CHANGED = "changed"
    SAME = "same"
    ALONE = "alone"
    """The answer is there and nothing to compare it with: the base itself, or a reference still to come."""
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Tag:
    """A behaviour of the probe, linking to the page with only its probes."""

    name: str
    wanted: str
    href: str


@dataclass(frozen=True, slots=True)
class Column:
    """One answer on screen. `rendered` is its Markdown, where somebody asked for it."""

    run_id: int
    step: int
    segments: tuple[Segment, ...]
    signals: tuple[Signal, ...]
    empty: bool
    language: str
    rendered: Markup | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of provenance: the same for both answers, or not."""

    label: str
    reference: str
    answer: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Split:
    """The rating of one behaviour by itself; `verdict` as in `RatingForm`."""

    behaviour_id: int
    name: str
    wanted: str
    verdict: str


@dataclass(frozen=True, slots=True)
class RatingForm:
    """What can be said about this comparison and what this visitor said. `verdict`: less, same, more, bad, or empty."""

    answer_id: int
    reference_id: int
    verdict: str
    rated: bool
    comment: str
    splits: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class CardLinks:
    permalink: str
    fold: str
    rendered: str
    strip: str
    """The page of this answer through all checkpoints."""


@dataclass(frozen=True, slots=True)
class Card:
    """`id` is stable across steps and references, so that a morph keeps what a person does in it."""

    id: str
    state: CardState
    key: str
    prompt: str
    before: tuple[Message, ...]
    family: Family
    group: str
    good: str
    language: str
    tags: tuple[Tag, ...]
    sample: int
    reference: Column | None
    answer: Column | None
    merged: tuple[Segment, ...]
    folded: bool
    full: bool
    as_markdown: bool
    numerical_tie: bool
    doubts: tuple[str, ...]
    """Ways in which the two answers were made differently, so that the diff may show more than the weights."""
    facts: tuple[Fact, ...]
    rating: RatingForm | None
    links: CardLinks
    hidden_by_filter: bool = False
    """True for a card that stays only because somebody has it before their eyes."""


def card_id(comparison: Comparison) -> str:
    return f"{comparison.probe.id}-{comparison.sample_index}"


def build_card(comparison: Comparison, query: RunQuery, path: str, *, may_rate: bool) -> Card:
    """The card of one comparison under the page's state."""
    probe = comparison.probe
    identity = card_id(comparison)
    full = identity in query.full
    as_markdown = identity in query.rendered
    state = _state(comparison)
    reference, answer, merged, folded = _texts(comparison, state, full=full, as_markdown=as_markdown)
    return Card(
        id=identity,
        state=state,
        key=probe.key,
        prompt=probe.prompt,
        before=probe.messages[:-1],
        family=probe.family,
        group=probe.group,
        good=probe.good,
        language=probe.language,
        tags=tuple(
            Tag(b.name, b.wanted, query.href(path, behaviour=str(b.id), probe="", **_FRESH)) for b in probe.behaviours
        ),
        sample=comparison.sample_index,
        reference=reference,
        answer=answer,
        merged=merged,
        folded=folded,
        full=full,
        as_markdown=as_markdown,
        numerical_tie=comparison.numerical_tie and state is CardState.CHANGED,
        doubts=_doubts(comparison),
        facts=_facts(comparison.reference, comparison.answer),
        rating=_rating(comparison) if may_rate and state is CardState.CHANGED else None,
        links=_links(query, path, identity, comparison),
    )


_FRESH: dict[str, frozenset[str]] = {"full": frozenset(), "rendered": frozenset()}


def _state(comparison: Comparison) -> CardState:
    if comparison.answer is None:
        return CardState.MISSING
    if comparison.reference is None or comparison.answer.id == comparison.reference.id:
        return CardState.ALONE
    return CardState.CHANGED if comparison.changed else CardState.SAME


def _texts(
    comparison: Comparison, state: CardState, *, full: bool, as_markdown: bool
) -> tuple[Column | None, Column | None, tuple[Segment, ...], bool]:
    answer, reference = comparison.answer, comparison.reference
    if answer is None:
        return None, None, (), False
    if state is not CardState.CHANGED or reference is None:
        segments = plain_segments(answer.text, full=full)
        column = _column(answer, segments, as_markdown=as_markdown)
        return None, column, segments, len(segments) > 1
    ops = comparison.ops or word_diff(reference.text, answer.text)
    diff = diff_segments(ops, full=full)
    return (
        _column(reference, diff.reference, as_markdown=as_markdown),
        _column(answer, diff.answer, as_markdown=as_markdown),
        diff.merged,
        diff.folded,
    )


def _column(answer: AnswerView, segments: tuple[Segment, ...], *, as_markdown: bool) -> Column:
    return Column(
        run_id=answer.run_id,
        step=answer.step,
        segments=segments,
        signals=answer.signals,
        empty=not answer.text.strip(),
        language=answer.probe.language,
        rendered=render_markdown(answer.text) if as_markdown else None,
    )


def _links(query: RunQuery, path: str, identity: str, comparison: Comparison) -> CardLinks:
    anchor = f"#card-{identity}"
    full = query.full ^ {identity}
    rendered = query.rendered ^ {identity}
    return CardLinks(
        permalink=query.href(path, probe=comparison.probe.key, show=Show.ALL, behaviour="", family="", q="", **_FRESH),
        fold=query.href(path, full=full) + anchor,
        rendered=query.href(path, rendered=rendered, view=View.SIDE if rendered else query.view) + anchor,
        strip=RunQuery(
            step=query.step,
            against=BASE if "@" in query.against else query.against,
            sampling=query.sampling,
            sample=comparison.sample_index,
        ).href(f"{path}/probes/{comparison.probe.id}"),
    )


def verdict_word(rating: RatingView) -> str:
    """The word by which forms name a rating."""
    if rating.both_bad:
        return "bad"
    return {Verdict.LESS: "less", Verdict.SAME: "same", Verdict.MORE: "more"}[rating.verdict]


def _rating(comparison: Comparison) -> RatingForm | None:
    if comparison.answer is None or comparison.reference is None:
        return None
    words = {rating.behaviour_id: verdict_word(rating) for rating in comparison.my_ratings}
    behaviours = comparison.probe.behaviours
    return RatingForm(
        answer_id=comparison.answer.id,
        reference_id=comparison.reference.id,
        verdict=words.get(None, ""),
        rated=bool(words),
        comment=next((rating.comment for rating in comparison.my_ratings if rating.comment), ""),
        splits=tuple(Split(b.id, b.name, b.wanted, words.get(b.id, "")) for b in behaviours)
        if len(behaviours) > 1
        else (),
    )


def _doubts(comparison: Comparison) -> tuple[str, ...]:
    if comparison.answer is None or comparison.reference is None:
        return ()
    answer, reference = comparison.answer.provenance, comparison.reference.provenance
    doubts = []
    if answer.template_hash != reference.template_hash:
        doubts.append(_("The two answers were asked through different chat templates."))
    elif answer.prompt_token_ids != reference.prompt_token_ids:
        doubts.append(_("The two answers were given different prompts."))
    if answer.base_fingerprint != reference.base_fingerprint:
        doubts.append(_("The two answers stand on different base weights."))
    if answer.dtype != reference.dtype:
        doubts.append(_("The two answers were computed in different number types."))
    return tuple(doubts)


def _facts(reference: AnswerView | None, answer: AnswerView | None) -> tuple[Fact, ...]:
    if answer is None:
        return ()
    left = _described(reference) if reference else {}
    right = _described(answer)
    return tuple(
        Fact(label, left.get(label, ""), value, differs=bool(reference) and left.get(label, "") != value)
        for label, value in right.items()
    )


def _described(answer: AnswerView) -> dict[str, str]:
    made: Provenance = answer.provenance
    lines = {
        _("weights"): made.weights_fingerprint[:_HASH_LENGTH],
        _("base model"): made.base_model,
        _("base weights"): made.base_fingerprint[:_HASH_LENGTH],
        _("chat template"): made.template_hash[:_HASH_LENGTH],
        _("prompt tokens"): str(len(made.prompt_token_ids)),
        _("answer tokens"): str(len(answer.token_ids)),
        _("ended"): _("by itself") if answer.finish == "stop" else _("at the token limit"),
        _("number type"): made.dtype,
        _("device"): made.device,
        _("engine"): made.engine,
        _("decoding"): made.decoding,
        _("adapter check"): made.adapter_check,
        _("noise floor"): _("%(margin)s logits") % {"margin": f"{tie_margin(made):.3g}"},
        _("earlier answer’s log-probability"): _scored(made),
        _("divergence from the base"): _diverged(made),
        **dict(sorted(made.versions.items())),
        _("notes"): " ".join(made.notes),
    }
    return {label: value for label, value in lines.items() if value}


def _diverged(made: Provenance) -> str:
    """How far the weights have moved where the answer still says what the base said."""
    tokens = int(made.stats.get("base_tokens", 0))
    if not tokens:
        return ""
    return ngettext(
        "%(mean)s nats per token (KL), over %(tokens)s token",
        "%(mean)s nats per token (KL), over %(tokens)s tokens",
        tokens,
    ) % {"mean": f"{made.stats['base_kl']:.4f}", "tokens": tokens}


def _scored(made: Provenance) -> str:
    """How likely these weights still find what was said before: a drift that the text does not show."""
    tokens = int(made.stats.get("reference_tokens", 0))
    if not tokens:
        return ""
    mean = made.stats["reference_logprob"]
    return ngettext(
        "%(mean)s per token, over %(tokens)s token", "%(mean)s per token, over %(tokens)s tokens", tokens
    ) % {"mean": f"{mean:.3f}", "tokens": tokens}
