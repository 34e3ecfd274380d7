"""Everything the run page shows, as one frozen value built from what the services say. Knows no HTTP."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Family
from beyondloss.domain.runs import RunState
from beyondloss.domain.steering import Steering
from beyondloss.services.comparisons import Comparison, ComparisonSet
from beyondloss.services.projects import BehaviourView
from beyondloss.services.queue import QueueView
from beyondloss.services.runs import DeletionCount, RunView
from beyondloss.web.run.alarms import AlarmList, alarms_mark, build_alarms
from beyondloss.web.run.behaviours import BehaviourTable, Judgement, build_behaviours
from beyondloss.web.run.cards import Card, CardState, build_card, verdict_word
from beyondloss.web.run.checkpoints import Checkpoint, Choice, Stepper, build_checkpoints, build_stepper
from beyondloss.web.run.notices import Notice, Progress, build_notices, build_progress
from beyondloss.web.run.query import Mark, RunQuery, Show, View
from beyondloss.web.run.settings import RunSettings, build_settings
from beyondloss.web.sentence import Sentence, build_sentence


@dataclass(frozen=True, slots=True)
class RunHead:
    """Who this run is."""

    id: int
    name: str
    project: str
    project_path: str
    path: str
    metrics: str
    """Where the curve's first series come from: the page asks for them before its scripts do."""
    trainer: str
    base_model: str
    short_base: str
    state: RunState
    output_dir: str
    problems: tuple[str, ...]
    settings: RunSettings
    answers_done: int
    answers_total: int
    ratings: int
    raters: int
    revision: int
    last_step: int
    chosen: int | None
    """The step that the owner means to use; 0 is the base."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known now, as numbers: of this checkpoint against this reference, for this visitor."""

    total: int
    changed: int
    unchanged: int
    missing: int
    rated: int
    unrated: int
    less: int
    same: int
    more: int
    bad: int
    split: int
    """Rated behaviour by behaviour, not as a whole."""


@dataclass(frozen=True, slots=True)
class Filters:
    """`steady` is the state as fields, for forms that make an address by themselves."""

    shows: tuple[Choice, ...]
    views: tuple[Choice, ...]
    marks: tuple[Choice, ...]
    behaviours: tuple[tuple[BehaviourView, bool], ...]
    families: tuple[tuple[Family, bool], ...]
    probe: str
    without_probe: str
    q: str
    cleared: str
    """Address without any filter; empty when there is none."""
    steady: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Permissions:
    may_rate: bool
    may_manage: bool
    asks_name: bool
    """A guest who may rate and has not given a name yet."""


@dataclass(frozen=True, slots=True)
class RunPage:
    """`cards` are shown in full, `unchanged` folded with a count, `waiting` as a list of what is still to come."""

    head: RunHead
    checkpoints: tuple[Checkpoint, ...]
    stepper: Stepper
    filters: Filters
    counts: Counts
    cards: tuple[Card, ...]
    unchanged: tuple[Card, ...]
    waiting: tuple[Card, ...]
    show: Show
    show_fell_back: bool
    """True when nothing changed, so that all is shown although nobody asked for it."""
    view: View
    mark: Mark
    state: str
    here: str
    rate: str
    """Address where this very comparison is rated, one answer at a time."""
    seen: str
    """What the body shows, as a short hash: a page left open asks for it again only when this changed."""
    alarms: AlarmList
    notices: tuple[Notice, ...]
    progress: Progress | None
    permissions: Permissions
    sentence: Sentence | None
    behaviours: BehaviourTable | None
    """Both None while nobody has rated."""
    steering: Steering | None
    """None for guests, who may not know."""


@dataclass(frozen=True, slots=True)
class Rated:
    """What a rating changes on the page: its card and the numbers around it."""

    page: RunPage
    card: Card


@dataclass(frozen=True, slots=True)
class DeletionPage:
    """Asks before a run goes, and says what goes with it."""

    name: str
    path: str
    output_dir: str
    count: DeletionCount


