"""Headers and signatures, compared with those that botocore's client sends at the same time."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from botocore import xform_name

from ecr_client import ClientConfiguration, Credentials
from ecr_client._engine.deadline import Deadline
from ecr_client._engine.prepare import encode, prepare
from ecr_client._settings import Settings
from ecr_client._transport.requests_transport import RequestsTransport
from ecr_client.endpoints import Endpoint, parse_endpoint, resolve_endpoint
from ecr_client.operations import OPERATIONS

NOW = datetime(2015, 9, 21, 23, 59, 59, 999999, tzinfo=timezone.utc)
REGIONS = ("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1")
ENDPOINTS = (
    "https://ecr.us-east-1.amazonaws.com",
    "https://registry.example:8443",
    "https://registry.example:443",
    "http://registry.example:80/base",
    "http://registry.example:80/base/",
    "http://127.0.0.1:4566/one/two/",
    "http://[::1]:4566/",
    "https://registry.example/with%20space/~tilde",
    "https://registry.example/one/../two//three",
)
TOKEN = "IQoJb3JpZ2luX2VjE+/=="


@pytest.fixture(params=[None, TOKEN], ids=["long-term", "temporary"])
def keys(request: pytest.FixtureRequest) -> Credentials:
    """Return credentials without and with a session token."""
    return Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", request.param)


def _resolved(region: str) -> Endpoint:
    return resolve_endpoint(region, use_fips=False, use_dualstack=False)


def _ours(
    oracle: Any,
    operation: Any,
    params: Any,
    endpoint: Endpoint,
    keys: Credentials,
    now: datetime = NOW,
) -> tuple[str, dict[str, str], bytes]:
    """Return URL, headers and body of what we send."""
    ours = OPERATIONS[operation.name]
    body = encode(ours, oracle.request(operation, params))
    sent = prepare(ours, body, endpoint, keys, now, user_agent="test")
    headers = {**sent.headers, "Content-Length": str(len(sent.body))}
    return sent.url, _comparable(headers), sent.body


def _theirs(
    monkeypatch: pytest.MonkeyPatch,
    reference: Any,
    operation: Any,
    params: Any,
    now: datetime = NOW,
) -> tuple[str, dict[str, str], bytes]:
    """Return URL, headers and body of what botocore's client sends."""
    with monkeypatch.context() as patch:
        _stop_clock(patch, now)
        getattr(reference.client, xform_name(operation.name))(**params)
    (sent,) = reference.requests
    return sent.url, _comparable(sent.headers), sent.body


def _stop_clock(patch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let botocore sign at a fixed time, since it accepts no clock."""
    patch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: now.replace(tzinfo=None))


def _comparable(headers: Any) -> dict[str, str]:
    """Return the headers except those that identify the client and count attempts."""
    texts = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in headers.items()
    }
    return {
        name: text
        for name, text in texts.items()
        if name != "user-agent" and not name.startswith("amz-sdk-")
    }


def test_operations(
    oracle: Any, operation: Any, reference: Any, monkeypatch: pytest.MonkeyPatch, keys: Credentials
) -> None:
    """For every operation, URL, headers, signature and bytes are those of botocore's client."""
    params = oracle.inputs(operation, "every")

    ours = _ours(oracle, operation, params, _resolved("eu-west-1"), keys)
    theirs = _theirs(monkeypatch, reference(keys), operation, params)

    assert ours == theirs
    assert ours[1]["x-amz-date"] == "20150921T235959Z"


@pytest.mark.parametrize("region", REGIONS)
def test_regions(
    oracle: Any, reference: Any, monkeypatch: pytest.MonkeyPatch, keys: Credentials, region: str
) -> None:
    """In every partition, URL, headers and signature are those of botocore's client."""
    operation = oracle.service.operation_model("CreateRepository")
    params = oracle.inputs(operation, "unicode")

    ours = _ours(oracle, operation, params, _resolved(region), keys)
    theirs = _theirs(monkeypatch, reference(keys, region), operation, params)

    assert ours == theirs
    assert f"/20150921/{region}/ecr/aws4_request" in ours[1]["authorization"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_endpoints(
    oracle: Any, reference: Any, monkeypatch: pytest.MonkeyPatch, keys: Credentials, endpoint: str
) -> None:
    """For an endpoint with a port or a path, all that is sent is what botocore's client sends."""
    operation = oracle.service.operation_model("DescribeRepositories")
    parsed = parse_endpoint(endpoint, protocol="https", signing_region="us-east-1")

    ours = _ours(oracle, operation, {}, parsed, keys)
    theirs = _theirs(monkeypatch, reference(keys, "us-east-1", endpoint), operation, {})

    assert ours == theirs


@pytest.mark.parametrize(
    "blob",
    [b"", b"\x00", b"text", bytes(range(256)) * 8192],
    ids=["empty", "one byte", "text", "2 MiB"],
)
def test_blobs(
    oracle: Any, reference: Any, monkeypatch: pytest.MonkeyPatch, keys: Credentials, blob: bytes
) -> None:
    """A blob of any size is sent in the bytes, and with the signature, of botocore's client."""
    operation = oracle.service.operation_model("UploadLayerPart")
    params = {**oracle.inputs(operation, "every"), "layerPartBlob": blob}

    ours = _ours(oracle, operation, params, _resolved("eu-west-1"), keys)
    theirs = _theirs(monkeypatch, reference(keys), operation, params)

    assert ours == theirs


@pytest.mark.parametrize(
    "now",
    [
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
        datetime(2024, 2, 29, tzinfo=timezone.utc),
        datetime(2100, 1, 1, 0, 0, 0, 1, tzinfo=timezone.utc),
    ],
    ids=str,
)
def test_times(
    oracle: Any, reference: Any, monkeypatch: pytest.MonkeyPatch, keys: Credentials, now: datetime
) -> None:
    """The time of the clock is the one in the signature, as in botocore's client."""
    operation = oracle.service.operation_model("GetAuthorizationToken")

    ours = _ours(oracle, operation, {}, _resolved("eu-west-1"), keys, now)
    theirs = _theirs(monkeypatch, reference(keys), operation, {}, now)

    assert ours == theirs


@pytest.mark.parametrize("path", ["", "/base", "/base/"])
def test_received_requests(
    oracle: Any,
    reference: Any,
    server: Any,
    monkeypatch: pytest.MonkeyPatch,
    keys: Credentials,
    path: str,
) -> None:
    """A server receives the same request as from botocore's client, to the last header."""
    operation = oracle.service.operation_model("CreateRepository")
    params = oracle.inputs(operation, "every")
    endpoint = parse_endpoint(server.url + path, protocol="https", signing_region="eu-west-1")
    theirs = reference(keys, "eu-west-1", server.url + path, capture=False)

    ours = OPERATIONS[operation.name]
    body = encode(ours, oracle.request(operation, params))
    transport = RequestsTransport(ClientConfiguration(), Settings(profile=None, session=None))
    with transport.send(
        prepare(ours, body, endpoint, keys, NOW, user_agent="test"), Deadline(None)
    ) as stream:
        stream.read(1_000_000, Deadline(None))
    transport.close()
    with monkeypatch.context() as patch:
        _stop_clock(patch, NOW)
        theirs.client.create_repository(**params)
    first, second = (each._replace(headers=_comparable(each.headers)) for each in server.requests)

    assert first == second
    assert first.path == (path or "/")
