"""The sentence at the top of a run: what the verdicts support, in words, never claiming more than they do."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.analysis.loss_moves import LossMove, LossWord
from beyondloss.analysis.verdicts import MOST_NEEDED, VerdictWord
from beyondloss.services.losses import LossMoves
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext

MOST_UNDECIDED = 3
"""Behaviours without a verdict that are named: the rest are a number."""
SHAPES = {VerdictWord.BETTER: "▲", VerdictWord.WORSE: "▼", VerdictWord.SAME: "=", VerdictWord.NOT_ENOUGH: "…"}


@dataclass(frozen=True, slots=True)
class Said:
    """One behaviour and what is behind it: "+0.42, 0.18…0.66, 28 probes, 2 raters", or what is missing."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Clause:
    verdict: VerdictWord
    shape: str
    lead: str
    said: tuple[Said, ...]
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """`loss` is a sentence of its own, empty where loss is unknown. `text` is all of it without the lead."""

    clauses: tuple[Clause, ...]
    loss: str

    @property
    def text(self) -> str:
        clauses = [
            f"{clause.lead} " + _(", ").join(_named(one) for one in clause.said) + clause.rest
            for clause in self.clauses
        ]
        return _("; ").join(clauses) + _(".") + (f" {self.loss}" if self.loss else "")


def build_sentence(found: VerdictSet, losses: LossMoves | None = None) -> Sentence | None:
    """None while nobody has rated: then there is nothing to say but how many answers changed."""
    if not found.overall.ratings:
        return None
    subjects = found.behaviours or (found.overall,)
    clauses = [clause for word in VerdictWord if (clause := _clause(word, subjects))]
    return Sentence(tuple(clauses), _loss(losses) if losses else "")


def subject_name(one: BehaviourVerdict) -> str:
    return one.behaviour.name if one.behaviour else _("all probes together")


def signed(value: float) -> str:
    """+0.42 or −0.42; 0 has no sign, nor has what rounds to it."""
    text = f"{value:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "−")


def interval(one: BehaviourVerdict) -> str:
    """0.18…0.66; empty where there is none."""
    if one.low is None or one.high is None:
        return ""
    return f"{signed(one.low)}…{signed(one.high)}".replace("+", "")


def verdict_label(one: BehaviourVerdict) -> str:
    """The verdict in a word or two, as chips and tables say it."""
    return {
        VerdictWord.BETTER: _("better"),
        VerdictWord.WORSE: _("worse"),
        VerdictWord.SAME: _("same"),
        VerdictWord.NOT_ENOUGH: _("not enough ratings"),
    }[one.verdict]


def needed_text(one: BehaviourVerdict) -> str:
    """How much is missing: ratings of probes that are there, or probes that are not."""
    amount = f"{one.needed}+" if one.needed >= MOST_NEEDED else str(one.needed)
    if one.new_probes < one.needed:
        return _("%(n)s to go") % {"n": amount}
    return ngettext("%(n)s more probe", "%(n)s more probes", one.needed) % {"n": amount}


def _clause(word: VerdictWord, subjects: Sequence[BehaviourVerdict]) -> Clause | None:
    mine = [one for one in subjects if one.verdict is word]
    if not mine:
        return None
    leads = {
        VerdictWord.BETTER: _("more like what you want in"),
        VerdictWord.WORSE: _("less like what you want in"),
        VerdictWord.SAME: _("same in"),
        VerdictWord.NOT_ENOUGH: _("not enough ratings for"),
    }
    named = mine if word is not VerdictWord.NOT_ENOUGH else mine[:MOST_UNDECIDED]
    left = len(mine) - len(named)
    rest = (" " + ngettext("and %(n)s other", "and %(n)s others", left) % {"n": left}) if left else ""
    return Clause(word, SHAPES[word], leads[word], tuple(Said(subject_name(one), _detail(one)) for one in named), rest)


def _detail(one: BehaviourVerdict) -> str:
    if one.verdict is VerdictWord.NOT_ENOUGH:
        return needed_text(one)
    if one.identical:
        return ngettext("no answer changed, %(n)s probe", "no answer changed, %(n)s probes", one.asked) % {
            "n": one.asked
        }
    if one.net_win is None:
        return ""
    probes = ngettext("%(n)s probe", "%(n)s probes", one.probes) % {"n": one.probes}
    raters = ngettext("%(n)s rater", "%(n)s raters", one.raters) % {"n": one.raters}
    return _("%(value)s, %(interval)s, %(probes)s, %(raters)s") % {
        "value": signed(one.net_win), "interval": interval(one), "probes": probes, "raters": raters
    }  # fmt: skip


def _named(one: Said) -> str:
    return _("%(name)s (%(detail)s)") % {"name": one.name, "detail": one.detail} if one.detail else one.name


def _loss(losses: LossMoves) -> str:
    train = {
        LossWord.FELL: _("Loss fell %(percent)s %% meanwhile."),
        LossWord.ROSE: _("Loss rose %(percent)s %% meanwhile."),
        LossWord.FLAT: _("Loss stayed where it was."),
    }
    evaluated = {
        LossWord.FELL: _("Eval loss fell %(percent)s %%."),
        LossWord.ROSE: _("Eval loss rose %(percent)s %%."),
        LossWord.FLAT: _("Eval loss stayed where it was."),
    }
    moves = ((losses.train, train), (losses.evaluated, evaluated))
    return " ".join(_moved(move, words[move.word]) for move, words in moves if move.word in words)


def _moved(move: LossMove, pattern: str) -> str:
    return pattern if move.word is LossWord.FLAT else pattern % {"percent": _percent(100 * abs(move.ratio or 0.0))}


def _percent(share: float) -> str:
    """Whole per cents; what has not quite fallen to nothing is not said to have."""
    return f"{share:.0f}" if share < 99 else f"{min(share, 99.9):.1f}" if share < 100 else f"{share:.0f}"
