"""The check of signatures by itself, with signatures that others have published."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import attrs
import pytest

from ecr_client.local.errors import ServiceError
from ecr_client.local.sigv4 import AccessKey, HttpRequest, Identity, verify

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


@pytest.mark.parametrize(("seconds", "ended"), [(0, True), (1, False)])
def test_session_tokens_end(seconds: int, ended: bool) -> None:
    """A session token has a time of its own, after which its code is another one."""
    token = ("x-amz-security-token", "token")
    key = attrs.evolve(KEY, token="token", expires_at=NOW + timedelta(seconds=seconds))
    request = attrs.evolve(VANILLA, headers=(*VANILLA.headers, token))
    request = attrs.evolve(
        request,
        headers=tuple(
            (name, text.replace("x-amz-date", "x-amz-date;x-amz-security-token"))
            for name, text in request.headers
        ),
    )
    code = "ExpiredTokenException" if ended else "InvalidSignatureException"

    with pytest.raises(ServiceError, match=code):
        verify(request, {"AKIDEXAMPLE": key}, NOW, service="service")
