"""The operations on repositories, images and layers, called over HTTP against moto's server."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from moto.ecr.responses import ECRResponse

from ecr_client import ECRClient
from ecr_client.exceptions import (
    AmazonECRException,
    PartialFailureException,
)
from ecr_client.models import (
    CreateRepositoryRequest,
    EncryptionConfiguration,
    EncryptionType,
    ImageIdentifier,
    ImageScanningConfiguration,
    ImageTagMutability,
    LayerAvailability,
    ListImagesFilter,
    Repository,
    Tag,
    TagStatus,
)

#: What moto implements; each has a test here or in another module of this directory.
OPERATIONS = {
    "batch_check_layer_availability",
    "batch_delete_image",
    "batch_get_image",
    "batch_get_repository_scanning_configuration",
    "complete_layer_upload",
    "create_repository",
    "delete_lifecycle_policy",
    "delete_registry_policy",
    "delete_repository",
    "delete_repository_policy",
    "describe_image_scan_findings",
    "describe_images",
    "describe_registry",
    "describe_repositories",
    "get_authorization_token",
    "get_lifecycle_policy",
    "get_registry_policy",
    "get_registry_scanning_configuration",
    "get_repository_policy",
    "initiate_layer_upload",
    "list_images",
    "list_tags_for_resource",
    "put_image",
    "put_image_scanning_configuration",
    "put_image_tag_mutability",
    "put_lifecycle_policy",
    "put_registry_policy",
    "put_registry_scanning_configuration",
    "put_replication_configuration",
    "set_repository_policy",
    "start_image_scan",
    "tag_resource",
    "untag_resource",
    "upload_layer_part",
}

ACCOUNT = "123456789012"
NO_DIGEST = f"sha256:{'0' * 64}"


def _is_recent(time: datetime | None) -> bool:
    assert time is not None
    return abs(time - datetime.now(timezone.utc)) < timedelta(minutes=5)


def test_the_operations_of_moto_are_those_of_the_table() -> None:
    """Moto implements what the table lists, no more and no less, and each has a test."""
    methods = {name for name, found in vars(ECRResponse).items() if callable(found)}
    named = {name for name in methods if not name.startswith("_")}
    modules = Path(__file__).parent.glob("test_*.py")
    tests = "\n".join(module.read_text(encoding="utf-8") for module in modules)

    assert named - {"get_download_url_for_layer"} == OPERATIONS
    assert [name for name in OPERATIONS if f"\ndef test_{name}(" not in tests] == []
    assert len(OPERATIONS) == 34


@pytest.mark.usefixtures("repository")
def test_get_download_url_for_layer_is_not_implemented(moto_client: ECRClient) -> None:
    """The one operation that moto names without implementing it is a general error of ours."""
    with pytest.raises(AmazonECRException) as raised:
        moto_client.get_download_url_for_layer(repository_name="team/app", layer_digest=NO_DIGEST)

    assert type(raised.value) is AmazonECRException
    assert (raised.value.error_code, raised.value.status_code) == ("500", 500)


# --- repositories -------------------------------------------------------------------------------


def test_create_repository(moto_client: ECRClient) -> None:
    """A new repository comes back with all that it was created with."""
    request = CreateRepositoryRequest(
        repository_name="team/app",
        image_tag_mutability=ImageTagMutability.IMMUTABLE,
        image_scanning_configuration=ImageScanningConfiguration(scan_on_push=True),
        encryption_configuration=EncryptionConfiguration(encryption_type="KMS", kms_key="alias/k"),
    )

    result = moto_client.create_repository(request)
    made = result.repository

    assert made is not None
    assert made.repository_name == "team/app"
    assert made.registry_id == ACCOUNT
    assert made.repository_arn == f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
    assert made.repository_uri == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app"
    assert made.image_tag_mutability is ImageTagMutability.IMMUTABLE
    assert made.image_scanning_configuration == request.image_scanning_configuration
    assert made.encryption_configuration == request.encryption_configuration
    assert made.encryption_configuration.encryption_type is EncryptionType.KMS
    assert _is_recent(made.created_at)
    assert result.response_metadata.http_status_code == 200
    assert moto_client.get_cached_response_metadata(request) is result.response_metadata


def test_describe_repositories(moto_client: ECRClient, repository: Repository) -> None:
    """Repositories are described as they were when they were created, all or by name."""
    other = moto_client.create_repository(repository_name="other").repository

    both = moto_client.describe_repositories()
    one = moto_client.describe_repositories(repository_names=["other"])

    assert both.repositories == (repository, other)
    assert one.repositories == (other,)


def test_delete_repository(moto_client: ECRClient, repository: Repository) -> None:
    """A deleted repository comes back once more, and is gone."""
    deleted = moto_client.delete_repository(repository_name="team/app", force=True)

    assert deleted.repository == repository
    assert moto_client.describe_repositories().repositories == ()


def test_put_image_tag_mutability(moto_client: ECRClient, repository: Repository) -> None:
    """The mutability of tags can be changed."""
    before = repository.image_tag_mutability
    result = moto_client.put_image_tag_mutability(
        repository_name="team/app", image_tag_mutability="IMMUTABLE"
    )

    assert before is ImageTagMutability.MUTABLE
    assert result.image_tag_mutability is ImageTagMutability.IMMUTABLE
    assert (result.registry_id, result.repository_name) == (ACCOUNT, "team/app")


def test_put_image_scanning_configuration(moto_client: ECRClient, repository: Repository) -> None:
    """Scanning on push can be switched on."""
    before = repository.image_scanning_configuration
    wanted = ImageScanningConfiguration(scan_on_push=True)
    result = moto_client.put_image_scanning_configuration(
        repository_name="team/app", image_scanning_configuration=wanted
    )

    assert before == ImageScanningConfiguration(scan_on_push=False)
    assert result.image_scanning_configuration == wanted


def _tags(client: ECRClient, repository: Repository) -> dict[str, str]:
    tags = client.list_tags_for_resource(resource_arn=repository.repository_arn or "").tags
    return {tag.key: tag.value for tag in tags}


def test_list_tags_for_resource(moto_client: ECRClient) -> None:
    """The tags of a repository are those that it was created with."""
    tags = [Tag(key="team", value="Größe"), Tag(key="empty", value="")]
    made = moto_client.create_repository(repository_name="tagged", tags=tags).repository

    assert made is not None
    assert _tags(moto_client, made) == {"team": "Größe", "empty": ""}


def test_tag_resource(moto_client: ECRClient, repository: Repository) -> None:
    """A repository can be given tags."""
    arn = repository.repository_arn or ""
    moto_client.tag_resource(resource_arn=arn, tags=[Tag(key="a", value="1")])

    assert _tags(moto_client, repository) == {"a": "1"}


def test_untag_resource(moto_client: ECRClient, repository: Repository) -> None:
    """Tags can be taken away from a repository by their keys."""
    arn = repository.repository_arn or ""
    tags = [Tag(key="a", value="1"), Tag(key="b", value="2")]
    moto_client.tag_resource(resource_arn=arn, tags=tags)
    moto_client.untag_resource(resource_arn=arn, tag_keys=["a"])

    assert _tags(moto_client, repository) == {"b": "2"}


# --- images -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("repository")
def test_put_image(moto_client: ECRClient, manifest: str) -> None:
    """An image that is put comes back with its manifest, digest and tag."""
    put = moto_client.put_image(
        repository_name="team/app", image_manifest=manifest, image_tag="v1", image_digest=NO_DIGEST
    ).image

    assert put is not None
    assert put.image_manifest == manifest
    assert put.image_id == ImageIdentifier(image_digest=NO_DIGEST, image_tag="v1")
    assert (put.registry_id, put.repository_name) == (ACCOUNT, "team/app")
    assert put.image_manifest_media_type == json.loads(manifest)["mediaType"]


def test_list_images(moto_client: ECRClient, image: ImageIdentifier) -> None:
    """Images are listed by digest and tag, and a filter leaves some of them out."""
    untagged = ListImagesFilter(tag_status=TagStatus.UNTAGGED)

    assert moto_client.list_images(repository_name="team/app").image_ids == (image,)
    assert moto_client.list_images(repository_name="team/app", filter=untagged).image_ids == ()


def test_describe_images(moto_client: ECRClient, image: ImageIdentifier) -> None:
    """The details of an image name its digest, tags, size, type and time."""
    result = moto_client.describe_images(repository_name="team/app", image_ids=[image])
    (detail,) = result.image_details

    assert detail.image_digest == image.image_digest
    assert detail.image_tags == ("v1",)
    assert detail.image_size_in_bytes == 7023
    assert detail.image_manifest_media_type == (
        "application/vnd.docker.distribution.manifest.v2+json"
    )
    assert _is_recent(detail.image_pushed_at)


def test_batch_get_image(moto_client: ECRClient, image: ImageIdentifier, manifest: str) -> None:
    """Images are got with their manifests, and those that are not there are failures."""
    absent = ImageIdentifier(image_tag="absent")
    result = moto_client.batch_get_image(repository_name="team/app", image_ids=[image, absent])

    assert [(each.image_id, each.image_manifest) for each in result.images] == [(image, manifest)]
    (failure,) = result.failures
    assert (failure.image_id, failure.failure_code) == (absent, "ImageNotFound")
    with pytest.raises(PartialFailureException) as raised:
        result.raise_for_failures()
    assert raised.value.failures == result.failures


def test_batch_delete_image(moto_client: ECRClient, image: ImageIdentifier) -> None:
    """Images are deleted by tag, and those that are not there are failures."""
    tags = [ImageIdentifier(image_tag="v1"), ImageIdentifier(image_tag="absent")]
    result = moto_client.batch_delete_image(repository_name="team/app", image_ids=tags)

    assert result.image_ids == (image,)
    assert [failure.image_id for failure in result.failures] == [tags[1]]
    assert moto_client.list_images(repository_name="team/app").image_ids == ()


# --- layers -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("repository")
def test_initiate_layer_upload(moto_client: ECRClient) -> None:
    """An upload begins with an id and the size that its parts should have."""
    result = moto_client.initiate_layer_upload(repository_name="team/app")

    assert result.upload_id
    assert result.part_size == 10 * 1024 * 1024


def _upload(client: ECRClient, layer: bytes) -> tuple[str, int | None]:
    """Upload a layer in two parts and return the id of the upload and the last byte received."""
    upload = client.initiate_layer_upload(repository_name="team/app").upload_id or ""
    half = len(layer) // 2
    last = None
    for first, part in ((0, memoryview(layer)[:half]), (half, layer[half:])):
        last = client.upload_layer_part(
            repository_name="team/app",
            upload_id=upload,
            part_first_byte=first,
            part_last_byte=first + len(part) - 1,
            layer_part_blob=part,
        ).last_byte_received
    return upload, last


@pytest.mark.usefixtures("repository")
def test_upload_layer_part(moto_client: ECRClient, layer: bytes) -> None:
    """Every byte of the parts arrives."""
    _, last = _upload(moto_client, layer)

    assert last == len(layer) - 1


@pytest.mark.usefixtures("repository")
def test_complete_layer_upload(moto_client: ECRClient, layer: bytes) -> None:
    """A completed upload has the digest of the bytes that were sent."""
    upload, _ = _upload(moto_client, layer)
    result = moto_client.complete_layer_upload(
        repository_name="team/app", upload_id=upload, layer_digests=[NO_DIGEST]
    )

    assert result.layer_digest == f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert (result.upload_id, result.repository_name) == (upload, "team/app")


@pytest.mark.usefixtures("repository")
def test_batch_check_layer_availability(moto_client: ECRClient, layer: bytes) -> None:
    """A layer that was uploaded is available, and one that was not is a failure."""
    upload, _ = _upload(moto_client, layer)
    digest = moto_client.complete_layer_upload(
        repository_name="team/app", upload_id=upload, layer_digests=[NO_DIGEST]
    ).layer_digest
    result = moto_client.batch_check_layer_availability(
        repository_name="team/app", layer_digests=[digest or "", NO_DIGEST]
    )
    (found,) = result.layers

    assert found.layer_availability is LayerAvailability.AVAILABLE
    assert (found.layer_digest, found.layer_size) == (digest, len(layer))
    assert [failure.layer_digest for failure in result.failures] == [NO_DIGEST]
