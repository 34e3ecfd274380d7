"""The boundary to somebody's training: whatever goes wrong on our side of it, the training goes on."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")
_log = logging.getLogger("beyondloss")


def harmless(told: Callable[P, None]) -> Callable[P, None]:
    """The function, without its errors: they are logged for whoever looks for them."""

    @wraps(told)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            told(*args, **kwargs)
        except Exception:  # noqa: BLE001 - the boundary
            _log.debug("beyondloss: could not note what training said", exc_info=True)

    return guarded
