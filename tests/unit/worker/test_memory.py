"""When a worker waits for a GPU and what it says then."""

from pathlib import Path

import pytest

from beyondloss.domain.engine import Target
from beyondloss.domain.runs import CheckpointKind
from beyondloss.worker.memory import GIB, DeviceMemory, MemoryNeed, device_memory, shortage


def a_need(base: Path, *, dtype: str = "auto") -> MemoryNeed:
    target = Target(checkpoint_id=1, step=0, kind=CheckpointKind.BASE, path=None, base_model=str(base))
    return MemoryNeed(target=target, device="cuda", dtype=dtype)


def memory(*, free: float, others: int = 0) -> DeviceMemory:
    return DeviceMemory(index=0, free_bytes=int(free * GIB), total_bytes=24 * GIB, others=others)


def test_a_model_that_fits_does_not_wait() -> None:
    assert shortage(8 * GIB, memory(free=8.1)) == ""


def test_a_model_that_does_not_fit_waits_and_says_what_is_missing() -> None:
    assert shortage(8 * GIB, memory(free=3)) == "GPU 0 has 3.0 GiB free of 24.0; the model needs about 8.0 GiB."


def test_room_is_left_for_those_who_compute_there_already() -> None:
    assert shortage(8 * GIB, memory(free=8.5)) == ""
    assert "while another process computes there" in shortage(8 * GIB, memory(free=8.5, others=1))
    assert "while 2 other processes compute there" in shortage(8 * GIB, memory(free=8.5, others=2))


def test_a_model_larger_than_the_gpu_is_tried_so_that_the_failure_says_what_helps() -> None:
    assert shortage(80 * GIB, memory(free=3)) == ""


def test_the_need_follows_the_weights_and_their_number_type(tmp_path: Path) -> None:
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(b"x" * 1000)
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"x" * 1000)
    needed = a_need(tmp_path).bytes
    assert needed == 2400 + GIB // 2
    assert a_need(tmp_path, dtype="float32").bytes - needed == 2400


def test_weights_nobody_can_measure_count_as_a_few_gigabytes() -> None:
    assert a_need(Path("acme/base-1b")).bytes > 2 * GIB


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_only_gpus_with_a_driver_are_waited_for(device: str) -> None:
    assert device_memory(device) is None
