"""Malicious images: each is refused with an error before anything is uploaded."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections import namedtuple
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import ImageSourceException
from ecr_client.images import pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Descriptor, Digest, Index, media_types

MIB = 1024 * 1024
EMPTY = Digest.of(b"")
LINUX = {"architecture": "amd64", "os": "linux"}


def changed_layer(layout: Any, **members: Any) -> None:
    """Change the descriptor of the layer in the manifest."""
    layer = attrs.evolve(layout.only.layers[0], **members)
    layout.replace(attrs.evolve(layout.only, layers=(layer,)))


def long_manifest(layout: Any) -> None:
    """Make the manifest one character longer than the service accepts."""
    layout.replace(layout.only, layout.only.to_bytes().ljust(4 * MIB + 1))


def listing_itself(layout: Any) -> None:
    """Write an index that seems to list itself, which no real digest allows."""
    digest = Digest("sha256:" + "0" * 64)
    index = Index(
        manifests=(Descriptor(media_type=media_types.OCI_INDEX, digest=digest, size=300),)
    )
    layout.blob_path(digest).write_bytes(index.to_bytes().ljust(300))
    layout.write_index(index)


def nested(layout: Any) -> None:
    """Nest the image in ten indexes."""
    for _ in range(10):
        layout.replace(Index(manifests=layout.read_index().manifests))


def many_manifests(layout: Any) -> None:
    """List more manifests than any image has."""
    manifests = [
        layout.write(attrs.evolve(layout.only, annotations={"number": str(number)}))
        for number in range(1001)
    ]
    layout.replace(Index(manifests=tuple(manifests)))


def two_sizes(layout: Any) -> None:
    """List two manifests that disagree on the size of a layer."""
    (root,) = layout.read_index().manifests
    changed_layer(layout, size=8)
    layout.replace(Index(manifests=(root, *layout.read_index().manifests)))


def unknown_algorithm(layout: Any) -> None:
    """Give the layer a digest that cannot be verified."""
    digest = Digest("md5:" + "0" * 32)
    layout.blob_path(digest).parent.mkdir()
    layout.blob_path(digest).write_bytes(b"content")
    changed_layer(layout, digest=digest)


HARM: dict[str, tuple[Callable[[Any], None], str]] = {
    "an index that lists itself": (listing_itself, "is corrupt"),
    "ten indexes": (nested, "more than 8 deep"),
    "1001 manifests": (many_manifests, "more than 1000 manifests"),
    "a manifest of 4 MiB and a byte": (long_manifest, "1 to 4,194,304 characters, got 4,194,305"),
    "a layer that is larger": (lambda layout: changed_layer(layout, size=6), "7 bytes instead of"),
    "a layer that is smaller": (lambda layout: changed_layer(layout, size=8), "7 bytes instead of"),
    "a layer of 8 EiB": (lambda layout: changed_layer(layout, size=2**63 - 1), "7 bytes instead"),
    "two sizes of one layer": (two_sizes, "different sizes of"),
    "an empty layer": (lambda layout: changed_layer(layout, size=0, digest=EMPTY), "is empty"),
    "an unknown algorithm": (unknown_algorithm, "sha256 or sha512"),
    "a missing layer": (
        lambda layout: changed_layer(layout, digest=Digest.of(b"missing")),
        "has no blob",
    ),
}


@pytest.mark.parametrize(("harm", "problem"), HARM.values(), ids=HARM)
def test_layouts(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    tmp_path: Path,
    make_layout: Any,
    harm: Callable[[Any], None],
    problem: str,
) -> None:
    """A layout that cannot be an image is refused with the reason, and nothing is sent."""
    layout = make_layout(tmp_path)
    layout.add(("text/plain", b"content"))
    harm(layout)
    with pytest.raises(ImageSourceException, match=problem):
        push_image(ecr_client, tmp_path, "team/app:1", create=True)

    assert not {"UploadLayerPart", "PutImage"} & set(local_ecr.requests.operations())


@pytest.mark.parametrize(
    "name", ["../escaped", "/escaped", "blobs/../../escaped", "./blobs//sha256/../../../escaped"]
)
@pytest.mark.parametrize(
    "kind", [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]
)
def test_names_in_archives(
    ecr_client: ECRClient, tmp_path: Path, make_layout: Any, name: str, kind: bytes
) -> None:
    """Entries of an archive are never extracted, whatever their names and types."""
    make_layout(tmp_path / "in" / "layout").add(("text/plain", b"content"))
    archive_path = tmp_path / "in" / "image.tar"
    with tarfile.open(archive_path, "w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry, io.BytesIO())
        archive.add(tmp_path / "in" / "layout", ".")
    before = sorted(tmp_path.rglob("*"))
    push_image(ecr_client, archive_path, "team/app:1", create=True)

    assert sorted(tmp_path.rglob("*")) == before


def test_bombs(
    ecr_client: ECRClient, tmp_path: Path, make_layout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer that decompresses to more than the free disk space ends the pull without a file."""
    plain = bytes(20 * MIB)
    layout = make_layout(tmp_path / "in")
    diff_ids = [f"sha256:{sha256(plain).hexdigest()}"]
    config = json.dumps({**LINUX, "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    layer = (media_types.OCI_LAYER_GZIP, gzip.compress(plain))
    layout.add(layer, config=layout.write_blob(media_types.OCI_CONFIG, config))
    push_image(ecr_client, layout.path, "team/app:1", create=True)
    usage = namedtuple("usage", "total used free")(40 * MIB, 10 * MIB, 30 * MIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="decompresses to more than there is space for"):
        pull_image(ecr_client, "team/app:1", f"docker-archive:{tmp_path / 'out' / 'image.tar'}")

    assert not (tmp_path / "out").exists()
