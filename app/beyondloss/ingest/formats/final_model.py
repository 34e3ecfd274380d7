"""The model that a trainer leaves in the run's own folder when it is done. Mostly it is the last checkpoint again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beyondloss.ingest.weights import Weights, Wholeness, find_weights, same_weights


@dataclass(frozen=True, slots=True)
class FinalModel:
    """`weights` is set only when it is a further checkpoint. `is_there` tells that training ended with a save."""

    is_there: bool
    weights: Weights | None = None
    problem: str = ""


@dataclass(slots=True)
class FinalModels:
    """Finds final models and remembers, by stamp, which equal which: comparing reads a sample of the weights."""

    _equal: dict[tuple[str, str], bool] = field(default_factory=dict)

    def look(self, folder: Path, *, step: int | None, checkpoints: Sequence[tuple[int, Weights]]) -> FinalModel:
        """`step` is the run's last one as far as it is known; `checkpoints` are the (step, weights) found beside it."""
        weights = find_weights(folder, deeper=False)
        if weights is None:
            return FinalModel(is_there=False)
        if weights.wholeness is not Wholeness.WHOLE:
            problem = weights.reason if weights.wholeness is Wholeness.REFUSED else ""
            return FinalModel(is_there=False, problem=problem)
        if any(self._same(known, weights) for _step, known in reversed(checkpoints)):
            return FinalModel(is_there=True)
        if step is None or any(step == taken for taken, _weights in checkpoints):
            if checkpoints:
                problem = "The model in the run's own folder equals no checkpoint, and its step is not written down."
                return FinalModel(is_there=True, problem=problem)
            return FinalModel(is_there=True, weights=weights)
        return FinalModel(is_there=True, weights=weights)

    def _same(self, one: Weights, other: Weights) -> bool:
        if one.stamp == other.stamp:
            return True
        key = (one.stamp, other.stamp)
        if key not in self._equal:
            if len(self._equal) > 10_000:
                self._equal.clear()
            self._equal[key] = same_weights(one, other)
        return self._equal[key]
