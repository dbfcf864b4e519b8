"""Clients in forked and spawned processes share nothing that they must not, and nothing hangs."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials

from ecr_client import ClientConfiguration, Credentials, ECRClient, Region, RetryPolicy, models
from ecr_client._common import forks
from ecr_client.exceptions import ClientShutdownException, RepositoryNotFoundException

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks"),
    # Python 3.12 and newer warn about forks with threads, which these tests are about.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

LONGEST = 60
KEYS = Credentials("AKIDEXAMPLE", "secret")
REQUEST = models.DescribeRepositoriesRequest(repository_names=["missing"])
FORK = multiprocessing.get_context("fork")


class RecordingServer:
    """A server that records the address of each request, and may wait at a gate."""

    def __init__(self, peer: Any, bundle: str | None) -> None:
        self.addresses: list[Any] = []
        self.arrived, self.gates = threading.Event(), list[threading.Event]()
        self.config = ClientConfiguration(verify=bundle)
        self.url = peer(self._respond, tls=bundle).url.rstrip("/")

    def _respond(self, visit: Any) -> None:
        while True:
            body = visit.request().body
            self.addresses.append(visit.address)
            self.arrived.set()
            if self.gates:
                self.gates.pop().wait(LONGEST)
            if b"missing" in body:
                error = b'{"__type": "RepositoryNotFoundException", "message": "none"}'
                visit.respond(error, status=b"400 Bad Request")
            else:
                visit.respond(b'{"registryId": "123456789012"}')

    def client(self, **arguments: Any) -> ECRClient:
        """Return a client of this server."""
        given = {"region": "eu-west-1", "credentials": KEYS, "config": self.config, **arguments}
        return ECRClient(endpoint=self.url, **given)


@pytest.fixture
def recording(request: Any, peer: Any, trusted: str) -> RecordingServer:
    """Return a recording server with TLS, or without if a test says so."""
    return RecordingServer(peer, None if getattr(request, "param", "https") == "http" else trusted)


BOTH = pytest.mark.parametrize("recording", ["http", "https"], indirect=True)


class Child:
    """A forked process that calls a function with a pipe, and reports the outcome."""

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


@BOTH
def test_children_use_connections_of_their_own(recording: RecordingServer) -> None:
    """Children and grandchildren use connections of their own; the parent keeps the one it has."""
    with recording.client() as client:
        client.describe_registry()
        ours = recording.addresses[0]

        def call(_: Any) -> list[Any]:
            return [client.describe_registry().registry_id for _ in range(3)]

        def call_and_fork(pipe: Any) -> Any:
            call(pipe)
            return Child(call).result()

        children = [Child(call), Child(call_and_fork, parent=True)]
        found = [child.result() for child in children]
        theirs = recording.addresses[1:]
        client.describe_registry()

    assert found == [["123456789012"] * 3] * 2
    assert len(theirs) == 9
    assert len(set(theirs)) == 3
    assert ours not in theirs
    assert recording.addresses[-1] == ours


def test_a_fork_during_a_call(recording: RecordingServer) -> None:
    """A fork while a thread of the parent waits for a response disturbs neither process."""
    gate = threading.Event()
    recording.gates.append(gate)
    with recording.client() as client, concurrent.futures.ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.describe_registry)
        assert recording.arrived.wait(LONGEST)
        found = Child(lambda _: client.describe_registry().registry_id).result()
        gate.set()
        response = waiting.result(LONGEST)
        client.describe_registry()

    assert found == response.registry_id == "123456789012"
    first, child, again = recording.addresses
    assert first == again != child


def test_a_shutdown_is_for_one_process(recording: RecordingServer) -> None:
    """A shutdown in a child does not affect its parent, nor the other way round.

    A child that is forked afterwards cannot make calls either.
    """
    client = recording.client()
    client.describe_registry()

    def is_down(_: Any) -> bool:
        try:
            client.describe_registry()
        except ClientShutdownException:
            return True
        return False

    def shut_down(_: Any) -> bool:
        client.shutdown()
        return is_down(_)

    def call_when_told(pipe: Any) -> bool:
        pipe.recv()
        return is_down(pipe)

    child = Child(call_when_told)
    assert Child(shut_down).result() is True
    client.describe_registry()
    first, second = recording.addresses
    client.shutdown()
    child.pipe.send("go on")

    assert first == second
    assert child.result() is False
    assert Child(is_down).result() is True


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

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        threads.submit(hold)
        assert ready.wait(LONGEST)
        try:
            yield
        finally:
            done.set()


def test_no_held_locks(recording: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child works even if another thread held every lock of the package during the fork."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = recording.client(credentials=None).with_options(retry=RetryPolicy(mode="adaptive"))
    made = models.DescribeRegistryRequest()
    client.describe_registry(made)
    transport, lifetime = client._shared.transport, client._shared.lifetime
    adapter = transport._session.get_adapter(recording.url)

    def do_everything(_: Any) -> object:
        metadata = client.get_cached_response_metadata(made)
        client.describe_registry(made)
        client.set_region("us-east-1")
        Region("eu-north-1").is_service_supported("ecr")
        with recording.client(credentials=None) as other:
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

    A child makes its own adapter, and what `logs.py` has is not a lock.
    """
    package = Path(forks.__file__).parents[1]
    subpackages = "_common", "_credentials", "_engine", "_generated", "_methods", "_transport"
    files = [*package.glob("*.py")]
    files += [each for room in subpackages for each in (package / room).rglob("*.py")]
    found = {path.stem for path in files if "threading." in path.read_text()}

    assert found == {*("_lifetime", "adapter", "forks", "logs", "requests_transport", "sources")}
    assert not [path for path in files if "cached_property" in path.read_text().split("# Not")[0]]


def test_credentials_that_were_being_refreshed(recording: RecordingServer) -> None:
    """A child refreshes botocore's credentials even if a thread of its parent was doing so."""

    def fresh() -> dict[str, str]:
        end = datetime.now(timezone.utc) + timedelta(hours=6)
        keys = {"access_key": "A", "secret_key": "s", "token": "t"}
        return {**keys, "expiry_time": end.isoformat()}

    given = RefreshableCredentials.create_from_metadata(
        {**fresh(), "expiry_time": "2020-01-01T00:00:00Z"}, fresh, "test"
    )
    client = recording.client(credentials=given)
    with held(given._refresh_lock):
        child = Child(lambda _: client.describe_registry().registry_id)

        assert child.result() == "123456789012"
    client.shutdown()


@pytest.mark.parametrize(
    ("recording", "method"), [("https", "fork"), ("http", "spawn")], indirect=["recording"]
)
def test_pools_of_processes(recording: RecordingServer, method: str) -> None:
    """Clients and requests reach workers, and results and exceptions come back, unchanged."""
    client = recording.client().with_options(timeout=LONGEST)
    client.describe_registry()
    # Workers are killed at the end, whatever they do.
    with multiprocessing.get_context(method).Pool(2) as workers:
        results = [workers.apply_async(client.describe_registry) for _ in range(4)]
        failed = workers.apply_async(client.describe_repositories, [REQUEST])
        found = [each.get(LONGEST) for each in results]
        with pytest.raises(RepositoryNotFoundException) as caught:
            failed.get(LONGEST)
    client.shutdown()
    error = caught.value

    assert found == [models.DescribeRegistryResult(registry_id="123456789012")] * 4
    assert {each.response_metadata.http_status_code for each in found} == {200}
    assert (error.error_message, error.status_code, error.attempts) == ("none", 400, 1)
    assert recording.addresses[0] not in recording.addresses[1:]
