"""Plans for deletion: what selectors choose, what is kept nevertheless, and what is deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import PartialFailureException
from ecr_client.images import Selector, plan_deletion, pull_image, push_image
from ecr_client.images.selectors import (
    beyond_newest,
    everything,
    named,
    not_pulled_for,
    older_than,
    tagged,
    untagged,
)
from ecr_client.local import LocalECR
from ecr_client.testing import random_image

DAY = timedelta(days=1)
PLATFORMS = ["linux/amd64", "linux/arm64/v8"]


@pytest.fixture
def days(timed_client: ECRClient, clock: Any, tmp_path: Path) -> dict[str, str]:
    """Push ``d0`` to ``d4`` a day apart, ``d4`` a day ago, and return their names by digest.

    ``d1`` has no tag. Only ``d0`` was pulled, an hour ago.
    """
    names = {}
    for number in range(5):
        image = random_image(tmp_path / str(number), seed=number, layers=1, size=10)
        push_image(
            timed_client,
            image.path,
            "team/app" if number == 1 else f"team/app:d{number}",
            create=True,
        )
        names[image.digest] = f"d{number}"
        clock.advance(DAY)
    clock.advance(-timedelta(hours=1))
    pull_image(timed_client, "team/app:d0", tmp_path / "pulled")
    clock.advance(timedelta(hours=1))
    return names


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        (everything(), "01234"),
        (named(f"sha256:{64 * '0'}"), ""),
        (untagged(), "1"),
        (tagged(), "0234"),
        (tagged("d[23]"), "23"),
        (tagged("D2"), ""),
        (beyond_newest(0), "01234"),
        (beyond_newest(2), "012"),
        (beyond_newest(5), ""),
        (older_than(3 * DAY - timedelta(hours=1)), "012"),
        (older_than(10 * DAY), ""),
        (not_pulled_for(2 * DAY - timedelta(hours=1)), "123"),
        (untagged() | tagged("d4"), "14"),
        (beyond_newest(2) & tagged(), "02"),
        (~tagged("d0") & ~untagged(), "234"),
    ],
)
def test_selectors(
    timed_client: ECRClient, clock: Any, days: dict[str, str], selector: Selector, chosen: str
) -> None:
    """A plan deletes what its selector chooses, with the reason for each image."""
    plan = plan_deletion(timed_client, "team/app", selector, now=clock.now)

    assert sorted(days[image.digest] for image in plan.deleted) == [f"d{n}" for n in chosen]
    assert {image.reason for image in plan.images} <= {
        selector.description,
        f"not {selector.description}",
    }
    assert plan.size == sum(image.size for image in plan.deleted)
    assert str(plan).splitlines()[0] == f"team/app: delete {len(chosen)} of 5 images"
    assert len(timed_client.describe_images(repository_name="team/app").image_details) == 5


def test_deleting(timed_client: ECRClient, days: dict[str, str]) -> None:
    """Executing a plan deletes its images, and doing so again is not a failure."""
    plan = plan_deletion(timed_client, "team/app", beyond_newest(2))
    result = plan.execute().raise_for_failures()
    left = timed_client.describe_images(repository_name="team/app").image_details

    assert sorted(days[digest] for digest in result.deleted) == ["d0", "d1", "d2"]
    assert sorted(days[each.image_digest or ""] for each in left) == ["d3", "d4"]
    assert plan.execute().failures == ()


def test_children_of_kept_indexes(ecr_client: ECRClient, tmp_path: Path) -> None:
    """The children of a kept index are kept, and otherwise deleted after it."""
    image = random_image(tmp_path / "index", platforms=PLATFORMS)
    push_image(ecr_client, image.path, "team/app:1", create=True)
    kept = plan_deletion(ecr_client, "team/app", untagged())
    gone = plan_deletion(ecr_client, "team/app", everything())

    assert kept.deleted == ()
    assert {each.reason for each in kept.images if not each.tags} == {
        f"untagged, but it is listed by {image.digest}, which is kept"
    }
    assert gone.deleted[0].digest == image.digest
    assert len(gone.execute().raise_for_failures().deleted) == 3


def test_referrers_of_kept_images(ecr_client: ECRClient, tmp_path: Path, make_layout: Any) -> None:
    """A signature is kept with its image, and deleted with it."""
    layout = make_layout(tmp_path)
    subject = layout.add(("text/plain", b"content"), name="app")
    signature = layout.add(subject=subject, artifact_type="application/vnd.example.signature")
    push_image(ecr_client, f"oci:{tmp_path}:app", "team/app:1", referrers=True, create=True)
    kept = plan_deletion(ecr_client, "team/app", untagged())
    gone = plan_deletion(ecr_client, "team/app", everything())

    assert [(each.digest, each.is_deleted) for each in kept.images if not each.tags] == [
        (signature.digest, False)
    ]
    assert f"it refers to {subject.digest}, which is kept" in str(kept)
    assert len(gone.execute().raise_for_failures().deleted) == 2


@pytest.mark.parametrize(("count", "calls"), [(0, []), (1, [1]), (100, [100]), (101, [100, 1])])
def test_batches(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    tmp_path: Path,
    make_layout: Any,
    count: int,
    calls: list[int],
) -> None:
    """However many images there are, no request names more than 100."""
    layout = make_layout(tmp_path)
    layout.add()
    push_image(ecr_client, tmp_path, "team/app", create=True)
    for number in range(1, count):
        manifest = attrs.evolve(layout.only, annotations={"number": str(number)})
        ecr_client.put_image(
            repository_name="team/app", image_manifest=manifest.to_bytes().decode()
        )
    plan = plan_deletion(ecr_client, "team/app", untagged() if count else tagged())
    local_ecr.requests.clear()
    result = plan.execute()

    assert len(result.deleted) == count
    deletions = local_ecr.requests.of("BatchDeleteImage")
    assert [len(call.members["imageIds"]) for call in deletions] == calls


def test_failures(ecr_client: ECRClient, tmp_path: Path) -> None:
    """An image that the service does not delete is among the failures."""
    image = random_image(tmp_path / "index", platforms=PLATFORMS)
    child = image.manifests[0].descriptor.digest
    push_image(ecr_client, image.path, "team/app:1", platforms=[PLATFORMS[0]], create=True)
    plan = plan_deletion(ecr_client, "team/app", everything())
    push_image(ecr_client, image.path, "team/app:1")  # An index is pushed in the meantime.
    result = plan.execute()

    assert result.deleted == ()
    assert [each.image_id.image_digest for each in result.failures if each.image_id] == [child]
    with pytest.raises(PartialFailureException, match="ImageReferencedByManifestList"):
        result.raise_for_failures()


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda ecr: plan_deletion(ecr, "team/app", "untagged"), "selector must come from"),
        (lambda ecr: plan_deletion(ecr, "team/app:1", untagged()), "not name an image, got"),
        (
            lambda ecr: plan_deletion(ecr, "team/app", untagged(), now=datetime(2026, 1, 1)),
            "now must have a time zone",
        ),
        (
            lambda ecr: plan_deletion(ecr, "team/app", older_than(DAY), now="x"),
            "now must be a datetime with a time zone, got 'x'",
        ),
        (lambda ecr: plan_deletion(ecr, None, untagged()), "repository must be a string such as"),
        (lambda _: older_than(30), "age must be a timedelta"),
        (lambda _: beyond_newest(-1), "count must be an int of at least 0, got -1"),
        (lambda _: beyond_newest(True), "count must be an int of at least 0, got True"),
        (lambda _: named("latest"), "a digest must be"),
        (lambda _: tagged(""), "pattern must be a string"),
    ],
)
def test_wrong_arguments(ecr_client: ECRClient, call: Any, problem: str) -> None:
    """Invalid selectors, ages, numbers and patterns are refused by name."""
    with pytest.raises(ValueError, match=problem):
        call(ecr_client)


def test_wrong_combinations() -> None:
    """``and``, ``or`` and ``not``, and operands that are not selectors, are refused."""
    for combine in (
        lambda: untagged() and older_than(DAY),
        lambda: untagged() or older_than(DAY),
        lambda: not untagged(),
    ):
        with pytest.raises(TypeError, match=r"combine selectors with &, | and ~"):
            combine()
    with pytest.raises(TypeError, match="unsupported operand"):
        untagged() & "pr-*"  # type: ignore[operator]
    with pytest.raises(TypeError, match="unsupported operand"):
        untagged() | None  # type: ignore[operator]
