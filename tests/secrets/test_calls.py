"""No secret shows in anything that a call leaves behind, whatever becomes of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from ecr_client import Credentials, ECRClient, RetryPolicy, models
from ecr_client._generated.exceptions import MODELED
from ecr_client._unmodeled import UNMODELED
from ecr_client.exceptions import (
    AmazonClientException,
    ClientShutdownException,
    ResponseParseException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client.oci import Descriptor, Digest, Manifest, media_types
from ecr_client.testing import assert_image_valid

LAYER = b"\x00canary of a layer\xff\x80 31d8" * 40
NAME = "team/app"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
)
MEMBERS: dict[str, Any] = {
    "repository_name": NAME,
    "upload_id": "6f2d9d1c-0000-4000-8000-000000000000",
    "part_first_byte": 0,
    "part_last_byte": len(LAYER) - 1,
    "layer_part_blob": LAYER,
}
UPLOAD = models.UploadLayerPartRequest(**MEMBERS)
AT_ONCE = RetryPolicy(max_attempts=3, sleep=lambda _: None)

Connect = Callable[..., ECRClient]


def operations(client: ECRClient) -> list[Callable[[], object]]:
    """Return calls that send a secret, as an object and as keywords, and one that receives one."""
    return [
        lambda: client.upload_layer_part(UPLOAD),
        lambda: client.upload_layer_part(**MEMBERS),
        client.get_authorization_token,
    ]


def push(client: ECRClient, evidence: Any) -> str:
    """Push an image with the layer, and return the layer's digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
    descriptors = []
    evidence.value(client.create_repository(repository_name=NAME))
    for kind, blob in ((media_types.OCI_CONFIG, config), (media_types.OCI_LAYER, LAYER)):
        begun = client.initiate_layer_upload(repository_name=NAME)
        part = attrs.evolve(
            UPLOAD,
            upload_id=begun.upload_id,
            part_last_byte=len(blob) - 1,
            layer_part_blob=blob,
        )
        digest = Digest.of(blob)
        descriptors.append(Descriptor(media_type=kind, digest=digest, size=len(blob)))
        evidence.value(part)
        evidence.value(client.upload_layer_part(part))
        done = client.complete_layer_upload(
            repository_name=NAME, upload_id=begun.upload_id, layer_digests=[digest]
        )
        evidence.value(done)
    manifest = Manifest(config=descriptors[0], layers=(descriptors[1],))
    text = manifest.to_bytes().decode()
    evidence.value(client.put_image(repository_name=NAME, image_tag="1.0", image_manifest=text))
    return digest


def test_successful_calls(connect: Connect, evidence: Any) -> None:
    """Successful calls show no secret: pushing and checking an image, and getting a token."""
    client = connect()
    digest = push(client, evidence)
    token = client.get_authorization_token()
    url = client.get_download_url_for_layer(repository_name=NAME, layer_digest=digest)
    policy = client.set_repository_policy(repository_name=NAME, policy_text=POLICY)
    assert_image_valid(client, f"{NAME}:1.0")
    for each in (token, token.authorization_data[0], url, policy):
        evidence.value(each)
    secret = token.authorization_data[0].authorization_token
    query = str(url.download_url).partition("?")[2]
    evidence.secrets.update({"token": secret, "query": query})

    assert query
    assert evidence.leaks() == []


def test_broken_downloads(connect: Connect, ecr: Any, evidence: Any) -> None:
    """A layer that cannot be downloaded is reported without the query of its URL."""
    client = connect()
    digest = push(client, evidence)
    url = client.get_download_url_for_layer(repository_name=NAME, layer_digest=digest)
    evidence.secrets["query"] = str(url.download_url).partition("?")[2]
    for kind in ({"drop": True}, {"status": 403}, {"body": "cut"}, {"body": "garbage"}):
        ecr.faults.add("DownloadLayer", count=2, **kind)
        evidence.fails(lambda: assert_image_valid(client, f"{NAME}:1.0"), AssertionError)

    assert evidence.leaks() == []


