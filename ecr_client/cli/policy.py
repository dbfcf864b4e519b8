"""``ecr policy``: who may use a repository."""

from __future__ import annotations

import json

import click

from ecr_client.cli.errors import CommandError
from ecr_client.cli.options import (
    Group,
    Options,
    confirm,
    dry_run_option,
    group,
    repository_members,
    yes_option,
)
from ecr_client.cli.output import merged

command: Group = group("policy", "Get, set and delete the policy of a repository.")


#: A file with a JSON document.
JSON_FILE = click.Path(dir_okay=False, allow_dash=True)


def read_json(path: str) -> str:
    """Return the JSON document in a file, or in stdin for ``-``, as a string.

    Raises:
        CommandError: The content is not JSON.
        OSError: The file cannot be read.
    """
    try:
        with click.open_file(path, encoding="utf-8") as file:
            text: str = file.read()
        json.loads(text)
        return text
    except ValueError as error:
        name = "stdin" if path == "-" else path
        raise CommandError(f"{name}: not a JSON document: {error}") from None


def pretty(text: str) -> str:
    """Return a JSON document with line breaks."""
    try:
        return json.dumps(json.loads(text), indent=4, ensure_ascii=False)
    except ValueError:
        return text


@command.command("get")
@click.argument("repository")
@click.pass_obj
def get(options: Options, repository: str) -> None:
    """Print the policy."""
    with options.find(repository) as (client, reference):
        result = client.get_repository_policy(**repository_members(reference))
    options.show(merged([result]), lambda: pretty(result.policy_text))


@command.command("set")
@click.argument("repository")
@click.argument("file", type=JSON_FILE)
@click.option(
    "--force", is_flag=True, help="Set it even if it prevents you from changing it again."
)
@click.pass_obj
def set_policy(options: Options, repository: str, file: str, force: bool) -> None:
    """Set the policy to the JSON in FILE; '-' reads stdin."""
    policy = read_json(file)
    with options.find(repository) as (client, reference):
        result = client.set_repository_policy(
            **repository_members(reference), policy_text=policy, force=force
        )
    options.show(merged([result]), lambda: f"set the policy of {result.repository_name}")


@command.command("delete")
@click.argument("repository")
@yes_option
@dry_run_option
@click.pass_obj
def delete(options: Options, repository: str, yes: bool, dry_run: bool) -> None:
    """Delete the policy."""
    with options.find(repository) as (client, reference):
        members = repository_members(reference)
        if dry_run:
            found = client.get_repository_policy(**members)
            line = f"would delete the policy of {found.repository_name}"
            options.show(merged([found]), lambda: f"{line}:\n{pretty(found.policy_text or '')}")
            return
        confirm(f"delete the policy of {reference.repository}", yes)
        result = client.delete_repository_policy(**members)
    options.show(merged([result]), lambda: f"deleted the policy of {result.repository_name}")
