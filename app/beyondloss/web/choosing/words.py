"""What is said of choosing a checkpoint: whom raters favour, and what going by loss would cost. Never more than the
numbers support, and as plainly where loss and raters agree."""

from collections.abc import Sequence

from beyondloss.analysis.choosing import FEWEST_PROBES, CostWord, Estimate
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.choosing import LowestLoss, Purpose, Serving, Unservable, Weighing
from beyondloss.web.i18n import gettext as _
from beyondloss.web.sentence import signed

CLOSE_SHARE = 0.5
"""Chosen by fewer halves than this, others are close behind."""
MOST_NAMED = 6


def step_name(step: int) -> str:
    return _("base") if step == BASE_STEP else _("step %(step)s") % {"step": step}


def span(found: Estimate) -> str:
    """0.02…0.22, as intervals read everywhere."""
    return f"{signed(found.low)}…{signed(found.high)}".replace("+", "")


def choosing_sentences(found: Weighing) -> tuple[str, ...]:
    """First whom raters favour, then what going by each loss costs; where both losses lead to one checkpoint, once."""
    if found.best is None:
        return (
            _("Not enough ratings to compare checkpoints: it takes %(n)s probes that are rated at each of them.")
            % {"n": FEWEST_PROBES},
        )
    said = [_favoured(found), *_of_losses(found)]
    if found.evaluated is None:
        said.append(_("No eval loss was logged for these checkpoints."))
    if found.left_out:
        named = _(", ").join(step_name(step) for step in found.left_out[:MOST_NAMED])
        more = len(found.left_out) - MOST_NAMED
        said.append(
            _("Rated too little to stand beside the others: %(steps)s.")
            % {"steps": f"{named} (+{more})" if more > 0 else named}
        )
    return tuple(said)


def headline(found: Weighing) -> str:
    """What going by loss would cost, or that it costs nothing; empty while nobody can tell."""
    lowest = found.evaluated or found.train
    if lowest is None or (lowest.cost is not None and lowest.cost.word is CostWord.UNDECIDED):
        return ""
    return _of_losses(found)[0]


def _of_losses(found: Weighing) -> list[str]:
    evaluated, train = found.evaluated, found.train
    if evaluated and train and (evaluated.step, evaluated.lower_at) == (train.step, train.lower_at):
        return [_of_loss(evaluated, _("the lowest loss, training and eval alike"), found.margin)]
    said = [_of_loss(evaluated, _("the lowest eval loss"), found.margin)] if evaluated else []
    return said + ([_of_loss(train, _("the lowest training loss"), found.margin)] if train else [])


def _favoured(found: Weighing) -> str:
    best = next(one for one in found.standings if one.step == found.best)
    if best.step == BASE_STEP:
        return _("Raters favour the base: on the %(n)s probes that can be compared, no checkpoint scores higher.") % {
            "n": found.probes
        }
    said = _("Raters favour step %(step)s: net win %(value)s on the %(n)s probes that can be compared.") % {
        "step": best.step, "value": signed(best.value), "n": found.probes
    }  # fmt: skip
    if found.expected is not None:
        said += " " + _(
            "The highest of several is partly luck: chosen by half of the probes and read from the others, the choice "
            "is worth %(value)s (%(span)s)."
        ) % {"value": signed(found.expected.value), "span": span(found.expected)}
    if best.share < CLOSE_SHARE:
        said += " " + _("Others are close: it came out best in %(percent)s %% of the halves.") % {
            "percent": round(100 * best.share)
        }
    return said


def _of_loss(lowest: LowestLoss, loss: str, margin: float) -> str:
    place = {"loss": loss, "step": step_name(lowest.step)}
    if lowest.cost is None:
        return _("Raters and %(loss)s point to the same checkpoint: %(step)s.") % place + _lower(lowest)
    pattern = {
        CostWord.COSTS: _("Going by %(loss)s (%(step)s) would cost you %(value)s (%(span)s) net win."),
        CostWord.NOTHING: _(
            "Raters and %(loss)s (%(step)s) agree well enough: no other checkpoint is better by %(margin)s net win."
        ),
        CostWord.UNDECIDED: _(
            "Not enough ratings to tell whether going by %(loss)s (%(step)s) costs anything: %(value)s (%(span)s) "
            "net win so far."
        ),
    }[lowest.cost.word]
    regret = lowest.cost.regret
    value = signed(regret.value).replace("+", "")
    return pattern % (place | {"value": value, "span": span(regret), "margin": f"{margin:.2g}"}) + _lower(lowest)


def _lower(lowest: LowestLoss) -> str:
    if lowest.lower_at is None:
        return ""
    return " " + _("It is lower still at %(step)s, which has too few ratings to compare.") % {
        "step": step_name(lowest.lower_at)
    }


def purpose_label(purpose: Purpose) -> str:
    return {
        Purpose.MERGE: _("Merge it into the base (peft)"),
        Purpose.SERVE_MERGED: _("Serve what was merged (transformers)"),
        Purpose.VLLM: _("Serve it with vLLM"),
        Purpose.TRANSFORMERS: _("Serve it with transformers"),
    }[purpose]


def unservable_label(reason: Unservable) -> str:
    return {
        Unservable.GONE: _("Its folder is gone, so there is nothing to serve."),
        Unservable.UNREADABLE: _("Its weights cannot be read as they lie there; merge or finish saving them first."),
        Unservable.NO_BASE: _("The run does not say what its base model is; name it on the run's page."),
    }[reason]


def serving_text(serving: Serving) -> str:
    """For a terminal: each command under a comment that says what it does, or why there is none."""
    if serving.unservable:
        return unservable_label(serving.unservable)
    return "\n\n".join(f"# {purpose_label(one.purpose)}\n{one.text}" for one in serving.commands)


def methods() -> Sequence[str]:
    """How a choice is weighed, for people who do not do statistics."""
    return (
        _(
            "Checkpoints are compared on the probes that are known at all of them. The best is chosen by a random half "
            "of the probes and read from the other half, a hundred times, so that luck is not taken for quality."
        ),
        _(
            "What going by loss costs is the net win of that choice minus that of the checkpoint with the lowest "
            "loss. It is only said where the interval leaves out 0 and the evidence holds however often people look."
        ),
    )
