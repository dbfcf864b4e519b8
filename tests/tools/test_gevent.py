"""gevent: greenlets share one client, and wait for their responses at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

COUNT = 20

MANY_CALLS = """
from gevent import monkey, pool
monkey.patch_all()
import sys
from ecr_client import ClientConfiguration, Credentials, ECRClient

def call(number):
    return client.describe_registry().registry_id

keys = Credentials("AKIDEXAMPLE", "secret")
config = ClientConfiguration(total_timeout=eval(sys.argv[2]))
with ECRClient(
    region="eu-west-1", endpoint=sys.argv[1], credentials=keys, config=config
) as client:
    for _ in range(2):
        print(*pool.Pool(20).map(call, range(20)))
"""

ONE_TOO_SLOW = """
from gevent import monkey, sleep, spawn
monkey.patch_all()
import sys
from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import TotalTimeoutException

def call():
    try:
        client.describe_registry()
    except TotalTimeoutException:
        return "timeout"

keys = Credentials("AKIDEXAMPLE", "secret")
config = ClientConfiguration(total_timeout=0.5)
with ECRClient(
    region="eu-west-1", endpoint=sys.argv[1], credentials=keys, config=config
) as client:
    calling = spawn(call)
    turns = 0
    while not calling.dead:
        sleep(0.01)
        turns += 1
    print(calling.get(), turns > 5)
"""


class Together:
    """A response that the server writes when so many requests wait for it."""

    def __init__(self, count: int) -> None:
        self._barrier = threading.Barrier(count, timeout=30)

    def __iter__(self) -> Iterator[Any]:
        self._barrier.wait()
        return iter((200, {}, b'{"registryId": "210987654321"}'))


class Held:
    """A response that the server writes when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self.go.wait(30)
        return iter((200, {}, b"{}"))


@pytest.mark.parametrize("total_timeout", [None, 40.0])
def test_greenlets_call_at_the_same_time(
    run_script: Callable[..., list[str]], server: Any, total_timeout: float | None
) -> None:
    """The requests of all greenlets are at the server at once, by new connections and idle ones."""
    server._server.socket.listen(COUNT)  # or a busy machine would refuse some of them
    server.answers = [Together(COUNT)]
    printed = run_script(MANY_CALLS, server.url, repr(total_timeout))

    assert printed == [" ".join(["210987654321"] * COUNT)] * 2
    assert len(server.requests) == 2 * COUNT


def test_a_greenlet_runs_out_of_time(run_script: Callable[..., list[str]], server: Any) -> None:
    """``total_timeout`` ends a call without a response, while other greenlets go on."""
    held = Held()
    server.answers = [held]
    printed = run_script(ONE_TOO_SLOW, server.url)
    held.go.set()

    assert printed == ["timeout True"]
