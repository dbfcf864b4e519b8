"""Signatures made by botocore and published by AWS, requests that were altered, and access keys."""

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
OWN, OTHER = "123456789012", "210987654321"
TARGET = "AmazonEC2ContainerRegistry_V20150921"


@pytest.fixture(scope="module")
def ecr() -> Iterator[LocalECR]:
    with LocalECR(credentials={OWN: LONG_TERM, OTHER: TEMPORARY}) as running:
        yield running


def signed(ecr: LocalECR, keys: Credentials = LONG_TERM, region: str = "us-east-1") -> Any:
    """Return the parts of a request as botocore's signer makes it."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{TARGET}.DescribeRegistry",
    }
    request = AWSRequest("POST", f"{ecr.endpoint}/", headers=headers, data=b"{}")
    SigV4Auth(keys, "ecr", region).add_auth(request)
    return {"headers": dict(request.headers.items()), "data": b"{}"}


def send(ecr: LocalECR, request: dict[str, Any]) -> tuple[int, str]:
    """Send a request as it is; return the status, and the registry's id or the error code."""
    response = requests.post(f"{ecr.endpoint}/", timeout=30, **request)
    body = response.json()
    assert response.status_code == 200 or body["message"]
    return response.status_code, body.get("registryId") or body["__type"]


@pytest.mark.parametrize(
    ("keys", "account"), [(LONG_TERM, OWN), (TEMPORARY, OTHER)], ids=["long", "short"]
)
def test_botocore_is_understood(ecr: LocalECR, keys: Credentials, account: str) -> None:
    """A request signed by botocore is accepted for the account of its keys."""
    assert send(ecr, signed(ecr, keys, "eu-west-1")) == (200, account)


AUTHORIZATION, DATE = "Authorization", "X-Amz-Date"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({AUTHORIZATION: None}, "MissingAuthenticationToken"),
        *(
            (change, "IncompleteSignature")
            for change in (
                {AUTHORIZATION: "AWS4-HMAC-SHA256 x"},
                {AUTHORIZATION: "Basic QTpC"},
                {DATE: None},
                {DATE: "yesterday"},
                ("Signature=", "Signatur="),
                ("HMAC-SHA256", "HMAC-SHA512"),
                ("Signature=", "Signature=0, Signature="),
                ("/aws4_request", ""),
            )
        ),
        *(
            (change, "InvalidSignature")
            for change in (
                {"X-Amz-Target": f"{TARGET}.ListImages"},
                {"X-Amz-Added": "later"},
                {"body": json.dumps({"registryId": OTHER}).encode()},
                ("/us-east-1/", "/us-west-2/"),
                ("/us-east-1/", "/Mars/"),
                ("/ecr/", "/s3/"),
                ("/aws4_request", "/aws5_request"),
                ("AKIDEXAMPLE/2", "AKIDEXAMPLE/1"),
                ("SignedHeaders=", "SignedHeaders=x-"),
            )
        ),
        (("AKIDEXAMPLE", "AKIDUNKNOWN"), "UnrecognizedClient"),
    ],
    ids=repr,
)
def test_changed_requests(ecr: LocalECR, changes: Any, code: str) -> None:
    """A request that was changed after it was signed gets the same error code as from AWS."""
    request = signed(ecr)
    if isinstance(changes, tuple):
        before = request["headers"][AUTHORIZATION]
        changes = {AUTHORIZATION: before.replace(*changes)}
        assert before != changes[AUTHORIZATION]
    changes = dict(changes)
    request["data"] = changes.pop("body", b"{}")
    headers = {**request["headers"], **changes}
    request["headers"] = {name: value for name, value in headers.items() if value is not None}
    status, found = send(ecr, request)

    assert status in (400, 403)
    assert found == f"{code}Exception"


@pytest.mark.parametrize("token", ["another", None])
def test_a_wrong_session_token_is_refused(ecr: LocalECR, token: str | None) -> None:
    """Temporary keys need their own token, and long-term keys have none."""
    wrong = Credentials(TEMPORARY.access_key, TEMPORARY.secret_key, token)

    assert send(ecr, signed(ecr, wrong))[1] == "UnrecognizedClientException"


def test_no_signature_without_auth() -> None:
    """With ``auth=False``, an unsigned request acts as the server's own account."""
    with LocalECR(auth=False, account=OTHER) as ecr:
        request = signed(ecr)
        del request["headers"][AUTHORIZATION]
        assert send(ecr, request) == (200, OTHER)


# --- the verifier ---------------------------------------------------------------------------------

KEY = AccessKey(account=OWN, secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc)
FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")


