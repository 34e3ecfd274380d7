"""Whether memory stays flat while one base wears one adapter after another: `python -m benchmarks.adapter_memory`.

Switches a run's adapters 200 times, answering one short question with each, and compares the memory of the process
(and of the GPU, where there is one) after a first round with that at the end. The exit code is 1 when it grew.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from beyondloss.cli.benching import targets_of
from beyondloss.domain.engine import Question
from beyondloss.domain.probes import Message, MessageRole
from beyondloss.domain.sampling import Sampling
from beyondloss.generation.engine import TransformersEngine

MIB = 1 << 20
SETTLED_AFTER = 40
"""Switches until caches, pools and the allocator's arenas have their size."""
MOST_GROWTH_BYTES = 16 * MIB
QUESTIONS = [Question(0, (Message(MessageRole.USER, "What is the capital of France?"),))]


@dataclass(frozen=True, slots=True)
class Memory:
    process_bytes: int
    device_bytes: int

    @classmethod
    def now(cls) -> "Memory":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        on_device = torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
        return cls(pages * os.sysconf("SC_PAGE_SIZE"), on_device)

    def __str__(self) -> str:
        return f"{self.process_bytes / MIB:.0f} MiB in the process, {self.device_bytes / MIB:.0f} MiB on the device"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="the folder a trainer wrote adapters to")
    parser.add_argument("--base", help="the base model, if the run does not name one that is here")
    parser.add_argument("--switches", type=int, default=200)
    asked = parser.parse_args()
    _base, *adapters = targets_of(asked.run, asked.base)
    engine = TransformersEngine(cache_dir=Path())
    settled = Memory.now()
    began = time.monotonic()
    for switch in range(asked.switches):
        list(engine.answer(adapters[switch % len(adapters)], QUESTIONS, Sampling(max_new_tokens=2)))
        if switch + 1 == min(SETTLED_AFTER, asked.switches):
            settled = Memory.now()
            print(f"after {switch + 1} switches: {settled}")
    end = Memory.now()
    seconds = (time.monotonic() - began) / asked.switches
    print(f"after {asked.switches} switches: {end}; {seconds * 1000:.0f} ms a switch with its answer")
    grown = max(end.process_bytes - settled.process_bytes, end.device_bytes - settled.device_bytes)
    print(f"grown by {grown / MIB:.1f} MiB (at most {MOST_GROWTH_BYTES / MIB:.0f} is taken for noise)")
    return 1 if grown > MOST_GROWTH_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
