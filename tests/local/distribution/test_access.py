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
    b"\xff",
    b"[]",
    b"{}",
    b"[" * 30_000,
    b'{"payload": 1}',
    b'{"payload": "L/8="}',
    b'{"payload": "MTIzNDU2Nzg5MDEyL3VzLWVhc3QtMS85OTk5OTk5OTk5Lw=="}',
]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_path_needs_a_password(method: str, path: str, registry: Any) -> None:
    """Every path asks for a password, in the way in which ECR does."""
    response = requests.request(method, registry.url + path, timeout=60)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == (
        f'Basic realm="{registry.url}/",service="ecr.amazonaws.com"'
    )
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def refused(response: requests.Response) -> bool:
    """Return whether a response is ECR's refusal of a missing or wrong password."""
    return (
        response.status_code == 401
        and response.text == "Not Authorized\n"
        and response.headers["Content-Type"] == "text/plain; charset=utf-8"
        and response.headers["WWW-Authenticate"].startswith("Basic realm=")
    )


@pytest.mark.parametrize("headers", [{}, basic("AWS:wrong")])
def test_OCI_has_errors_of_its_own_form(  # noqa: N802
    headers: dict[str, str], oci_registry: Any
) -> None:
    """In the protocol as OCI specifies it, the refusal has the form of the specification."""
    response = requests.get(f"{oci_registry.url}/v2/", headers=headers, timeout=60)

    assert oci_registry.code(response) == (401, "UNAUTHORIZED")
    assert "WWW-Authenticate" in response.headers


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
def test_wrong_passwords(headers: dict[str, str], registry: Any) -> None:
    """A wrong password, or none in the header, is refused with the challenge."""
    assert refused(requests.get(f"{registry.url}/v2/", headers=headers, timeout=60))


def test_the_user_is_AWS(registry: Any) -> None:  # noqa: N802
    """The right password of another user is refused."""
    headers = basic(f"somebody:{registry.password}")

    assert refused(requests.get(f"{registry.url}/v2/", headers=headers, timeout=60))


def test_a_password_selects_the_registry(ecr: LocalECR, registry: Any, api: Any) -> None:
    """The token of another account or region is for another registry."""
    registry.image("team/app", "v1")
    account = api.get_authorization_token(registry_ids=["210987654321"]).authorization_data[0]
    with ecr.client(region="ap-south-1") as client:
        region = client.get_authorization_token().authorization_data[0]
    catalogs = [
        requests.get(
            f"{registry.url}/v2/_catalog",
            headers={"Authorization": f"Basic {data.authorization_token}"},
            timeout=60,
        )
        for data in (account, region)
    ]

    assert registry.code(catalogs[0]) == (403, "DENIED")
    assert catalogs[1].json() == {"repositories": []}
    assert registry.send("GET", "_catalog").json() == {"repositories": ["team/app"]}


def test_altered_passwords(registry: Any) -> None:
    """A password is signed: the account in it cannot be changed."""
    content = json.loads(base64.b64decode(registry.password))
    payload = base64.b64decode(content["payload"]).replace(b"123456789012", b"999999999999", 1)
    content["payload"] = base64.b64encode(payload).decode()
    password = base64.b64encode(json.dumps(content).encode()).decode()

    response = requests.get(f"{registry.url}/v2/", headers=basic(f"AWS:{password}"), timeout=60)

    assert payload.startswith(b"999999999999/")
    assert refused(response)


def test_unknown_paths(registry: Any) -> None:
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
def test_unsupported_methods(method: str, path: str, registry: Any) -> None:
    """A method that a path does not have gets an error of the protocol."""
    assert registry.code(registry.send(method, path)) == (405, "UNSUPPORTED")
