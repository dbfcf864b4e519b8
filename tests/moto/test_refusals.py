"""Every operation that moto's server can refuse, and the exception that each refusal becomes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.ecr.responses import ECRResponse

from ecr_client import ECRClient, exceptions, to_dict
from ecr_client.exceptions import AmazonECRException, InvalidLayerPartException
from ecr_client.models import (
    ImageIdentifier,
    ImageScanningConfiguration,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    Tag,
)
from ecr_client.operations import OPERATIONS

ACCOUNT = "123456789012"
DIGEST = f"sha256:{'0' * 64}"
UPLOAD = "00000000-0000-4000-8000-000000000000"
APP = {"repository_name": "team/app"}
NO_SUCH = {"repository_name": "no/such"}
V1 = ImageIdentifier(image_tag="v1")
ABSENT = ImageIdentifier(image_tag="absent")
NO_SUCH_ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/no/such"
SCANNING = {"image_scanning_configuration": ImageScanningConfiguration(scan_on_push=True)}
BLOB = {"layerPartBlob": b"x"}
BYTES = {"part_first_byte": 5, "part_last_byte": 5, "layer_part_blob": b"x"}
RULE = ReplicationRule(
    destinations=[ReplicationDestination(region="us-east-1", registry_id=ACCOUNT)]
)

#: Operations that moto never refuses.
NEVER_REFUSED = {
    "batch_get_repository_scanning_configuration",
    "describe_registry",
    "get_authorization_token",
    "get_registry_scanning_configuration",
    "put_registry_scanning_configuration",
}
#: Operation, members and exception. ``team/app`` exists, with an image ``v1`` and nothing else.
REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    (
        "batch_check_layer_availability",
        {**NO_SUCH, "layer_digests": [DIGEST]},
        "RepositoryNotFoundException",
    ),
    ("batch_delete_image", {**NO_SUCH, "image_ids": [V1]}, "RepositoryNotFoundException"),
    ("batch_get_image", {**NO_SUCH, "image_ids": [V1]}, "RepositoryNotFoundException"),
    (
        "complete_layer_upload",
        {**APP, "upload_id": UPLOAD, "layer_digests": [DIGEST]},
        "UploadNotFoundException",
    ),
    ("create_repository", APP, "RepositoryAlreadyExistsException"),
    ("create_repository", {"repository_name": "Not/Allowed"}, "InvalidParameterException"),
    ("delete_lifecycle_policy", APP, "LifecyclePolicyNotFoundException"),
    ("delete_registry_policy", {}, "RegistryPolicyNotFoundException"),
    ("delete_repository", NO_SUCH, "RepositoryNotFoundException"),
    ("delete_repository", APP, "RepositoryNotEmptyException"),
    ("delete_repository_policy", APP, "RepositoryPolicyNotFoundException"),
    ("describe_image_scan_findings", {**APP, "image_id": V1}, "ScanNotFoundException"),
    ("describe_images", {**APP, "image_ids": [ABSENT]}, "ImageNotFoundException"),
    ("describe_repositories", {"repository_names": ["no/such"]}, "RepositoryNotFoundException"),
    ("get_lifecycle_policy", APP, "LifecyclePolicyNotFoundException"),
    ("get_registry_policy", {}, "RegistryPolicyNotFoundException"),
    ("get_repository_policy", APP, "RepositoryPolicyNotFoundException"),
    ("initiate_layer_upload", NO_SUCH, "RepositoryNotFoundException"),
    ("list_images", NO_SUCH, "RepositoryNotFoundException"),
    ("list_tags_for_resource", {"resource_arn": NO_SUCH_ARN}, "RepositoryNotFoundException"),
    ("list_tags_for_resource", {"resource_arn": "arn"}, "InvalidParameterException"),
    ("put_image", {**APP, "image_manifest": "{}"}, "InvalidParameterException"),
    ("put_image_scanning_configuration", {**NO_SUCH, **SCANNING}, "RepositoryNotFoundException"),
    (
        "put_image_tag_mutability",
        {**APP, "image_tag_mutability": "SOMETIMES"},
        "InvalidParameterException",
    ),
    (
        "put_lifecycle_policy",
        {**APP, "lifecycle_policy_text": "[]".ljust(100)},
        "InvalidParameterException",
    ),
    ("put_registry_policy", {"policy_text": "{}"}, "InvalidParameterException"),
    (
        "put_replication_configuration",
        {"replication_configuration": ReplicationConfiguration(rules=[RULE])},
        "InvalidParameterException",
    ),
    (
        "put_replication_configuration",
        {"replication_configuration": ReplicationConfiguration(rules=[RULE, RULE])},
        "ValidationException",
    ),
    ("set_repository_policy", {**APP, "policy_text": "{}"}, "InvalidParameterException"),
    ("start_image_scan", {**APP, "image_id": ABSENT}, "ImageNotFoundException"),
    (
        "tag_resource",
        {"resource_arn": NO_SUCH_ARN, "tags": [Tag(key="a", value="1")]},
        "RepositoryNotFoundException",
    ),
    (
        "untag_resource",
        {"resource_arn": NO_SUCH_ARN, "tag_keys": ["a"]},
        "RepositoryNotFoundException",
    ),
    ("upload_layer_part", {**APP, **BYTES, "upload_id": UPLOAD}, "UploadNotFoundException"),
]


def test_every_operation_of_moto_is_refused_or_said_not_to_be() -> None:
    """Each operation that moto implements is in exactly one of the two tables."""
    methods = {name for name, found in vars(ECRResponse).items() if callable(found)}
    named = {name for name in methods if not name.startswith("_")}
    refused = {operation for operation, _, _ in REFUSALS}

    assert refused | NEVER_REFUSED == named - {"get_download_url_for_layer"}
    assert refused & NEVER_REFUSED == set()


@pytest.mark.parametrize(
    ("operation", "members", "exception"),
    REFUSALS,
    ids=[f"{operation}-{exception}" for operation, _, exception in REFUSALS],
)
@pytest.mark.usefixtures("image")
def test_refusals(
    moto_client: ECRClient, boto: Any, operation: str, members: dict[str, Any], exception: str
) -> None:
    """What moto refuses is raised as the class of its code, with what boto3 tells, and its id."""
    title = "".join(map(str.capitalize, operation.split("_")))
    request = OPERATIONS[title].request_class(**members)
    given = {**to_dict(request, "wire"), **BLOB} if "layer_part_blob" in members else None
    with pytest.raises(ClientError) as theirs:
        getattr(boto, operation)(**(given or to_dict(request, "wire")))
    with pytest.raises(AmazonECRException) as raised:
        getattr(moto_client, operation)(**members)
    error = raised.value

    assert type(error) is getattr(exceptions, exception)
    assert error.response["Error"] == theirs.value.response["Error"]
    assert error.operation_name == theirs.value.operation_name
    assert error.status_code == 400
    assert error.request_id
    assert error.request_id in str(error)


def test_a_second_scan_on_the_same_day_is_over_the_limit(
    moto_client: ECRClient, image: ImageIdentifier
) -> None:
    """A quota that is used up is a LimitExceededException, which no repetition would mend."""
    moto_client.start_image_scan(repository_name="team/app", image_id=image)
    with pytest.raises(exceptions.LimitExceededException) as raised:
        moto_client.start_image_scan(repository_name="team/app", image_id=image)

    assert not raised.value.retryable


def test_an_image_that_is_put_again_exists_already(
    moto_client: ECRClient, image: ImageIdentifier, manifest: str
) -> None:
    """The same image with the same tag is an ImageAlreadyExistsException that names its digest."""
    with pytest.raises(exceptions.ImageAlreadyExistsException) as raised:
        moto_client.put_image(repository_name="team/app", image_manifest=manifest, image_tag="v1")

    assert image.image_digest is not None
    assert image.image_digest in raised.value.error_message


@pytest.mark.usefixtures("repository")
def test_a_part_out_of_order_says_how_far_the_layer_has_come(moto_client: ECRClient) -> None:
    """An InvalidLayerPartException has the members that the model gives it."""
    upload = moto_client.initiate_layer_upload(repository_name="team/app").upload_id or ""
    moto_client.upload_layer_part(
        repository_name="team/app",
        upload_id=upload,
        part_first_byte=0,
        part_last_byte=3,
        layer_part_blob=b"four",
    )
    with pytest.raises(InvalidLayerPartException) as raised:
        moto_client.upload_layer_part(
            repository_name="team/app",
            upload_id=upload,
            part_first_byte=9,
            part_last_byte=12,
            layer_part_blob=b"five",
        )
    error = raised.value

    assert error.last_valid_byte_received == 3
    assert (error.registry_id, error.repository_name) == (ACCOUNT, "team/app")
    assert error.upload_id == upload
