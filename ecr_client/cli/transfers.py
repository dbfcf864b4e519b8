"""``ecr push``, ``pull``, ``copy`` and ``sync``: moving images."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from ecr_client.cli.errors import REFUSED, CommandError, describe, status_of
from ecr_client.cli.options import (
    Command,
    Options,
    complete_path,
    dry_run_option,
    registry_id,
    without_scheme,
)
from ecr_client.cli.output import plain
from ecr_client.cli.progress import progress
from ecr_client.cli.tables import Column, Table, number, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ecr_client import ECRClient
    from ecr_client.images import SyncPlan, SyncResult, TransferEvent, TransferResult
    from ecr_client.oci import Reference

_CREATE = click.option("--create", is_flag=True, help="Create the repository if it does not exist.")
_PLATFORMS = click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="PLATFORM",
    help="Only this platform, such as linux/arm64; may be repeated.",
)
_REFERRERS = click.option(
    "--referrers", is_flag=True, help="Include signatures, SBOMs and the like."
)
_TAGS = click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Another tag; may be repeated."
)
_JOBS = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    metavar="N",
    help="How many layers to move at once.",
)
_SOURCE_PROFILE = click.option(
    "--source-profile", metavar="NAME", help="The profile for the source, if it differs."
)


@click.command("push", cls=Command)
@click.argument("source", shell_complete=complete_path)
@click.argument("reference")
@_TAGS
@_PLATFORMS
@_REFERRERS
@_CREATE
@_JOBS
@dry_run_option
@click.pass_obj
def push(
    options: Options, /, source: str, reference: str, create: bool, dry_run: bool, **details: Any
) -> None:
    r"""Push an image from a file or a folder.

    \b
    SOURCE is a path, or one of:
      oci:PATH[:NAME]
      oci-archive:PATH[:NAME]
      docker-archive:PATH[:NAME:TAG]
    """
    from ecr_client.images import push_image

    with options.find(reference) as (client, found), _hint(client, found, create):
        _transfer(
            options,
            dry_run,
            lambda **how: push_image(client, source, without_scheme(reference), **how),
            create=create,
            **_details(details),
        )


@click.command("pull", cls=Command)
@click.argument("reference")
@click.argument("target", shell_complete=complete_path)
@_PLATFORMS
@_REFERRERS
@_JOBS
@dry_run_option
@click.pass_obj
def pull(options: Options, /, reference: str, target: str, dry_run: bool, **details: Any) -> None:
    r"""Pull an image into a file or a folder.

    \b
    TARGET is the path of a folder, or one of:
      oci:PATH[:NAME]
      oci-archive:PATH[:NAME]
      docker-archive:PATH[:NAME:TAG]
    """
    from ecr_client.images import inspect_image, pull_image

    text = without_scheme(reference)
    with options.find(reference) as (client, found):
        if found.tag is None and found.digest is None:
            text += ":latest"
        if dry_run:
            image = inspect_image(client, text)
            document = {"target": target, "digest": image.digest, "bytes": image.size}
            line = f"would pull {image.digest} ({size(image.size)} at most) into {target}"
            options.show(document, lambda: line)
            return
        how = _details(details)
        _transfer(options, False, lambda **more: pull_image(client, text, target, **more), **how)


@click.command("copy", cls=Command)
@click.argument("source")
@click.argument("target")
@_TAGS
@_PLATFORMS
@_REFERRERS
@_CREATE
@_JOBS
@_SOURCE_PROFILE
@dry_run_option
@click.pass_obj
def copy(
    options: Options,
    /,
    source: str,
    target: str,
    source_profile: str | None,
    create: bool,
    dry_run: bool,
    **details: Any,
) -> None:
    """Copy an image to another repository, account or region.

    SOURCE and TARGET are references. The host in a reference names the account and the region;
    without one, they are those of the credentials and of the options.
    """
    from ecr_client.images import copy_image, inspect_image

    with ExitStack() as stack:
        here, image = stack.enter_context(options.find(source, profile=source_profile))
        there, found = stack.enter_context(options.find(target))
        stack.enter_context(_hint(there, found, create))
        text = without_scheme(source)
        if image.tag is None and image.digest is None:
            text += ":latest"
        if dry_run:
            inspect_image(here, text)  # or a missing source would be taken for a missing target
        _transfer(
            options,
            dry_run,
            lambda **how: copy_image(here, text, there, without_scheme(target), **how),
            create=create,
            **_details(details),
        )


@click.command("sync", cls=Command)
@click.argument("source")
@click.argument("target")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="PATTERN",
    help="Only tags that match, such as 'v1.*'; may be repeated.",
)
@click.option("--newest", type=click.IntRange(1), metavar="N", help="Only the N newest images.")
@click.option(
    "--since",
    type=click.DateTime(),
    metavar="DATE",
    help="Only images pushed since this date (UTC), such as 2026-11-01 or 2026-11-01T12:00:00.",
)
@_REFERRERS
@_CREATE
@_SOURCE_PROFILE
@dry_run_option
@click.pass_obj
def sync(
    options: Options,
    /,
    source: str,
    target: str,
    tags: Sequence[str],
    since: datetime | None,
    source_profile: str | None,
    dry_run: bool,
    **details: Any,
) -> None:
    """Copy the images that another repository is missing.

    SOURCE and TARGET are repositories. The host in a name says in which account and region it is;
    without one, they are those of the credentials and of the options. Tags that only the target has
    stay as they are.
    """
    from ecr_client.images import plan_sync

    with ExitStack() as stack:
        here, _ = stack.enter_context(options.find(source, profile=source_profile))
        there, found = stack.enter_context(options.find(target))
        stack.enter_context(_hint(there, found, details["create"]))
        plan = plan_sync(
            here,
            without_scheme(source),
            there,
            without_scheme(target),
            tags=tags or "*",
            since=None if since is None else since.replace(tzinfo=timezone.utc),
            **details,
        )
        if dry_run:
            options.show(_plan_document(plan), lambda: _planned(plan))
            return
        result = _execute(plan)
    failed = [
        {"digest": each.digest, "imageTags": list(each.tags), "error": describe(each.error)}
        for each in result.failures
    ]
    document = {"copied": plain(result.copied), "failures": failed}
    options.show(document, lambda: _synchronized(plan, result))
    if failed:
        raise CommandError(
            f"{number(len(failed), 'image')} could not be copied: {failed[0]['digest']}:"
            f" {failed[0]['error']}",
            status_of(result.failures[0].error),
        )


def _details(details: dict[str, Any]) -> dict[str, Any]:
    found = {**details, "concurrency": details["jobs"], "platforms": details["platforms"] or None}
    del found["jobs"]
    return found


def _transfer(
    options: Options, dry_run: bool, move: Callable[..., TransferResult], **how: Any
) -> None:
    if dry_run:
        document = _missing(move, **how)
        options.show(document, lambda: _would_move(document))
        return
    with progress() as report:
        result = move(progress=report, **how)
    options.show(plain(result), lambda: _moved(result))


def _missing(
    move: Callable[..., TransferResult], create: bool = False, **how: Any
) -> dict[str, Any]:
    """Return what a transfer would move, by cancelling it once that is known."""
    from ecr_client.exceptions import RepositoryNotFoundException, TransferCancelledException
    from ecr_client.images import TransferStarted

    cancel = threading.Event()
    found: dict[str, Any] = {"createsRepository": False}

    def stop(event: TransferEvent) -> None:
        if isinstance(event, TransferStarted):
            found.update(blobs=event.blobs, bytes=event.bytes)
            cancel.set()

    try:
        # Without "create", so that nothing is created.
        move(progress=stop, cancel=cancel, **how)
    except TransferCancelledException:
        pass
    except RepositoryNotFoundException:
        if not create:
            raise
        found["createsRepository"] = True
    return found


def _would_move(document: dict[str, Any]) -> str:
    if document["createsRepository"]:
        return "would create the repository, and move all of the image"
    return f"would move {number(document['blobs'], 'blob')}, {size(document['bytes'])}"


@contextmanager
def _hint(client: ECRClient, target: Reference, create: bool) -> Iterator[None]:
    """Raise an error with a remedy if the target repository does not exist."""
    from ecr_client.exceptions import RepositoryNotFoundException

    try:
        yield
    except RepositoryNotFoundException as error:
        if create or not _is_missing(client, target):
            raise
        name = target.repository
        raise CommandError(
            f"the repository {name!r} does not exist; create it with 'ecr repos create {name}', or"
            f" add --create ({error.error_code}, request id {error.request_id})",
            REFUSED,
        ) from error


def _is_missing(client: ECRClient, repository: Reference) -> bool:
    from ecr_client.exceptions import RepositoryNotFoundException

    try:
        client.describe_repositories(
            repository_names=[repository.repository], registry_id=registry_id(repository)
        )
    except RepositoryNotFoundException:
        return True
    return False


def _execute(plan: SyncPlan) -> SyncResult:
    """Copy the images of a plan, and show the progress."""
    import attrs

    with progress() as report:
        tasks = [
            attrs.evolve(each, options={**each.options, "progress": report}) for each in plan.tasks
        ]
        return attrs.evolve(plan, tasks=tuple(tasks)).execute()


def _moved(result: TransferResult) -> str:
    tags = f" as {', '.join(result.tags)}" if result.tags else ""
    moved = f"{size(result.bytes_moved)} moved, {size(result.bytes_skipped)} already present"
    return f"{result.digest}\n{result.target}{tags}: {moved}, in {result.duration:.1f} s"


def _plan_document(plan: SyncPlan) -> dict[str, Any]:
    return {"source": plan.source, "target": plan.target, "tags": plain(plan.tags)}


def _planned(plan: SyncPlan) -> Table:
    return Table(
        [
            Column("", styles={"copy": {"bold": True}}),
            Column("TAG", cut="end"),
            Column("DIGEST", cut="end"),
            Column("REASON", cut="end"),
        ],
        [(each.action, each.tag, each.digest, each.reason) for each in plan.tags],
        footer=f"would copy {number(len(plan.tasks), 'image')} to {plan.target}",
    )


def _synchronized(plan: SyncPlan, result: SyncResult) -> str:
    skipped = sum(each.action == "skip" for each in plan.tags)
    lines = [f"copied {', '.join(each.tags)} ({each.digest})" for each in result.copied]
    lines.append(
        f"{number(len(result.copied), 'image')} copied to {plan.target},"
        f" {number(skipped, 'tag')} already present"
    )
    return "\n".join(lines)
