"""Uses of downloads and transports that a type checker has to refuse."""

from __future__ import annotations

from ecr_client import AmazonECR, ECRClient
from ecr_client.testing import assert_image_valid
from ecr_client.transport import Deadline, HTTPRequest, HTTPResponse, Transport

NAME = "app"
DIGEST = "sha256:0"


def downloads(client: ECRClient, interface: AmazonECR) -> None:
    """A download takes keyword arguments only, and reads bytes."""
    client.download_layer(NAME, DIGEST)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.download_layer(repository_name=NAME)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.download_layer(repository_name=NAME, layer_digest=DIGEST, start="0")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    layer = client.download_layer(repository_name=NAME, layer_digest=DIGEST)
    layer.size = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    for chunk in layer.iter_bytes():
        chunk.encode()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    assert_image_valid(interface, "app:1.0")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Whole(Transport):
    """A transport that does not return a stream."""

    def send(self, request: HTTPRequest, deadline: Deadline) -> HTTPResponse:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a response."""
        return HTTPResponse(200, {}, b"")


def transports(client: ECRClient) -> None:
    """A client's transport has to be an instance of the class."""
    client.transport = None  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    client.transport = Whole  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
