"""Who may use the registry protocol, and which registry a password gives access to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR

NOWHERE = f"sha256:{'0' * 64}"
PATHS = [
    *(("GET", "/v2/"), ("GET", "/v2"), ("GET", "/v2/_catalog"), ("GET", "/v2/nothing")),
    *(("GET", "/v2/team/app/tags/list"), ("GET", f"/v2/team/app/referrers/{NOWHERE}")),
    *((method, "/v2/team/app/manifests/latest") for method in ("HEAD", "PUT", "DELETE")),
    *(("GET", f"/v2/team/app/blobs/{NOWHERE}"), ("POST", "/v2/team/app/blobs/uploads/")),
    ("PATCH", "/v2/team/app/blobs/uploads/0"),
]
#: Contents of forged passwords.
ALTERED = [
    *(b"\xff", b"[]", b"{}", b"[" * 30_000, b'{"payload": 1}', b'{"payload": "L/8="}'),
    b'{"payload": "MTIzNDU2Nzg5MDEyL3VzLWVhc3QtMS85OTk5OTk5OTk5Lw=="}',
]


def get(registry: Any, authorization: str | None = None, path: str = "/v2/") -> requests.Response:
    """Send a request with this Authorization header, or with none."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.get(registry.url + path, headers=headers, timeout=60)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_path_needs_a_password(method: str, path: str, registry: Any) -> None:
    """Every path requires a password, with the same challenge as ECR."""
    response = requests.request(method, registry.url + path, timeout=60)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == (
        f'Basic realm="{registry.url}/",service="ecr.amazonaws.com"'
    )
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("authorization", [None, basic("AWS:wrong")])
def test_oci_refusal(authorization: str | None, oci_registry: Any) -> None:
    """With the protocol of OCI, the refusal has the form of the specification."""
    response = get(oci_registry, authorization)

    assert oci_registry.code(response) == (401, "UNAUTHORIZED")
    assert "WWW-Authenticate" in response.headers


def test_wrong_passwords(registry: Any) -> None:
    """A wrong or altered password, another user name, or none is refused with ECR's challenge."""
    content = json.loads(base64.b64decode(registry.password))
    payload = base64.b64decode(content["payload"]).replace(b"123456789012", b"999999999999", 1)
    assert payload.startswith(b"999999999999/")
    content["payload"] = base64.b64encode(payload).decode()
    for authorization in (
        *map(basic, ("AWS:wrong", "AWS:", "AWS", f"somebody:{registry.password}")),
        *(
            basic(f"AWS:{base64.b64encode(each).decode()}")
            for each in (*ALTERED, json.dumps(content).encode())
        ),
        *("Basic", "Basic !", "Basic /w==", "Bearer AWS"),
    ):
        response = get(registry, authorization)

        assert (response.status_code, response.text) == (401, "Not Authorized\n"), authorization
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_a_password_selects_the_registry(ecr: LocalECR, registry: Any, api: Any) -> None:
    """The token of another account or region gives access to that registry only."""
    (account,) = api.get_authorization_token(registry_ids=["210987654321"]).authorization_data
    with ecr.client(region="ap-south-1") as client:
        (region,) = client.get_authorization_token().authorization_data
    denied, empty = (
        get(registry, f"Basic {data.authorization_token}", "/v2/_catalog")
        for data in (account, region)
    )

    assert registry.code(denied) == (403, "DENIED")
    assert empty.json() == {"repositories": []}
    assert registry.send("GET", "_catalog").json() == {"repositories": ["team/app"]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", "team/app", 404), ("GET", "team/app/manifests/", 404), ("POST", "/v2/", 405)),
        *(("PUT", "team/app/tags/list", 405), ("POST", "team/app/manifests/v1", 405)),
        ("GET", "team/app/blobs/uploads/", 405),
    ],
)
def test_unsupported_requests(method: str, path: str, status: int, registry: Any) -> None:
    """A path or a method that the protocol does not have gets an error of the protocol."""
    assert registry.code(registry.send(method, path)) == (status, "UNSUPPORTED")
