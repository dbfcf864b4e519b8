"""Who may use the registry protocol, and whose registry a password opens."""

from __future__ import annotations

import base64
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


def test_who_has_no_password_learns_why(registry: Any) -> None:
    """The error has the form of the specification."""
    answer = requests.get(f"{registry.url}/v2/", timeout=60)

    assert registry.code(answer) == (401, "UNAUTHORIZED")


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
        {"Authorization": "Basic"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer AWS"},
    ],
)
def test_anything_else_does_not_open(headers: dict[str, str], registry: Any) -> None:
    """A wrong password, or none in the header, is refused with the challenge."""
    answer = requests.get(f"{registry.url}/v2/", headers=headers, timeout=60)

    assert registry.code(answer) == (401, "UNAUTHORIZED")
    assert "WWW-Authenticate" in answer.headers


def test_the_user_is_AWS(registry: Any) -> None:  # noqa: N802
    """The right password of another user is refused."""
    headers = basic(f"somebody:{registry.password}")

    answer = requests.get(f"{registry.url}/v2/", headers=headers, timeout=60)

    assert registry.code(answer) == (401, "UNAUTHORIZED")


def test_a_password_that_was_altered_does_not_open(registry: Any) -> None:
    """What a password says is signed: another account cannot be written into it."""
    grant, _, signature = registry.password.partition(".")
    text = base64.urlsafe_b64decode(grant).decode()
    other = base64.urlsafe_b64encode(text.replace(text[:12], "999999999999").encode()).decode()

    answer = requests.get(
        f"{registry.url}/v2/", headers=basic(f"AWS:{other}.{signature}"), timeout=60
    )

    assert registry.code(answer) == (401, "UNAUTHORIZED")


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
