"""Authorization tokens, whose passwords open the registry for twelve hours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR


class Clock:
    """Is set by the test, and begins at the real time, by which clients sign."""

    def __init__(self) -> None:
        self.now = datetime.now(timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ecr(clock: Clock) -> Iterator[LocalECR]:
    """Yield a server that checks passwords."""
    with LocalECR(clock=clock) as running:
        yield running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    with ecr.client() as made:
        yield made


def status(ecr: LocalECR, token: str) -> int:
    """Return the status of a request to the registry with a token."""
    headers = {"Authorization": f"Basic {token}"}
    return requests.get(f"{ecr.endpoint}/v2/", headers=headers, timeout=60).status_code


def test_the_form_of_a_token(client: ECRClient) -> None:
    """A token has some kilobytes, and its password is base64 of a JSON object, as on AWS."""
    (data,) = client.get_authorization_token().authorization_data
    user, _, password = base64.b64decode(str(data.authorization_token)).decode().partition(":")
    content = json.loads(base64.b64decode(password, validate=True))

    assert user == "AWS"
    assert 2_000 < len(str(data.authorization_token)) < 4_000
    assert content["expiration"] == data.expires_at.timestamp()


def test_tokens_of_several_registries(client: ECRClient) -> None:
    """Each registry that is named has a token of its own, in that order and once."""
    wanted = ["210987654321", "123456789012", "210987654321"]
    found = client.get_authorization_token(registry_ids=wanted).authorization_data

    assert len({data.authorization_token for data in found}) == 2


def test_tokens_outlive_a_restart(tmp_path: Any) -> None:
    """A token is valid after a restart of the server."""
    with LocalECR(tmp_path) as ecr, ecr.client() as client:
        (data,) = client.get_authorization_token().authorization_data
    with LocalECR(tmp_path) as ecr:
        found = status(ecr, str(data.authorization_token))

    assert found == 200
