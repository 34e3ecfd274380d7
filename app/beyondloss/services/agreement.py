"""Several raters of one run: how far they agree, where they do not, and how each of them rates.

Raters stay hidden from each other until they have rated: a comparison's single ratings are shown to who has given one
of their own. The owner sees the others when asking for everything; a link's visitor never does.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median

from sqlmodel import Session

from beyondloss.analysis.statistics.agreement import krippendorff_alpha, raw_agreement
from beyondloss.analysis.statistics.intervals import Interval, wilson
from beyondloss.analysis.statistics.net_win import FEWEST_DECISIVE, NetWin, net_win
from beyondloss.analysis.verdicts import margin_for
from beyondloss.domain.access import Visitor
from beyondloss.domain.ratings import CheckKind, Side
from beyondloss.services.answers import AnswerView, answer_view
from beyondloss.services.comparisons import counting_ratings, find_reference
from beyondloss.services.projects import BehaviourView, probe_view
from beyondloss.services.ratings import RatingView, rating_view
from beyondloss.services.verdicts import Asked, Pair, asked_of, said_by_rater
from beyondloss.store import comparisons, probes, quality_checks, ratings
from beyondloss.store.comparisons import AnswerPlace
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import QualityCheck
from beyondloss.store.verdicts import GivenRating

MOST_DISAGREEMENTS = 50


class Undefined(StrEnum):
    """Why alpha has no value: nobody shares a comparison, all said the same, or too little to show to a guest."""

    NOT_SHARED = "not_shared"
    ONE_VALUE = "one_value"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class BehaviourAgreement:
    """`comparisons` were rated by several people. `raw` is the share of equal pairs of ratings among them."""

    behaviour: BehaviourView | None
    comparisons: int
    raw: float | None
    alpha: float | None
    undefined: Undefined | None


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total`, with its 95 % interval; no share without a total."""

    count: int
    total: int
    interval: Interval

    @property
    def value(self) -> float | None:
        return self.count / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class RaterRow:
    """How one person rates: `left` of the votes with a winner, `seconds` per comparison where the page measured it.

    `steady`: of the comparisons asked again with the sides swapped, how many were rated the same.
    """

    id: int
    name: str
    is_me: bool
    comparisons: int
    blind: int
    left: Share
    steady: Share
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Said:
    """What one person says of a comparison. `behaviour` is None for all behaviours that have no word of their own."""

    rater: str
    is_me: bool
    behaviour: BehaviourView | None
    verdict: int
    both_bad: bool
    comment: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One comparison that its raters see differently. `spread` is the farthest that two of them are apart, up to 2."""

    answer: AnswerView
    reference: AnswerView
    reference_run: str
    """Another run's name, where the reference is one of its answers."""
    spread: float
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class BaseNoise:
    """What raters prefer among the base's own answers, over `probes`; `net_win` is None with too few of them.

    `margin`: net wins within ±this are the same.
    """

    probes: int
    net_win: NetWin | None
    margin: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """`step` is None for all comparisons of the run. `disagreements` are the widest first, `left_out` more there are.

    `hidden` comparisons several others have rated and this visitor has not: whether they disagree is not said.
    """

    run_id: int
    step: int | None
    against: str
    raters: tuple[RaterRow, ...]
    overall: BehaviourAgreement
    behaviours: tuple[BehaviourAgreement, ...]
    disagreements: tuple[Disagreement, ...]
    left_out: int
    hidden: int
    noise: BaseNoise


@dataclass(frozen=True, slots=True)
class _Rated:
    """Every rating in force of the run, by comparison, and where its answers belong."""

    asked: Asked
    by_pair: Mapping[Pair, Sequence[RatingView]]
    places: Mapping[int, AnswerPlace]
    examined: Mapping[int, frozenset[int]]
    """By probe id, the ids of the behaviours it examines."""
    checks: Sequence[QualityCheck]


