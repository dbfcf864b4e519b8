"""The proxy passes on what comes, counts it, and closes what it should."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR

# --- passing on -----------------------------------------------------------------------------------


def test_bytes_pass_unchanged(proxy: Any, sent: bytes, ecr: LocalECR, speak: Any) -> None:
    """Without a fault, a connection answers one request after the other, and both are counted."""
    speaker = speak()
    answers = [speaker.send().answer() for _ in range(2)]

    assert answers == proxy.answers
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 400 "] * 2
    assert (proxy.connections, proxy.open, proxy.attempts) == (1, 1, 2)
    assert proxy.requests == [sent] * 2
    assert ecr.requests.operations() == ["DescribeRegistry"] * 2


def test_much_passes(client: ECRClient, proxy: Any) -> None:
    """Signatures hold behind the proxy, and megabytes pass through it both ways."""
    layer = bytes(range(256)) * 20_000
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    name = client.create_repository(repository_name="app").repository.repository_name
    upload = client.initiate_layer_upload(repository_name=name).upload_id
    client.upload_layer_part(
        repository_name=name,
        upload_id=upload,
        part_first_byte=0,
        part_last_byte=len(layer) - 1,
        layer_part_blob=layer,
    )
    client.complete_layer_upload(repository_name=name, upload_id=upload, layer_digests=[digest])
    token = client.get_authorization_token().authorization_data[0].authorization_token
    url = f"http://127.0.0.1:{proxy.port}/v2/{name}/blobs/{digest}"
    headers = {"Authorization": f"Basic {token}"}

    assert requests.get(url, headers=headers, timeout=30).content == layer
    # The last two are the request for the layer, and the one that it redirects to.
    assert (proxy.connections, proxy.attempts) == (2, 7)


def test_answers_without_a_body(proxy: Any) -> None:
    """The response to HEAD ends where its headers end, and the connection is kept."""
    with requests.Session() as session:
        for _ in range(2):
            session.head(f"http://127.0.0.1:{proxy.port}/v2/", timeout=30)

    assert (proxy.connections, proxy.attempts) == (1, 2)


def test_last_answers(proxy: Any, sent: bytes, speak: Any) -> None:
    """A connection ends with the response if the client has asked for that."""
    answer, end = speak().send(sent.replace(b"Host", b"Connection: close\r\nHost")).rest()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert end == "FIN"


def test_the_target_changes(proxy: Any, ecr: LocalECR, speak: Any, server: Any) -> None:
    """A new target gets the next request, even of a connection that is kept open."""
    speaker = speak()
    speaker.send().answer()
    proxy.target = ("127.0.0.1", int(server.url.rpartition(":")[2]))

    assert speaker.send().answer().startswith(b"HTTP/1.1 200 OK")
    assert len(server.requests) == len(ecr.requests) == 1


def test_a_target_that_is_gone(proxy: Any, ecr: LocalECR, speak: Any) -> None:
    """What a server leaves unanswered, the proxy does."""
    ecr.faults.add(drop=True)
    unanswered = speak().send().rest()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        proxy.target = deaf.getsockname()
        refused = speak().send().rest()

    assert unanswered == refused == (b"", "FIN")


# --- which requests -------------------------------------------------------------------------------


def test_faults_come_in_order(proxy: Any, fault: Any, speak: Any) -> None:
    """Each fault meets as many requests as it should, in the order in which they were added."""
    proxy.add(fault("accept", "reset"))
    proxy.add(fault("received", "close"), count=2)
    proxy.add(fault("accept", "reset"))
    ends = [speak().rest()[1], *(speak().send().rest()[1] for _ in range(2)), speak().rest()[1]]

    assert ends == ["RST", "FIN", "FIN", "RST"]
    assert not proxy.faults
    assert (proxy.connections, proxy.attempts, len(proxy.requests)) == (4, 4, 2)


@pytest.mark.parametrize(
    "arguments", [("accept", "keep"), ("request", "keep"), ("request", "close", -1)]
)
def test_faults_that_cannot_be(fault: Any, arguments: tuple[Any, ...]) -> None:
    """A fault cannot count on what is not read of a request."""
    with pytest.raises(ValueError, match="request"):
        fault(*arguments)


# --- connections ----------------------------------------------------------------------------------


def test_idle_connections_close(proxy: Any, fault: Any, speak: Any) -> None:
    """On command, the connections that wait for a request are closed at once, and no others."""
    proxy.add(fault("received", "hang"))
    hanging = speak().send()
    proxy.wait_for(lambda: proxy.requests)
    idle = [speak() for _ in range(3)]
    for each in idle:
        each.send().answer()

    assert proxy.close_idle() == 3
    assert [each.rest() for each in idle] == [(b"", "FIN")] * 3
    assert hanging.silent()
    assert (proxy.close_idle(), proxy.open) == (0, 1)


def test_clients_that_leave(proxy: Any, speak: Any) -> None:
    """It shows when a client has closed its connections."""
    for _ in range(2):
        speaker = speak()
        speaker.send().answer()
        speaker.socket.close()
    proxy.wait_for(lambda: proxy.open == 0)

    assert proxy.connections == 2


def test_restart(proxy: Any, fault: Any, speak: Any) -> None:
    """A restart ends all connections, and the port is the same."""
    proxy.add(fault("received", "hang"))
    hanging, idle, port = speak().send(), speak(), proxy.port
    proxy.wait_for(lambda: proxy.requests)
    proxy.restart()

    assert [each.rest()[0] for each in (hanging, idle)] == [b"", b""]
    assert (proxy.port, proxy.open) == (port, 0)
    assert speak().send().answer()


def test_stop(proxy: Any, speak: Any) -> None:
    """A proxy that is stopped refuses connections until it is started again."""
    proxy.stop()
    with pytest.raises(ConnectionRefusedError):
        speak()
    proxy.restart()

    assert speak().send().answer()


def test_waiting_in_vain(proxy: Any) -> None:
    """Waiting for what does not happen fails, and does not go on for ever."""
    with pytest.raises(AssertionError):
        proxy.wait_for(lambda: proxy.requests, timeout=0.001)
