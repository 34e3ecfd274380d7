"""Watching run folders: news once, only news, whatever happens to the folders."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from beyondloss.domain.runs import CheckpointState, FoundRun, RememberedRun, RunState
from beyondloss.ingest import watch as watching
from beyondloss.ingest.watch import FolderWatch
from tests.factories.run_folders import (
    hf_run,
    log_entries,
    write_adapter,
    write_checkpoint,
    write_trainer_state,
)


class Hours:
    """A clock that a test moves; a look later than the last search by default."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 0.001
        return self.seconds


@pytest.fixture
def clock() -> Hours:
    return Hours()


@pytest.fixture
def watch(tmp_path: Path, clock: Hours) -> FolderWatch:
    return FolderWatch([tmp_path], monotonic=clock)


def steps(run: FoundRun) -> list[int]:
    return [checkpoint.step for checkpoint in run.checkpoints]


def test_the_first_look_tells_everything_and_the_second_nothing(watch: FolderWatch, tmp_path: Path):
    hf_run(tmp_path / "a", steps=[10, 20])
    hf_run(tmp_path / "b", steps=[10])
    assert sorted(run.name for run in watch.look().runs) == ["a", "b"]
    assert watch.look().runs == ()
    assert not watch.restless


def test_a_new_run_and_a_new_checkpoint_are_news(watch: FolderWatch, tmp_path: Path, clock: Hours):
    hf_run(tmp_path / "a", steps=[10])
    watch.look()
    clock.seconds += 1
    hf_run(tmp_path / "deep" / "er" / "b", steps=[10])
    (told,) = watch.look().runs
    assert told.name == "b"
    clock.seconds += 1
    write_checkpoint(tmp_path / "a", 20)
    (told,) = watch.look().runs
    assert steps(told) == [10, 20]
    assert {point.step for point in told.points} == {15, 20}


def test_a_save_under_way_is_followed_until_it_is_done(watch: FolderWatch, tmp_path: Path, clock: Hours):
    run = hf_run(tmp_path / "a", steps=[10])
    watch.look()
    write_adapter(run / "checkpoint-20", seed=20)
    (told,) = watch.look().runs
    assert told.checkpoints[-1].state is CheckpointState.SAVING
    assert watch.restless
    write_trainer_state(run / "checkpoint-20", 20, log_entries(20))
    (told,) = watch.look().runs
    assert told.checkpoints[-1].state is CheckpointState.PRESENT
    assert not watch.restless


def test_rotation_is_news(watch: FolderWatch, tmp_path: Path):
    run = hf_run(tmp_path / "a", steps=[10, 20])
    watch.look()
    shutil.rmtree(run / "checkpoint-10")
    (told,) = watch.look().runs
    assert steps(told) == [20]
    assert told.points == ()


def test_weights_rewritten_in_place_are_news(watch: FolderWatch, tmp_path: Path):
    run = hf_run(tmp_path / "a", steps=[10, 20])
    (first,) = watch.look().runs
    write_checkpoint(run, 10, seed=77)
    (path,) = [tmp_path / "a" / "checkpoint-10" / "new"]
    path.touch()  # what a save by rename does to the folder
    (told,) = [run for _turn in range(3) for run in watch.look().runs]
    assert told.checkpoints[0].stamp != first.checkpoints[0].stamp


def test_a_rerun_is_told_from_its_first_point(watch: FolderWatch, tmp_path: Path, clock: Hours):
    run = hf_run(tmp_path / "a", steps=[10, 20])
    watch.look()
    shutil.rmtree(run / "checkpoint-20")
    entries = log_entries(10)
    entries[0]["loss"] += 1
    write_checkpoint(run, 10, entries=entries)
    clock.seconds += watching.SWEEP_SECONDS + 1
    (told,) = watch.look().runs
    assert {point.step for point in told.points} == {5, 10}


def test_a_deleted_run_folder_leaves_a_run_without_checkpoints(watch: FolderWatch, tmp_path: Path):
    hf_run(tmp_path / "a", steps=[10])
    watch.look()
    shutil.rmtree(tmp_path / "a")
    (told,) = watch.look().runs
    assert told.name == "a"
    assert told.checkpoints == ()
    assert watch.look().runs == ()


def test_what_could_not_be_stored_is_told_again_in_full(watch: FolderWatch, tmp_path: Path):
    run = hf_run(tmp_path / "a", steps=[10])
    (first,) = watch.look().runs
    watch.forget(run)
    assert watch.look().runs == (first,)