def agreement_of(
    store: Store,
    run_id: int,
    visitor: Visitor,
    *,
    step: int | None = None,
    against: str = "base",
    everything: bool = False,
) -> Agreement:
    """Of all comparisons of a run, or of one checkpoint with its reference. A fixed number of queries.

    `everything` shows the owner what others said of comparisons that he has not rated yet.
    Raises NotFound for a run or step that is not there, InvalidInput for a reference that is no step.
    """
    with store.read() as session:
        rated = _rated(session, run_id, visitor, step=step, against=against)
        shared = {pair: given for pair, given in rated.by_pair.items() if len({one.rater_id for one in given}) > 1}
        shown = {
            pair: given
            for pair, given in shared.items()
            if (everything and visitor.is_owner) or any(one.rater_id == visitor.rater_id for one in given)
        }
        spreads = {pair: _spread(rated, pair, given) for pair, given in shown.items()}
        wide = sorted((pair for pair in spreads if spreads[pair]), key=lambda pair: (-spreads[pair], -pair[0]))
        listed = {pair: spreads[pair] for pair in wide[:MOST_DISAGREEMENTS]}
        disagreements = _disagreements(session, rated, listed, visitor)
    subjects: list[BehaviourView | None] = [None, *rated.asked.behaviours]
    overall, *behaviours = (_agreement(rated, shared, subject, visitor) for subject in subjects)
    return Agreement(
        run_id=run_id,
        step=step,
        against=against,
        raters=_rater_rows(rated, visitor),
        overall=overall,
        behaviours=tuple(behaviours),
        disagreements=disagreements,
        left_out=len(wide) - len(listed),
        hidden=len(shared) - len(shown),
        noise=_noise(rated),
    )


def _rated(session: Session, run_id: int, visitor: Visitor, *, step: int | None, against: str) -> _Rated:
    asked = asked_of(session, run_id, visitor, None)
    by_pair: dict[Pair, list[RatingView]] = defaultdict(list)
    for record in ratings.rating_records(session, run_id=run_id):
        view = rating_view(record)
        by_pair[view.answer_id, view.reference_id].append(view)
    places = comparisons.rated_places(session, run_id)
    if step is not None:
        sampling_id = asked.sampling.id if asked.sampling else None
        found = find_reference(session, visitor, asked.run, step=step, against=against, sampling_id=sampling_id)
        wanted = (step, found.run_id, found.step)
        by_pair = {pair: given for pair, given in by_pair.items() if _compared(places, pair) == wanted}
    examined = {probe.id: frozenset(one.id for one in probe.behaviours) for probe in asked.probes}
    checks = quality_checks.checks_of(session, run_id)
    session.expunge_all()
    return _Rated(asked, dict(by_pair), places, examined, checks)


def _compared(places: Mapping[int, AnswerPlace], pair: Pair) -> tuple[int, int, int]:
    answer, reference = (places[one] for one in pair)
    return answer.step, reference.run_id, reference.step


def _agreement(
    rated: _Rated, shared: Mapping[Pair, Sequence[RatingView]], subject: BehaviourView | None, visitor: Visitor
) -> BehaviourAgreement:
    units = [_values(given, subject) for pair, given in shared.items() if _examines(rated, pair, subject)]
    units = [unit for unit in units if len(unit) > 1]
    if not visitor.is_owner and len(units) < FEWEST_DECISIVE:
        # With so few comparisons agreement would tell what the one other person said.
        return BehaviourAgreement(subject, len(units), None, None, Undefined.HIDDEN if units else Undefined.NOT_SHARED)
    alpha = krippendorff_alpha(units)
    undefined = None if alpha is not None else Undefined.ONE_VALUE if units else Undefined.NOT_SHARED
    return BehaviourAgreement(subject, len(units), raw_agreement(units), alpha, undefined)


def _examines(rated: _Rated, pair: Pair, subject: BehaviourView | None) -> bool:
    return subject is None or subject.id in rated.examined.get(rated.places[pair[0]].probe_id, ())


def _values(given: Sequence[RatingView], subject: BehaviourView | None) -> list[float]:
    numbers = [
        GivenRating(one.rater_id, one.answer_id, one.reference_id, one.behaviour_id, one.verdict, one.rated_at)
        for one in given
    ]
    return list(said_by_rater(numbers, subject.id if subject else None).values())


def _spread(rated: _Rated, pair: Pair, given: Sequence[RatingView]) -> float:
    subjects = [None, *(one for one in rated.asked.behaviours if _examines(rated, pair, one))]
    values = [_values(given, subject) for subject in subjects]
    return max((max(unit) - min(unit) for unit in values if len(unit) > 1), default=0.0)


