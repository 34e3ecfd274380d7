"""Everything the raters' page shows, as one frozen value. Knows no HTTP and no store."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlencode

from beyondloss.analysis.diff import word_diff
from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.agreement import Agreement, Disagreement, Said
from beyondloss.services.checks import CheckSettings
from beyondloss.services.runs import RunView
from beyondloss.web.i18n import gettext as _
from beyondloss.web.raters.words import RatersPart, build_part, notes
from beyondloss.web.run.query import BASE, RunQuery
from beyondloss.web.run.segments import Segment, diff_segments


@dataclass(frozen=True, slots=True)
class RatersQuery:
    """`step` None is the whole run; `everything`: also what others said where the owner has not rated."""

    step: int | None = None
    against: str = BASE
    everything: bool = False

    def href(self, path: str, **more: str) -> str:
        named = {
            "step": "" if self.step is None else str(self.step),
            "against": "" if self.against == BASE else self.against,
            "all": "1" if self.everything else "",
        }
        query = urlencode([(name, value) for name, value in (named | more).items() if value])
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class SaidLine:
    """`word`: more, less, same, or bad. `behaviour` is empty for the comparison as a whole."""

    rater: str
    is_me: bool
    behaviour: str
    word: str
    comment: str


@dataclass(frozen=True, slots=True)
class DisagreementCard:
    """One comparison to talk about. `merged` is the diff in one text, `href` the same comparison on the run page."""

    prompt: str
    language: str
    compared: str
    merged: tuple[Segment, ...]
    said: tuple[SaidLine, ...]
    href: str


@dataclass(frozen=True, slots=True)
class ChecksForm:
    """The switch of the quality checks. Without `base_pairs` there is no base against base to rate."""

    on: bool
    base_pairs: int
    action: str


@dataclass(frozen=True, slots=True)
class RatersPage:
    """`scope` says what is counted. `reveal` is the address that shows the owner what is `hidden`, if he may see it."""

    run: str
    run_path: str
    here: str
    scope: str
    whole: str
    part: RatersPart
    notes: tuple[str, ...]
    cards: tuple[DisagreementCard, ...]
    left_out: int
    hidden: int
    reveal: str
    rate: str
    checks: ChecksForm | None
    seen: str
    live: str
    revision: int


def build_page(
    run: RunView, found: Agreement, query: RatersQuery, *, visitor: Visitor, settings: CheckSettings
) -> RatersPage:
    run_path = f"/runs/{run.id}"
    path = f"{run_path}/raters"
    seen = seen_of(found)
    return RatersPage(
        run=run.name,
        run_path=run_path,
        here=query.href(path),
        scope=_scope(query),
        whole="" if query.step is None else path,
        part=build_part(found),
        notes=notes(),
        cards=tuple(_card(one, run_path) for one in found.disagreements),
        left_out=found.left_out,
        hidden=found.hidden,
        reveal=RatersQuery(query.step, query.against, everything=True).href(path) if visitor.is_owner else "",
        rate=f"{run_path}/rate" if visitor.may_rate else "",
        checks=ChecksForm(settings.on, settings.base_pairs, f"{path}/checks") if visitor.is_owner else None,
        seen=seen,
        live=query.href(f"{path}/live", seen=seen),
        revision=run.revision,
    )


def seen_of(found: Agreement) -> str:
    """The same as long as the page would show the same."""
    told = (found.raters, found.overall, found.behaviours, found.hidden, found.left_out, found.noise)
    ids = [(one.answer.id, one.reference.id, one.said) for one in found.disagreements]
    return hashlib.sha256(repr((told, ids)).encode()).hexdigest()[:16]


def _scope(query: RatersQuery) -> str:
    if query.step is None:
        return _("all comparisons of this run")
    against = {BASE: _("base")}.get(query.against, query.against)
    return _("step %(step)s against %(against)s") % {"step": query.step, "against": against}


def _card(one: Disagreement, run_path: str) -> DisagreementCard:
    answer, reference = one.answer, one.reference
    against = f"{one.reference_run}@{reference.step}" if one.reference_run else str(reference.step)
    against = BASE if against == str(BASE_STEP) else against
    names = {"step": answer.step, "against": _("base") if against == BASE else against}
    return DisagreementCard(
        prompt=answer.probe.prompt,
        language=answer.probe.language,
        compared=_("step %(step)s against %(against)s") % names,
        merged=diff_segments(word_diff(reference.text, answer.text), full=False).merged,
        said=tuple(_said(said) for said in one.said),
        href=RunQuery(step=answer.step, against=against, probe=answer.probe.key).href(run_path),
    )


def _said(said: Said) -> SaidLine:
    word = "bad" if said.both_bad else {-1: "less", 0: "same", 1: "more"}[said.verdict]
    return SaidLine(said.rater, said.is_me, said.behaviour.name if said.behaviour else "", word, said.comment)
