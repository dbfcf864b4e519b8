"""What the cells of the matrix do: a call of each kind, what it needs, and what it leaves."""

from __future__ import annotations

import abc
import hashlib
import json
from typing import Any, ClassVar

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonECRException
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier

NAME = "team/app"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
)
#: More than the buffers of a connection hold, so that sending it takes part in what goes wrong.
PART = bytes(range(256)) * 12_000
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_of(config: bytes) -> str:
    """Return the manifest of an image without layers."""
    described = {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)}
    return json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": described, "layers": []}
    )


class Work(abc.ABC):
    """One call, and the repository that it is about.

    Args:
        ecr: The server, past the proxy.
        direct: A client that nothing goes wrong with.
    """

    #: The operation.
    name: ClassVar[str]
    #: Whether it changes something, which may happen once only.
    changes: ClassVar[bool] = True

    def __init__(self, ecr: LocalECR, direct: ECRClient) -> None:
        self.direct = direct
        self._ecr = ecr
        self.prepare()
        ecr.requests.clear()

    def prepare(self) -> None:
        """Bring the server into the state before the call."""
        self.direct.create_repository(repository_name=NAME)

    @abc.abstractmethod
    def call(self, client: ECRClient) -> Any:
        """Make the call."""

    @abc.abstractmethod
    def is_right(self, result: Any) -> bool:
        """Return whether a result is that of the call."""

    def is_done(self) -> bool:
        """Return whether the server is in the state after the call, as far as that differs."""
        return True

    def times(self) -> int:
        """Return how often the server has done the work."""
        seen = self._ecr.requests
        return sum(each.operation == self.name and each.status == 200 for each in seen)

    def names(self) -> list[str]:
        return [each.repository_name for each in self.direct.describe_repositories().repositories]

    def upload(self) -> str:
        return self.direct.initiate_layer_upload(repository_name=NAME).upload_id

    def send_part(self, client: ECRClient, upload: str, part: bytes) -> Any:
        return client.upload_layer_part(
            repository_name=NAME,
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(part) - 1,
            layer_part_blob=part,
        )

    def complete(self, client: ECRClient, upload: str, content: bytes) -> Any:
        digests = [digest_of(content)]
        return client.complete_layer_upload(
            repository_name=NAME, upload_id=upload, layer_digests=digests
        )

    def put_image(self, client: ECRClient, config: bytes, tag: str) -> Any:
        return client.put_image(
            repository_name=NAME, image_manifest=manifest_of(config), image_tag=tag
        )

    def put_config(self, config: bytes) -> None:
        upload = self.upload()
        self.send_part(self.direct, upload, config)
        self.complete(self.direct, upload, config)

    def tags(self) -> list[str]:
        found = self.direct.list_images(repository_name=NAME).image_ids
        return sorted(each.image_tag for each in found)


class Read(Work):
    name = "DescribeRepositories"
    changes = False

    def call(self, client: ECRClient) -> Any:
        return client.describe_repositories(repository_names=[NAME])

    def is_right(self, result: Any) -> bool:
        return [each.repository_name for each in result.repositories] == [NAME]


class Set(Work):
    name = "SetRepositoryPolicy"
    changes = False  # beyond the value, which a retry sets again

    def call(self, client: ECRClient) -> Any:
        return client.set_repository_policy(repository_name=NAME, policy_text=POLICY)

    def is_right(self, result: Any) -> bool:
        return bool(result.policy_text == POLICY)

    def is_done(self) -> bool:
        try:
            return bool(self.direct.get_repository_policy(repository_name=NAME).policy_text)
        except AmazonECRException:
            return False


class Create(Work):
    name = "CreateRepository"

    def prepare(self) -> None:
        assert self.names() == []

    def call(self, client: ECRClient) -> Any:
        return client.create_repository(repository_name=NAME, image_tag_mutability="IMMUTABLE")

    def is_right(self, result: Any) -> bool:
        found = result.repository
        return (found.repository_name, found.image_tag_mutability) == (NAME, "IMMUTABLE")

    def is_done(self) -> bool:
        return self.names() == [NAME]


