"""``ecr repos``: repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ecr_client.cli.errors import CommandError
from ecr_client.cli.options import (
    Group,
    Options,
    confirm,
    dry_run_option,
    group,
    repository_members,
    some_of,
    yes_option,
)
from ecr_client.cli.output import merged, plain
from ecr_client.cli.tables import Column, Table, number, pairs, time

if TYPE_CHECKING:
    from collections.abc import Sequence

command: Group = group("repos", "List, describe, create and delete repositories.")


@command.command("list")
@click.pass_obj
def list_repositories(options: Options) -> None:
    """List the repositories of the registry."""
    with options.client() as client:
        document = merged(client.paginate_describe_repositories().pages())
    options.show(document, lambda: _table(document["repositories"]))


@command.command("describe")
@click.argument("repositories", nargs=-1, required=True, metavar="REPOSITORY...")
@click.pass_obj
def describe(options: Options, repositories: Sequence[str]) -> None:
    """Show the details of repositories."""
    found: list[Any] = []
    for text in repositories:
        with options.find(text) as (client, reference):
            members = repository_members(reference)
            members["repository_names"] = [members.pop("repository_name")]
            found += client.describe_repositories(**members).repositories
    document = {"repositories": plain(found)}
    options.show(document, lambda: _details(document["repositories"]))


@command.command("create")
@click.argument("repository")
@click.option("--immutable", is_flag=True, help="Do not let tags be moved to other images.")
@click.option("--scan-on-push", is_flag=True, help="Scan each image when it is pushed.")
@click.option("--kms-key", metavar="ARN", help="Encrypt images with this AWS KMS key.")
@click.option(
    "--resource-tag",
    "tags",
    multiple=True,
    metavar="KEY=VALUE",
    help="Tag the repository; may be repeated.",
)
@click.option("--if-not-exists", is_flag=True, help="Succeed if the repository already exists.")
@click.pass_obj
def create(
    options: Options,
    repository: str,
    immutable: bool,
    scan_on_push: bool,
    kms_key: str | None,
    tags: Sequence[str],
    if_not_exists: bool,
) -> None:
    """Create a repository."""
    from ecr_client import models
    from ecr_client.exceptions import RepositoryAlreadyExistsException

    members: dict[str, Any] = {}
    if immutable:
        members["image_tag_mutability"] = models.ImageTagMutability.IMMUTABLE
    if scan_on_push:
        members["image_scanning_configuration"] = models.ImageScanningConfiguration(
            scan_on_push=True
        )
    if kms_key is not None:
        members["encryption_configuration"] = models.EncryptionConfiguration(
            encryption_type=models.EncryptionType.KMS, kms_key=kms_key
        )
    if tags:
        members["tags"] = [_resource_tag(text) for text in tags]
    with options.find(repository) as (client, reference):
        named = repository_members(reference)
        try:
            found = client.create_repository(**named, **members).repository
        except RepositoryAlreadyExistsException:
            if not if_not_exists:
                raise
            named["repository_names"] = [named.pop("repository_name")]
            (found,) = client.describe_repositories(**named).repositories
    document = {"repository": plain(found)}
    options.show(document, lambda: str(document["repository"]["repositoryUri"]))


@command.command("delete")
@click.argument("repositories", nargs=-1, required=True, metavar="REPOSITORY...")
@click.option("--force", is_flag=True, help="Delete repositories even if they contain images.")
@yes_option
@dry_run_option
@click.pass_obj
def delete(
    options: Options, repositories: Sequence[str], force: bool, yes: bool, dry_run: bool
) -> None:
    """Delete repositories."""
    counts = {text: _count_images(options, text) for text in repositories}
    if not force and (full := [text for text, count in counts.items() if count]):
        raise CommandError(
            f"{full[0]!r} is not empty: it has {number(counts[full[0]], 'image')}; delete its"
            " images first, or add --force"
        )
    if dry_run:
        planned = [{"repositoryName": text, "imageCount": count} for text, count in counts.items()]
        lines = [f"would delete {text} with {number(counts[text], 'image')}" for text in counts]
        options.show({"repositories": planned}, lambda: "\n".join(lines))
        return
    total = number(sum(counts.values()), "image")
    confirm(f"delete {some_of(list(counts))} with {total}", yes)
    deleted = []
    for text in repositories:
        with options.find(text) as (client, reference):
            result = client.delete_repository(**repository_members(reference), force=force)
            deleted.append(plain(result.repository))
    options.show(
        {"repositories": deleted},
        lambda: "\n".join(f"deleted {each['repositoryName']}" for each in deleted),
    )


def _count_images(options: Options, text: str) -> int:
    with options.find(text) as (client, reference):
        images = client.paginate_list_images(**repository_members(reference))
        return len({image.image_digest for image in images})


def _resource_tag(text: str) -> Any:
    from ecr_client.models import Tag

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.UsageError(f"--resource-tag must be KEY=VALUE, got {text!r}")
    return Tag(key=key, value=value)


def _table(repositories: Sequence[dict[str, Any]]) -> Table:
    return Table(
        [
            Column("REPOSITORY", cut="middle"),
            Column("TAGS"),
            Column("SCAN ON PUSH", spare=True),
            Column("ENCRYPTION", spare=True),
            Column("CREATED (UTC)"),
        ],
        [
            (
                each["repositoryName"],
                each.get("imageTagMutability", "").lower(),
                _scans(each),
                each.get("encryptionConfiguration", {}).get("encryptionType", ""),
                time(each.get("createdAt")),
            )
            for each in repositories
        ],
    )


def _details(repositories: Sequence[dict[str, Any]]) -> str:
    from ecr_client.cli.tables import render_table

    return "\n\n".join(
        render_table(
            pairs(
                {
                    "name": each["repositoryName"],
                    "uri": each.get("repositoryUri", ""),
                    "arn": each.get("repositoryArn", ""),
                    "registry": each.get("registryId", ""),
                    "created (UTC)": time(each.get("createdAt")),
                    "tags": each.get("imageTagMutability", "").lower(),
                    "scan on push": _scans(each),
                    "encryption": each.get("encryptionConfiguration", {}).get("encryptionType", ""),
                    "KMS key": each.get("encryptionConfiguration", {}).get("kmsKey", ""),
                }
            )
        )
        for each in repositories
    )


def _scans(repository: dict[str, Any]) -> str:
    return "yes" if repository.get("imageScanningConfiguration", {}).get("scanOnPush") else "no"
