"""A round of rating: which comparisons of a checkpoint one person has still to look at, and in which order.

The order follows from the rater and the ratings in force alone, so a round goes on where it stopped, on any device.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.domain.blinding import shuffled_place, side_for
from beyondloss.domain.ratings import CheckKind, Side
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.checks import NO_CHECKS, CheckRound, checks_beside
from beyondloss.services.comparisons import Reference, find_reference
from beyondloss.services.verdicts import Asked, Pair, asked_of, by_pair, judge_pairs, pairs_of
from beyondloss.store import verdicts
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id
from beyondloss.store.verdicts import GivenRating, PairRecord


@dataclass(frozen=True, slots=True)
class DuePair:
    """One comparison that waits for this rater. `side` is where the checkpoint's answer stands.

    A `check` counts for no verdict; of the base against itself, `answer_id` is the lower sample.
    """

    answer_id: int
    reference_id: int
    side: Side
    check: CheckKind | None = None

    @property
    def pair(self) -> Pair:
        return self.answer_id, self.reference_id


@dataclass(frozen=True, slots=True)
class RoundStep:
    """One checkpoint that can be rated: how many comparisons it has and how many of them this rater has rated."""

    step: int
    asked: int
    rated: int

    @property
    def left(self) -> int:
        return self.asked - self.rated


@dataclass(frozen=True, slots=True)
class RatingRound:
    """`step` is None while no checkpoint has an answer to compare; `against_step` None without a reference.

    `asked` comparisons are those whose answers differ; `equal` ones count as ties without being asked. `rated` of them
    this rater has rated, `rated_by_anybody` anybody has, by `raters` people. `due` has what is left, the first to be
    rated first; `steps` the checkpoints that can be rated against the same kind of reference.
    """

    run_id: int
    step: int | None
    against: str
    against_step: int | None
    against_run: str
    due: tuple[DuePair, ...]
    asked: int
    equal: int
    rated: int
    rated_by_anybody: int
    ratings: int
    raters: int
    steps: tuple[RoundStep, ...]
    checks: CheckRound
    """Quality checks of this rater, beside the comparisons; those that can be asked now are in `due` too."""


def open_round(
    store: Store,
    run_id: int,
    visitor: Visitor,
    *,
    step: int | None = None,
    against: str = "base",
    sampling: str | None = None,
) -> RatingRound:
    """The round of one checkpoint. Without `step`, of the one this rater has begun, else of the newest.

    Raises NotFound for a step the run does not have, InvalidInput for a reference that is no step, NotAllowed for who
    may not rate.
    """
    visitor.require_rating()
    with store.read() as session:
        asked = asked_of(session, run_id, visitor, sampling)
        given = by_pair(verdicts.given_ratings(session, run_id))
        base = pairs_of(session, asked, Reference(run_id, "", BASE_STEP), step=None)
        steps = _round_steps(base, given, visitor.rater_id)
        chosen = step if step is not None else _resumed(steps)
        if chosen is None:
            return _nothing(run_id, against, steps)
        reference = _reference(session, visitor, asked, step=chosen, against=against)
        is_base = reference == Reference(run_id, "", BASE_STEP)
        pairs = [p for p in base if p.step == chosen] if is_base else pairs_of(session, asked, reference, step=chosen)
        changed = [pair for pair in pairs if pair.changed]
        rater_id = visitor.rater_id or 0
        checks = checks_beside(session, asked, changed, given, step=chosen, rater_id=rater_id)
    found = _round(asked, pairs, given, visitor, step=chosen, against=against, reference=reference, steps=steps)
    return _with_checks(found, checks)


def _with_checks(found: RatingRound, checks: CheckRound) -> RatingRound:
    """One check at a time between the comparisons, and the others when these are done."""
    due = [DuePair(one.answer_id, one.reference_id, one.side, one.kind) for one in checks.due]
    return replace(found, due=(*due[:1], *found.due, *due[1:]), checks=checks)


def _reference(session: Session, visitor: Visitor, asked: Asked, *, step: int, against: str) -> Reference:
    sampling_id = asked.sampling.id if asked.sampling else None
    return find_reference(session, visitor, asked.run, step=step, against=against, sampling_id=sampling_id)


def _nothing(run_id: int, against: str, steps: tuple[RoundStep, ...]) -> RatingRound:
    return RatingRound(
        run_id=run_id,
        step=None,
        against=against,
        against_step=None,
        against_run="",
        due=(),
        asked=0,
        equal=0,
        rated=0,
        rated_by_anybody=0,
        ratings=0,
        raters=0,
        steps=steps,
        checks=NO_CHECKS,
    )


def _round(
    asked: Asked,
    pairs: Sequence[PairRecord],
    given: Mapping[Pair, Sequence[GivenRating]],
    visitor: Visitor,
    *,
    step: int,
    against: str,
    reference: Reference,
    steps: tuple[RoundStep, ...],
) -> RatingRound:
    changed = [pair for pair in pairs if pair.changed]
    said = {pair: given[_key(pair)] for pair in changed if _key(pair) in given}
    mine = {pair for pair, ratings in said.items() if any(one.rater_id == visitor.rater_id for one in ratings)}
    return RatingRound(
        run_id=stored_id(asked.run.id),
        step=step,
        against=against,
        against_step=reference.step,
        against_run=reference.run,
        due=_due(asked, pairs, given, rated=mine, rater_id=visitor.rater_id or 0),
        asked=len(changed),
        equal=len(pairs) - len(changed),
        rated=len(mine),
        rated_by_anybody=len(said),
        ratings=sum(map(_raters_of, said.values())),
        raters=_raters_of([one for ratings in said.values() for one in ratings]),
        steps=steps,
        checks=NO_CHECKS,
    )


def _due(
    asked: Asked,
    pairs: Sequence[PairRecord],
    given: Mapping[Pair, Sequence[GivenRating]],
    *,
    rated: Collection[PairRecord],
    rater_id: int,
) -> tuple[DuePair, ...]:
    """What verdicts need most comes first, then what the fewest people rated; shuffled for each rater among equals."""
    needing = _verdicts_needing(asked, pairs, given)

    def urgency(pair: PairRecord) -> tuple[int, int, int]:
        place = shuffled_place(pair.probe_id, rater_id, salt=f"{pair.answer_id}/{pair.reference_id}")
        return -needing[pair.probe_id], _raters_of(given.get(_key(pair), ())), place

    return tuple(
        DuePair(
            pair.answer_id,
            pair.reference_id,
            side_for(rater_id, pair.probe_id, pair.answer_id, pair.reference_id),
        )
        for pair in sorted((pair for pair in pairs if pair.changed and pair not in rated), key=urgency)
    )


def _verdicts_needing(
    asked: Asked, pairs: Sequence[PairRecord], given: Mapping[Pair, Sequence[GivenRating]]
) -> Counter[int]:
    """By probe id, of how many behaviours that are not decided it is among the probes to rate next.

    A probe that examines no behaviour counts for all probes together.
    """
    examining = {probe.id for probe in asked.probes if probe.behaviours}
    return Counter(
        probe.id
        for verdict in judge_pairs(asked, pairs, given)
        for probe in verdict.next_probes
        if (verdict.behaviour is not None) == (probe.id in examining)
    )


def _raters_of(ratings: Collection[GivenRating]) -> int:
    return len({one.rater_id for one in ratings})


def _key(pair: PairRecord) -> Pair:
    return pair.answer_id, pair.reference_id


def _round_steps(
    pairs: Sequence[PairRecord], given: Mapping[Pair, Sequence[GivenRating]], rater_id: int | None
) -> tuple[RoundStep, ...]:
    """Every checkpoint with something to rate against the base, by rising step."""
    asked: dict[int, int] = defaultdict(int)
    rated: dict[int, int] = defaultdict(int)
    for pair in pairs:
        if pair.changed:
            asked[pair.step] += 1
            rated[pair.step] += any(one.rater_id == rater_id for one in given.get(_key(pair), ()))
        else:
            asked[pair.step] += 0
    return tuple(RoundStep(step, asked[step], rated[step]) for step in sorted(asked))


def _resumed(steps: Sequence[RoundStep]) -> int | None:
    """The newest checkpoint that was begun and not finished, else the newest with something left, else the newest."""
    begun = [one.step for one in steps if one.rated and one.left]
    left = [one.step for one in steps if one.left]
    return max(begun or left or [one.step for one in steps], default=None)
