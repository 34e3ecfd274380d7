"""A recorded run as a file: JSON, one answer to a line, small enough to live in the repository.

What is the same for many answers (prompt ids, versions, how they were made) stands once. Pure: knows no store.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from beyondloss.domain.answers import Finish, GeneratedAnswer, Provenance
from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.sampling import Sampling

FORMAT = 1
MARGIN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """`probe` is the probe's key; the answer's `probe_id` is 0 until a store has given it one."""

    step: int
    probe: str
    answer: GeneratedAnswer


@dataclass(frozen=True, slots=True)
class RecordedRating:
    """A rating of all behaviours of a probe, against the base."""

    step: int
    probe: str
    verdict: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything the dashboard shows of one run."""

    base_model: str
    trainer: str
    config: dict[str, str | int | float | bool | None]
    sampling: Sampling
    epochs: dict[int, float | None]
    """Epoch of every saved step."""
    points: tuple[MetricPoint, ...]
    answers: tuple[RecordedAnswer, ...]
    ratings: tuple[RecordedRating, ...] = field(default=())


def dump(recording: Recording) -> str:
    """Readable back by `load`, except that margins are rounded."""
    prompts = {a.probe: list(a.answer.provenance.prompt_token_ids) for a in recording.answers}
    made: list[dict[str, Any]] = []
    rows = [_answer_row(answer, made) for answer in recording.answers]
    head = {
        "format": FORMAT,
        "base_model": recording.base_model,
        "trainer": recording.trainer,
        "config": recording.config,
        "sampling": asdict(recording.sampling),
        "checkpoints": [{"step": step, "epoch": epoch} for step, epoch in sorted(recording.epochs.items())],
        "points": _point_columns(recording.points),
        "prompts": prompts,
        "made": made,
        "ratings": [asdict(rating) for rating in recording.ratings],
    }
    fields = [f"{_json(name)}: {_json(value)}" for name, value in head.items()]
    fields.append('"answers": [\n' + ",\n".join(_json(row) for row in rows) + "\n]")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def load(text: str) -> Recording:
    raw = json.loads(text)
    if raw["format"] != FORMAT:
        raise ValueError(f"a recording of format {raw['format']}; this program reads {FORMAT}")
    prompts = {key: tuple(ids) for key, ids in raw["prompts"].items()}
    return Recording(
        base_model=raw["base_model"],
        trainer=raw["trainer"],
        config=raw["config"],
        sampling=Sampling(**raw["sampling"]),
        epochs={c["step"]: c["epoch"] for c in raw["checkpoints"]},
        points=tuple(_points(raw["points"])),
        answers=tuple(_answer(row, raw["made"], prompts) for row in raw["answers"]),
        ratings=tuple(RecordedRating(**rating) for rating in raw["ratings"]),
    )


def _answer_row(recorded: RecordedAnswer, made: list[dict[str, Any]]) -> dict[str, Any]:
    answer = recorded.answer
    shared = asdict(replace(answer.provenance, prompt_token_ids=(), stats={}))
    del shared["prompt_token_ids"], shared["stats"]
    if shared not in made:
        made.append(shared)
    return {
        "step": recorded.step,
        "probe": recorded.probe,
        "made": made.index(shared),
        "finish": answer.finish,
        "text": answer.text,
        "token_ids": list(answer.token_ids),
        "margins": [round(margin, MARGIN_DIGITS) for margin in answer.margins],
    }


def _answer(row: dict[str, Any], made: list[dict[str, Any]], prompts: dict[str, tuple[int, ...]]) -> RecordedAnswer:
    shared = made[row["made"]]
    provenance = Provenance(**(shared | {"notes": tuple(shared["notes"])}), prompt_token_ids=prompts[row["probe"]])
    answer = GeneratedAnswer(
        probe_id=0,
        sample_index=0,
        text=row["text"],
        token_ids=tuple(row["token_ids"]),
        finish=Finish(row["finish"]),
        margins=tuple(row["margins"]),
        provenance=provenance,
    )
    return RecordedAnswer(row["step"], row["probe"], answer)


def _point_columns(points: Iterable[MetricPoint]) -> dict[str, dict[str, list[float]]]:
    columns: dict[str, dict[str, list[float]]] = {}
    for point in points:
        column = columns.setdefault(point.name, {"steps": [], "values": []})
        column["steps"].append(point.step)
        column["values"].append(point.value)
    return columns


def _points(columns: dict[str, dict[str, list[Any]]]) -> Iterator[MetricPoint]:
    for name, column in columns.items():
        for step, value in zip(column["steps"], column["values"], strict=True):
            yield MetricPoint(name, step, value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