@dataclass(frozen=True, slots=True)
class Facts:
    """What the services said, gathered for one page."""

    run: RunView
    comparisons: ComparisonSet
    changed_by_step: Mapping[int, int]
    queue: QueueView | None
    judged: Judgement | None
    steering: Steering | None


def run_path(run_id: int) -> str:
    return f"/runs/{run_id}"


def build_page(facts: Facts, query: RunQuery, visitor: Visitor) -> RunPage:
    run, comparisons = facts.run, facts.comparisons
    path = run_path(run.id)
    show, fell_back = _show(query, comparisons)
    query = replace(query, step=comparisons.step)
    wanted = [c for c in comparisons.comparisons if _passes(c, query)]
    cards = [build_card(c, query, path, may_rate=visitor.may_rate) for c in wanted]
    shown = [card for card in cards if _is_shown(card, show, query)]
    shown_ids = {card.id for card in shown}
    selected = next(c for c in run.checkpoints if c.step == comparisons.step)
    return RunPage(
        head=_head(run, path, own=visitor.is_owner),
        checkpoints=build_checkpoints(run, query, path, comparisons, changed=facts.changed_by_step),
        stepper=build_stepper(run, query, path, comparisons),
        filters=_filters(query, path, comparisons, show=show),
        counts=_counts(comparisons),
        cards=tuple(card for card in shown if card.state is not CardState.MISSING),
        unchanged=tuple(
            c for c in cards if show is Show.CHANGED and c.state is CardState.SAME and c.id not in shown_ids
        ),
        waiting=tuple(card for card in cards if card.state is CardState.MISSING),
        show=show,
        show_fell_back=fell_back,
        view=query.view,
        mark=query.mark,
        state=query.query_string(),
        here=query.href(path),
        rate=RunQuery(step=query.step, against=query.against, sampling=query.sampling).href(f"{path}/rate"),
        seen=body_hash(run, facts.steering),
        alarms=build_alarms(run.alarms),
        sentence=build_sentence(facts.judged.here, facts.judged.losses) if facts.judged else None,
        behaviours=build_behaviours(facts.judged, query, path) if facts.judged else None,
        notices=build_notices(run, selected, facts.queue),
        progress=build_progress(run, selected, facts.queue),
        permissions=Permissions(
            may_rate=visitor.may_rate,
            may_manage=visitor.is_owner,
            asks_name=visitor.may_rate and visitor.rater_id is None,
        ),
        steering=facts.steering,
    )


def body_hash(run: RunView, steering: Steering | None) -> str:
    """Changes with everything the body shows, and not with the points of the curve, which come far more often."""
    shown = (run.name, run.base_model, run.base_path, run.state, run.problems, run.checkpoints, run.ratings, run.raters)
    return hashlib.sha256(
        repr(
            (
                shown,
                run.chosen,
                run.trained_with,
                alarms_mark(run.alarms),
                steering,
                run.sampling_id,
                sorted(run.config.items()),
            )
        ).encode()
    ).hexdigest()[:16]


def find_card(page: RunPage, *, answer_id: int, reference_id: int) -> Card | None:
    """The card that rates these two answers, shown or not."""
    return next(
        (
            card
            for card in page.cards
            if card.rating and (card.rating.answer_id, card.rating.reference_id) == (answer_id, reference_id)
        ),
        None,
    )


def _show(query: RunQuery, comparisons: ComparisonSet) -> tuple[Show, bool]:
    """Asked for by name, it is kept. Otherwise what changed is shown, or all when nothing did."""
    if query.probe:
        return Show.ALL, False
    if query.show is not None:
        return query.show, False
    if comparisons.changed:
        return Show.CHANGED, False
    return Show.ALL, comparisons.unchanged > 0


def _passes(comparison: Comparison, query: RunQuery) -> bool:
    probe = comparison.probe
    if query.probe:
        return query.probe in {probe.key, str(probe.id)}
    if query.behaviour and all(query.behaviour not in {str(b.id), b.name} for b in probe.behaviours):
        return False
    if query.family and probe.family != query.family:
        return False
    return not query.q or _mentions(comparison, query.q.casefold())


