"""Docker archives: what ``docker save`` and ``podman save`` write, and ``docker load`` reads."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import shutil
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
import orjson

from ecr_client.exceptions import ImageSourceException
from ecr_client.images.layout_target import ArchiveTarget, add_file
from ecr_client.images.sources import VerifyingReader, parsed
from ecr_client.oci import Descriptor, Digest, Index, Manifest, media_types
from ecr_client.oci.media_types import OCI_LAYER_ZSTD
from ecr_client.oci.tar_files import TarFiles
from ecr_client.oci.unfinished import full_disks_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_client.images.events import Reporter
    from ecr_client.images.sources import Reader
    from ecr_client.images.trees import Tree

_CHUNK = 1 << 20
_MAX_METADATA = 16 * 1024 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class DockerArchiveSource:
    """An image in a Docker archive, in the old format or in the one that is an OCI layout as well.

    Layers that are not compressed are compressed with level 6 of zlib and without a timestamp, so
    the same archive results in the same digests with the same version of zlib. Others are pushed as
    they are. The configuration has the digests of all contents, which are verified except for zstd.

    Args:
        path: The archive.
        reference: The name of the image, such as ``app:1.0``, or its position in the archive,
            such as ``@0``; ``None`` if it is the only one.
    """

    def __init__(self, path: Path, reference: str | None) -> None:
        self.name: str = f"{path}{f':{reference}' if reference else ''}"
        self._files = TarFiles(path)
        self._reference = reference
        self._folder = tempfile.TemporaryDirectory(prefix="ecr-client-")
        self._places: dict[str, str | Path] = {}
        self._manifest: tuple[Descriptor, bytes] | None = None

    def find_root(self) -> Descriptor:
        if self._manifest is None:
            manifest = self._read_image(self._entry())
            content = manifest.to_bytes()
            self._manifest = Descriptor.of(content, manifest.media_type), content
        return self._manifest[0]

    def read_manifest(self, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
        root = self.find_root()
        assert self._manifest is not None
        if descriptor.digest != root.digest:
            raise ImageSourceException(f"{self.name} has no manifest {descriptor.digest}")
        return self._manifest[1], parsed(self.name, self._manifest[1], root)

    def find_referrers(self, digest: str) -> tuple[Descriptor, ...]:
        return ()

    def check_blob(self, descriptor: Descriptor) -> None:
        pass  # its descriptor was made here

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[Reader]:
        place = self._places[descriptor.digest]
        file = place.open("rb") if isinstance(place, Path) else self._open(place)
        with file:
            yield VerifyingReader(file, descriptor, self.name)

    def close(self) -> None:
        self._folder.cleanup()

    def _entry(self) -> Any:
        """Return the entry of the image in ``manifest.json``."""
        entries = self._json("manifest.json")
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise ImageSourceException(f"{self.name}: manifest.json must be a list of images")
        wanted = self._reference
        if wanted is not None and wanted.startswith("@") and wanted[1:].isdecimal():
            return self._entry_at(entries, int(wanted[1:]))
        found = [
            each for each in entries if wanted is None or wanted in (each.get("RepoTags") or ())
        ]
        if len(found) != 1:
            names = sorted({str(tag) for each in entries for tag in each.get("RepoTags") or ()})
            raise ImageSourceException(
                f"{self.name} has {len(found)} matching images; name one of them, as in"
                f" 'docker-archive:PATH:NAME:TAG'; names: {', '.join(names) or 'none'}"
            )
        return found[0]

    def _entry_at(self, entries: list[Any], position: int) -> Any:
        if position >= len(entries):
            raise ImageSourceException(f"{self.name} has only {len(entries)} images")
        return entries[position]

    def _read_image(self, entry: dict[str, Any]) -> Manifest:
        names = entry.get("Layers")
        config_name = entry.get("Config")
        if (
            not isinstance(names, list)
            or not all(isinstance(name, str) for name in names)
            or not isinstance(config_name, str)
        ):
            raise ImageSourceException(f"{self.name}: manifest.json must name Config and Layers")
        config, content = self._json(config_name), self._bytes(config_name)
        diff_ids = config.get("rootfs", {}).get("diff_ids") if isinstance(config, dict) else None
        if (
            not isinstance(diff_ids, list)
            or not all(isinstance(each, str) for each in diff_ids)
            or len(diff_ids) != len(names)
        ):
            raise ImageSourceException(
                f"{self.name}: {config_name} must have one entry in rootfs.diff_ids for each layer"
            )
        descriptor = Descriptor.of(content, media_types.DOCKER_CONFIG)
        self._places[descriptor.digest] = config_name
        made: dict[str, Descriptor] = {}
        for name, diff_id in zip(names, diff_ids, strict=True):
            if diff_id not in made:
                made[diff_id] = self._layer(name, diff_id)
        layers = tuple(made[diff_id] for diff_id in diff_ids)
        if any(layer.media_type == OCI_LAYER_ZSTD for layer in layers):
            # Tools refuse zstd in the manifest of Docker's own type.
            return Manifest(
                config=attrs.evolve(descriptor, media_type=media_types.OCI_CONFIG),
                layers=tuple(
                    layer
                    if layer.media_type == OCI_LAYER_ZSTD
                    else attrs.evolve(layer, media_type=media_types.OCI_LAYER_GZIP)
                    for layer in layers
                ),
            )
        return Manifest(media_type=media_types.DOCKER_MANIFEST, config=descriptor, layers=layers)

    def _layer(self, name: str, diff_id: str) -> Descriptor:
        with self._open(name) as file:
            start = file.read(4)
            file.seek(0)
            if start.startswith(_GZIP) or start == _ZSTD:
                hasher, size = hashlib.sha256(), 0
                while piece := file.read(_CHUNK):
                    hasher.update(piece)
                    size += len(piece)
                digest = Digest(f"sha256:{hasher.hexdigest()}")
                self._places[digest] = name
                if start != _ZSTD:  # which Python cannot decompress before 3.14
                    file.seek(0)
                    self._verify(file, name, diff_id)
            else:
                path = Path(self._folder.name) / Digest(diff_id).encoded
                digest, size = self._compress(file, path, name, diff_id)
                self._places[digest] = path
        kind = OCI_LAYER_ZSTD if start == _ZSTD else media_types.DOCKER_LAYER_GZIP
        return Descriptor(media_type=kind, digest=digest, size=size)

    def _compress(self, file: BinaryIO, path: Path, name: str, diff_id: str) -> tuple[Digest, int]:
        found, compressed, size = hashlib.sha256(), hashlib.sha256(), 0
        # 31 selects the gzip format, without a timestamp.
        compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
        with full_disks_named(path.parent), path.open("wb") as target:
            while piece := file.read(_CHUNK):
                found.update(piece)
                packed = compressor.compress(piece)
                compressed.update(packed)
                size += target.write(packed)
            packed = compressor.flush()
            compressed.update(packed)
            size += target.write(packed)
        self._compare(found.hexdigest(), name, diff_id)
        return Digest(f"sha256:{compressed.hexdigest()}"), size

    def _verify(self, file: BinaryIO, name: str, diff_id: str) -> None:
        """Refuse a compressed layer that docker could not load after a pull."""
        hasher = hashlib.sha256()
        try:
            with gzip.GzipFile(fileobj=file) as plain:
                while piece := plain.read(_CHUNK):
                    hasher.update(piece)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImageSourceException(
                f"{self.name}: the layer {name} cannot be decompressed: {error}"
            ) from None
        self._compare(hasher.hexdigest(), name, diff_id)

    def _compare(self, found: str, name: str, diff_id: str) -> None:
        if f"sha256:{found}" != diff_id:
            raise ImageSourceException(
                f"{self.name}: the layer {name} is corrupt: the digest of its content is not"
                f" {diff_id}"
            )

    def _json(self, name: str) -> Any:
        try:
            return orjson.loads(self._bytes(name))
        except orjson.JSONDecodeError:
            raise ImageSourceException(f"{self.name}: {name} is not JSON") from None

    def _bytes(self, name: str) -> bytes:
        with self._open(name) as file:
            content = file.read(_MAX_METADATA + 1)
        if len(content) > _MAX_METADATA:
            raise ImageSourceException(f"{self.name}: {name} is longer than {_MAX_METADATA} bytes")
        return content

    def _open(self, name: str) -> BinaryIO:
        try:
            return self._files.open(name)[0]
        except FileNotFoundError as error:
            raise ImageSourceException(str(error)) from None


class DockerArchiveTarget(ArchiveTarget):
    """A Docker archive that an image for one platform is pulled into.

    Args:
        path: The archive, which is replaced if it exists.
        names: What ``docker load`` calls the image, such as ``app:1.0``.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        super().__init__(path)
        self._names = list(names)

    def find_missing(
        self, tree: Tree, tags: Sequence[str], reporter: Reporter
    ) -> Sequence[Descriptor]:
        document = tree.root.document
        if isinstance(document, Index):
            raise ImageSourceException(
                "a Docker archive holds one platform; choose one, as in platforms=['linux/amd64']"
            )
        if any(layer.media_type == OCI_LAYER_ZSTD for layer in document.layers):
            raise _zstd_problem()
        return super().find_missing(tree, tags, reporter)

    def finish(self, tree: Tree, tags: Sequence[str]) -> None:
        document = tree.root.document
        assert isinstance(document, Manifest)  # `find_missing` has refused an index.
        with self.layout.open_blob(document.config) as file:
            config = file.read()
        diff_ids = _diff_ids(config, len(document.layers))
        names = []
        for layer, diff_id in zip(document.layers, diff_ids, strict=True):
            path = self.folder / f"{diff_id.encoded}.tar"
            if path.name not in names:
                with self.layout.open_blob(layer) as file:
                    _decompress(file, path, diff_id)
            names.append(path.name)
        self._write(config, document.config.digest, names)

    def _write(self, config: bytes, digest: Digest, layers: list[str]) -> None:
        config_path = self.folder / f"{digest.encoded}.json"
        config_path.write_bytes(config)
        listing = [{"Config": config_path.name, "RepoTags": self._names, "Layers": layers}]
        manifest_path = self.folder / "manifest.json"
        manifest_path.write_text(json.dumps(listing))
        with self.packed() as archive:
            for name in (*dict.fromkeys(layers), config_path.name, manifest_path.name):
                add_file(archive, self.folder / name, name)
                (self.folder / name).unlink()  # so that it does not take up space twice


