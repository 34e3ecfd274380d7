"""Quality checks of rating mode, off unless the owner wants them: how steady raters are, and how noisy.

One comparison in ten is asked a second time with the sides swapped, and one for every twenty sets two answers of the
base against each other, if the base answers with noise. Neither ever counts for a verdict. What raters prefer among
the base's own answers is the noise: net wins within it are the same.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.domain.blinding import shuffled_place, side_for, swapped
from beyondloss.domain.ratings import CheckKind, RatingDraft, Side, Verdict
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import ratings
from beyondloss.services.verdicts import Asked, said_by_rater
from beyondloss.store import answers, quality_checks
from beyondloss.store.engine import Store
from beyondloss.store.quality_checks import BasePair
from beyondloss.store.ratings import comparison_ratings, rated_answers
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import QualityCheck
from beyondloss.store.verdicts import GivenRating, PairRecord

REPEATED_SHARE = 0.10
BASE_SHARE = 0.05
APART = 5
"""Ratings between a comparison and its repeat, so that the answers are not fresh in mind."""

Pair = tuple[int, int]
P = TypeVar("P", PairRecord, BasePair)


@dataclass(frozen=True, slots=True)
class DueCheck:
    kind: CheckKind
    answer_id: int
    reference_id: int
    side: Side


@dataclass(frozen=True, slots=True)
class CheckRound:
    """One rater's checks beside a round: how many there are and how many are done; `due` can be asked now."""

    asked: int
    done: int
    due: tuple[DueCheck, ...]


NO_CHECKS = CheckRound(0, 0, ())


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check as given. `earlier` is what the rater had said of a repeat, from −1 to 1."""

    id: int
    kind: CheckKind
    answer_id: int
    reference_id: int
    verdict: Verdict
    both_bad: bool
    earlier: float | None
    side: Side


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """`base_pairs`: how many pairs of the base's own answers differ; 0 where it answers without noise, or once."""

    on: bool
    base_pairs: int


def check_settings(store: Store, visitor: Visitor, run_id: int) -> CheckSettings:
    with store.read() as session:
        run = answers.get_run(session, run_id)
        if run is None:
            raise NotFound("There is no such run.", hint="The runs list shows every run.")
        visitor.require_run(run_id=run_id, project_id=run.project_id)
        pairs = quality_checks.count_base_pairs(session, run_id)
        return CheckSettings(quality_checks.is_on(session, run_id), pairs)


def switch_checks(store: Store, visitor: Visitor, run_id: int, *, on: bool) -> None:
    """Whether raters of this run are asked quality checks. Raises NotFound, or NotAllowed for a link's visitor."""
    visitor.require_owner()
    with store.write() as session:
        if answers.get_run(session, run_id) is None:
            raise NotFound("There is no such run.", hint="The runs list shows every run.")
        bump_run(session, run_id)
        quality_checks.switch(session, run_id, on=on)


def checks_beside(
    session: Session,
    asked: Asked,
    changed: Sequence[PairRecord],
    given: Mapping[Pair, Sequence[GivenRating]],
    *,
    step: int,
    rater_id: int,
) -> CheckRound:
    """The checks beside one round. Where a rater stands decides what is due: some way after the first rating, spread
    over the round, and the rest when everything else is done.
    """
    run_id = stored_id(asked.run.id)
    if not changed or not quality_checks.is_on(session, run_id):
        return NO_CHECKS
    done = {(one.answer_id, one.reference_id) for one in quality_checks.checks_of(session, run_id, rater_id=rater_id)}
    mine = {pair: [one for one in ratings if one.rater_id == rater_id] for pair, ratings in given.items()}
    rated = sorted((p for p in changed if mine.get(_key(p))), key=lambda p: mine[_key(p)][-1].rated_at)
    repeats = _lowest(changed, max(1, round(REPEATED_SHARE * len(changed))), f"repeat:{step}", rater_id)
    bases = _base_pairs(session, asked, len(changed), step=step, rater_id=rater_id)
    is_over = len(rated) == len(changed)
    places = {_key(pair): place for place, pair in enumerate(rated)}
    due = [
        DueCheck(CheckKind.REPEAT, *_key(pair), swapped(side_for(rater_id, pair.probe_id, *_key(pair))))
        for pair in repeats
        if _key(pair) in places and _key(pair) not in done and (is_over or len(rated) - places[_key(pair)] > APART)
    ]
    due += [
        DueCheck(CheckKind.BASE, *_key(pair), side_for(rater_id, pair.probe_id, *_key(pair)))
        for place, pair in enumerate(bases, start=1)
        if _key(pair) not in done and (is_over or len(rated) >= place * len(changed) / (len(bases) + 1))
    ]
    wanted = [*map(_key, repeats), *map(_key, bases)]
    return CheckRound(len(wanted), sum(pair in done for pair in wanted), tuple(due))


