"""Replication of pushes and deletions, backfills, and repositories created from templates."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ecr_client import exceptions as errors
from ecr_client import to_dict
from ecr_client.local import LocalECR
from ecr_client.local.store import Limits

ACCOUNT, OTHER = "123456789012", "210987654321"
HERE = "us-east-1"
V1 = {"image_tag": "v1"}
REPLICATE, CREATE = "ecr:ReplicateImage", "ecr:CreateRepository"


def to(region: str = "eu-west-1", account: str = ACCOUNT) -> dict[str, str]:
    """Return a destination."""
    return {"region": region, "registry_id": account}


def replicate(client: Any, *rules: Any, filters: tuple[str, ...] = (), **more: Any) -> Any:
    """Replicate to these destinations with one rule, or with one rule for each list of them."""
    wanted = [{"filter": each, "filter_type": "PREFIX_MATCH"} for each in filters]
    made = [
        {"destinations": each, "repository_filters": wanted, **more}
        for each in (rules if rules and isinstance(rules[0], list) else [rules or [to()]])
    ]
    return client.put_replication_configuration(replication_configuration={"rules": made})


def let_in(client: Any, *actions: str) -> None:
    """Set the client's registry policy so that the server's own account may take these actions."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": actions,
        "Resource": f"arn:aws:ecr:us-east-1:{OTHER}:repository/*",
    }
    client.put_registry_policy(policy_text=json.dumps({"Statement": statement}))


def statuses(client: Any, repository: str = "app", **image: str) -> dict[tuple[str, str], str]:
    found = client.describe_image_replication_status(
        repository_name=repository, image_id=image or V1
    ).replication_statuses
    return {(one.registry_id, one.region): one.status for one in found}


def tags(client: Any, repository: str = "app") -> dict[str, tuple[str, ...]]:
    """Return the tags of each image."""
    found = client.paginate_describe_images(repository_name=repository)
    return {image.image_digest: image.image_tags for image in found}


@pytest.fixture
def elsewhere(connect: Any) -> Any:
    """Return a client of the same account in another region."""
    return connect(region="eu-west-1")


@pytest.fixture
def other(connect: Any) -> Any:
    """Return a client of another account."""
    return connect(account=OTHER)


MANY = [to(HERE, f"{number:012}") for number in range(1, 27)]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([[to(HERE)]], "cannot be the same as the source registry"),
        ([[to("cn-north-1")]], "Invalid region 'cn-north-1'"),
        ([[to("us-gov-west-1")]], "Invalid region 'us-gov-west-1'"),
        ([[to("us-east-9")]], "Invalid region 'us-east-9'"),
        ([[to("aws-global", OTHER)]], "Invalid region 'aws-global'"),
        ([[each] for each in MANY], "less than or equal"),
        ([MANY], "at most 25 unique destinations"),
    ],
)
def test_refuses_replication(client: Any, rules: list[Any], message: str) -> None:
    """A registry replicates to others in its partition, at most 25."""
    with pytest.raises(errors.InvalidParameterException, match=message):
        replicate(client, *rules)

    assert client.describe_registry().replication_configuration.rules == ()


def test_replicates_pushes(client: Any, elsewhere: Any, other: Any, push: Any) -> None:
    """Images are copied with their layers and tags to repositories created for them."""
    let_in(other, REPLICATE, CREATE)
    before = push.image("app", "old")
    replicate(client, to(), to(HERE, OTHER))
    layer = push.layer("app", b"layer")
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    described = {"mediaType": kind, "digest": layer, "size": 5}
    image = push.image("app", "v1", "latest", layers=[described])

    for each in (elsewhere, other):
        (there,) = each.batch_check_layer_availability(layer_digests=[layer]).layers
        assert tags(each) == {image: ("latest", "v1")}
        assert there.layer_availability == "AVAILABLE"
    assert statuses(client) == {(ACCOUNT, "eu-west-1"): "COMPLETE", (OTHER, HERE): "COMPLETE"}
    assert set(statuses(client, image_digest=before).values()) == {"FAILED"}


