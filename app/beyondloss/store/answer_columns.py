"""How an answer's columns hold what an engine gave: token ids and margins as bytes, provenance and signals as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from beyondloss.domain.answers import Provenance, Signal

LARGEST_FLOAT16 = 65504.0


def packed_token_ids(token_ids: Sequence[int]) -> bytes:
    """uint32, little endian."""
    return np.asarray(token_ids, dtype="<u4").tobytes()


def token_ids_of(packed: bytes) -> tuple[int, ...]:
    return tuple(np.frombuffer(packed, dtype="<u4").tolist())


def packed_margins(margins: Sequence[float]) -> bytes:
    """float16, little endian; what float16 cannot hold becomes the largest it can, NaN stays NaN."""
    return np.clip(np.asarray(margins, dtype=np.float64), -LARGEST_FLOAT16, LARGEST_FLOAT16).astype("<f2").tobytes()


def margins_of(packed: bytes) -> tuple[float, ...]:
    return tuple(np.frombuffer(packed, dtype="<f2").tolist())


def provenance_json(provenance: Provenance) -> dict[str, Any]:
    """Measurements that are not numbers are left out: neither database keeps them in JSON."""
    fields = asdict(provenance)
    stats = {name: value for name, value in provenance.stats.items() if math.isfinite(value)}
    return fields | {
        "prompt_token_ids": list(provenance.prompt_token_ids),
        "notes": list(provenance.notes),
        "stats": stats,
    }


def provenance_of(stored: dict[str, Any]) -> Provenance:
    fields = {name: stored[name] for name in Provenance.__slots__ if name in stored}
    fields["prompt_token_ids"] = tuple(fields["prompt_token_ids"])
    fields["notes"] = tuple(fields.get("notes", ()))
    return Provenance(**fields)


def signals_json(signals: Sequence[Signal]) -> list[dict[str, str]]:
    return [asdict(signal) for signal in signals]


def signals_of(stored: list[dict[str, str]]) -> tuple[Signal, ...]:
    return tuple(Signal(kind=signal["kind"], detail=signal.get("detail", "")) for signal in stored)