@pytest.mark.parametrize("code", sorted({*MODELED, *UNMODELED, "UnknownCode"}))
def test_errors_of_the_service(connect: Connect, ecr: Any, evidence: Any, code: str) -> None:
    """An error of the service shows no secret, even after retries."""
    client = connect(retry=AT_ONCE)
    ecr.faults.add(count=None, error=code)
    for call in operations(client):
        evidence.fails(call, AmazonClientException)

    assert evidence.leaks() == []


GARBAGE = json.dumps(
    {"authorizationData": [{"authorizationToken": "Y2FuYXJ5OnRva2Vu", "expiresAt": "canary date"}]}
).encode()
#: Responses that hold a token, by what is wrong with them.
RESPONSES: dict[str, dict[str, Any]] = {
    "member of a wrong type": {"body": GARBAGE},
    "half of an object": {"body": GARBAGE[:-5]},
    "no object": {"body": json.dumps("Y2FuYXJ5OnRva2Vu").encode()},
    "not compressed": {"body": GARBAGE, "headers": {"Content-Encoding": "gzip"}},
    "broken compression": {
        "body": gzip.compress(GARBAGE, 0)[:-20],
        "headers": {"Content-Encoding": "gzip"},
    },
    "not UTF-8": {"body": b"\xff" + GARBAGE},
    "error with it": {"body": GARBAGE, "status": 500},
}


@pytest.mark.parametrize("name", RESPONSES)
def test_unreadable_responses(
    connect: Connect, proxy: Any, fault: Any, evidence: Any, name: str
) -> None:
    """The content of an unreadable response is not shown."""
    evidence.secrets["token"] = "Y2FuYXJ5OnRva2Vu"
    evidence.secrets["date"] = "canary date"
    client = connect()
    proxy.add(fault.response(**{"status": 200, **RESPONSES[name]}))
    evidence.fails(client.get_authorization_token)

    assert evidence.leaks() == []


def test_a_response_that_is_too_long(connect: Connect, evidence: Any) -> None:
    """A response that is longer than allowed is not shown."""
    client = connect(max_response_size=100)
    evidence.fails(client.get_authorization_token, ResponseParseException)

    assert evidence.leaks() == []


def ends(fault: Any) -> dict[str, Any]:
    """Return faults that end a connection at any moment, in any way."""
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    return {
        "reset at once": fault("accept", "reset"),
        "closed at once": fault("accept", "close"),
        "reset within the request": fault("request", "reset", after=300),
        "closed within the request": fault("request", "close", after=300),
        "reset after the request": fault("received", "reset"),
        "closed after the request": fault("received", "close"),
        "reset within the response": fault("response", "reset", after=-20),
        "closed within the response": fault("response", "close", after=-20),
        "closed within the headers": fault("response", "close", after=30),
        "silent within the response": fault("response", "hang", after=-20),
        "silent": fault("received", "hang"),
        "no status": fault("received", "close", instead=b"canary\r\n\r\n"),
        "too little": fault("received", "close", instead=half + GARBAGE),
        "bad chunks": fault(
            "received",
            "close",
            instead=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + GARBAGE,
        ),
    }


END_NAMES = sorted(ends(lambda *_, **__: None))


@pytest.mark.parametrize("name", END_NAMES)
def test_broken_connections(
    connect: Connect, proxy: Any, fault: Any, evidence: Any, name: str
) -> None:
    """A connection that ends at any moment, in any way, shows nothing of what went over it."""
    evidence.secrets["token"] = "Y2FuYXJ5OnRva2Vu"
    client = connect(read_timeout=0.2)
    for call in operations(client):
        proxy.add(ends(fault)[name])
        evidence.fails(call, TransportException)

    assert evidence.leaks() == []


def test_retries(connect: Connect, proxy: Any, fault: Any, evidence: Any) -> None:
    """Failed attempts show no secret, neither during the call nor in its result."""
    client = connect(retry=AT_ONCE)
    proxy.add(fault("received", "reset"), 2)
    result = client.get_authorization_token()
    for error in result.response_metadata.retried_errors:
        evidence.error(error)
    evidence.value(result.response_metadata)
    proxy.add(fault("request", "close", after=300), 3)
    failed = evidence.fails(lambda: client.upload_layer_part(UPLOAD))

    assert len(result.response_metadata.retried_errors) == 2
    assert len(getattr(failed, "retried_errors", ())) == 2
    assert evidence.leaks() == []