def _diff_ids(config: bytes, count: int) -> list[Digest]:
    try:
        found = [Digest(each) for each in orjson.loads(config)["rootfs"]["diff_ids"]]
    except (ValueError, LookupError, TypeError):
        found = []
    if len(found) != count:
        raise ImageSourceException(
            "the image has no configuration for docker load: it may be an artifact"
        )
    return found


def _zstd_problem() -> ImageSourceException:
    return ImageSourceException(
        "a Docker archive cannot hold layers that are compressed with zstd; pull the image to an"
        " OCI layout or archive"
    )


def _decompress(file: BinaryIO, path: Path, diff_id: Digest) -> None:
    """Write the archive that a layer compresses, and verify its digest.

    Raises:
        ImageSourceException: The layer is corrupt, or compressed in a way that docker cannot load.
        OSError: The layer decompresses to more than there is space for (``ENOSPC``).
    """
    # The decompressed layer is written twice, and its size is not known in advance.
    space = shutil.disk_usage(path.parent).free // 2
    start = file.read(4)
    file.seek(0)
    if start == _ZSTD:
        raise _zstd_problem()
    plain: Any = gzip.GzipFile(fileobj=file) if start.startswith(_GZIP) else file
    hasher = diff_id.hasher()
    try:
        with full_disks_named(path.parent), path.open("wb") as target:
            while piece := plain.read(_CHUNK):
                space -= len(piece)
                if space < 0:
                    raise OSError(
                        errno.ENOSPC,
                        f"the layer {diff_id} decompresses to more than there is space for",
                        str(path.parent),
                    )
                hasher.update(piece)
                target.write(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImageSourceException(f"a layer cannot be decompressed: {error}") from None
    if hasher.hexdigest() != diff_id.encoded:
        raise ImageSourceException(
            f"a layer is corrupt: the digest of its content is not {diff_id}"
        )
