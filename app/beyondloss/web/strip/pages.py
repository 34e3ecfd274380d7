"""One answer through all checkpoints, as one frozen value built from what the services say. Knows no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from beyondloss.domain.access import Visitor
from beyondloss.domain.metrics import Series
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services import losses, steering, strip
from beyondloss.services.projects import ProbeView
from beyondloss.services.runs import RunView
from beyondloss.services.strip import Strip
from beyondloss.store.engine import Store
from beyondloss.web.run.cards import Card, build_card
from beyondloss.web.run.checkpoints import Choice
from beyondloss.web.run.pages import body_hash, run_path
from beyondloss.web.run.query import BASE, PREVIOUS, RunQuery, View
from beyondloss.web.strip.axis import Axis, draw_axis
from beyondloss.web.strip.frames import Change, Frame, build_changes, build_frames, states_of

_LOSS_POINTS = 400


@dataclass(frozen=True, slots=True)
class StripHead:
    """The run. `revision` and `seen` are for pages left open."""

    id: int
    name: str
    path: str
    here_in_run: str
    matrix: str
    rate: str
    revision: int
    seen: str


@dataclass(frozen=True, slots=True)
class OtherProbe:
    key: str
    href: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A step to go to; empty `href` where there is none."""

    step: int | None
    href: str


@dataclass(frozen=True, slots=True)
class Moves:
    """Where the keys lead: checkpoints next to the one shown, and the nearest at which the text changed."""

    earlier: Neighbour
    later: Neighbour
    change_before: Neighbour
    change_after: Neighbour


@dataclass(frozen=True, slots=True)
class StripPage:
    """`card` is the comparison of `step`; `differs_at` the first token that differs, counted from 1.

    `settled` is the step since which the text is the same, where it ever changed. `steady` is the state as fields.
    """

    head: StripHead
    probe: ProbeView
    before: OtherProbe | None
    after: OtherProbe | None
    path: str
    here: str
    step: int
    position: int
    steps: tuple[int, ...]
    answered: int
    frames: tuple[Frame, ...]
    changes: tuple[Change, ...]
    settled: int | None
    axis: Axis
    moves: Moves
    card: Card
    differs_at: int | None
    against: str
    references: tuple[Choice, ...]
    views: tuple[Choice, ...]
    view: View
    samples: tuple[Choice, ...]
    steady: tuple[tuple[str, str], ...]


def load_page(store: Store, visitor: Visitor, run: RunView, probe: str, *, query: RunQuery) -> StripPage:
    found = strip.strip_of(
        store,
        run.id,
        visitor,
        probe=probe,
        step=query.step,
        against=query.against,
        sampling=query.sampling or None,
        sample=query.sample,
    )
    state = RunQuery(
        step=found.step,
        against=query.against,
        view=query.view,
        sampling=query.sampling,
        sample=found.sample,
        full=query.full,
        rendered=query.rendered,
    )
    seen = body_hash(run, steering.steering_of(store, visitor, run.id, run.state))
    head = _head(run, state, found.probe, seen=seen, may_rate=visitor.may_rate)
    return build_page(run, found, state, head=head, curves=losses.curves(store, run.id, points=_LOSS_POINTS))


def build_page(run: RunView, found: Strip, state: RunQuery, *, head: StripHead, curves: Sequence[Series]) -> StripPage:
    path = f"{run_path(run.id)}/probes/{found.probe.id}"
    chosen = run.chosen.step if run.chosen else None
    steps = [checkpoint.step for checkpoint in run.checkpoints]
    href = partial(_at, state, path)
    changes = build_changes(steps, found.answers, href, current=found.step)
    return StripPage(
        head=head,
        probe=found.probe,
        before=_other(run, found, state, -1),
        after=_other(run, found, state, +1),
        path=path,
        here=state.href(path),
        step=found.step,
        position=sum(step <= found.step for step in steps),
        steps=tuple(steps),
        answered=len(found.answers),
        frames=build_frames(steps, found.answers, href, current=found.step, chosen=chosen),
        changes=changes,
        settled=changes[-1].step if changes and changes[-1].step != found.answers[-1].step else None,
        axis=draw_axis(states_of(steps, found.answers), curves, current=found.step),
        moves=_moves(steps, [one.step for one in changes], state, path),
        card=build_card(found.comparison, state, path, may_rate=False),
        differs_at=_differs_at(found),
        against=state.against,
        references=_references(state, path),
        views=tuple(Choice(one, state.href(path, view=one), one is state.view) for one in View),
        view=state.view,
        samples=_samples(found, state, path),
        steady=_steady(state),
    )


def _at(state: RunQuery, path: str, step: int) -> str:
    return state.href(path, step=step, full=frozenset(), rendered=frozenset())


def _head(run: RunView, state: RunQuery, probe: ProbeView, *, seen: str, may_rate: bool) -> StripHead:
    path = run_path(run.id)
    shared = RunQuery(step=state.step, against=state.against, sampling=state.sampling)
    return StripHead(
        id=run.id,
        name=run.name,
        path=path,
        here_in_run=shared.href(path, probe=str(probe.id)),
        matrix=shared.href(f"{path}/matrix", step=None),
        rate=shared.href(f"{path}/rate") if may_rate and state.step != BASE_STEP else "",
        revision=run.revision,
        seen=seen,
    )


def _other(run: RunView, found: Strip, state: RunQuery, direction: int) -> OtherProbe | None:
    """The probe before or after this one in the run's order; none for a probe that is no longer asked."""
    ids = [one.id for one in found.probes]
    if found.probe.id not in ids:
        return None
    place = ids.index(found.probe.id) + direction
    if not 0 <= place < len(ids):
        return None
    other = found.probes[place]
    return OtherProbe(other.key, _at(state, f"{run_path(run.id)}/probes/{other.id}", found.step))


def _moves(steps: Sequence[int], changes: Sequence[int], state: RunQuery, path: str) -> Moves:
    here = state.step or BASE_STEP

    def neighbour(candidates: Sequence[int], *, later: bool) -> Neighbour:
        found = [step for step in candidates if (step > here if later else step < here)]
        if not found:
            return Neighbour(None, "")
        step = min(found) if later else max(found)
        return Neighbour(step, _at(state, path, step))

    return Moves(
        earlier=neighbour(steps, later=False),
        later=neighbour(steps, later=True),
        change_before=neighbour(changes, later=False),
        change_after=neighbour(changes, later=True),
    )


def _differs_at(found: Strip) -> int | None:
    position = found.comparison.first_divergence
    return None if position is None else position + 1


def _references(state: RunQuery, path: str) -> tuple[Choice, ...]:
    """The base and the answer before; any other step only while the address names it."""
    fresh = {"full": frozenset[str](), "rendered": frozenset[str]()}
    values = dict.fromkeys([BASE, PREVIOUS, state.against])
    return tuple(Choice(value, state.href(path, against=value, **fresh), value == state.against) for value in values)


def _samples(found: Strip, state: RunQuery, path: str) -> tuple[Choice, ...]:
    if found.samples < 2:
        return ()
    return tuple(
        Choice(
            str(place + 1),
            state.href(path, sample=place, full=frozenset(), rendered=frozenset()),
            place == found.sample,
        )
        for place in range(found.samples)
    )


def _steady(state: RunQuery) -> tuple[tuple[str, str], ...]:
    """The state without its step, for the scrubber's form."""
    kept = RunQuery(against=state.against, view=state.view, sampling=state.sampling, sample=state.sample)
    return tuple(parse_qsl(kept.query_string()))
