"""Several tests at once: Holm within what was declared before, Benjamini–Hochberg for a search, e-BH under peeking."""

from collections.abc import Sequence


def holm(p_values: Sequence[float], *, alpha: float = 0.05) -> tuple[bool, ...]:
    """Which hypotheses are rejected with the family-wise error at most alpha (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    rejected = [False] * len(p_values)
    for rank, index in enumerate(order):
        if p_values[index] > alpha / (len(p_values) - rank):
            break
        rejected[index] = True
    return tuple(rejected)


def benjamini_hochberg(p_values: Sequence[float], *, alpha: float = 0.05) -> tuple[bool, ...]:
    """Which are rejected with the false discovery rate at most alpha (Benjamini and Hochberg 1995)."""
    count = len(p_values)
    order = sorted(range(count), key=lambda index: p_values[index])
    passing = [rank for rank, index in enumerate(order, start=1) if p_values[index] <= alpha * rank / count]
    rejected = set(order[: passing[-1]]) if passing else set()
    return tuple(index in rejected for index in range(count))


def e_benjamini_hochberg(e_values: Sequence[float], *, alpha: float = 0.05) -> tuple[bool, ...]:
    """The same for e-values, whatever their dependence and however often somebody looks (Wang and Ramdas 2022)."""
    count = len(e_values)
    order = sorted(range(count), key=lambda index: -e_values[index])
    passing = [rank for rank, index in enumerate(order, start=1) if e_values[index] >= count / (alpha * rank)]
    rejected = set(order[: passing[-1]]) if passing else set()
    return tuple(index in rejected for index in range(count))
