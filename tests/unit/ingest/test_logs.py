"""What trainers log, by notation: growing, cut, repeated, rewritten."""

import contextlib
import json
import shutil
import sqlite3
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.discover import discover
from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.registry import all_readers
from beyondloss.ingest.json_files import parse_json
from beyondloss.ingest.logs.json_lines import JsonLineLogs, entry_step
from beyondloss.ingest.logs.points import RunLog, canonical_name, elapsed_seconds, merged
from beyondloss.ingest.logs.protobuf import DamagedMessage, fields
from beyondloss.ingest.logs.tensorboard import TensorBoardLogs
from beyondloss.ingest.logs.text_lines import mlx_entry, printed_entry, torchtune_entry
from beyondloss.ingest.watch import FolderWatch, read_run
from tests.factories.run_folders import hf_run, tree

RECORDED = Path(__file__).parents[2] / "data" / "tensorboard"
"""Written by torch.utils.tensorboard: a run, and its resume from step 10."""


def curve(log: RunLog, name: str = "loss") -> dict[int, float]:
    return {point.step: point.value for point in log.points if point.name == name}


# JSON lines


def test_a_half_last_line_waits_until_it_is_whole(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    logs = JsonLineLogs()
    path.write_text('{"step": 1, "loss": 3}\n{"step": 2, "lo')
    assert curve(logs.read(path)) == {1: 3.0}
    with path.open("a") as file:
        file.write('ss": 2}\n')
    assert curve(logs.read(path)) == {1: 3.0, 2: 2.0}


def test_on_a_repeated_step_the_last_line_wins(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "loss": 3}\n{"step": 2, "loss": 9}\n{"step": 2, "loss": 2}\n{"step": 1, "lr": 1}\n')
    log = JsonLineLogs().read(path)
    assert curve(log) == {1: 3.0, 2: 2.0}
    assert curve(log, "learning_rate") == {1: 1.0}


@pytest.mark.parametrize("rewrite", ["shorter", "longer", "inode"])
def test_a_file_written_anew_is_read_from_its_start(tmp_path: Path, rewrite: str):
    path = tmp_path / "log.jsonl"
    logs = JsonLineLogs()
    path.write_text("".join(f'{{"step": {step}, "loss": 3}}\n' for step in range(1, 10)))
    first = logs.read(path)
    if rewrite == "inode":
        path.unlink()
    path.write_text('{"step": 1, "loss": 7}\n' * (1 if rewrite == "shorter" else 50))
    again = logs.read(path)
    assert curve(again) == {1: 7.0}
    assert again.key != first.key


def test_a_log_keeps_its_key_while_it_grows(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    logs = JsonLineLogs()
    path.write_text('{"step": 1, "loss": 3}\n')
    key = logs.read(path).key
    path.write_text('{"step": 1, "loss": 3}\n{"step": 2, "loss": 3}\n')
    assert logs.read(path).key == JsonLineLogs().read(path).key == key != ""


def test_a_summary_ends_the_run_until_it_is_resumed(tmp_path: Path):
    path = tmp_path / "logging.jsonl"
    logs = JsonLineLogs()
    path.write_text('{"loss": 1, "global_step/max_steps": "9/10"}\n{"last_model_checkpoint": "x", "global_step": 9}\n')
    assert logs.read(path).ended
    assert curve(logs.read(path)) == {9: 1.0}
    with path.open("a") as file:
        file.write('{"loss": 2, "global_step/max_steps": "10/20"}\n')
    assert not logs.read(path).ended


@pytest.mark.parametrize(
    ("entry", "step", "total"),
    [
        ({"step": 3}, 3, None),
        ({"step": 3.0, "max_steps": 9}, 3, 9),
        ({"current_steps": 10, "total_steps": 94}, 10, 94),
        ({"global_step/max_steps": "10/94"}, 10, 94),
        ({"iteration": "10/100"}, 10, 100),
        ({"iteration": 7}, 7, None),
        ({"step": -1}, None, None),
        ({"step": True}, None, None),
        ({"step": float("nan")}, None, None),
        ({"step": 1e300}, None, None),
        ({"iteration": "many"}, None, None),
        ({}, None, None),
    ],
)
def test_the_step_is_found_in_every_trainers_words(entry: dict[str, object], step: int | None, total: int | None):
    assert entry_step(entry) == (step, total)


def test_names_become_canonical():
    names = [
        "loss",
        "train_loss",
        "train/loss",
        "eval/loss",
        "eval_loss",
        "lr",
        "train/learning_rate",
        "rewards/chosen",
    ]
    assert [canonical_name(name) for name in names] == [
        "loss",
        "loss",
        "loss",
        "eval_loss",
        "eval_loss",
        "learning_rate",
        "learning_rate",
        "rewards/chosen",
    ]
    assert canonical_name("train/train_loss") == "train_loss"


def test_two_sources_of_one_run_do_not_double_a_point():
    exact = RunLog(points=(MetricPoint("loss", 1, 0.1), MetricPoint("loss", 2, 0.2)))
    rounded = RunLog(points=(MetricPoint("loss", 2, 0.20001), MetricPoint("loss", 3, 0.3)), started_at=5.0)
    both = merged([exact, rounded])
    assert curve(both) == {1: 0.1, 2: 0.2, 3: 0.3}
    assert both.started_at == 5.0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["step", "loss", "iteration", "current_steps", "epoch", "train_runtime", "x"]),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers()),
        )
    ),
    st.integers(0, 300),
)
def test_any_json_lines_cut_anywhere_are_read_as_far_as_they_go(entries: list[dict[str, object]], cut: int):
    logs = JsonLineLogs()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "log.jsonl"
        whole = "".join(json.dumps(entry) + "\n" for entry in entries).encode()
        path.write_bytes(whole[:cut])
        logs.read(path)
        path.write_bytes(whole)
        assert repr(logs.read(path)) == repr(JsonLineLogs().read(path))


