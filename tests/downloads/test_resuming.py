"""A download resumes where it was, whatever happens to connections, storages and URLs."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import RetryPolicy
from ecr_client.exceptions import (
    ConnectionClosedException,
    LayerDownloadException,
    ReadTimeoutException,
    TransportException,
)

WHOLE = 40


def test_a_connection_that_breaks_anywhere(client: Any, storage: Any) -> None:
    """If a connection breaks, after whatever byte, a new one requests only the rest."""
    found = []
    for length in range(WHOLE + 1):
        storage.script = [storage.cut(length)]
        storage.requests.clear()
        found.append((client.content() == storage.content, storage.ranges_seen()))

    assert found == [
        (True, [None, None]),
        *((True, [None, f"bytes={length}-"]) for length in range(1, WHOLE)),
        (True, [None]),
    ]
    assert len(client.urls) == WHOLE + 1


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
def test_a_connection_that_is_reset_anywhere(client: Any, storage: Any) -> None:
    """A connection may be reset at any byte, which may destroy bytes that were on their way."""
    for length in range(0, WHOLE, 3):
        storage.script = [storage.cut(length, reset=True)]
        assert client.content() == storage.content


def test_a_head_that_is_truncated_anywhere(client: Any, storage: Any) -> None:
    """A response of which only a part of the head arrives is requested again."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\nContent-Type: text/plain\r\n\r\n"
    for length in range(0, len(head), 3):
        storage.script = [storage.send(0, {}, head[:length])]
        assert client.content() == storage.content


def test_a_connection_that_breaks_at_each_byte(make_client: Any, storage: Any) -> None:
    """Failures with a new byte in between do not add up, and each is retried at once."""
    waits: list[float] = []
    client = make_client(retry=RetryPolicy(max_attempts=2, sleep=waits.append))
    storage.script = [storage.cut(1)] * (WHOLE - 1)

    assert client.content() == storage.content
    assert storage.ranges_seen() == [None, *(f"bytes={at}-" for at in range(1, WHOLE))]
    assert waits == []


def test_failures_without_progress_count(make_client: Any, storage: Any) -> None:
    """The policy limits consecutive failures without a new byte; the error reports all of them.

    After the error, the next read tries again.
    """
    waits: list[float] = []
    policy = RetryPolicy(max_attempts=3, sleep=waits.append, random=lambda: 1.0)
    client = make_client(retry=policy)
    storage.script = [storage.cut(0), storage.cut(5), *[storage.cut(0)] * 2]
    with client.layer() as layer:
        content = layer.read(5)
        with pytest.raises(ConnectionClosedException) as raised:
            layer.read()
        assert storage.ranges_seen() == [None, None, *["bytes=5-"] * 2]
        content += layer.read()

    assert content == storage.content
    assert (raised.value.attempts, len(raised.value.retried_errors)) == (3, 2)
    assert str(raised.value).startswith("DownloadLayer: ")
    assert waits == [2.0]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_storage_that_is_overloaded(make_client: Any, storage: Any, status: int) -> None:
    """Transient statuses are retried by the policy, and the final error reports them."""
    waits: list[float] = []
    policy = RetryPolicy(base_delay=0.25, sleep=waits.append, random=lambda: 1.0)
    client = make_client(retry=policy)
    storage.script = [storage.refuse(status)] * 2
    assert client.content() == storage.content
    assert waits == [0.25, 0.5]
    assert len(client.urls) == 1

    storage.script = [storage.refuse(status)] * 9
    with pytest.raises(LayerDownloadException) as raised:
        client.content()
    error = raised.value
    assert (error.status_code, error.layer_digest, error.attempts) == (status, storage.digest, 3)
    assert [each.status_code for each in error.retried_errors] == [status] * 2
    assert str(error) == (
        f"layer {storage.digest}: the storage responded with status {status} (Attempts: 3)"
    )


@pytest.mark.parametrize("status", [204, 304, 402, 404, 416, 501])
def test_other_statuses_are_not_retried(client: Any, storage: Any, status: int) -> None:
    """A status that would only recur is raised at once."""
    storage.script = [storage.send(status, {}, close=True)]
    with pytest.raises(LayerDownloadException, match=f"with status {status}$") as raised:
        client.content()

    assert raised.value.status_code == status
    assert len(storage.requests) == 1


