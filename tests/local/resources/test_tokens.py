"""Authorization tokens, whose passwords open the registry for twelve hours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR


@pytest.fixture
def client() -> Iterator[ECRClient]:
    """Yield a client of a server that checks passwords."""
    with LocalECR() as running, running.client() as made:
        yield made


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
    headers = {"Authorization": f"Basic {data.authorization_token}"}
    with LocalECR(tmp_path) as ecr:
        response = requests.get(f"{ecr.endpoint}/v2/", headers=headers, timeout=60)

    assert response.status_code == 200
