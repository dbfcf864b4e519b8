"""Lifecycle policies of repositories: stored, previewed and applied."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecr_client import exceptions as errors
from ecr_client.local import LocalECR

EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


def rule(priority: int = 1, action: dict[str, str] = EXPIRE, **selection: Any) -> dict[str, Any]:
    counting = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    return {"rulePriority": priority, "selection": {**counting, **selection}, "action": action}


def days(number: int, since: str = "sinceImagePushed", **more: Any) -> dict[str, Any]:
    return {"countType": since, "countUnit": "days", "countNumber": number, **more}


def put(client: Any, *rules: dict[str, Any], **more: str) -> Any:
    text = json.dumps({"rules": rules}, indent=2)
    return client.put_lifecycle_policy(lifecycle_policy_text=text, **more)


def digests(client: Any, name: str = "app", status: str = "ANY") -> set[str]:
    listed = client.list_images(repository_name=name, filter={"image_status": status}).image_ids
    return {str(one.image_digest) for one in listed}


def preview(client: Any, *rules: dict[str, Any], **members: Any) -> Any:
    """Start a preview, and return its result."""
    text = json.dumps({"rules": rules})
    client.start_lifecycle_policy_preview(lifecycle_policy_text=text)
    return client.get_lifecycle_policy_preview(**members)


def test_policies(client: Any) -> None:
    """A policy is returned in the service's form, and an invalid one does not replace it."""
    rules = [rule(9), rule(2, tagStatus="untagged")]
    response = put(client, *rules)
    with pytest.raises(errors.InvalidParameterException) as caught:
        put(client, rule(1), rule(2, tagStatus="untagged"))
    found = client.get_lifecycle_policy()
    gone = client.delete_lifecycle_policy()

    text = str(found.lifecycle_policy_text)
    assert response.lifecycle_policy_text == gone.lifecycle_policy_text == text
    assert (json.loads(text), "\n" in text) == ({"rules": rules[::-1]}, False)
    assert (found.registry_id, found.repository_name) == ("123456789012", "app")
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert found.last_evaluated_at == gone.last_evaluated_at == epoch
    assert caught.value.error_message == (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy"
        " validation failure: Rule for tagStatus=ANY must have the lowest priority per storage"
        " class'"
    )


def test_missing_policies(client: Any) -> None:
    """A missing policy and a missing repository have different errors."""
    for name, error in (
        ("app", errors.LifecyclePolicyNotFoundException),
        ("other", errors.RepositoryNotFoundException),
    ):
        for call in (
            client.get_lifecycle_policy,
            client.delete_lifecycle_policy,
            client.start_lifecycle_policy_preview,
        ):
            with pytest.raises(error, match=f"repository with name '{name}'"):
                call(repository_name=name)
    with pytest.raises(errors.RepositoryNotFoundException):
        put(client, rule(), repository_name="other")
    with pytest.raises(errors.RepositoryNotFoundException):
        client.get_lifecycle_policy_preview(repository_name="other")


def test_preview_of_the_current_policy(client: Any, push: Any, clock: Any) -> None:
    """A preview without a policy of its own uses the one of the repository."""
    old = push.image("app", "v1", "first")
    clock.advance(days=1)
    push.image("app", "v2")
    put(client, rule(3))
    started = client.start_lifecycle_policy_preview()
    found = client.get_lifecycle_policy_preview()
    (result,) = found.preview_results

    assert (started.status, found.status) == ("IN_PROGRESS", "COMPLETE")
    assert started.lifecycle_policy_text == found.lifecycle_policy_text
    assert (result.image_digest, result.image_tags) == (old, ("first", "v1"))
    assert result.image_pushed_at == clock.now - timedelta(days=1)
    assert (result.action.type, result.action.target_storage_class) == ("EXPIRE", None)
    assert (result.applied_rule_priority, result.storage_class) == (3, "STANDARD")
    assert found.summary.expiring_image_total_count == 1
    assert found.summary.transitioning_image_total_counts == ()