def test_a_reader_that_fails_on_one_folder_does_not_end_the_watch(
    watch: FolderWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hf_run(tmp_path / "a", steps=[10])
    hf_run(tmp_path / "b", steps=[10])
    from beyondloss.ingest.formats.huggingface import HuggingFaceReader

    read = HuggingFaceReader.read

    def fails_on_a(self: HuggingFaceReader, folder: Path) -> FoundRun:
        if folder.name == "a":
            raise KeyError("odd")
        return read(self, folder)

    monkeypatch.setattr(HuggingFaceReader, "read", fails_on_a)
    news = watch.look()
    assert [run.name for run in news.runs] == ["b"]
    assert "KeyError" in news.problems[0]


def test_a_root_that_appears_later_is_found(tmp_path: Path, clock: Hours):
    watch = FolderWatch([tmp_path / "later"], monotonic=clock)
    assert "no such folder" in watch.look().problems[0]
    hf_run(tmp_path / "later" / "first", steps=[10])
    clock.seconds += 1
    news = watch.look()
    assert [run.name for run in news.runs] == ["first"]
    assert news.problems == ()


def test_an_empty_run_is_no_trouble_and_told_when_it_has_something(watch: FolderWatch, tmp_path: Path):
    (tmp_path / "a" / "checkpoint-10").mkdir(parents=True)
    assert watch.look() == watching.News()
    write_checkpoint(tmp_path / "a", 10)
    (told,) = watch.look().runs
    assert steps(told) == [10]


def test_a_symlinked_run_is_watched_too(watch: FolderWatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    run = hf_run(tmp_path_factory.mktemp("elsewhere") / "run", steps=[10])
    (tmp_path / "link").symlink_to(run)
    watch.look()
    write_checkpoint(run, 20)
    (told,) = watch.look().runs
    assert steps(told) == [10, 20]


class Counted:
    """A watch that a test begins anew, and what it reads."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = tmp_path
        self.read: list[str] = []
        reads = watching.read_run
        monkeypatch.setattr(watching, "read_run", lambda run: self.read.append(run.path.name) or reads(run))

    def begin(self, told: Sequence[FoundRun] = (), *, clock: Callable[[], float] | None = None) -> FolderWatch:
        self.read.clear()
        remembered = [RememberedRun(replace(run, points=()), run.read_mark) for run in told]
        return FolderWatch([self._root], remembered=remembered, monotonic=clock or Hours())


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(tmp_path, monkeypatch)


def ended(folder: Path) -> Path:
    return hf_run(folder, steps=[10, 20], max_steps=20)


def test_a_watch_that_begins_anew_reads_only_what_changed_meanwhile(counted: Counted, tmp_path: Path):
    for name in ("a", "b", "c"):
        ended(tmp_path / name)
    told = counted.begin().look().runs
    assert all(run.read_mark for run in told)
    write_checkpoint(tmp_path / "b", 30, max_steps=20)
    ended(tmp_path / "d")
    again = counted.begin(told)
    assert [run.name for run in again.look().runs] == ["b", "d"]
    assert counted.read == ["b", "d"]
    write_checkpoint(tmp_path / "a", 30, max_steps=20)
    assert [steps(run) for run in (*again.look().runs, *again.look().runs)] == [[10, 20, 30]]


def test_a_run_in_training_is_read_anew_because_silence_may_have_ended_it(counted: Counted, tmp_path: Path):
    hf_run(tmp_path / "a", steps=[10])
    told = counted.begin().look().runs
    counted.begin(told).look()
    assert counted.read == ["a"]


def test_an_unfinished_or_unreadable_save_is_never_remembered(counted: Counted, tmp_path: Path):
    write_adapter(ended(tmp_path / "a") / "checkpoint-30")
    run = ended(tmp_path / "b")
    (run / "checkpoint-10" / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    assert [run.read_mark for run in counted.begin().look().runs] == ["", ""]


def test_what_another_version_read_is_read_again(counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ended(tmp_path / "a")
    told = counted.begin().look().runs
    monkeypatch.setattr(watching, "__version__", "another")
    counted.begin(told).look()
    assert counted.read == ["a"]


def test_a_run_that_went_while_nobody_watched_is_told_as_gone(counted: Counted, tmp_path: Path):
    run = ended(tmp_path / "saves" / "a")
    told = counted.begin().look().runs
    shutil.rmtree(run)
    (gone,) = counted.begin(told).look().runs
    assert (gone.name, gone.checkpoints, gone.state) == ("a", (), RunState.FINISHED)


def test_a_root_that_is_away_takes_no_run_with_it(counted: Counted, tmp_path: Path):
    ended(tmp_path / "a")
    told = counted.begin().look().runs
    counted._root = tmp_path / "unmounted"
    elsewhere = [replace(run, output_dir=counted._root / "a") for run in told]
    assert counted.begin(elsewhere).look().runs == ()
