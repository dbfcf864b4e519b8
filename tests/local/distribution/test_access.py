"""Who may use the registry protocol, and whose registry a password opens."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR

PATHS = [
    ("GET", "/v2/"),
    ("GET", "/v2"),
    ("GET", "/v2/_catalog"),
    ("GET", "/v2/team/app/tags/list"),
    ("HEAD", "/v2/team/app/manifests/latest"),
    ("PUT", "/v2/team/app/manifests/latest"),
    ("DELETE", "/v2/team/app/manifests/latest"),
    ("GET", "/v2/team/app/blobs/sha256:" + "0" * 64),
    ("POST", "/v2/team/app/blobs/uploads/"),
    ("PATCH", "/v2/team/app/blobs/uploads/0"),
    ("GET", "/v2/team/app/referrers/sha256:" + "0" * 64),
    ("GET", "/v2/nothing"),
]
#: What is in passwords that nobody got from the server.
ALTERED = [
    b"",
    b"\xff",
    b"2",
    b"[]",
    b'"payload"',
    b"{}",
    b"[" * 30_000,
    b'{"payload": 1}',
    b'{"payload": "!"}',
    b'{"payload": "L/8="}',
    b'{"payload": "MTIzNDU2Nzg5MDEyL3VzLWVhc3QtMS85OTk5OTk5OTk5Lw=="}',
]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nothing_is_answered_without_a_password(method: str, path: str, registry: Any) -> None:
    """Every path asks for a password, in the way in which ECR does."""
    answer = requests.request(method, registry.url + path, timeout=60)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Basic realm="{registry.url}/",service="ecr.amazonaws.com"'
    )
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def refused(answer: requests.Response) -> bool:
    """Tell whether an answer says what ECR says to who has no password or a wrong one."""
    return (
        answer.status_code == 401
        and answer.text == "Not Authorized\n"
        and answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        and answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    )


@pytest.mark.parametrize("headers", [{}, basic("AWS:wrong")])
def test_OCI_has_errors_of_its_own_form(  # noqa: N802
    headers: dict[str, str], oci_registry: Any
) -> None:
    """In the protocol as OCI specifies it, the refusal has the form of the specification."""
    answer = requests.get(f"{oci_registry.url}/v2/", headers=headers, timeout=60)

    assert oci_registry.code(answer) == (401, "UNAUTHORIZED")
    assert "WWW-Authenticate" in answer.headers


def test_who_has_no_password_is_not_authorized(registry: Any) -> None:
    """The refusal is a line of text, as that of ECR."""
    assert refused(requests.get(f"{registry.url}/v2/", timeout=60))


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_password_of_the_token_opens(path: str, registry: Any) -> None:
    """With the password of GetAuthorizationToken the server says that it is a registry."""
    answer = registry.send("GET", path)

    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    "headers",
    [
        basic("AWS:wrong"),
        basic("AWS:"),
        basic("AWS"),
        *(basic(f"AWS:{base64.b64encode(text).decode()}") for text in ALTERED),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer AWS"},
    ],
)
def test_anything_else_does_not_open(headers: dict[str, str], registry: Any) -> None:
    """A wrong password, or none in the header, is refused with the challenge."""
    assert refused(requests.get(f"{registry.url}/v2/", headers=headers, timeout=60))


def test_the_user_is_AWS(registry: Any) -> None:  # noqa: N802
    """The right password of another user is refused."""
    headers = basic(f"somebody:{registry.password}")

    assert refused(requests.get(f"{registry.url}/v2/", headers=headers, timeout=60))


def test_a_password_that_was_altered_does_not_open(registry: Any) -> None:
    """What a password says is signed: another account cannot be written into it."""
    content = json.loads(base64.b64decode(registry.password))
    payload = base64.b64decode(content["payload"]).replace(b"123456789012", b"999999999999", 1)
    content["payload"] = base64.b64encode(payload).decode()
    password = base64.b64encode(json.dumps(content).encode()).decode()

    answer = requests.get(f"{registry.url}/v2/", headers=basic(f"AWS:{password}"), timeout=60)

    assert payload.startswith(b"999999999999/")
    assert refused(answer)


def test_accounts_do_not_see_each_other(registry: Any, api: Any) -> None:
    """The password says whose registry a request is about, and opens no other account's."""
    token = api.get_authorization_token(registry_ids=["210987654321"])
    pair = base64.b64decode(token.authorization_data[0].authorization_token).decode()
    registry.image("team/app", "v1")

    other = requests.get(f"{registry.url}/v2/team/app/tags/list", headers=basic(pair), timeout=60)
    own = registry.send("GET", "team/app/tags/list")

    assert registry.code(other) == (403, "DENIED")
    assert own.json()["tags"] == ["v1"]


def test_regions_do_not_see_each_other(ecr: LocalECR, registry: Any) -> None:
    """The token of another region opens another registry."""
    with ecr.client(region="ap-south-1") as client:
        data = client.get_authorization_token().authorization_data[0]
    pair = base64.b64decode(data.authorization_token or "").decode()

    answer = requests.get(f"{registry.url}/v2/_catalog", headers=basic(pair), timeout=60)

    assert answer.json() == {"repositories": []}
    assert registry.send("GET", "_catalog").json() == {"repositories": ["team/app"]}


def test_what_is_not_there_is_said_in_the_form_of_the_protocol(registry: Any) -> None:
    """A path that the protocol does not have gets an error of the protocol."""
    assert registry.code(registry.send("GET", "team/app")) == (404, "UNSUPPORTED")
    assert registry.code(registry.send("GET", "team/app/manifests/")) == (404, "UNSUPPORTED")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/"),
        ("PUT", "team/app/tags/list"),
        ("POST", "team/app/manifests/v1"),
        ("GET", "team/app/blobs/uploads/"),
    ],
)
def test_a_method_that_is_not_there_is_unsupported(method: str, path: str, registry: Any) -> None:
    """A method that a path does not have gets an error of the protocol."""
    assert registry.code(registry.send(method, path)) == (405, "UNSUPPORTED")
