"""Random images: OCI image layouts with valid but meaningless content."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from typing import TYPE_CHECKING

import attrs

from ecr_client.oci import Descriptor, Digest, Index, Layout, Manifest, Platform, media_types

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

#: How many bytes are generated, hashed and written at a time.
PIECE = 1024 * 1024
#: The maximum size of a stored block of gzip in bytes.
STORED = 0xFFFF


@attrs.frozen(kw_only=True)
class RandomManifest:
    """A manifest of a random image.

    Attributes:
        descriptor: The descriptor of the manifest.
        config: The descriptor of its configuration.
        layers: The descriptors of its layers, the lowest first.
    """

    descriptor: Descriptor
    config: Descriptor
    layers: tuple[Descriptor, ...]


@attrs.frozen(kw_only=True)
class RandomImage:
    """An image that `random_image` has written.

    Attributes:
        path: The directory of the layout.
        root: The descriptor in ``index.json``: the manifest, or the index of the manifests.
        manifests: The manifests, one for each platform.
    """

    path: Path
    root: Descriptor
    manifests: tuple[RandomManifest, ...]

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.root.digest

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All layers and configurations, which are uploaded before the manifests."""
        return tuple(blob for each in self.manifests for blob in (*each.layers, each.config))

    def blob_path(self, digest: str) -> Path:
        """Return the path of a blob."""
        return Layout(self.path).blob_path(Digest(digest))


def random_image(
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    layers: int = 2,
    size: int = 1024,
    platforms: Sequence[str] | None = None,
) -> RandomImage:
    """Write an OCI image layout, and return its descriptors.

    The same arguments produce the same bytes on every machine and with every version of Python.

    Args:
        path: The directory to write, which is created if it does not exist, and must be empty.
        seed: Images with different seeds differ.
        layers: The number of layers of each manifest, at least 1.
        size: The number of random bytes in each layer, which is about 2 KiB larger as a gzip file.
        platforms: For example ``["linux/amd64", "linux/arm64/v8"]`` for an index with a manifest
            for each platform. ``None`` creates a single manifest for ``linux/amd64``.

    Raises:
        FileExistsError: The directory is not empty.
        ValueError: An argument is out of range.
    """
    _check(layers, size, platforms)
    wanted = [Platform.parse(each) for each in platforms or ["linux/amd64"]]
    layout = Layout(path)
    if layout.path.exists() and any(layout.path.iterdir()):
        raise FileExistsError(f"path must be an empty directory, got {str(layout.path)!r}")
    layout.create()
    manifests = tuple(
        _write_manifest(layout, f"{seed}/{platform}", layers, size, platform) for platform in wanted
    )
    root = attrs.evolve(manifests[0].descriptor, platform=None)
    if platforms is not None:
        index = Index(manifests=tuple(each.descriptor for each in manifests))
        root = layout.write_blob(index.media_type, index.to_bytes())
    layout.write_index(Index(manifests=(root,)))
    return RandomImage(path=layout.path, root=root, manifests=manifests)


def _check(layers: int, size: int, platforms: Sequence[str] | None) -> None:
    if layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size}")
    if platforms is None:
        return
    if isinstance(platforms, str) or not platforms:
        raise ValueError(f"platforms must be a list of at least one, got {platforms!r}")


def _write_manifest(
    layout: Layout, seed: str, layers: int, size: int, platform: Platform
) -> RandomManifest:
    written = [_write_layer(layout, f"{seed}/{number}", number, size) for number in range(layers)]
    config = {
        "created": "1970-01-01T00:00:00Z",
        **platform.to_json(),
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in written]},
    }
    manifest = Manifest(
        config=layout.write_blob(media_types.OCI_CONFIG, json.dumps(config).encode()),
        layers=tuple(descriptor for descriptor, _ in written),
    )
    descriptor = layout.write_blob(manifest.media_type, manifest.to_bytes())
    return RandomManifest(
        descriptor=attrs.evolve(descriptor, platform=platform),
        config=manifest.config,
        layers=manifest.layers,
    )


def _write_layer(layout: Layout, seed: str, number: int, size: int) -> tuple[Descriptor, str]:
    """Write a layer; return its descriptor and the digest of the uncompressed archive."""
    archive = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for piece in _tar(f"random-{number}", size, _random(seed, size)):
            archive.update(piece)
            yield piece

    descriptor = layout.write_blob(media_types.OCI_LAYER_GZIP, _gzip(hashed()))
    return descriptor, f"sha256:{archive.hexdigest()}"


def _random(seed: str, size: int) -> Iterator[bytes]:
    # Not `random`, whose bytes may change with Python; a hash is random enough.
    for number, start in enumerate(range(0, size, PIECE)):
        yield hashlib.shake_256(f"{seed}/{number}".encode()).digest(min(PIECE, size - start))


def _tar(name: str, size: int, content: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an archive with one file."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    yield entry.tobuf(tarfile.PAX_FORMAT)
    yield from content
    yield bytes(-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a gzip file of stored blocks.

    The output of a compressor depends on the version of zlib, and random bytes do not compress.
    """
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    checksum = total = 0
    for piece in pieces:
        checksum, total = zlib.crc32(piece, checksum), total + len(piece)
        for start in range(0, len(piece), STORED):
            block = piece[start : start + STORED]
            yield b"\x00" + _little(len(block), 2) + _little(len(block) ^ STORED, 2) + block
    yield b"\x01\x00\x00\xff\xff" + _little(checksum, 4) + _little(total % 2**32, 4)


def _little(number: int, length: int) -> bytes:
    return number.to_bytes(length, "little")
