"""The client without a server: under moto's in-process mock, and under ``responses``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from moto import mock_aws

from ecr_client import ECRClient
from ecr_client.exceptions import (
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
)
from ecr_client.models import (
    ImageTagMutability,
    Tag,
)

URL = "https://api.ecr.eu-west-1.amazonaws.com/"
NO_DIGEST = f"sha256:{'0' * 64}"


# --- moto ---------------------------------------------------------------------------------------


@pytest.fixture
def mocked() -> Iterator[ECRClient]:
    """Yield a client under moto's mock, which also gives it credentials in the environment."""
    with mock_aws(), ECRClient(region="eu-west-1") as client:
        yield client


def test_repositories_under_the_mock(mocked: ECRClient) -> None:
    """A repository is made, described and deleted without a server."""
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    made = mocked.create_repository(
        repository_name="team/app", tags=[Tag(key="a", value="1")], image_tag_mutability="IMMUTABLE"
    ).repository
    tags = mocked.list_tags_for_resource(resource_arn=arn).tags
    described = mocked.describe_repositories().repositories
    mocked.delete_repository(repository_name="team/app")

    assert made is not None
    assert made.repository_arn == arn
    assert made.image_tag_mutability is ImageTagMutability.IMMUTABLE
    assert described == (made,)
    assert tags == (Tag(key="a", value="1"),)
    assert mocked.describe_repositories().repositories == ()


def test_images_under_the_mock(mocked: ECRClient, manifest: str) -> None:
    """An image is put, listed, got and deleted without a server."""
    mocked.create_repository(repository_name="team/app")
    put = mocked.put_image(repository_name="team/app", image_manifest=manifest, image_tag="v1")
    (one,) = mocked.paginate_list_images(repository_name="team/app")
    got = mocked.batch_get_image(repository_name="team/app", image_ids=[one]).raise_for_failures()
    deleted = mocked.batch_delete_image(repository_name="team/app", image_ids=[one])

    assert put.image is not None
    assert put.image.image_id == one
    assert [image.image_manifest for image in got.images] == [manifest]
    assert deleted.image_ids == (one,)
    assert mocked.list_images(repository_name="team/app").image_ids == ()


def test_layers_under_the_mock(mocked: ECRClient, layer: bytes) -> None:
    """A layer is uploaded, with all its bytes, without a server."""
    mocked.create_repository(repository_name="team/app")
    upload = mocked.initiate_layer_upload(repository_name="team/app").upload_id or ""
    mocked.upload_layer_part(
        repository_name="team/app",
        upload_id=upload,
        part_first_byte=0,
        part_last_byte=len(layer) - 1,
        layer_part_blob=layer,
    )
    digest = mocked.complete_layer_upload(
        repository_name="team/app", upload_id=upload, layer_digests=[NO_DIGEST]
    ).layer_digest

    assert digest == f"sha256:{hashlib.sha256(layer).hexdigest()}"


def test_errors_under_the_mock(mocked: ECRClient) -> None:
    """What the mock refuses is raised by its class."""
    mocked.create_repository(repository_name="team/app")

    with pytest.raises(RepositoryAlreadyExistsException):
        mocked.create_repository(repository_name="team/app")
    with pytest.raises(RepositoryNotFoundException):
        mocked.list_images(repository_name="no/such")


def test_tokens_under_the_mock(mocked: ECRClient) -> None:
    """A token is got without a server."""
    (data,) = mocked.get_authorization_token().authorization_data

    assert data.proxy_endpoint == "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_the_region_is_that_of_the_client_under_the_mock(mocked: ECRClient) -> None:
    """Repositories of one region are not in another one, to which the client can be moved."""
    mocked.create_repository(repository_name="team/app")
    before = mocked.describe_repositories().repositories
    mocked.set_region("us-west-2")

    assert [each.repository_name for each in before] == ["team/app"]
    assert mocked.describe_repositories().repositories == ()


def test_the_default_endpoint_works_under_the_mock() -> None:
    """A client without a region, whose host is the older one, is answered as well."""
    with mock_aws(), ECRClient() as client:
        client.create_repository(repository_name="team/app")
        (found,) = client.describe_repositories().repositories

    assert client.endpoint == "https://ecr.us-east-1.amazonaws.com"
    assert found.repository_uri == "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"


def test_boto3_is_in_the_same_mock(mocked: ECRClient) -> None:
    """What we make under the mock is there for boto3, and the other way round."""
    boto3 = pytest.importorskip("boto3")
    theirs = boto3.session.Session().client("ecr", region_name="eu-west-1")
    mocked.create_repository(repository_name="ours")
    theirs.create_repository(repositoryName="theirs")
    names = [each["repositoryName"] for each in theirs.describe_repositories()["repositories"]]
    ours = [each.repository_name for each in mocked.describe_repositories().repositories]

    assert names == ours == ["ours", "theirs"]
