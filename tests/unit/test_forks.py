"""Clients in forked and spawned processes share nothing that they must not, and nothing hangs."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from ecr_client import ClientConfiguration, Credentials, ECRClient, Region, RetryPolicy, models
from ecr_client._common import forks
from ecr_client.exceptions import ClientShutdownException, RepositoryNotFoundException

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks"),
    # Python 3.12 and newer warn of what these tests are about.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

LONGEST = 60
KEYS = Credentials("AKIDEXAMPLE", "secret")
REQUEST = models.DescribeRepositoriesRequest(repository_names=["missing"])
FORK = multiprocessing.get_context("fork")


class Peers:
    """A server that remembers from which address each request came.

    Attributes:
        addresses: One for each request.
        config: What a client needs to call it.
        arrived: Whether a request came.
        gates: What the next requests wait for.
    """

    def __init__(self, config: ClientConfiguration, context: ssl.SSLContext | None = None) -> None:
        self.addresses: list[Any] = []
        self.config = config
        self.arrived, self.gates = threading.Event(), list[threading.Event]()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.addresses.append(self.client_address)
                owner.arrived.set()
                if owner.gates:
                    owner.gates.pop().wait(LONGEST)
                missing = b"missing" in body
                content = b'{"registryId": "123456789012"}'
                if missing:
                    content = b'{"__type": "RepositoryNotFoundException", "message": "none"}'
                self.send_response_only(400 if missing else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://localhost:{self.server.server_port}"
        serve = self.server.serve_forever
        self.thread = threading.Thread(target=serve, args=(0.01,), daemon=True)
        self.thread.start()

    def client(self, **arguments: Any) -> ECRClient:
        """Return a client of this server."""
        given = {"region": "eu-west-1", "credentials": KEYS, "config": self.config, **arguments}
        return ECRClient(endpoint=self.url, **given)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def context_and_bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Return what a server and a client need to speak TLS."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    return context, bundle


@pytest.fixture(params=["http", "https"])
def peers(request: Any, context_and_bundle: tuple[ssl.SSLContext, Path]) -> Iterator[Peers]:
    """Return a server, with and without TLS."""
    context, bundle = context_and_bundle
    tls = request.param == "https"
    running = Peers(ClientConfiguration(verify=bundle if tls else None), context if tls else None)
    yield running
    running.close()


class Child:
    """A forked process that runs a function and tells what came of it.

    Args:
        function: Takes a pipe from the parent.
        parent: Whether it forks itself.
    """

    def __init__(self, function: Callable[[Any], object], *, parent: bool = False) -> None:
        self.pipe, other = FORK.Pipe()

        def run() -> None:
            try:
                other.send(("result", function(other)))
            except BaseException as error:
                other.send(("error", repr(error)))

        self.process = FORK.Process(target=run, daemon=not parent)
        self.process.start()

    def result(self) -> Any:
        """Return what the function returned; a process that hangs is killed."""
        try:
            assert self.pipe.poll(LONGEST), "the process hangs"
            kind, value = self.pipe.recv()
            self.process.join(LONGEST)
            assert (kind, self.process.exitcode) == ("result", 0), value
            return value
        finally:
            self.process.kill()
            self.process.join(LONGEST)


def test_children_use_connections_of_their_own(peers: Peers) -> None:
    """Children call over connections of their own, and the parent goes on with the one it has."""
    with peers.client() as client:
        client.describe_registry()
        ours = peers.addresses[0]
        children = [
            Child(lambda _: [client.describe_registry().registry_id for _ in range(3)])
            for _ in range(3)
        ]
        found = [child.result() for child in children]
        theirs = peers.addresses[1:]
        client.describe_registry()

    assert found == [["123456789012"] * 3] * 3
    assert len(theirs) == 9
    assert len(set(theirs)) == 3
    assert ours not in theirs
    assert peers.addresses[-1] == ours


def test_children_of_children(peers: Peers) -> None:
    """A process that was forked may fork: each generation has its own connection."""
    with peers.client() as client:
        client.describe_registry()

        def call(_: Any) -> object:
            return client.describe_registry().registry_id

        def call_and_fork(_: Any) -> object:
            client.describe_registry()
            return Child(call).result()

        assert Child(call_and_fork, parent=True).result() == "123456789012"

    assert len(set(peers.addresses)) == len(peers.addresses) == 3


def test_a_fork_during_a_call(peers: Peers) -> None:
    """A child that is forked while a thread of its parent waits for a response disturbs neither."""
    gate = threading.Event()
    peers.gates.append(gate)
    with peers.client() as client, concurrent.futures.ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.describe_registry)
        assert peers.arrived.wait(LONGEST)
        found = Child(lambda _: client.describe_registry().registry_id).result()
        gate.set()
        answer = waiting.result(LONGEST)
        client.describe_registry()

    assert found == answer.registry_id == "123456789012"
    first, child, again = peers.addresses
    assert first == again != child


def test_a_shutdown_in_a_child_is_its_own(peers: Peers) -> None:
    """A child that shuts the client down, or exits, closes no connection of its parent."""
    with peers.client() as client:
        client.describe_registry()

        def shut_down(_: Any) -> str:
            client.shutdown()
            try:
                client.describe_registry()
            except ClientShutdownException:
                return "shut down"
            return "not"

        assert Child(shut_down).result() == "shut down"
        client.describe_registry()

    assert len(peers.addresses) == 2
    assert len(set(peers.addresses)) == 1


def test_a_shutdown_of_the_parent_is_its_own(peers: Peers) -> None:
    """A child goes on when its parent has shut the client down; one that comes later cannot."""
    client = peers.client()
    client.describe_registry()

    def call_when_told(pipe: Any) -> object:
        pipe.recv()
        return client.describe_registry().registry_id

    def call(_: Any) -> str:
        with contextlib.suppress(ClientShutdownException):
            client.describe_registry()
            return "called"
        return "shut down"

    child = Child(call_when_told)
    client.shutdown()
    child.pipe.send("go on")

    assert child.result() == "123456789012"
    assert Child(call).result() == "shut down"


@contextlib.contextmanager
def held(*locks: Any) -> Iterator[None]:
    """Let another thread hold locks."""
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            ready.set()
            done.wait(LONGEST)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert ready.wait(LONGEST)
    try:
        yield
    finally:
        done.set()
        thread.join(LONGEST)


def test_no_lock_is_held_in_a_child(peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child can do everything although another thread has held all locks of the package."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = peers.client(credentials=None).with_options(retry=RetryPolicy(mode="adaptive"))
    made = models.DescribeRegistryRequest()
    client.describe_registry(made)
    transport, lifetime = client._shared.transport, client._shared.lifetime
    adapter = transport._session.get_adapter(peers.url)

    def do_everything(_: Any) -> object:
        metadata = client.get_cached_response_metadata(made)
        client.describe_registry(made)
        client.set_region("us-east-1")
        Region("eu-north-1").is_service_supported("ecr")
        with peers.client(credentials=None) as other:
            other.describe_registry()
        lifetime.wait(0)
        client.shutdown()
        return metadata is not None

    locks = [each.held for each in forks._objects if isinstance(each, forks.Lock)]
    others = transport._lock, adapter._lock, adapter.poolmanager.pools.lock
    with held(*others, *locks):
        child = Child(do_everything)

        assert child.result() is True
    assert len(locks) >= 6
    assert client.describe_registry().registry_id == "123456789012"


def test_every_lock_is_renewed() -> None:
    """No module of the client has a lock that a child would find held.

    The adapter is made anew in a child, and what `logs.py` has is not a lock.
    """
    package = Path(forks.__file__).parents[1]
    rooms = "_common", "_credentials", "_engine", "_generated", "_transport"
    files = [
        *package.glob("*.py"),
        *(each for room in rooms for each in (package / room).rglob("*.py")),
    ]
    found = {path.name for path in files if "threading." in path.read_text()}

    assert found == {
        "_lifetime.py",
        "adapter.py",
        "forks.py",
        "logs.py",
        "requests_transport.py",
        "sources.py",
    }
    assert not [path for path in files if "cached_property" in path.read_text().split("# Not")[0]]


def test_credentials_that_were_being_refreshed(peers: Peers) -> None:
    """A child refreshes botocore's credentials although a thread of its parent was at it."""
    from datetime import datetime, timedelta, timezone

    from botocore.credentials import RefreshableCredentials

    def fresh() -> dict[str, str]:
        end = datetime.now(timezone.utc) + timedelta(hours=6)
        keys = {"access_key": "A", "secret_key": "s", "token": "t"}
        return {**keys, "expiry_time": end.isoformat()}

    given = RefreshableCredentials.create_from_metadata(
        {**fresh(), "expiry_time": "2020-01-01T00:00:00Z"}, fresh, "test"
    )
    client = peers.client(credentials=given)
    with held(given._refresh_lock):
        child = Child(lambda _: client.describe_registry().registry_id)

        assert child.result() == "123456789012"
    client.shutdown()


@contextlib.contextmanager
def pool(method: str) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """Return workers that are killed at the end, whatever they do."""
    context = multiprocessing.get_context(method)
    made = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
    try:
        yield made
    finally:
        processes = list((made._processes or {}).values())
        made.shutdown(wait=False, cancel_futures=True)
        for each in processes:
            each.join(LONGEST)
            each.kill()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_of_processes(peers: Peers, method: str) -> None:
    """Clients and requests travel to workers; results and exceptions travel back, as they were."""
    client = peers.client().with_options(timeout=LONGEST)
    client.describe_registry()
    with pool(method) as workers:
        results = [workers.submit(client.describe_registry) for _ in range(4)]
        failed = workers.submit(client.describe_repositories, REQUEST)
        found = [each.result(LONGEST) for each in results]
        error = failed.exception(LONGEST)
    client.shutdown()

    assert found == [models.DescribeRegistryResult(registry_id="123456789012")] * 4
    assert {each.response_metadata.http_status_code for each in found} == {200}
    assert isinstance(error, RepositoryNotFoundException)
    assert (error.error_message, error.status_code, error.attempts) == ("none", 400, 1)
    assert peers.addresses[0] not in peers.addresses[1:]
