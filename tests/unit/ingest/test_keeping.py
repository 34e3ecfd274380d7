"""Our own copies of adapters: whole, private, never a link into a trainer's folder."""

import shutil
from pathlib import Path

import pytest

from beyondloss.errors import UnreadableCheckpoint
from beyondloss.ingest.keeping import adapter_bytes, drop_kept, drop_orphans, folder_bytes, keep_adapter
from beyondloss.ingest.weights import Wholeness, find_weights
from tests.factories.run_folders import tree, write_adapter


def stamp(checkpoint: Path) -> str:
    weights = find_weights(checkpoint)
    assert weights is not None
    return weights.stamp


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = write_adapter(tmp_path / "run" / "checkpoint-10")
    (folder / "tokenizer.json").write_text("t" * 200_000)
    (folder / "optimizer.pt").write_bytes(b"o" * 500_000)
    return folder


def test_a_copy_holds_the_adapter_and_its_tokenizer_only(checkpoint: Path, tmp_path: Path):
    before = tree(tmp_path / "run")
    kept = keep_adapter(checkpoint, tmp_path / "kept", stamp=stamp(checkpoint))
    assert sorted(path.name for path in kept.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
    ]
    weights = find_weights(kept)
    assert weights is not None
    assert weights.wholeness is Wholeness.WHOLE
    assert weights.stamp == stamp(checkpoint)
    assert tree(tmp_path / "run") == before
    assert folder_bytes(kept) == adapter_bytes(checkpoint)


def test_what_the_trainer_overwrites_in_place_does_not_reach_the_copy(checkpoint: Path, tmp_path: Path):
    content = (checkpoint / "adapter_model.safetensors").read_bytes()
    kept = keep_adapter(checkpoint, tmp_path / "kept", stamp=stamp(checkpoint))
    with (checkpoint / "adapter_model.safetensors").open("r+b") as file:
        file.write(b"overwritten")
    assert (kept / "adapter_model.safetensors").read_bytes() == content


def test_keeping_twice_gives_the_same_copy_and_new_weights_another(checkpoint: Path, tmp_path: Path):
    first = keep_adapter(checkpoint, tmp_path / "kept", stamp=stamp(checkpoint))
    assert keep_adapter(checkpoint, tmp_path / "kept", stamp=stamp(checkpoint)) == first
    write_adapter(checkpoint, seed=1)
    assert keep_adapter(checkpoint, tmp_path / "kept", stamp=stamp(checkpoint)) != first


def test_weights_that_are_no_longer_those_asked_for_are_not_kept(checkpoint: Path, tmp_path: Path):
    asked = stamp(checkpoint)
    write_adapter(checkpoint, seed=1)
    with pytest.raises(UnreadableCheckpoint):
        keep_adapter(checkpoint, tmp_path / "kept", stamp=asked)
    shutil.rmtree(checkpoint)
    with pytest.raises(UnreadableCheckpoint):
        keep_adapter(checkpoint, tmp_path / "kept", stamp=asked)
    assert folder_bytes(tmp_path / "kept") == 0
    assert not list((tmp_path / "kept").glob("*/.*"))


def test_copies_of_one_run_share_their_tokenizer(checkpoint: Path, tmp_path: Path):
    other = tmp_path / "run" / "checkpoint-20"
    shutil.copytree(checkpoint, other)
    write_adapter(other, seed=20)
    one = keep_adapter(checkpoint, tmp_path / "kept", stamp=stamp(checkpoint))
    two = keep_adapter(other, tmp_path / "kept", stamp=stamp(other))
    assert (one / "tokenizer.json").stat().st_ino == (two / "tokenizer.json").stat().st_ino
    assert (one / "tokenizer.json").stat().st_ino != (checkpoint / "tokenizer.json").stat().st_ino


def test_dropping_frees_the_copy_and_nothing_else(checkpoint: Path, tmp_path: Path):
    kept_dir = tmp_path / "kept"
    kept = keep_adapter(checkpoint, kept_dir, stamp=stamp(checkpoint))
    assert drop_kept(checkpoint, kept_dir) == 0
    assert drop_kept(kept_dir, kept_dir) == 0
    assert drop_kept(kept_dir / ".." / "run", kept_dir) == 0
    assert checkpoint.is_dir()
    assert drop_kept(kept, kept_dir) > 0
    assert list(kept_dir.iterdir()) == []


def test_copies_that_nobody_names_go_once_they_are_old(checkpoint: Path, tmp_path: Path):
    kept_dir = tmp_path / "kept"
    kept = keep_adapter(checkpoint, kept_dir, stamp=stamp(checkpoint))
    drop_orphans(kept_dir, set())
    drop_orphans(kept_dir, {str(kept)}, older_than_seconds=-1)
    assert kept.is_dir()
    drop_orphans(kept_dir, set(), older_than_seconds=-1)
    assert not kept.exists()


def test_a_named_adapter_keeps_the_tokenizer_of_the_folder_above(tmp_path: Path):
    checkpoint = tmp_path / "run" / "checkpoint-10"
    write_adapter(checkpoint / "support")
    (checkpoint / "trainer_state.json").write_text("{}")
    (checkpoint / "tokenizer_config.json").write_text("{}")
    kept = keep_adapter(checkpoint / "support", tmp_path / "kept", stamp=stamp(checkpoint))
    assert (kept / "tokenizer_config.json").is_file()
