"""Lifecycle policies of repositories: kept, previewed and applied."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    InvalidParameterException,
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewNotFoundException,
    RepositoryNotFoundException,
)
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier, LifecyclePolicyPreviewFilter, ListImagesFilter

EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def rule(priority: int = 1, action: dict[str, str] = EXPIRE, **selection: Any) -> dict[str, Any]:
    counting = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    return {"rulePriority": priority, "selection": {**counting, **selection}, "action": action}


def days(number: int, since: str = "sinceImagePushed", **more: Any) -> dict[str, Any]:
    return {"countType": since, "countUnit": "days", "countNumber": number, **more}


def policy(*rules: dict[str, Any], indent: int | None = 2) -> str:
    return json.dumps({"rules": rules}, indent=indent)


def put(client: ECRClient, *rules: dict[str, Any], name: str = "app") -> None:
    client.put_lifecycle_policy(repository_name=name, lifecycle_policy_text=policy(*rules))


def digests(client: ECRClient, name: str = "app", status: str = "ANY") -> set[str]:
    listed = client.list_images(repository_name=name, filter=ListImagesFilter(image_status=status))
    return {str(one.image_digest) for one in listed.image_ids}


def preview(client: ECRClient, *rules: dict[str, Any], **asked: Any) -> Any:
    """Start a preview and give its result."""
    client.start_lifecycle_policy_preview(
        repository_name="app", lifecycle_policy_text=policy(*rules) if rules else None
    )
    return client.get_lifecycle_policy_preview(repository_name="app", **asked)


def test_the_life_of_a_policy(client: ECRClient) -> None:
    """A policy is returned in the service's form; a wrong one does not replace it."""
    rules = [rule(9), rule(2, tagStatus="untagged")]
    response = client.put_lifecycle_policy(
        repository_name="app", lifecycle_policy_text=policy(*rules)
    )
    with pytest.raises(InvalidParameterException) as caught:
        put(client, rule(1), rule(2, tagStatus="untagged"))
    found = client.get_lifecycle_policy(repository_name="app")
    gone = client.delete_lifecycle_policy(repository_name="app")

    text = str(found.lifecycle_policy_text)
    assert response.lifecycle_policy_text == gone.lifecycle_policy_text == text
    assert (json.loads(text), "\n" in text) == ({"rules": rules[::-1]}, False)
    assert (found.registry_id, found.repository_name) == ("123456789012", "app")
    assert found.last_evaluated_at == gone.last_evaluated_at == EPOCH
    assert caught.value.error_message == (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy"
        " validation failure: Rule for tagStatus=ANY must have the lowest priority per storage"
        " class'"
    )


def test_needs_the_policy_and_the_repository(client: ECRClient) -> None:
    """A missing policy and a missing repository have errors of their own."""
    for name, error in (
        ("app", LifecyclePolicyNotFoundException),
        ("other", RepositoryNotFoundException),
    ):
        for call in (
            client.get_lifecycle_policy,
            client.delete_lifecycle_policy,
            client.start_lifecycle_policy_preview,
        ):
            with pytest.raises(error, match=f"repository with name '{name}'"):
                call(repository_name=name)
    with pytest.raises(RepositoryNotFoundException):
        put(client, rule(), name="other")
    with pytest.raises(RepositoryNotFoundException):
        client.get_lifecycle_policy_preview(repository_name="other")


def test_previews_the_policy_of_the_repository(client: ECRClient, push: Any, clock: Any) -> None:
    """Without a policy of its own, a preview is of the one that the repository has."""
    old = push.image("app", "v1", "first")
    clock.advance(days=1)
    push.image("app", "v2")
    put(client, rule(3))

    started = client.start_lifecycle_policy_preview(repository_name="app")
    found = client.get_lifecycle_policy_preview(repository_name="app")
    [result] = found.preview_results

    assert (started.status, found.status) == ("IN_PROGRESS", "COMPLETE")
    assert started.lifecycle_policy_text == found.lifecycle_policy_text
    assert (result.image_digest, result.image_tags) == (old, ("first", "v1"))
    assert result.image_pushed_at == clock.now - timedelta(days=1)
    assert result.action is not None
    assert (result.action.type, result.action.target_storage_class) == ("EXPIRE", None)
    assert (result.applied_rule_priority, result.storage_class) == (3, "STANDARD")
    assert found.summary is not None
    assert found.summary.expiring_image_total_count == 1
    assert found.summary.transitioning_image_total_counts == ()


