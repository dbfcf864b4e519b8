"""A scripted storage, and clients whose presigned URLs lead to it."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.downloads import LayerDownload
from ecr_client.models import GetDownloadUrlForLayerResult

CONTENT = bytes(range(33, 73))
#: Retries take no time.
PATIENT = RetryPolicy(sleep=lambda _: None)


class Response(NamedTuple):
    """What the storage sends, and what it does to the connection afterwards.

    Attributes:
        status: The status code; 0 if the pieces are head and body.
        headers: All headers.
        pieces: The body.
        close: Whether the connection is closed.
        reset: Whether it is closed by a TCP reset.
        stall: Whether nothing more comes until the client has closed the connection.
    """

    status: int
    headers: dict[str, str]
    pieces: Iterable[bytes | memoryview] = ()
    close: bool = False
    reset: bool = False
    stall: bool = False


Step = Callable[[Any], Response]


class Storage:
    """A server of one layer; each request takes the next step of the script, if one is left.

    Attributes:
        content: The layer.
        ranges: Whether requests for a range get one.
        script: The steps for the next requests.
        requests: All requests so far.
        left: Set when a client has closed a connection on which the storage stalls.
        origin: Scheme, host and port.
        url: Where the layer is, without a query.
        digest: The digest that the layer should have.
        secret: What no log, error or event may show.
    """

    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    secret = "secret-signature"

    def __init__(self, peer: Callable[..., Any], *, tls: bool) -> None:
        self.content = CONTENT
        self.ranges = True
        self.script: list[Step] = []
        self.left = threading.Event()
        self._peer = peer(self._handle, tls=tls)
        self.requests: list[Any] = self._peer.requests
        self.origin = self._peer.url.rstrip("/")
        self.url = f"{self.origin}/layers/1"

    @property
    def connections(self) -> int:
        """The number of connections so far."""
        return int(self._peer.connections)

    def _handle(self, visit: Any) -> None:
        while True:
            seen = visit.request()
            response = (self.script.pop(0) if self.script else self.serve)(seen)
            if response.status:
                lines = [f"{name}: {text}" for name, text in response.headers.items()]
                head = "\r\n".join([f"HTTP/1.1 {response.status} Status", *lines])
                visit.send(f"{head}\r\n\r\n".encode("latin-1"))
            for piece in response.pieces:
                visit.send(piece)
            if response.reset:
                visit.reset()
            if response.stall:
                visit.wait_for_the_end()
                self.left.set()
            if response.close or response.stall:
                return

    def serve(self, seen: Any) -> Response:
        """Respond as a real storage does."""
        found = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("range", ""))
        if found is None or not self.ranges:
            return Response(200, {"Content-Length": str(len(self.content))}, [self.content])
        first, size = int(found[1]), len(self.content)
        if first >= size:
            return self.refuse(416)(seen)
        headers = {
            "Content-Length": str(size - first),
            "Content-Range": f"bytes {first}-{size - 1}/{size}",
        }
        return Response(206, headers, [self.content[first:]])

    def cut(self, length: int, *, reset: bool = False) -> Step:
        """Return a step that breaks the connection after some bytes of the body."""

        def step(seen: Any) -> Response:
            whole = self.serve(seen)
            body = b"".join(whole.pieces)[:length]
            return whole._replace(pieces=[body], close=True, reset=reset)

        return step

    def stall(self, length: int) -> Step:
        """Return a step that sends some bytes of the body, and then nothing more."""

        def step(seen: Any) -> Response:
            whole = self.serve(seen)
            return whole._replace(pieces=[b"".join(whole.pieces)[:length]], stall=True)

        return step

    @staticmethod
    def refuse(status: int, headers: dict[str, str] | None = None) -> Step:
        """Return a step that refuses to hand out the layer."""
        body = b"<Error><Code>SomeError</Code></Error>"
        found = {"Content-Length": str(len(body)), **(headers or {})}
        return lambda _: Response(status, found, [body])

    @staticmethod
    def redirect(location: str, status: int = 307) -> Step:
        """Return a step that leads to another URL."""
        return lambda _: Response(status, {"Content-Length": "0", "Location": location})

    @staticmethod
    def send(status: int, headers: Any, *pieces: bytes | memoryview, close: bool = False) -> Step:
        """Return a step that sends the given response; with status 0, no head is sent."""
        return lambda _: Response(status, headers, pieces, close=close or not status)

    def ranges_seen(self) -> list[str | None]:
        """Return the Range header of each request."""
        return [each.headers.get("range") for each in self.requests]


class StorageClient(ECRClient):
    """A client whose service returns URLs of a storage, each with another signature.

    Attributes:
        storage: The storage.
        urls: The URLs that were returned.
    """

    storage: Storage
    urls: list[str]

    def invoke(self, operation: Any, request: Any) -> Any:
        assert operation.name == "GetDownloadUrlForLayer"
        number = len(self.urls) + 1
        self.urls.append(
            f"{self.storage.url}?X-Amz-Signature={self.storage.secret}&number={number}"
        )
        return GetDownloadUrlForLayerResult(download_url=self.urls[-1])

    def layer(self, **arguments: Any) -> LayerDownload:
        """Return a download of the layer of the storage."""
        given = {"repository_name": "app", "layer_digest": self.storage.digest, **arguments}
        return self.download_layer(**given)

    def content(self, **arguments: Any) -> bytes:
        """Return the layer of the storage, or the requested part of it."""
        with self.layer(**arguments) as layer:
            return layer.read()


@pytest.fixture
def storage(request: pytest.FixtureRequest, peer: Callable[..., Any]) -> Storage:
    """Return a storage, with TLS if the test says so."""
    return Storage(peer, tls=getattr(request, "param", "http") == "https")


Make = Callable[..., StorageClient]


@pytest.fixture
def make_client(storage: Storage, trusted: str, credentials: Credentials) -> Iterator[Make]:
    """Yield a function that returns a client of the storage, with settings of its own."""
    clients = []

    def make(**settings: Any) -> StorageClient:
        config = ClientConfiguration(**{"retry": PATIENT, "verify": trusted, **settings})
        client = StorageClient(region="eu-west-1", credentials=credentials, config=config)
        client.storage, client.urls = storage, []
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.shutdown()


@pytest.fixture
def client(make_client: Make) -> StorageClient:
    """Return a client of the storage that does not wait before it retries."""
    return make_client()
