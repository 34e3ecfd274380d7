"""Verdicts per behaviour: of one checkpoint against a reference, and of all checkpoints against the base.

Numbers of several people only: a link's visitor learns what the ratings support, never what one other person said.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from threading import Lock
from weakref import WeakKeyDictionary

from sqlmodel import Session

from beyondloss.analysis.statistics.net_win import FEWEST_DECISIVE
from beyondloss.analysis.verdicts import (
    MARGIN,
    Judged,
    ProbeValue,
    VerdictWord,
    judge,
    margin_for,
    noise_half_width,
)
from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import BASE_STEP
from beyondloss.domain.sampling import Sampling
from beyondloss.domain.text import storable
from beyondloss.errors import NotFound
from beyondloss.services.comparisons import Reference, find_reference
from beyondloss.services.projects import BehaviourView, ProbeView, probe_view
from beyondloss.store import answers, probes, quality_checks, samplings, verdicts
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Run
from beyondloss.store.tables import Sampling as SamplingRow
from beyondloss.store.verdicts import GivenRating, PairRecord

MOST_REMEMBERED = 10_000

_lock = Lock()
_newest: "WeakKeyDictionary[Store, dict[tuple[int, int, bool], VerdictSet | None]]" = WeakKeyDictionary()

Pair = tuple[int, int]
"""Ids of an answer and its reference."""
RatingsByPair = Mapping[Pair, Sequence[GivenRating]]


@dataclass(frozen=True, slots=True)
class ProbeToRate:
    id: int
    key: str


@dataclass(frozen=True, slots=True)
class BehaviourVerdict:
    """What the ratings of one behaviour support. `behaviour` is None for all probes together.

    `net_win` with its 95 % interval is over `probes` probes: the rated ones, and ties in their proportion. None while
    nothing is known, and, for a link's visitor, while so little is rated that it would tell what one person said.
    `decisive` probes lean either way. `needed` more ratings, of `next_probes` first, would do if answers go on as they
    do; `new_probes` of them take probes that do not exist yet.
    """

    behaviour: BehaviourView | None
    verdict: VerdictWord
    net_win: float | None
    low: float | None
    high: float | None
    probes: int
    decisive: int
    asked: int
    ratings: int
    raters: int
    identical: bool
    e_value: float | None
    p_value: float | None
    holm: bool
    needed: int
    new_probes: int
    next_probes: tuple[ProbeToRate, ...]


@dataclass(frozen=True, slots=True)
class VerdictSet:
    """One checkpoint against a reference. `against_step` is None where there is nothing to compare with."""

    run_id: int
    step: int
    against: str
    against_step: int | None
    against_run: str
    """Another run's name, where the reference is one of its checkpoints."""
    sampling_key: str
    overall: BehaviourVerdict
    behaviours: tuple[BehaviourVerdict, ...]
    compared: int
    changed: int
    margin: float = MARGIN
    """Net wins within ±this are the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What all steps share: the probes asked, and what each behaviour looks at (None: everything)."""

    run: Run
    sampling: SamplingRow | None
    probes: Sequence[ProbeView]
    behaviours: Sequence[BehaviourView]
    base_means: Sequence[float]
    """What raters prefer of the base's own answers, a mean for each probe."""

    @property
    def noise(self) -> float:
        """Half-width of the net win of base against base, 0 where too little of that was rated."""
        return noise_half_width(self.base_means)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Every checkpoint's answers beside the base's, by rising step, and the ratings in force by pair."""

    asked: Asked
    pairs: Mapping[int, Sequence[PairRecord]]
    given: RatingsByPair

    def is_rated(self, step: int) -> bool:
        return any((pair.answer_id, pair.reference_id) in self.given for pair in self.pairs[step])

    def values(self, step: int, behaviour: BehaviourView | None) -> list[ProbeValue]:
        """Of one behaviour's probes at one checkpoint; of all probes together for None."""
        by_probe: dict[int, list[PairRecord]] = defaultdict(list)
        for pair in self.pairs[step]:
            by_probe[pair.probe_id].append(pair)
        probes = self.asked.probes
        looked_at = probes if behaviour is None else [one for one in probes if behaviour in one.behaviours]
        return probe_values(looked_at, by_probe, self.given, behaviour.id if behaviour else None)


def verdicts_of(
    store: Store, run_id: int, visitor: Visitor, *, step: int, against: str = "base", sampling: str | None = None
) -> VerdictSet:
    """What everybody's ratings support at this step. A fixed number of queries.

    Raises NotFound for a step the run does not have, InvalidInput for a reference that is no step.
    """
    with store.read() as session:
        asked = asked_of(session, run_id, visitor, sampling)
        sampling_id = asked.sampling.id if asked.sampling else None
        reference = find_reference(session, visitor, asked.run, step=step, against=against, sampling_id=sampling_id)
        pairs = pairs_of(session, asked, reference, step=step)
        given = by_pair(verdicts.given_ratings(session, run_id))
    return _verdict_set(asked, pairs, given, visitor, step=step, against=against, reference=reference)


