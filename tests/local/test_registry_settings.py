"""Templates, pull through cache rules, referrers, replication and account settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    InvalidParameterException,
    PullThroughCacheRuleAlreadyExistsException,
    PullThroughCacheRuleNotFoundException,
    TemplateAlreadyExistsException,
    TemplateNotFoundException,
    UnsupportedUpstreamRegistryException,
)
from ecr_client.local import LocalECR
from ecr_client.models import (
    ListImageReferrersFilter,
    RCTAppliedFor,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    SubjectIdentifier,
    Tag,
)

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = b"{}"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    with ecr.client() as made:
        yield made


def push(client: ECRClient, tag: str | None = None, **members: object) -> str:
    """Push an artifact without layers to ``app``, and give its digest."""
    digest = f"sha256:{hashlib.sha256(EMPTY).hexdigest()}"
    known = client.batch_check_layer_availability(repository_name="app", layer_digests=[digest])
    if known.layers[0].layer_availability != "AVAILABLE":
        upload = str(client.initiate_layer_upload(repository_name="app").upload_id)
        client.upload_layer_part(
            repository_name="app",
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(EMPTY) - 1,
            layer_part_blob=EMPTY,
        )
        client.complete_layer_upload(
            repository_name="app", upload_id=upload, layer_digests=[digest]
        )
    config = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": digest,
        "size": len(EMPTY),
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [config],
        **members,
    }
    image = client.put_image(
        repository_name="app", image_manifest=json.dumps(manifest), image_tag=tag
    ).image
    assert image is not None
    assert image.image_id is not None
    return str(image.image_id.image_digest)


def test_templates(client: ECRClient) -> None:
    """A template is kept, changed, listed and deleted, and there is one for a prefix."""
    made = client.create_repository_creation_template(
        prefix="team",
        applied_for=[RCTAppliedFor.REPLICATION],
        resource_tags=[Tag(key="team", value="a")],
    ).repository_creation_template
    with pytest.raises(TemplateAlreadyExistsException):
        client.create_repository_creation_template(prefix="team", applied_for=["REPLICATION"])
    changed = client.update_repository_creation_template(
        prefix="team", description="ours"
    ).repository_creation_template
    (listed,) = client.paginate_describe_repository_creation_templates()
    client.delete_repository_creation_template(prefix="team")
    with pytest.raises(TemplateNotFoundException):
        client.update_repository_creation_template(prefix="team")

    assert made is not None
    assert changed is not None
    assert (made.image_tag_mutability, made.description) == ("MUTABLE", None)
    assert (changed.description, changed.resource_tags) == ("ours", made.resource_tags)
    assert listed == changed


def test_pull_through_cache_rules(client: ECRClient) -> None:
    """A rule is kept, changed, validated, listed and deleted; unknown upstreams are refused."""
    client.create_pull_through_cache_rule(
        ecr_repository_prefix="quay", upstream_registry_url="quay.io"
    )
    client.create_pull_through_cache_rule(
        ecr_repository_prefix="hub",
        upstream_registry_url="registry-1.docker.io",
        credential_arn=SECRET,
    )
    with pytest.raises(PullThroughCacheRuleAlreadyExistsException):
        client.create_pull_through_cache_rule(
            ecr_repository_prefix="quay", upstream_registry_url="quay.io"
        )
    with pytest.raises(UnsupportedUpstreamRegistryException):
        client.create_pull_through_cache_rule(
            ecr_repository_prefix="other", upstream_registry_url="registry.example"
        )
    changed = client.update_pull_through_cache_rule(
        ecr_repository_prefix="hub", credential_arn=f"{SECRET}x"
    )
    valid = client.validate_pull_through_cache_rule(ecr_repository_prefix="quay")
    listed = list(client.paginate_describe_pull_through_cache_rules())
    client.delete_pull_through_cache_rule(ecr_repository_prefix="hub")
    with pytest.raises(PullThroughCacheRuleNotFoundException):
        client.describe_pull_through_cache_rules(ecr_repository_prefixes=["hub"])

    assert changed.credential_arn == f"{SECRET}x"
    assert valid.is_valid
    assert {rule.upstream_registry for rule in listed} == {"quay", "docker-hub"}


def test_a_hub_needs_credentials(client: ECRClient) -> None:
    """An upstream registry that asks for credentials is refused without a secret."""
    with pytest.raises(UnsupportedUpstreamRegistryException):
        client.create_pull_through_cache_rule(
            ecr_repository_prefix="hub", upstream_registry_url="registry-1.docker.io"
        )


def test_referrers(client: ECRClient) -> None:
    """Artifacts are found by their subject and by their type."""
    client.create_repository(repository_name="app")
    subject = push(client, "1.0")
    reference = {"mediaType": MANIFEST, "digest": subject, "size": 1}
    signature = push(client, artifactType="application/x.signature", subject=reference)
    push(client, artifactType="application/x.sbom", subject=reference)
    identifier = SubjectIdentifier(image_digest=subject)
    every = list(client.paginate_list_image_referrers(repository_name="app", subject_id=identifier))
    (found,) = client.paginate_list_image_referrers(
        repository_name="app",
        subject_id=identifier,
        filter=ListImageReferrersFilter(artifact_types=["application/x.signature"]),
    )

    assert len(every) == 2
    assert (found.digest, found.artifact_type) == (signature, "application/x.signature")


def test_replication(ecr: LocalECR, client: ECRClient) -> None:
    """What is pushed is copied to the other region at once, by the template of that region."""
    destination = ReplicationDestination(region="eu-west-1", registry_id=ecr.account)
    client.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(
            rules=[ReplicationRule(destinations=[destination])]
        )
    )
    client.create_repository(repository_name="app")
    with ecr.client(region="eu-west-1") as elsewhere:
        elsewhere.create_repository_creation_template(
            prefix="ROOT", applied_for=["REPLICATION"], image_tag_mutability="IMMUTABLE"
        )
        digest = push(client, "1.0")
        (copied,) = elsewhere.paginate_describe_images(repository_name="app")
        (repository,) = elsewhere.describe_repositories().repositories

    assert (copied.image_digest, copied.image_tags) == (digest, ("1.0",))
    assert repository.image_tag_mutability == "IMMUTABLE"


def test_account_settings(client: ECRClient) -> None:
    """A setting has its default until it is put, and knows its values."""
    before = client.get_account_setting(name="BLOB_MOUNTING").value
    client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    after = client.get_account_setting(name="BLOB_MOUNTING").value

    assert (before, after) == ("DISABLED", "ENABLED")
    with pytest.raises(InvalidParameterException):
        client.put_account_setting(name="BLOB_MOUNTING", value="PERHAPS")
    with pytest.raises(InvalidParameterException):
        client.get_account_setting(name="NONSENSE")


def test_pull_time_exclusions(client: ECRClient) -> None:
    """Principals are put on the list once, listed, and taken off once."""
    principal = "arn:aws:iam::123456789012:role/scanner"
    client.register_pull_time_update_exclusion(principal_arn=principal)
    with pytest.raises(ExclusionAlreadyExistsException):
        client.register_pull_time_update_exclusion(principal_arn=principal)
    listed = list(client.paginate_list_pull_time_update_exclusions())
    client.deregister_pull_time_update_exclusion(principal_arn=principal)
    with pytest.raises(ExclusionNotFoundException):
        client.deregister_pull_time_update_exclusion(principal_arn=principal)

    assert listed == [principal]