def _disagreements(
    session: Session, rated: _Rated, spreads: Mapping[Pair, float], visitor: Visitor
) -> tuple[Disagreement, ...]:
    placed = comparisons.answers_by_id(session, {one for pair in spreads for one in pair})
    rows = {stored_id(one.record.probe.id): one.record.probe for one in placed.values()}
    views = {
        stored_id(record.probe.id): probe_view(record) for record in probes.probe_records(session, [*rows.values()])
    }
    found = {key: answer_view(one.record, views[stored_id(one.record.probe.id)]) for key, one in placed.items()}
    return tuple(
        Disagreement(
            answer=found[answer_id],
            reference=found[reference_id],
            reference_run=rated.places[reference_id].other_run(rated.places[answer_id].run_id),
            spread=spread,
            said=_said(rated, rated.by_pair[answer_id, reference_id], visitor),
        )
        for (answer_id, reference_id), spread in spreads.items()
    )


def _said(rated: _Rated, given: Sequence[RatingView], visitor: Visitor) -> tuple[Said, ...]:
    names = {behaviour.id: behaviour for behaviour in rated.asked.behaviours}
    by_rater = _by_rater(given)
    return tuple(
        Said(
            rater=rating.rater,
            is_me=rating.rater_id == visitor.rater_id,
            behaviour=names.get(rating.behaviour_id or 0),
            verdict=int(rating.verdict),
            both_bad=rating.both_bad,
            comment=rating.comment,
        )
        for rater_id in sorted(by_rater)
        for rating in sorted(counting_ratings(by_rater[rater_id]), key=lambda one: one.behaviour_id or 0)
    )


def _by_rater(given: Sequence[RatingView]) -> dict[int, list[RatingView]]:
    found: dict[int, list[RatingView]] = defaultdict(list)
    for rating in given:
        found[rating.rater_id].append(rating)
    return found


def _noise(rated: _Rated) -> BaseNoise:
    means = rated.asked.base_means
    found = net_win(means) if len(means) >= FEWEST_DECISIVE else None
    return BaseNoise(len(means), found, margin_for(rated.asked.noise))


def _rater_rows(rated: _Rated, visitor: Visitor) -> tuple[RaterRow, ...]:
    """Who rated most comes first. A link's visitor sees only their own row."""
    votes: dict[int, list[list[RatingView]]] = defaultdict(list)
    for given in rated.by_pair.values():
        for rater_id, ratings_of_one in _by_rater(given).items():
            if visitor.is_owner or rater_id == visitor.rater_id:
                votes[rater_id].append(ratings_of_one)
    rows = [
        _rater_row(
            rater_id,
            cast,
            [one for one in rated.checks if one.rater_id == rater_id and one.kind == CheckKind.REPEAT.value],
            is_me=rater_id == visitor.rater_id,
        )
        for rater_id, cast in votes.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.comparisons, row.name)))


def _rater_row(
    rater_id: int, votes: Sequence[Sequence[RatingView]], repeats: Sequence[QualityCheck], *, is_me: bool
) -> RaterRow:
    chosen = [side for vote in votes if (side := _chosen_side(vote)) is not None]
    looked = [vote[0].rated_at - vote[0].shown_at for vote in votes if vote[0].shown_at is not None]
    looked = [seconds for seconds in looked if seconds >= 0]
    left = sum(side is Side.LEFT for side in chosen)
    return RaterRow(
        id=rater_id,
        name=votes[0][0].rater,
        is_me=is_me,
        comparisons=len(votes),
        blind=sum(all(rating.blind for rating in vote) for vote in votes),
        left=_share(left, len(chosen)),
        steady=_share(sum(one.verdict == one.earlier for one in repeats), len(repeats)),
        seconds=median(looked) if looked else None,
    )


def _share(count: int, total: int) -> Share:
    return Share(count, total, wilson(count, total))


def _chosen_side(vote: Sequence[RatingView]) -> Side | None:
    """Where the answer stood that somebody preferred; None without a preference, or where the place is not known."""
    side = vote[0].side
    whole = [rating.verdict for rating in vote if rating.behaviour_id is None]
    lean = fmean(whole or [rating.verdict for rating in vote])
    if side is None or lean == 0:
        return None
    return side if lean > 0 else (Side.RIGHT if side is Side.LEFT else Side.LEFT)
