"""The target of a push: a repository, through the operations of the service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from ecr_client.exceptions import (
    ImageAlreadyExistsException,
    ImageSourceException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
)
from ecr_client.images.arguments import check_flags
from ecr_client.images.events import BlobSkipped
from ecr_client.images.pace import wait_for
from ecr_client.images.sources import ACCEPTED, fill
from ecr_client.images.trees import blobs_of
from ecr_client.models import ImageIdentifier, LayerAvailability

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_client.images.events import Reporter
    from ecr_client.images.mounting import Mounting
    from ecr_client.images.references import Location
    from ecr_client.images.sources import Reader, Source
    from ecr_client.images.trees import Node, Tree
    from ecr_client.oci import Descriptor


class RepositoryTarget:
    """A repository that an image is pushed to.

    Args:
        location: The repository.
        create: Whether to create it if it does not exist.
        mounting: Mounts layers from another repository, without moving bytes.
    """

    def __init__(
        self, location: Location, *, create: bool = False, mounting: Mounting | None = None
    ) -> None:
        check_flags(create=create)
        self._location = location
        self._client = location.client
        self._repository = location.repository
        self._registry_id = location.registry_id
        self._create = create
        self._mounting = mounting
        self._existing: set[str | None] = set()
        self._tagged: set[str | None] = set()

    @property
    def name(self) -> str:
        return str(self._location)

    def find_missing(
        self, tree: Tree, tags: Sequence[str], reporter: Reporter
    ) -> Sequence[Descriptor]:
        try:
            # A stored image is complete: what it refers to cannot be deleted before it.
            self._find_existing(tree, tags)
        except RepositoryNotFoundException as error:
            if not self._create:
                raise with_hint(error, self._location.repository) from None
            self._create_repository()
        nodes = [node for node in tree.all_nodes if node.descriptor.digest not in self._existing]
        blobs = blobs_of(nodes)
        if not blobs:
            return ()
        found = self._client.batch_check_layer_availability_all(
            repository_name=self._repository,
            registry_id=self._registry_id,
            layer_digests=[blob.digest for blob in blobs],
        )
        available = {
            layer.layer_digest
            for layer in found.layers
            if layer.layer_availability == LayerAvailability.AVAILABLE
        }
        return [blob for blob in blobs if blob.digest not in available]

    def write_blob(
        self, blob: Descriptor, source: Source, reporter: Reporter, streams: int
    ) -> None:
        if self._mounting is not None and self._mounting.mount(blob.digest):
            reporter.event(BlobSkipped(digest=blob.digest, size=blob.size))
            return
        _Upload(self._location, blob, reporter).run(source)

    def write_manifest(self, node: Node) -> None:
        if node.descriptor.digest not in self._existing:
            self._put(node, None)

    def finish(self, tree: Tree, tags: Sequence[str]) -> None:
        if not tags:
            self.write_manifest(tree.root)
        for tag in tags:
            if tag not in self._tagged:
                self._put(tree.root, tag)

    def _find_existing(self, tree: Tree, tags: Sequence[str]) -> None:
        digests = [node.descriptor.digest for node in tree.all_nodes]
        found = self._client.batch_get_image_all(
            repository_name=self._repository,
            registry_id=self._registry_id,
            image_ids=[
                *(ImageIdentifier(image_digest=digest) for digest in digests),
                *(ImageIdentifier(image_tag=tag) for tag in tags),
            ],
            accepted_media_types=ACCEPTED,
        )
        for image in found.images:
            self._existing.add(image.image_id.image_digest)
            if image.image_id.image_digest == tree.root.descriptor.digest:
                self._tagged.add(image.image_id.image_tag)

    def _create_repository(self) -> None:
        with suppress(RepositoryAlreadyExistsException):  # created by somebody else meanwhile
            self._client.create_repository(
                repository_name=self._repository, registry_id=self._registry_id
            )

    def _put(self, node: Node, tag: str | None) -> None:
        wait_for(self._client, "PutImage")
        with suppress(ImageAlreadyExistsException):  # the same image with the same tag
            self._client.put_image(
                repository_name=self._repository,
                registry_id=self._registry_id,
                image_manifest=node.content.decode(),
                image_manifest_media_type=node.document.media_type,
                image_digest=node.descriptor.digest,
                image_tag=tag,
            )


class _Upload:
    """One upload of one blob."""

    def __init__(self, location: Location, blob: Descriptor, reporter: Reporter) -> None:
        self._client = location.client
        self._repository = location.repository
        self._registry_id = location.registry_id
        self._blob = blob
        self._reporter = reporter
        self._sent = 0

    def run(self, source: Source) -> None:
        wait_for(self._client, "InitiateLayerUpload")
        upload = self._client.initiate_layer_upload(
            repository_name=self._repository, registry_id=self._registry_id
        )
        part_size = min(upload.part_size, self._blob.size)
        with source.open_blob(self._blob) as reader:
            for part in read_parts(reader, self._blob.size, part_size):
                self._reporter.check()
                self._send(upload.upload_id, part)
        wait_for(self._client, "CompleteLayerUpload")
        try:
            self._client.complete_layer_upload(
                repository_name=self._repository,
                registry_id=self._registry_id,
                upload_id=upload.upload_id,
                layer_digests=[self._blob.digest],
            )
        except LayerAlreadyExistsException:
            pass  # Another push has completed the same layer meanwhile.
        except InvalidLayerException as error:
            raise ImageSourceException(
                f"the registry refused the blob {self._blob.digest}: {error.error_message}"
            ) from error

    def _send(self, upload_id: str, part: memoryview) -> None:
        first = self._sent
        try:
            self._client.upload_layer_part(
                repository_name=self._repository,
                registry_id=self._registry_id,
                upload_id=upload_id,
                part_first_byte=first,
                part_last_byte=first + len(part) - 1,
                layer_part_blob=part,
            )
        except InvalidLayerPartException as error:
            # The service has received the beginning of the part, and expects the rest.
            last = error.last_valid_byte_received
            if last is None or not first <= last < first + len(part) - 1:
                raise
            received = last + 1 - first
            self._advance(received)
            self._send(upload_id, part[received:])
        else:
            self._advance(len(part))

    def _advance(self, count: int) -> None:
        self._sent += count
        self._reporter.moved(self._blob.digest, count)


def read_parts(reader: Reader, size: int, part_size: int) -> Iterator[memoryview]:
    """Yield a blob in parts; each is read and hashed while the one before it is being sent.

    A part is valid until the next one is requested. Two parts are held in memory.
    """
    if size <= part_size:
        yield fill(reader, memoryview(bytearray(size)))
        return
    buffers = [bytearray(part_size), bytearray(part_size)]
    with ThreadPoolExecutor(1, "ecr-client-read") as pool:
        left = size
        ahead = pool.submit(fill, reader, memoryview(buffers[0])[: min(left, part_size)])
        try:
            while left:
                part = ahead.result()
                left -= len(part)
                buffers.reverse()
                if left:
                    view = memoryview(buffers[0])[: min(left, part_size)]
                    ahead = pool.submit(fill, reader, view)
                yield part
        finally:
            ahead.cancel()


def with_hint(error: RepositoryNotFoundException, repository: str) -> RepositoryNotFoundException:
    """Return the error with a remedy in its message."""
    return RepositoryNotFoundException(
        f"{error.error_message}; create it with client.create_repository(repository_name="
        f"'{repository}'), or pass create=True",
        error_code=error.error_code,
        operation_name=error.operation_name,
        response_metadata=error.response_metadata,
    )
