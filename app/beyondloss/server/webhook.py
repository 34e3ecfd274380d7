"""Tells new alarms to the address that the settings name: one POST of JSON each, again and again until it is taken."""

import json
import threading
import urllib.request
from collections.abc import Callable

from beyondloss.errors import StoreUnavailable
from beyondloss.services import alarms
from beyondloss.services.alarms import UntoldAlarm
from beyondloss.store.engine import Store
from beyondloss.web.alarm_words import alarm_check, alarm_name, alarm_sentence

LOOK_SECONDS = 2.0
MOST_WAIT_SECONDS = 300.0
ANSWER_SECONDS = 10.0


class Webhook:
    """A thread of its own: a slow or dead address holds nothing else up. `link` is where this server is reached."""

    def __init__(
        self, store: Store, url: str, *, link: str, told: Callable[[str], None], look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._store = store
        self._url = url
        self._link = link.rstrip("/")
        self._told = told
        self._look_seconds = look_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        wait_seconds = self._look_seconds
        while not self._stop.wait(wait_seconds):
            trouble = self._tell_all()
            if trouble and wait_seconds == self._look_seconds:
                self._told(f"The alarm webhook was not reached ({trouble}); it is tried again.")
            wait_seconds = min(2 * wait_seconds, MOST_WAIT_SECONDS) if trouble else self._look_seconds

    def _tell_all(self) -> str:
        """What went wrong; empty when nothing did. An alarm is marked once it was taken, so none is lost."""
        try:
            for news in alarms.untold_alarms(self._store):
                if self._stop.is_set():
                    break
                _post(self._url, self._body(news))
                alarms.mark_told(self._store, [news.alarm.id])
        except (OSError, ValueError, StoreUnavailable) as error:
            return str(error)
        return ""

    def _body(self, news: UntoldAlarm) -> dict[str, str | int]:
        """`text` alone is what chat services show."""
        alarm = news.alarm
        sentence = alarm_sentence(alarm)
        link = f"{self._link}/runs/{news.run_id}#alarms"
        return {
            "text": f"{news.run}, step {alarm.step}: {alarm_name(alarm.kind)}. {sentence} {link}",
            "run": news.run,
            "run_id": news.run_id,
            "kind": alarm.kind.value,
            "severity": alarm.severity.value,
            "step": alarm.step,
            "message": sentence,
            "check_first": alarm_check(alarm.kind),
            "url": link,
        }


def _post(url: str, body: dict[str, str | int]) -> None:
    request = urllib.request.Request(  # noqa: S310 - the owner's own setting, checked to be http
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310
        pass
