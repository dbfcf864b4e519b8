"""The program: its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from ecr_client import __version__
from ecr_client.cli.errors import describe, status_of
from ecr_client.cli.options import Group, Options

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {
    "repos": "repos",
    "images": "images",
    "push": "transfers:push",
    "pull": "transfers:pull",
    "copy": "transfers:copy",
    "sync": "transfers:sync",
    "login": "login:login",
    "token": "login:token",
    "policy": "policy",
    "lifecycle": "lifecycle",
    "scan": "scan",
    "usage": "usage",
    "local": "local",
    "completion": "completion",
}

ecr: Group = Group(
    "ecr",
    help="Work with Amazon ECR. All you need is IAM credentials.",
    modules={name: f"ecr_client.cli.{place}" for name, place in _COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[],
)
click.version_option(__version__, prog_name="ecr-client", message="%(prog)s %(version)s")(ecr)


def run(words: Sequence[str]) -> int:
    """Run a command line and return the exit status.

    Raises:
        KeyboardInterrupt: Somebody pressed Ctrl-C.
        BrokenPipeError: The reader of the output has closed the pipe.
    """
    if instruction := os.environ.get("_ECR_COMPLETE"):
        return _complete(instruction)
    options = Options()
    try:
        with ecr.make_context("ecr", list(words), obj=options) as context:
            ecr.invoke(context)
        return 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        if options.debug:
            import traceback

            traceback.print_exc()
        print(f"ecr: {describe(error)}", file=sys.stderr)
        return status_of(error)


def _complete(instruction: str) -> int:
    """Print completions of the words in the environment, for click's script of a shell."""
    from click.shell_completion import BashComplete, add_completion_class, shell_complete

    class WithColons(BashComplete):
        """Joins words at colons, where bash breaks them; references contain colons."""

        def get_completion_args(self) -> tuple[list[str], str]:
            args, incomplete = super().get_completion_args()
            words: list[str] = []
            for piece in [*args, incomplete]:
                if words and (piece == ":" or words[-1].endswith(":")):
                    words[-1] += piece
                else:
                    words.append(piece)
            return words[:-1], words[-1]

    add_completion_class(WithColons, "bash")
    return shell_complete(ecr, {}, "ecr", "_ECR_COMPLETE", instruction)
