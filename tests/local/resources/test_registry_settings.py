"""Settings of a registry: its account's, replication, and pulls that are not recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    ImageNotFoundException,
    InvalidParameterException,
)
from ecr_client.local import LocalECR
from ecr_client.local.operations import HANDLERS
from ecr_client.local.store import Limits
from ecr_client.models import (
    DeleteReplication,
    ImageIdentifier,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    RepositoryFilter,
)

ACCOUNT = "123456789012"
OTHER = "210987654321"
V1 = ImageIdentifier(image_tag="v1")


def principal(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def replication(
    *destinations: tuple[str, str], filters: tuple[str, ...] = (), deletions: bool | None = None
) -> ReplicationRule:
    return ReplicationRule(
        delete_replication=None if deletions is None else DeleteReplication(enabled=deletions),
        destinations=[
            ReplicationDestination(registry_id=account, region=region)
            for account, region in destinations
        ],
        repository_filters=[
            RepositoryFilter(filter=text, filter_type="PREFIX_MATCH") for text in filters
        ],
    )


def replicate(client: ECRClient, *rules: ReplicationRule) -> Any:
    return client.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(rules=list(rules))
    )


def let_in(client: ECRClient, *actions: str) -> None:
    """Set the client's registry policy: the server's own account may do this."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": actions,
        "Resource": f"arn:aws:ecr:us-east-1:{OTHER}:repository/*",
    }
    client.put_registry_policy(policy_text=json.dumps({"Statement": statement}))


def statuses(client: ECRClient, repository: str = "app") -> dict[tuple[str, str], str]:
    response = client.describe_image_replication_status(repository_name=repository, image_id=V1)
    return {
        (str(one.registry_id), str(one.region)): str(one.status)
        for one in response.replication_statuses
    }


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([replication((ACCOUNT, "us-east-1"))], "cannot be the same as the source registry"),
        ([replication((ACCOUNT, "cn-north-1"))], "Invalid region 'cn-north-1'"),
        ([replication((ACCOUNT, "us-gov-west-1"))], "Invalid region 'us-gov-west-1'"),
        ([replication((ACCOUNT, "us-east-9"))], "Invalid region 'us-east-9'"),
        ([replication((OTHER, "aws-global"))], "Invalid region 'aws-global'"),
        ([replication((f"{n:012}", "us-east-1")) for n in range(1, 27)], "less than or equal"),
        (
            [replication(*((f"{n:012}", "us-east-1") for n in range(1, 27)))],
            "at most 25 unique destinations",
        ),
    ],
)
def test_refuses_replication(client: ECRClient, rules: list[ReplicationRule], message: str) -> None:
    """A registry replicates to others of its partition, to 25 at most."""
    with pytest.raises(InvalidParameterException, match=message):
        replicate(client, *rules)

    found = client.describe_registry().replication_configuration
    assert found is not None
    assert found.rules == ()


def test_replicates_pushes(client: ECRClient, connect: Callable[..., ECRClient], push: Any) -> None:
    """Images with their layers and tags go to repositories that are made for them."""
    let_in(connect(account=OTHER), "ecr:ReplicateImage", "ecr:CreateRepository")
    before = push.image("app", "old")
    replicate(client, replication((ACCOUNT, "eu-west-1"), (OTHER, "us-east-1")))
    layer = push.layer("app", b"layer")
    described = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": layer,
        "size": 5,
    }

    image = push.image("app", "v1", "latest", layers=[described])

    for other in (connect(region="eu-west-1"), connect(account=OTHER)):
        [copy] = other.describe_images(repository_name="app").image_details
        there = other.batch_check_layer_availability(repository_name="app", layer_digests=[layer])
        assert (copy.image_digest, copy.image_tags) == (image, ("latest", "v1"))
        assert there.layers[0].layer_availability == "AVAILABLE"
    assert statuses(client) == {
        (ACCOUNT, "eu-west-1"): "COMPLETE",
        (OTHER, "us-east-1"): "COMPLETE",
    }
    old = client.describe_image_replication_status(
        repository_name="app", image_id=ImageIdentifier(image_digest=before)
    )
    assert {one.status for one in old.replication_statuses} == {"FAILED"}


