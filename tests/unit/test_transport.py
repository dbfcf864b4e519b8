"""The transport: timeouts, broken connections, reuse, and who may look at the calls."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import responses
import urllib3

from ecr_client import ClientConfiguration, Credentials, ECRClient, __version__
from ecr_client.exceptions import (
    AmazonClientException,
    ConnectionClosedException,
    ConnectTimeoutException,
    EndpointConnectionException,
    NameResolutionException,
    ReadTimeoutException,
    RepositoryNotFoundException,
    TransportException,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#: Long enough for a slow machine, and never waited for unless something is wrong.
PATIENCE = 20


class Peer:
    """A server whose every connection is handled by a function of the test's."""

    def __init__(self, handle: Callable[[Peer, socket.socket], object]) -> None:
        self.connections = 0
        self.ended = threading.Event()
        self.test_is_over = threading.Event()
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(
                threading.Thread(target=self._serve, args=(connection,), daemon=True)
            )
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            self._handle(self, connection)
        self.ended.set()

    def close(self) -> None:
        self.test_is_over.set()
        # Closing alone would not wake the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Return what starts a server of the test's own."""
    started: list[Peer] = []

    def start(handle: Callable[[Peer, socket.socket], object]) -> Peer:
        started.append(Peer(handle))
        return started[-1]

    yield start
    for each in started:
        each.close()


def read_request(connection: socket.socket) -> bytes:
    """Return a whole request, or what came of it before the end of the connection."""
    received = b""
    while True:
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            return received
        piece = connection.recv(65536)
        if not piece:
            return received
        received += piece


def answering(answer: bytes) -> Callable[[Peer, socket.socket], None]:
    """Return a handler that answers every request of a connection."""

    def handle(_: Peer, connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)

    return handle


def stopping(answer: bytes) -> Callable[[Peer, socket.socket], None]:
    """Return a handler that begins to answer and then neither goes on nor hangs up."""

    def handle(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)
        peer.test_is_over.wait(PATIENCE)

    return handle


def failure(
    url: str, expected: type[AmazonClientException], **config: Any
) -> AmazonClientException:
    """Return the error of a call to a URL, which has to be exactly this one."""
    with (
        ECRClient(
            endpoint=url,
            credentials=Credentials("AKID", SECRET),
            config=ClientConfiguration(**config),
        ) as client,
        pytest.raises(expected) as caught,
    ):
        client.set_repository_policy(repository_name="app", policy_text="private")
    error = caught.value

    assert type(error) is expected
    assert str(error).startswith("SetRepositoryPolicy: ")
    assert isinstance(error.__cause__, (requests.RequestException, urllib3.exceptions.HTTPError))
    assert [secret for secret in (SECRET, "AKID", "private") if secret in str(error)] == []
    return error


# --- timeouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{", id="part of the body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", id="a chunk"
        ),
    ],
)
def test_read_timeout(peer: Callable[..., Peer], answer: bytes) -> None:
    """A server that stops at any point of its response is a read timeout, named by its setting."""
    url = peer(stopping(answer)).url
    error = failure(url, ReadTimeoutException, connect_timeout=PATIENCE, read_timeout=0.05)

    assert isinstance(error, TransportException)
    assert isinstance(error, TimeoutError)
    assert error.retryable
    assert f"{url}/ did not respond within 0.05 s (read_timeout)" in str(error)


def test_connect_timeout(credentials: Credentials) -> None:
    """A connection that is not made in time is a connect timeout, named by its setting."""
    config = ClientConfiguration(connect_timeout=0.25)
    with responses.RequestsMock() as mocked:
        mocked.post("https://ecr.example.org/", body=requests.ConnectTimeout("slow"))
        with (
            ECRClient(endpoint="ecr.example.org", credentials=credentials, config=config) as client,
            pytest.raises(ConnectTimeoutException, match=r"within 0.25 s \(connect_timeout\)") as e,
        ):
            client.describe_repositories()

    assert isinstance(e.value, TimeoutError)
    assert e.value.retryable
    assert isinstance(e.value.__cause__, requests.ConnectTimeout)


def test_tls_handshake_counts_as_connecting(peer: Callable[..., Peer]) -> None:
    """A server that accepts, but never speaks TLS, is a connect timeout: nothing was sent."""
    url = peer(stopping(b"")).url.replace("http:", "https:")
    error = failure(url, ConnectTimeoutException, connect_timeout=0.05, read_timeout=PATIENCE)

    assert "within 0.05 s (connect_timeout)" in str(error)


# --- no connection --------------------------------------------------------------------------------