@pytest.mark.parametrize(
    ("actions", "exists", "status"),
    [
        ((), True, "FAILED"),
        ((REPLICATE,), False, "FAILED"),
        ((REPLICATE,), True, "COMPLETE"),
        ((CREATE,), True, "FAILED"),
        ((REPLICATE, CREATE), False, "COMPLETE"),
    ],
)
def test_replication_to_another_account(
    client: Any, other: Any, push: Any, actions: tuple[str, ...], exists: bool, status: str
) -> None:
    """The destination's policy must allow images and new repositories; the push never fails."""
    if exists:
        other.create_repository()
    if actions:
        let_in(other, *actions)
    replicate(client, to(HERE, OTHER))
    push.image("app", "v1")

    assert statuses(client) == {(OTHER, HERE): status}


def test_deletions_need_a_policy(client: Any, other: Any, push: Any) -> None:
    """A deletion is replicated to another account only while its registry policy allows it."""
    let_in(other, REPLICATE, CREATE)
    replicate(client, to(HERE, OTHER), delete_replication={"enabled": True})
    first, second = push.image("app", "v1"), push.image("app", "v2")
    client.batch_delete_image(image_ids=[{"image_digest": first}])
    with_policy = tags(other)
    other.delete_registry_policy()
    client.batch_delete_image(image_ids=[{"image_digest": second}])

    assert with_policy == tags(other) == {second: ("v2",)}


def test_replication_filters(client: Any, elsewhere: Any, push: Any) -> None:
    """A rule copies repositories whose names begin with a filter, and indexes with children."""
    client.create_repository(repository_name="team/app")
    child = push.image("team/app")
    replicate(client, filters=("team/", "zoo"))
    index = push.index("team/app", child, tag="v1")
    push.image("app", "v1")

    assert set(tags(elsewhere, "team/app")) == {child, index}
    assert len(elsewhere.describe_repositories().repositories) == 1
    assert statuses(client) == {}
    assert statuses(client, "team/app") == {(ACCOUNT, "eu-west-1"): "COMPLETE"}


@pytest.mark.parametrize("enabled", [None, False, True])
def test_replicates_deletions(client: Any, elsewhere: Any, push: Any, enabled: bool | None) -> None:
    """Tags and images that are deleted are deleted in the destination if the rule says so."""
    replicate(client, delete_replication=None if enabled is None else {"enabled": enabled})
    first, second = push.image("app", "v1", "latest"), push.image("app", "v2")

    def delete(**identifier: str) -> dict[str, tuple[str, ...]]:
        client.batch_delete_image(image_ids=[identifier])
        return tags(elsewhere)

    found = [delete(image_tag="latest"), delete(image_digest=second), delete(image_tag="v1")]
    every = {first: ("latest", "v1"), second: ("v2",)}
    fewer = [{**every, first: ("v1",)}, {first: ("v1",)}, {}]
    assert found == (fewer if enabled else [every] * 3)


def test_failed_deletions(client: Any, elsewhere: Any, push: Any) -> None:
    """A deletion succeeds even if the destination no longer has the image."""
    replicate(client, delete_replication={"enabled": True})
    push.image("app", "v1")
    elsewhere.delete_repository(force=True)
    client.batch_delete_image(image_ids=[V1])

    assert tags(client) == {}
    with pytest.raises(errors.ImageNotFoundException):
        statuses(client)


def test_immutable_tags(client: Any, elsewhere: Any, push: Any) -> None:
    """An immutable tag in the destination does not move, and other tags are still copied."""
    elsewhere.create_repository(image_tag_mutability="IMMUTABLE")
    replicate(client)
    first, second = push.image("app", "v1"), push.image("app", "v1", "latest")

    assert tags(elsewhere) == {first: ("v1",), second: ("latest",)}
    assert tags(client) == {first: (), second: ("latest", "v1")}


@pytest.mark.parametrize("limits", [Limits(repositories=1), Limits(images=1)])
def test_a_full_destination(limits: Limits, pushers: Any, plain: Any) -> None:
    """A push that cannot be replicated succeeds, and the replication status has the failure."""
    with (
        LocalECR(limits=limits) as ecr,
        ecr.client() as source,
        ecr.client(region="eu-west-1") as destination,
    ):
        source.create_repository(repository_name="app")
        name = "app" if limits.images == 1 else "other"
        destination.create_repository(repository_name=name)
        pushers(destination).image(name, "theirs")
        replicate(plain(source))
        pushers(source, first=1).image("app", "v1")

        assert statuses(plain(source)) == {(ACCOUNT, "eu-west-1"): "FAILED"}


