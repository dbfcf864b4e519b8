"""``ecr usage``: how many bytes repositories and images take."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecr_client.cli.options import Command, Options, repository_members
from ecr_client.cli.tables import Column, Table, number, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecr_client import ECRClient
    from ecr_client.models import ImageDetail
    from ecr_client.oci import Index, Manifest

    #: The sizes of blobs by their digests.
    Blobs = dict[str, int]

#: How many repositories are read at the same time.
_WORKERS = 8


@click.command("usage", cls=Command)
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY]...")
@click.option("--svg", type=click.Path(path_type=Path), help="Draw a treemap in this SVG file.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw a treemap in this PNG file.")
@click.pass_obj
def command(
    options: Options, repositories: Sequence[str], svg: Path | None, png: Path | None
) -> None:
    """Show how many bytes repositories and images take.

    Without arguments it lists the repositories, otherwise the images in those that you name. A
    layer that several images share is counted once. Only manifests are downloaded.
    """
    document = _measure_all(options, repositories)
    if svg is not None or png is not None:
        from ecr_client.cli import treemap

        boxes = treemap.lay_out(document)
        if svg is not None:
            svg.write_text(treemap.to_svg(boxes), encoding="utf-8")
        if png is not None:
            treemap.write_png(boxes, png)
    options.show(document, lambda: _images(document) if repositories else _repositories(document))


def _measure_all(options: Options, repositories: Sequence[str]) -> dict[str, Any]:
    everywhere: Blobs = {}
    found = []
    if repositories:
        for text in repositories:
            with options.find(text) as (client, reference):
                found.append(_measure(client, everywhere, **repository_members(reference)))
    else:
        with options.client() as client, ThreadPoolExecutor(_WORKERS, "ecr-usage") as pool:
            names = [each.repository_name for each in client.paginate_describe_repositories()]
            futures = [
                pool.submit(_measure, client, everywhere, repository_name=name) for name in names
            ]
            try:
                found = [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    found.sort(key=lambda each: -each["sizeInBytes"])
    return {
        "sizeInBytes": sum(each["sizeInBytes"] for each in found),
        "distinctSizeInBytes": sum(everywhere.values()),
        "repositories": found,
    }


def _measure(
    client: ECRClient, everywhere: Blobs, repository_name: str, registry_id: str | None = None
) -> dict[str, Any]:
    """Return the usage of a repository, and add its blobs to those of all repositories."""
    images = list(
        client.paginate_describe_images(repository_name=repository_name, registry_id=registry_id)
    )
    documents = _read(client, repository_name, registry_id, images)
    listed = {
        each.digest
        for document in documents.values()
        for each in getattr(document, "manifests", ())
    }
    # The images of an index are part of it, unless they have tags of their own.
    blobs = {
        image: _blobs(image, documents)
        for image in images
        if image.image_tags or image.image_digest not in listed
    }
    uses = Counter(digest for each in blobs.values() for digest in each)
    together = {digest: count for each in blobs.values() for digest, count in each.items()}
    everywhere.update(together)
    return {
        "repositoryName": repository_name,
        "sizeInBytes": sum(together.values()),
        "images": sorted(
            (
                {
                    "imageDigest": image.image_digest,
                    "imageTags": list(image.image_tags),
                    "sizeInBytes": sum(found.values()),
                    "unsharedSizeInBytes": sum(
                        count for digest, count in found.items() if uses[digest] == 1
                    ),
                }
                for image, found in blobs.items()
            ),
            key=lambda each: -each["sizeInBytes"],
        ),
    }


def _read(
    client: ECRClient, repository: str, registry_id: str | None, images: Iterable[ImageDetail]
) -> Mapping[str, Manifest | Index]:
    """Return the manifests of images by their digests, without those that cannot be read."""
    from ecr_client.models import ImageIdentifier
    from ecr_client.oci import media_types, parse_manifest

    wanted = [ImageIdentifier(image_digest=image.image_digest) for image in images]
    if not wanted:
        return {}
    result = client.batch_get_image_all(
        repository_name=repository,
        registry_id=registry_id,
        image_ids=wanted,
        accepted_media_types=sorted(media_types.MANIFESTS | media_types.INDEXES),
    )
    found = {}
    for image in result.images:
        try:
            document = parse_manifest(image.image_manifest, image.image_manifest_media_type)
        except ValueError:
            continue
        found[image.image_id.image_digest or ""] = document
    return found


def _blobs(image: ImageDetail, documents: Mapping[str, Manifest | Index]) -> Blobs:
    """Return the blobs of an image and of the images that it lists."""
    found: Blobs = {}
    waiting, seen = [image.image_digest], set[str]()
    while waiting:
        digest = waiting.pop()
        document = documents.get(digest)
        if document is None or digest in seen:
            continue
        seen.add(digest)
        waiting += [each.digest for each in getattr(document, "manifests", ())]
        found |= {each.digest: each.size for each in getattr(document, "blobs", ())}
    # For a manifest that could not be read, the size that the service reports.
    return found or {image.image_digest: image.image_size_in_bytes or 0}


def _repositories(document: dict[str, Any]) -> Table:
    repositories = document["repositories"]
    total, distinct = document["sizeInBytes"], document["distinctSizeInBytes"]
    footer = f"{number(len(repositories), 'repository')}, {size(total)}"
    if distinct != total:
        footer += f"; {size(distinct)} counting layers shared by repositories once"
    return Table(
        [
            Column("REPOSITORY", cut="middle"),
            Column("IMAGES", right=True),
            Column("SIZE", right=True),
            Column("SHARE", right=True),
        ],
        [
            (
                each["repositoryName"],
                str(len(each["images"])),
                size(each["sizeInBytes"]),
                f"{each['sizeInBytes'] / total:.1%}" if total else "",
            )
            for each in repositories
        ],
        footer=footer,
    )


def _images(document: dict[str, Any]) -> Table:
    total, distinct = document["sizeInBytes"], document["distinctSizeInBytes"]
    footer = f"{size(total)} counting shared layers once"
    if distinct != total:
        footer += f" in each repository; {size(distinct)} counting them once overall"
    return Table(
        [
            Column("REPOSITORY", cut="middle"),
            Column("TAGS", cut="end"),
            Column("DIGEST", cut="end"),
            Column("SIZE", right=True),
            Column("NOT SHARED", right=True),
        ],
        [
            (
                each["repositoryName"],
                ", ".join(image["imageTags"]),
                image["imageDigest"],
                size(image["sizeInBytes"]),
                size(image["unsharedSizeInBytes"]),
            )
            for each in document["repositories"]
            for image in each["images"]
        ],
        footer=footer,
    )
