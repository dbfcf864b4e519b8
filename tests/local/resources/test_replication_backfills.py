"""Replication backfills: what they copy, how they move on with the clock, and their pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ReplicationBackfillInProgressException,
    ReplicationBackfillInvalidStatusException,
    ReplicationBackfillNotFoundException,
    ValidationException,
)
from ecr_client.models import (
    DescribeReplicationBackfillResultsResult,
    ImageIdentifier,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    RepositoryFilter,
)

ACCOUNT, OTHER = "123456789012", "210987654321"
NOWHERE = "00000000-0000-0000-0000-000000000000"
REGIONS = [
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "eu-central-1"),
    *("us-east-2", "us-west-1", "us-west-2", "sa-east-1", "ca-central-1"),
]

Connect = Callable[..., ECRClient]


def destination(region: str = "eu-west-1", account: str = ACCOUNT) -> ReplicationDestination:
    return ReplicationDestination(region=region, registry_id=account)


def configure(
    client: ECRClient, *destinations: ReplicationDestination, filters: tuple[str, ...] = ()
) -> None:
    """Set the destinations of the registry."""
    wanted = [RepositoryFilter(filter=each, filter_type="PREFIX_MATCH") for each in filters]
    rule = ReplicationRule(
        destinations=list(destinations or [destination()]), repository_filters=wanted
    )
    client.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(rules=[rule])
    )


def start(client: ECRClient, *where: ReplicationDestination) -> str:
    """Start a backfill and give its id."""
    started = client.start_replication_backfill(destination=where[0] if where else destination())
    return str(started.replication_backfill_id)


def describe(
    client: ECRClient, backfill: str, **members: Any
) -> DescribeReplicationBackfillResultsResult:
    return client.describe_replication_backfill_results(replication_backfill_id=backfill, **members)


def status(client: ECRClient, backfill: str) -> str:
    return str(describe(client, backfill).status)


def counts(client: ECRClient, backfill: str) -> tuple[int, int, int] | None:
    """Return how many copies there are to make, were made, and failed."""
    progress = describe(client, backfill).progress
    if progress is None:
        return None
    return (
        progress.total_replication_count,
        progress.completed_replication_count,
        progress.failed_replication_count,
    )


def images(client: ECRClient, repository: str = "app") -> set[tuple[str | None, str | None]]:
    """Return digest and tag of every image of a repository."""
    listed = client.list_images(repository_name=repository).image_ids
    return {(each.image_digest, each.image_tag) for each in listed}


def tag(client: ECRClient, push: Any, number: int, repository: str = "app") -> None:
    """Push an image with many tags, each of which is a copy to make."""
    digest = push.image(repository)
    (image,) = client.batch_get_image(
        repository_name=repository, image_ids=[ImageIdentifier(image_digest=digest)]
    ).images
    push.manifest(repository, str(image.image_manifest), *(f"t{n:03}" for n in range(number)))


def test_a_backfill_copies_images(
    client: ECRClient, connect: Connect, clock: Any, push: Any
) -> None:
    """Images that were pushed before are copied: each tag, untagged ones, indexes with children."""
    children = [push.image("app"), push.image("app", "amd64")]
    push.index("app", *children, tag="v1")
    push.image("app")
    push.image("app", "a")
    configure(client)
    elsewhere = connect(region="eu-west-1")
    backfill = start(client)
    clock.advance(seconds=2)
    found = describe(client, backfill)

    assert found.status == "COMPLETE"
    assert found.registry_id == ACCOUNT
    assert found.destination == destination()
    assert found.failure_code is None
    assert images(elsewhere) == images(client)
    # The child without a tag goes with its index.
    assert [(each.image_id.image_tag, each.status) for each in found.results] == [
        ("amd64", "COMPLETE"),
        ("v1", "COMPLETE"),
        (None, "COMPLETE"),
        ("a", "COMPLETE"),
    ]
    assert counts(client, backfill) == (4, 4, 0)


def test_a_backfill_follows_the_clock(
    client: ECRClient, connect: Connect, clock: Any, push: Any
) -> None:
    """It is prepared for a second and copies 100 images a second; results come at the end."""
    tag(client, push, 150)
    configure(client)
    began = clock.now
    started = client.start_replication_backfill(destination=destination())
    backfill = str(started.replication_backfill_id)
    seen = [(status(client, backfill), counts(client, backfill))]
    results = []
    for _ in range(3):
        clock.advance(seconds=1)
        seen.append((status(client, backfill), counts(client, backfill)))
        results.append(len(describe(client, backfill).results))
    clock.advance(days=1)
    found = describe(client, backfill)

    assert (started.status, started.started_at) == ("PREPARING", began)
    assert seen == [
        ("PREPARING", None),
        ("IN_PROGRESS", (150, 0, 0)),
        ("IN_PROGRESS", (150, 100, 0)),
        ("COMPLETE", (150, 150, 0)),
    ]
    assert results == [0, 0, 100]
    assert (found.started_at, found.ended_at) == (began, began + timedelta(seconds=3))
    assert len(images(connect(region="eu-west-1"))) == 100  # of a first page


def test_a_backfill_keeps_to_the_rules(
    client: ECRClient, connect: Connect, clock: Any, push: Any
) -> None:
    """Only active images of repositories that a rule replicates to this destination are copied."""
    for name in ("team/web", "other"):
        client.create_repository(repository_name=name)
        push.image(name, "v1")
    push.image("team/web", "old")
    client.update_image_storage_class(
        repository_name="team/web",
        image_id=ImageIdentifier(image_tag="old"),
        target_storage_class="ARCHIVE",
    )
    configure(client, filters=("team/",))
    backfill = start(client)
    clock.advance(seconds=2)
    made = counts(client, backfill)
    found = connect(region="eu-west-1").describe_repositories().repositories

    assert made == (1, 1, 0)
    assert [each.repository_name for each in found] == ["team/web"]


def test_copies_that_fail(
    call: Any, client: ECRClient, connect: Connect, clock: Any, push: Any
) -> None:
    """A copy fails alone, by the code of its error; results of indexes have those of children."""
    push.image("app", "v1")
    gone = push.image("app", "gone")
    push.index("app", push.image("app"), tag="v2")
    elsewhere = connect(region="eu-west-1")
    elsewhere.create_repository(repository_name="app", image_tag_mutability="IMMUTABLE")
    type(push)(elsewhere, 100).image("app", "v1")
    configure(client)
    backfill = start(client)
    client.batch_delete_image(repository_name="app", image_ids=[ImageIdentifier(image_digest=gone)])
    clock.advance(seconds=2)
    _, found = call("DescribeReplicationBackfillResults", replicationBackfillId=backfill)
    codes = ["ImageNotFoundException", "ImageTagAlreadyExistsException"]

    assert (found["status"], found["progress"]["failureCodes"]) == ("COMPLETE", codes)
    assert counts(client, backfill) == (3, 1, 2)
    assert [
        (each["imageId"]["imageTag"], each.get("failureCode"), each.get("subImageFailureCodes"))
        for each in found["results"]
    ] == [("v1", codes[1], None), ("gone", codes[0], None), ("v2", None, [])]
    assert "v2" in {name for _, name in images(elsewhere)}


def test_a_backfill_fails_with_half_of_its_copies(
    client: ECRClient, connect: Connect, clock: Any, push: Any
) -> None:
    """After 100 copies of which 50 failed it fails; what would have followed is not copied."""
    tag(client, push, 150)
    elsewhere = connect(region="eu-west-1")
    elsewhere.create_repository(repository_name="app", image_tag_mutability="IMMUTABLE")
    tag(elsewhere, type(push)(elsewhere, 1_000), 50)
    configure(client)
    backfill = start(client)
    clock.advance(seconds=5)
    found = describe(client, backfill)

    assert (found.status, found.failure_code) == ("FAILED", "TooManyReplicationFailures")
    assert counts(client, backfill) == (150, 50, 50)
    assert found.ended_at == found.started_at + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("seconds", "statuses", "copies"),
    [
        (0.5, ["STOPPED", "STOPPED", "STOPPED"], None),
        (1.5, ["STOPPING", "STOPPING", "STOPPED"], 100),
    ],
)
def test_a_backfill_is_stopped(
    client: ECRClient,
    clock: Any,
    push: Any,
    seconds: float,
    statuses: list[str],
    copies: int | None,
) -> None:
    """A backfill is stopped at once while it is prepared, otherwise after the current batch."""
    tag(client, push, 150)
    configure(client)
    backfill = start(client)
    clock.advance(seconds=seconds)
    stopped = client.stop_replication_backfill(replication_backfill_id=backfill)
    seen = [str(stopped.status), status(client, backfill)]
    clock.advance(seconds=0.5)
    seen.append(status(client, backfill))
    with pytest.raises(ReplicationBackfillInvalidStatusException, match="STOPPED"):
        client.stop_replication_backfill(replication_backfill_id=backfill)
    clock.advance(days=1)

    assert seen == statuses
    assert counts(client, backfill) == (copies and (150, copies, 0))
    assert len(describe(client, backfill, max_results=1000).results) == (copies or 0)
    for call in (
        client.stop_replication_backfill,
        client.describe_replication_backfill_results,
    ):
        with pytest.raises(ReplicationBackfillNotFoundException, match=NOWHERE):
            call(replication_backfill_id=NOWHERE)


def test_backfills_at_once(client: ECRClient, clock: Any) -> None:
    """A registry has at most ten in progress, one for each region, to configured destinations."""
    configure(client, destination(account=OTHER), *map(destination, REGIONS))
    for region in REGIONS[:10]:
        start(client, destination(region))

    for taken in (destination(), destination(account=OTHER)):
        with pytest.raises(ReplicationBackfillInProgressException, match="eu-west-1"):
            start(client, taken)
    with pytest.raises(LimitExceededException, match="10"):
        start(client, destination(REGIONS[10]))
    for unknown in (destination("eu-west-9"), destination("eu-west-2", OTHER)):
        with pytest.raises(ValidationException, match="not configured"):
            start(client, unknown)
    clock.advance(seconds=1)
    start(client, destination(REGIONS[10]))
    start(client)


def test_backfills_are_listed(client: ECRClient, connect: Connect, clock: Any, push: Any) -> None:
    """They are listed in the order of their start, in pages of 25 unless another size is given."""
    configure(client, *map(destination, REGIONS))
    ids = []
    for number in range(27):
        ids.append(start(client, destination(REGIONS[number % 2])))
        clock.advance(seconds=1)
    first = client.list_replication_backfills()
    rest = client.list_replication_backfills(next_token=first.next_token)
    listed = [
        each.replication_backfill_id
        for each in client.paginate_list_replication_backfills(max_results=2)
    ]

    assert (len(first.backfills), len(rest.backfills), rest.next_token) == (25, 2, None)
    assert first.registry_id == ACCOUNT
    assert listed == ids
    assert {each.status for each in first.backfills} == {"COMPLETE"}
    assert first.backfills[0].destination == destination()
    assert connect(region="eu-west-1").list_replication_backfills().backfills == ()
    with pytest.raises(InvalidParameterException, match="nextToken"):
        client.list_replication_backfills(next_token="next")


def test_backfills_are_retained_for_90_days(client: ECRClient, clock: Any) -> None:
    """A backfill without images completes at once, and is deleted 90 days later."""
    configure(client)
    backfill = start(client)
    clock.advance(seconds=1, days=90)
    kept = client.list_replication_backfills().backfills
    clock.advance(seconds=1)

    assert [(each.replication_backfill_id, each.status) for each in kept] == [
        (backfill, "COMPLETE")
    ]
    assert client.list_replication_backfills().backfills == ()
    with pytest.raises(ReplicationBackfillNotFoundException):
        status(client, backfill)


def test_results_come_in_pages(client: ECRClient, connect: Connect, clock: Any, push: Any) -> None:
    """Results are paged, and filtered by their status; a token fits one filter."""
    for name in ("v1", "v2", "v3"):
        push.image("app", name)
    elsewhere = connect(region="eu-west-1")
    elsewhere.create_repository(repository_name="app", image_tag_mutability="IMMUTABLE")
    type(push)(elsewhere, 100).image("app", "v2")
    configure(client)
    backfill = start(client)
    clock.advance(seconds=2)
    pages = client.paginate_describe_replication_backfill_results(
        replication_backfill_id=backfill, max_results=2
    )
    every = [each.image_id.image_tag for each in pages]
    complete, failed = (
        [
            each.image_id.image_tag
            for each in describe(client, backfill, result_status_filter=wanted).results
        ]
        for wanted in ("COMPLETE", "FAILED")
    )
    token = describe(client, backfill, max_results=1).next_token

    assert every == ["v1", "v2", "v3"]
    assert (complete, failed) == (["v1", "v3"], ["v2"])
    with pytest.raises(InvalidParameterException, match="nextToken"):
        describe(client, backfill, next_token=token, result_status_filter="FAILED")