# --- backfills ------------------------------------------------------------------------------------

NOWHERE = "00000000-0000-0000-0000-000000000000"
REGIONS = [
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "eu-central-1"),
    *("us-east-2", "us-west-1", "us-west-2", "sa-east-1", "ca-central-1"),
]


def start(client: Any, where: Any = None) -> str:
    """Start a backfill, and return its id."""
    started = client.start_replication_backfill(destination=where or to())
    return str(started.replication_backfill_id)


def describe(client: Any, backfill: str, **members: Any) -> Any:
    return client.describe_replication_backfill_results(replication_backfill_id=backfill, **members)


def state(client: Any, backfill: str) -> tuple[Any, ...]:
    """Return the status, and the numbers of total, completed and failed copies."""
    found = describe(client, backfill)
    if found.progress is None:
        return (found.status,)
    counted = to_dict(found.progress)
    made = (counted[f"{name}_replication_count"] for name in ("total", "completed", "failed"))
    return (found.status, *made)


def tag_images(push: Any, number: int) -> None:
    """Push an image with many tags, each of which is a copy to make."""
    push.image("app", "t000")
    push.again("app", "t000", *(f"t{n:03}" for n in range(1, number)))


def test_a_backfill_copies_images(client: Any, elsewhere: Any, clock: Any, push: Any) -> None:
    """Earlier images are copied: with each tag, without tags, and indexes with children."""
    children = [push.image("app"), push.image("app", "amd64")]
    push.index("app", *children, tag="v1")
    push.image("app")
    push.image("app", "a")
    replicate(client)
    backfill = start(client)
    clock.advance(seconds=2)
    found = describe(client, backfill)

    assert (found.registry_id, to_dict(found.destination)) == (ACCOUNT, to())
    assert found.failure_code is None
    assert tags(elsewhere) == tags(client)
    # The child without a tag goes with its index.
    assert [each.image_id.image_tag for each in found.results] == ["amd64", "v1", None, "a"]
    assert {each.status for each in found.results} == {"COMPLETE"}
    assert state(client, backfill) == ("COMPLETE", 4, 4, 0)


def test_a_backfill_follows_the_clock(client: Any, elsewhere: Any, clock: Any, push: Any) -> None:
    """A backfill prepares for a second, copies 100 images a second, and has results at the end."""
    tag_images(push, 150)
    replicate(client)
    began = clock.now
    started = client.start_replication_backfill(destination=to())
    backfill = str(started.replication_backfill_id)
    seen = [(*state(client, backfill), 0)]
    for _ in range(3):
        clock.advance(seconds=1)
        seen.append((*state(client, backfill), len(describe(client, backfill).results)))
    clock.advance(days=1)
    found = describe(client, backfill)

    assert (started.status, started.started_at) == ("PREPARING", began)
    assert seen == [
        ("PREPARING", 0),
        ("IN_PROGRESS", 150, 0, 0, 0),
        ("IN_PROGRESS", 150, 100, 0, 0),
        ("COMPLETE", 150, 150, 0, 100),  # the length of the first page
    ]
    assert (found.started_at, found.ended_at) == (began, began + timedelta(seconds=3))
    assert tags(elsewhere) == tags(client)


def test_a_backfill_keeps_to_the_rules(client: Any, elsewhere: Any, clock: Any, push: Any) -> None:
    """Only active images that a rule replicates to this destination are copied."""
    for name in ("team/web", "other"):
        client.create_repository(repository_name=name)
        push.image(name, "v1")
    push.image("team/web", "old")
    client.update_image_storage_class(
        repository_name="team/web", image_id={"image_tag": "old"}, target_storage_class="ARCHIVE"
    )
    replicate(client, filters=("team/",))
    backfill = start(client)
    clock.advance(seconds=2)
    made = state(client, backfill)
    (found,) = elsewhere.describe_repositories().repositories

    assert made == ("COMPLETE", 1, 1, 0)
    assert found.repository_name == "team/web"


