"""``ecr lifecycle``: which images the service deletes by itself."""

from __future__ import annotations

from typing import Any

import click

from ecr_client.cli.options import Group, Options, group, repository_members, timeout_option
from ecr_client.cli.output import merged
from ecr_client.cli.policy import JSON_FILE, pretty, read_json
from ecr_client.cli.tables import Column, Table, number, time

command: Group = group("lifecycle", "Get, set and preview the lifecycle policy of a repository.")


@command.command("get")
@click.argument("repository")
@click.pass_obj
def get(options: Options, repository: str) -> None:
    """Print the lifecycle policy."""
    with options.find(repository) as (client, reference):
        result = client.get_lifecycle_policy(**repository_members(reference))
    options.show(merged([result]), lambda: pretty(result.lifecycle_policy_text))


@command.command("set")
@click.argument("repository")
@click.argument("file", type=JSON_FILE)
@click.pass_obj
def set_policy(options: Options, repository: str, file: str) -> None:
    """Set the lifecycle policy to the JSON in FILE; '-' reads stdin."""
    policy = read_json(file)
    with options.find(repository) as (client, reference):
        result = client.put_lifecycle_policy(
            **repository_members(reference), lifecycle_policy_text=policy
        )
    options.show(merged([result]), lambda: f"set the lifecycle policy of {result.repository_name}")


@command.command("preview")
@click.argument("repository")
@click.argument("file", type=JSON_FILE, required=False)
@timeout_option
@click.pass_obj
def preview(options: Options, repository: str, file: str | None, timeout: float) -> None:
    """Show which images a lifecycle policy would delete.

    The policy is the JSON in FILE ('-' reads stdin) or, without one, that of the repository.
    """
    policy = None if file is None else read_json(file)
    with options.find(repository) as (client, reference):
        members = repository_members(reference)
        client.start_lifecycle_policy_preview(**members, lifecycle_policy_text=policy)
        client.wait_until_lifecycle_policy_preview_complete(**members, max_wait=timeout)
        document = merged(client.paginate_get_lifecycle_policy_preview(**members).pages())
    options.show(document, lambda: _table(document))


def _table(document: dict[str, Any]) -> Table:
    images = document.get("previewResults", [])
    return Table(
        [
            Column("ACTION", styles={"EXPIRE": {"fg": "red"}}),
            Column("RULE", right=True),
            Column("TAGS", cut="end"),
            Column("DIGEST", cut="end"),
            Column("PUSHED (UTC)"),
        ],
        [
            (
                each.get("action", {}).get("type", ""),
                str(each.get("appliedRulePriority", "")),
                ", ".join(each.get("imageTags", [])),
                each.get("imageDigest", ""),
                time(each.get("imagePushedAt")),
            )
            for each in images
        ],
        footer=f"{number(len(images), 'image')} would expire or be archived",
    )
