"""``ecr local``: the local ECR, with the options of ``python -m ecr_client.local``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ecr_client.cli.options import GLOBAL, Options

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The global options that mean something to a server; ``--region`` is one of its own, too.
_SHARED = [each for each in GLOBAL if each.name in ("output", "query", "region")]


@click.command(
    "local",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Run a local ECR, and print what to export.",
    params=_SHARED,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run a local ECR until it is stopped."""
    from ecr_client.local.__main__ import main

    options: Options = context.obj

    def show(document: Mapping[str, Any], text: str) -> None:
        options.show(document, lambda: text)

    region = [] if options.region is None else ["--region", options.region]
    try:
        status = main(
            [*region, *arguments],
            name="ecr local",
            login="ecr login",
            epilog="--output json and --output yaml print endpoint and variables as a document,"
            " and --query what it selects.",
            show=show,
        )
        if sys.stderr.isatty():
            click.echo(err=True)  # below the ^C of the terminal
    except SystemExit as end:  # of argparse, which has printed its help or what is wrong
        status = end.code if isinstance(end.code, int) else 0
    context.exit(status)