def test_total_timeouts(connect: Connect, proxy: Any, fault: Any, evidence: Any) -> None:
    """A call that exceeds its total timeout shows no secret."""
    client = connect(retry=RetryPolicy(base_delay=1000, max_delay=1000, random=lambda: 1.0))
    quick = client.with_options(timeout=0.2)
    for call in operations(quick):
        proxy.add(fault("received", "hang"))
        evidence.fails(call, TotalTimeoutException)

    assert evidence.leaks() == []


def test_shut_down(connect: Connect, proxy: Any, fault: Any, evidence: Any) -> None:
    """A call that is refused after a shutdown, or ended by it, shows no secret."""
    clients: list[ECRClient] = []
    client = connect(retry=RetryPolicy(sleep=lambda _: clients[0].shutdown()))
    clients.append(client)
    proxy.add(fault.response(503))
    for call in operations(client):
        evidence.fails(call, ClientShutdownException)

    assert evidence.leaks() == []


def test_wrong_and_expired_credentials(connect: Connect, ecr: Any, evidence: Any) -> None:
    """Neither credentials that the service refuses nor those after them are shown."""
    wrong = Credentials(
        "ASIACANARY", "canary/wrong+secret 8812"[:19], evidence.secrets["header"][:6]
    )
    evidence.secrets["wrong key"] = wrong.secret_key
    client = connect(retry=AT_ONCE)
    given = iter([ecr.credentials[ecr.account], *[wrong] * 10])
    changing = client.with_options(credentials=lambda: next(given))
    ecr.faults.add(error="ExpiredTokenException", count=2)
    for call in operations(changing):
        evidence.fails(call)

    assert evidence.leaks() == []


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("hook", ["request", "response", "retry"])
def test_hooks_that_fail(
    connect: Connect, ecr: Any, evidence: Any, kind: type[BaseException], hook: str
) -> None:
    """The exception of a hook shows no secret, whether logged or, like an interrupt, raised."""
    from ecr_client import Hooks

    def fail(_: object) -> None:
        raise kind("of a hook")

    client = connect(hooks=Hooks(**{hook: fail}), retry=AT_ONCE)
    for call in operations(client):
        ecr.faults.add(error="ThrottlingException", count=3)
        evidence.fails(call, kind if kind is KeyboardInterrupt else AmazonClientException)
        ecr.faults.clear()

    assert evidence.leaks() == []


def test_an_interrupted_wait(connect: Connect, ecr: Any, evidence: Any) -> None:
    """An interrupt while a call waits for its next attempt shows no secret."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    client = connect(retry=RetryPolicy(sleep=interrupt))
    ecr.faults.add(error="ThrottlingException", count=None)
    for call in operations(client):
        assert isinstance(evidence.fails(call), KeyboardInterrupt)

    assert evidence.leaks() == []


def test_requests_that_are_not_sent(connect: Connect, evidence: Any) -> None:
    """An error about a wrong member shows nothing of the others."""
    client = connect()
    for wrong in ({"part_first_byte": "0"}, {"upload_id": 7}, {"layer_part_blob": LAYER.hex()}):
        members = {**MEMBERS, **wrong}
        evidence.fails(lambda members=members: client.upload_layer_part(**members))
        evidence.fails(
            lambda members=members: client.upload_layer_part(
                models.UploadLayerPartRequest(**members)
            )
        )
    evidence.fails(lambda: client.upload_layer_part(UPLOAD, layer_part_blob=LAYER))
    for call in (client.upload_layer_part, models.UploadLayerPartRequest):
        for wrong in ({}, {"request": UPLOAD}, {"uploadId": "1"}):
            evidence.fails(lambda call=call, wrong=wrong: call(**wrong, layer_part_blob=LAYER))

    assert evidence.leaks() == []
