"""``ecr local``: the local ECR, with the options of ``python -m ecr_client.local``."""

from __future__ import annotations

import click


@click.command(
    "local",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Run a local ECR, and print what to export.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run a local ECR until it is told to stop."""
    from ecr_client.local.__main__ import main

    try:
        status = main(list(arguments), name="ecr local")
    except SystemExit as end:  # of argparse, which has printed its help or what is wrong
        status = end.code if isinstance(end.code, int) else 0
    context.exit(status)
