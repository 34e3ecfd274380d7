"""Answers at the cost of change, on real LoRA checkpoints: `python -m benchmarks.decoding`.

Trains the demo's run on the spot (12 checkpoints of SmolLM2-135M, some minutes) unless one is given, then answers its
16 probes at every checkpoint four ways that take turns, and sets the ratios beside their targets. What each contender
is, `benchmarks/README.md` says. The script takes most of the time and varies least, so it is measured once.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from beyondloss.cli.benching import Asked, bench_table, measure_decoding
from beyondloss.generation.bench import BenchPlan, DecodingBench

CHECKPOINT_STEPS = 110
"""Saved at 5 and then every 10 steps: 12 checkpoints."""


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run folder with adapters; without it the demo's is trained")
    parser.add_argument("--base", help="the base model, if the run does not name one that is here")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"], metavar="DTYPE")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args(list(arguments))
    with tempfile.TemporaryDirectory() as folder:
        run, base = (asked.run, asked.base) if asked.run else _train(Path(folder))
        missed = [dtype for dtype in asked.dtypes if not _measure(run, base, dtype, asked)]
    return 1 if missed else 0


def _train(folder: Path) -> tuple[Path, str | None]:
    cache = folder / "cache"
    command = [sys.executable, "-m", "beyondloss.demo.train", "--steps", str(CHECKPOINT_STEPS)]
    subprocess.run([*command, "--output", folder / "run", "--cache", cache], check=True, stdout=subprocess.DEVNULL)
    return folder / "run", None


def _measure(run: Path, base: str | None, dtype: str, asked: argparse.Namespace) -> bool:
    plan = BenchPlan(device=asked.device, dtype=dtype, repeats=asked.repeats, script_repeats=1)
    with as_file(files("beyondloss.demo") / "data" / "probes.yaml") as probes:
        bench = measure_decoding(Asked(run, probes, base), plan)
    print(f"\n{dtype}, median of {asked.repeats}\n{bench_table(bench)}\n")
    return _judge(bench) if dtype == "float32" else True


def _judge(bench: DecodingBench) -> bool:
    seconds = {one.name: one.seconds_median for one in bench.contenders}
    ratios = [(times.seconds["batched"] / times.seconds["ours"], times) for times in bench.per_checkpoint]
    unchanged = [ratio for ratio, times in ratios if times.changed_answers == 0]
    same = all(one.identical_to_script for one in bench.contenders)
    print(f"identical answers: {'ok' if same else 'MISSED'}")
    held = [
        _holds("sweep, script ÷ ours", seconds["script"] / seconds["ours"], target=15),
        _holds("sweep, batched ÷ ours", seconds["batched"] / seconds["ours"], target=2),
        _holds("worst checkpoint, batched ÷ ours", min(ratio for ratio, _ in ratios), target=0.95),
        *(_holds("unchanged checkpoint, batched ÷ ours", ratio, target=4) for ratio in unchanged),
    ]
    return same and all(held)


def _holds(what: str, ratio: float, *, target: float) -> bool:
    good = ratio >= target
    print(f"{what}: {ratio:.2f}x   {'ok' if good else 'MISSED'} (≥ {target:g})")
    return good


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
