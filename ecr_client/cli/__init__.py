"""The command line ``ecr``, which needs the extra ``ecr-client[cli]``.

`main` is what ``ecr`` and ``python -m ecr_client`` run. Each command is a module of its own, which
is loaded when the command runs, and the client is loaded when the first call is made.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import TYPE_CHECKING

from ecr_client import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_FAILED, _INTERRUPTED, _CLOSED_PIPE = 1, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``ecr`` and return its exit status.

    Args:
        arguments: The arguments after ``ecr``; ``None`` uses those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None:
        _prepare_output()
    status = 0
    try:
        status = _run(words, is_program=arguments is None)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # below the ^C of the terminal
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough. Python would complain at exit about what it cannot write.
        _discard_output()
        return _CLOSED_PIPE
    except OSError as error:
        if status == 0:  # A command that failed to write has reported it.
            print(f"ecr: the output could not be written: {error.strerror}", file=sys.stderr)
        _discard_output()
        return _FAILED


def _run(words: list[str], is_program: bool) -> int:
    if words == ["--version"]:  # Nothing else has to be loaded for it.
        print(f"ecr-client {__version__}")
        return 0
    try:
        from ecr_client.cli.program import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print(
            "ecr: click is missing; install it with: python -m pip install 'ecr-client[cli]'",
            file=sys.stderr,
        )
        return _FAILED
    if not is_program:
        return run(words)
    _let_second_interrupt_kill()
    status = run(words)
    # Without it, a last garbage collection would take a fifth of the time of a short command.
    gc.freeze()
    return status


def _prepare_output() -> None:
    """Make every character printable, and discard output to streams closed by ``>&-``."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (until the process ends)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _let_second_interrupt_kill() -> None:
    """Let a second Ctrl-C end the process at once; after the first, threads finish their calls."""
    import signal

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def _discard_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
