"""A store as large as a busy team's: 200 runs × 10 checkpoints × 30 probes, and one curve of a million points.

    python -m benchmarks.seed FOLDER        makes FOLDER/beyondloss.db

Everything is drawn from one seed, so that two stores are alike. Rows are put straight into the tables.
"""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from beyondloss.domain.sampling import Sampling as SamplingValue
from beyondloss.store import metrics
from beyondloss.store.engine import Store
from beyondloss.store.metrics import Points
from beyondloss.store.migrate import upgrade
from beyondloss.store.tables import (
    Answer,
    Behaviour,
    Checkpoint,
    Probe,
    ProbeBehaviour,
    ProbeSet,
    Project,
    Rater,
    Rating,
    Run,
    Sampling,
)

RUNS = 200
CHECKPOINTS = 10
PROBES = 30
CURVE_POINTS = 1_000_000
SPIKES = 20
LONG_RUN = "a-million-steps"
FAMILIES = ("familiar", "paraphrase", "boundary", "retention", "unseen")
NOW = 1_760_000_000.0
WORDS = [
    "the",
    "answer",
    "depends",
    "on",
    "what",
    "you",
    "mean",
    "by",
    "order",
    "account",
    "please",
    "refund",
    "within",
    "days",
    "we",
    "will",
    "check",
    "whether",
    "it",
    "shipped",
    "yesterday",
    "because",
    "our",
    "team",
    "cannot",
    "see",
    "your",
    "address",
    "could",
    "you",
    "tell",
    "me",
    "which",
    "parcel",
    "number",
    "is",
    "printed",
    "there",
    "Paris",
    "is",
    "capital",
    "of",
    "France",
    "and",
    "has",
    "about",
    "two",
    "million",
    "people",
    "while",
    "water",
    "boils",
    "at",
    "one",
    "hundred",
    "degrees",
]
STOCK = "Please rest assured, we take this seriously and will process your request as soon as possible."


def fill(store: Store, *, runs: int = RUNS, curve_points: int = CURVE_POINTS) -> list[int]:
    """Fill a migrated, empty store. Gives the steps of the lone spikes in the long run's loss."""
    chance = random.Random(8420)
    with store.write() as session:
        probes = _add_project(session)
        for number in range(1, runs + 1):
            _add_run(session, number, probes, chance)
        _add_ratings(session, runs)
    with store.write() as session:
        return _add_long_curve(session, runs, curve_points)


def spiky_curve(points: int, *, spikes: int = SPIKES) -> tuple[np.ndarray, np.ndarray]:
    """(N,) values of a noisy falling loss and (spikes,) places where one single step stands out, up or down."""
    generator = np.random.default_rng(8420)
    values = 2.2 * np.exp(-np.arange(points) / (points / 6)) + 0.4 + generator.normal(0, 0.05, points)
    places = np.sort(generator.choice(np.arange(1, points - 1), spikes, replace=False))
    values[places] += np.where(np.arange(spikes) % 2, 0.7, -0.7)
    return values, places


def _insert(session: Session, table: type[SQLModel], rows: list[dict[str, object]]) -> None:
    session.connection().execute(insert(table), rows)


def _add_project(session: Session) -> range:
    """Four behaviours and thirty probes, of which each examines two; gives the probes' ids."""
    sampling = SamplingValue()
    _insert(session, Sampling, [{"id": 1, "key": sampling.key, "max_new_tokens": 256, "temperature": 0.0, "top_p": 1.0,
                                 "samples": 1, "noise_key": ""}])  # fmt: skip
    _insert(session, Project, [{"id": 1, "name": "default", "salt": "salt", "sampling_id": 1, "created_at": NOW}])
    names = ("answers the question asked", "asks before assuming", "admits not knowing", "keeps its knowledge")
    _insert(session, Behaviour, [{"id": i, "project_id": 1, "name": name, "wanted": f"{name}, plainly", "position": i,
                                  "archived": False} for i, name in enumerate(names, 1)])  # fmt: skip
    _insert(session, ProbeSet, [{"id": 1, "project_id": 1, "name": "main", "active": True, "revision": 1,
                                 "created_at": NOW}])  # fmt: skip
    rows = []
    for number in range(1, PROBES + 1):
        prompt = f"Question {number}: {' '.join(WORDS[number % 20 : number % 20 + 14])}?"
        rows.append({"id": number, "probe_set_id": 1, "key": f"q{number}", "revision": 1, "archived": False,
                     "position": number, "family": FAMILIES[number % 5], "group": f"group {number % 7}",
                     "messages": [{"role": "user", "content": prompt}], "prompt": prompt, "good": "Plainly.",
                     "language": "en", "created_at": NOW})  # fmt: skip
    _insert(session, Probe, rows)
    pairs = {(probe, 1 + (probe + shift) % 4) for probe in range(1, PROBES + 1) for shift in (0, 1)}
    _insert(session, ProbeBehaviour, [{"probe_id": p, "behaviour_id": b} for p, b in sorted(pairs)])
    return range(1, PROBES + 1)