def test_refused() -> None:
    """A port where nobody listens is named as such, with its URL, and may be retried."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = failure(url, EndpointConnectionException)

    assert f"no connection to {url}/: ConnectionRefusedError" in str(error)
    assert not error.request_sent  # type: ignore[attr-defined]
    assert error.retryable  # type: ignore[attr-defined]
    assert not isinstance(error, TimeoutError)


def test_unresolvable() -> None:
    """A host name that does not exist is an error of its own that names the host."""
    error = failure("http://nowhere.invalid", NameResolutionException, connect_timeout=PATIENCE)

    assert "nowhere.invalid" in str(error)
    assert isinstance(error, ConnectionError)


@pytest.mark.parametrize(
    ("early", "answer"),
    [
        pytest.param(True, b"", id="before the request"),
        pytest.param(False, b"", id="after the request"),
        pytest.param(False, ANSWER[:9], id="in the status line"),
        pytest.param(False, ANSWER[:25], id="in the headers"),
        pytest.param(False, ANSWER[:-1], id="in the body"),
    ],
)
def test_resets(peer: Callable[..., Peer], early: bool, answer: bytes) -> None:
    """A connection that is reset at any time is named as such, and may be retried."""

    def handle(_: Peer, connection: socket.socket) -> None:
        if not early:
            read_request(connection)
            connection.sendall(answer)
        # Without any lingering, closing resets the connection.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    url = peer(handle).url
    try:
        error = failure(url, ConnectionClosedException)
    except EndpointConnectionException as refused:
        error = refused  # the reset was faster than the end of connecting

    assert isinstance(error, ConnectionClosedException) or early
    assert error.retryable  # type: ignore[attr-defined]


# --- connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    ],
    ids=["result", "chunked result", "service error", "no result"],
)
def test_reuse(peer: Callable[..., Peer], credentials: Credentials, answer: bytes) -> None:
    """Calls one after the other go over one connection, also after an error."""
    started = peer(answering(answer))
    with ECRClient(endpoint=started.url, credentials=credentials) as client:
        for _ in range(5):
            try:
                client.describe_repositories()
            except AmazonClientException as error:
                assert not isinstance(error, TransportException)  # noqa: PT017

        assert started.connections == 1


def test_shutdown_while_a_call_is_on_its_way(
    peer: Callable[..., Peer], credentials: Credentials
) -> None:
    """A call that has begun when the client is shut down ends with its response."""
    waiting, go_on = threading.Event(), threading.Event()

    def handle(_: Peer, connection: socket.socket) -> None:
        read_request(connection)
        waiting.set()
        go_on.wait(PATIENCE)
        connection.sendall(ANSWER)
        connection.recv(1)

    started, found = peer(handle), []
    client = ECRClient(endpoint=started.url, credentials=credentials)
    calling = threading.Thread(target=lambda: found.append(client.describe_repositories()))
    calling.start()
    waiting.wait(PATIENCE)
    client.shutdown()
    go_on.set()
    calling.join(PATIENCE)

    assert [result.repositories for result in found] == [()]
    assert started.ended.wait(PATIENCE)


# --- what is sent ---------------------------------------------------------------------------------


def test_headers(server: Any, client: ECRClient) -> None:
    """A call has exactly these headers, and no other is slipped in by a library below."""
    client.describe_repositories()
    headers = server.requests[0].headers

    assert set(headers) == {
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-target",
    }
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == server.url.removeprefix("http://")


def test_netrc_is_not_used(server: Any, client: ECRClient, monkeypatch: Any, tmp_path: Any) -> None:
    """A .netrc file with an entry for the host does not replace the signature."""
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(path))
    client.describe_repositories()

    assert server.requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


@pytest.mark.parametrize(
    ("config", "environment", "app"),
    [
        (None, None, ""),
        ("my-app", None, " app/my-app"),
        (None, "from-env", " app/from-env"),
        ("my-app", "from-env", " app/my-app"),
        (None, "white space/slash", " app/white-space-slash"),
    ],
)
def test_user_agent(
    server: Any,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    config: str | None,
    environment: str | None,
    app: str,
) -> None:
    """The User-Agent has the form of AWS's SDKs, with the application's id at its end."""
    if environment:
        monkeypatch.setenv("AWS_SDK_UA_APP_ID", environment)
    settings = ClientConfiguration(user_agent_appid=config)
    with ECRClient(endpoint=server.url, credentials=credentials, config=settings) as client:
        client.describe_repositories()
    token = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    form = rf"ecr-client/{re.escape(__version__)} ua/2\.1 os/{token}#{token} md/arch#{token} "
    form += rf"lang/python#\d+\.\d+\.\d+\S* md/pyimpl#{token}{re.escape(app)}"

    assert re.fullmatch(form, server.requests[0].headers["user-agent"])


# --- who may look at it ---------------------------------------------------------------------------


def test_responses_sees_the_calls(credentials: Credentials) -> None:
    """The library "responses" answers calls and can check what they sent."""
    body = {"__type": "RepositoryNotFoundException"}
    with responses.RequestsMock() as mocked:
        mocked.post("https://api.ecr.eu-west-1.amazonaws.com/", json={})
        mocked.post("https://api.ecr.eu-west-1.amazonaws.com/", json=body, status=400)
        with ECRClient(region="eu-west-1", credentials=credentials) as client:
            client.describe_repositories(max_results=7)
            with pytest.raises(RepositoryNotFoundException):
                client.describe_repositories()
        request = mocked.calls[0].request

    assert request.body == b'{"maxResults": 7}'
    assert request.headers["X-Amz-Target"].endswith(".DescribeRepositories")


def test_a_wrapped_send_sees_the_calls(
    server: Any, client: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What wraps requests.Session.send, as tracing tools do, sees request and response."""
    seen = []
    original = requests.Session.send

    def send(session: Any, request: Any, **options: Any) -> requests.Response:
        request.headers["x-trace"] = "7"
        response = original(session, request, **options)
        seen.append((request.method, request.url, response.status_code))
        return response

    monkeypatch.setattr(requests.Session, "send", send)
    client.describe_repositories()

    assert seen == [("POST", f"{server.url}/", 200)]
    assert server.requests[0].headers["x-trace"] == "7"
