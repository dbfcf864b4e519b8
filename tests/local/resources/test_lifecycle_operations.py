"""Lifecycle policies of repositories: kept, previewed and applied."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
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


def test_keeps_a_policy(client: ECRClient) -> None:
    """What was put is given back in the service's form, with the rules ordered."""
    rules = [rule(9), rule(2, tagStatus="untagged")]

    answer = client.put_lifecycle_policy(
        repository_name="app", lifecycle_policy_text=policy(*rules)
    )
    found = client.get_lifecycle_policy(repository_name="app")

    assert answer.lifecycle_policy_text == found.lifecycle_policy_text
    assert json.loads(str(found.lifecycle_policy_text)) == {"rules": rules[::-1]}
    assert "\n" not in str(found.lifecycle_policy_text)
    assert (found.registry_id, found.repository_name) == ("123456789012", "app")
    assert found.last_evaluated_at == EPOCH


def test_deletes_a_policy(client: ECRClient) -> None:
    """Deleting gives the policy a last time; then there is none."""
    put(client, rule())

    gone = client.delete_lifecycle_policy(repository_name="app")

    assert json.loads(str(gone.lifecycle_policy_text)) == {"rules": [rule()]}
    assert gone.last_evaluated_at == EPOCH
    with pytest.raises(LifecyclePolicyNotFoundException, match="repository with name 'app'"):
        client.get_lifecycle_policy(repository_name="app")
    with pytest.raises(LifecyclePolicyNotFoundException):
        client.delete_lifecycle_policy(repository_name="app")
    with pytest.raises(LifecyclePolicyNotFoundException):
        client.start_lifecycle_policy_preview(repository_name="app")


def test_refuses_a_policy(client: ECRClient) -> None:
    """The error names the member and the reason, and the old policy stays."""
    put(client, rule(7))

    with pytest.raises(InvalidParameterException) as caught:
        put(client, rule(1), rule(2, tagStatus="untagged"))

    assert caught.value.error_message == (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy"
        " validation failure: Rule for tagStatus=ANY must have the lowest priority per storage"
        " class'"
    )
    assert '"rulePriority":7' in str(
        client.get_lifecycle_policy(repository_name="app").lifecycle_policy_text
    )


@pytest.mark.parametrize("length", [99, 30_721])
def test_policies_have_a_length(client: ECRClient, call: Any, length: int) -> None:
    """A policy has 100 to 30,720 characters."""
    status, error = call(
        "PutLifecyclePolicy", repositoryName="app", lifecyclePolicyText="x" * length
    )

    assert (status, error["__type"]) == (400, "InvalidParameterException")
    assert "Member must have length" in error["message"]


def test_needs_the_repository(client: ECRClient) -> None:
    """There is neither policy nor preview of a repository that is not there."""
    for call in (
        lambda: put(client, rule(), name="other"),
        lambda: client.get_lifecycle_policy(repository_name="other"),
        lambda: client.delete_lifecycle_policy(repository_name="other"),
        lambda: client.start_lifecycle_policy_preview(repository_name="other"),
        lambda: client.get_lifecycle_policy_preview(repository_name="other"),
    ):
        with pytest.raises(RepositoryNotFoundException):
            call()


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


def test_a_preview_changes_nothing(client: ECRClient, push: Any) -> None:
    """A preview deletes no image and sets no policy."""
    images = {push.image("app"), push.image("app")}

    preview(client, rule())

    assert digests(client) == images
    with pytest.raises(LifecyclePolicyNotFoundException):
        client.get_lifecycle_policy(repository_name="app")


def test_a_preview_stays_as_it_was(client: ECRClient, push: Any, clock: Any) -> None:
    """A preview tells of the moment when it was started."""
    push.image("app", "v1")
    found = preview(client, rule(**days(5)))
    clock.advance(days=6)

    again = client.get_lifecycle_policy_preview(repository_name="app")
    later = preview(client, rule(**days(5)))

    assert found.preview_results == again.preview_results == ()
    assert len(later.preview_results) == 1


def test_there_may_be_no_preview(client: ECRClient) -> None:
    """A preview has to be started, and goes with its repository."""
    preview(client, rule())
    client.delete_repository(repository_name="app")
    client.create_repository(repository_name="app")

    with pytest.raises(LifecyclePolicyPreviewNotFoundException):
        client.get_lifecycle_policy_preview(repository_name="app")


def test_previews_refuse_policies(client: ECRClient) -> None:
    """A preview of an invalid policy is refused as the policy is."""
    with pytest.raises(InvalidParameterException, match="Duplicate priority"):
        preview(client, rule(1), rule(1, tagStatus="untagged"))


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


def test_previews_come_in_pages(client: ECRClient, push: Any, clock: Any) -> None:
    """Pages go through all results, oldest first; the summary counts them all."""
    images = []
    for _ in range(5):
        images.append(push.image("app"))
        clock.advance(hours=1)
    first = preview(client, rule(), max_results=3)

    second = client.get_lifecycle_policy_preview(
        repository_name="app", max_results=3, next_token=first.next_token
    )

    found = [one.image_digest for one in [*first.preview_results, *second.preview_results]]
    assert found == images[:4]
    assert second.next_token is None
    assert first.summary == second.summary
    assert first.summary.expiring_image_total_count == 4


