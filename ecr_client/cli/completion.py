"""``ecr completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import click

from ecr_client.cli.options import Command


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    r"""Print the completion script for a shell.

    \b
    bash: eval "$(ecr completion bash)" in ~/.bashrc
    zsh:  eval "$(ecr completion zsh)" in ~/.zshrc, below compinit
    fish: ecr completion fish > ~/.config/fish/completions/ecr.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "ecr", "_ECR_COMPLETE").source())