@pytest.mark.parametrize(
    ("actions", "exists", "status"),
    [
        ((), True, "FAILED"),
        (("ecr:ReplicateImage",), False, "FAILED"),
        (("ecr:ReplicateImage",), True, "COMPLETE"),
        (("ecr:CreateRepository",), True, "FAILED"),
        (("ecr:ReplicateImage", "ecr:CreateRepository"), False, "COMPLETE"),
    ],
)
def test_replication_to_an_account_needs_its_registry_policy(
    client: ECRClient,
    connect: Callable[..., ECRClient],
    push: Any,
    actions: tuple[str, ...],
    exists: bool,
    status: str,
) -> None:
    """The destination lets images in, and repositories be made; the push succeeds anyway."""
    other = connect(account=OTHER)
    if exists:
        other.create_repository(repository_name="app")
    if actions:
        let_in(other, *actions)
    replicate(client, replication((OTHER, "us-east-1")))

    push.image("app", "v1")

    assert statuses(client) == {(OTHER, "us-east-1"): status}


def test_deletions_need_the_policy(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any
) -> None:
    """A deletion reaches another account only as long as its registry policy lets images in."""
    other = connect(account=OTHER)
    let_in(other, "ecr:ReplicateImage", "ecr:CreateRepository")
    replicate(client, replication((OTHER, "us-east-1"), deletions=True))
    first, second = push.image("app", "v1"), push.image("app", "v2")

    def delete(digest: str) -> list[str | None]:
        ids = [ImageIdentifier(image_digest=digest)]
        client.batch_delete_image(repository_name="app", image_ids=ids)
        found = other.list_images(repository_name="app").image_ids
        return [one.image_digest for one in found]

    with_policy = delete(first)
    other.delete_registry_policy()

    assert with_policy == [second]
    assert delete(second) == [second]


def test_replicates_indexes_and_filtered_repositories(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any
) -> None:
    """A rule copies repositories whose names begin with a filter, and indexes with children."""
    elsewhere = connect(region="eu-west-1")
    client.create_repository(repository_name="team/app")
    child = push.image("team/app")
    replicate(client, replication((ACCOUNT, "eu-west-1"), filters=("team/", "zoo")))
    index = push.index("team/app", child, tag="v1")
    push.image("app", "v1")
    copies = elsewhere.describe_images(repository_name="team/app").image_details

    assert {one.image_digest for one in copies} == {child, index}
    assert len(elsewhere.describe_repositories().repositories) == 1
    assert statuses(client) == {}
    assert statuses(client, "team/app") == {(ACCOUNT, "eu-west-1"): "COMPLETE"}


@pytest.mark.parametrize("deletions", [None, False, True])
def test_replicates_deletions(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any, deletions: bool | None
) -> None:
    """Tags and images that are deleted go from the destination if the rule says so."""
    replicate(client, replication((ACCOUNT, "eu-west-1"), deletions=deletions))
    first, second = push.image("app", "v1", "latest"), push.image("app", "v2")

    def delete(**identifier: str) -> dict[str, tuple[str, ...]]:
        client.batch_delete_image(repository_name="app", image_ids=[ImageIdentifier(**identifier)])
        found = connect(region="eu-west-1").paginate_describe_images(repository_name="app")
        return {str(image.image_digest): image.image_tags for image in found}

    all_of_it = {first: ("latest", "v1"), second: ("v2",)}
    expected = (
        [{**all_of_it, first: ("v1",)}, {first: ("v1",)}, {}] if deletions else [all_of_it] * 3
    )
    assert [
        delete(image_tag="latest"),
        delete(image_digest=second),
        delete(image_tag="v1"),
    ] == expected


def test_deletions_that_cannot_be_replicated(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any
) -> None:
    """A deletion succeeds although the destination has nothing of it any more."""
    replicate(client, replication((ACCOUNT, "eu-west-1"), deletions=True))
    image = push.image("app", "v1")
    connect(region="eu-west-1").delete_repository(repository_name="app", force=True)
    deleted = client.batch_delete_image(repository_name="app", image_ids=[V1])

    assert deleted.image_ids == (ImageIdentifier(image_digest=image, image_tag="v1"),)


