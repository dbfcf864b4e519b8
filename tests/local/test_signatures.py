"""Signatures that botocore makes, those that AWS has published, and what is wrong with others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from ecr_client import Credentials
from ecr_client.local import LocalECR
from ecr_client.local.errors import ServiceError
from ecr_client.local.sigv4 import AccessKey, HttpRequest, Identity, verify

LONG_TERM = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials("ASIAEXAMPLE", "secret/of/temporary/keys", "session-token")
OTHER = "210987654321"
INCOMPLETE = "IncompleteSignatureException"


@pytest.fixture(scope="module")
def ecr() -> Iterator[LocalECR]:
    with LocalECR(credentials={"123456789012": LONG_TERM, OTHER: TEMPORARY}) as running:
        yield running


def signed(
    ecr: LocalECR, keys: Credentials = LONG_TERM, region: str = "us-east-1", body: bytes = b"{}"
) -> dict[str, Any]:
    """Return the parts of a request as botocore's signer makes it."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry",
    }
    request = AWSRequest("POST", f"{ecr.endpoint}/", headers=headers, data=body)
    SigV4Auth(keys, "ecr", region).add_auth(request)
    return {"headers": dict(request.headers.items()), "data": body}


def send(ecr: LocalECR, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send a request as it is, and return status and body of the response."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(f"{ecr.endpoint}/", timeout=30, **request)
        return response.status_code, response.json()


def refusal(ecr: LocalECR, request: dict[str, Any]) -> str:
    status, body = send(ecr, request)
    assert status in (400, 403), body
    assert body["message"]
    return str(body["__type"])


@pytest.mark.parametrize(
    ("keys", "account"), [(LONG_TERM, "123456789012"), (TEMPORARY, OTHER)], ids=["long", "short"]
)
def test_botocore_is_understood(ecr: LocalECR, keys: Credentials, account: str) -> None:
    """A request signed by botocore is accepted for the account of its keys."""
    status, body = send(ecr, signed(ecr, keys, "eu-west-1"))

    assert (status, body["registryId"]) == (200, account)


def changed_header(name: str, value: str | None) -> Any:
    def change(request: dict[str, Any]) -> None:
        if value is None:
            del request["headers"][name]
        else:
            request["headers"][name] = value

    return change


def changed_authorization(old: str, new: str) -> Any:
    def change(request: dict[str, Any]) -> None:
        text = request["headers"]["Authorization"]
        assert old in text
        request["headers"]["Authorization"] = text.replace(old, new)

    return change


def changed_body(request: dict[str, Any]) -> None:
    request["data"] = json.dumps({"registryId": OTHER}).encode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (changed_header("Authorization", None), "MissingAuthenticationTokenException"),
        (changed_header("Authorization", "AWS4-HMAC-SHA256 x"), INCOMPLETE),
        (changed_header("Authorization", "Basic QTpC"), INCOMPLETE),
        (changed_authorization("Signature=", "Signatur="), INCOMPLETE),
        (changed_header("X-Amz-Date", None), INCOMPLETE),
        (changed_body, "InvalidSignatureException"),
        (
            changed_header("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.ListImages"),
            "InvalidSignatureException",
        ),
        (changed_authorization("/us-east-1/", "/us-west-2/"), "InvalidSignatureException"),
        (changed_authorization("/ecr/", "/s3/"), "InvalidSignatureException"),
        (changed_authorization("/aws4_request", "/aws5_request"), "InvalidSignatureException"),
        (changed_authorization("/us-east-1/", "/Mars/"), "InvalidSignatureException"),
        (changed_authorization("AKIDEXAMPLE/2", "AKIDEXAMPLE/1"), "InvalidSignatureException"),
        (changed_authorization("SignedHeaders=", "SignedHeaders=x-"), "InvalidSignatureException"),
        (changed_header("X-Amz-Added", "later"), "InvalidSignatureException"),
        (changed_authorization("HMAC-SHA256", "HMAC-SHA512"), INCOMPLETE),
        (
            changed_authorization("Signature=", "Signature=0, Signature="),
            INCOMPLETE,
        ),
        (changed_authorization("/aws4_request", ""), INCOMPLETE),
        (changed_header("X-Amz-Date", "yesterday"), INCOMPLETE),
        (changed_authorization("AKIDEXAMPLE", "AKIDUNKNOWN"), "UnrecognizedClientException"),
    ],
)
def test_changed_requests(ecr: LocalECR, change: Any, code: str) -> None:
    """A request that was changed after it was signed gets the code that AWS gives."""
    request = signed(ecr)
    change(request)

    assert refusal(ecr, request) == code


def test_a_wrong_session_token_is_refused(ecr: LocalECR) -> None:
    """Temporary keys need their own token, and long-term keys have none."""
    wrong = Credentials(TEMPORARY.access_key, TEMPORARY.secret_key, "another")
    without = Credentials(TEMPORARY.access_key, TEMPORARY.secret_key)

    assert refusal(ecr, signed(ecr, wrong)) == "UnrecognizedClientException"
    assert refusal(ecr, signed(ecr, without)) == "UnrecognizedClientException"


def test_no_signature_without_auth() -> None:
    """With ``auth=False``, an unsigned request is one of the server's own account."""
    with LocalECR(auth=False, account=OTHER) as ecr:
        request = signed(ecr)
        del request["headers"]["Authorization"]
        status, body = send(ecr, request)

    assert (status, body["registryId"]) == (200, OTHER)


# --- by themselves --------------------------------------------------------------------------------

KEY = AccessKey(account="123456789012", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
KEYS = {"AKIDEXAMPLE": KEY}
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc)

#: "Examples of the complete Signature Version 4 signing process" in the AWS General Reference.
LIST_USERS = HttpRequest(
    method="GET",
    query="Action=ListUsers&Version=2010-05-08",
    headers=(
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ),
)
#: ``get-vanilla`` of the test suite that AWS has published for Signature Version 4.
VANILLA = HttpRequest(
    method="GET",
    headers=(
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
    ),
)


@pytest.mark.parametrize(("request_", "service"), [(LIST_USERS, "iam"), (VANILLA, "service")])
def test_published_signatures(request_: HttpRequest, service: str) -> None:
    """Signatures that AWS has published are right."""
    caller = verify(request_, KEYS, NOW, service=service)

    assert caller == Identity("AKIDEXAMPLE", "123456789012", "us-east-1")


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"query": "Version=2010-05-08&Action=ListUsers"}, True),
        ({"query": "Action=ListUsers&Version=2010-05-09"}, False),
        ({"method": "POST"}, False),
        ({"path": "/other"}, False),
        ({"body": b"x"}, False),
    ],
)
def test_what_is_signed(changes: dict[str, object], valid: bool) -> None:
    """Every part of a request is signed, but not the order of its parameters."""
    changed = attrs.evolve(LIST_USERS, **changes)

    if valid:
        assert verify(changed, KEYS, NOW, service="iam").region == "us-east-1"
    else:
        with pytest.raises(ServiceError, match="InvalidSignatureException"):
            verify(changed, KEYS, NOW, service="iam")


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(-5, None), (5, None), (-5.1, "not yet current"), (5.1, "Signature expired")],
)
def test_clocks_may_differ_by_five_minutes(minutes: float, code: str | None) -> None:
    """A signature is good for five minutes before and after its time."""
    now = NOW + timedelta(minutes=minutes)

    if code is None:
        assert verify(VANILLA, KEYS, now, service="service")
    else:
        with pytest.raises(ServiceError, match=code):
            verify(VANILLA, KEYS, now, service="service")
