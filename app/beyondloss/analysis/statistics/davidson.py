"""Several checkpoints at once: Davidson's (1970) model of paired comparisons with ties."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairing:
    """How often item `first` was preferred to `second`, the other way round, and neither."""

    first: int
    second: int
    wins: float
    losses: float
    ties: float


@dataclass(frozen=True, slots=True)
class DavidsonFit:
    """`worths` sum to 1; `tie_strength` is ν. `log_likelihood` is without the ridge."""

    worths: tuple[float, ...]
    tie_strength: float
    log_likelihood: float
    deviance: float
    """G² against the saturated model."""


def fit_davidson(pairings: Sequence[Pairing], *, items: int, ridge: float = 0.0) -> DavidsonFit:
    """Maximum likelihood by P(i over j) = πi/D, P(tie) = ν√(πi πj)/D, D = πi + πj + ν√(πi πj).

    `ridge` · Σ(log π − mean)² / 2 is taken from the likelihood: it keeps an item that always won at a finite worth.
    """
    from scipy.optimize import minimize

    pairs = np.array([(one.first, one.second) for one in pairings], dtype=np.intp)
    counts = np.array([(one.wins, one.losses, one.ties) for one in pairings], dtype=np.float64)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scores = parameters[:-1] - parameters[:-1].mean()
        logs = _log_shares(scores, float(parameters[-1]), pairs)
        expected = np.exp(logs) * counts.sum(axis=1, keepdims=True)
        surplus = counts - expected  # (pairs, 3): each outcome's slope of the log-likelihood
        slope = np.zeros(items)
        np.add.at(slope, pairs[:, 0], surplus[:, 0] + surplus[:, 2] / 2)
        np.add.at(slope, pairs[:, 1], surplus[:, 1] + surplus[:, 2] / 2)
        slope -= ridge * scores
        gradient = -np.append(slope - slope.mean(), surplus[:, 2].sum())
        return -float((counts * logs).sum()) + ridge * float((scores**2).sum()) / 2, gradient

    found = minimize(loss, np.zeros(items + 1), jac=True, method="BFGS", options={"gtol": 1e-8, "maxiter": 1000})
    scores = np.asarray(found.x[:-1], dtype=np.float64)
    logs = _log_shares(scores, float(found.x[-1]), pairs)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    saturated = float((counts * np.log(np.where(shares > 0, shares, 1.0))).sum())
    likelihood = float((counts * logs).sum())
    worths = np.exp(scores - np.logaddexp.reduce(scores))
    return DavidsonFit(
        worths=tuple(float(worth) for worth in worths),
        tie_strength=float(np.exp(found.x[-1])),
        log_likelihood=likelihood,
        deviance=2 * (saturated - likelihood),
    )


def _log_shares(scores: Floats, log_tie: float, pairs: npt.NDArray[np.intp]) -> Floats:
    """Log-probabilities (pairs, 3) of first, second, tie."""
    first, second = scores[pairs[:, 0]], scores[pairs[:, 1]]
    terms = np.stack([first, second, log_tie + (first + second) / 2], axis=1)
    return np.asarray(terms - np.logaddexp.reduce(terms, axis=1, keepdims=True), dtype=np.float64)
