"""Words and shapes of the matrix: a shape for the eye, a word beside it for everybody else. Pure."""

from dataclasses import dataclass

from beyondloss.services.matrix import CellRating
from beyondloss.web.i18n import gettext as _

_LEVELS = (0.1, 0.35, 0.7)
"""Shares of differing words from which a cell is drawn one degree stronger."""
_SIGNAL_SHAPES = {"loop": "↻", "truncated": "⇥", "empty": "∅"}
_ANY_SIGNAL = "!"
_RATING_SHAPES = {"up": "▲", "down": "▼", "level": "=", "bad": "✕"}


@dataclass(frozen=True, slots=True)
class Mark:
    """`look` is its CSS class: up, down, level, bad, or signal; `mine` where the visitor's own rating is in it."""

    look: str
    shape: str
    word: str
    mine: bool = False


def moved_text(share: float) -> str:
    """Per cent without the sign. Only equal answers read 0, only those without a common word 100."""
    percent = round(100 * share)
    if percent < 1:
        return "<1"
    return str(percent if share >= 1 else min(percent, 99))


def moved_level(share: float) -> int:
    """1 to 4: a little, some, much, another answer."""
    return 1 + sum(share >= level for level in _LEVELS)


def signal_mark(kind: str) -> Mark:
    words = {"truncated": _("cut at the limit"), "loop": _("loops"), "empty": _("empty")}
    return Mark("signal", _SIGNAL_SHAPES.get(kind, _ANY_SIGNAL), words.get(kind, kind.replace("_", " ")))


def rating_mark(rating: CellRating) -> Mark:
    """Which way the ratings lean, how many there are, and what the visitor's own says."""
    look, word = ("bad", _("both bad")) if rating.both_bad else _leaning(rating.net)
    if rating.ratings > 1:
        pattern = _("%(word)s (%(n)s ratings)")
        if rating.mine is not None:
            pattern = _("%(word)s (%(n)s ratings, yours: %(mine)s)")
        mine = word if rating.both_bad else _leaning(rating.mine or 0.0)[1]
        word = pattern % {"word": word, "n": rating.ratings, "mine": mine}
    elif rating.mine is not None:
        word = _("%(word)s (yours)") % {"word": word}
    return Mark(look, _RATING_SHAPES[look], word, mine=rating.mine is not None)


def _leaning(net: float) -> tuple[str, str]:
    if net > 0:
        return "up", _("more like it")
    return ("down", _("less like it")) if net < 0 else ("level", _("same"))
