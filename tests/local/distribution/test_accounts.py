"""The registry protocol in the registry of another account, as far as its policies allow."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client import Credentials, ECRClient
from ecr_client.local import LocalECR
from ecr_client.local.permissions import REQUEST_ACTIONS

NOWHERE = f"sha256:{'0' * 64}"
OWNER, GUEST = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{GUEST}:role/builder"
HOST = f"{OWNER}.dkr.ecr.us-east-1.amazonaws.com"
UPLOAD = "0b0de2c1-7c9e-4d0f-8f0a-1d8e2a7f3c55"
UPLOADING = ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"]
PUSH = ["BatchCheckLayerAvailability", *UPLOADING, "PutImage"]
PULL = ["BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability"]
START = "team/app/blobs/uploads/"
#: Requests, and the actions that each of them requires.
ACTIONS: list[tuple[str, str, list[str]]] = [
    ("GET", "_catalog", ["DescribeRepositories"]),
    ("GET", "team/app/tags/list", ["ListImages"]),
    ("HEAD", "team/app/tags/list", ["ListImages"]),
    ("GET", f"team/app/referrers/{NOWHERE}", ["ListImageReferrers"]),
    ("GET", "team/app/manifests/v1", ["BatchGetImage"]),
    ("HEAD", "team/app/manifests/v1", ["BatchGetImage"]),
    ("PUT", "team/app/manifests/v1", ["PutImage"]),
    ("DELETE", "team/app/manifests/v1", ["BatchDeleteImage"]),
    ("GET", f"team/app/blobs/{NOWHERE}", ["GetDownloadUrlForLayer"]),
    ("HEAD", f"team/app/blobs/{NOWHERE}", ["BatchCheckLayerAvailability"]),
    ("POST", START, ["InitiateLayerUpload"]),
    ("POST", START[:-1], ["InitiateLayerUpload"]),
    ("POST", f"{START}?digest={NOWHERE}", UPLOADING),
    ("GET", START + UPLOAD, ["UploadLayerPart"]),
    ("PATCH", START + UPLOAD, ["UploadLayerPart"]),
    ("PUT", f"{START}{UPLOAD}?digest={NOWHERE}", ["UploadLayerPart", "CompleteLayerUpload"]),
    ("DELETE", START + UPLOAD, ["UploadLayerPart"]),
]


class Guest:
    """Sends requests below ``/v2/`` as a principal of another account."""

    def __init__(self, ecr: LocalECR, principal: str = GUEST) -> None:
        self.url = ecr.endpoint
        with ecr.client(account=principal) as client:
            tokens = client.get_authorization_token(registry_ids=[OWNER, GUEST])
        self.tokens = dict(zip((OWNER, GUEST), tokens.authorization_data, strict=True))

    def send(
        self, method: str, path: str, account: str = OWNER, host: str | None = None, **options: Any
    ) -> requests.Response:
        """Send a request with the token for an account's registry."""
        headers = {"Authorization": f"Basic {self.tokens[account].authorization_token}"}
        headers |= {"Host": host} if host else {}
        url = f"{self.url}/v2/{path}"
        return requests.request(method, url, headers=headers, timeout=60, **options)


def refused(response: requests.Response) -> bool:
    """Return whether a response is a refusal in the form of the protocol."""
    if response.status_code == 403 and response.request.method != "HEAD":
        (error,) = response.json()["errors"]
        assert error["code"] == "DENIED"
    return response.status_code == 403


@pytest.fixture(scope="module")
def _pair() -> Iterator[LocalECR]:
    keys = {GUEST: Credentials("AKIDGUEST", "secret"), ROLE: Credentials("AKIDROLE", "secret")}
    with LocalECR(credentials=keys) as running:
        yield running


@pytest.fixture
def ecr(_pair: LocalECR) -> LocalECR:
    _pair.reset()
    return _pair


@pytest.fixture
def guest(ecr: LocalECR, api: ECRClient) -> Guest:
    return Guest(ecr)


def policy(actions: Any, **more: Any) -> str:
    names = [f"ecr:{name}" for name in actions]
    statement = {"Effect": "Allow", "Principal": {"AWS": GUEST}, "Action": names, **more}
    return json.dumps({"Statement": statement})


def let_in(api: ECRClient, *actions: str, **more: Any) -> None:
    """Set the policy of the repository, allowing these actions."""
    text = policy(actions, **more)
    api.set_repository_policy(repository_name="team/app", policy_text=text)


