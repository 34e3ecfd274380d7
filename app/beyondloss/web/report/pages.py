"""A report as it is read: every number and word ready, whatever form it then takes."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.domain.alarms import Severity
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.losses import LossLevels
from beyondloss.services.report import Example, Report
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.alarm_words import alarm_name, alarm_sentence
from beyondloss.web.choosing.table import ChoiceRow, build_rows, telling_steps
from beyondloss.web.choosing.words import choosing_sentences, headline, step_name
from beyondloss.web.filters import number
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext
from beyondloss.web.raters.words import RatersPart, build_part, notes
from beyondloss.web.report.bars import Bar, draw_bar
from beyondloss.web.report.moves import Matrix, build_matrix, move_sentences
from beyondloss.web.report.plot import Plot, draw_plot
from beyondloss.web.report.words import (
    changed_text,
    loss_beside_raters,
    methods,
    rated_text,
    reference_label,
)
from beyondloss.web.run.segments import Segment, diff_segments
from beyondloss.web.sentence import (
    SHAPES,
    Sentence,
    build_sentence,
    interval,
    needed_text,
    signed,
    subject_name,
    verdict_label,
)

MOST_STEPS = 12
"""Checkpoints in the table of a report that fits on paper: the first and last, and an even choice between."""


@dataclass(frozen=True, slots=True)
class ReportHead:
    name: str
    project: str
    base_model: str
    trainer: str
    step: int
    against: str
    rated: str
    changed: str
    made: str
    run_path: str


@dataclass(frozen=True, slots=True)
class ReportLinks:
    """The same report as a file."""

    html: str
    markdown: str
    json: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One behaviour. `needed` is empty with a verdict, `value` and `interval` while nothing is known."""

    name: str
    wanted: str
    verdict: VerdictWord
    shape: str
    label: str
    value: str
    interval: str
    bar: Bar | None
    probes: int
    ratings: int
    raters: int
    needed: str


@dataclass(frozen=True, slots=True)
class ReportCell:
    verdict: VerdictWord
    shape: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class ReportStep:
    """One rated checkpoint against the base; `cells` as the behaviours of the table's head."""

    step: int
    current: bool
    train: str
    evaluated: str
    cells: tuple[ReportCell, ...]


@dataclass(frozen=True, slots=True)
class ReportExample:
    """`merged` is the diff in one text; `reference` and `answer` are the plain texts behind it."""

    prompt: str
    key: str
    family: str
    behaviours: tuple[str, ...]
    good: str
    language: str
    agreed: str
    merged: tuple[Segment, ...]
    reference: str
    answer: str


@dataclass(frozen=True, slots=True)
class ReportAlarm:
    step: int
    severity: Severity
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ReportChoice:
    """Which checkpoint, and why. `chosen` is empty while none is; `left_out` checkpoints are not in the table."""

    headline: str
    said: tuple[str, ...]
    rows: tuple[ChoiceRow, ...]
    left_out: int
    chosen: str
    note: str


@dataclass(frozen=True, slots=True)
class ReportPage:
    """`subjects` are the columns of `steps`: the behaviours, or all probes together where none is named.

    `moved` sets loss against behaviour from checkpoint to checkpoint, `matrix` counts how often they moved how.
    """

    head: ReportHead
    links: ReportLinks
    sentence: Sentence | None
    rows: tuple[ReportRow, ...]
    beside_loss: tuple[str, ...]
    subjects: tuple[str, ...]
    steps: tuple[ReportStep, ...]
    left_out: int
    plot: Plot | None
    matrix: Matrix | None
    moved: tuple[str, ...]
    choice: ReportChoice | None
    gains: tuple[ReportExample, ...]
    setbacks: tuple[ReportExample, ...]
    alarms: tuple[ReportAlarm, ...]
    raters: RatersPart
    rater_notes: tuple[str, ...]
    methods: tuple[str, ...]


def build_page(report: Report, *, now: float | None = None) -> ReportPage:
    subjects = _subjects(report.verdicts)
    shown = _some(report.by_step, report.verdicts.step)
    levels = {one.step: one for one in report.levels}
    return ReportPage(
        links=_links(report),
        head=_head(report, time.time() if now is None else now),
        sentence=build_sentence(report.verdicts, report.losses),
        rows=tuple(_row(one) for one in _with_overall(report.verdicts)),
        beside_loss=loss_beside_raters(report.losses, subjects),
        subjects=tuple(subject_name(one) for one in subjects),
        steps=tuple(_step(one, levels[one.step], report) for one in shown),
        left_out=len(report.by_step) - len(shown),
        plot=draw_plot(report.by_step, report.curves, current=report.verdicts.step),
        matrix=build_matrix(report.moves),
        moved=move_sentences(report.moves),
        choice=_choice(report, {one.step for one in shown}),
        gains=tuple(_example(one) for one in report.gains),
        setbacks=tuple(_example(one) for one in report.setbacks),
        alarms=tuple(
            ReportAlarm(alarm.step, alarm.severity, alarm_name(alarm.kind), alarm_sentence(alarm))
            for alarm in report.run.alarms.alarms
        ),
        raters=build_part(report.agreement),
        rater_notes=notes(),
        methods=methods(),
    )


