"""A callback for the Hugging Face Trainer and everything built on it. It cannot slow, block or fail the training.

It is a `TrainerCallback` to type checkers only, so that importing it imports nothing: the Trainer asks by event name.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyondloss.integrations.harmless import harmless
from beyondloss.integrations.orders import SAVE, STOP, Given, Orders
from beyondloss.integrations.sender import RunIdentity, Sender

if TYPE_CHECKING:
    from transformers import TrainerCallback as _Callback
else:
    _Callback = object

DEFAULT_URL = "http://127.0.0.1:8420"
KEPT_SETTINGS = (
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "weight_decay",
    "seed",
    "bf16",
    "fp16",
)
SEVERAL_PROCESSES = "Several processes train together; only a training of one process can be steered."


class BeyondLossCallback(_Callback):
    """`trainer.add_callback(BeyondLossCallback(run="support-v3"))`.

    `url` and `key` default to BEYONDLOSS_URL (or this machine's port 8420) and BEYONDLOSS_OWNER_KEY; only a server on
    another machine needs a key. `run` defaults to the name of the output folder.
    """

    def __init__(
        self,
        url: str | None = None,
        run: str | None = None,
        *,
        project: str = "default",
        key: str | None = None,
        spool_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self._url = url or os.environ.get("BEYONDLOSS_URL", DEFAULT_URL)
        self._run = run
        self._project = project
        self._key = key or os.environ.get("BEYONDLOSS_OWNER_KEY")
        self._spool_dir = Path(spool_dir) if spool_dir else None
        self._sender: Sender | None = None
        self._began = time.monotonic()
        self._orders = Orders()
        self._obeyed: list[Given] = []
        """Orders passed to the Trainer whose outcome is still to be seen."""

    @harmless
    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
        if not getattr(state, "is_world_process_zero", True):
            return
        self._began = time.monotonic()
        identity = self._identity(args, more.get("model"))
        if self._sender is None:
            self._sender = Sender(self._url, identity, key=self._key, spool_dir=self._spool_dir, orders=self._orders)
        else:
            self._sender.identify(identity)

    @harmless
    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
        """Where the Trainer asks whether to save, evaluate or stop: orders of the page are passed to it here."""
        given = self._orders.take()
        if not given:
            return
        if getattr(args, "world_size", 1) > 1:
            # The other processes would not know, and wait for this one for ever.
            self._orders.settle(given, step=state.global_step, problem=SEVERAL_PROCESSES)
            return
        control.should_save = True
        if any(one.order == STOP for one in given):
            control.should_training_stop = True
        self._obeyed += given

    @harmless
    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:  # noqa: ANN401
        if self._sender is not None and isinstance(logs, Mapping) and "train_runtime" not in logs:
            self._sender.log(state.global_step, {**logs, "elapsed_seconds": time.monotonic() - self._began})

    @harmless
    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
        if self._sender is not None:
            path = os.path.join(os.path.abspath(args.output_dir), f"checkpoint-{state.global_step}")  # noqa: PTH100, PTH118
            self._sender.checkpoint(state.global_step, path, state.epoch)
            self._settle(SAVE, state.global_step)

    @harmless
    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
        if self._sender is not None:
            self._settle(STOP, state.global_step)
            self._settle(SAVE, state.global_step, problem="The trainer ended without saving.")
            self._sender.finish()
            self._sender.close()
            self._sender, self._orders = None, Orders()

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Every other event of the Trainer, of this version and the next: nothing to do."""
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(name)

    def _settle(self, order: str, step: int, *, problem: str = "") -> None:
        done = [one for one in self._obeyed if one.order == order]
        if done:
            self._orders.settle(done, step=step, problem=problem)
            self._obeyed = [one for one in self._obeyed if one.order != order]

    def _identity(self, args: Any, model: Any) -> RunIdentity:  # noqa: ANN401
        output_dir = os.path.abspath(args.output_dir)  # noqa: PTH100
        return RunIdentity(
            name=(self._run or Path(output_dir).name).replace("/", "-").replace("\\", "-"),
            project=self._project,
            base_model=_base_model(model),
            trainer="transformers",
            output_dir=output_dir,
            config={name: _setting(getattr(args, name)) for name in KEPT_SETTINGS if hasattr(args, name)},
        )


def _nothing(*_: object, **__: object) -> None:
    return None


def _base_model(model: Any) -> str | None:  # noqa: ANN401
    """What the adapter or the model says it was made from."""
    for config in (*getattr(model, "peft_config", {}).values(), getattr(model, "config", None)):
        for name in ("base_model_name_or_path", "_name_or_path"):
            value = getattr(config, name, None)
            if isinstance(value, str) and value:
                return value
    return None


def _setting(value: object) -> str | int | float | bool | None:
    plain = getattr(value, "value", value)  # transformers' enums
    return plain if isinstance(plain, str | int | float | bool) or plain is None else str(plain)
