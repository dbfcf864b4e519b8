"""What the tests against moto share: a repository, an image, a layer, and boto3 beside us."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ecr_client import Credentials, ECRClient
from ecr_client.models import ImageIdentifier, Repository

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="session")
def layer() -> bytes:
    """Return the bytes of a layer."""
    return bytes(range(256)) * 64


@pytest.fixture(scope="session")
def manifest(layer: bytes) -> str:
    """Return the manifest of an image with that layer."""
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    content = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": {"mediaType": "application/json", "size": 7023, "digest": digest},
        "layers": [{"mediaType": "application/gzip", "size": len(layer), "digest": digest}],
    }
    return json.dumps(content)


@pytest.fixture
def repository(moto_client: ECRClient) -> Repository:
    """Return a repository without images, ``team/app``."""
    made = moto_client.create_repository(repository_name="team/app").repository
    assert made is not None
    return made


@pytest.fixture
def image(moto_client: ECRClient, repository: Repository, manifest: str) -> ImageIdentifier:
    """Return the id of an image in that repository, whose tag is ``v1``."""
    made = moto_client.put_image(
        repository_name="team/app",
        image_manifest=manifest,
        image_manifest_media_type=MEDIA_TYPE,
        image_tag="v1",
    ).image
    assert made is not None
    assert made.image_id is not None
    return made.image_id


@pytest.fixture
def boto(moto_url: str, credentials: Credentials) -> Iterator[Any]:
    """Yield boto3's client of the same moto server."""
    boto3 = pytest.importorskip("boto3")
    session = boto3.session.Session(
        aws_access_key_id=credentials.access_key, aws_secret_access_key=credentials.secret_key
    )
    made = session.client("ecr", region_name="us-east-1", endpoint_url=moto_url)
    yield made
    made.close()
