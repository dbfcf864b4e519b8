"""The operations on policies, scans and the registry, called over HTTP against moto's server."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    LifecyclePolicyNotFoundException,
    PartialFailureException,
    RegistryPolicyNotFoundException,
    RepositoryPolicyNotFoundException,
)
from ecr_client.models import (
    FindingSeverity,
    ImageIdentifier,
    RegistryScanningRule,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    RepositoryFilter,
    RepositoryFilterType,
    ScanFrequency,
    ScanningRepositoryFilter,
    ScanningRepositoryFilterType,
    ScanStatus,
    ScanType,
)

ACCOUNT = "123456789012"
STATEMENT = {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Action": "ecr:BatchGetImage"}]}
)
REGISTRY_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                **STATEMENT,
                "Action": ["ecr:ReplicateImage"],
                "Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
            }
        ],
    }
)
SELECTION = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
LIFECYCLE = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]}
)


def _is_recent(time: datetime | None) -> bool:
    return time is not None and abs(time - datetime.now(timezone.utc)) < timedelta(minutes=5)


# --- policies -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("repository")
def test_set_repository_policy(moto_client: ECRClient) -> None:
    """A policy is set with the very text that was given."""
    result = moto_client.set_repository_policy(repository_name="team/app", policy_text=POLICY)

    assert result.policy_text == POLICY
    assert (result.registry_id, result.repository_name) == (ACCOUNT, "team/app")


@pytest.mark.usefixtures("repository")
def test_get_repository_policy(moto_client: ECRClient) -> None:
    """The policy that is read is the one that was set."""
    moto_client.set_repository_policy(repository_name="team/app", policy_text=POLICY)
    result = moto_client.get_repository_policy(repository_name="team/app")

    assert result.policy_text == POLICY
    assert (result.registry_id, result.repository_name) == (ACCOUNT, "team/app")


@pytest.mark.usefixtures("repository")
def test_delete_repository_policy(moto_client: ECRClient) -> None:
    """A deleted policy comes back once more, and is gone."""
    moto_client.set_repository_policy(repository_name="team/app", policy_text=POLICY)
    result = moto_client.delete_repository_policy(repository_name="team/app")

    assert result.policy_text == POLICY
    with pytest.raises(RepositoryPolicyNotFoundException):
        moto_client.get_repository_policy(repository_name="team/app")


@pytest.mark.usefixtures("repository")
def test_put_lifecycle_policy(moto_client: ECRClient) -> None:
    """A lifecycle policy is set with the very text that was given."""
    result = moto_client.put_lifecycle_policy(
        repository_name="team/app", lifecycle_policy_text=LIFECYCLE
    )

    assert result.lifecycle_policy_text == LIFECYCLE
    assert (result.registry_id, result.repository_name) == (ACCOUNT, "team/app")


@pytest.mark.usefixtures("repository")
def test_get_lifecycle_policy(moto_client: ECRClient) -> None:
    """The lifecycle policy that is read is the one that was set, with the time of its use."""
    moto_client.put_lifecycle_policy(repository_name="team/app", lifecycle_policy_text=LIFECYCLE)
    result = moto_client.get_lifecycle_policy(repository_name="team/app")

    assert result.lifecycle_policy_text == LIFECYCLE
    assert _is_recent(result.last_evaluated_at)


@pytest.mark.usefixtures("repository")
def test_delete_lifecycle_policy(moto_client: ECRClient) -> None:
    """A deleted lifecycle policy comes back once more, and is gone."""
    moto_client.put_lifecycle_policy(repository_name="team/app", lifecycle_policy_text=LIFECYCLE)
    result = moto_client.delete_lifecycle_policy(repository_name="team/app")

    assert result.lifecycle_policy_text == LIFECYCLE
    assert _is_recent(result.last_evaluated_at)
    with pytest.raises(LifecyclePolicyNotFoundException):
        moto_client.get_lifecycle_policy(repository_name="team/app")


def test_put_registry_policy(moto_client: ECRClient) -> None:
    """A policy of the registry is set with the very text that was given."""
    result = moto_client.put_registry_policy(policy_text=REGISTRY_POLICY)

    assert (result.policy_text, result.registry_id) == (REGISTRY_POLICY, ACCOUNT)


def test_get_registry_policy(moto_client: ECRClient) -> None:
    """The policy of the registry that is read is the one that was set."""
    moto_client.put_registry_policy(policy_text=REGISTRY_POLICY)
    result = moto_client.get_registry_policy()

    assert (result.policy_text, result.registry_id) == (REGISTRY_POLICY, ACCOUNT)


def test_delete_registry_policy(moto_client: ECRClient) -> None:
    """A deleted policy of the registry comes back once more, and is gone."""
    moto_client.put_registry_policy(policy_text=REGISTRY_POLICY)
    result = moto_client.delete_registry_policy()

    assert (result.policy_text, result.registry_id) == (REGISTRY_POLICY, ACCOUNT)
    with pytest.raises(RegistryPolicyNotFoundException):
        moto_client.get_registry_policy()


# --- scans --------------------------------------------------------------------------------------


def test_start_image_scan(moto_client: ECRClient, image: ImageIdentifier) -> None:
    """A scan that was started is in progress."""
    result = moto_client.start_image_scan(
        repository_name="team/app", image_id=ImageIdentifier(image_tag="v1")
    )

    assert result.image_id == image
    assert result.image_scan_status is not None
    assert result.image_scan_status.status is ScanStatus.IN_PROGRESS


def test_describe_image_scan_findings(moto_client: ECRClient, image: ImageIdentifier) -> None:
    """The findings of a scan are counted by severity and listed with their attributes."""
    moto_client.start_image_scan(repository_name="team/app", image_id=image)
    result = moto_client.describe_image_scan_findings(repository_name="team/app", image_id=image)

    assert result.image_scan_status is not None
    assert result.image_scan_status.status is ScanStatus.COMPLETE
    assert result.image_scan_findings is not None
    assert result.image_scan_findings.finding_severity_counts == {FindingSeverity.HIGH: 1}
    (finding,) = result.image_scan_findings.findings
    assert (finding.name, finding.severity) == ("CVE-9999-9999", FindingSeverity.HIGH)
    assert ("package_name", "moto_fake") in [(each.key, each.value) for each in finding.attributes]
    assert _is_recent(result.image_scan_findings.vulnerability_source_updated_at)


ALL_FILTER = ScanningRepositoryFilter(
    filter="team/*", filter_type=ScanningRepositoryFilterType.WILDCARD
)
RULES = (
    RegistryScanningRule(
        scan_frequency=ScanFrequency.CONTINUOUS_SCAN, repository_filters=[ALL_FILTER]
    ),
)


def test_put_registry_scanning_configuration(moto_client: ECRClient) -> None:
    """The rules of scanning are set as they were given."""
    configuration = moto_client.put_registry_scanning_configuration(
        scan_type=ScanType.ENHANCED, rules=RULES
    ).registry_scanning_configuration

    assert configuration is not None
    assert (configuration.scan_type, configuration.rules) == (ScanType.ENHANCED, RULES)


def test_get_registry_scanning_configuration(moto_client: ECRClient) -> None:
    """The rules of scanning that are read are those that were set."""
    before = moto_client.get_registry_scanning_configuration().scanning_configuration
    moto_client.put_registry_scanning_configuration(scan_type="ENHANCED", rules=RULES)
    result = moto_client.get_registry_scanning_configuration()

    assert before is not None
    assert (before.scan_type, before.rules) == (ScanType.BASIC, ())
    assert result.registry_id == ACCOUNT
    assert result.scanning_configuration is not None
    assert result.scanning_configuration.rules == RULES


@pytest.mark.usefixtures("repository")
def test_batch_get_repository_scanning_configuration(moto_client: ECRClient) -> None:
    """A repository's scanning follows the rules; one that is not there is a failure."""
    moto_client.put_registry_scanning_configuration(scan_type="ENHANCED", rules=RULES)
    result = moto_client.batch_get_repository_scanning_configuration(
        repository_names=["team/app", "no/such"]
    )
    (found,) = result.scanning_configurations

    assert (found.repository_name, found.scan_on_push) == ("team/app", False)
    assert found.scan_frequency is ScanFrequency.CONTINUOUS_SCAN
    assert found.applied_scan_filters == (ALL_FILTER,)
    with pytest.raises(PartialFailureException) as raised:
        result.raise_for_failures()
    (failure,) = raised.value.failures
    assert (failure.repository_name, failure.failure_code) == ("no/such", "REPOSITORY_NOT_FOUND")


