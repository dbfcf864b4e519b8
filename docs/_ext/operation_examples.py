"""An example of each operation, which the reference shows and a test runs.

A function has the name of a method. The reference shows its body; a comment says what it prints.
"""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_client import ECRClient

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
ROLE = "arn:aws:iam::123456789012:role/scanner"
PULL = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "ecr:BatchGetImage"}
REPLICATE = {
    "Sid": "Replicate",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
    "Action": "ecr:ReplicateImage",
    "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
}
LIFECYCLE = """{
    "rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
        "action": {"type": "expire"}
    }]
}"""


def prepare(client: ECRClient) -> None:
    """Fill a registry with what the examples use."""
    from ecr_client.images import push_image
    from ecr_client.models import (
        ImageIdentifier,
        ReplicationConfiguration,
        ReplicationDestination,
        ReplicationRule,
        SigningConfiguration,
        SigningRule,
        Tag,
    )
    from ecr_client.testing import random_image

    folder = tempfile.mkdtemp()
    random_image(folder, layers=2, size=100)
    client.create_repository(repository_name="team/app", tags=[Tag(key="team", value="app")])
    client.put_signing_configuration(
        signing_configuration=SigningConfiguration(rules=[SigningRule(signing_profile_arn=PROFILE)])
    )
    destination = ReplicationDestination(region="eu-central-1", registry_id="123456789012")
    client.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(
            rules=[ReplicationRule(destinations=[destination])]
        )
    )
    pushed = push_image(client, folder, "team/app:1.0", tags=["latest"])
    push_image(client, folder, "team/tools:1.0", create=True)
    image = ImageIdentifier(image_tag="1.0")
    found = client.batch_get_image(repository_name="team/app", image_ids=[image]).images[0]
    manifest = json.loads(found.image_manifest)
    media_type = manifest["mediaType"]
    subject = {"mediaType": media_type, "digest": pushed.digest, "size": len(found.image_manifest)}
    artifact = {**manifest, "artifactType": "application/spdx+json", "subject": subject}
    client.put_image(repository_name="team/app", image_manifest=json.dumps(artifact))
    client.start_image_scan(repository_name="team/app", image_id=image)
    client.set_repository_policy(
        repository_name="team/app",
        policy_text=json.dumps({"Version": "2012-10-17", "Statement": [PULL]}),
    )
    client.put_registry_policy(
        policy_text=json.dumps({"Version": "2012-10-17", "Statement": [REPLICATE]})
    )
    client.put_lifecycle_policy(repository_name="team/app", lifecycle_policy_text=LIFECYCLE)
    client.start_lifecycle_policy_preview(repository_name="team/app")
    client.create_pull_through_cache_rule(
        ecr_repository_prefix="quay", upstream_registry_url="quay.io"
    )
    client.create_pull_through_cache_rule(
        ecr_repository_prefix="hub",
        upstream_registry_url="registry-1.docker.io",
        credential_arn=SECRET,
    )
    client.create_repository_creation_template(prefix="team", applied_for=["REPLICATION"])
    client.register_pull_time_update_exclusion(principal_arn=ROLE)


# --- repositories -------------------------------------------------------------------------------


def create_repository(client: ECRClient) -> None:
    result = client.create_repository(repository_name="team/web", image_tag_mutability="IMMUTABLE")
    print(result.repository.repository_uri)
    # 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web


def delete_repository(client: ECRClient) -> None:
    client.delete_repository(repository_name="team/app", force=True)


def describe_repositories(client: ECRClient) -> None:
    result = client.describe_repositories(repository_names=["team/app"])
    print(result.repositories[0].repository_arn)
    # arn:aws:ecr:eu-west-1:123456789012:repository/team/app


def list_tags_for_resource(client: ECRClient) -> None:
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    result = client.list_tags_for_resource(resource_arn=arn)
    print({tag.key: tag.value for tag in result.tags})  # {'team': 'app'}


def put_image_tag_mutability(client: ECRClient) -> None:
    from ecr_client.models import ImageTagMutabilityExclusionFilter

    client.put_image_tag_mutability(
        repository_name="team/app",
        image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
        image_tag_mutability_exclusion_filters=[
            ImageTagMutabilityExclusionFilter(filter_type="WILDCARD", filter="latest")
        ],
    )


def tag_resource(client: ECRClient) -> None:
    from ecr_client.models import Tag

    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    client.tag_resource(resource_arn=arn, tags=[Tag(key="cost-center", value="42")])


def untag_resource(client: ECRClient) -> None:
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    client.untag_resource(resource_arn=arn, tag_keys=["team"])


# --- images -------------------------------------------------------------------------------------