def verdicts_by_step(
    store: Store, run_id: int, visitor: Visitor, *, sampling: str | None = None
) -> tuple[VerdictSet, ...]:
    """Every checkpoint with a rated answer against the base, by rising step. A fixed number of queries."""
    return verdict_sets(evidence_of(store, run_id, visitor, sampling=sampling), visitor)


def verdict_sets(found: Evidence, visitor: Visitor) -> tuple[VerdictSet, ...]:
    """The same, of evidence that was read before."""
    base = Reference(stored_id(found.asked.run.id), "", BASE_STEP)
    return tuple(
        _verdict_set(found.asked, pairs, found.given, visitor, step=step, against="base", reference=base)
        for step, pairs in found.pairs.items()
        if found.is_rated(step)
    )


def evidence_of(
    store: Store, run_id: int, visitor: Visitor, *, sampling: str | None = None, unrated: bool = False
) -> Evidence:
    """What verdicts against the base are made of. Without any rating, answers are looked up only for `unrated`."""
    with store.read() as session:
        asked = asked_of(session, run_id, visitor, sampling)
        given = by_pair(verdicts.given_ratings(session, run_id))
        pairs = pairs_of(session, asked, Reference(run_id, "", BASE_STEP), step=None) if given or unrated else []
    by_step: dict[int, list[PairRecord]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda one: one.step):
        by_step[pair.step].append(pair)
    return Evidence(asked, dict(by_step), given)


def newest_verdicts(store: Store, visitor: Visitor, revisions: Mapping[int, int]) -> dict[int, VerdictSet]:
    """Of each run (id → revision) its newest rated checkpoint against the base; runs without one are left out.

    Remembered by revision, as the list's rows are: only runs that moved are judged again.
    """
    found = {}
    for run_id, revision in revisions.items():
        key = (run_id, revision, visitor.is_owner)
        with _lock:
            known = _newest.setdefault(store, {})
        if key not in known:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            known[key] = _newest_of(store, run_id, visitor)
        if (newest := known[key]) is not None:
            found[run_id] = newest
    return found


def _newest_of(store: Store, run_id: int, visitor: Visitor) -> VerdictSet | None:
    """Looks at no more checkpoints than it must: mostly at one."""
    base = Reference(run_id, "", BASE_STEP)
    with store.read() as session:
        steps = verdicts.rated_steps(session, run_id)
        if not steps:
            return None
        asked = asked_of(session, run_id, visitor, None)
        given = by_pair(verdicts.given_ratings(session, run_id))
        for step in steps:
            pairs = pairs_of(session, asked, base, step=step)
            if any((pair.answer_id, pair.reference_id) in given for pair in pairs):
                return _verdict_set(asked, pairs, given, visitor, step=step, against="base", reference=base)
    return None


def asked_of(session: Session, run_id: int, visitor: Visitor, sampling: str | None) -> Asked:
    run = answers.get_run(session, run_id)
    if run is None:
        raise NotFound("There is no such run.", hint="Check the address, or ask for a new link.")
    visitor.require_run(run_id=run_id, project_id=run.project_id)
    if sampling is None:
        chosen = samplings.run_sampling(session, run)
    elif (chosen := samplings.sampling_by_reference(session, storable(sampling))) is None:
        raise NotFound(f"There is no sampling {sampling!r}.", hint="Leave it out to use the run's own.")
    current = probes.current_probes(session, project_id=run.project_id, active_only=True)
    views = [probe_view(record) for record in probes.probe_records(session, current)]
    behaviours = {one.id: one for view in views for one in view.behaviours}
    return Asked(run, chosen, views, list(behaviours.values()), quality_checks.base_means(session, run_id))


def pairs_of(session: Session, asked: Asked, reference: Reference, *, step: int | None) -> list[PairRecord]:
    if asked.sampling is None or reference.step is None:
        return []
    return verdicts.answer_pairs(
        session,
        stored_id(asked.run.id),
        sampling_id=stored_id(asked.sampling.id),
        probe_ids=[probe.id for probe in asked.probes],
        against_step=reference.step,
        against_run_id=reference.run_id,
        step=step,
    )


def by_pair(given: Iterable[GivenRating]) -> dict[Pair, list[GivenRating]]:
    found: dict[Pair, list[GivenRating]] = defaultdict(list)
    for rating in given:
        found[rating.answer_id, rating.reference_id].append(rating)
    return dict(found)


def _verdict_set(
    asked: Asked,
    pairs: Sequence[PairRecord],
    given: RatingsByPair,
    visitor: Visitor,
    *,
    step: int,
    against: str,
    reference: Reference,
) -> VerdictSet:
    judged = judge_pairs(asked, pairs, given)
    if not visitor.is_owner:
        judged = tuple(_for_guest(one) for one in judged)
    return VerdictSet(
        run_id=stored_id(asked.run.id),
        step=step,
        against=against,
        against_step=reference.step,
        against_run=reference.run,
        sampling_key=asked.sampling.key if asked.sampling else Sampling().key,
        overall=judged[0],
        behaviours=judged[1:],
        compared=len(pairs),
        changed=sum(pair.changed for pair in pairs),
        margin=margin_for(asked.noise),
    )


