"""The command line: parse, build the settings, call a service, print. Errors become one sentence here and nowhere else.

Heavy libraries are imported inside the commands that need them: `serve` answers its first page within 0.6 s.
"""

import sys
from collections.abc import Sequence

from beyondloss.errors import BeyondLossError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 failed, 2 called wrongly, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    from beyondloss.cli.commands import build

    debug = "--debug" in arguments
    try:
        build()(args=arguments, prog_name="beyondloss")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BeyondLossError as error:
        if debug:
            raise
        return _fail(error.message, error.hint)
    except BrokenPipeError:
        # Whoever read our output (head, less) has gone; Python would complain again when it flushes at exit.
        sys.stdout = None
        return 1
    except Exception as error:  # the boundary: nobody meets a traceback they did not ask for
        if debug:
            raise
        return _fail(
            f"BeyondLoss failed in a way it did not expect: {type(error).__name__}: {error}",
            "Run the same command with --debug to see where, and please report it.",
        )
    return 0


def _fail(message: str, hint: str) -> int:
    sys.stderr.write("".join(f"{line}\n" for line in (message, hint) if line))
    return 1
