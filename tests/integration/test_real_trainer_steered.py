"""The installed transformers' Trainer obeys the page: it saves where it is told to, and ends where it is told to."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from beyondloss.domain.access import OWNER
from beyondloss.domain.steering import Order, OrderState
from beyondloss.integrations import BeyondLossCallback
from beyondloss.integrations import sender as sender_module
from beyondloss.services import runs, steering
from beyondloss.store.engine import Store
from tests.fakes.web_server import serving
from tests.integration.test_real_trainer_folder import train

pytestmark = [
    pytest.mark.torch,
    # Deprecations inside the libraries that train; nothing of ours calls them.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SAVE_AFTER, STOP_AFTER = 3, 6


@pytest.fixture
def url(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(sender_module, "SEND_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(sender_module, "LISTEN_EVERY_SECONDS", 0.01)
    with serving(store, tmp_path / "data") as address:
        yield address


def wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_real_training_saves_and_stops_when_the_page_says_so(url: str, store: Store, tmp_path: Path) -> None:
    callback = BeyondLossCallback(url, spool_dir=tmp_path / "spool")

    class Person(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        """Presses a button, and goes on once the order is in the training process."""

        def on_step_begin(self, _args: object, state: object, _control: object, **_more: object) -> None:
            order = {SAVE_AFTER: Order.SAVE, STOP_AFTER: Order.STOP}.get(state.global_step)  # type: ignore[attr-defined]
            if order is None:
                return
            run = self._run()
            steering.ask(store, OWNER, run.id, order)
            wait_for(lambda: callback._orders._given)

        def _run(self) -> runs.RunView:
            def listens() -> bool:
                found = next(iter(runs.list_run_views(store, OWNER).runs), None)
                steered = found and steering.steering_of(store, OWNER, found.id, found.state)
                return bool(steered and steered.listening)

            wait_for(listens)
            return runs.list_run_views(store, OWNER).runs[0]

    train(tmp_path / "support", steps=40, save_steps=100, callbacks=[callback, Person()])
    run = runs.find_run(store, "support", OWNER)
    assert [c.step for c in run.checkpoints] == [0, SAVE_AFTER + 1, STOP_AFTER + 1]
    assert {c.state.value for c in run.checkpoints} == {"present"}
    steered = steering.steering_of(store, OWNER, run.id, run.state)
    assert steered is not None
    assert [(r.order, r.state, r.step) for r in steered.requests] == [
        (Order.STOP, OrderState.DONE, STOP_AFTER + 1),
        (Order.SAVE, OrderState.DONE, SAVE_AFTER + 1),
    ]
    assert run.state.value == "finished"
    assert not steered.listening