# --- the registry -------------------------------------------------------------------------------

REPLICATION = ReplicationConfiguration(
    rules=[
        ReplicationRule(
            destinations=[ReplicationDestination(region="eu-west-1", registry_id=ACCOUNT)],
            repository_filters=[
                RepositoryFilter(filter="team", filter_type=RepositoryFilterType.PREFIX_MATCH)
            ],
        )
    ]
)


def test_put_replication_configuration(moto_client: ECRClient) -> None:
    """The rules of replication are set as they were given."""
    result = moto_client.put_replication_configuration(replication_configuration=REPLICATION)

    assert result.replication_configuration == REPLICATION


def test_describe_registry(moto_client: ECRClient) -> None:
    """The registry has the rules of replication that were set, and none before."""
    before = moto_client.describe_registry()
    moto_client.put_replication_configuration(replication_configuration=REPLICATION)
    after = moto_client.describe_registry()

    assert before.registry_id == after.registry_id == ACCOUNT
    assert before.replication_configuration == ReplicationConfiguration(rules=[])
    assert after.replication_configuration == REPLICATION


def test_get_authorization_token(moto_client: ECRClient) -> None:
    """A token decodes to a user and a password, has an end, and stays out of the repr."""
    result = moto_client.get_authorization_token()
    (data,) = result.authorization_data
    token = data.authorization_token or ""

    assert base64.b64decode(token) == f"AWS:{ACCOUNT}-auth-token".encode()
    assert data.proxy_endpoint == f"https://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert data.expires_at == datetime(2015, 1, 1, tzinfo=timezone.utc)
    assert token not in repr(result)