def test_a_preview_is_of_one_moment(client: ECRClient, push: Any, clock: Any) -> None:
    """A preview changes nothing, stays as it was, and is deleted with its repository."""
    image = push.image("app", "v1")
    found = preview(client, rule(**days(5)))
    clock.advance(days=6)
    again = client.get_lifecycle_policy_preview(repository_name="app")
    later = preview(client, rule(**days(5)))

    assert found.preview_results == again.preview_results == ()
    assert len(later.preview_results) == 1
    assert digests(client) == {image}
    with pytest.raises(LifecyclePolicyNotFoundException):
        client.get_lifecycle_policy(repository_name="app")
    client.delete_repository(repository_name="app", force=True)
    client.create_repository(repository_name="app")
    with pytest.raises(LifecyclePolicyPreviewNotFoundException):
        client.get_lifecycle_policy_preview(repository_name="app")


def test_previews_archive(client: ECRClient, push: Any, clock: Any) -> None:
    """A rule that archives has its target in the result and a number in the summary."""
    for tag in ("v1", "v2", "x1", "x2"):
        push.image("app", tag)
        clock.advance(days=1)
    archive = rule(1, ARCHIVE, tagStatus="tagged", tagPrefixList=["v"], **days(1))

    found = preview(client, archive, rule(2, **days(1)))

    assert [one.action.type for one in found.preview_results] == [
        "TRANSITION",
        "TRANSITION",
        "EXPIRE",
    ]
    assert found.preview_results[0].action.target_storage_class == "ARCHIVE"
    assert found.summary.expiring_image_total_count == 1
    [archiving] = found.summary.transitioning_image_total_counts
    assert (archiving.target_storage_class, archiving.image_total_count) == ("ARCHIVE", 2)


def test_previews_are_filtered_and_come_in_pages(client: ECRClient, push: Any, clock: Any) -> None:
    """Results are oldest first, in pages, of images with tags or named ones; the summary of all."""
    images = []
    for tags in (["v1"], ["v2", "x"], [], ["v3"], ["v4"]):
        images.append(push.image("app", *tags))
        clock.advance(hours=1)
    first = preview(client, rule(), max_results=3)
    get = partial(client.get_lifecycle_policy_preview, repository_name="app")
    second = get(max_results=3, next_token=first.next_token)
    filtered = {
        status: [
            images.index(one.image_digest)
            for one in get(filter=LifecyclePolicyPreviewFilter(tag_status=status)).preview_results
        ]
        for status in ("TAGGED", "UNTAGGED", "ANY")
    }
    wanted = [
        ImageIdentifier(image_digest=images[0]),
        ImageIdentifier(image_tag="v2"),
        ImageIdentifier(image_digest=images[1], image_tag="v3"),
        ImageIdentifier(image_tag="v4"),
        ImageIdentifier(image_tag="nothing"),
        ImageIdentifier(),
    ]
    named = get(image_ids=wanted).preview_results

    found = [one.image_digest for one in [*first.preview_results, *second.preview_results]]
    assert (found, second.next_token) == (images[:4], None)
    assert first.summary == second.summary
    assert first.summary.expiring_image_total_count == 4
    assert filtered == {"TAGGED": [0, 1, 3], "UNTAGGED": [2], "ANY": [0, 1, 2, 3]}
    assert [one.image_digest for one in named] == images[:2]
    with pytest.raises(InvalidParameterException, match="imageIds"):
        get(image_ids=wanted, max_results=5)


def test_expires_images(client: ECRClient, push: Any, clock: Any, ecr: LocalECR) -> None:
    """Applying a policy deletes what its preview has named, and notes the time."""
    old = push.image("app", "v1")
    clock.advance(days=1)
    new = push.image("app", "v2")
    put(client, rule(4))

    [affected] = ecr.run_lifecycle()

    assert (affected.account, affected.region) == ("123456789012", "us-east-1")
    assert (affected.repository, affected.digest, affected.tags) == ("app", old, ("v1",))
    assert (affected.action, affected.rule_priority) == ("EXPIRE", 4)
    assert digests(client) == {new}
    assert client.get_lifecycle_policy(repository_name="app").last_evaluated_at == clock.now
    assert ecr.run_lifecycle() == []


