"""Keeps a live demo as the recorded one: `make record` runs the demo and writes `data/recorded.json`.

Ratings are kept too: `python -m beyondloss.demo.record --from DATA_DIR RUN` records a demo that ran earlier, with the
ratings against the base that people gave it since.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from beyondloss.demo.material import RUN_NAME, SAMPLING
from beyondloss.demo.recording import RecordedAnswer, RecordedRating, Recording, dump
from beyondloss.domain.access import OWNER
from beyondloss.domain.answers import GeneratedAnswer
from beyondloss.domain.metrics import MetricPoint
from beyondloss.services.answers import AnswerView, list_answers
from beyondloss.services.metrics import metric_names, read_series
from beyondloss.services.ratings import list_ratings
from beyondloss.services.runs import RunView, find_run
from beyondloss.settings import Settings
from beyondloss.store.engine import Store

TARGET = Path(__file__).parent / "data" / "recorded.json"
EVERYTHING = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m beyondloss.demo.record", description=__doc__)
    parser.add_argument("--from", dest="data_dir", type=Path, help="data folder of a demo that ran earlier")
    parser.add_argument("run", nargs="?", default=RUN_NAME)
    arguments = parser.parse_args()
    if arguments.data_dir is not None:
        keep(arguments.data_dir, arguments.run)
        return
    with tempfile.TemporaryDirectory(prefix="beyondloss-record-") as folder:
        command = [sys.executable, "-m", "beyondloss", "demo", "--no-serve", "--data-dir", folder]
        subprocess.run(command, check=True)  # noqa: S603
        keep(Path(folder), arguments.run)


def keep(data_dir: Path, run: str) -> None:
    store = Store(Settings(data_dir=data_dir).resolved_database_url)
    recording = record(store, find_run(store, run, OWNER))
    TARGET.write_text(dump(recording), "utf-8")
    store.dispose()


def record(store: Store, run: RunView) -> Recording:
    """Everything of the run that the dashboard shows."""
    answers = list_answers(store, run.id, limit=EVERYTHING)
    return Recording(
        base_model=Path(run.base_model or "").name,
        trainer=run.trainer,
        config={name: value for name, value in run.config.items() if not _is_path(value)},
        sampling=SAMPLING,
        epochs={c.step: c.epoch for c in run.checkpoints if c.step > 0},
        points=tuple(_points(store, run)),
        answers=tuple(RecordedAnswer(a.step, a.probe.key, _generated(a)) for a in answers),
        ratings=tuple(_ratings(store, run, answers)),
    )


def _points(store: Store, run: RunView) -> list[MetricPoint]:
    series = read_series(store, run.id, metric_names(store, run.id), budget=EVERYTHING)
    return [
        MetricPoint(name, step, float(f"{value:.6g}"))
        for name, one in series.items()
        for step, value in zip(one.steps, one.values, strict=True)
        if value is not None
    ]


def _ratings(store: Store, run: RunView, answers: list[AnswerView]) -> list[RecordedRating]:
    by_id = {answer.id: answer for answer in answers}
    return [
        RecordedRating(by_id[r.answer_id].step, by_id[r.answer_id].probe.key, int(r.verdict), r.comment)
        for r in list_ratings(store, OWNER, run.id)
        if r.behaviour_id is None and by_id[r.reference_id].step == 0
    ]


def _generated(view: AnswerView) -> GeneratedAnswer:
    return GeneratedAnswer(
        probe_id=view.probe.id,
        sample_index=view.sample_index,
        text=view.text,
        token_ids=view.token_ids,
        finish=view.finish,
        margins=view.margins,
        provenance=replace(view.provenance, base_model=Path(view.provenance.base_model).name),
    )


def _is_path(value: object) -> bool:
    """Folders of the machine that recorded are nobody's business."""
    return isinstance(value, str) and "/" in value


if __name__ == "__main__":
    main()
