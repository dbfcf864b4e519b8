"""A storage as scripted as a test needs it, and clients whose presigned URLs lead to it."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.downloads import LayerDownload
from ecr_client.models import GetDownloadUrlForLayerResult

CONTENT = bytes(range(33, 73))
#: Retries are not waited for.
PATIENT = RetryPolicy(sleep=lambda _: None)


class Seen(NamedTuple):
    """A request as the storage saw it."""

    path: str
    headers: dict[str, str]

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


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


Step = Callable[[Seen], Response]


class Storage:
    """Serves one layer; each request takes the next step of the script, if one is left.

    Attributes:
        content: The layer.
        ranges: Whether requests for a range get one.
        script: How the next requests are responded to.
        requests: All requests so far.
        connections: How many connections there were.
        left: Is set when a client has closed a connection on which the storage stalls.
        origin: Scheme, host and port.
        url: Where the layer is, without a query.
        digest: The digest that the layer should have.
        secret: What no log, error or event may show.
    """

    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    secret = "secret-signature"

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.content = CONTENT
        self.ranges = True
        self.script: list[Step] = []
        self.requests: list[Seen] = []
        self.connections = 0
        self.left = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Or the body of each response would wait for 40 ms.
            disable_nagle_algorithm = True

            def setup(self) -> None:
                owner.connections += 1
                super().setup()

            def do_GET(self) -> None:
                headers = {name.lower(): text for name, text in self.headers.items()}
                seen = Seen(self.path, headers)
                owner.requests.append(seen)
                step = owner.script.pop(0) if owner.script else owner.serve
                self.close_connection = True  # unless all goes well
                with suppress(OSError):
                    self.respond(step(seen))

            def respond(self, response: Response) -> None:
                if response.status:
                    lines = [f"{name}: {text}" for name, text in response.headers.items()]
                    head = "\r\n".join([f"HTTP/1.1 {response.status} Status", *lines])
                    self.wfile.write(f"{head}\r\n\r\n".encode("latin-1"))
                for piece in response.pieces:
                    self.wfile.write(piece)
                self.close_connection = response.close or response.stall
                if response.reset:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                if response.stall:
                    self.connection.settimeout(30)
                    with suppress(OSError):
                        self.connection.recv(1)
                    owner.left.set()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            # The handshake is made by the thread of the connection.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if tls is None else "https"
        self.origin = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/layers/1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def serve(self, seen: Seen) -> Response:
        """Respond as storages do."""
        found = re.fullmatch(r"bytes=(\d+)-", seen.range or "")
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

        def step(seen: Seen) -> Response:
            whole = self.serve(seen)
            body = b"".join(whole.pieces)[:length]
            return whole._replace(pieces=[body], close=True, reset=reset)

        return step

    def stall(self, length: int) -> Step:
        """Return a step that sends some bytes of the body, and then nothing more."""

        def step(seen: Seen) -> Response:
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
    def send(
        status: int, headers: dict[str, str], *pieces: bytes | memoryview, close: bool = False
    ) -> Step:
        """Return a step that sends what it is told; status 0 stands for no head."""
        return lambda _: Response(status, headers, pieces, close=close or not status)

    def ranges_seen(self) -> list[str | None]:
        """Return the range that each request has asked for."""
        return [each.range for each in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


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
        """Return the layer of the storage, or what of it is asked for."""
        with self.layer(**arguments) as layer:
            return layer.read()


@pytest.fixture(params=["http", "https"])
def storage(request: pytest.FixtureRequest, context: ssl.SSLContext) -> Iterator[Storage]:
    """Yield a storage, once without TLS and once with it."""
    made = Storage(context if request.param == "https" else None)
    yield made
    made.close()


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
