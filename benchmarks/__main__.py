"""Every benchmark of this folder, or those named, one after the other. Exit code 1 when one missed a target.

python -m benchmarks [alarms calls ingest watch pages live statistics decoding] [--no-browser] [--no-peer]
"""

import argparse
import importlib
import sys

ALL = ("alarms", "calls", "ingest", "watch", "pages", "live", "statistics", "decoding")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ALL)}; all without")
    parser.add_argument("--no-browser", action="store_true", help="leave out what needs Chromium")
    parser.add_argument("--no-peer", action="store_true", help="install nothing to compare with")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(ALL):
        parser.error(f"there is no benchmark called {', '.join(sorted(unknown))}")
    missed = []
    for name in chosen.names or ALL:
        options = {"ingest": ["--no-peer"] * chosen.no_peer, "pages": ["--no-browser"] * chosen.no_browser}
        if name == "live" and chosen.no_browser:
            continue
        print(f"\n=== {name}", flush=True)
        if importlib.import_module(f"benchmarks.{name}").main(options.get(name, [])):
            missed.append(name)
    print(f"\nTargets missed in: {', '.join(missed)}" if missed else "\nEvery target was met.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