def test_replication_does_not_move_immutable_tags(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any
) -> None:
    """An immutable tag of the destination stays, and the push succeeds all the same."""
    other = connect(region="eu-west-1")
    other.create_repository(repository_name="app", image_tag_mutability="IMMUTABLE")
    replicate(client, replication((ACCOUNT, "eu-west-1")))

    first = push.image("app", "v1")
    second = push.image("app", "v1")

    copies = other.describe_images(repository_name="app").image_details
    assert {one.image_digest: one.image_tags for one in copies}[first] == ("v1",)
    assert (
        client.describe_images(repository_name="app", image_ids=[V1]).image_details[0].image_digest
        == second
    )


@pytest.mark.parametrize("limits", [Limits(repositories=1), Limits(images=1)])
def test_a_full_destination_does_not_stop_a_push(push: Any, limits: Limits) -> None:
    """A push succeeds although it cannot be replicated, and the status reports the failure."""
    with (
        LocalECR(limits=limits) as ecr,
        ecr.client() as source,
        ecr.client(region="eu-west-1") as destination,
    ):
        source.create_repository(repository_name="app")
        name = "app" if limits.images == 1 else "other"
        destination.create_repository(repository_name=name)
        type(push)(destination).image(name, "theirs")
        replicate(source, replication((ecr.account, "eu-west-1")))

        type(push)(source, first=1).image("app", "v1")

        assert statuses(source) == {(ecr.account, "eu-west-1"): "FAILED"}


def test_the_status_is_of_an_image(client: ECRClient) -> None:
    """There is no status of an image that is not there."""
    with pytest.raises(ImageNotFoundException):
        statuses(client)


@pytest.mark.parametrize(
    ("name", "default", "value"),
    [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V2", "V2"),
        ("BLOB_MOUNTING", "DISABLED", "ENABLED"),
    ],
)
def test_account_settings(
    connect: Callable[..., ECRClient], name: str, default: str, value: str
) -> None:
    """A setting has a default, and is kept for the account and region; other values are refused."""
    client = connect()
    before = client.get_account_setting(name=name).value
    response = client.put_account_setting(name=name, value=value)

    assert (before, response.value) == (default, value)
    assert client.get_account_setting(name=name).value == value
    assert connect(region="eu-west-1").get_account_setting(name=name).value == default
    with pytest.raises(InvalidParameterException, match="'value'"):
        client.put_account_setting(name=name, value="YES")
    for call in (client.get_account_setting, partial(client.put_account_setting, value="red")):
        with pytest.raises(InvalidParameterException, match="'name'"):
            call(name="COLOUR")


def test_pull_time_exclusions(client: ECRClient, clock: Any) -> None:
    """Principals are registered once, listed in pages, and deregistered."""
    for name in "cab":
        made = client.register_pull_time_update_exclusion(principal_arn=principal(name))
        assert (made.principal_arn, made.created_at) == (principal(name), clock.now)
    listed = list(client.paginate_list_pull_time_update_exclusions(max_results=2))
    gone = client.deregister_pull_time_update_exclusion(principal_arn=principal("b"))

    assert listed == [principal("a"), principal("b"), principal("c")]
    assert gone.principal_arn == principal("b")
    with pytest.raises(ExclusionAlreadyExistsException):
        client.register_pull_time_update_exclusion(principal_arn=principal("a"))
    with pytest.raises(ExclusionNotFoundException):
        client.deregister_pull_time_update_exclusion(principal_arn=principal("b"))


def test_unimplemented_operations(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation of the model without a handler is one that the error says is not there."""
    monkeypatch.delitem(HANDLERS, "DescribeRegistry")
    status, error = call("DescribeRegistry")

    assert status == 501
    assert error["__type"] == "NotImplementedException"
    assert "DescribeRegistry" in error["message"]