def _base_pairs(session: Session, asked: Asked, changed: int, *, step: int, rater_id: int) -> list[BasePair]:
    """One for every twenty comparisons, of different probes as far as there are."""
    if asked.sampling is None:
        return []
    found = quality_checks.base_pairs(
        session,
        stored_id(asked.run.id),
        sampling_id=stored_id(asked.sampling.id),
        probe_ids=[probe.id for probe in asked.probes],
    )
    shuffled = _lowest(found, len(found), f"base:{step}", rater_id)
    first = {pair.probe_id: pair for pair in reversed(shuffled)}
    return [pair for pair in shuffled if first[pair.probe_id] == pair][: max(1, round(BASE_SHARE * changed))]


def _lowest(pairs: Sequence[P], count: int, salt: str, rater_id: int) -> list[P]:
    def place(pair: P) -> int:
        return shuffled_place(pair.probe_id, rater_id, salt=f"{salt}:{pair.answer_id}/{pair.reference_id}")

    return sorted(pairs, key=place)[:count]


def record_check(store: Store, visitor: Visitor, kind: CheckKind, draft: RatingDraft) -> CheckView:
    """Keep a check; given again it replaces the one before. The caller has seen that the two answers are in scope.

    Raises NotAllowed without the right to rate, InvalidInput for a repeat of what this person has never rated.
    """
    rater_id = ratings.rater_of(visitor)
    with store.write() as session:
        run_id = rated_answers(session, [draft.answer_id])[draft.answer_id].run_id
        bump_run(session, run_id)
        earlier = _earlier(session, rater_id, draft) if kind is CheckKind.REPEAT else None
        if kind is CheckKind.REPEAT and earlier is None:
            raise InvalidInput("This comparison was never rated.", hint="Reload the page and rate again.")
        ids = {"rater_id": rater_id, "answer_id": draft.answer_id, "reference_id": draft.reference_id}
        if before := quality_checks.find_check(session, **ids):
            quality_checks.take_back(session, before)
        row = QualityCheck(
            **ids,
            run_id=run_id,
            kind=kind.value,
            verdict=draft.verdict.value,
            both_bad=draft.both_bad,
            earlier=earlier,
            side=(draft.side or Side.LEFT).value,
            shown_at=draft.shown_at,
            rated_at=time.time(),
        )
        return _view(quality_checks.record(session, row))


def own_check(store: Store, visitor: Visitor, check_id: int) -> CheckView | None:
    """The visitor's own; None for what is not there or somebody else's."""
    with store.read() as session:
        found = quality_checks.get_check(session, check_id)
        return _view(found) if found is not None and found.rater_id == visitor.rater_id else None


def undo_check(store: Store, visitor: Visitor, check_id: int) -> CheckView | None:
    """Take back one's own check. Gives it, None for what is not there or somebody else's."""
    rater_id = ratings.rater_of(visitor)
    with store.write() as session:
        found = quality_checks.get_check(session, check_id)
        if found is None or found.rater_id != rater_id:
            return None
        view = _view(found)
        bump_run(session, found.run_id)
        quality_checks.take_back(session, found)
        return view


def _earlier(session: Session, rater_id: int, draft: RatingDraft) -> float | None:
    """What this person says of the comparison as a whole, as verdicts count it."""
    records = comparison_ratings(session, rater_id=rater_id, answer_ids=[draft.answer_id])
    said = [
        GivenRating(rater_id, row.answer_id, row.reference_id, row.behaviour_id, row.verdict or 0, row.rated_at)
        for row in (record.rating for record in records)
        if row.reference_id == draft.reference_id
    ]
    return said_by_rater(said, None).get(rater_id)


def _view(row: QualityCheck) -> CheckView:
    return CheckView(
        id=stored_id(row.id),
        kind=CheckKind(row.kind),
        answer_id=row.answer_id,
        reference_id=row.reference_id,
        verdict=Verdict(row.verdict),
        both_bad=row.both_bad,
        earlier=row.earlier,
        side=Side(row.side),
    )


def _key(pair: PairRecord | BasePair) -> Pair:
    return pair.answer_id, pair.reference_id
