"""Managed signing: the configuration of a registry, and the statuses of its images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    SigningConfigurationNotFoundException,
)
from ecr_client.local import LocalECR
from ecr_client.models import (
    ImageIdentifier,
    SigningConfiguration,
    SigningRepositoryFilter,
    SigningRule,
)

ACCOUNT = "123456789012"


def profile(name: str) -> str:
    return f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/{name}"


def rule(name: str, *filters: str) -> SigningRule:
    wanted = [
        SigningRepositoryFilter(filter=each, filter_type="WILDCARD_MATCH") for each in filters
    ]
    return SigningRule(signing_profile_arn=profile(name), repository_filters=wanted)


def configure(client: ECRClient, *rules: SigningRule) -> Any:
    return client.put_signing_configuration(
        signing_configuration=SigningConfiguration(rules=list(rules))
    )


def statuses(client: ECRClient, tag: str = "v1", repository: str = "app") -> dict[str, str]:
    """Return the status of each profile, by the profile's name."""
    response = client.describe_image_signing_status(
        repository_name=repository, image_id=ImageIdentifier(image_tag=tag)
    )
    return {
        str(each.signing_profile_arn).rpartition("/")[2]: str(each.status)
        for each in response.signing_statuses
    }


def test_a_configuration_is_kept(client: ECRClient, connect: Callable[..., ECRClient]) -> None:
    """A configuration is kept for its registry until it is replaced."""
    configure(client, rule("old"))
    put = configure(client, rule("first", "app", "team/*"), rule("second"))
    got = client.get_signing_configuration()

    assert put.signing_configuration == got.signing_configuration
    assert got.registry_id == ACCOUNT
    assert got.signing_configuration is not None
    assert [each.signing_profile_arn for each in got.signing_configuration.rules] == [
        profile("first"),
        profile("second"),
    ]
    with pytest.raises(SigningConfigurationNotFoundException):
        connect(region="eu-west-1").get_signing_configuration()


def test_a_configuration_is_deleted(client: ECRClient, clock: Any, push: Any) -> None:
    """Deleting returns what there was; later images are not signed, earlier ones remain so."""
    configure(client, rule("prof"))
    push.image("app", "v1")
    deleted = client.delete_signing_configuration()
    push.image("app", "v2")
    clock.advance(seconds=1)

    assert deleted.registry_id == ACCOUNT
    assert deleted.signing_configuration is not None
    assert [each.signing_profile_arn for each in deleted.signing_configuration.rules] == [
        profile("prof")
    ]
    assert statuses(client, "v1") == {"prof": "COMPLETE"}
    assert statuses(client, "v2") == {}
    for call in (client.get_signing_configuration, client.delete_signing_configuration):
        with pytest.raises(SigningConfigurationNotFoundException, match=ACCOUNT):
            call()


def test_signing_goes_on_with_the_clock(client: ECRClient, clock: Any, push: Any) -> None:
    """An image that is pushed is being signed for a second, and is signed then."""
    configure(client, rule("prof"))
    push.image("app", "v1")
    before = statuses(client)
    clock.advance(seconds=0.999999)
    meanwhile = statuses(client)
    clock.advance(seconds=0.000001)

    assert before == meanwhile == {"prof": "IN_PROGRESS"}
    assert statuses(client) == {"prof": "COMPLETE"}


def test_every_profile_signs_once(client: ECRClient, clock: Any, push: Any) -> None:
    """There is one status for each profile whose rules apply, however many of its rules do."""
    client.create_repository(repository_name="team/web")
    configure(
        client,
        rule("none", "other", "team"),
        rule("some", "team/*"),
        rule("some", "*web"),
        rule("every"),
    )
    push.image("team/web", "v1")
    push.image("app", "v1")

    assert list(statuses(client, repository="team/web")) == ["some", "every"]
    assert list(statuses(client)) == ["every"]


def test_second_push(client: ECRClient, clock: Any, push: Any, ecr: LocalECR) -> None:
    """Pushing an image under another tag signs with profiles that are new, or have failed."""
    ecr.set_signing_failure(profile("broken"), "AccessDenied")
    configure(client, rule("broken"), rule("old"))
    digest = push.image("app", "v1")
    clock.advance(seconds=1)
    first = statuses(client)
    ecr.set_signing_failure(profile("broken"), None)
    configure(client, rule("broken"), rule("old"), rule("new"))
    (image,) = client.batch_get_image(
        repository_name="app", image_ids=[ImageIdentifier(image_digest=digest)]
    ).images
    push.manifest("app", str(image.image_manifest), "v2")

    assert first == {"broken": "FAILED", "old": "COMPLETE"}
    assert statuses(client) == {"broken": "IN_PROGRESS", "old": "COMPLETE", "new": "IN_PROGRESS"}
    clock.advance(seconds=1)
    assert set(statuses(client).values()) == {"COMPLETE"}


def test_signing_fails_on_demand(client: ECRClient, clock: Any, push: Any, ecr: LocalECR) -> None:
    """A profile that is to fail does so, with code and reason, when its time is over."""
    ecr.set_signing_failure(profile("prof"), "AccessDenied", "not allowed to sign")
    configure(client, rule("prof"))
    push.image("app", "v1")
    before = statuses(client)
    clock.advance(seconds=1)
    (found,) = client.describe_image_signing_status(
        repository_name="app", image_id=ImageIdentifier(image_tag="v1")
    ).signing_statuses

    assert before == {"prof": "IN_PROGRESS"}
    assert (found.status, found.failure_code, found.failure_reason) == (
        "FAILED",
        "AccessDenied",
        "not allowed to sign",
    )


def test_artifacts_are_not_signed(client: ECRClient, push: Any) -> None:
    """Signatures and other artifacts with a subject have no status."""
    configure(client, rule("prof"))
    subject = push.image("app", "v1")
    artifact = push.artifact("app", subject)
    response = client.describe_image_signing_status(
        repository_name="app", image_id=ImageIdentifier(image_digest=artifact)
    )

    assert response.signing_statuses == ()
    assert response.image_id == ImageIdentifier(image_digest=artifact)
    assert (response.repository_name, response.registry_id) == ("app", ACCOUNT)
