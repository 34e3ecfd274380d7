"""Good manners on a shared GPU: look before loading whether the model fits beside what others run there.

Asks the driver through NVML when it is there; knows nothing of torch. A device it cannot see is never waited for.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from beyondloss.domain.engine import Target

GIB = 1 << 30
UNKNOWN_WEIGHTS_BYTES = 2 * GIB
WORKING_RATIO = 1.2
"""Cache and activations of a few short answers, beside the weights."""
WORKING_BYTES = GIB // 2
OTHERS_MARGIN_RATIO = 0.05
"""Share of the device left free when somebody else computes there: training takes more now and then."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What is about to be loaded, and where. `device` and `dtype` as in the settings."""

    target: Target
    device: str
    dtype: str

    @property
    def bytes(self) -> int:
        weights = sum(_weights_bytes(folder) for folder in (Path(self.target.base_model), self.target.path) if folder)
        saved_ratio = 2 if self.dtype == "float32" else 1  # weights are mostly saved in two bytes each
        return int((weights or UNKNOWN_WEIGHTS_BYTES) * saved_ratio * WORKING_RATIO) + WORKING_BYTES


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """What the driver says. `others` is the number of other processes that compute there."""

    index: int
    free_bytes: int
    total_bytes: int
    others: int


def why_wait(need: MemoryNeed) -> str:
    """One sentence that says why the model should not be loaded now; empty when it may."""
    memory = device_memory(need.device)
    return "" if memory is None else shortage(need.bytes, memory)


def shortage(need_bytes: int, memory: DeviceMemory) -> str:
    margin_bytes = int(memory.total_bytes * OTHERS_MARGIN_RATIO) if memory.others else 0
    # A model larger than the whole device is not waited for: loading it says what would help.
    if need_bytes + margin_bytes <= memory.free_bytes or need_bytes > memory.total_bytes:
        return ""
    busy = f" while {_processes(memory.others)} there" if memory.others else ""
    return (
        f"GPU {memory.index} has {memory.free_bytes / GIB:.1f} GiB free of {memory.total_bytes / GIB:.1f}{busy}; "
        f"the model needs about {need_bytes / GIB:.1f} GiB."
    )


def _processes(others: int) -> str:
    return "another process computes" if others == 1 else f"{others} other processes compute"


def device_memory(device: str) -> DeviceMemory | None:
    """None where there is no NVIDIA driver, or the device is another kind."""
    if device != "auto" and not device.startswith("cuda"):
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return _ask(pynvml, _ordinal(device))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _ask(pynvml: ModuleType, ordinal: int) -> DeviceMemory | None:
    handle = _handle(pynvml, ordinal)
    if handle is None:
        return None
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    computing = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    return DeviceMemory(
        index=pynvml.nvmlDeviceGetIndex(handle),
        free_bytes=int(memory.free),
        total_bytes=int(memory.total),
        others=sum(process.pid != os.getpid() for process in computing),
    )


def _handle(pynvml: ModuleType, ordinal: int) -> Any:  # noqa: ANN401 - NVML's opaque handle
    """The physical device behind torch's ordinal: CUDA_VISIBLE_DEVICES renumbers them, by index or by UUID."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return pynvml.nvmlDeviceGetHandleByIndex(ordinal) if ordinal < pynvml.nvmlDeviceGetCount() else None
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if ordinal >= len(names) or names[ordinal].startswith("-"):
        return None
    name = names[ordinal]
    return pynvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdecimal() else pynvml.nvmlDeviceGetHandleByUUID(name)


def _ordinal(device: str) -> int:
    _, _, number = device.partition(":")
    return int(number) if number.isdecimal() else 0


def _weights_bytes(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    except OSError:
        return 0
