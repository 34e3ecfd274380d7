"""Keeps transformers and the hub library from drawing bars and printing warnings over our own output."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """No progress bars, no log lines below an error, no Python warnings, while a library loads or saves."""
    hub, logging = _switches()
    hub_was_quiet, bars_were_on = hub.are_progress_bars_disabled(), logging.is_progress_bar_enabled()
    verbosity = logging.get_verbosity()
    hub.disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars_were_on:
            logging.enable_progress_bar()
        if not hub_was_quiet:
            hub.enable_progress_bars()


def _switches() -> tuple[ModuleType, ModuleType]:
    from huggingface_hub import utils
    from transformers.utils import logging

    return utils, logging
