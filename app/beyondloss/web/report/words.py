"""The sentences of a report: what loss did beside the raters, how it was found out and how far to trust it. They claim
no more than the verdicts do."""

from collections.abc import Sequence

from beyondloss.analysis.loss_moves import LossWord
from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.services.losses import LossMoves
from beyondloss.services.report import Report
from beyondloss.services.verdicts import BehaviourVerdict
from beyondloss.web.choosing.words import methods as choosing_methods
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext
from beyondloss.web.sentence import subject_name


def reference_label(report: Report) -> str:
    """What the checkpoint is compared with."""
    step = report.verdicts.against_step
    if report.against_run:
        return _("%(run)s at step %(step)s") % {"run": report.against_run, "step": step}
    if step is None:
        return _("nothing")
    return _("base") if step == 0 else _("step %(step)s") % {"step": step}


def rated_text(report: Report) -> str:
    overall = report.verdicts.overall
    if not overall.ratings:
        return _("nobody has rated these answers yet")
    ratings = ngettext("%(n)s rating", "%(n)s ratings", overall.ratings) % {"n": overall.ratings}
    raters = ngettext("%(n)s rater", "%(n)s raters", overall.raters) % {"n": overall.raters}
    return _("%(ratings)s by %(raters)s") % {"ratings": ratings, "raters": raters}


def changed_text(report: Report) -> str:
    total = report.changed + report.unchanged
    pattern = ngettext("%(changed)s of %(n)s answer changed", "%(changed)s of %(n)s answers changed", total)
    return pattern % {"changed": report.changed, "n": total}


def loss_beside_raters(losses: LossMoves | None, subjects: Sequence[BehaviourVerdict]) -> tuple[str, ...]:
    """Where loss and raters agree or not, one sentence for each way; behaviours without a verdict say nothing."""
    if losses is None or losses.train.word is LossWord.UNKNOWN:
        return ()
    fell = losses.train.word is LossWord.FELL
    patterns = {
        VerdictWord.BETTER: _("Loss and raters agree on %(names)s: loss fell, and the answers became better.")
        if fell
        else _("Loss did not fall, yet the answers became better in %(names)s: loss would have missed it."),
        VerdictWord.SAME: _("Loss fell, but in %(names)s the behaviour did not move.")
        if fell
        else _("Loss and raters agree on %(names)s: neither moved for the better."),
        VerdictWord.WORSE: _("Loss misleads on %(names)s: it fell while the answers became worse.")
        if fell
        else _("Loss and raters agree on %(names)s: loss did not fall, and the answers became worse."),
    }
    named = {word: [subject_name(one) for one in subjects if one.verdict is word] for word in patterns}
    return tuple(patterns[word] % {"names": _(", ").join(names)} for word, names in named.items() if names)


def methods() -> tuple[str, ...]:
    """How it was found out and how far to trust it, for people who do not do statistics."""
    return (
        _(
            "Every checkpoint answers the same fixed questions (probes). People compare its answer with the "
            "reference's: more like what is wanted, the same, or less."
        ),
        _(
            "Net win is the share of probes that became better minus the share that became worse: +1 means all "
            "better, 0 a balance, −1 all worse. All ratings of one probe are averaged first, so that a probe that many "
            "people rated does not count more than others."
        ),
        _("Answers that did not change by a single character count as the same, and nobody is asked about them."),
        _(
            "The interval is where the net win would likely lie (95 %) if other probes of the same kind were asked. "
            "The fewer probes, the wider it is."
        ),
        _(
            "Better and worse are only called when the evidence is strong enough for people who look at the numbers "
            "all the time; with fewer than 6 probes that lean either way nothing is called."
        ),
        _("Same is only called when the net win is shown to lie between −0.2 and +0.2. Otherwise it is not enough."),
        _(
            "All of this holds for these probes and these raters. It says nothing of questions that nobody asked, "
            "and raters tend to favour longer answers."
        ),
        *choosing_methods(),
        _("Loss is a reference: it says how well the model fits its training examples, not how it behaves."),
    )
