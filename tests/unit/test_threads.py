"""One client is used by many threads at once, from its first call to its last."""

from __future__ import annotations

import concurrent.futures
import gc
import itertools
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks, RetryPolicy, models
from ecr_client._transport.adapter import Session
from ecr_client.exceptions import ClientShutdownException, RepositoryNotFoundException
from ecr_client.models import Repository
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

THREADS = 64
LONGEST = 60
#: What each repository has in a response besides its name.
SENT = json.loads(encode_result(example(Repository)))
KEYS = Credentials("AKIDEXAMPLE", "secret")


class Server(ThreadingHTTPServer):
    """Answers with the names that it is asked for, unless they begin with "missing" or "busy"."""

    daemon_threads = True
    request_queue_size = 2 * THREADS


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = asked.get("repositoryNames", [])
        status, answer = 200, {"repositories": [{**SENT, "repositoryName": name} for name in names]}
        if names and names[0].startswith("missing"):
            status, answer = 400, {"__type": "RepositoryNotFoundException", "message": names[0]}
        if names and names[0].startswith("busy"):
            status, answer = 503, {}
        content = json.dumps(answer).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-amzn-RequestId", "/".join(names))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def urls() -> Iterator[list[str]]:
    """Return the addresses of two servers."""
    servers = [Server(("127.0.0.1", 0), Echo) for _ in range(2)]
    threads = [threading.Thread(target=each.serve_forever, args=(0.01,)) for each in servers]
    for thread in threads:
        thread.start()
    yield [f"http://127.0.0.1:{each.server_port}" for each in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def client(urls: list[str]) -> Iterator[ECRClient]:
    """Return a client of the first server that remembers all calls of a test."""
    config = ClientConfiguration(response_metadata_cache_size=10_000, max_pool_connections=THREADS)
    with ECRClient(region="eu-west-1", endpoint=urls[0], credentials=KEYS, config=config) as made:
        yield made


@pytest.fixture(autouse=True)
def _busy() -> Iterator[None]:
    """Let threads take turns as often as they can, so that what may go wrong does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(function: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Return what a function gives in many threads that begin together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(LONGEST)
        return function(number)

    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        return [each.result(LONGEST) for each in [threads.submit(run, n) for n in range(count)]]


def test_results_belong_to_their_requests(client: ECRClient) -> None:
    """Each thread gets the results, errors and metadata of its own requests."""

    def call(number: int) -> list[str]:
        wrong = []
        for turn in range(10):
            name = f"r{number}-{turn}"
            request = models.DescribeRepositoriesRequest(repository_names=[name])
            result = client.describe_repositories(request)
            remembered = client.get_cached_response_metadata(request)
            found = [each.repository_name for each in result.repositories]
            ids = {result.response_metadata.request_id, remembered and remembered.request_id}
            with pytest.raises(RepositoryNotFoundException) as raised:
                client.describe_repositories(repository_names=[f"missing-{name}"])
            if (found, ids) != ([name], {name}) or raised.value.request_id != f"missing-{name}":
                wrong.append(name)
        return wrong

    assert at_once(call) == [[]] * THREADS


def test_executors(client: ECRClient) -> None:
    """Calls, pages and views are mapped over a pool of threads in their order."""
    names = [f"r{number}" for number in range(200)]

    def ask(name: str) -> Any:
        view = client.with_options(timeout=LONGEST)
        return [
            each.repository_name
            for each in view.paginate_describe_repositories(repository_names=[name])
        ]

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        found = list(threads.map(ask, names, timeout=LONGEST))

    assert found == [[name] for name in names]


def test_first_calls(urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First calls that come at once share one session and one look-up of credentials."""
    runs, script, config = tmp_path / "runs", tmp_path / "keys.py", tmp_path / "config"
    keys = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "s"}
    script.write_text(f"open({str(runs)!r}, 'a').write('x')\nprint({json.dumps(keys)!r})\n")
    config.write_text(f'[profile p]\ncredential_process = "{sys.executable}" "{script}"\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    gc.collect()
    before = sum(isinstance(each, Session) for each in gc.get_objects())
    client = ECRClient(region="eu-west-1", endpoint=urls[0], profile="p")

    def call(_: int) -> tuple[int, int]:
        client.describe_repositories(repository_names=["r0"])
        return id(client._shared.pipeline), id(client._shared.transport._session)

    found = set(at_once(call))
    sessions = sum(isinstance(each, Session) for each in gc.get_objects())
    client.shutdown()

    assert len(found) == 1
    assert sessions - before == 1
    assert runs.read_text() == "x"


def test_changes_of_the_endpoint(client: ECRClient, urls: list[str]) -> None:
    """While the endpoint changes, every call goes to one that was set, and succeeds."""
    done = threading.Event()
    endpoints = set()

    def call(number: int) -> int:
        if number == 0:
            for url in [*urls * 100, urls[1]]:
                client.set_endpoint(url)
            done.set()
            return 1
        calls = 0
        while not done.is_set() or calls == 0:
            name = f"r{number}-{calls}"
            result = client.describe_repositories(repository_names=[name])
            assert [each.repository_name for each in result.repositories] == [name]
            endpoints.add(client.endpoint)
            calls += 1
        return calls

    counts = at_once(call, 8)

    assert all(counts)
    assert endpoints <= set(urls)
    assert client.endpoint == urls[1]


def test_changes_of_the_region(server: Any) -> None:
    """While the region changes, every request is signed for the region of its host."""
    config = ClientConfiguration(protocol="http", proxies={"http": server.url})
    regions = ["eu-west-1", "us-east-1", "ap-south-1"]
    done = threading.Event()
    with ECRClient(region=regions[0], credentials=KEYS, config=config) as client:

        def call(number: int) -> int:
            if number == 0:
                for region in regions * 30:
                    client.set_region(region)
                done.set()
                return 1
            calls = 0
            while not done.is_set() or calls == 0:
                client.describe_registry()
                calls += 1
            return calls

        counts = at_once(call, 6)
    pairs = {
        (
            re.search(r"api\.ecr\.([a-z0-9-]+)\.", each.path)[1],  # type: ignore[index]
            each.headers["authorization"].split("/")[2],
        )
        for each in server.requests
    }

    assert all(counts)
    assert pairs <= {(region, region) for region in regions}


def test_shutdown_during_calls(client: ECRClient) -> None:
    """Calls that a shutdown meets end with their answer or with its exception, and no other."""
    begun = threading.Semaphore(0)

    def call(number: int) -> int:
        if number == 0:
            for _ in range(THREADS):
                assert begun.acquire(timeout=LONGEST)
            client.shutdown()
            return 1
        for turn in itertools.count():
            begun.release()
            try:
                client.describe_repositories(repository_names=[f"r{turn}"])
            except ClientShutdownException:
                return 1
        raise AssertionError

    assert at_once(call, 16) == [1] * 16
    with pytest.raises(ClientShutdownException):
        client.describe_registry()


def test_a_shutdown_ends_all_waiting(urls: list[str]) -> None:
    """Calls that wait for their next attempt end at once when the client is shut down."""
    waiting = threading.Semaphore(0)
    config = ClientConfiguration(
        retry=RetryPolicy(base_delay=1000, max_delay=1000, random=lambda: 1.0),
        hooks=Hooks(retry=lambda _: waiting.release()),
    )
    client = ECRClient(region="eu-west-1", endpoint=urls[0], credentials=KEYS, config=config)

    def call(number: int) -> str:
        if number == 0:
            for _ in range(15):
                assert waiting.acquire(timeout=LONGEST)
            client.shutdown()
            return "shut down"
        with pytest.raises(ClientShutdownException) as raised:
            client.describe_repositories(repository_names=["busy"])
        return "shut down" if raised.value.__cause__ is not None else "no cause"

    assert at_once(call, 16) == ["shut down"] * 16


COLD = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
sys.setswitchinterval(1e-6)
barrier = threading.Barrier({threads})
REGIONS = ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-east-1"]

def build(number):
    import ecr_client
    barrier.wait(60)
    region = REGIONS[number % 4]
    client = ecr_client.ECRClient(
        region=region, credentials=ecr_client.Credentials("AKIDEXAMPLE", "secret")
    )
    assert client.region == region and region in client.endpoint
    assert ecr_client.Region(region).is_service_supported("ecr")
    client.set_endpoint(sys.argv[1])
    return client, number

def call(pair):
    client, number = pair
    barrier.wait(60)
    name = f"r{{number}}"
    result = client.describe_repositories(repository_names=[name])
    assert [each.repository_name for each in result.repositories] == [name]
    try:
        client.describe_repositories(repository_names=["missing"])
    except Exception as error:
        assert type(error).__name__ == "RepositoryNotFoundException", error
    return client.region

with ThreadPoolExecutor({threads}) as threads:
    clients = list(threads.map(build, range({threads})))
    {share}
    print(len(list(threads.map(call, clients))))
"""


@pytest.mark.parametrize("share", ["", "clients = [(clients[0][0], n) for _, n in clients]"])
def test_cold(urls: list[str], share: str) -> None:
    """In a fresh process, many threads may import, build and call at once; one client or many."""
    script = COLD.format(threads=32, share=share)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, urls[0]],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )

    assert (ran.stdout, ran.stderr) == ("32\n", "")


def test_views_in_many_threads(client: ECRClient) -> None:
    """Views that are made and used at once share connections and do not disturb each other."""

    def call(number: int) -> Any:
        view = client.with_options(headers={"x-number": str(number)}, timeout=LONGEST)
        result = view.describe_repositories(repository_names=[f"r{number}"])
        assert view._shared is client._shared
        return result.repositories[0].repository_name

    assert at_once(call) == [f"r{number}" for number in range(THREADS)]