def test_retries_and_the_quota(make_client: Any, storage: Any) -> None:
    """Downloads use the client's quota: a retry that succeeds releases its cost.

    If a storage keeps failing, retries stop when the quota is spent.
    """
    client = make_client(retry=RetryPolicy(max_attempts=11, sleep=lambda _: None))
    storage.script = [storage.refuse(503), storage.serve] * 110
    assert {client.content() for _ in range(110)} == {storage.content}
    assert len(storage.requests) == 220

    attempts = []
    for _ in range(12):
        storage.script = [storage.refuse(503)] * 11
        with pytest.raises(LayerDownloadException) as raised:
            client.content()
        attempts.append(raised.value.attempts)
    assert attempts == [11] * 10 + [1, 1]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_expired_url_is_replaced(client: Any, storage: Any, status: int) -> None:
    """A URL that is refused is replaced by a fresh one before the first byte, and after some."""
    storage.script = [storage.refuse(status), storage.cut(9), storage.refuse(status)]

    assert client.content() == storage.content
    assert [each.path[-1] for each in storage.requests] == ["1", "2", "2", "3"]
    assert storage.ranges_seen() == [None, None, "bytes=9-", "bytes=9-"]


def test_a_fresh_url_that_is_refused(client: Any, storage: Any) -> None:
    """A fresh URL that is refused as well is an error, which does not show its query."""
    storage.script = [storage.cut(9), *[storage.refuse(403)] * 2]
    with client.layer() as layer:
        layer.read(9)
        with pytest.raises(LayerDownloadException) as raised:
            layer.read()

    assert (raised.value.status_code, raised.value.retryable) == (403, False)
    assert str(raised.value) == (
        f"layer {storage.digest}: the storage responded with status 403 (Attempts: 2)"
    )
    assert len(storage.requests) == 3


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
def test_a_storage_that_falls_silent(make_client: Any, storage: Any) -> None:
    """After `read_timeout` without a byte the connection is dropped, and the rest requested.

    Without retries, silence is a timeout that names the setting.
    """
    client = make_client(read_timeout=0.1)
    storage.script = [storage.stall(20)]
    assert client.content() == storage.content
    assert storage.ranges_seen() == [None, "bytes=20-"]

    client = make_client(read_timeout=0.1, retry=RetryPolicy(max_attempts=1))
    storage.script = [storage.stall(20)]
    storage.left.clear()
    with client.layer() as layer:
        layer.read(20)
        with pytest.raises(ReadTimeoutException, match="read_timeout"):
            layer.read()
    assert storage.left.wait(30)


def test_short_ranges(client: Any, storage: Any) -> None:
    """A storage may send less than the rest; what is missing is requested."""
    headers = {"Content-Length": "10", "Content-Range": "bytes 20-29/40"}
    storage.script = [storage.cut(20), storage.send(206, headers, storage.content[20:30])]

    assert client.content() == storage.content
    assert storage.ranges_seen() == [None, "bytes=20-", "bytes=30-"]


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
def test_a_chunked_body_that_breaks(client: Any, storage: Any) -> None:
    """A chunked body whose end is missing is resumed, although no length was declared."""
    chunk = b"14\r\n" + storage.content[:20] + b"\r\n"
    for length in range(1, len(chunk) + 1):
        storage.script = [
            storage.send(200, {"Transfer-Encoding": "chunked"}, chunk[:length], close=True)
        ]
        assert client.content() == storage.content


def test_a_malformed_body(client: Any, storage: Any) -> None:
    """A response that is not HTTP is requested again."""
    storage.script = [
        storage.send(200, {"Transfer-Encoding": "chunked"}, b"zz\r\n", close=True),
        storage.send(0, {}, b"220 mail.example SMTP\r\n"),
    ]

    assert client.content() == storage.content


def test_nobody_at_the_url(make_client: Any, storage: Any) -> None:
    """An unreachable storage is retried, and then an error that does not show the query."""
    client = make_client(retry=RetryPolicy(max_attempts=2, sleep=lambda _: None))
    storage.url = "http://127.0.0.1:1/layers/1"
    with pytest.raises(TransportException) as raised:
        client.content()

    assert raised.value.attempts == 2
    assert "http://127.0.0.1:1/layers/1?***" in str(raised.value)
