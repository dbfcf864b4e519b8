"""What the cells of the matrix do: a call of each kind, its preparation, and its effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonECRException
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier

NAME = "team/app"
V1 = [ImageIdentifier(image_tag="v1")]
POLICY = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
)
#: More than the buffers of a connection hold, so that sending it can go wrong as well.
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


class Repository:
    """The repository that a call is about.

    Args:
        client: A client that nothing goes wrong with.
    """

    def __init__(self, client: ECRClient) -> None:
        self.client = client
        self.upload = ""

    def create(self) -> None:
        self.client.create_repository(repository_name=NAME)

    def begin(self, part: bytes = b"") -> None:
        """Create the repository, and begin an upload."""
        self.create()
        self._begin(part)

    def _begin(self, part: bytes) -> None:
        self.upload = str(self.client.initiate_layer_upload(repository_name=NAME).upload_id)
        if part:
            self.send(part)

    def send(self, part: bytes, client: ECRClient | None = None) -> Any:
        return (client or self.client).upload_layer_part(
            repository_name=NAME,
            upload_id=self.upload,
            part_first_byte=0,
            part_last_byte=len(part) - 1,
            layer_part_blob=part,
        )

    def complete(self, content: bytes, client: ECRClient | None = None) -> Any:
        return (client or self.client).complete_layer_upload(
            repository_name=NAME, upload_id=self.upload, layer_digests=[digest_of(content)]
        )

    def put(self, config: bytes, tag: str, client: ECRClient | None = None) -> Any:
        return (client or self.client).put_image(
            repository_name=NAME, image_manifest=manifest_of(config), image_tag=tag
        )

    def push(self, *images: tuple[bytes, str | None]) -> None:
        """Create the repository, push configurations, and put images of those that have a tag."""
        self.create()
        for config, tag in images:
            self._begin(config)
            self.complete(config)
            if tag:
                self.put(config, tag)

    def names(self) -> list[str]:
        return [each.repository_name for each in self.client.describe_repositories().repositories]

    def tags(self) -> list[str]:
        return sorted(
            each.image_tag for each in self.client.list_images(repository_name=NAME).image_ids
        )

    def succeeds(self, call: Callable[[], Any]) -> bool:
        try:
            call()
        except AmazonECRException:
            return False
        return True

    def has_layer(self) -> bool:
        found = self.client.batch_check_layer_availability(
            repository_name=NAME, layer_digests=[digest_of(b"layer")]
        )
        return [each.layer_availability for each in found.layers] == ["AVAILABLE"]


@attrs.frozen
class Kind:
    """A kind of call.

    Args:
        call: Makes the call.
        is_right: Returns whether a result is that of the call.
        prepare: Brings the server into the state before the call.
        is_done: Returns whether it is in the state after it, as far as that differs.
        changes: Whether the call changes something, which may happen once only.
    """

    call: Callable[[Repository, ECRClient], Any]
    is_right: Callable[[Any], bool]
    prepare: Callable[[Repository], object] = Repository.create
    is_done: Callable[[Repository], bool] = lambda _: True
    changes: bool = True


KINDS: dict[str, Kind] = {
    "DescribeRepositories": Kind(
        lambda _, client: client.describe_repositories(repository_names=[NAME]),
        lambda result: [each.repository_name for each in result.repositories] == [NAME],
        changes=False,
    ),
    # A retry sets the same value again.
    "SetRepositoryPolicy": Kind(
        lambda _, client: client.set_repository_policy(repository_name=NAME, policy_text=POLICY),
        lambda result: result.policy_text == POLICY,
        is_done=lambda repository: repository.succeeds(
            lambda: repository.client.get_repository_policy(repository_name=NAME)
        ),
        changes=False,
    ),
    "CreateRepository": Kind(
        lambda _, client: client.create_repository(
            repository_name=NAME, image_tag_mutability="IMMUTABLE"
        ),
        lambda result: result.repository.image_tag_mutability == "IMMUTABLE",
        prepare=lambda _: None,
        is_done=lambda repository: repository.names() == [NAME],
    ),
    "UploadLayerPart": Kind(
        lambda repository, client: repository.send(PART, client),
        lambda result: result.last_byte_received == len(PART) - 1,
        prepare=Repository.begin,
        # The upload only completes if it holds exactly the part.
        is_done=lambda repository: repository.succeeds(lambda: repository.complete(PART)),
    ),
    "CompleteLayerUpload": Kind(
        lambda repository, client: repository.complete(b"layer", client),
        lambda result: result.layer_digest == digest_of(b"layer"),
        prepare=lambda repository: repository.begin(b"layer"),
        is_done=Repository.has_layer,
    ),
    "PutImage": Kind(
        lambda repository, client: repository.put(b"{}", "v1", client),
        lambda result: (
            (result.image.image_id.image_tag, result.image.image_id.image_digest)
            == ("v1", digest_of(manifest_of(b"{}").encode()))
        ),
        prepare=lambda repository: repository.push((b"{}", None)),
        is_done=lambda repository: repository.tags() == ["v1"],
    ),
    "DeleteRepository": Kind(
        lambda _, client: client.delete_repository(repository_name=NAME),
        lambda result: result.repository.repository_name == NAME,
        is_done=lambda repository: repository.names() == [],
    ),
    # A retry succeeds, and finds nothing to delete.
    "BatchDeleteImage": Kind(
        lambda _, client: client.batch_delete_image(repository_name=NAME, image_ids=V1),
        lambda result: [each.image_tag for each in result.image_ids] == ["v1"],
        prepare=lambda repository: repository.push((b"{}", "v1"), (b"[]", "v2")),
        is_done=lambda repository: repository.tags() == ["v2"],
        changes=False,
    ),
    "BatchGetImage": Kind(
        lambda _, client: client.batch_get_image(repository_name=NAME, image_ids=V1),
        lambda result: [each.image_manifest for each in result.images] == [manifest_of(b"{}")],
        prepare=lambda repository: repository.push((b"{}", "v1"), (b"[]", "v2")),
        is_done=lambda repository: repository.tags() == ["v1", "v2"],
        changes=False,
    ),
}


class Work:
    """One call of a kind, by the name of its operation.

    Args:
        ecr: The server, past the proxy.
        direct: A client that nothing goes wrong with.
        name: The operation.
    """

    def __init__(self, ecr: LocalECR, direct: ECRClient, name: str) -> None:
        self._ecr, self._name, self._kind = ecr, name, KINDS[name]
        self._repository = Repository(direct)
        self.changes, self.is_right = self._kind.changes, self._kind.is_right
        self._kind.prepare(self._repository)
        ecr.requests.clear()

    def call(self, client: ECRClient | None = None) -> Any:
        """Make the call, by default with a client that nothing goes wrong with."""
        return self._kind.call(self._repository, client or self._repository.client)

    def is_done(self) -> bool:
        """Return whether the server is in the state after the call."""
        return self._kind.is_done(self._repository)

    def times(self) -> int:
        """Return how often the server has done the work."""
        seen = self._ecr.requests
        return sum(each.operation == self._name and each.status == 200 for each in seen)


@pytest.fixture
def work(ecr: LocalECR) -> Iterator[Callable[[str], Work]]:
    """Yield a function that prepares a call by the name of its operation."""
    with ecr.client() as direct:
        yield lambda name: Work(ecr, direct, name)