def batch_delete_image(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    images = [ImageIdentifier(image_tag="latest"), ImageIdentifier(image_tag="missing")]
    result = client.batch_delete_image(repository_name="team/app", image_ids=images)
    print([image.image_tag for image in result.image_ids])  # ['latest']
    print([str(failure.failure_code) for failure in result.failures])  # ['ImageNotFound']


def batch_get_image(client: ECRClient) -> None:
    import json

    from ecr_client.models import ImageIdentifier

    image = ImageIdentifier(image_tag="1.0")
    result = client.batch_get_image(repository_name="team/app", image_ids=[image])
    result.raise_for_failures()
    manifest = json.loads(result.images[0].image_manifest)
    print(len(manifest["layers"]))  # 2


def describe_images(client: ECRClient) -> None:
    from ecr_client.models import DescribeImagesFilter

    for image in client.paginate_describe_images(
        repository_name="team/app", filter=DescribeImagesFilter(tag_status="TAGGED")
    ):
        print(sorted(image.image_tags))  # ['1.0', 'latest']


def list_images(client: ECRClient) -> None:
    tags = [each.image_tag for each in client.paginate_list_images(repository_name="team/app")]
    print(sorted(tag for tag in tags if tag))  # ['1.0', 'latest']


def put_image(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    tagged = ImageIdentifier(image_tag="1.0")
    image = client.batch_get_image(repository_name="team/app", image_ids=[tagged]).images[0]
    client.put_image(
        repository_name="team/app",
        image_manifest=image.image_manifest,
        image_manifest_media_type=image.image_manifest_media_type,
        image_tag="stable",
    )


def update_image_storage_class(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    result = client.update_image_storage_class(
        repository_name="team/app",
        image_id=ImageIdentifier(image_tag="1.0"),
        target_storage_class="ARCHIVE",
    )
    print(result.image_status)  # ARCHIVED


def list_image_referrers(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier, SubjectIdentifier

    tagged = [ImageIdentifier(image_tag="1.0")]
    images = client.describe_images(repository_name="team/app", image_ids=tagged).image_details
    subject = SubjectIdentifier(image_digest=images[0].image_digest)
    result = client.list_image_referrers(repository_name="team/app", subject_id=subject)
    print([each.artifact_type for each in result.referrers])  # ['application/spdx+json']


# --- layers -------------------------------------------------------------------------------------


def batch_check_layer_availability(client: ECRClient) -> None:
    digest = f"sha256:{64 * '0'}"
    result = client.batch_check_layer_availability(
        repository_name="team/app", layer_digests=[digest]
    )
    print([str(layer.layer_availability) for layer in result.layers])  # ['UNAVAILABLE']


def initiate_layer_upload(client: ECRClient) -> None:
    result = client.initiate_layer_upload(repository_name="team/app")
    print(result.part_size)  # 10485760


def upload_layer_part(client: ECRClient) -> None:
    content = b"the bytes of a layer"
    upload = client.initiate_layer_upload(repository_name="team/app")
    result = client.upload_layer_part(
        repository_name="team/app",
        upload_id=upload.upload_id,
        part_first_byte=0,
        part_last_byte=len(content) - 1,
        layer_part_blob=content,
    )
    print(result.last_byte_received)  # 19


def complete_layer_upload(client: ECRClient) -> None:
    import hashlib

    content = b"the bytes of a layer"
    upload = client.initiate_layer_upload(repository_name="team/app")
    client.upload_layer_part(
        repository_name="team/app",
        upload_id=upload.upload_id,
        part_first_byte=0,
        part_last_byte=len(content) - 1,
        layer_part_blob=content,
    )
    result = client.complete_layer_upload(
        repository_name="team/app",
        upload_id=upload.upload_id,
        layer_digests=[f"sha256:{hashlib.sha256(content).hexdigest()}"],
    )
    print(result.layer_digest[:14])  # sha256:3692935


def get_download_url_for_layer(client: ECRClient) -> None:
    from ecr_client.images import inspect_image

    layer = inspect_image(client, "team/app:1.0").manifests[0].layers[0]
    # `download_layer` makes this call, and verifies what it downloads.
    with client.download_layer(repository_name="team/app", layer_digest=layer.digest) as download:
        print(len(download.read()) == layer.size)  # True


# --- scanning -----------------------------------------------------------------------------------


def start_image_scan(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    image = ImageIdentifier(image_tag="1.0")
    client.start_image_scan(repository_name="team/tools", image_id=image)
    result = client.wait_until_image_scan_complete(repository_name="team/tools", image_id=image)
    print(result.image_scan_status.status if result.image_scan_status else None)  # COMPLETE


def describe_image_scan_findings(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    result = client.describe_image_scan_findings(
        repository_name="team/app", image_id=ImageIdentifier(image_tag="1.0")
    )
    if result.image_scan_findings:
        print(dict(result.image_scan_findings.finding_severity_counts))  # {}


def batch_get_repository_scanning_configuration(client: ECRClient) -> None:
    result = client.batch_get_repository_scanning_configuration(repository_names=["team/app"])
    print([str(each.scan_frequency) for each in result.scanning_configurations])  # ['MANUAL']


def get_registry_scanning_configuration(client: ECRClient) -> None:
    result = client.get_registry_scanning_configuration()
    print(result.scanning_configuration.scan_type if result.scanning_configuration else None)
    # BASIC


def put_image_scanning_configuration(client: ECRClient) -> None:
    from ecr_client.models import ImageScanningConfiguration

    client.put_image_scanning_configuration(
        repository_name="team/app",
        image_scanning_configuration=ImageScanningConfiguration(scan_on_push=True),
    )


def put_registry_scanning_configuration(client: ECRClient) -> None:
    from ecr_client.models import RegistryScanningRule, ScanningRepositoryFilter

    team = ScanningRepositoryFilter(filter="team/*", filter_type="WILDCARD")
    client.put_registry_scanning_configuration(
        scan_type="BASIC",
        rules=[RegistryScanningRule(scan_frequency="SCAN_ON_PUSH", repository_filters=[team])],
    )


# --- policies -----------------------------------------------------------------------------------


def set_repository_policy(client: ECRClient) -> None:
    import json

    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    client.set_repository_policy(repository_name="team/app", policy_text=json.dumps(policy))


def get_repository_policy(client: ECRClient) -> None:
    import json

    result = client.get_repository_policy(repository_name="team/app")
    print(json.loads(result.policy_text)["Statement"][0]["Action"])  # ecr:BatchGetImage


def delete_repository_policy(client: ECRClient) -> None:
    client.delete_repository_policy(repository_name="team/app")


def put_registry_policy(client: ECRClient) -> None:
    import json

    statement = {
        "Sid": "Replicate",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/team/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    client.put_registry_policy(policy_text=json.dumps(policy))


def get_registry_policy(client: ECRClient) -> None:
    import json

    result = client.get_registry_policy()
    print(json.loads(result.policy_text)["Statement"][0]["Sid"])  # Replicate


def delete_registry_policy(client: ECRClient) -> None:
    client.delete_registry_policy()


# --- lifecycle ----------------------------------------------------------------------------------


def put_lifecycle_policy(client: ECRClient) -> None:
    import json

    rule = {
        "rulePriority": 1,
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 14,
        },
        "action": {"type": "expire"},
    }
    client.put_lifecycle_policy(
        repository_name="team/app", lifecycle_policy_text=json.dumps({"rules": [rule]})
    )


def get_lifecycle_policy(client: ECRClient) -> None:
    import json

    result = client.get_lifecycle_policy(repository_name="team/app")
    print(len(json.loads(result.lifecycle_policy_text)["rules"]))  # 1


def delete_lifecycle_policy(client: ECRClient) -> None:
    client.delete_lifecycle_policy(repository_name="team/app")


def start_lifecycle_policy_preview(client: ECRClient) -> None:
    client.start_lifecycle_policy_preview(repository_name="team/app")
    result = client.wait_until_lifecycle_policy_preview_complete(repository_name="team/app")
    print(result.status, len(result.preview_results))  # COMPLETE 0


def get_lifecycle_policy_preview(client: ECRClient) -> None:
    result = client.get_lifecycle_policy_preview(repository_name="team/app")
    print(result.summary.expiring_image_total_count if result.summary else None)  # 0


# --- the registry -------------------------------------------------------------------------------


def describe_registry(client: ECRClient) -> None:
    print(client.describe_registry().registry_id)  # 123456789012


def get_account_setting(client: ECRClient) -> None:
    print(client.get_account_setting(name="BLOB_MOUNTING").value)  # DISABLED


def put_account_setting(client: ECRClient) -> None:
    client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")


def get_authorization_token(client: ECRClient) -> None:
    from ecr_client.docker import get_docker_credentials

    # This makes the call, and decodes the token.
    credentials = get_docker_credentials(client)
    print(credentials.username, credentials.registry)
    # AWS 123456789012.dkr.ecr.eu-west-1.amazonaws.com


def list_pull_time_update_exclusions(client: ECRClient) -> None:
    result = client.list_pull_time_update_exclusions()
    print(list(result.pull_time_update_exclusions))
    # ['arn:aws:iam::123456789012:role/scanner']


def register_pull_time_update_exclusion(client: ECRClient) -> None:
    role = "arn:aws:iam::123456789012:role/mirror"
    client.register_pull_time_update_exclusion(principal_arn=role)


def deregister_pull_time_update_exclusion(client: ECRClient) -> None:
    role = "arn:aws:iam::123456789012:role/scanner"
    client.deregister_pull_time_update_exclusion(principal_arn=role)


# --- replication --------------------------------------------------------------------------------


def put_replication_configuration(client: ECRClient) -> None:
    from ecr_client.models import (
        ReplicationConfiguration,
        ReplicationDestination,
        ReplicationRule,
        RepositoryFilter,
    )

    rule = ReplicationRule(
        destinations=[ReplicationDestination(region="us-east-1", registry_id="123456789012")],
        repository_filters=[RepositoryFilter(filter="team/", filter_type="PREFIX_MATCH")],
    )
    client.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(rules=[rule])
    )


def describe_image_replication_status(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    result = client.describe_image_replication_status(
        repository_name="team/app", image_id=ImageIdentifier(image_tag="1.0")
    )
    print({each.region: str(each.status) for each in result.replication_statuses})
    # {'eu-central-1': 'COMPLETE'}


def start_replication_backfill(client: ECRClient) -> None:
    from ecr_client.models import ReplicationDestination

    destination = ReplicationDestination(region="eu-central-1", registry_id="123456789012")
    result = client.start_replication_backfill(destination=destination)
    print(result.status)  # PREPARING


def describe_replication_backfill_results(client: ECRClient) -> None:
    from ecr_client.models import ReplicationDestination

    destination = ReplicationDestination(region="eu-central-1", registry_id="123456789012")
    backfill = client.start_replication_backfill(destination=destination).replication_backfill_id
    result = client.describe_replication_backfill_results(replication_backfill_id=backfill)
    print(result.failure_code)  # None


def list_replication_backfills(client: ECRClient) -> None:
    for backfill in client.paginate_list_replication_backfills():
        print(backfill.replication_backfill_id, backfill.status)


def stop_replication_backfill(client: ECRClient) -> None:
    from ecr_client.models import ReplicationDestination

    destination = ReplicationDestination(region="eu-central-1", registry_id="123456789012")
    backfill = client.start_replication_backfill(destination=destination).replication_backfill_id
    result = client.stop_replication_backfill(replication_backfill_id=backfill)
    print(result.replication_backfill_id == backfill)  # True


# --- signing ------------------------------------------------------------------------------------


def put_signing_configuration(client: ECRClient) -> None:
    from ecr_client.models import SigningConfiguration, SigningRepositoryFilter, SigningRule

    rule = SigningRule(
        signing_profile_arn="arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release",
        repository_filters=[SigningRepositoryFilter(filter="team/*", filter_type="WILDCARD_MATCH")],
    )
    client.put_signing_configuration(signing_configuration=SigningConfiguration(rules=[rule]))


def get_signing_configuration(client: ECRClient) -> None:
    result = client.get_signing_configuration()
    print(len(result.signing_configuration.rules) if result.signing_configuration else 0)  # 1


def delete_signing_configuration(client: ECRClient) -> None:
    client.delete_signing_configuration()


def describe_image_signing_status(client: ECRClient) -> None:
    from ecr_client.models import ImageIdentifier

    result = client.describe_image_signing_status(
        repository_name="team/app", image_id=ImageIdentifier(image_tag="1.0")
    )
    print([each.failure_code for each in result.signing_statuses])  # [None]


# --- pull through cache -------------------------------------------------------------------------


def create_pull_through_cache_rule(client: ECRClient) -> None:
    result = client.create_pull_through_cache_rule(
        ecr_repository_prefix="k8s", upstream_registry_url="registry.k8s.io"
    )
    print(result.upstream_registry)  # k8s


def describe_pull_through_cache_rules(client: ECRClient) -> None:
    rules = client.paginate_describe_pull_through_cache_rules()
    print(sorted(rule.ecr_repository_prefix for rule in rules))  # ['hub', 'quay']


def update_pull_through_cache_rule(client: ECRClient) -> None:
    client.update_pull_through_cache_rule(
        ecr_repository_prefix="hub",
        credential_arn=(
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/new-AbCdEf"
        ),
    )


def validate_pull_through_cache_rule(client: ECRClient) -> None:
    result = client.validate_pull_through_cache_rule(ecr_repository_prefix="quay")
    print(result.is_valid, result.failure)  # True None


def delete_pull_through_cache_rule(client: ECRClient) -> None:
    client.delete_pull_through_cache_rule(ecr_repository_prefix="quay")


# --- templates ----------------------------------------------------------------------------------


def create_repository_creation_template(client: ECRClient) -> None:
    client.create_repository_creation_template(
        prefix="ROOT", applied_for=["CREATE_ON_PUSH"], image_tag_mutability="IMMUTABLE"
    )


def describe_repository_creation_templates(client: ECRClient) -> None:
    templates = client.paginate_describe_repository_creation_templates()
    print([template.prefix for template in templates])  # ['team']


def update_repository_creation_template(client: ECRClient) -> None:
    client.update_repository_creation_template(prefix="team", description="Copies of the team")


def delete_repository_creation_template(client: ECRClient) -> None:
    client.delete_repository_creation_template(prefix="team")
