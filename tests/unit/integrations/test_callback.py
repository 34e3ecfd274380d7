"""The callback speaks the Trainer's language without importing it."""

import math
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from beyondloss.integrations import BeyondLossCallback
from tests.fakes.training_server import TrainingServer


@dataclass
class State:
    global_step: int = 0
    epoch: float = 0.0
    is_world_process_zero: bool = True


@dataclass
class Arguments:
    output_dir: str
    learning_rate: float = 2e-4
    lr_scheduler_type: object = field(default_factory=lambda: SimpleNamespace(value="cosine"))


def model() -> object:
    return SimpleNamespace(peft_config={"default": SimpleNamespace(base_model_name_or_path="org/base")})


def test_a_training_is_told_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    output_dir = tmp_path / "support"
    with TrainingServer() as server:
        callback = BeyondLossCallback(server.url, spool_dir=tmp_path / "spool")
        state, arguments = State(), Arguments(str(output_dir))
        callback.on_train_begin(arguments, state, None, model=model())
        state.global_step, state.epoch = 5, 0.5
        callback.on_log(arguments, state, None, logs={"loss": 1.5, "learning_rate": 1e-4})
        callback.on_save(arguments, state, None)
        callback.on_log(arguments, state, None, logs={"train_runtime": 12.0, "train_loss": 1.2})
        callback.on_train_end(arguments, state, None)
        run = server.runs()[0]
        assert (run["name"], run["base_model"], run["trainer"]) == ("support", "org/base", "transformers")
        assert run["config"] == {"learning_rate": 2e-4, "lr_scheduler_type": "cosine"}
        ((step, metrics),) = server.points()
        assert 0 <= metrics.pop("elapsed_seconds") < 10
        assert (step, metrics) == (5, {"loss": 1.5, "learning_rate": 1e-4})
        assert server.checkpoints() == [{"step": 5, "path": str(output_dir / "checkpoint-5"), "epoch": 0.5}]
        assert server.runs()[-1]["state"] == "finished"


def test_only_the_first_process_of_many_speaks(tmp_path: Path) -> None:
    with TrainingServer() as server:
        callback = BeyondLossCallback(server.url, spool_dir=tmp_path)
        state = State(is_world_process_zero=False)
        callback.on_train_begin(Arguments("x"), state, None, model=None)
        callback.on_log(Arguments("x"), state, None, logs={"loss": math.pi})
        callback.on_train_end(Arguments("x"), state, None)
        assert server.heard == []


def test_events_of_other_versions_are_answered_with_nothing() -> None:
    callback = BeyondLossCallback("http://127.0.0.1:1")
    assert callback.on_pre_optimizer_step(1, 2, 3, model=None) is None
    assert not hasattr(callback, "something_else")


def test_importing_it_imports_nothing_of_ours_and_nothing_installed() -> None:
    script = (
        "import sys; import beyondloss.integrations as i; i.BeyondLossCallback;"
        "ours = [m for m in sys.modules if m[:11] == 'beyondloss.' and m[11:23] != 'integrations'];"
        "others = [m for m in ('numpy', 'torch', 'pydantic', 'sqlalchemy', 'typer') if m in sys.modules];"
        "sys.exit(str(ours + others) if ours + others else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
