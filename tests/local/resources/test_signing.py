"""Managed signing: the configuration of a registry, and the signing status of its images."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client.exceptions import SigningConfigurationNotFoundException
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier

ACCOUNT = "123456789012"


def profile(name: str) -> str:
    return f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/{name}"


def rule(name: str, *filters: str) -> dict[str, Any]:
    wanted = [{"filter": each, "filter_type": "WILDCARD_MATCH"} for each in filters]
    return {"signing_profile_arn": profile(name), "repository_filters": wanted}


def configure(client: Any, *rules: Any) -> Any:
    return client.put_signing_configuration(signing_configuration={"rules": rules})


def statuses(client: Any, tag: str = "v1", repository: str = "app") -> dict[str, str]:
    """Return the status of each profile by its name."""
    found = client.describe_image_signing_status(
        repository_name=repository, image_id={"image_tag": tag}
    ).signing_statuses
    return {each.signing_profile_arn.rpartition("/")[2]: each.status for each in found}


def test_configurations(client: Any, connect: Any, clock: Any, push: Any) -> None:
    """A configuration is stored until it is replaced or deleted; signed images remain signed."""
    configure(client, rule("old"))
    put = configure(client, rule("first", "app", "team/*"), rule("second"))
    got = client.get_signing_configuration()
    push.image("app", "v1")
    deleted = client.delete_signing_configuration()
    push.image("app", "v2")
    clock.advance(seconds=1)

    assert (deleted.registry_id, got.registry_id) == (ACCOUNT, ACCOUNT)
    assert put.signing_configuration == got.signing_configuration == deleted.signing_configuration
    found = [each.signing_profile_arn for each in got.signing_configuration.rules]
    assert found == [profile("first"), profile("second")]
    assert statuses(client, "v1") == {"first": "COMPLETE", "second": "COMPLETE"}
    assert statuses(client, "v2") == {}
    elsewhere = connect(region="eu-west-1")
    for call in (client.get_signing_configuration, client.delete_signing_configuration):
        with pytest.raises(SigningConfigurationNotFoundException, match=ACCOUNT):
            call()
    configure(client, rule("new"))
    with pytest.raises(SigningConfigurationNotFoundException):
        elsewhere.get_signing_configuration()


def test_signing_takes_a_second(client: Any, clock: Any, push: Any) -> None:
    """A pushed image is being signed for a second, and is signed after that."""
    configure(client, rule("prof"))
    push.image("app", "v1")
    before = statuses(client)
    clock.advance(seconds=0.999999)
    meanwhile = statuses(client)
    clock.advance(seconds=0.000001)

    assert before == meanwhile == {"prof": "IN_PROGRESS"}
    assert statuses(client) == {"prof": "COMPLETE"}


def test_a_profile_signs_once(client: Any, push: Any) -> None:
    """There is one status for each profile, however many of its rules apply."""
    client.create_repository(repository_name="team/web")
    some = rule("some", "team/*"), rule("some", "*web")
    configure(client, rule("none", "other", "team"), *some, rule("every"))
    push.image("team/web", "v1")
    push.image("app", "v1")

    assert list(statuses(client, repository="team/web")) == ["some", "every"]
    assert list(statuses(client)) == ["every"]


def test_a_second_push(client: Any, clock: Any, push: Any, ecr: LocalECR) -> None:
    """Pushing an image under another tag signs with profiles that are new or have failed."""
    ecr.set_signing_failure(profile("broken"), "AccessDenied")
    configure(client, rule("broken"), rule("old"))
    push.image("app", "v1")
    clock.advance(seconds=1)
    first = statuses(client)
    ecr.set_signing_failure(profile("broken"), None)
    configure(client, rule("broken"), rule("old"), rule("new"))
    push.again("app", "v1", "v2")

    assert first == {"broken": "FAILED", "old": "COMPLETE"}
    assert statuses(client) == {"broken": "IN_PROGRESS", "old": "COMPLETE", "new": "IN_PROGRESS"}
    clock.advance(seconds=1)
    assert set(statuses(client).values()) == {"COMPLETE"}


def test_signing_fails_on_demand(client: Any, clock: Any, push: Any, ecr: LocalECR) -> None:
    """A profile can be made to fail with a code and a reason, once its time is over."""
    ecr.set_signing_failure(profile("prof"), "AccessDenied", "not allowed to sign")
    configure(client, rule("prof"))
    push.image("app", "v1")
    before = statuses(client)
    clock.advance(seconds=1)
    found = client.describe_image_signing_status(image_id={"image_tag": "v1"})
    (status,) = found.signing_statuses

    assert before == {"prof": "IN_PROGRESS"}
    assert status.status == "FAILED"
    assert (status.failure_code, status.failure_reason) == ("AccessDenied", "not allowed to sign")


def test_artifacts_are_not_signed(client: Any, push: Any) -> None:
    """Signatures and other artifacts with a subject have no status."""
    configure(client, rule("prof"))
    artifact = push.artifact("app", push.image("app", "v1"))
    response = client.describe_image_signing_status(image_id={"image_digest": artifact})

    assert response.signing_statuses == ()
    assert response.image_id == ImageIdentifier(image_digest=artifact)
    assert (response.repository_name, response.registry_id) == ("app", ACCOUNT)
