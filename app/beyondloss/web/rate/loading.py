"""Gathers what rating mode shows from the services. Knows no HTTP."""

from dataclasses import replace

from beyondloss.domain.access import Visitor
from beyondloss.services import checks, comparisons, ratings, rounds, runs
from beyondloss.services.checks import CheckView
from beyondloss.services.comparisons import Comparison
from beyondloss.services.ratings import RatingView
from beyondloss.services.rounds import DuePair, RatingRound
from beyondloss.store.engine import Store
from beyondloss.web.rate.pages import (
    LastVote,
    RatePage,
    build_card,
    build_last,
    build_last_check,
    build_page,
    shown_of,
)
from beyondloss.web.rate.query import RateQuery

SHOWN_AND_WAITING = 3
"""One comparison before the eyes and two behind it, so that the next is there before a key comes up."""


def load_page(store: Store, visitor: Visitor, reference: str, query: RateQuery) -> RatePage:
    run = runs.find_run(store, reference, visitor)
    found = rounds.open_round(
        store, run.id, visitor, step=query.step, against=query.against, sampling=query.sampling or None
    )
    query = replace(query, step=found.step)
    compared = [
        (comparisons.compare_one(store, visitor, answer_id=due.answer_id, reference_id=due.reference_id), due)
        for due in _next_due(found, query)
    ]
    cards = [build_card(comparison, due, query, found) for comparison, due in compared]
    return build_page(run, found, query, cards=cards, last=_last(store, visitor, query, found), visitor=visitor)


def _next_due(found: RatingRound, query: RateQuery) -> list[DuePair]:
    away = {*query.skipped, *query.held} - {query.at}
    due = [one for one in found.due if shown_of(one) not in away]
    due.sort(key=lambda one: shown_of(one) != query.at)
    return due[: max(1, SHOWN_AND_WAITING - len(query.held))]


def _last(store: Store, visitor: Visitor, query: RateQuery, found: RatingRound) -> LastVote | None:
    if query.last_check is not None:
        check = checks.own_check(store, visitor, query.last_check)
        return build_last_check(check, _comparison(store, visitor, check), found) if check else None
    given = ratings.own_ratings(store, visitor, query.last)
    if not given:
        return None
    first = given[0]
    of_one = [one for one in given if (one.answer_id, one.reference_id) == (first.answer_id, first.reference_id)]
    return build_last(of_one, _comparison(store, visitor, first), found)


def _comparison(store: Store, visitor: Visitor, given: RatingView | CheckView) -> Comparison:
    return comparisons.compare_one(store, visitor, answer_id=given.answer_id, reference_id=given.reference_id)
