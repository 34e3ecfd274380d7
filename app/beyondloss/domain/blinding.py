"""Where answers stand and in which order they come when somebody rates blind. Pure; the same on every device."""

import hashlib

from beyondloss.domain.ratings import Side


def side_of(probe_id: int, rater_id: int, *, salt: str) -> Side:
    """Where this rater sees the checkpoint's answer to this probe.

    Left half the time, as a coin would have it. The salt names the comparison, so that the names shown after one vote
    say nothing about the next checkpoint's.
    """
    return Side.LEFT if _hashed("side", salt, probe_id, rater_id) % 2 else Side.RIGHT


def side_for(rater_id: int, probe_id: int, answer_id: int, reference_id: int) -> Side:
    """Where this rater sees the checkpoint's answer of this comparison."""
    return side_of(probe_id, rater_id, salt=f"{answer_id}/{reference_id}")


def swapped(side: Side) -> Side:
    return Side.RIGHT if side is Side.LEFT else Side.LEFT


def shuffled_place(probe_id: int, rater_id: int, *, salt: str) -> int:
    """A number to sort by: every rater meets the probes in an order of their own."""
    return _hashed("place", salt, probe_id, rater_id)


def _hashed(purpose: str, salt: str, probe_id: int, rater_id: int) -> int:
    text = f"{purpose}:{salt}:{probe_id}:{rater_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