def test_tokens_are_bound_to_the_listing(client: ECRClient, push: Any) -> None:
    """A token of another filter or repository is refused."""
    for _ in range(3):
        push.image("app")
    token = preview(client, rule(), max_results=1).next_token

    with pytest.raises(InvalidParameterException, match="nextToken"):
        client.get_lifecycle_policy_preview(
            repository_name="app",
            next_token=token,
            filter=LifecyclePolicyPreviewFilter(tag_status="ANY"),
        )


@pytest.mark.parametrize(
    ("status", "expected"), [("TAGGED", "AB"), ("UNTAGGED", "C"), ("ANY", "ABC")]
)
def test_previews_filter_by_tags(
    client: ECRClient, push: Any, clock: Any, status: str, expected: str
) -> None:
    """Results can be those of images with tags, or without."""
    names = {}
    for name, tags in (("A", ["v1"]), ("B", ["v2", "x"]), ("C", []), ("D", ["v3"])):
        names[push.image("app", *tags)] = name
        clock.advance(hours=1)

    found = preview(client, rule(), filter=LifecyclePolicyPreviewFilter(tag_status=status))

    assert "".join(names[one.image_digest] for one in found.preview_results) == expected


def test_previews_of_some_images(client: ECRClient, push: Any, clock: Any) -> None:
    """Results can be those of named images; images that are not affected are passed over."""
    first = push.image("app", "v1")
    second = push.image("app", "v2")
    push.image("app", "v3")
    clock.advance(days=1)
    push.image("app", "v4")
    wanted = [
        ImageIdentifier(image_digest=first),
        ImageIdentifier(image_tag="v2"),
        ImageIdentifier(image_digest=second, image_tag="v3"),
        ImageIdentifier(image_tag="v4"),
        ImageIdentifier(image_tag="nothing"),
        ImageIdentifier(),
    ]

    found = preview(client, rule(), image_ids=wanted)

    assert {one.image_digest for one in found.preview_results} == {first, second}
    with pytest.raises(InvalidParameterException, match="imageIds"):
        client.get_lifecycle_policy_preview(repository_name="app", image_ids=wanted, max_results=5)


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


def test_pulling_keeps_images(client: ECRClient, push: Any, clock: Any, ecr: LocalECR) -> None:
    """A pull counts as use."""
    push.image("app", "v1")
    put(client, rule(1, ARCHIVE, **days(30, "sinceImagePulled")))
    clock.advance(days=29)
    client.batch_get_image(repository_name="app", image_ids=[ImageIdentifier(image_tag="v1")])
    clock.advance(days=29)

    assert ecr.run_lifecycle() == []


def test_restored_images_are_young(client: ECRClient, push: Any, clock: Any, ecr: LocalECR) -> None:
    """An image that was restored is as old as its restoration."""
    push.image("app", "v1")
    image = ImageIdentifier(image_tag="v1")
    client.update_image_storage_class(
        repository_name="app", image_id=image, target_storage_class="ARCHIVE"
    )
    clock.advance(days=100)
    client.update_image_storage_class(
        repository_name="app", image_id=image, target_storage_class="STANDARD"
    )
    put(client, rule(**days(30)))

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


def test_images_of_an_index_need_a_rule_of_their_own(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR
) -> None:
    """An index may go without the images that it lists."""
    child = push.image("app")
    index = push.index("app", child, tag="v1")
    clock.advance(days=8)
    put(client, rule(1, tagStatus="tagged", tagPrefixList=["v"], **days(7)))

    gone = [one.digest for one in ecr.run_lifecycle()]

    assert gone == [index]
    assert digests(client) == {child}


def test_an_index_keeps_artifacts_that_it_lists(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR
) -> None:
    """An artifact stays without its subject if an index lists it."""
    image = push.image("app", "old")
    signature = push.artifact("app", image)
    index = push.index("app", signature, tag="new")
    clock.advance(days=8)
    put(client, rule(1, tagStatus="tagged", tagPrefixList=["old"], **days(7)))

    gone = [one.digest for one in ecr.run_lifecycle()]

    assert gone == [image]
    assert digests(client) == {signature, index}


def test_archived_artifacts_are_not_archived_again(
    client: ECRClient, push: Any, clock: Any, ecr: LocalECR
) -> None:
    """Only what is archived by the policy is told."""
    image = push.image("app", "v1")
    signature = push.artifact("app", image)
    client.update_image_storage_class(
        repository_name="app",
        image_id=ImageIdentifier(image_digest=signature),
        target_storage_class="ARCHIVE",
    )
    clock.advance(days=8)
    put(client, rule(1, ARCHIVE, **days(7)))

    assert [one.digest for one in ecr.run_lifecycle()] == [image]


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


def test_every_registry_is_gone_through(
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