def test_archives_and_then_expires_images(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR
) -> None:
    """An image that is not pulled is archived, and expires after 90 days in the archive."""
    image = push.image("app", "v1")
    put(
        client,
        rule(1, ARCHIVE, **days(30, "sinceImagePulled")),
        rule(2, **days(90, "sinceImageTransitioned", storageClass="archive")),
    )
    states = []

    for wait in (29, 2, 89, 2):
        clock.advance(days=wait)
        ecr.run_lifecycle()
        states.append((digests(client, status="ACTIVE"), digests(client, status="ARCHIVED")))

    assert states == [({image}, set()), (set(), {image}), (set(), {image}), (set(), set())]


@pytest.mark.parametrize("use", ["pull", "restore"])
def test_use_keeps_images(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR, use: str
) -> None:
    """A pulled image is in use, and a restored one is as old as its restoration."""
    push.image("app", "v1")
    image = ImageIdentifier(image_tag="v1")
    clock.advance(days=29)
    if use == "pull":
        client.batch_get_image(repository_name="app", image_ids=[image])
        put(client, rule(1, ARCHIVE, **days(30, "sinceImagePulled")))
    else:
        for target in ("ARCHIVE", "STANDARD"):
            client.update_image_storage_class(
                repository_name="app", image_id=image, target_storage_class=target
            )
        put(client, rule(**days(30)))
    clock.advance(days=29)

    assert ecr.run_lifecycle() == []


def test_images_of_an_index_go_after_it(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR
) -> None:
    """Images that an index lists stay with it, and are deleted with it."""
    children = [push.image("app"), push.image("app")]
    inner = push.index("app", *children)
    outer = push.index("app", inner, children[0], tag="v1")
    clock.advance(days=8)
    put(client, rule(1, tagStatus="untagged", **days(7)))

    kept = ecr.run_lifecycle()
    put(client, rule(1, **days(7)))
    gone = [one.digest for one in ecr.run_lifecycle()]

    assert kept == []
    assert set(gone) == {outer, inner, *children}
    assert gone[:2] == [outer, inner]
    assert digests(client) == set()


def test_artifacts_that_stay(client: ECRClient, push: Any, clock: Any, ecr: LocalECR) -> None:
    """An artifact stays if an index lists it, and is not archived twice."""
    image, archived = push.image("app", "old"), push.image("app", "x")
    signature, second = push.artifact("app", image), push.artifact("app", archived)
    index = push.index("app", signature, tag="new")
    client.update_image_storage_class(
        repository_name="app",
        image_id=ImageIdentifier(image_digest=second),
        target_storage_class="ARCHIVE",
    )
    clock.advance(days=8)
    put(
        client,
        rule(1, tagStatus="tagged", tagPrefixList=["old"], **days(7)),
        rule(2, ARCHIVE, tagStatus="tagged", tagPrefixList=["x"], **days(7)),
    )

    assert {one.digest for one in ecr.run_lifecycle()} == {image, archived}
    assert digests(client) == {signature, index, archived, second}


@pytest.mark.parametrize("action", [EXPIRE, ARCHIVE])
def test_artifacts_follow_their_subject(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR, action: dict[str, str]
) -> None:
    """Signatures, and what refers to them in turn, go with the image; not without it."""
    image = push.image("app", "v1")
    signature = push.artifact("app", image)
    stamp = push.artifact("app", signature)
    clock.advance(days=8)
    put(client, rule(1, action, tagStatus="untagged", **days(7)))

    kept = ecr.run_lifecycle()
    put(client, rule(5, action, **days(7)))
    gone = ecr.run_lifecycle()

    assert kept == []
    assert [(one.digest, one.rule_priority) for one in gone] == [
        (image, 5),
        (signature, 5),
        (stamp, 5),
    ]
    assert digests(client, status="ACTIVE") == set()


def test_every_registry(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any, clock: Any, ecr: LocalECR
) -> None:
    """Policies apply in all accounts and regions, to the repository that has them only."""
    other = connect(account="210987654321", region="eu-west-1")
    for each, name in ((other, "app"), (other, "zoo"), (client, "free")):
        each.create_repository(repository_name=name)
    theirs = type(push)(other)
    for pusher, name in ((push, "app"), (theirs, "app"), (theirs, "zoo"), (push, "free")):
        pusher.image(name)
    clock.advance(days=2)
    put(client, rule(**days(1)))
    for name in ("app", "zoo"):
        put(other, rule(**days(1)), name=name)

    affected = ecr.run_lifecycle()

    assert [(one.account, one.region, one.repository) for one in affected] == [
        ("123456789012", "us-east-1", "app"),
        ("210987654321", "eu-west-1", "app"),
        ("210987654321", "eu-west-1", "zoo"),
    ]
    assert len(digests(client, "free")) == 1
