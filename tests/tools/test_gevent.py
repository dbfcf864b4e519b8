"""gevent: greenlets share one client, and wait for their responses concurrently."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

COUNT = 20

CLIENT = """
from gevent import monkey, pool, sleep, spawn
monkey.patch_all()
import sys
from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import TotalTimeoutException

keys = Credentials("AKIDEXAMPLE", "secret")
config = ClientConfiguration(total_timeout=eval(sys.argv[2]))
client = ECRClient(
    region="eu-west-1", endpoint=sys.argv[1], credentials=keys, config=config
)
"""

MANY_CALLS = f"""{CLIENT}
def call(number):
    return client.describe_registry().registry_id

with client:
    for _ in range(2):
        print(*pool.Pool({COUNT}).map(call, range({COUNT})))
"""

ONE_TOO_SLOW = f"""{CLIENT}
def call():
    try:
        client.describe_registry()
    except TotalTimeoutException:
        return "timeout"

with client:
    calling = spawn(call)
    turns = 0
    while not calling.dead:
        sleep(0.01)
        turns += 1
    print(calling.get(), turns > 5)
"""


class Delayed:
    """A response that the server delays."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait

    def __iter__(self) -> Iterator[Any]:
        self._wait()
        return iter((200, {}, b'{"registryId": "210987654321"}'))


@pytest.mark.parametrize("total_timeout", [None, 40.0])
def test_concurrent_greenlets(
    run_script: Callable[..., list[str]], server: Any, total_timeout: float | None
) -> None:
    """The server has the requests of all greenlets at once, on new and on idle connections."""
    server._server.socket.listen(COUNT)  # or a busy machine might refuse some of them
    server.responses = [Delayed(threading.Barrier(COUNT, timeout=30).wait)]
    printed = run_script(MANY_CALLS, server.url, repr(total_timeout))

    assert printed == [" ".join(["210987654321"] * COUNT)] * 2
    assert len(server.requests) == 2 * COUNT


def test_total_timeout(run_script: Callable[..., list[str]], server: Any) -> None:
    """``total_timeout`` ends a call without a response, while other greenlets keep running."""
    over = threading.Event()
    server.responses = [Delayed(lambda: over.wait(30))]
    printed = run_script(ONE_TOO_SLOW, server.url, "0.5")
    over.set()

    assert printed == ["timeout True"]