def test_copies_that_fail(call: Any, client: Any, elsewhere: Any, clock: Any, push: Any) -> None:
    """A failed copy has an error code and stops no others; indexes also have those of children."""
    push.image("app", "v1")
    gone = push.image("app", "gone")
    index = push.index("app", push.image("app"), tag="v2")
    elsewhere.create_repository(image_tag_mutability="IMMUTABLE")
    type(push)(elsewhere, 100).image("app", "v1")
    replicate(client)
    backfill = start(client)
    client.batch_delete_image(image_ids=[{"image_digest": gone}])
    clock.advance(seconds=2)
    _, found = call("DescribeReplicationBackfillResults", replicationBackfillId=backfill)
    codes = ["ImageNotFoundException", "ImageTagAlreadyExistsException"]

    assert found["progress"]["failureCodes"] == codes
    assert state(client, backfill) == ("COMPLETE", 3, 1, 2)
    assert [
        (each["imageId"]["imageTag"], each.get("failureCode"), each.get("subImageFailureCodes"))
        for each in found["results"]
    ] == [("v1", codes[1], None), ("gone", codes[0], None), ("v2", None, [])]
    assert tags(elsewhere)[index] == ("v2",)


def test_a_backfill_fails(client: Any, elsewhere: Any, clock: Any, push: Any) -> None:
    """A backfill fails once 50 of its first 100 copies have failed, and makes no further copies."""
    tag_images(push, 150)
    elsewhere.create_repository(image_tag_mutability="IMMUTABLE")
    tag_images(type(push)(elsewhere, 1_000), 50)
    replicate(client)
    backfill = start(client)
    clock.advance(seconds=5)
    found = describe(client, backfill)

    assert found.failure_code == "TooManyReplicationFailures"
    assert state(client, backfill) == ("FAILED", 150, 50, 50)
    assert found.ended_at == found.started_at + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("seconds", "during", "after"),
    [(0.5, ("STOPPED",), ("STOPPED",)), (1.5, ("STOPPING", 150, 0, 0), ("STOPPED", 150, 100, 0))],
)
def test_a_backfill_is_stopped(
    client: Any, clock: Any, push: Any, seconds: float, during: Any, after: Any
) -> None:
    """A backfill stops at once while it is prepared, or else after the current batch."""
    tag_images(push, 150)
    replicate(client)
    backfill = start(client)
    clock.advance(seconds=seconds)
    stopped = client.stop_replication_backfill(replication_backfill_id=backfill)
    meanwhile = state(client, backfill)
    clock.advance(seconds=0.5)
    then = state(client, backfill)
    with pytest.raises(errors.ReplicationBackfillInvalidStatusException, match="STOPPED"):
        client.stop_replication_backfill(replication_backfill_id=backfill)
    clock.advance(days=1)

    assert stopped.status == during[0]
    assert (meanwhile, then, state(client, backfill)) == (during, after, after)
    assert len(describe(client, backfill, max_results=1000).results) == sum(after[2:])
    for call in (client.stop_replication_backfill, client.describe_replication_backfill_results):
        with pytest.raises(errors.ReplicationBackfillNotFoundException, match=NOWHERE):
            call(replication_backfill_id=NOWHERE)


def test_backfills_at_once(client: Any, clock: Any) -> None:
    """At most ten backfills are in progress, one per destination, which must be configured."""
    replicate(client, to(account=OTHER), *map(to, REGIONS))
    for region in REGIONS[:10]:
        start(client, to(region))

    for taken in (to(), to(account=OTHER)):
        with pytest.raises(errors.ReplicationBackfillInProgressException, match="eu-west-1"):
            start(client, taken)
    with pytest.raises(errors.LimitExceededException, match="10"):
        start(client, to(REGIONS[10]))
    for unknown in (to("eu-west-9"), to("eu-west-2", OTHER)):
        with pytest.raises(errors.ValidationException, match="not configured"):
            start(client, unknown)
    clock.advance(seconds=1)
    start(client, to(REGIONS[10]))
    start(client)