def _choice(report: Report, shown: Collection[int]) -> ReportChoice | None:
    """None while there is neither a rating nor a choice to tell of."""
    run, chosen = report.run, report.run.chosen
    if not report.by_step and chosen is None:
        return None
    only = {BASE_STEP, *shown, *telling_steps(run, report.weighing)}
    return ReportChoice(
        headline=headline(report.weighing),
        said=choosing_sentences(report.weighing),
        rows=build_rows(run, report.by_step, report.weighing, only=only),
        left_out=sum(one.step not in only for one in run.checkpoints),
        chosen=step_name(chosen.step) if chosen else "",
        note=chosen.note if chosen else "",
    )


def _head(report: Report, now: float) -> ReportHead:
    run = report.run
    return ReportHead(
        name=run.name,
        project=run.project,
        base_model=(run.base_model or "").rstrip("/").rpartition("/")[2],
        trainer=run.trainer,
        step=report.verdicts.step,
        against=reference_label(report),
        rated=rated_text(report),
        changed=changed_text(report),
        made=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d"),
        run_path=f"/runs/{run.id}",
    )


def _links(report: Report) -> ReportLinks:
    found = report.verdicts
    query = urlencode({"step": found.step, "against": found.against})
    address = f"/runs/{report.run.id}/report?{query}&format="
    return ReportLinks(html=f"{address}html", markdown=f"{address}md", json=f"{address}json")


def _subjects(found: VerdictSet) -> Sequence[BehaviourVerdict]:
    return found.behaviours or (found.overall,)


def _with_overall(found: VerdictSet) -> Sequence[BehaviourVerdict]:
    return (*found.behaviours, found.overall)


def _row(one: BehaviourVerdict) -> ReportRow:
    return ReportRow(
        name=subject_name(one),
        wanted=one.behaviour.wanted if one.behaviour else "",
        verdict=one.verdict,
        shape=SHAPES[one.verdict],
        label=verdict_label(one),
        value="" if one.net_win is None else signed(one.net_win),
        interval=interval(one),
        bar=draw_bar(one.net_win, one.low, one.high),
        probes=one.probes,
        ratings=one.ratings,
        raters=one.raters,
        needed=needed_text(one) if one.verdict is VerdictWord.NOT_ENOUGH else "",
    )


def _some(by_step: Sequence[VerdictSet], step: int) -> list[VerdictSet]:
    """At most `MOST_STEPS` of them, the report's own among them."""
    if len(by_step) <= MOST_STEPS:
        return list(by_step)
    last = len(by_step) - 1
    kept = {round(last * place / (MOST_STEPS - 1)) for place in range(MOST_STEPS)}
    return [one for place, one in enumerate(by_step) if place in kept or one.step == step]


def _step(one: VerdictSet, level: LossLevels, report: Report) -> ReportStep:
    return ReportStep(
        step=one.step,
        current=one.step == report.verdicts.step,
        train=number(level.train),
        evaluated=number(level.evaluated),
        cells=tuple(
            ReportCell(
                verdict=subject.verdict,
                shape=SHAPES[subject.verdict],
                label=verdict_label(subject),
                value="–" if subject.net_win is None else signed(subject.net_win),
            )
            for subject in _subjects(one)
        ),
    )


def _example(one: Example) -> ReportExample:
    probe, answer, reference = one.comparison.probe, one.comparison.answer, one.comparison.reference
    if one.value > 0:
        agreed = ngettext("%(n)s rater: more like it", "all %(n)s raters: more like it", one.raters)
    else:
        agreed = ngettext("%(n)s rater: less like it", "all %(n)s raters: less like it", one.raters)
    return ReportExample(
        prompt=probe.prompt,
        key=probe.key,
        family=probe.family.value,
        behaviours=tuple(behaviour.name for behaviour in probe.behaviours),
        good=probe.good,
        language=probe.language,
        agreed=agreed % {"n": one.raters},
        merged=diff_segments(one.comparison.ops, full=False).merged,
        reference=reference.text if reference else _("nothing"),
        answer=answer.text if answer else _("nothing"),
    )
