"""Fixtures for all tests: an isolated environment, a client, and servers on the loopback."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import functools
import inspect
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import typing
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import pytest

from ecr_client import Credentials, ECRClient
from ecr_client._shapes import Structure, type_parts
from ecr_client.oci import Descriptor, Index, Layout, Manifest, media_types

if TYPE_CHECKING:
    import trustme

#: Long enough for a slow machine, and only waited for in full if something is wrong.
PATIENCE = 20

#: Variables that a developer's machine may set and that no test may see.
FOREIGN = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Received(NamedTuple):
    """A request as the server saw it; the names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer:
    """A server that sends scripted responses in order, and repeats the last one.

    A response is (status, headers, body), or bytes to be written to the socket as they are, after
    which the connection is closed.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.responses: list[Any] = [(200, {}, b"{}")]
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Otherwise, the body of each response would be delayed by 40 ms.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): text for name, text in self.headers.items()}
                owner.requests.append(Received(self.command, self.path, headers, body))
                response = (
                    owner.responses.pop(0) if len(owner.responses) > 1 else owner.responses[0]
                )
                if isinstance(response, bytes):
                    self.wfile.write(response)
                    self.close_connection = True
                    return
                status, headers, content = response
                self.send_response_only(status)  # adds no Date and no Server
                for name, text in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Visit:
    """One connection from a client, as the peer sees it.

    Attributes:
        socket: The connection.
        address: The address of the client.
        number: Its number, from 1.
        over: Set when the test is over.
        ended: Set when the client has closed the connection.
    """

    def __init__(self, peer: Peer, connection: socket.socket, number: int) -> None:
        self.socket = connection
        self.address = connection.getpeername()
        self.number = number
        self.over = peer.over
        self.ended = threading.Event()
        self._peer = peer

    def request(self) -> Received:
        """Read a whole request.

        Raises:
            ConnectionError: The client has closed the connection.
        """
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, rest = data.partition(b"\r\n\r\n")
        body = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)
        }
        while len(body) < int(headers.get("content-length", 0)):
            body += self._receive()
        received = Received(method, target, headers, bytes(body))
        self._peer.requests.append(received)
        return received

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, *, before: bytes = b"", every: float = 0.02) -> None:
        """Send ``before``, and then ``data`` again and again until the test is over."""
        self.send(before)
        while not self.over.wait(every):
            self.send(data)

    def reset(self) -> None:
        """End the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def respond(self, body: bytes = b"{}", *lines: bytes, status: bytes = b"200 OK") -> None:
        """Send a response with a Content-Length."""
        head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *lines]
        self.send(b"\r\n".join([*head, b"", body]))

    def wait_for_the_end(self) -> None:
        """Read until the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while True:
                self._receive()

    def _receive(self) -> bytes:
        try:
            received = self.socket.recv(65536)
        except OSError:
            received = b""
        if not received:
            self.ended.set()
            raise ConnectionError("the client is gone")
        return received


def serve(visit: Visit) -> None:
    """Respond to all requests on a connection."""
    while True:
        visit.request()
        visit.respond()


class Peer:
    """A server that handles each connection with a function.

    Args:
        handle: Called with each `Visit`; the connection is closed when it returns.
        context: The context of a server with TLS, or None for plain HTTP.

    Attributes:
        url: Its URL.
        over: Set when the test is over.
        requests: All requests that were read.
        visits: All connections.
    """

    def __init__(
        self, handle: Callable[[Visit], object] = serve, context: ssl.SSLContext | None = None
    ) -> None:
        self.over = threading.Event()
        self.requests: list[Received] = []
        self.visits: list[Visit] = []
        self._handle, self._context = handle, context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}/"
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def connections(self) -> int:
        """The number of connections so far."""
        return len(self.visits)

    def close(self) -> None:
        self.over.set()
        # Closing alone would not wake the threads.
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(connection)
                visit = Visit(self, connection, len(self.visits) + 1)
                self.visits.append(visit)
                thread = threading.Thread(target=self._serve, args=(visit,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, visit: Visit) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                visit.start_tls(self._context)
            self._handle(visit)
        visit.socket.close()


#: A digest, for members that must be one, and long enough for every other string member.
TEXT = "sha256:" + "a" * 128


def _value_of(annotation: Any) -> Any:
    """Return a small value of a type."""
    kind = type_parts(annotation)[0]
    if typing.get_origin(kind) is collections.abc.Sequence:
        return [_value_of(typing.get_args(kind)[0])]
    if isinstance(kind, type) and issubclass(kind, Structure):
        return _structure_of(kind)
    moment = datetime(2026, 1, 2, tzinfo=timezone.utc)
    return {int: 0, bytes: b"x", bool: True, datetime: moment, float: 0.5}.get(kind, TEXT)


def _structure_of(cls: type[Any], /, **members: Any) -> Any:
    needed = {
        field.name: _value_of(field.type)
        for field in attrs.fields(cls)
        if field.default is attrs.NOTHING and field.name not in members
    }
    return cls(**needed, **members)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    """Keep the settings, proxies and credentials of the machine out of every test."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper().endswith("_PROXY") or name in FOREIGN:
            monkeypatch.delenv(name)
    nothing = tmp_path_factory.getbasetemp() / "nothing"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nothing / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nothing / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # No retries by default, so that failures show as they are; tests of retries ask for them.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def credentials() -> Credentials:
    """Return credentials that are obviously not real."""
    return Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Yield a server that sends scripted responses and records the requests."""
    running = ScriptedServer()
    yield running
    running.close()


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of all driven clients, which runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="driven", daemon=True).start()
    return loop


class DrivenClient:
    """An `AsyncECRClient` behind the methods of `ECRClient`, for tests that both must pass."""

    def __init__(self, **arguments: Any) -> None:
        from ecr_client import AsyncECRClient

        self.driven = AsyncECRClient(**arguments)

    def __getattr__(self, name: str) -> Any:
        return _blocking(getattr(self.driven, name))

    def with_options(self, **options: Any) -> DrivenClient:
        view = object.__new__(DrivenClient)
        view.driven = self.driven.with_options(**options)
        return view

    def download_layer(self, **members: Any) -> Any:
        return DrivenDownload(self.driven.download_layer(**members))

    def close(self) -> None:
        _run(self.driven.aclose())

    def __enter__(self) -> DrivenClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DrivenDownload:
    """An `AsyncLayerDownload` with the methods of `LayerDownload`."""

    def __init__(self, driven: Any) -> None:
        self.driven = driven

    def __getattr__(self, name: str) -> Any:
        return _blocking(getattr(self.driven, name))

    def __enter__(self) -> DrivenDownload:
        _run(self.driven.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        _run(self.driven.aclose())


def _run(coroutine: Any) -> Any:
    """Run a coroutine on the loop and return its result, or None if called from that loop."""
    task = asyncio.run_coroutine_threadsafe(_caught(coroutine), _loop())
    if threading.current_thread().name == "driven":
        return None
    result, error = task.result(120)
    if error is not None:
        raise error
    return result


async def _caught(coroutine: Any) -> tuple[Any, BaseException | None]:
    """Return the result or the exception of a coroutine; an interrupt would end the loop."""
    try:
        return await coroutine, None
    except BaseException as error:
        return None, error


def _blocking(found: Any) -> Any:
    """Return a blocking method in place of an asynchronous one, and anything else unchanged."""
    if inspect.iscoroutinefunction(found):
        return lambda *args, **members: _run(found(*args, **members))
    if inspect.ismethod(found):
        return lambda *args, **members: _iterable(found(*args, **members))
    return found


def _iterable(found: Any) -> Any:
    if not hasattr(found, "__aiter__"):
        return found
    iterator = found.__aiter__()
    return iter(lambda: _run(_next(iterator)), None)


async def _next(iterator: Any) -> Any:
    return await anext(iterator, None)


@pytest.fixture(params=["blocking", "asynchronous"])
def client_class(request: pytest.FixtureRequest) -> Any:
    """Return the class of each client in turn; both have the methods of the blocking one."""
    if request.param == "blocking":
        return ECRClient
    # It is missing where the blocking client is tested with its oldest dependencies.
    pytest.importorskip("aiohttp")
    return DrivenClient


@pytest.fixture
def client(server: ScriptedServer, credentials: Credentials) -> Iterator[ECRClient]:
    """Yield a client of the scripted server."""
    with ECRClient(region="eu-west-1", endpoint=server.url, credentials=credentials) as made:
        yield made


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Yield the address of one moto server for the whole run; tests may reset its state."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def moto_client(moto_url: str, credentials: Credentials) -> Iterator[ECRClient]:
    """Yield a client of a moto server without any state."""
    import requests

    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    with ECRClient(region="us-east-1", endpoint=moto_url, credentials=credentials) as made:
        yield made


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return a certificate authority that is trusted only where it is configured."""
    import trustme

    return trustme.CA()


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA, tmp_path_factory: Any) -> str:
    """Return the path of a CA bundle with that authority."""
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="session")
def context(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server with a certificate for 127.0.0.1."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


@pytest.fixture
def peer(context: ssl.SSLContext) -> Iterator[Callable[..., Peer]]:
    """Yield a function that starts a server, with TLS if ``tls`` is true."""
    started: list[Peer] = []

    def start(handle: Callable[[Visit], object] = serve, *, tls: Any = False) -> Peer:
        own = tls if isinstance(tls, ssl.SSLContext) else context
        started.append(Peer(handle, own if tls else None))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def made() -> Callable[..., Any]:
    """Return a function that instantiates a class, with placeholders for required members."""
    return _structure_of


class MadeLayout(Layout):
    """A layout that a test writes; its directory is created if it is missing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.create()

    @property
    def only(self) -> Any:
        """The manifest or the index of the only image."""
        (root,) = self.read_index().manifests
        return self.read_manifest(root)[1]

    def add(self, *blobs: tuple[str, bytes], name: str | None = None, **members: Any) -> Descriptor:
        """Add an artifact whose layers are some blobs, and return its descriptor."""
        members.setdefault("config", self.write_blob(media_types.OCI_EMPTY, b"{}"))
        layers = tuple(self.write_blob(kind, content) for kind, content in blobs)
        written = self.write(Manifest(layers=layers, **members))
        named = {"org.opencontainers.image.ref.name": name} if name else {}
        listed = (*self.read_index().manifests, attrs.evolve(written, annotations=named))
        self.write_index(Index(manifests=listed))
        return written

    def write(self, document: Manifest | Index, content: bytes | None = None) -> Descriptor:
        """Write a manifest or an index, or ``content`` in its place, without listing it."""
        return self.write_blob(document.media_type, content or document.to_bytes())

    def replace(self, document: Manifest | Index, content: bytes | None = None) -> Descriptor:
        """Make a manifest or an index the only image, and return its descriptor."""
        written = self.write(document, content)
        self.write_index(Index(manifests=(written,)))
        return written


@pytest.fixture(scope="session")
def make_layout() -> type[MadeLayout]:
    """Return the class of layouts that tests write."""
    return MadeLayout


@pytest.fixture(scope="session")
def tags() -> Callable[..., dict[str, str | None]]:
    """Return a function that returns the digests of a repository by their tags."""

    def find(client: ECRClient, repository: str = "team/app") -> dict[str, str | None]:
        listed = client.paginate_list_images(repository_name=repository)
        return {each.image_tag: each.image_digest for each in listed if each.image_tag}

    return find


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that returns the files below a folder, hidden ones too, by their paths."""

    def find(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    return find


@pytest.fixture(scope="session")
def python_path() -> str:
    """Return the ``PYTHONPATH`` for processes in other directories.

    It does not add the repository, whose ecr_client would shadow an installed one.
    """
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return os.pathsep.join(map(os.path.abspath, paths))


@pytest.fixture
def tool() -> Callable[..., str]:
    """Return a function that runs a tool and returns its output, or skips if it is missing."""

    def run(name: str, *words: object, **options: Any) -> str:
        if shutil.which(name) is None:
            pytest.skip(f"install {name}: apt-get install {name}")
        command = [name, *map(str, words)]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, **options
        ).stdout.strip()

    return run
