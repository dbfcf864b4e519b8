"""Copying images between repositories, registries and regions, and synchronizing repositories."""

from __future__ import annotations

import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import ImageSourceException, RepositoryNotFoundException
from ecr_client.images import copy_image, plan_sync, push_image, sync
from ecr_client.images.mounting import mounting_between
from ecr_client.images.references import locate
from ecr_client.local import LocalECR
from ecr_client.models import AuthorizationData, ImageIdentifier
from ecr_client.testing import RandomImage, assert_image_valid, example, random_image


def test_another_registry(ecr_client: ECRClient, pushed: RandomImage, tags: Any) -> None:
    """An image is copied to another server and region with all its layers and its tag."""
    with LocalECR(region="eu-west-1") as other, other.client() as there:
        result = copy_image(ecr_client, "team/app:1", there, "mirror/app", create=True)
        again = copy_image(ecr_client, "team/app:1", there, "mirror/app:2", tags=["3"])

        assert_image_valid(there, "mirror/app:1")
        assert tags(there, "mirror/app") == dict.fromkeys("123", pushed.digest)
    assert result.bytes_moved == sum(blob.size for blob in pushed.blobs)
    assert (again.bytes_moved, again.tags) == (0, ("2", "3"))


@pytest.mark.parametrize("setting", ["ENABLED", "DISABLED"])
def test_mounting(
    ecr_client: ECRClient, local_ecr: LocalECR, pushed: RandomImage, setting: str
) -> None:
    """Within a registry, all bytes are moved if mounting is disabled, and none if it is enabled."""
    ecr_client.put_account_setting(name="BLOB_MOUNTING", value=setting)
    local_ecr.requests.clear()
    result = copy_image(ecr_client, "team/app:1", ecr_client, "mirror/app", create=True)
    size = sum(blob.size for blob in pushed.blobs)

    assert_image_valid(ecr_client, "mirror/app:1")
    assert (result.bytes_moved, result.bytes_skipped) == (
        (0, size) if setting == "ENABLED" else (size, 0)
    )
    assert ("UploadLayerPart" in local_ecr.requests.operations()) is (setting == "DISABLED")
    assert ("GetAuthorizationToken" in local_ecr.requests.operations()) is (setting == "ENABLED")


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
def test_failed_mounts(
    ecr_client: ECRClient, local_ecr: LocalECR, pushed: RandomImage, fault: dict[str, Any]
) -> None:
    """A layer that cannot be mounted is uploaded."""
    ecr_client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    local_ecr.faults.add("Registry", **fault, count=None)
    result = copy_image(ecr_client, "team/app:1", ecr_client, "mirror/app", create=True)

    assert result.bytes_moved == sum(blob.size for blob in pushed.blobs)


def test_mounting_in_other_accounts(pushed: RandomImage) -> None:
    """Nothing is mounted in another account's registry, for which the token is not valid."""
    there = "999999999999.dkr.ecr.us-east-1.amazonaws.com"
    with LocalECR(open_accounts=True) as ecr, ecr.client() as client:
        client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        push_image(client, pushed.path, f"{there}/team/app:1", create=True)
        result = copy_image(
            client, f"{there}/team/app:1", client, f"{there}/mirror/app", create=True
        )

        assert result.bytes_moved == sum(blob.size for blob in pushed.blobs)
        assert not ecr.requests.of("Registry")


@pytest.mark.parametrize(
    ("source", "target", "is_mounted"),
    [
        ("123456789012", None, True),
        (None, "123456789012", True),
        ("123456789012", "123456789012", True),
        ("999999999999", None, False),
        (None, "999999999999", False),
        ("999999999999", "123456789012", False),
    ],
)
def test_registries_of_mounting(source: str | None, target: str | None, is_mounted: bool) -> None:
    """A registry is the same one whether a reference names the client's own account or not."""
    domain = "dkr.ecr.us-east-1.amazonaws.com"
    client = MagicMock(endpoint="https://api.ecr.us-east-1.amazonaws.com", region="us-east-1")
    client.get_account_setting.return_value.value = "ENABLED"
    client.get_authorization_token.return_value.authorization_data = [
        example(AuthorizationData, proxy_endpoint=f"https://123456789012.{domain}")
    ]
    client.transport.send.return_value.__enter__.return_value.status = 201
    here, there = (
        locate(client, f"{account}.{domain}/{name}" if account else name)
        for account, name in ((source, "team/app"), (target, "mirror/app"))
    )
    mounting = mounting_between(here, there)

    assert (mounting is not None and mounting.mount("sha256:1")) is is_mounted


def test_missing_repositories(ecr_client: ECRClient, pushed: RandomImage) -> None:
    """A missing source and a missing target have different error messages."""
    with pytest.raises(ImageSourceException, match="team/none"):
        copy_image(ecr_client, "team/none:1", ecr_client, "team/app")
    with pytest.raises(RepositoryNotFoundException, match="team/none"):
        copy_image(ecr_client, "team/app:1", ecr_client, "team/none")
    with pytest.raises(RepositoryNotFoundException, match="or pass create=True"):
        plan_sync(ecr_client, "team/app", ecr_client, "team/none")


