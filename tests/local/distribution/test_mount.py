"""Taking a layer from another repository instead of uploading it."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client.models import EncryptionConfiguration

NOWHERE = "sha256:" + "0" * 64
KEYS = [f"arn:aws:kms:us-east-1:123456789012:key/{number}" for number in range(2)]


@pytest.fixture
def other(api: Any) -> str:
    """Return a second repository."""
    api.create_repository(repository_name="other")
    return "other"


@pytest.fixture
def enabled(api: Any) -> None:
    """Switch mounting on, which it is not by default."""
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")


def mount(registry: Any, target: str, digest: str, source: str | None) -> Any:
    query = {"mount": digest} if source is None else {"mount": digest, "from": source}
    return registry.send("POST", f"{target}/blobs/uploads/", params=query)


@pytest.mark.usefixtures("enabled")
def test_a_layer_is_mounted(registry: Any, other: str, api: Any) -> None:
    """A layer of another repository is there without an upload, and outlives its source."""
    digest = registry.blob("team/app", b"layer")

    response = mount(registry, other, digest, "team/app")
    api.delete_repository(repository_name="team/app", force=True)

    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == digest
    assert registry.send("GET", response.headers["Location"]).content == b"layer"


def test_mounting_is_off_by_default(registry: Any, other: str) -> None:
    """Unless the account's setting BLOB_MOUNTING is ENABLED the caller has to upload."""
    digest = registry.blob("team/app", b"layer")

    response = mount(registry, other, digest, "team/app")

    assert response.status_code == 202
    assert registry.send("HEAD", f"{other}/blobs/{digest}").status_code == 404


@pytest.mark.usefixtures("enabled")
@pytest.mark.parametrize(
    ("digest", "source"),
    [
        (NOWHERE, "team/app"),
        (None, "nobody/there"),
        (None, "other"),
        (None, None),
        ("latest", "team/app"),
    ],
)
def test_impossible_mounts(
    digest: str | None, source: str | None, registry: Any, other: str
) -> None:
    """A layer or a repository that is not there is no error: the caller is told to upload."""
    pushed = registry.blob("team/app", b"layer")

    response = mount(registry, other, digest or pushed, source)

    assert response.status_code == 202
    address = response.headers["Location"]
    assert address.startswith(f"/v2/{other}/blobs/uploads/")
    finished = registry.send("PUT", address, params={"digest": pushed}, data=b"layer")
    assert finished.status_code == 201


@pytest.mark.usefixtures("enabled")
@pytest.mark.parametrize(("key", "status"), [(None, 202), (KEYS[1], 202), (KEYS[0], 201)])
def test_both_repositories_must_be_encrypted_alike(
    key: str | None, status: int, registry: Any, api: Any
) -> None:
    """Layers are mounted only between repositories with the same encryption and key."""
    for name, used in (("source", KEYS[0]), ("target", key)):
        api.create_repository(
            repository_name=name,
            encryption_configuration=EncryptionConfiguration(
                encryption_type="AES256" if used is None else "KMS", kms_key=used
            ),
        )
    digest = registry.blob("source", b"layer")

    assert mount(registry, "target", digest, "source").status_code == status