def published(service: str, signature: str, *headers: tuple[str, str], query: str = "") -> Any:
    """Return a request that AWS has published, with its signature."""
    headers = (*headers, ("x-amz-date", "20150830T123600Z"))
    authorization = (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, "
        f"SignedHeaders={';'.join(name for name, _ in headers)}, Signature={signature}"
    )
    headers = (*headers, ("authorization", authorization))
    return HttpRequest(method="GET", query=query, headers=headers)


#: "Examples of the complete Signature Version 4 signing process" in the AWS General Reference.
LIST_USERS = published(
    "iam",
    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    *(FORM, ("host", "iam.amazonaws.com")),
    query="Action=ListUsers&Version=2010-05-08",
)
#: ``get-vanilla`` from the test suite that AWS has published for Signature Version 4.
VANILLA = published(
    "service",
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ("host", "example.amazonaws.com"),
)


def verified(request: Any, now: datetime = NOW, key: AccessKey = KEY, service: str = "iam") -> Any:
    """Return the principal that signed a request, or None if the signature is wrong."""
    try:
        return verify(request, {"AKIDEXAMPLE": key}, now, service=service)
    except ServiceError as error:
        return str(error)


def test_published_signatures() -> None:
    """The signatures that AWS has published are accepted."""
    caller = Identity("AKIDEXAMPLE", OWN, "us-east-1")

    assert verified(LIST_USERS) == verified(VANILLA, service="service") == caller


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"query": "Version=2010-05-08&Action=ListUsers"}, True),
        ({"query": "Action=ListUsers&Version=2010-05-09"}, False),
        *(({"method": "POST"}, False), ({"path": "/other"}, False), ({"body": b"x"}, False)),
    ],
)
def test_what_is_signed(changes: dict[str, Any], valid: bool) -> None:
    """Every part of a request is signed, except for the order of its parameters."""
    found = verified(attrs.evolve(LIST_USERS, **changes))

    assert isinstance(found, Identity) is valid
    assert valid or "InvalidSignatureException" in found


@pytest.mark.parametrize(
    ("minutes", "problem"),
    [(-5, None), (5, None), (-5.1, "not yet current"), (5.1, "Signature expired")],
)
def test_clock_skew(minutes: float, problem: str | None) -> None:
    """A signature is valid for five minutes before and after its time."""
    found = verified(LIST_USERS, NOW + timedelta(minutes=minutes))

    assert isinstance(found, Identity) is (problem is None)
    assert problem is None or problem in found


# --- the keys of a server -------------------------------------------------------------------------


def test_accounts_have_keys_of_their_own() -> None:
    """A mapping adds accounts; without keys in it, the server's own account gets generated ones."""
    given = Credentials("AKIDEXAMPLE", "secret", "token")
    with LocalECR(credentials={OTHER: given}) as ecr, LocalECR() as another:
        with ecr.client(account=OTHER) as client:
            other = client.describe_registry().registry_id
        with ecr.client() as client:
            own = client.describe_registry().registry_id

    assert (own, other) == (OWN, OTHER)
    assert set(ecr.credentials) == {OWN, OTHER}
    assert ecr.credentials[OTHER] is given
    # Keys that leak from one test run are of no use in another.
    assert ecr.credentials[OWN].access_key != another.credentials[OWN].access_key


@pytest.mark.parametrize(
    "principal", ["iam:user/team/ada", "iam:role/builder", "sts:assumed-role/builder/run-1"]
)
def test_principals_have_keys_of_their_own(principal: str) -> None:
    """A mapping may name a user or a role, whose registry is that of the account."""
    service, name = principal.split(":")
    arn = f"arn:aws:{service}::{OTHER}:{name}"
    keys = {arn: Credentials("AKIDEXAMPLE", "secret")}
    with LocalECR(credentials=keys) as ecr, ecr.client(account=arn) as client:
        found = client.describe_registry().registry_id

    assert found == OTHER


KEYS = Credentials("a", "b")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"account": "1"}, "12 digits"),
        ({"credentials": {"1": KEYS}}, "12 digits"),
        ({"credentials": {"arn:aws:s3:::bucket": KEYS}}, "that of a user"),
        ({"credentials": {"arn:aws:iam::1:role/a": KEYS}}, "that of a user"),
        ({"credentials": {OWN: KEYS, OTHER: Credentials("a", "c")}}, "different access key"),
        ({"region": ""}, "region"),
    ],
)
def test_invalid_accounts(arguments: dict[str, Any], problem: str) -> None:
    """A mistake in the accounts, the keys or the region is reported before the server starts."""
    with pytest.raises(ValueError, match=problem):
        LocalECR(**arguments)
