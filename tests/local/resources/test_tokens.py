"""Authorization tokens, whose passwords open the registry for twelve hours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
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
    """Give a server that checks passwords."""
    with LocalECR(clock=clock) as running:
        yield running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    with ecr.client() as made:
        yield made


def status(ecr: LocalECR, token: str) -> int:
    """Give the status that the registry answers a token with."""
    headers = {"Authorization": f"Basic {token}"}
    return requests.get(f"{ecr.endpoint}/v2/", headers=headers, timeout=60).status_code


def test_a_token_is_good_for_twelve_hours(ecr: LocalECR, client: ECRClient, clock: Any) -> None:
    """The password opens the registry until the time that came with it, and no longer."""
    (data,) = client.get_authorization_token().authorization_data
    token, ends = str(data.authorization_token), data.expires_at
    began = clock.now
    opened = [status(ecr, token)]
    for clock.now in (ends - timedelta(seconds=1), ends):
        opened.append(status(ecr, token))

    assert timedelta(hours=12) - timedelta(seconds=1) <= ends - began <= timedelta(hours=12)
    assert opened == [200, 200, 403]
    assert base64.b64decode(token).startswith(b"AWS:")
    assert data.proxy_endpoint == ecr.endpoint


def test_a_token_is_as_long_as_those_of_the_service(client: ECRClient) -> None:
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
    """Who has logged in need not do so again because the server began anew."""
    with LocalECR(tmp_path) as ecr, ecr.client() as client:
        (data,) = client.get_authorization_token().authorization_data
    with LocalECR(tmp_path) as ecr:
        found = status(ecr, str(data.authorization_token))

    assert found == 200
