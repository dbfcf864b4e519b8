"""Random images: they are valid, and the same on every machine."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client.oci import Descriptor
from ecr_client.testing import RandomImage, random_image

PLATFORMS = ["linux/amd64", "linux/arm64/v8"]


def members(layer: Path) -> tuple[str, list[tuple[str, int]]]:
    """Return the digest of the archive in a layer, and the names and sizes of its members."""
    data = gzip.decompress(layer.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [(each.name, each.size) for each in archive]
    return f"sha256:{sha256(data).hexdigest()}", found


def content_of(image: RandomImage, descriptor: Descriptor) -> Any:
    """Return a JSON document of a layout after verifying its digest and size."""
    data = image.blob_path(descriptor.digest).read_bytes()
    assert descriptor.digest == f"sha256:{sha256(data).hexdigest()}"
    assert descriptor.size == len(data)
    return json.loads(data)


@pytest.mark.parametrize("platforms", [None, ["linux/amd64"], PLATFORMS])
def test_layouts_are_complete(tmp_path: Path, platforms: list[str] | None) -> None:
    """From ``index.json`` on, each descriptor leads to a blob with its digest and size.

    There are no other blobs, and the returned description agrees with the layout.
    """
    image = random_image(tmp_path, layers=3, platforms=platforms)
    (root,) = json.loads((tmp_path / "index.json").read_text())["manifests"]
    used = {image.digest}
    manifests = [Descriptor.from_json(root)]
    if platforms:
        index = content_of(image, image.root)
        manifests = [Descriptor.from_json(each) for each in index["manifests"]]
        assert root["mediaType"] == index["mediaType"] == "application/vnd.oci.image.index.v1+json"

    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert image.root == Descriptor.from_json(root)
    assert [str(each.platform) for each in manifests if each.platform] == (platforms or [])
    for manifest, found in zip(manifests, image.manifests, strict=True):
        content = content_of(image, manifest)
        config, *layers = map(Descriptor.from_json, [content["config"], *content["layers"]])
        used |= {manifest.digest, config.digest, *(layer.digest for layer in layers)}

        assert attrs.evolve(found.descriptor, platform=manifest.platform) == manifest
        assert (found.config, found.layers) == (config, tuple(layers))
        assert content["mediaType"] == manifest.media_type
    assert {f"sha256:{path.name}" for path in (tmp_path / "blobs" / "sha256").iterdir()} == used
    assert {blob.digest for blob in image.blobs} == used - {
        image.digest,
        *(each.digest for each in manifests),
    }


@pytest.mark.parametrize("size", [0, 3 * 1024 * 1024 + 5])
def test_layers_are_archives(tmp_path: Path, size: int) -> None:
    """A layer is a gzipped tar archive with one file, whose digest is in the configuration."""
    image = random_image(tmp_path, size=size, platforms=["linux/arm64/v8"])
    config = content_of(image, image.manifests[0].config)
    found = [members(image.blob_path(each.digest)) for each in image.manifests[0].layers]

    assert config["rootfs"]["diff_ids"] == [digest for digest, _ in found]
    assert [entries for _, entries in found] == [[("random-0", size)], [("random-1", size)]]
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm64", "v8")


def test_content_is_random(tmp_path: Path) -> None:
    """No two blobs of an image, or of images with different seeds, have the same content."""
    images = [
        random_image(tmp_path / str(seed), seed=seed, layers=4, platforms=PLATFORMS)
        for seed in range(3)
    ]
    digests = [blob.digest for image in images for blob in image.blobs]

    assert len(digests) == 3 * 2 * (4 + 1)
    assert len(set(digests)) == len(digests)


def test_the_same_bytes(tmp_path: Path, contents: Any) -> None:
    """The arguments determine every byte of a layout."""
    first = random_image(tmp_path / "first", seed=3, size=100_000, platforms=PLATFORMS)
    again = random_image(tmp_path / "again", seed=3, size=100_000, platforms=PLATFORMS)

    assert contents(first.path) == contents(again.path)
    assert attrs.evolve(again, path=first.path) == first


@pytest.mark.parametrize(
    ("arguments", "digest"),
    [
        ({}, "sha256:f61e70ae4286d69dbe51594f3cfe82c58048ac162a59e1ed076bdc2182622378"),
        (
            {"seed": 7, "layers": 1, "size": 2_000_000, "platforms": PLATFORMS},
            "sha256:bb41290c4a933bd4bc9402ff8d4a15a0b8980c37b654444a13f9d34d67b4ad6d",
        ),
    ],
)
def test_digests_never_change(tmp_path: Path, arguments: dict[str, Any], digest: str) -> None:
    """Users may rely on the digests, which are the same on every machine and in every release."""
    assert random_image(tmp_path, **arguments).digest == digest


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"size": -1}, "size must be at least 0"),
        ({"platforms": []}, "platforms must be a list of at least one"),
        ({"platforms": "linux/amd64"}, "platforms must be a list of at least one"),
        ({"platforms": ["amd64"]}, r"os/architecture\[/variant\], got 'amd64'"),
        ({"platforms": ["linux/"]}, r"os/architecture\[/variant\], got 'linux/'"),
    ],
)
def test_arguments_are_checked(
    tmp_path: Path, contents: Any, arguments: dict[str, Any], problem: str
) -> None:
    """Invalid arguments are refused before anything is written."""
    with pytest.raises(ValueError, match=problem):
        random_image(tmp_path, **arguments)

    assert contents(tmp_path) == {}


def test_used_folders(tmp_path: Path, contents: Any) -> None:
    """A folder that is not empty is refused, and left alone."""
    (tmp_path / "mine").write_text("text")
    with pytest.raises(FileExistsError, match="must be an empty directory"):
        random_image(tmp_path)

    assert contents(tmp_path) == {"mine": b"text"}
