"""``ecr images``: the images in a repository."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from ecr_client.cli.errors import REFUSED, CommandError
from ecr_client.cli.options import (
    Group,
    Options,
    confirm,
    dry_run_option,
    group,
    image_members,
    registry_id,
    repository_members,
    some_of,
    without_scheme,
    yes_option,
)
from ecr_client.cli.output import merged, plain
from ecr_client.cli.tables import Column, Table, number, pairs, render_table, size, time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client import ECRClient
    from ecr_client.images import DeletionPlan, Selector
    from ecr_client.models import Image
    from ecr_client.oci import Reference

command: Group = group("images", "List, inspect, delete, tag and untag images.")

_AGE = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _age(context: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    """Return the duration that ``30d`` stands for."""
    if value is None:
        return None
    found = _AGE.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"must be like 12h, 30d or 8w, got {value!r}", context, parameter)
    return timedelta(hours=int(found["count"]) * _HOURS[found["unit"]])


@command.command("list")
@click.argument("repository")
@click.option("--tagged", "tag_status", flag_value="TAGGED", help="Only images that have a tag.")
@click.option(
    "--untagged", "tag_status", flag_value="UNTAGGED", help="Only images that have no tag."
)
@click.pass_obj
def list_images(options: Options, repository: str, tag_status: str | None) -> None:
    """List the images in a repository, the newest first."""
    from ecr_client.models import DescribeImagesFilter

    wanted = None if tag_status is None else DescribeImagesFilter(tag_status=tag_status)
    with options.find(repository) as (client, reference):
        members = repository_members(reference)
        document = merged(client.paginate_describe_images(**members, filter=wanted).pages())
    document["imageDetails"].sort(key=lambda image: image.get("imagePushedAt", ""), reverse=True)
    options.show(document, lambda: _table(document["imageDetails"]))


@command.command("inspect")
@click.argument("reference")
@click.pass_obj
def inspect(options: Options, reference: str) -> None:
    """Show the platforms and layers of an image."""
    from ecr_client.images import inspect_image

    with options.find(reference) as (client, found):
        document = plain(inspect_image(client, _with_tag(reference, found.tag or found.digest)))
    options.show(document, lambda: _inspected(document))


@command.command("delete", short_help="Delete images by name, tag or age.")
@click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")
@click.option("--untagged", is_flag=True, help="Images that have no tag.")
@click.option("--tagged", metavar="PATTERN", help="Images with a tag that matches, such as 'pr-*'.")
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_age,
    help="Images pushed longer ago than 12h, 30d or 8w.",
)
@click.option(
    "--not-pulled-for",
    metavar="AGE",
    callback=_age,
    help="Images that nobody has pulled for that long.",
)
@click.option(
    "--keep-newest", type=click.IntRange(0), metavar="N", help="All but the N newest images."
)
@yes_option
@dry_run_option
@click.pass_obj
def delete(
    options: Options, /, references: Sequence[str], yes: bool, dry_run: bool, **selected: Any
) -> None:
    """Delete images: those you name, or those in a repository that match all options.

    REFERENCE is an image such as team/app:1.0, or a repository if there are options. An image is
    deleted with all its tags, and an index with those of its images that have no tag. What an index
    lists stays as long as the index does, and a signature as long as its image.
    """
    from ecr_client.images import plan_deletion

    with options.find(references[0]) as (client, first):
        repository = _without_image(first)
        named = _named(client, repository, references)
        if named is not None and any(value not in (None, False) for value in selected.values()):
            raise click.UsageError("options that select images need a repository, not an image")
        selector = _selector(selected) if named is None else named
        plan = plan_deletion(client, str(repository), selector)
        if dry_run:
            options.show(plain(plan), lambda: _planned(plan))
            return
        if plan.deleted:
            tags = [tag for image in plan.deleted for tag in image.tags]
            tagged = f", tagged {some_of(tags)}" if tags else ""
            count = number(len(plan.deleted), "image")
            confirm(f"delete {count} of {plan.repository} ({size(plan.size)}{tagged})", yes)
        result = plan.execute()
    document = {"deleted": list(result.deleted), "failures": plain(result.failures)}
    deleted = number(len(result.deleted), "image")
    options.show(document, lambda: f"deleted {deleted} of {plan.repository}")
    result.raise_for_failures()


@command.command("tag")
@click.argument("reference")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.pass_obj
def tag(options: Options, reference: str, tags: Sequence[str]) -> None:
    """Add tags to an image, or move them from other images."""
    from ecr_client.exceptions import ImageAlreadyExistsException

    with options.find(reference) as (client, found):
        image = _get(client, found)
        for name in tags:
            try:
                client.put_image(
                    repository_name=found.repository,
                    registry_id=registry_id(found),
                    image_manifest=image.image_manifest,
                    image_manifest_media_type=image.image_manifest_media_type,
                    image_digest=image.image_id.image_digest,
                    image_tag=name,
                )
            except ImageAlreadyExistsException:
                continue  # The image has the tag.
    digest = image.image_id.image_digest
    document = {"imageDigest": digest, "imageTags": list(tags)}
    options.show(document, lambda: f"tagged {digest} as {some_of(tags)}")


@command.command("untag")
@click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")
@yes_option
@dry_run_option
@click.pass_obj
def untag(options: Options, references: Sequence[str], yes: bool, dry_run: bool) -> None:
    """Remove tags from images.

    An image is deleted with its last tag; --dry-run shows which ones would be.
    """
    removed: list[dict[str, Any]] = []
    left: dict[tuple[str | None, ...], set[str]] = {}  # the tags of each image
    for reference in references:
        with options.find(reference) as (client, found):
            if found.tag is None or found.digest is not None:
                raise ValueError(f"{reference!r} must name an image by a tag, as in 'team/app:1.0'")
            (detail,) = client.describe_images(**_batch_members(found)).image_details
        place = (client.endpoint, registry_id(found), found.repository, detail.image_digest)
        tags = left.setdefault(place, {*detail.image_tags})
        tags.discard(found.tag)
        removed.append(
            {"imageTag": found.tag, "imageDigest": detail.image_digest, "imageDeleted": not tags}
        )
    if not dry_run:
        question = f"remove the {'tag' if len(references) == 1 else 'tags'} {some_of(references)}"
        if lost := [each["imageDigest"] for each in removed if each["imageDeleted"]]:
            question += f", and delete images that have no other tag: {some_of(lost)}"
        confirm(question, yes)
        for reference in references:
            with options.find(reference) as (client, found):
                client.batch_delete_image(**_batch_members(found)).raise_for_failures()
    verb = "would remove" if dry_run else "removed"
    options.show(
        {"imageIds": removed},
        lambda: "\n".join(
            f"{verb} the tag {each['imageTag']!r}"
            + (f" and the image {each['imageDigest']}" if each["imageDeleted"] else "")
            for each in removed
        ),
    )


def _batch_members(reference: Reference) -> dict[str, Any]:
    """Return the members of a request about several images, for a single one."""
    members = image_members(reference)
    members["image_ids"] = [members.pop("image_id")]
    return members


def _get(client: ECRClient, reference: Reference) -> Image:
    from ecr_client.oci import media_types

    found = client.batch_get_image(
        **_batch_members(reference),
        accepted_media_types=sorted(media_types.MANIFESTS | media_types.INDEXES),
    )
    if not found.images:
        name = reference.digest or reference.tag or "latest"
        raise CommandError(
            f"{reference.repository} has no image {str(name)!r} (ImageNotFound,"
            f" request id {found.response_metadata.request_id})",
            REFUSED,
        )
    return found.images[0]


def _without_image(reference: Reference) -> Reference:
    import attrs

    return attrs.evolve(reference, tag=None, digest=None)


def _named(client: ECRClient, repository: Reference, references: Sequence[str]) -> Selector | None:
    """Return a selector of the named images, and of the untagged images that they list.

    Returns:
        The selector, or ``None`` if only a repository is named.
    """
    from ecr_client.images.references import reference_for
    from ecr_client.images.selectors import named
    from ecr_client.models import DescribeImagesFilter
    from ecr_client.oci import Index, parse_manifest

    found = [reference_for(client, without_scheme(text)) for text in references]
    if found == [repository]:
        return None
    digests, listed = set[str](), set[str]()
    for each in found:
        if _without_image(each) != repository or each == repository:
            raise click.UsageError(
                f"all references must name images of {str(repository)!r}, got {str(each)!r}"
            )
        image = _get(client, each)
        digests.add(image.image_id.image_digest or "")
        document = parse_manifest(image.image_manifest, image.image_manifest_media_type)
        if isinstance(document, Index):
            listed |= {child.digest for child in document.manifests}
    if listed:
        untagged = client.paginate_describe_images(
            **repository_members(repository), filter=DescribeImagesFilter(tag_status="UNTAGGED")
        )
        digests |= listed & {image.image_digest for image in untagged}
    return named(*digests)


def _selector(selected: dict[str, Any]) -> Selector:
    """Return the selector for the options."""
    from ecr_client.images import selectors

    found = []
    if selected["untagged"]:
        found.append(selectors.untagged())
    if selected["tagged"] is not None:
        found.append(selectors.tagged(selected["tagged"]))
    if selected["older_than"] is not None:
        found.append(selectors.older_than(selected["older_than"]))
    if selected["not_pulled_for"] is not None:
        found.append(selectors.not_pulled_for(selected["not_pulled_for"]))
    if selected["keep_newest"] is not None:
        found.append(selectors.beyond_newest(selected["keep_newest"]))
    if not found:
        raise click.UsageError(
            "name an image with a tag or a digest, or say which images of the repository to delete,"
            " such as --untagged or --older-than 30d"
        )
    selector = found[0]
    for each in found[1:]:
        selector &= each
    return selector


def _with_tag(reference: str, named: str | None) -> str:
    return without_scheme(reference) + ("" if named else ":latest")


def _table(images: Sequence[dict[str, Any]]) -> Table:
    return Table(
        [
            Column("TAGS", cut="end"),
            Column("DIGEST", cut="end"),
            Column("SIZE", right=True),
            Column("PUSHED (UTC)"),
            Column("PULLED (UTC)"),
        ],
        [
            (
                ", ".join(each.get("imageTags", [])),
                each["imageDigest"],
                size(each.get("imageSizeInBytes")),
                time(each.get("imagePushedAt")),
                time(each.get("lastRecordedPullTime")),
            )
            for each in images
        ],
    )


def _planned(plan: DeletionPlan) -> Table:
    return Table(
        [
            Column("", styles={"delete": {"fg": "red"}}),
            Column("TAGS", cut="end"),
            Column("DIGEST", cut="end"),
            Column("SIZE", right=True),
            Column("REASON", cut="end"),
        ],
        [
            (
                "delete" if each.is_deleted else "keep",
                ", ".join(each.tags),
                each.digest,
                size(each.size),
                each.reason,
            )
            for each in plan.images
        ],
        footer=f"would delete {number(len(plan.deleted), 'image')} ({size(plan.size)})",
    )


def _inspected(image: dict[str, Any]) -> str:
    shared = f", {size(image['sharedSize'])} of it shared" if image.get("sharedSize") else ""
    heading = pairs(
        {
            "digest": image["digest"],
            "type": image["mediaType"],
            "size": f"{size(image['size'])}{shared}",
        }
    )
    rows = [
        (
            _platform(manifest),
            manifest["digest"],
            str(len(manifest.get("layers", []))),
            size(manifest["size"]),
        )
        for manifest in image["manifests"]
    ]
    columns = [
        Column("PLATFORM"),
        Column("DIGEST", cut="end"),
        Column("LAYERS", right=True),
        Column("SIZE", right=True),
    ]
    layers = [
        (layer["digest"], layer["mediaType"], size(layer["size"]))
        for manifest in image["manifests"]
        for layer in manifest.get("layers", [])
    ]
    listed = Table(
        [Column("LAYER", cut="end"), Column("TYPE", cut="middle"), Column("SIZE", right=True)],
        list(dict.fromkeys(layers)),
    )
    return "\n\n".join(map(render_table, [heading, Table(columns, rows), listed]))


def _platform(manifest: dict[str, Any]) -> str:
    found = manifest.get("platform")
    if found is None:
        return str(manifest.get("artifactType", ""))
    return "/".join(filter(None, (found.get(key) for key in ("os", "architecture", "variant"))))