@given(st.text() | st.binary())
def test_json_that_is_none_is_none(text: str | bytes):
    parse_json(text)


# TensorBoard


def test_recorded_events_are_read_and_a_resume_goes_on():
    log = TensorBoardLogs().read(RECORDED)
    assert sorted(curve(log)) == [5, 10, 15, 20, 25]
    assert curve(log)[15] == pytest.approx(1.2)  # the resume's own
    assert curve(log)[5] == pytest.approx(0.6)
    assert repr(curve(log, "eval_loss")[15]) == "nan"
    assert curve(log, "rewards/chosen")[10] == pytest.approx(0.5)
    names = {"loss", "eval_loss", "learning_rate", "rewards/chosen", "elapsed_seconds"}
    assert {point.name for point in log.points} == names
    assert list(curve(log, "elapsed_seconds").values()) == sorted(curve(log, "elapsed_seconds").values())
    assert log.config == {"learning_rate": 5e-5, "output_dir": "out", "num_train_epochs": 3.0}
    assert log.started_at is not None


def test_events_that_start_over_are_a_rerun(tmp_path: Path):
    shutil.copytree(RECORDED, tmp_path, dirs_exist_ok=True)
    (old,) = (tmp_path / "runs" / "first").iterdir()
    (tmp_path / "runs" / "third").mkdir()
    shutil.copy(old, tmp_path / "runs" / "third" / "events.out.tfevents.1700000030.host.1.0")
    assert sorted(curve(TensorBoardLogs().read(tmp_path))) == [5, 10, 15]


def test_events_are_read_on_while_they_are_written(tmp_path: Path):
    (source,) = (RECORDED / "runs" / "first").iterdir()
    content = source.read_bytes()
    path = tmp_path / "runs" / "a" / source.name
    path.parent.mkdir(parents=True)
    logs = TensorBoardLogs()
    for end in range(0, len(content) + 1, 7):
        path.write_bytes(content[:end])
        logs.read(tmp_path)
    path.write_bytes(content)
    assert repr(logs.read(tmp_path)) == repr(TensorBoardLogs().read(tmp_path))
    assert sorted(curve(logs.read(tmp_path))) == [5, 10, 15]


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 900), damage=st.binary(min_size=1, max_size=12))
def test_damaged_events_never_break_a_reader(tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes):
    (source,) = (RECORDED / "runs" / "first").iterdir()
    content = source.read_bytes()
    path = tmp_path_factory.mktemp("events") / source.name
    path.write_bytes(content[:at] + damage + content[at + len(damage) :])
    TensorBoardLogs().read(path.parent)


def test_a_record_of_absurd_length_ends_the_file(tmp_path: Path):
    (tmp_path / "events.out.tfevents.1.host").write_bytes(struct.pack("<Q", 2**60) + b"\0" * 100)
    assert TensorBoardLogs().read(tmp_path).points == ()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_damaged(data: bytes):
    with contextlib.suppress(DamagedMessage):
        list(fields(data))


def test_events_beside_checkpoints_do_not_double_the_curve(tmp_path: Path):
    run = hf_run(tmp_path / "exp", steps=[10, 20])
    shutil.copytree(RECORDED / "runs", run / "runs")
    found = HuggingFaceReader().read(run)
    losses = {point.step: point.value for point in found.points if point.name == "loss"}
    assert losses[5] == 0.6  # exact, from the checkpoint's own log
    assert sorted(losses) == [5, 10, 15, 20, 25]
    assert len({(point.name, point.step) for point in found.points}) == len(found.points)
    assert found.first_log_at is not None


