"""One client is used by many threads at once, from its first call to its last."""

from __future__ import annotations

import concurrent.futures
import gc
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, models
from ecr_client._transport.adapter import Session
from ecr_client.exceptions import ClientShutdownException, RepositoryNotFoundException
from ecr_client.models import Repository
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

THREADS = 32
LONGEST = 60
#: What each repository has in a response besides its name.
SENT = json.loads(encode_result(example(Repository)))
KEYS = Credentials("AKIDEXAMPLE", "secret")


class Server(ThreadingHTTPServer):
    """A server that returns the requested names, unless they begin with "missing"."""

    daemon_threads = True
    request_queue_size = 2 * THREADS


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        requested = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = requested.get("repositoryNames", [])
        status, response = (
            200,
            {"repositories": [{**SENT, "repositoryName": name} for name in names]},
        )
        if names and names[0].startswith("missing"):
            status, response = 400, {"__type": "RepositoryNotFoundException", "message": names[0]}
        content = json.dumps(response).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-amzn-RequestId", "/".join(names))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """Yield the URL of the server."""
    server = Server(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(url: str) -> Iterator[ECRClient]:
    """Yield a client of the server whose metadata cache holds all calls of a test."""
    config = ClientConfiguration(response_metadata_cache_size=10_000, max_pool_connections=THREADS)
    with ECRClient(region="eu-west-1", endpoint=url, credentials=KEYS, config=config) as made:
        yield made


@pytest.fixture(autouse=True)
def _busy() -> Iterator[None]:
    """Let threads take turns as often as they can, so that races show."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(function: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Return the results of a function in many threads that start together."""
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
        for turn in range(5):
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
    """Views can be paginated by a pool of threads, in order, and share their connections."""
    names = [f"r{number}" for number in range(100)]

    def ask(name: str) -> Any:
        view = client.with_options(headers={"x-name": name}, timeout=LONGEST)
        assert view._shared is client._shared
        pages = view.paginate_describe_repositories(repository_names=[name])
        return [each.repository_name for each in pages]

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        found = list(threads.map(ask, names, timeout=LONGEST))

    assert found == [[name] for name in names]


def test_first_calls(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First calls that are made at once share one session and one lookup of credentials."""
    runs, script, config = tmp_path / "runs", tmp_path / "keys.py", tmp_path / "config"
    keys = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "s"}
    script.write_text(f"open({str(runs)!r}, 'a').write('x')\nprint({json.dumps(keys)!r})\n")
    config.write_text(f'[profile p]\ncredential_process = "{sys.executable}" "{script}"\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    gc.collect()
    before = sum(isinstance(each, Session) for each in gc.get_objects())
    client = ECRClient(region="eu-west-1", endpoint=url, profile="p")

    def call(_: int) -> tuple[int, int]:
        client.describe_repositories(repository_names=["r0"])
        return id(client._shared.pipeline), id(client._shared.transport._session)

    found = set(at_once(call))
    sessions = sum(isinstance(each, Session) for each in gc.get_objects())
    client.shutdown()

    assert len(found) == 1
    assert sessions - before == 1
    assert runs.read_text() == "x"


def test_changes_of_the_region(server: Any) -> None:
    """While the region is being changed, every request is signed for the region of its host."""
    config = ClientConfiguration(protocol="http", proxies={"http": server.url})
    regions = ["eu-west-1", "us-east-1", "ap-south-1"]
    done = threading.Event()
    with ECRClient(region=regions[0], credentials=KEYS, config=config) as client:

        def work(number: int) -> None:
            if number == 0:
                for region in regions * 20:
                    client.set_region(region)
                done.set()
            while not done.is_set():
                client.describe_registry()

        at_once(work, 8)
    hosts = [each.path.partition("api.ecr.")[2].partition(".")[0] for each in server.requests]
    signed = [each.headers["authorization"].split("/")[2] for each in server.requests]

    assert hosts == signed
    assert set(hosts) <= set(regions)
    assert hosts


def test_shutdown_during_calls(client: ECRClient) -> None:
    """Calls during a shutdown end with their response or ClientShutdownException."""
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
def test_cold(url: str, share: str) -> None:
    """In a new process, threads can import, make clients and call at once, with one or many."""
    script = COLD.format(threads=16, share=share)
    command = [sys.executable, "-W", "error", "-c", script, url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)

    assert (ran.stdout, ran.stderr) == ("16\n", "")
