"""Docker archives: those that docker and podman save, and those that they load."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import ImageSourceException
from ecr_client.images import inspect_image, pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import media_types
from ecr_client.testing import RandomImage, assert_image_valid, random_image

LAYER = b"layer" * 1000
CONFIG = json.dumps(
    {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(LAYER).hexdigest()}"]},
    }
).encode()
LISTING = [{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["1/layer.tar"]}]
FILES = {"config.json": CONFIG, "1/layer.tar": LAYER, "manifest.json": json.dumps(LISTING).encode()}


def write(path: Path, files: dict[str, bytes | tuple[bytes, str]]) -> str:
    """Write an archive of files, and of links given as a type and a target; return its path."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                entry.type, entry.linkname = content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return f"docker-archive:{path}"


@pytest.mark.parametrize(
    "files",
    [
        FILES,
        {**FILES, "1/layer.tar": (tarfile.SYMTYPE, "../2/layer.tar"), "2/layer.tar": LAYER},
        {**FILES, "1/layer.tar": (tarfile.LNKTYPE, "2/layer.tar"), "2/layer.tar": LAYER},
    ],
    ids=["plain", "symbolic link", "hard link"],
)
def test_plain_layers(ecr_client: ECRClient, tmp_path: Path, files: Any) -> None:
    """Uncompressed layers are compressed deterministically."""
    first = push_image(ecr_client, write(tmp_path / "a.tar", files), "team/a:1", create=True)
    again = push_image(ecr_client, write(tmp_path / "b.tar", files), "team/b:1", create=True)
    (layer,) = first.layers
    with ecr_client.download_layer(repository_name="team/a", layer_digest=layer.digest) as found:
        content = found.read()

    assert first.digest == again.digest
    assert gzip.decompress(content) == LAYER
    assert layer.media_type == media_types.DOCKER_LAYER_GZIP
    assert inspect_image(ecr_client, "team/a:1").platforms == ("linux/amd64",)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (gzip.compress(LAYER, mtime=0), media_types.DOCKER_LAYER_GZIP),
        (b"\x28\xb5\x2f\xfd" + LAYER, media_types.OCI_LAYER_ZSTD),
    ],
)
def test_compressed_layers(
    ecr_client: ECRClient, tmp_path: Path, content: bytes, media_type: str
) -> None:
    """Layers that are already compressed are pushed unchanged."""
    place = write(tmp_path / "a.tar", {**FILES, "1/layer.tar": content})
    result = push_image(ecr_client, place, "team/app:1", create=True)
    (layer,) = result.layers

    # Docker's own manifest format does not have zstd, and tools refuse it.
    assert ("docker" in result.media_type) is (media_type == media_types.DOCKER_LAYER_GZIP)
    assert inspect_image(ecr_client, "team/app:1").platforms == ("linux/amd64",)
    assert layer.digest == f"sha256:{sha256(content).hexdigest()}"
    assert layer.media_type == media_type


def test_names(ecr_client: ECRClient, tmp_path: Path) -> None:
    """One of several images in an archive is chosen by its name."""
    listing = [*LISTING, {**LISTING[0], "RepoTags": ["app:2"]}]
    place = write(tmp_path / "a.tar", {**FILES, "manifest.json": json.dumps(listing).encode()})

    by_name = push_image(ecr_client, f"{place}:app:2", "team/app:1", create=True)
    by_position = push_image(ecr_client, f"{place}:@1", "team/app:1")
    assert by_position.digest == by_name.digest
    with pytest.raises(ImageSourceException, match="has only 2 images"):
        push_image(ecr_client, f"{place}:@2", "team/app:1")
    with pytest.raises(ImageSourceException, match=r"2 matching images; .* names: app:1, app:2"):
        push_image(ecr_client, place, "team/app:1")
    with pytest.raises(ImageSourceException, match="has 0 matching images"):
        push_image(ecr_client, f"{place}:app:3", "team/app:1")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "no file manifest.json"),
        ({**FILES, "manifest.json": b"{"}, "manifest.json is not JSON"),
        ({**FILES, "manifest.json": b"{}"}, "must be a list of images"),
        ({**FILES, "manifest.json": b'[{"Layers": []}]'}, "must name Config and Layers"),
        ({**FILES, "config.json": b"{}"}, "must have one entry in rootfs.diff_ids for each layer"),
        (
            {**FILES, "config.json": b'{"rootfs": {"diff_ids": [[]]}}'},
            "must have one entry in rootfs.diff_ids for each layer",
        ),
        ({**FILES, "1/layer.tar": b"other"}, "the layer 1/layer.tar is corrupt"),
        ({**FILES, "1/layer.tar": gzip.compress(b"other")}, "the layer 1/layer.tar is corrupt"),
        ({**FILES, "1/layer.tar": gzip.compress(LAYER)[:-12]}, "layer.tar cannot be decompressed"),
        ({**FILES, "1/layer.tar": (tarfile.SYMTYPE, "/etc/passwd")}, "no file 1/layer.tar"),
        ({**FILES, "1/layer.tar": (tarfile.SYMTYPE, "layer.tar")}, "no file 1/layer.tar"),
        ({**FILES, "1/layer.tar": (tarfile.CHRTYPE, "")}, "no file 1/layer.tar"),
        ({**FILES, "./1/layer.tar": LAYER}, "two files with the name '1/layer.tar'"),
    ],
)
def test_hostile_archives(ecr_client: ECRClient, tmp_path: Path, files: Any, problem: str) -> None:
    """Whatever an archive contains is read without extracting it, or refused by name."""
    place = write(tmp_path / "a.tar", files)
    with pytest.raises(ImageSourceException, match=problem):
        push_image(ecr_client, place, "team/app:1", create=True)


