"""Sources of images: repositories, and folders and archives in the form of OCI layouts."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import attrs

from ecr_client.exceptions import (
    ImageSourceException,
    PartialFailureException,
    RepositoryNotFoundException,
)
from ecr_client.models import Image, SubjectIdentifier
from ecr_client.oci import (
    Descriptor,
    Digest,
    Index,
    Manifest,
    parse_manifest,
)
from ecr_client.oci.media_types import INDEXES, MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from ecr_client.images.references import Location
    from ecr_client.oci.layout import LayoutReader

#: Without these, the service may convert a manifest to another type.
ACCEPTED = tuple(sorted(MANIFESTS | INDEXES))
#: The annotation with the name of an image in a layout.
REF_NAME = "org.opencontainers.image.ref.name"


class Reader(Protocol):
    """The bytes of a blob. With the last one, size and digest have been verified."""

    def readinto(self, buffer: Buffer, /) -> int:
        """Read the next bytes into a buffer; return how many, 0 at the end.

        Raises:
            ImageSourceException: The blob is corrupt.
            AmazonClientException: The blob could not be downloaded.
        """
        ...


class Source(Protocol):
    """Where an image comes from."""

    @property
    def name(self) -> str:
        """The name of the source in error messages."""
        ...

    def find_root(self) -> Descriptor:
        """Return the descriptor of the image's manifest or index.

        Raises:
            ImageSourceException: The image does not exist.
        """
        ...

    def read_manifest(self, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
        """Return the verified bytes of a manifest, and the parsed manifest.

        Raises:
            ImageSourceException: The manifest is missing, corrupt or malformed.
        """
        ...

    def find_referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is a manifest of this digest."""
        ...

    def check_blob(self, descriptor: Descriptor) -> None:
        """Refuse a blob that is known to be wrong without reading it.

        Raises:
            ImageSourceException: The blob is missing, or its size or digest is wrong.
        """
        ...

    def open_blob(self, descriptor: Descriptor) -> AbstractContextManager[Reader]:
        """Return a context manager with the bytes of a blob, which are read once."""
        ...

    def close(self) -> None:
        """Remove temporary files."""


