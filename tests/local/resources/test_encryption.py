"""By which key repositories are encrypted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.models import EncryptionConfiguration

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def key_of(client: ECRClient, kind: str, key: str | None = None, name: str = "kept") -> Any:
    """Make a repository, and give the key of it as it is described."""
    client.create_repository(
        repository_name=name,
        encryption_configuration=EncryptionConfiguration(encryption_type=kind, kms_key=key),
    )
    (found,) = client.describe_repositories(repository_names=[name]).repositories
    assert found.encryption_configuration is not None
    return found.encryption_configuration.kms_key


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("AES256", None, None),
        ("KMS", KEY, KEY),
        ("KMS", None, f"arn:aws:kms:us-east-1:123456789012:key/{UUID}"),
        ("KMS_DSSE", None, f"arn:aws:kms:us-east-1:123456789012:key/{UUID}"),
    ],
)
def test_the_key_is_described(
    client: ECRClient, kind: str, given: str | None, expected: str | None
) -> None:
    """Encryption by KMS without a key is by the account's default key, which has an ARN."""
    key = key_of(client, kind, given)

    assert key is None if expected is None else re.fullmatch(expected, key)


def test_a_registry_has_one_default_key(connect: Callable[..., ECRClient]) -> None:
    """The default key is the same for all repositories of an account and region, and no others."""
    first = connect()
    keys = [key_of(first, "KMS", name=name) for name in ("one", "two")]
    elsewhere = key_of(connect(region="cn-north-1"), "KMS")
    others = key_of(connect(account="210987654321"), "KMS")

    assert len(set(keys)) == 1
    assert len({*keys, elsewhere, others}) == 3
    assert elsewhere.startswith("arn:aws-cn:kms:cn-north-1:123456789012:key/")
