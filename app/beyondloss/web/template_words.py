"""What a doubt about a run's chat template says to a person: what is unlike, and what to do about it."""

from beyondloss.domain.templates import TemplateDoubt, TrainedWith
from beyondloss.web.i18n import gettext as _
from beyondloss.web.words import N_

_SHOWN_CHARACTERS = 160

_SAYS = {
    TemplateDoubt.OTHER_TEMPLATE: N_(
        "Trained with the template %(template)s, which writes %(mark)s; the chat template of the probes does not."
    ),
    TemplateDoubt.OTHER_SYSTEM: N_("Trained with the system prompt “%(system)s”; no probe sends it."),
    TemplateDoubt.UNLIKE_BASE: N_("The run's chat template is not its base model's."),
}
_DO = {
    TemplateDoubt.OTHER_TEMPLATE: N_(
        "The answers are to prompts that training never saw: save the tokenizer with the template trained with."
    ),
    TemplateDoubt.OTHER_SYSTEM: N_(
        "Give it to the probes that should be asked as in training (system: in their file)."
    ),
    TemplateDoubt.UNLIKE_BASE: N_(
        "Probes are written by the run's, for the base too, so that both get the same prompt."
    ),
}


def doubt_sentence(doubt: TemplateDoubt, trained: TrainedWith) -> str:
    system = " ".join((trained.system_prompt or "").split())
    shown = system if len(system) <= _SHOWN_CHARACTERS else f"{system[:_SHOWN_CHARACTERS]}…"
    facts = {"template": trained.template or "", "mark": trained.mark, "system": shown}
    return _(_SAYS[doubt]) % facts


def doubt_advice(doubt: TemplateDoubt) -> str:
    return _(_DO[doubt])


def is_warning(doubt: TemplateDoubt) -> bool:
    """The others are worth knowing and may well be meant."""
    return doubt is not TemplateDoubt.UNLIKE_BASE
