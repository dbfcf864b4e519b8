"""Settings of a registry: account settings and pull time exclusions; and its tokens."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest
import requests

from ecr_client import exceptions as errors
from ecr_client.local import LocalECR
from ecr_client.local.operations import HANDLERS


@pytest.mark.parametrize(
    ("name", "default", "value"),
    [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V2", "V2"),
        ("BLOB_MOUNTING", "DISABLED", "ENABLED"),
    ],
)
def test_account_settings(connect: Any, name: str, default: str, value: str) -> None:
    """A setting has a default, is stored per account and region, and allows certain values only."""
    client = connect()
    before = client.get_account_setting(name=name).value
    response = client.put_account_setting(name=name, value=value)

    assert (before, response.value) == (default, value)
    assert client.get_account_setting(name=name).value == value
    assert connect(region="eu-west-1").get_account_setting(name=name).value == default
    with pytest.raises(errors.InvalidParameterException, match="'value'"):
        client.put_account_setting(name=name, value="YES")
    for call in (client.get_account_setting, partial(client.put_account_setting, value="red")):
        with pytest.raises(errors.InvalidParameterException, match="'name'"):
            call(name="COLOUR")


def test_pull_time_exclusions(client: Any, clock: Any) -> None:
    """Principals are registered once, listed in pages, and deregistered."""
    roles = [f"arn:aws:iam::123456789012:role/{name}" for name in "abc"]
    register = client.register_pull_time_update_exclusion
    for role in reversed(roles):
        made = register(principal_arn=role)
        assert (made.principal_arn, made.created_at) == (role, clock.now)
    listed = list(client.paginate_list_pull_time_update_exclusions(max_results=2))
    gone = client.deregister_pull_time_update_exclusion(principal_arn=roles[1])

    assert listed == roles
    assert gone.principal_arn == roles[1]
    with pytest.raises(errors.ExclusionAlreadyExistsException):
        register(principal_arn=roles[0])
    with pytest.raises(errors.ExclusionNotFoundException):
        client.deregister_pull_time_update_exclusion(principal_arn=roles[1])


def test_unimplemented_operations(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation of the model without a handler is a NotImplementedException."""
    monkeypatch.delitem(HANDLERS, "DescribeRegistry")
    status, error = call("DescribeRegistry")

    assert (status, error["__type"]) == (501, "NotImplementedException")
    assert "DescribeRegistry" in error["message"]


def test_tokens(tmp_path: Any) -> None:
    """Each registry has its own token, of a realistic size and form, which survives a restart."""
    wanted = ["210987654321", "123456789012", "210987654321"]
    with LocalECR(tmp_path) as ecr, ecr.client() as client:
        found = client.get_authorization_token(registry_ids=wanted).authorization_data
        (data,) = client.get_authorization_token().authorization_data
    token = str(data.authorization_token)
    with LocalECR(tmp_path) as ecr:
        headers = {"Authorization": f"Basic {token}"}
        response = requests.get(f"{ecr.endpoint}/v2/", headers=headers, timeout=60)
    user, _, password = base64.b64decode(token).decode().partition(":")
    content = json.loads(base64.b64decode(password, validate=True))

    assert len({each.authorization_token for each in found}) == 2
    assert user == "AWS"
    assert 2_000 < len(token) < 4_000
    assert content["expiration"] == data.expires_at.timestamp()
    assert response.status_code == 200
