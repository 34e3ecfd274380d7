"""Ratings as preference data: each rated comparison becomes a pair (DPO) or labelled answers (KTO), with provenance."""

from collections import defaultdict
from collections.abc import Iterator

from beyondloss import __version__
from beyondloss.domain.access import Visitor
from beyondloss.domain.preferences import (
    Consensus,
    Judgement,
    Stance,
    Unpaired,
    Wanted,
    consensus,
    counts,
    stance_of,
)
from beyondloss.errors import InvalidInput
from beyondloss.services.comparisons import counting_ratings
from beyondloss.services.exports.forms import Labelled, Line, Pair, PreferenceFormat, json_line, line_of
from beyondloss.services.exports.judged import Judged, exported_run, judged_comparisons
from beyondloss.services.ratings import RatingView
from beyondloss.store.engine import Store


def preference_lines(
    store: Store, run_id: int, visitor: Visitor, *, form: PreferenceFormat, wanted: Wanted | None = None
) -> Iterator[str]:
    """JSON lines for this trainer, one stretch of comparisons in memory at a time.

    Raises NotFound, NotAllowed, or InvalidInput for a tie or both-bad to be kept as a pair, before the first line.
    """
    wanted = wanted or Wanted()
    if form.pairs and (wanted.ties, wanted.both_bad) != (Unpaired.DROP, Unpaired.DROP):
        raise InvalidInput(
            "DPO learns from pairs, and ties prefer neither answer.", hint="Drop them, or use a KTO format."
        )
    run = exported_run(store, run_id, visitor)
    return _lines(judged_comparisons(store, run), form, wanted)


def _lines(found: Iterator[Judged], form: PreferenceFormat, wanted: Wanted) -> Iterator[str]:
    for judged in found:
        if wanted.step is not None and judged.answer.step != wanted.step:
            continue
        agreed = consensus(_stances(judged, wanted.behaviour))
        if agreed is not None and counts(agreed, wanted):
            for example in _examples(judged, agreed.stance, form, wanted):
                yield json_line(line_of(example, form) | {"provenance": _provenance(judged, agreed, form)})


def _stances(judged: Judged, behaviour: str | None) -> list[Stance]:
    """One per rater; of one behaviour, the newest that a rater said of it, be it of all at once."""
    by_rater: dict[int, list[RatingView]] = defaultdict(list)
    for rating in judged.ratings:
        by_rater[rating.rater_id].append(rating)
    counting = [counting_ratings(given) for given in by_rater.values()]
    if behaviour is not None:
        examined = {one.id for one in judged.answer.probe.behaviours if one.name == behaviour}
        if not examined:
            return []
        counting = [_of_behaviour(given, examined) for given in counting]
    return [stance_of([Judgement(one.verdict, one.both_bad) for one in given]) for given in counting if given]


def _of_behaviour(given: tuple[RatingView, ...], examined: set[int]) -> tuple[RatingView, ...]:
    split = tuple(rating for rating in given if rating.behaviour_id in examined)
    return split or tuple(rating for rating in given if rating.behaviour_id is None)


def _examples(judged: Judged, stance: Stance, form: PreferenceFormat, wanted: Wanted) -> list[Pair | Labelled]:
    prompt, answer, reference = judged.answer.probe.messages, judged.answer.text, judged.reference.text
    if answer == reference:
        return []
    if stance in (Stance.SAME, Stance.BAD):
        choice = wanted.ties if stance is Stance.SAME else wanted.both_bad
        texts = () if choice is Unpaired.DROP else (answer, reference)
        return [Labelled(prompt, text, wanted=choice is Unpaired.GOOD) for text in texts]
    chosen, rejected = (answer, reference) if stance is Stance.MORE else (reference, answer)
    if form.pairs:
        return [Pair(prompt, chosen, rejected)]
    return [Labelled(prompt, chosen, wanted=True), Labelled(prompt, rejected, wanted=False)]


def _provenance(judged: Judged, agreed: Consensus, form: PreferenceFormat) -> Line:
    """Where the line comes from. Every key has one type on every line: tables of columns are made from them."""
    answer, reference = judged.answer, judged.reference
    return {
        "source": f"BeyondLoss {__version__}",
        "format": form.value,
        "run": judged.run,
        "step": answer.step,
        "reference_run": judged.reference_run,
        "reference_step": reference.step,
        "probe_set": answer.probe.set_name,
        "probe": answer.probe.key,
        "probe_revision": answer.probe.revision,
        "behaviours": [behaviour.name for behaviour in answer.probe.behaviours],
        "sampling": judged.sampling_key,
        "sample": answer.sample_index,
        "answer_id": answer.id,
        "reference_id": reference.id,
        "base_model": answer.provenance.base_model,
        "weights": answer.provenance.weights_fingerprint,
        "reference_weights": reference.provenance.weights_fingerprint,
        "answer_finish": answer.finish.value,
        "reference_finish": reference.finish.value,
        "stance": agreed.stance.value,
        "raters": agreed.raters,
        "agreeing": agreed.agreeing,
        "blind": all(rating.blind for rating in judged.ratings),
        "rated_at": max(rating.rated_at for rating in judged.ratings),
    }
