"""`log` and `checkpoint` for training loops without a Trainer: one line each, no set-up."""

import os
import threading

from beyondloss.integrations.callback import DEFAULT_URL
from beyondloss.integrations.harmless import harmless
from beyondloss.integrations.sender import RunIdentity, Sender

_senders: dict[str, Sender] = {}
_lock = threading.Lock()


@harmless
def log(run: str, step: int, **metrics: float) -> None:
    """Tell the server (BEYONDLOSS_URL, or this machine's port 8420) some numbers of this step."""
    _sender(run).log(step, metrics)


@harmless
def checkpoint(run: str, step: int, path: str | os.PathLike[str]) -> None:
    """Tell the server where this step was saved, once it is complete."""
    absolute = os.path.abspath(os.fspath(path))  # noqa: PTH100 - a link stays the link that it is
    sender = _sender(run)
    sender.checkpoint(step, absolute)


def _sender(run: str) -> Sender:
    if run not in _senders:
        with _lock:
            if run not in _senders:
                url = os.environ.get("BEYONDLOSS_URL", DEFAULT_URL)
                _senders[run] = Sender(url, RunIdentity(run), key=os.environ.get("BEYONDLOSS_OWNER_KEY"))
    return _senders[run]