def let_into_registry(api: ECRClient, *actions: str) -> None:
    api.put_registry_policy(policy_text=policy(actions, Resource="*"))


def test_cases_are_complete() -> None:
    """The cases cover every action in the table of requests."""
    known = {name for names in REQUEST_ACTIONS.values() for name in names}

    assert {name for _, _, names in ACTIONS for name in names} == known


@pytest.mark.parametrize(("method", "path", "names"), ACTIONS)
def test_actions(method: str, path: str, names: list[str], guest: Guest, api: ECRClient) -> None:
    """A request is refused if any of its actions is not allowed, and accepted if all are."""
    assert refused(guest.send(method, path))
    for missing in names:
        let_into_registry(api, *(each for each in [*names, "PutAny"] if each != missing))
        assert refused(guest.send(method, path))
    let_into_registry(api, *names)
    assert not refused(guest.send(method, path))


def test_tokens_for_other_registries(guest: Guest) -> None:
    """Tokens exist for every registry, but policies decide what they give access to."""
    assert {guest.send("GET", "", each).status_code for each in (OWNER, GUEST)} == {200}
    assert not refused(guest.send("GET", "_catalog", GUEST))
    assert refused(guest.send("GET", "_catalog", OWNER))


def test_a_push_and_a_pull(guest: Guest, registry: Any, api: ECRClient) -> None:
    """A guest can push with the actions for pushing, and pull with those for pulling."""
    token = base64.b64decode(guest.tokens[OWNER].authorization_token or "").decode()
    registry.session.auth = tuple(token.split(":", 1))
    let_in(api, *PUSH)
    pushed = registry.image("team/app", "v1")
    pull_refused = registry.send("GET", "team/app/manifests/v1").status_code
    let_in(api, *PULL)
    pulled = registry.send("GET", "team/app/manifests/v1")
    layer = registry.send("GET", f"team/app/blobs/{pushed.layers[0]}")
    push_refused = registry.put("team/app", "v2", pushed.manifest).status_code

    assert (pull_refused, push_refused) == (403, 403)
    assert (pulled.content, layer.content) == (pushed.manifest, b"layer")


def test_roles(ecr: LocalECR, guest: Guest, api: ECRClient) -> None:
    """A policy that names a role admits requests signed with that role's keys."""
    let_in(api, "ListImages", Principal={"AWS": ROLE})

    assert refused(guest.send("GET", "team/app/tags/list"))
    role = Guest(ecr, ROLE).send("GET", "team/app/tags/list")
    assert role.json() == {"name": "team/app", "tags": []}


def test_the_host_names_the_registry(guest: Guest, api: ECRClient) -> None:
    """An AWS host name selects the registry, within the region of the token."""
    request = ("GET", "team/app/tags/list", GUEST)
    without = guest.send(*request, host=HOST)
    let_in(api, "ListImages")
    with_it = guest.send(*request, host=HOST)
    elsewhere = guest.send(*request, host=HOST.replace("us-east-1", "eu-west-1"))

    assert refused(without)
    assert with_it.json() == {"name": "team/app", "tags": []}
    assert elsewhere.status_code == 404


@pytest.mark.parametrize("allowed", [True, False])
def test_mounting(allowed: bool, guest: Guest, registry: Any, api: Any) -> None:
    """A layer is mounted only if the guest may read the source; otherwise it has to be uploaded."""
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    api.create_repository(repository_name="secret")
    digest = registry.blob("secret", b"layer")
    let_in(api, *PUSH)
    if allowed:
        let_into_registry(api, "GetDownloadUrlForLayer")
    response = guest.send("POST", START, params={"mount": digest, "from": "secret"})

    assert response.status_code == (201 if allowed else 202)


@pytest.mark.parametrize("allowed", [True, False])
def test_create_on_push(allowed: bool, guest: Guest, api: ECRClient) -> None:
    """A push creates a repository from a template if the guest may create repositories."""
    api.create_repository_creation_template(prefix="ROOT", applied_for=["CREATE_ON_PUSH"])
    let_into_registry(api, *PUSH, *(["CreateRepository"] if allowed else []))
    response = guest.send("POST", "new/blobs/uploads/")
    names = [one.repository_name for one in api.describe_repositories().repositories]

    assert response.status_code == (202 if allowed else 403)
    assert ("new" in names) is allowed