def _mentions(comparison: Comparison, text: str) -> bool:
    """In the question, its names, or either answer."""
    probe = comparison.probe
    texts = [probe.key, probe.group, *(message.content for message in probe.messages)]
    texts += [answer.text for answer in (comparison.answer, comparison.reference) if answer]
    return any(text in candidate.casefold() for candidate in texts)


def _is_shown(card: Card, show: Show, query: RunQuery) -> bool:
    if card.state in {CardState.MISSING, CardState.ALONE} or card.id in query.kept or show is Show.ALL:
        return True
    if card.state is CardState.SAME:
        return False
    return show is Show.CHANGED or (card.rating is not None and not card.rating.rated)


def _head(run: RunView, path: str, *, own: bool) -> RunHead:
    return RunHead(
        id=run.id,
        name=run.name,
        project=run.project,
        project_path=f"/projects/{run.project_id}",
        path=path,
        metrics=f"/api/v1{path}/metrics?names=loss,eval_loss&points=2000",
        trainer=run.trainer,
        base_model=run.base_model or "",
        short_base=(run.base_model or "").rstrip("/").rpartition("/")[2],
        state=run.state,
        output_dir=run.output_dir,
        problems=run.problems,
        settings=build_settings(run, own=own),
        answers_done=sum(c.answers_done for c in run.checkpoints),
        answers_total=sum(c.answers_total for c in run.checkpoints),
        ratings=run.ratings,
        raters=run.raters,
        revision=run.revision,
        last_step=max((c.step for c in run.checkpoints), default=0),
        chosen=run.chosen.step if run.chosen else None,
    )


def _counts(comparisons: ComparisonSet) -> Counts:
    rated = [_whole(c) for c in comparisons.comparisons if c.changed and c.my_ratings]
    return Counts(
        total=len(comparisons.comparisons),
        changed=comparisons.changed,
        unchanged=comparisons.unchanged,
        missing=comparisons.missing,
        rated=len(rated),
        unrated=comparisons.changed - len(rated),
        less=rated.count("less"),
        same=rated.count("same"),
        more=rated.count("more"),
        bad=rated.count("bad"),
        split=rated.count(None),
    )


def _whole(comparison: Comparison) -> str | None:
    """The word of the visitor's rating for all behaviours; None when there are only ratings of single ones."""
    return next((verdict_word(r) for r in comparison.my_ratings if r.behaviour_id is None), None)


def _filters(query: RunQuery, path: str, comparisons: ComparisonSet, *, show: Show) -> Filters:
    behaviours: dict[int, BehaviourView] = {}
    for comparison in comparisons.comparisons:
        behaviours.update((b.id, b) for b in comparison.probe.behaviours)
    families = sorted({c.probe.family for c in comparisons.comparisons}, key=list(Family).index)
    fresh = {"full": frozenset[str](), "rendered": frozenset[str](), "probe": ""}
    counts = _counts(comparisons)
    numbers = {Show.CHANGED: counts.changed, Show.UNRATED: counts.unrated, Show.ALL: counts.total}
    return Filters(
        shows=tuple(
            Choice(choice, query.href(path, show=choice, **fresh), choice is show and not query.probe, numbers[choice])
            for choice in Show
        ),
        views=tuple(Choice(v, query.href(path, view=v, rendered=frozenset()), v is query.view) for v in View),
        marks=tuple(Choice(m, query.href(path, mark=m), m is query.mark) for m in Mark),
        behaviours=tuple((b, query.behaviour in {str(b.id), b.name}) for b in behaviours.values()),
        families=tuple((f, query.family == f) for f in families),
        probe=query.probe,
        without_probe=query.href(path, **fresh) if query.probe else "",
        q=query.q,
        cleared=query.href(path, behaviour="", family="", q="", **fresh) if query.filters else "",
        steady=tuple((n, v) for n, v in parse_qsl(query.query_string()) if n not in {"full", "rendered"}),
    )
