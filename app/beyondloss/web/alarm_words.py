"""What an alarm says to a person: its name, one sentence of what happened, and one of what to check first."""

from beyondloss.domain.alarms import AlarmKind
from beyondloss.services.alarms import AlarmView
from beyondloss.web.filters import number
from beyondloss.web.i18n import gettext as _
from beyondloss.web.words import N_

NAMES = {
    AlarmKind.NOT_FINITE: N_("not a number"),
    AlarmKind.SPIKE: N_("spike"),
    AlarmKind.DIVERGENCE: N_("divergence"),
    AlarmKind.NOT_LEARNING: N_("not learning"),
    AlarmKind.PLATEAU: N_("plateau"),
    AlarmKind.MEMORISING: N_("memorising"),
    AlarmKind.GAP: N_("eval gap"),
    AlarmKind.LEARNING_RATE: N_("learning rate"),
}

_SAYS = {
    "spike": N_("%(metrics)s rose to %(ratio)s times what it was before."),
    "spike_both": N_("Loss and gradient norm both jumped, to %(loss)s and %(grad_norm)s times what they were before."),
    "divergence": N_("The loss climbed to %(rise)s times its lowest and stays up."),
    "not_finite": N_("%(metrics)s became %(value)s."),
    "zero": N_("The loss is exactly 0, which is how trainers log a loss that is not a number."),
    "zero_and_norm": N_("The loss is logged as exactly 0 while the gradient norm is %(value)s: a filter hides it."),
    "not_learning_learning_rate": N_("The learning rate is 0: nothing can be learned."),
    "not_learning_grad_norm": N_("The loss has not moved and the gradient norm is about 0."),
    "plateau": N_("The loss has stayed near %(loss)s for the last fifth of the run."),
    "memorising_low": N_("The training loss fell from %(start)s to %(loss)s: the examples may be known by heart."),
    "memorising_stairs": N_("The loss drops by %(drop)s %% at the end of epoch %(epoch)s, not within it."),
    "gap": N_("Eval loss stands %(gap)s above training loss; at best it was %(lowest)s."),
    "learning_rate_no_warm_up": N_("More than half of the steps are clipped at %(limit)s, and there was no warm-up."),
    "learning_rate_low_for_adapter": N_("%(rate)s is a low learning rate for an adapter; 1e-4 and more is usual."),
    "learning_rate_high_for_full": N_("%(rate)s is a high learning rate for a full fine-tune; 2e-5 is usual."),
    "learning_rate_unlike_schedule": N_("The learning rate does not follow the declared schedule, %(schedule)s."),
}

_CHECK = {
    "not_finite": N_("Stop the run; look at the learning rate, the number type, and the batch of this step."),
    "spike": N_("Look at the batch of this step: an odd example, a length, a mask. If it recovers, go on."),
    "divergence": N_("Go back to the last checkpoint before it, with a lower learning rate or more warm-up."),
    "not_learning": N_(
        "Check the learning rate, that the adapter's weights are trained, and that labels are not all masked."
    ),
    "plateau": N_("Read the answers: if they are what you want, stop here; else the learning rate may be too low."),
    "memorising": N_("Read answers to questions asked in other words than the training data's."),
    "gap": N_("Compare the checkpoint with the lowest eval loss with this one, by their answers."),
    "learning_rate": N_("Compare the trainer's settings with what you meant to set."),
}

METRICS = {"loss": N_("Training loss"), "grad_norm": N_("Gradient norm"), "eval_loss": N_("Eval loss")}


def alarm_name(kind: AlarmKind) -> str:
    return _(NAMES[kind])


def alarm_sentence(alarm: AlarmView) -> str:
    """What happened, with its numbers."""
    key, facts = _told(alarm)
    return _(_SAYS[key]) % {name: number(v) if isinstance(v, float) else v for name, v in facts.items()}


def alarm_check(kind: AlarmKind) -> str:
    """What to look at first."""
    return _(_CHECK[kind.value])


def _told(alarm: AlarmView) -> tuple[str, dict[str, float | str]]:
    facts = {name: value if isinstance(value, str) else float(value) for name, value in alarm.facts.items()}
    metrics = ", ".join(_(METRICS.get(name, name)) for name in facts)
    if alarm.kind is AlarmKind.SPIKE:
        both = {"loss", "grad_norm"} <= facts.keys()
        return ("spike_both", facts) if both else ("spike", {"metrics": metrics, "ratio": max(facts.values())})
    if alarm.kind is AlarmKind.NOT_FINITE:
        value = facts.get("grad_norm") or next(iter(facts.values()))
        if facts.get("loss") == "0":
            return ("zero_and_norm", {"value": value}) if "grad_norm" in facts else ("zero", {})
        return "not_finite", {"metrics": metrics, "value": value}
    if alarm.kind is AlarmKind.NOT_LEARNING:
        return f"not_learning_{facts['cause']}", facts
    if alarm.sign == "stairs":
        facts = {"drop": f"{100 * float(facts['drop']):.0f}", "epoch": f"{float(facts['epoch']):.0f}"}
    return (f"{alarm.kind.value}_{alarm.sign}" if alarm.sign else alarm.kind.value), facts
