"""Orders of the page reach the Trainer at its next step, once, and the page hears what became of them."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from beyondloss.integrations import BeyondLossCallback, checkpoint, log
from beyondloss.integrations import sender as sender_module
from tests.fakes.training_server import TrainingServer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "SEND_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(sender_module, "LISTEN_EVERY_SECONDS", 0.01)


class Training:
    """The Trainer's side of the conversation, step by step."""

    def __init__(self, server: TrainingServer, folder: Path, **arguments: object) -> None:
        self.callback = BeyondLossCallback(server.url, spool_dir=folder / "spool")
        self.arguments = SimpleNamespace(output_dir=str(folder / "support"), **arguments)
        self.state = SimpleNamespace(global_step=0, epoch=0.0, is_world_process_zero=True)
        self.control = SimpleNamespace(should_save=False, should_training_stop=False)
        self.callback.on_train_begin(self.arguments, self.state, self.control, model=None)

    def step_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "no order came"
            self.state.global_step += 1
            self.callback.on_step_end(self.arguments, self.state, self.control)
            time.sleep(0.005)

    def save(self) -> None:
        self.control.should_save = False
        self.callback.on_save(self.arguments, self.state, self.control)

    def end(self) -> None:
        self.callback.on_train_end(self.arguments, self.state, self.control)


def test_an_order_to_save_is_carried_out_once_and_told(tmp_path: Path) -> None:
    with TrainingServer(orders=[{"id": 7, "order": "save"}]) as server:
        training = Training(server, tmp_path)
        training.step_until(lambda: training.control.should_save)
        step = training.state.global_step
        training.save()
        training.step_until(lambda: bool(server.settled))
        assert server.settled == [{"id": 7, "done": True, "step": step, "detail": ""}]
        assert not training.control.should_save
        assert not training.control.should_training_stop
        training.end()


def test_an_order_to_stop_saves_first_and_is_told_before_the_end(tmp_path: Path) -> None:
    with TrainingServer(orders=[{"id": 1, "order": "stop"}]) as server:
        training = Training(server, tmp_path)
        training.step_until(lambda: training.control.should_training_stop)
        assert training.control.should_save
        training.save()
        training.end()
        assert server.settled == [{"id": 1, "done": True, "step": training.state.global_step, "detail": ""}]
        assert server.runs()[-1]["state"] == "finished"


def test_one_process_of_several_says_that_it_cannot(tmp_path: Path) -> None:
    with TrainingServer(orders=[{"id": 1, "order": "stop"}]) as server:
        training = Training(server, tmp_path, world_size=2)
        training.step_until(lambda: bool(server.settled))
        assert not server.settled[0]["done"]
        assert "Several processes" in server.settled[0]["detail"]
        assert not training.control.should_training_stop
        training.end()


@pytest.mark.parametrize("orders", [[{"id": "x", "order": "save"}], [{"id": 1, "order": "explode"}], ["?"]])
def test_orders_that_make_no_sense_are_passed_over(tmp_path: Path, orders: list[object]) -> None:
    with TrainingServer() as server:
        server.take_word = lambda body: orders  # type: ignore[assignment, method-assign, return-value]
        training = Training(server, tmp_path)
        for _ in range(10):
            training.step_until(lambda: True)
            time.sleep(0.005)
        training.end()
        assert not training.control.should_save


def test_no_word_of_ours_can_fail_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("BEYONDLOSS_URL", "http://127.0.0.1:9")
    callback = BeyondLossCallback("http://127.0.0.1:9", spool_dir=tmp_path)
    callback.on_train_begin(None, None, None)
    callback.on_train_begin(SimpleNamespace(output_dir=str(tmp_path)), SimpleNamespace(), None)
    callback.on_log(None, None, None, logs={"loss": 1.0})
    callback.on_save(None, None, None)
    callback.on_step_end(None, None, None)
    callback.on_train_end(None, None, None)
    log("strange", "no step", loss=1.0)  # type: ignore[arg-type]
    checkpoint("strange", 1, None)  # type: ignore[arg-type]