@pytest.mark.parametrize("content", [b"", b"text", gzip.compress(b"text", mtime=0)])
def test_other_files(ecr_client: ECRClient, tmp_path: Path, content: bytes) -> None:
    """A file that is not an archive is refused."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ImageSourceException, match=r"is not a tar archive|no file manifest.json"):
        push_image(ecr_client, path, "team/app:1", create=True)


def test_missing_files(ecr_client: ECRClient, tmp_path: Path) -> None:
    """A file that does not exist is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError, match="there is no image at"):
        push_image(ecr_client, f"oci-archive:{tmp_path / 'none'}", "team/app:1")


def test_round_trips(ecr_client: ECRClient, tmp_path: Path) -> None:
    """A pulled archive has the content of the image, and is always the same."""
    image = random_image(tmp_path / "image", layers=2)
    push_image(ecr_client, image.path, "team/app:1", create=True)
    for name in ("a.tar", "b.tar"):
        pull_image(ecr_client, "team/app:1", f"docker-archive:{tmp_path / name}")
    with tarfile.open(tmp_path / "a.tar") as archive:
        listing = json.load(archive.extractfile("manifest.json") or io.BytesIO())
    back = push_image(ecr_client, tmp_path / "a.tar", "team/back:1", create=True)

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert listing[0]["RepoTags"] == ["team/app:1"]
    assert_image_valid(ecr_client, "team/back:1")
    assert len(back.layers) == 2


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        (
            [(media_types.OCI_LAYER_GZIP, gzip.compress(LAYER, mtime=0)[:-12])],
            "cannot be decompressed",
        ),
        ([(media_types.OCI_LAYER_GZIP, gzip.compress(b"other", mtime=0))], "a layer is corrupt"),
        ([(media_types.OCI_LAYER_ZSTD, b"\x28\xb5\x2f\xfd")], "compressed with zstd"),
        ([], "it may be an artifact"),
    ],
)
def test_unloadable_images(
    ecr_client: ECRClient, tmp_path: Path, layers: Any, problem: str, make_layout: Any
) -> None:
    """An image that a Docker archive cannot hold is refused, and no archive is written."""
    layout = make_layout(tmp_path / "in")
    layout.add(*layers, config=layout.write_blob(media_types.OCI_CONFIG, CONFIG))
    push_image(ecr_client, layout.path, "team/app:1", create=True)
    with pytest.raises(ImageSourceException, match=problem):
        pull_image(ecr_client, "team/app:1", f"docker-archive:{tmp_path / 'out.tar'}")

    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_several_platforms(
    ecr_client: ECRClient, local_ecr: LocalECR, pushed: RandomImage, tmp_path: Path
) -> None:
    """An image for several platforms requires a choice before any layer is pulled."""
    with pytest.raises(ImageSourceException, match=r"as in platforms=\['linux/amd64'\]"):
        pull_image(ecr_client, "team/app:1", f"docker-archive:{tmp_path / 'out.tar'}")

    assert not local_ecr.requests.of("DownloadLayer")


@pytest.mark.slow
def test_skopeo(ecr_client: ECRClient, tmp_path: Path, tool: Any, contents: Any) -> None:
    """Skopeo reads a pulled archive, and one that it writes is pushed with the same layers."""
    image = random_image(tmp_path / "image", layers=2)
    tool("skopeo", "copy", f"oci:{image.path}", f"docker-archive:{tmp_path / 'theirs.tar'}:app:1")
    push_image(ecr_client, tmp_path / "theirs.tar", "team/app:1", create=True)
    pull_image(ecr_client, "team/app:1", f"docker-archive:{tmp_path / 'ours.tar'}")
    for name in ("theirs", "ours"):
        tool("skopeo", "copy", f"docker-archive:{tmp_path / name}.tar", f"oci:{tmp_path / name}:1")

    assert contents(tmp_path / "ours/blobs") == contents(tmp_path / "theirs/blobs")