def test_a_preview_is_a_snapshot(client: Any, push: Any, clock: Any) -> None:
    """A preview changes nothing, remains as it was, and is deleted with its repository."""
    image = push.image("app", "v1")
    found = preview(client, rule(**days(5)))
    clock.advance(days=6)
    again = client.get_lifecycle_policy_preview()
    later = preview(client, rule(**days(5)))

    assert found.preview_results == again.preview_results == ()
    assert len(later.preview_results) == 1
    assert digests(client) == {image}
    with pytest.raises(errors.LifecyclePolicyNotFoundException):
        client.get_lifecycle_policy()
    client.delete_repository(force=True)
    client.create_repository()
    with pytest.raises(errors.LifecyclePolicyPreviewNotFoundException):
        client.get_lifecycle_policy_preview()


def test_previews_of_archiving(client: Any, push: Any, clock: Any) -> None:
    """A rule that archives has its storage class in the results and a count in the summary."""
    for tag in ("v1", "v2", "x1", "x2"):
        push.image("app", tag)
        clock.advance(days=1)
    archive = rule(1, ARCHIVE, tagStatus="tagged", tagPrefixList=["v"], **days(1))
    found = preview(client, archive, rule(2, **days(1)))
    (archiving,) = found.summary.transitioning_image_total_counts

    assert [
        (one.action.type, one.action.target_storage_class) for one in found.preview_results
    ] == [("TRANSITION", "ARCHIVE"), ("TRANSITION", "ARCHIVE"), ("EXPIRE", None)]
    assert found.summary.expiring_image_total_count == 1
    assert (archiving.target_storage_class, archiving.image_total_count) == ("ARCHIVE", 2)


def test_previews_are_filtered_and_paged(client: Any, push: Any, clock: Any) -> None:
    """Results are paged, oldest first, and filtered; the summary covers all images."""
    images = []
    for tags in (["v1"], ["v2", "x"], [], ["v3"], ["v4"]):
        images.append(push.image("app", *tags))
        clock.advance(hours=1)
    first = preview(client, rule(), max_results=3)
    get = client.get_lifecycle_policy_preview
    second = get(max_results=3, next_token=first.next_token)

    def of(**members: Any) -> list[int]:
        return [images.index(one.image_digest) for one in get(**members).preview_results]

    wanted: list[dict[str, str]] = [
        {"image_digest": images[0]},
        {"image_tag": "v2"},
        {"image_digest": images[1], "image_tag": "v3"},
        {"image_tag": "v4"},
        {"image_tag": "nothing"},
        {},
    ]

    found = [one.image_digest for one in [*first.preview_results, *second.preview_results]]
    assert (found, second.next_token) == (images[:4], None)
    assert first.summary == second.summary
    assert first.summary.expiring_image_total_count == 4
    assert of(filter={"tag_status": "TAGGED"}) == [0, 1, 3]
    assert of(filter={"tag_status": "UNTAGGED"}) == [2]
    assert of(filter={"tag_status": "ANY"}) == [0, 1, 2, 3]
    assert of(image_ids=wanted) == [0, 1]
    with pytest.raises(errors.InvalidParameterException, match="imageIds"):
        get(image_ids=wanted, max_results=5)


def test_expires_images(client: Any, push: Any, clock: Any, ecr: LocalECR) -> None:
    """Applying a policy deletes the images of its preview, and records the time."""
    old = push.image("app", "v1")
    clock.advance(days=1)
    new = push.image("app", "v2")
    put(client, rule(4))
    (affected,) = ecr.run_lifecycle()

    assert (affected.account, affected.region) == ("123456789012", "us-east-1")
    assert (affected.repository, affected.digest, affected.tags) == ("app", old, ("v1",))
    assert (affected.action, affected.rule_priority) == ("EXPIRE", 4)
    assert digests(client) == {new}
    assert client.get_lifecycle_policy().last_evaluated_at == clock.now
    assert ecr.run_lifecycle() == []


