"""How numbers, times and sizes read on a page, in the request's language. Pure but for the language and the clock."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from beyondloss.web.i18n import gettext, ngettext

MINUTE_SECONDS = 60
HOUR_SECONDS = 3600
DAY_SECONDS = 86400
_SHORT = 1000.0
_TINY = 0.001


def number(value: float | None, *, kind: str = "finite") -> str:
    """Three significant digits as a curve's reader wants them: 2.67, 0.0041, 3.1e-07, NaN, ∞. None reads –."""
    if kind != "finite":
        return {"nan": "NaN", "posinf": "∞", "neginf": "−∞"}.get(kind, kind)
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    if abs(value) < _TINY or abs(value) >= _SHORT * _SHORT:
        return f"{value:.1e}".replace("-", "−")
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}" if digits else f"{value:,.0f}"
    return text.replace("-", "−")


def count(value: int) -> str:
    """1,234: groups of three in every language we speak."""
    return f"{value:,}"


def ago(at: float | None, *, now: float | None = None) -> str:
    """How long since a POSIX time, in words."""
    if at is None:
        return gettext("never")
    seconds = max(0.0, (time.time() if now is None else now) - at)
    if seconds < MINUTE_SECONDS:
        return gettext("just now")
    if seconds < HOUR_SECONDS:
        return _counted(ngettext("%(n)s minute ago", "%(n)s minutes ago", n := int(seconds // MINUTE_SECONDS)), n)
    if seconds < DAY_SECONDS:
        return _counted(ngettext("%(n)s hour ago", "%(n)s hours ago", n := int(seconds // HOUR_SECONDS)), n)
    return _counted(ngettext("%(n)s day ago", "%(n)s days ago", n := int(seconds // DAY_SECONDS)), n)


def duration(seconds: float | None) -> str:
    """A time span in words; None reads –."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < MINUTE_SECONDS:
        return _counted(gettext("%(n)s s"), max(0, round(seconds)))
    if seconds < HOUR_SECONDS:
        return _counted(gettext("%(n)s min"), round(seconds / MINUTE_SECONDS))
    return _counted(gettext("%(n)s h"), round(seconds / HOUR_SECONDS, 1))


def isotime(at: float) -> str:
    """For `<time datetime>`: UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _counted(pattern: str, n: float) -> str:
    return pattern % {"n": n}


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "count_text": count,
    "ago": ago,
    "duration": duration,
    "isotime": isotime,
}
