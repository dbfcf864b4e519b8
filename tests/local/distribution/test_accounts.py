"""The registry protocol in the registry of another account: what that one's policies allow."""

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

OWNER, GUEST = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{GUEST}:role/builder"
HOST = f"{OWNER}.dkr.ecr.us-east-1.amazonaws.com"
NOWHERE = f"sha256:{'0' * 64}"
UPLOAD = "0b0de2c1-7c9e-4d0f-8f0a-1d8e2a7f3c55"
PUSH = [
    f"ecr:{name}"
    for name in (
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
    )
]
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
START = "team/app/blobs/uploads/"
#: Requests, and the actions that each of them needs.
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
    (
        "POST",
        f"{START}?digest={NOWHERE}",
        ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"],
    ),
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
        self.passwords = {
            account: base64.b64decode(data.authorization_token or "").decode().partition(":")[2]
            for account, data in zip((OWNER, GUEST), tokens.authorization_data, strict=True)
        }

    def send(
        self, method: str, path: str, account: str = OWNER, **options: Any
    ) -> requests.Response:
        """Send a request with the token for an account's registry."""
        with requests.Session() as session:
            session.trust_env = False
            session.auth = ("AWS", self.passwords[account])
            return session.request(method, f"{self.url}/v2/{path}", timeout=60, **options)


def refused(response: requests.Response) -> str | None:
    """Return the message of a refusal, or None if the response is something else."""
    if response.status_code != 403:
        return None
    if response.request.method == "HEAD":
        return ""
    (error,) = response.json()["errors"]
    assert error["code"] == "DENIED"
    return str(error["message"])


@pytest.fixture(scope="module")
def _pair() -> Iterator[LocalECR]:
    keys = {GUEST: Credentials("AKIDGUEST", "secret"), ROLE: Credentials("AKIDROLE", "secret")}
    with LocalECR(credentials=keys) as running:
        yield running


@pytest.fixture
def ecr(_pair: LocalECR) -> LocalECR:
    """Return a server of two accounts, without any repositories."""
    _pair.reset()
    return _pair


@pytest.fixture
def guest(ecr: LocalECR, api: ECRClient) -> Guest:
    """Return what sends requests as the second account."""
    return Guest(ecr)


def let_in(api: ECRClient, *actions: str, principal: str = GUEST) -> None:
    """Set the policy of the repository ``team/app`` of the first account."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
    text = json.dumps({"Statement": statement})
    api.set_repository_policy(repository_name="team/app", policy_text=text)


def let_into_registry(api: ECRClient, *actions: str) -> None:
    """Set the policy of the registry of the first account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": GUEST},
        "Action": list(actions),
        "Resource": "*",
    }
    api.put_registry_policy(policy_text=json.dumps({"Statement": statement}))


def test_every_request_is_tried() -> None:
    """The cases have every action of the table of requests."""
    assert {name for _, _, names in ACTIONS for name in names} == {
        name for names in REQUEST_ACTIONS.values() for name in names
    }


@pytest.mark.parametrize(("method", "path", "names"), ACTIONS)
def test_a_request_needs_all_of_its_actions(
    method: str, path: str, names: list[str], guest: Guest, api: ECRClient
) -> None:
    """Without a policy it is refused, with all actions but one, too, and with these alone not."""
    actions = [f"ecr:{name}" for name in names]
    found = [refused(guest.send(method, path))]
    for missing in actions:
        let_into_registry(api, *(each for each in [*actions, "ecr:PutAny"] if each != missing))
        found.append(refused(guest.send(method, path)))
    let_into_registry(api, *actions)
    allowed = refused(guest.send(method, path))

    assert None not in found
    assert allowed is None


def test_tokens_for_other_registries(guest: Guest) -> None:
    """Tokens are given out for every registry; what they open, the policies say."""
    assert [guest.send("GET", "", account).status_code for account in (OWNER, GUEST)] == [200, 200]
    assert refused(guest.send("GET", "_catalog", GUEST)) is None
    assert refused(guest.send("GET", "_catalog", OWNER)) is not None


def test_a_push_and_a_pull(ecr: LocalECR, registry: Any, api: ECRClient) -> None:
    """With the actions for pushing a guest pushes, and with those for pulling it pulls."""
    guest = Guest(ecr)
    registry.session.auth = ("AWS", guest.passwords[OWNER])
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
    """A policy that names a role lets in who has signed with the role's keys."""
    let_in(api, "ecr:ListImages", principal=ROLE)

    account = refused(guest.send("GET", "team/app/tags/list"))
    role = Guest(ecr, ROLE).send("GET", "team/app/tags/list")

    assert account is not None
    assert role.json() == {"name": "team/app", "tags": []}


def test_the_host_names_the_registry(ecr: LocalECR, guest: Guest, api: ECRClient) -> None:
    """A host of AWS selects the registry that a token is used for, within the token's region."""
    host = {"Host": HOST}
    without = refused(guest.send("GET", "team/app/tags/list", GUEST, headers=host))
    let_in(api, "ecr:ListImages")
    with_it = guest.send("GET", "team/app/tags/list", GUEST, headers=host)
    host = {"Host": HOST.replace("us-east-1", "eu-west-1")}
    elsewhere = guest.send("GET", "team/app/tags/list", GUEST, headers=host)

    assert without is not None
    assert with_it.json() == {"name": "team/app", "tags": []}
    assert elsewhere.status_code == 404


@pytest.mark.parametrize("allowed", [True, False])
def test_mounting_needs_the_source(allowed: bool, guest: Guest, registry: Any, api: Any) -> None:
    """A layer of a repository that the guest may not read has to be uploaded."""
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    api.create_repository(repository_name="secret")
    digest = registry.blob("secret", b"layer")
    let_in(api, *PUSH)
    if allowed:
        let_into_registry(api, "ecr:GetDownloadUrlForLayer")

    response = guest.send("POST", START, params={"mount": digest, "from": "secret"})

    assert response.status_code == (201 if allowed else 202)


@pytest.mark.parametrize("allowed", [True, False])
def test_repositories_that_a_push_makes(allowed: bool, guest: Guest, api: ECRClient) -> None:
    """A push makes a repository by a template if the guest may create one."""
    api.create_repository_creation_template(prefix="ROOT", applied_for=["CREATE_ON_PUSH"])
    let_into_registry(api, *PUSH, *(["ecr:CreateRepository"] if allowed else []))

    response = guest.send("POST", "new/blobs/uploads/")

    assert response.status_code == (202 if allowed else 403)
    names = [one.repository_name for one in api.describe_repositories().repositories]
    assert ("new" in names) is allowed
