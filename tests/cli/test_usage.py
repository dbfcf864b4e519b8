"""``ecr usage``."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client import ECRClient
from ecr_client.cli.treemap import Area, squarify
from ecr_client.images import copy_image, push_image
from ecr_client.testing import RandomImage, random_image


@pytest.fixture
def registry(ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path) -> dict[str, int]:
    """Create two repositories that share an image, and return the sizes of the images."""
    other = random_image(tmp_path / "other", seed=2, size=100)
    push_image(ecr_client, other.path, "team/app:2")
    copied = copy_image(ecr_client, "team/app:1", ecr_client, "team/copy:1", create=True)
    # A platform with its own tag shares all its layers with the index.
    first = f"team/app@{pushed.manifests[0].descriptor.digest}"
    copy_image(ecr_client, first, ecr_client, "team/app:amd64")
    ecr_client.create_repository(repository_name="team/empty")
    small = sum(each.size for each in (*other.manifests[0].layers, other.manifests[0].config))
    return {"large": copied.bytes_moved, "small": small}


def test_sizes(ecr: Any, registry: dict[str, int]) -> None:
    """What several images share is counted once, within a repository and across all of them."""
    document = ecr("usage", "--output", "json").json
    large, small = registry["large"], registry["small"]
    sizes = {each["repositoryName"]: each["sizeInBytes"] for each in document["repositories"]}
    images = {
        image["imageTags"][0]: (image["sizeInBytes"], image["unsharedSizeInBytes"])
        for image in document["repositories"][0]["images"]
    }

    assert sizes == {"team/app": large + small, "team/copy": large, "team/empty": 0}
    assert document["sizeInBytes"] == 2 * large + small
    assert document["distinctSizeInBytes"] == large + small
    assert images == {"1": (large, large // 2), "2": (small, small), "amd64": (large // 2, 0)}


def test_tables(ecr: Any, registry: dict[str, int]) -> None:
    """Repositories are listed largest first, and so are the images of a given repository."""
    everything = ecr("usage").out.splitlines()
    one = ecr("usage", "team/app").out.splitlines()
    two = ecr("usage", "team/app", "team/copy").out.splitlines()

    assert [line.split()[:2] for line in everything[1:4]] == [
        ["team/app", "3"],
        ["team/copy", "1"],
        ["team/empty", "0"],
    ]
    assert [line.split()[1] for line in one[1:4]] == ["1,", "amd64", "2"]
    assert one[-1].endswith(" counting shared layers once")
    assert two[-1].endswith(" counting them once overall")
    assert everything[-1].endswith(" counting layers shared by repositories once")


def test_treemaps(ecr: Any, registry: dict[str, int], tmp_path: Path) -> None:
    """A treemap is a picture with a box for each repository and each part of it."""
    svg, png = tmp_path / "usage.svg", tmp_path / "usage.png"
    ended = ecr("usage", "--svg", svg, "--png", png)
    titles = [each.text for each in ElementTree.parse(svg).iter() if each.tag.endswith("}title")]
    names = sorted((title or "").rpartition(" ")[0].rpartition(" ")[0] for title in titles)

    assert ended.status == 0
    assert names == [
        "team/app:",
        *("team/app: 1, latest,", "team/app: 2,", "team/app: shared layers,"),
        *("team/copy:", "team/copy: 1,"),
    ]
    assert png.read_bytes().startswith(b"\x89PNG")


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.floats(1, 1e9), max_size=40), st.floats(1, 1e4), st.floats(1, 1e4))
def test_areas(sizes: list[float], width: float, height: float) -> None:
    """Each area is proportional to its size, and lies within the whole."""
    whole = Area(0, 0, width, height)
    areas = squarify(sorted(sizes, reverse=True), whole)

    for each, size in zip(areas, sorted(sizes, reverse=True), strict=True):
        # The last area is computed as a difference, which loses precision.
        expected = pytest.approx(width * height * size / sum(sizes), rel=1e-4, abs=1e-9)
        assert each.width * each.height == expected
        assert -1e-6 <= each.x <= each.x + each.width <= width * (1 + 1e-4)
        assert -1e-6 <= each.y <= each.y + each.height <= height * (1 + 1e-4)