def test_backfills_are_listed(client: Any, elsewhere: Any, clock: Any) -> None:
    """Backfills are listed in the order of their start, in pages of 25 by default."""
    replicate(client, *map(to, REGIONS))
    ids = []
    for number in range(27):
        ids.append(start(client, to(REGIONS[number % 2])))
        clock.advance(seconds=1)
    first = client.list_replication_backfills()
    rest = client.list_replication_backfills(next_token=first.next_token)
    listed = client.paginate_list_replication_backfills(max_results=2)

    assert (len(first.backfills), len(rest.backfills), rest.next_token) == (25, 2, None)
    assert first.registry_id == ACCOUNT
    assert [each.replication_backfill_id for each in listed] == ids
    assert {each.status for each in first.backfills} == {"COMPLETE"}
    assert to_dict(first.backfills[0].destination) == to()
    assert elsewhere.list_replication_backfills().backfills == ()
    with pytest.raises(errors.InvalidParameterException, match="nextToken"):
        client.list_replication_backfills(next_token="next")


def test_retention_of_backfills(client: Any, clock: Any) -> None:
    """A backfill without images completes at once, and is deleted 90 days later."""
    replicate(client)
    backfill = start(client)
    clock.advance(seconds=1, days=90)
    (kept,) = client.list_replication_backfills().backfills
    clock.advance(seconds=1)

    assert (kept.replication_backfill_id, kept.status) == (backfill, "COMPLETE")
    assert client.list_replication_backfills().backfills == ()
    with pytest.raises(errors.ReplicationBackfillNotFoundException):
        state(client, backfill)


def test_results_come_in_pages(client: Any, elsewhere: Any, clock: Any, push: Any) -> None:
    """Results are paged and filtered by status; a token is valid for one filter."""
    for name in ("v1", "v2", "v3"):
        push.image("app", name)
    elsewhere.create_repository(image_tag_mutability="IMMUTABLE")
    type(push)(elsewhere, 100).image("app", "v2")
    replicate(client)
    backfill = start(client)
    clock.advance(seconds=2)

    def of(**members: Any) -> list[str]:
        found = client.paginate_describe_replication_backfill_results(
            replication_backfill_id=backfill, **members
        )
        return [each.image_id.image_tag for each in found]

    assert of(max_results=2) == ["v1", "v2", "v3"]
    assert of(result_status_filter="COMPLETE") == ["v1", "v3"]
    assert of(result_status_filter="FAILED") == ["v2"]
    token = describe(client, backfill, max_results=1).next_token
    with pytest.raises(errors.InvalidParameterException, match="nextToken"):
        describe(client, backfill, next_token=token, result_status_filter="FAILED")


# --- templates ------------------------------------------------------------------------------------

PULL = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [PULL]})
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9}
LIFECYCLE = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]}
)
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEEP_DEV = [{"filter_type": "WILDCARD", "filter": "dev-*"}]
FULL: dict[str, Any] = {
    "description": "of the team",
    "encryption_configuration": {"encryption_type": "KMS", "kms_key": KEY},
    "resource_tags": [{"key": "team", "value": "a"}],
    "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION",
    "image_tag_mutability_exclusion_filters": KEEP_DEV,
    "repository_policy": POLICY,
    "lifecycle_policy": LIFECYCLE,
    "custom_role_arn": "arn:aws:iam::123456789012:role/templates",
}


def create(
    client: Any, prefix: str = "team", applied_for: str = "REPLICATION", **more: Any
) -> dict[str, Any]:
    """Create a template, and return it."""
    made = client.create_repository_creation_template(
        prefix=prefix, applied_for=[applied_for], **more
    )
    return to_dict(made.repository_creation_template)


def replicated(client: Any, source: Any, push: Any, name: str) -> Any:
    """Let replication create a repository in the client's region, and return it."""
    replicate(source, to(HERE))
    source.create_repository(repository_name=name)
    type(push)(source).image(name, "v1")
    return client.describe_repositories(repository_names=[name]).repositories[0]


def test_creates_a_template(client: Any, clock: Any) -> None:
    """A template is returned and described with all its members."""
    made = create(client, **FULL)
    described = client.describe_repository_creation_templates()
    (found,) = map(to_dict, described.repository_creation_templates)
    times = {"created_at": clock.now.isoformat(), "updated_at": clock.now.isoformat()}

    assert described.registry_id == ACCOUNT
    assert made == found == {"prefix": "team", "applied_for": ["REPLICATION"], **FULL, **times}