def test_archives_and_then_expires_images(
    client: Any, push: Any, clock: Any, ecr: LocalECR
) -> None:
    """An image that is not pulled is archived, and expires after 90 days in the archive."""
    image = push.image("app", "v1")
    expire = rule(2, **days(90, "sinceImageTransitioned", storageClass="archive"))
    put(client, rule(1, ARCHIVE, **days(30, "sinceImagePulled")), expire)
    states = []
    for wait in (29, 2, 89, 2):
        clock.advance(days=wait)
        ecr.run_lifecycle()
        states.append((digests(client, status="ACTIVE"), digests(client, status="ARCHIVED")))

    assert states == [({image}, set()), (set(), {image}), (set(), {image}), (set(), set())]


@pytest.mark.parametrize("use", ["pull", "restore"])
def test_use_keeps_images(client: Any, push: Any, clock: Any, ecr: LocalECR, use: str) -> None:
    """A pulled image is in use, and the age of a restored one begins at its restoration."""
    push.image("app", "v1")
    image = {"image_tag": "v1"}
    clock.advance(days=29)
    if use == "pull":
        client.batch_get_image(image_ids=[image])
        put(client, rule(1, ARCHIVE, **days(30, "sinceImagePulled")))
    else:
        for target in ("ARCHIVE", "STANDARD"):
            client.update_image_storage_class(image_id=image, target_storage_class=target)
        put(client, rule(**days(30)))
    clock.advance(days=29)

    assert ecr.run_lifecycle() == []


def test_images_of_an_index_go_after_it(client: Any, push: Any, clock: Any, ecr: LocalECR) -> None:
    """Images that an index lists are kept as long as the index, and deleted with it."""
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


def test_artifacts_that_stay(client: Any, push: Any, clock: Any, ecr: LocalECR) -> None:
    """An artifact is kept if an index lists it, and is not archived twice."""
    image, archived = push.image("app", "old"), push.image("app", "x")
    signature, second = push.artifact("app", image), push.artifact("app", archived)
    index = push.index("app", signature, tag="new")
    client.update_image_storage_class(
        image_id={"image_digest": second}, target_storage_class="ARCHIVE"
    )
    clock.advance(days=8)
    tagged = {"tagStatus": "tagged", **days(7)}
    archive = rule(2, ARCHIVE, tagPrefixList=["x"], **tagged)
    put(client, rule(1, tagPrefixList=["old"], **tagged), archive)

    assert {one.digest for one in ecr.run_lifecycle()} == {image, archived}
    assert digests(client) == {signature, index, archived, second}


@pytest.mark.parametrize("action", [EXPIRE, ARCHIVE])
def test_artifacts_follow_their_subject(
    client: Any, push: Any, clock: Any, ecr: LocalECR, action: dict[str, str]
) -> None:
    """Artifacts, and artifacts of artifacts, are affected with their subject, not on their own."""
    image = push.image("app", "v1")
    signature = push.artifact("app", image)
    stamp = push.artifact("app", signature)
    clock.advance(days=8)
    put(client, rule(1, action, tagStatus="untagged", **days(7)))
    kept = ecr.run_lifecycle()
    put(client, rule(5, action, **days(7)))
    gone = [(one.digest, one.rule_priority) for one in ecr.run_lifecycle()]

    assert kept == []
    assert gone == [(image, 5), (signature, 5), (stamp, 5)]
    assert digests(client, status="ACTIVE") == set()


def test_every_registry(client: Any, connect: Any, push: Any, clock: Any, ecr: LocalECR) -> None:
    """Policies apply in all accounts and regions, but only to their own repository."""
    other = connect(account="210987654321", region="eu-west-1")
    for each, name in ((other, "app"), (other, "zoo"), (client, "free")):
        each.create_repository(repository_name=name)
    theirs = type(push)(other)
    for pusher, name in ((push, "app"), (theirs, "app"), (theirs, "zoo"), (push, "free")):
        pusher.image(name)
    clock.advance(days=2)
    for each, name in ((client, "app"), (other, "app"), (other, "zoo")):
        put(each, rule(**days(1)), repository_name=name)
    affected = ecr.run_lifecycle()

    assert [(one.account, one.region, one.repository) for one in affected] == [
        ("123456789012", "us-east-1", "app"),
        ("210987654321", "eu-west-1", "app"),
        ("210987654321", "eu-west-1", "zoo"),
    ]
    assert len(digests(client, "free")) == 1