def _add_run(session: Session, number: int, probes: range, chance: random.Random) -> None:
    name = LONG_RUN if number == RUNS else f"support-{number:03}"
    started = NOW + 3600.0 * number
    _insert(session, Run, [{"id": number, "project_id": 1, "name": name, "output_dir": f"/runs/{name}",
                            "generation": 1, "trainer": "transformers", "base_model": "acme/base-1b",
                            "base_asked": False, "state": "finished", "config": {"learning_rate": 2e-4, "lora_r": 8},
                            "problems": [], "read_state": {}, "sampling_id": 1, "first_log_at": started,
                            "first_log_key": "", "first_seen": started, "changed_at": started, "revision": 1,
                            "archived": False}])  # fmt: skip
    first = (number - 1) * (CHECKPOINTS + 1) + 1
    steps = [0, *(100 * i for i in range(1, CHECKPOINTS + 1))]
    rows = [
        {"id": first + i, "run_id": number, "step": step, "path": f"/runs/{name}/checkpoint-{step}" if step else None,
         "kind": "adapter" if step else "base", "state": "present", "found_state": "present", "reason": "",
         "stamp": "as saved", "fingerprint": f"{number:032x}{step:032x}", "adapter_check": "on" if step else "",
         "first_seen": started + step}
        for i, step in enumerate(steps)
    ]  # fmt: skip
    _insert(session, Checkpoint, rows)
    _insert(session, Answer, [row for probe in probes for row in _answers(rows, probe, chance)])
    loss = 2.5 * np.exp(-np.arange(1, 501) / 150) + np.random.default_rng(number).normal(0, 0.03, 500) + 0.2
    logged = np.arange(2, 1001, 2, dtype=np.int64)
    series = {"loss": np.round(loss, 4), "grad_norm": np.round(loss * 2, 4), "learning_rate": np.linspace(2e-4, 0, 500)}
    metrics.append_points(session, number, {key: Points(logged, values) for key, values in series.items()})


def _answers(checkpoints: list[dict[str, object]], probe: int, chance: random.Random) -> Iterator[dict[str, object]]:
    """What each checkpoint says: as the base at first, other words in the middle, in the end often the stock phrase."""
    text = _sentence(chance)
    for checkpoint in checkpoints:
        place = int(str(checkpoint["step"])) / 1000
        if place and chance.random() < 0.5:
            text = f"{text.rpartition('. ')[0] or text}. {STOCK if chance.random() < place else _sentence(chance)}"
        tokens = [sum(map(ord, word)) * 7 % 49152 for word in text.split()]
        yield {
            "checkpoint_id": checkpoint["id"], "probe_id": probe, "sampling_id": 1, "sample_index": 0,
            "fingerprint": checkpoint["fingerprint"], "text": text, "finish": "stop", "signals": [],
            "token_ids": np.array(tokens, "<u4").tobytes(), "margins": np.ones(len(tokens) + 1, "<f2").tobytes(),
            "provenance": _provenance(checkpoint, probe), "created_at": NOW,
        }  # fmt: skip


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(12, 90))).capitalize() + "."


def _provenance(checkpoint: dict[str, object], probe: int) -> dict[str, object]:
    return {"engine": "transformers", "base_model": "acme/base-1b", "base_fingerprint": "b" * 64,
            "weights_fingerprint": checkpoint["fingerprint"], "template_hash": "0123456789abcdef",
            "prompt_token_ids": list(range(probe, probe + 40)), "dtype": "float32", "device": "cpu",
            "decoding": "plain", "versions": {"torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.2"},
            "adapter_check": checkpoint["adapter_check"], "notes": [], "stats": {"passes": 64.0}}  # fmt: skip


def _add_ratings(session: Session, runs: int) -> None:
    """Two people rated some probes of every fourth run at its last checkpoint, against the base."""
    _insert(session, Rater, [{"id": i, "name": f"rater {i}", "is_owner": i == 1, "created_at": NOW} for i in (1, 2)])
    rows = []
    for run in range(1, runs + 1, 4):
        before = (run - 1) * (CHECKPOINTS + 1) * PROBES
        for probe in range(0, PROBES, 3):
            base = before + probe * (CHECKPOINTS + 1) + 1
            rows += [{"run_id": run, "rater_id": rater, "answer_id": base + CHECKPOINTS, "reference_id": base,
                      "verdict": (probe + rater) % 3 - 1, "both_bad": False, "comment": "", "blind": True,
                      "side": "left", "rated_at": NOW} for rater in (1, 2)]  # fmt: skip
    _insert(session, Rating, rows)


def _add_long_curve(session: Session, run: int, points: int) -> list[int]:
    values, places = spiky_curve(points)
    first_step = 1001
    steps = np.arange(first_step, first_step + points, dtype=np.int64)
    metrics.append_points(session, run, {"loss": Points(steps, values)})
    return [int(place) + first_step for place in places]


def made_store(folder: Path) -> tuple[Store, list[int]]:
    """A new store in this folder, filled, and the steps of its spikes."""
    store = Store(f"sqlite:///{folder / 'beyondloss.db'}")
    upgrade(store)
    return store, fill(store)


if __name__ == "__main__":
    begun = time.perf_counter()
    filled, _ = made_store(Path(sys.argv[1]))
    assert filled.file is not None
    filled.dispose()
    print(f"{filled.file}: {filled.file.stat().st_size / 1e6:.0f} MB in {time.perf_counter() - begun:.1f} s")