def test_templates(client: Any) -> None:
    """A prefix, with or without a trailing slash, has one template until it is deleted."""
    made = create(client, "team/", description="old")
    create(client, "other")
    with pytest.raises(errors.TemplateAlreadyExistsException, match="'team'"):
        create(client, "team")
    gone = client.delete_repository_creation_template(prefix="team").repository_creation_template
    found = client.describe_repository_creation_templates(prefixes=["team", "other/"])

    assert made["image_tag_mutability"] == "MUTABLE"
    assert made["encryption_configuration"] == {"encryption_type": "AES256"}
    assert to_dict(gone) == made
    assert [each.prefix for each in found.repository_creation_templates] == ["other"]
    for call in (
        client.update_repository_creation_template,
        client.delete_repository_creation_template,
    ):
        with pytest.raises(errors.TemplateNotFoundException, match="'team'"):
            call(prefix="team")


def test_changes_a_template(client: Any, clock: Any) -> None:
    """The members that are passed change, and the others remain."""
    made = create(client, **FULL)
    clock.advance(hours=1)
    changes = {
        "description": "",
        "image_tag_mutability": "MUTABLE",
        "applied_for": ["CREATE_ON_PUSH"],
    }
    changed = client.update_repository_creation_template(prefix="team/", **changes)

    del made["image_tag_mutability_exclusion_filters"]
    changed = to_dict(changed.repository_creation_template)
    assert changed.pop("image_tag_mutability_exclusion_filters", []) == []
    assert changed == {**made, **changes, "updated_at": clock.now.isoformat()}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"repository_policy": "{}"}, "Invalid repository policy"),
        ({"lifecycle_policy": "{}"}, "missing required properties"),
        ({"resource_tags": [{"key": "aws:x", "value": ""}]}, "reserved"),
        ({"encryption_configuration": {"encryption_type": "AES256", "kms_key": KEY}}, "no KMS key"),
        ({"image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION"}, "can't be null"),
        (
            {"image_tag_mutability_exclusion_filters": KEEP_DEV},
            "not allowed when imageTagMutability is set to MUTABLE",
        ),
        ({"applied_for": "PULL"}, "REPLICATION"),
        ({"prefix": "Team"}, "prefix"),
    ],
)
def test_refuses_templates(client: Any, more: dict[str, Any], message: str) -> None:
    """Settings that no repository could have are refused, also in an update."""
    error = (
        errors.InvalidTagParameterException
        if "resource_tags" in more
        else errors.InvalidParameterException
    )
    with pytest.raises(error, match=message):
        create(client, **more)

    create(client)
    if not {"prefix", "applied_for"} & set(more):
        with pytest.raises(error, match=message):
            client.update_repository_creation_template(prefix="team", **more)


def test_repositories_from_templates(client: Any, elsewhere: Any, push: Any) -> None:
    """A repository that replication creates has the settings of the template for its prefix."""
    create(client, "team", **FULL)
    made = replicated(client, elsewhere, push, "team/app")
    where = {"repository_name": "team/app"}
    tagged = client.list_tags_for_resource(resource_arn=made.repository_arn)
    lifecycle = client.get_lifecycle_policy(**where).lifecycle_policy_text

    assert made.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert [to_dict(each) for each in made.image_tag_mutability_exclusion_filters] == KEEP_DEV
    assert made.encryption_configuration.kms_key == KEY
    assert [to_dict(each) for each in tagged.tags] == FULL["resource_tags"]
    assert client.get_repository_policy(**where).policy_text == POLICY
    assert json.loads(lifecycle) == json.loads(LIFECYCLE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("team/app", "KMS"), ("team/deep/app", "KMS_DSSE"), ("team/deeper", "KMS")),
        *(("teams/app", "AES256"), ("team", "AES256"), ("zoo", "AES256")),
    ],
)
def test_the_longest_prefix_wins(
    client: Any, elsewhere: Any, push: Any, name: str, expected: str
) -> None:
    """Prefixes match up to a slash; ROOT is for repositories without another matching prefix."""
    for prefix, kind in (("ROOT", "AES256"), ("team", "KMS"), ("team/deep", "KMS_DSSE")):
        create(client, prefix, encryption_configuration={"encryption_type": kind})
    create(client, "team/deeper", "CREATE_ON_PUSH", image_tag_mutability="IMMUTABLE")
    made = replicated(client, elsewhere, push, name)

    assert made.encryption_configuration.encryption_type == expected
    assert made.image_tag_mutability == "MUTABLE"