@pytest.fixture
def releases(timed_client: ECRClient, clock: Any, tmp_path: Path) -> list[RandomImage]:
    """Push four images a day apart, ``v0`` to ``v3`` of ``team/app``, and return them."""
    images = []
    for number in range(4):
        image = random_image(tmp_path / str(number), seed=number, layers=1, size=10)
        push_image(timed_client, image.path, f"team/app:v{number}", create=True)
        images.append(image)
        clock.advance(timedelta(days=1))
    return images


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, "3210"),
        ({"tags": "v[12]"}, "21"),
        ({"tags": ["v0", "v3"]}, "30"),
        ({"tags": "none"}, ""),
        ({"newest": 2}, "32"),
        ({"newest": 1, "tags": "v[01]"}, "1"),
    ],
)
def test_plans(
    timed_client: ECRClient, releases: list[RandomImage], options: dict[str, Any], wanted: str
) -> None:
    """A plan has the requested tags, newest first, and writes nothing."""
    plan = plan_sync(timed_client, "team/app", timed_client, "mirror/app", create=True, **options)

    assert [each.tag for each in plan.tags] == [f"v{number}" for number in wanted]
    assert len(plan.tasks) == len(wanted)
    assert str(plan).splitlines()[0] == f"team/app -> mirror/app: copy {len(wanted)} images"
    with pytest.raises(RepositoryNotFoundException):
        timed_client.list_images(repository_name="mirror/app")


def test_since(timed_client: ECRClient, releases: list[RandomImage]) -> None:
    """Only images that were pushed at or after a given time are copied."""
    third = sorted(
        timed_client.describe_images(repository_name="team/app").image_details,
        key=lambda image: image.image_pushed_at or datetime.min,
    )[2]
    plan = plan_sync(
        timed_client,
        "team/app",
        timed_client,
        "mirror/app",
        create=True,
        since=third.image_pushed_at,
    )

    assert len(plan.tags) == 2


def test_sync(timed_client: ECRClient, releases: list[RandomImage], tags: Any) -> None:
    """A synchronization copies what is missing or moved, after which nothing is left to do."""
    push_image(timed_client, releases[0].path, "mirror/app:v1", tags=["v0"], create=True)
    result = sync(timed_client, "team/app", timed_client, "mirror/app").raise_for_failures()
    plan = plan_sync(timed_client, "team/app", timed_client, "mirror/app")

    assert sorted(tag for each in result.copied for tag in each.tags) == ["v1", "v2", "v3"]
    assert tags(timed_client, "mirror/app") == tags(timed_client)
    assert {each.action for each in plan.tags} == {"skip"}


def test_failures(
    timed_client: ECRClient, local_ecr: LocalECR, releases: list[RandomImage]
) -> None:
    """An image that cannot be copied does not stop the others, and is among the failures."""
    timed_client.create_repository(repository_name="mirror/app")
    plan = plan_sync(timed_client, "team/app", timed_client, "mirror/app")
    timed_client.batch_delete_image(
        repository_name="team/app", image_ids=[ImageIdentifier(image_tag="v1")]
    )
    result = plan.execute()
    (failure,) = result.failures

    assert (failure.tags, failure.digest) == (("v1",), releases[1].digest)
    assert len(result.copied) == 3
    with pytest.raises(ImageSourceException):
        result.raise_for_failures()


def test_failing_executors(timed_client: ECRClient, releases: list[RandomImage]) -> None:
    """If an executor refuses a task, the tasks that it has accepted are cancelled."""
    taken: list[Future[Any]] = []

    class Full(Executor):
        def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
            if len(taken) == 2:
                raise RuntimeError("cannot schedule new futures")
            taken.append(Future())
            return taken[-1]

    plan = plan_sync(timed_client, "team/app", timed_client, "mirror/app", create=True)
    with pytest.raises(RuntimeError, match="cannot schedule"):
        plan.execute(Full())

    assert [each.cancelled() for each in taken] == [True, True]


@pytest.mark.slow
def test_processes(timed_client: ECRClient, releases: list[RandomImage], tags: Any) -> None:
    """Tasks can be pickled, and run in other processes."""
    plan = plan_sync(timed_client, "team/app", timed_client, "mirror/app", create=True)

    assert pickle.loads(pickle.dumps(plan.tasks[0])).source == plan.tasks[0].source
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        result = plan.execute(executor).raise_for_failures()
    assert len(result.copied) == 4
    assert tags(timed_client, "mirror/app") == tags(timed_client)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"newest": 0}, "newest must be an int of at least 1, got 0"),
        ({"since": datetime(2026, 1, 1)}, "since must have a time zone"),
        ({"newest": True}, "newest must be an int of at least 1, got True"),
        ({"since": "2026-01-01"}, "since must be a datetime with a time zone, got '2026-01-01'"),
        ({"since": date(2026, 1, 1)}, r"since must be a datetime .*, got datetime\.date"),
        ({"tags": [1]}, r"tags must be a pattern or a sequence of patterns, got \[1\]"),
        ({"tags": None}, "tags must be a pattern or a sequence of patterns, got None"),
        ({"tags": ""}, "tags must be a pattern or a sequence of patterns, got ''"),
        ({"concurrency": 0}, "concurrency must be an int of at least 1, got 0"),
        ({"referrers": "no"}, "referrers must be True or False, got 'no'"),
        ({"create": 1}, "create must be True or False, got 1"),
        ({"executor": 3}, "executor must be an Executor or None, got 3"),
        ({"source": None}, "source must be a string such as 'team/app:1.0', got None"),
        ({"source": "team/app:1"}, "must not name an image, got 'team/app:1'"),
    ],
)
def test_wrong_arguments(
    ecr_client: ECRClient, local_ecr: LocalECR, options: dict[str, Any], problem: str
) -> None:
    """An invalid argument is refused before anything is sent."""
    with pytest.raises(ValueError, match=problem):
        sync(ecr_client, options.pop("source", "team/app"), ecr_client, "mirror/app", **options)

    assert not list(local_ecr.requests)