class UploadPart(Work):
    name = "UploadLayerPart"

    def prepare(self) -> None:
        super().prepare()
        self._upload = self.upload()

    def call(self, client: ECRClient) -> Any:
        return self.send_part(client, self._upload, PART)

    def is_right(self, result: Any) -> bool:
        return bool(result.last_byte_received == len(PART) - 1)

    def is_done(self) -> bool:
        try:  # The digest is that of the part, no less and no more.
            self.complete(self.direct, self._upload, PART)
        except AmazonECRException:
            return False
        return True


class Complete(Work):
    name = "CompleteLayerUpload"

    def prepare(self) -> None:
        super().prepare()
        self._upload = self.upload()
        self.send_part(self.direct, self._upload, b"layer")

    def call(self, client: ECRClient) -> Any:
        return self.complete(client, self._upload, b"layer")

    def is_right(self, result: Any) -> bool:
        return bool(result.layer_digest == digest_of(b"layer"))

    def is_done(self) -> bool:
        digests = [digest_of(b"layer")]
        (found,) = self.direct.batch_check_layer_availability(
            repository_name=NAME, layer_digests=digests
        ).layers or [None]
        return found is not None and found.layer_availability == "AVAILABLE"


class PutImage(Work):
    name = "PutImage"

    def prepare(self) -> None:
        super().prepare()
        self.put_config(b"{}")

    def call(self, client: ECRClient) -> Any:
        return self.put_image(client, b"{}", "v1")

    def is_right(self, result: Any) -> bool:
        found = result.image.image_id
        digest = digest_of(manifest_of(b"{}").encode())
        return (found.image_tag, found.image_digest) == ("v1", digest)

    def is_done(self) -> bool:
        return self.tags() == ["v1"]


class Delete(Work):
    name = "DeleteRepository"

    def call(self, client: ECRClient) -> Any:
        return client.delete_repository(repository_name=NAME)

    def is_right(self, result: Any) -> bool:
        return bool(result.repository.repository_name == NAME)

    def is_done(self) -> bool:
        return self.names() == []


class BatchDelete(Work):
    name = "BatchDeleteImage"
    changes = False  # beyond the first time; a retry succeeds, and finds nothing to delete

    def prepare(self) -> None:
        super().prepare()
        for config, tag in ((b"{}", "v1"), (b"[]", "v2")):
            self.put_config(config)
            self.put_image(self.direct, config, tag)

    def call(self, client: ECRClient) -> Any:
        ids = [ImageIdentifier(image_tag="v1")]
        return client.batch_delete_image(repository_name=NAME, image_ids=ids)

    def is_right(self, result: Any) -> bool:
        return [each.image_tag for each in result.image_ids] == ["v1"] and not result.failures

    def is_done(self) -> bool:
        found = self.tags()
        assert "v2" in found
        return found == ["v2"]


class BatchRead(BatchDelete):
    name = "BatchGetImage"

    def call(self, client: ECRClient) -> Any:
        ids = [ImageIdentifier(image_tag="v1")]
        return client.batch_get_image(repository_name=NAME, image_ids=ids)

    def is_right(self, result: Any) -> bool:
        return [each.image_manifest for each in result.images] == [manifest_of(b"{}")]

    def is_done(self) -> bool:
        return self.tags() == ["v1", "v2"]


KINDS: dict[str, type[Work]] = {
    each.name: each
    for each in (
        Read, Set, Create, UploadPart, Complete, PutImage, Delete, BatchDelete, BatchRead
    )
}  # fmt: skip


@pytest.fixture
def work(ecr: LocalECR) -> Any:
    """Return a function that prepares a call by the name of its operation."""
    with ecr.client() as direct:
        yield lambda name: KINDS[name](ecr, direct)