def test_a_run_with_events_and_no_checkpoint_yet_is_a_run(tmp_path: Path):
    shutil.copytree(RECORDED / "runs", tmp_path / "support-v2" / "runs")
    (only,) = discover([tmp_path], all_readers()).runs
    found = read_run(only)
    assert found.name == "support-v2"
    assert found.checkpoints == ()
    assert found.points


# Text


def test_lines_for_people_are_understood():
    assert torchtune_entry("Step 12 | loss:1.23 lr:3e-04 peak_memory_active:0.5 ") == {
        "step": 12,
        "loss": "1.23",
        "lr": "3e-04",
        "peak_memory_active": "0.5",
    }
    assert torchtune_entry('{"step": 1, "loss": 2}') == {"step": 1, "loss": 2}
    assert torchtune_entry("Downloading") is None
    assert mlx_entry("Iter 10: Train loss nan, Learning Rate 1.000e-05, It/sec 3.1") == {
        "step": 10,
        "loss": "nan",
        "learning_rate": "1.000e-05",
    }
    assert mlx_entry("  \x1b[2m 200\x1b[0m    val 2.123    3.10s") == {"step": 200, "eval_loss": "2.123"}
    assert mlx_entry("Saved adapter weights") is None
    assert printed_entry("x {'loss': '4.185', 'grad_norm': nan, 'learning_rate': 1.2e-05, 'epoch': 0.5} y") == {
        "loss": "4.185",
        "grad_norm": "nan",
        "learning_rate": "1.2e-05",
        "epoch": "0.5",
    }


# trackio


@pytest.fixture
def trackio_file(tmp_path: Path) -> Path:
    """The two tables that matter, as trackio 0.43 makes them."""
    path = tmp_path / "store" / "support.db"
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,"
        " run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT);"
        "CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL,"
        " config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id));"
    )
    for run in ("a/b c", "d"):
        database.execute(
            "INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, '')",
            (run, run, json.dumps({"learning_rate": 1e-4, "model_name_or_path": "org/base", "api_key": "secret"})),
        )
        database.executemany(
            "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)",
            [(run, f"2026-01-01T00:00:0{step}+00:00", run, step, json.dumps({"loss": 3 / step})) for step in (1, 2, 3)],
        )
    database.commit()
    database.close()
    return path


def test_every_run_of_a_trackio_file_is_a_run(trackio_file: Path):
    before = tree(trackio_file.parent)
    runs = discover([trackio_file.parent], all_readers()).runs
    found = [read_run(run) for run in runs]
    assert [run.name for run in found] == ["support-a/b c", "support-d"]
    assert {point.step: point.value for point in found[0].points if point.name == "elapsed_seconds"} == {
        1: 0,
        2: 1,
        3: 2,
    }
    assert [point.step for point in found[0].points if point.name == "loss"] == [1, 2, 3]
    assert found[0].base_model == "org/base"
    assert found[0].first_log_at == 1767225601.0
    assert found[0].state is RunState.FINISHED
    assert "api_key" not in found[0].config
    assert tree(trackio_file.parent) == before


def test_a_trackio_run_is_watched_while_it_logs(trackio_file: Path):
    watch = FolderWatch([trackio_file.parent])
    assert len(watch.look().runs) == 2
    assert watch.look().runs == ()
    database = sqlite3.connect(trackio_file)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(
        "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES ('d', '', 'd', 4, '{\"loss\": 1}')"
    )
    database.commit()
    (told,) = watch.look().runs
    assert {point.step for point in told.points} == {4}
    database.close()


def test_a_foreign_database_is_no_run(tmp_path: Path):
    (tmp_path / "odd.db").write_bytes(b"no database")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)")
    assert discover([tmp_path], all_readers()).runs == []
    with pytest.raises(Unreadable):
        all_readers().within[0].read(tmp_path / "odd.db" / "run")


# how long a training has run


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:00:05", 5), ("1:02:03", 3723), ("2 days, 0:00:01.5", 172801.5), ("3s", 3), ("1m 2s", 62), ("1h 0m 3s", 3603),
     ("2d 3h 0m 1s", 183601), ("", None), ("soon", None), (12, None), ("1:2:3", None)],
)  # fmt: skip
def test_elapsed_time_is_read_in_every_trainers_spelling(text: object, seconds: float | None):
    assert elapsed_seconds(text) == seconds


def test_a_live_log_tells_when_each_step_was(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"current_steps": 5, "loss": 1, "elapsed_time": "0:00:07"}\n{"current_steps": 9, "loss": 1}\n')
    assert curve(JsonLineLogs().read(log), "elapsed_seconds") == {5: 7}
