"""Downloads of layers, and users' own transports, as type checkers see them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from typing_extensions import assert_type

from ecr_client import ECRClient
from ecr_client.downloads import LayerDownload
from ecr_client.exceptions import (
    LayerDownloadException,
    LayerVerificationException,
    TransportException,
)
from ecr_client.testing import ECRStub, assert_image_valid
from ecr_client.transport import (
    ByteStream,
    Deadline,
    HTTPRequest,
    HTTPResponse,
    InMemory,
    StreamingResponse,
    Transport,
)

NAME = "app"
DIGEST = "sha256:0"


def downloads(client: ECRClient, file: BinaryIO) -> None:
    """A download is a context manager with three ways to read."""
    assert_type(client.download_layer(repository_name=NAME, layer_digest=DIGEST), LayerDownload)
    client.download_layer(repository_name=NAME, layer_digest=DIGEST, registry_id=None, start=5)
    with client.download_layer(repository_name=NAME, layer_digest=DIGEST) as layer:
        assert_type(layer, LayerDownload)
        assert_type(layer.iter_bytes(), Iterator[bytes])
        assert_type(layer.iter_bytes(chunk_size=65536), Iterator[bytes])
        assert_type(layer.read(), bytes)
        assert_type(layer.read(100), bytes)
        assert_type(layer.readinto(bytearray(100)), int)
        assert_type(layer.readinto(memoryview(bytearray(100))), int)
        assert_type(layer.digest, str)
        assert_type(layer.size, int | None)
        assert_type(layer.position, int)
        layer.close()
        shutil.copyfileobj(layer, file)
    with client.with_options(timeout=5).download_layer(
        repository_name=NAME, layer_digest=DIGEST
    ) as layer:
        file.writelines(layer.iter_bytes())


def errors(client: ECRClient) -> None:
    """The errors of downloads are transport errors, with the status and the layer."""
    try:
        client.download_layer(repository_name=NAME, layer_digest=DIGEST).read()
    except LayerVerificationException as error:
        assert_type(error.layer_digest, str | None)
    except LayerDownloadException as error:
        assert_type(error.status_code, int | None)
        assert_type(error.retryable, bool)
        transport: TransportException = error
        assert_type(transport.attempts, int)


class Cached(Transport):
    """A user's caching transport."""

    def __init__(self, below: Transport) -> None:
        self.below = below
        self.responses: dict[str, HTTPResponse] = {}

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        """Return a cached response, or the one of the transport below."""
        assert_type(request.method, str)
        assert_type(request.url, str)
        assert_type(request.headers, Mapping[str, str])
        assert_type(request.body, bytes)
        assert_type(request.purpose, str)
        assert_type(deadline.left(), float | None)
        assert_type(deadline.passed, bool)
        found = self.responses.get(request.url)
        if found is None:
            return self.below.send(request, deadline)
        return StreamingResponse(request, found.status, found.headers, InMemory(found.body))

    def close(self) -> None:
        """Close the transport below."""
        self.below.close()


class Simulated(Transport):
    """A fake transport for tests."""

    simulated = True

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        """Return an empty object."""
        return StreamingResponse(request, 200, {"Content-Length": "2"}, Zeros(2))


class Zeros:
    """A body that is generated while it is read."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        """Return the next bytes."""
        size = min(size, self.size)
        self.size -= size
        return bytes(size)

    def close(self) -> None:
        """Do nothing."""


def transports(client: ECRClient) -> None:
    """The transport of a client can be read and replaced."""
    assert_type(client.transport, Transport)
    client.transport = Cached(client.transport)
    client.with_options(timeout=5).transport = Simulated()
    stream: ByteStream = Zeros(5)
    stream = InMemory(b"")
    with StreamingResponse(HTTPRequest("GET", "https://host/", {}), 200, {}, stream) as response:
        assert_type(response.status, int)
        assert_type(response.headers, Mapping[str, str])
        assert_type(response.read1(), bytes)
        assert_type(response.read1(5), bytes)
        assert_type(response.read(1024, Deadline(None)), HTTPResponse)


def tests(client: ECRClient) -> None:
    """Use the helpers for tests."""
    with ECRStub(client) as stub:
        stub.expect_download(b"content")
        stub.expect_download(content=b"content")
    assert_image_valid(client, "app:1.0")
