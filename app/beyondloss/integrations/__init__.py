"""What other people's training code imports. Standard library only; imports nothing of ours.

from beyondloss.integrations import BeyondLossCallback      # Hugging Face Trainer, TRL, Unsloth …
trainer.add_callback(BeyondLossCallback(run="support-v3"))

from beyondloss.integrations import checkpoint, log         # any other loop
log("support-v3", step, loss=loss, learning_rate=rate)
checkpoint("support-v3", step, "saves/step-100")
"""

from beyondloss.integrations.callback import BeyondLossCallback
from beyondloss.integrations.loop import checkpoint, log

__all__ = ["BeyondLossCallback", "checkpoint", "log"]