class RepositorySource:
    """An image in a repository.

    Args:
        location: Where the image is.
    """

    def __init__(self, location: Location) -> None:
        location.require_image()
        self.location = location
        self._found: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        return str(self.location)

    def find_root(self) -> Descriptor:
        image = self._get(self.location)
        content = image.image_manifest.encode()
        media_type = image.image_manifest_media_type
        if media_type is None:
            try:
                media_type = parse_manifest(content).media_type
            except ValueError as error:
                problem = f"{self.name}: the manifest is malformed: {error}"
                raise ImageSourceException(problem) from None
        descriptor = Descriptor.of(content, media_type)
        expected = self.location.digest or (image.image_id and image.image_id.image_digest)
        if expected not in (None, descriptor.digest):
            raise ImageSourceException(
                f"{self.name}: the registry returned the manifest {descriptor.digest}, whose digest"
                f" should be {expected}"
            )
        self._found[descriptor.digest] = content
        return descriptor

    def read_manifest(self, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
        content = self._found.pop(descriptor.digest, None)
        if content is None:
            place = attrs.evolve(self.location, tag=None, digest=descriptor.digest)
            content = self._get(place).image_manifest.encode()
        return content, parsed(self.name, content, descriptor)

    def find_referrers(self, digest: str) -> tuple[Descriptor, ...]:
        pages = self.location.client.paginate_list_image_referrers(
            repository_name=self.location.repository,
            registry_id=self.location.registry_id,
            subject_id=SubjectIdentifier(image_digest=digest),
        )
        return tuple(
            Descriptor(
                media_type=each.media_type,
                digest=Digest(each.digest),
                size=each.size,
                artifact_type=each.artifact_type,
            )
            for each in pages
        )

    def check_blob(self, descriptor: Descriptor) -> None:
        pass

    def open_blob(self, descriptor: Descriptor, start: int = 0) -> AbstractContextManager[Reader]:
        """Return a context manager with the bytes of a blob, from a position on.

        Args:
            descriptor: The blob.
            start: How many bytes to skip; if there are any, only the size is verified.
        """
        return self.location.client.download_layer(
            repository_name=self.location.repository,
            registry_id=self.location.registry_id,
            layer_digest=descriptor.digest,
            start=start,
        )

    def close(self) -> None:
        pass

    def _get(self, place: Location) -> Image:
        try:
            result = place.client.batch_get_image(
                repository_name=place.repository,
                registry_id=place.registry_id,
                image_ids=[place.identifier],
                accepted_media_types=ACCEPTED,
            )
        except RepositoryNotFoundException as error:
            raise ImageSourceException(f"{place}: {error}") from error
        if not result.images:
            reasons = ", ".join(
                f"{each.failure_code}: {each.failure_reason}" for each in result.failures
            )
            raise ImageSourceException(
                f"{place} cannot be read ({reasons or 'not found'};"
                f" Request ID: {result.response_metadata.request_id})"
            ) from PartialFailureException(result.failures, result)
        return result.images[0]


class LayoutSource:
    """An image in an OCI layout.

    Args:
        layout: A folder or an archive.
        reference: The name of the image in it; ``None`` if it is the only one.
    """

    def __init__(self, layout: LayoutReader, reference: str | None = None) -> None:
        self._layout = layout
        self._reference = reference
        self._referrers: dict[str, list[Descriptor]] | None = None

    @property
    def name(self) -> str:
        return f"{self._layout.path}{f':{self._reference}' if self._reference else ''}"

    def find_root(self) -> Descriptor:
        listed = self._index().manifests
        names = [each.annotations.get(REF_NAME) for each in listed]
        wanted = self._reference
        found = [
            each
            for each, name in zip(listed, names, strict=True)
            if wanted is None or wanted in (name, each.digest)
        ]
        if len({each.digest for each in found}) == 1:
            return found[0]
        known = ", ".join(sorted({name for name in names if name})) or "none"
        if not found:
            raise ImageSourceException(f"{self.name}: there is no such image; names: {known}")
        raise ImageSourceException(
            f"{self.name} has {len(found)} images; name one of them, as in 'oci:PATH:NAME';"
            f" names: {known}"
        )

    def read_manifest(self, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
        try:
            return self._layout.read_manifest(descriptor)
        except ValueError as error:
            raise ImageSourceException(str(error)) from None

    def find_referrers(self, digest: str) -> tuple[Descriptor, ...]:
        if self._referrers is None:
            self._referrers = {}
            for each in self._index().manifests:
                subject = self.read_manifest(each)[1].subject
                if subject is not None:
                    self._referrers.setdefault(subject.digest, []).append(each)
        return tuple(self._referrers.get(digest, ()))

    def check_blob(self, descriptor: Descriptor) -> None:
        with self.open_blob(descriptor):
            pass

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[Reader]:
        try:
            file = self._layout.open_blob(descriptor)
        except ValueError as error:
            raise ImageSourceException(str(error)) from None
        with file:
            yield VerifyingReader(file, descriptor, str(self._layout.path))

    def close(self) -> None:
        pass

    def _index(self) -> Index:
        try:
            return self._layout.read_index()
        except ValueError as error:
            raise ImageSourceException(str(error)) from None


class VerifyingReader:
    """A file whose content is verified while it is read.

    Args:
        file: The file, at its beginning.
        descriptor: The descriptor of the expected content.
        where: The name of the source in error messages.
    """

    def __init__(self, file: BinaryIO, descriptor: Descriptor, where: str) -> None:
        self._file = file
        self._descriptor = descriptor
        self._where = where
        self._left = descriptor.size
        try:
            self._hasher: Any = descriptor.digest.hasher()
        except ValueError as error:
            raise ImageSourceException(f"{where}: {error}") from None

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        received: int = self._file.readinto(view)  # type: ignore[attr-defined]
        self._hasher.update(view[:received])
        self._left -= received
        ended = self._left <= 0 or (received == 0 and len(view) > 0)
        if ended and (self._left or self._hasher.hexdigest() != self._descriptor.digest.encoded):
            raise ImageSourceException(
                f"{self._where}: the blob {self._descriptor.digest} is corrupt"
            )
        return received


def fill(reader: Reader, view: memoryview) -> memoryview:
    """Read bytes into the whole of a view, and return it.

    Raises:
        ImageSourceException: The blob ends before the view is full.
    """
    filled = 0
    while filled < len(view):
        received = reader.readinto(view[filled : filled + (1 << 20)])
        if not received:
            raise ImageSourceException(f"a blob ended {len(view) - filled} bytes too early")
        filled += received
    return view


def parsed(name: str, content: bytes, descriptor: Descriptor) -> Manifest | Index:
    """Return the parsed manifest, after comparing its bytes with its descriptor.

    Raises:
        ImageSourceException: The manifest is corrupt or malformed.
    """
    try:
        if len(content) != descriptor.size or not descriptor.digest.verifies(content):
            raise ValueError(f"it has {len(content)} bytes and the digest {Digest.of(content)}")
        return parse_manifest(content, descriptor.media_type)
    except ValueError as error:
        raise ImageSourceException(
            f"{name}: the manifest {descriptor.digest} is corrupt or malformed: {error}"
        ) from None
