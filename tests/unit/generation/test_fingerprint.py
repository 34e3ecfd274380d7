"""Names for weights."""

import os
from pathlib import Path

import pytest

from beyondloss.errors import UnreadableCheckpoint
from beyondloss.generation import fingerprint as module
from beyondloss.generation.fingerprint import fingerprint

pytestmark = pytest.mark.torch


def a_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_one_changed_byte_changes_the_fingerprint(tmp_path: Path) -> None:
    weights = a_file(tmp_path / "w", b"a" * 1000)
    before = fingerprint((weights,))
    a_file(weights, b"a" * 999 + b"b")
    os.utime(weights, ns=(1, 1))
    assert fingerprint((weights,)) != before
    assert len(before) == 64


def test_copies_elsewhere_have_the_same_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    assert fingerprint((a_file(tmp_path / "w", b"x"),)) == fingerprint((a_file(tmp_path / "b" / "w", b"x"),))


def test_very_large_weights_are_sampled_and_the_name_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE_BYTES", 100)
    weights = a_file(tmp_path / "w", bytes(5000))
    before = fingerprint((weights,))
    assert before.startswith("sampled:")
    a_file(weights, bytes(4999) + b"\1")
    os.utime(weights, ns=(1, 1))
    assert fingerprint((weights,)) != before


def test_vanished_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCheckpoint, match="is gone"):
        fingerprint((tmp_path / "w",))