def judge_pairs(asked: Asked, pairs: Sequence[PairRecord], given: RatingsByPair) -> tuple[BehaviourVerdict, ...]:
    """The verdict of all probes together, then one per behaviour. The behaviours are one family of tests, all
    probes together are a question of their own.
    """
    by_probe: dict[int, list[PairRecord]] = defaultdict(list)
    for pair in pairs:
        by_probe[pair.probe_id].append(pair)
    behaviours = asked.behaviours
    looked_at = {one.id: [p for p in asked.probes if one in p.behaviours] for one in behaviours}
    values = [probe_values(looked_at[behaviour.id], by_probe, given, behaviour.id) for behaviour in behaviours]
    everything = probe_values(asked.probes, by_probe, given, None)
    judged = (*judge([everything], noise=asked.noise), *judge(values, noise=asked.noise))
    subjects: list[BehaviourView | None] = [None, *behaviours]
    keys = {probe.id: probe.key for probe in asked.probes}
    return tuple(
        _behaviour_verdict(
            subject,
            one,
            keys,
            asked=len(asked.probes if subject is None else looked_at[subject.id]),
            raters=_raters(asked.probes if subject is None else looked_at[subject.id], by_probe, given, subject),
        )
        for subject, one in zip(subjects, judged, strict=True)
    )


def probe_values(
    asked: Sequence[ProbeView],
    by_probe: Mapping[int, Sequence[PairRecord]],
    given: RatingsByPair,
    behaviour_id: int | None,
) -> list[ProbeValue]:
    """One value per probe with answers to compare: the mean over its raters, then over its samples."""
    return [_probe_value(probe.id, by_probe[probe.id], given, behaviour_id) for probe in asked if probe.id in by_probe]


def _probe_value(
    probe_id: int, pairs: Sequence[PairRecord], given: RatingsByPair, behaviour_id: int | None
) -> ProbeValue:
    changed = [pair for pair in pairs if pair.changed]
    if not changed:
        return ProbeValue(probe_id, 0.0, identical=True)
    said = [list(said_by_rater(given.get((p.answer_id, p.reference_id), ()), behaviour_id).values()) for p in changed]
    rated = [fmean(values) for values in said if values]
    mean = fmean(rated) * len(changed) / len(pairs) if rated else None
    return ProbeValue(probe_id, mean, ratings=sum(map(len, said)))


def said_by_rater(given: Sequence[GivenRating], behaviour_id: int | None) -> dict[int, float]:
    """What each person says of one comparison: where a rating for all behaviours and one for this one are both in
    force, the later counts. For all probes together, who judged only single behaviours counts with their mean.
    """
    by_rater: dict[int, list[GivenRating]] = defaultdict(list)
    for rating in given:
        by_rater[rating.rater_id].append(rating)
    found = {}
    for rater_id, ratings in by_rater.items():
        whole = [rating for rating in ratings if rating.behaviour_id is None]
        if behaviour_id is not None:
            counting = whole + [rating for rating in ratings if rating.behaviour_id == behaviour_id]
            if counting:
                latest = max(counting, key=lambda one: (one.rated_at, one.behaviour_id is None))
                found[rater_id] = float(latest.verdict)
        elif ratings:
            found[rater_id] = fmean(rating.verdict for rating in whole or ratings)
    return found


def _raters(
    asked: Sequence[ProbeView],
    by_probe: Mapping[int, Sequence[PairRecord]],
    given: RatingsByPair,
    behaviour: BehaviourView | None,
) -> int:
    pairs = [pair for probe in asked for pair in by_probe.get(probe.id, ()) if pair.changed]
    ids = behaviour.id if behaviour else None
    return len({rater for p in pairs for rater in said_by_rater(given.get((p.answer_id, p.reference_id), ()), ids)})


def _behaviour_verdict(
    behaviour: BehaviourView | None, one: Judged, keys: Mapping[int, str], *, asked: int, raters: int
) -> BehaviourVerdict:
    found = one.net_win
    return BehaviourVerdict(
        behaviour=behaviour,
        verdict=one.word,
        net_win=found.value if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        probes=found.probes if found else 0,
        decisive=found.decisive if found else 0,
        asked=asked,
        ratings=one.ratings,
        raters=raters,
        identical=one.identical,
        e_value=one.e_value,
        p_value=one.p_value,
        holm=one.holm,
        needed=one.needed,
        new_probes=one.new_probes,
        next_probes=tuple(ProbeToRate(probe_id, keys[probe_id]) for probe_id in one.next_probes),
    )


def _for_guest(one: BehaviourVerdict) -> BehaviourVerdict:
    """Raters stay hidden from each other: with so few ratings the numbers would tell what one person said.

    No verdict is lost: with fewer ratings than this there can be none, other than that no answer changed.
    """
    if one.identical or one.ratings >= FEWEST_DECISIVE:
        return one
    return replace(one, net_win=None, low=None, high=None, probes=0, decisive=0, e_value=None, p_value=None)
