"""Regions: their partitions and services, and which names a client accepts."""

from __future__ import annotations

import json
import logging
import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import botocore
import pytest
from botocore.loaders import Loader

from ecr_client import regions
from ecr_client._exceptions import InvalidRegionException
from ecr_client.config import ClientConfiguration
from ecr_client.credentials import Credentials
from ecr_client.regions import (
    Region,
    check_name,
    find_partition,
    load_data,
    loader,
    partitions,
    supported_region,
    usable_region,
)

DATA = pathlib.Path(botocore.__file__).parent / "data"
PARTITIONS = json.loads((DATA / "partitions.json").read_text())["partitions"]
ENDPOINTS = json.loads((DATA / "endpoints.json").read_text())["partitions"]


def test_models_of_the_user_do_not_count(monkeypatch: Any, tmp_path: pathlib.Path) -> None:
    """Files in ~/.aws/models, malformed or not, are not read in place of botocore's data."""
    (tmp_path / "partitions.json").write_text("malformed")
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(tmp_path))

    assert loader().load_data("partitions")["partitions"] == PARTITIONS


@pytest.mark.parametrize("data", PARTITIONS, ids=lambda data: data["id"])
def test_every_listed_region(data: Any) -> None:
    """Every region that botocore lists has the partition and the domain of the list."""
    found = [Region.get_region(name) for name in data["regions"]]
    facts = [(region.name, region.partition, region.domain) for region in found]

    domain = data["outputs"]["dnsSuffix"]
    assert facts == [(name, data["id"], domain) for name in data["regions"]]


@pytest.mark.parametrize(
    ("name", "partition", "domain"),
    [
        ("eu-west-99", "aws", "amazonaws.com"),
        ("cn-south-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-north-1", "aws-us-gov", "amazonaws.com"),
        ("us-isob-south-7", "aws-iso-b", "sc2s.sgov.gov"),
    ],
)
def test_region_that_is_newer_than_botocore(name: str, partition: str, domain: str) -> None:
    """A region that is not listed belongs to the partition whose pattern it matches."""
    region = Region.get_region(name)

    assert region.partition == partition
    assert region.domain == domain


@pytest.mark.parametrize(
    "name",
    [
        *(None, 7, b"eu-west-1", ["eu-west-1"], Region("eu-west-1")),
        *("", " ", "nowhere", "mars-north-1", "eu-west", "EU-WEST-1", " eu-west-1", "eu-west-1\n"),
        *("eu-wést-1", "eu-we_st-1", "eu-west-1.evil.org", "-eu-west-1", "eu-west-1-", "eu.west.1"),
        "eu-west-" + "1" * 80,
    ],
)
def test_invalid_names(name: Any) -> None:
    """An invalid name is refused."""
    with pytest.raises(InvalidRegionException) as caught:
        Region.get_region(name)

    assert isinstance(caught.value, ValueError)
    if name == "mars-north-1":
        assert str(caught.value) == (
            "region must match a partition that the installed botocore knows, got 'mars-north-1'; "
            "correct the name, or update botocore if the partition is new"
        )


def test_region_is_a_value() -> None:
    """Regions compare by value, are hashable and immutable, and print as their names."""
    region = Region.get_region("eu-west-1")

    assert region == Region("eu-west-1")
    assert len({region, Region("eu-west-1"), Region("eu-west-2")}) == 2
    assert (str(region), repr(region)) == ("eu-west-1", "Region(name='eu-west-1')")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        region.name = "eu-west-2"  # type: ignore[misc]


@pytest.mark.parametrize("data", ENDPOINTS, ids=lambda data: data["partition"])
def test_ecr_is_where_the_data_says(data: Any) -> None:
    """Every listed region offers ECR exactly if the data says so."""
    ecr = data["services"].get("api.ecr", {}).get("endpoints", {})

    supported = {name: Region(name).is_service_supported("ecr") for name in data["regions"]}

    assert supported == {name: name in ecr for name in data["regions"]}


@pytest.mark.parametrize(
    ("region", "service", "expected"),
    [
        ("eu-west-1", "ecr", True),
        ("eu-west-1", "s3", True),
        ("eu-west-1", "no-such-service", False),
        ("eu-west-1", "ecr-public", False),
        ("us-east-1", "ecr-public", True),
        ("aws-global", "iam", True),
        ("aws-global", "ecr", False),
        ("eu-west-99", "ecr", True),
        ("eu-west-99", "no-such-service", False),
        ("cn-south-1", "ecr", True),
    ],
)
def test_is_service_supported(region: str, service: str, expected: bool) -> None:
    """A listed region offers what the data says, and another one what its partition offers."""
    assert Region(region).is_service_supported(service) is expected


def test_partition_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition that the endpoint data lacks has no known services or regions."""
    monkeypatch.setattr(regions, "load_data", lambda name: {"partitions": []})

    assert regions._endpoints_of("aws") == {"services": {}, "regions": {}}


def test_create_client() -> None:
    """A region passes itself and the other arguments to the given class."""
    given = {"credentials": Credentials("a", "b"), "config": ClientConfiguration()}
    client = Region("eu-west-1").create_client(lambda **members: members, **given)

    assert client == {"region": Region("eu-west-1"), **given}


@pytest.mark.parametrize("check", [usable_region, supported_region])
def test_regions_of_clients(check: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A listed region is accepted silently, another one is logged, a pseudo-region is refused."""
    caplog.set_level(logging.DEBUG, "ecr_client")
    assert check("eu-west-1") == Region("eu-west-1")
    assert check(Region("cn-north-1")) == Region("cn-north-1")
    for region in ("aws-global", Region("aws-cn-global"), None, "", "nowhere"):
        with pytest.raises(InvalidRegionException):
            check(region)
    assert caplog.records == []

    assert check("eu-west-99") == Region("eu-west-99")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        (
            "ecr_client",
            "region 'eu-west-99' is not listed by the installed botocore; assuming that partition "
            "'aws' has it",
        )
    ]


def test_region_without_the_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A region that is known not to offer Amazon ECR is refused; at present, there is none."""
    data = {"regions": {"eu-west-1": {}}, "services": {"api.ecr": {"endpoints": {"eu-west-2": {}}}}}
    monkeypatch.setattr("ecr_client.regions._endpoints_of", lambda _: data)

    assert supported_region("eu-west-2").name == "eu-west-2"
    with pytest.raises(InvalidRegionException, match="must offer Amazon ECR, got 'eu-west-1'"):
        supported_region("eu-west-1")


def test_check_name() -> None:
    """Any label of a host name, and nothing else, may be signed for as a region."""
    for region in ("eu-west-1", "made-up", "local", Region("eu-west-1")):
        assert check_name(region) == str(region)
    for wrong in (None, "", "a b", "a.b", "a\n", "-a", 7):
        with pytest.raises(InvalidRegionException):
            check_name(wrong)


def test_find_partition_of_anything() -> None:
    """A name that matches no partition yields None, not an error."""
    assert find_partition("nowhere") is find_partition("") is None


def test_data_is_loaded_once_by_many_threads() -> None:
    """Threads that start together read botocore's data once."""
    regions._load_data.cache_clear()
    partitions.cache_clear()
    barrier = threading.Barrier(8)

    def load(_: int) -> Any:
        barrier.wait()
        return load_data("partitions")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load, range(8)))

    assert len(set(map(id, found))) == 1
    assert regions._load_data.cache_info().misses == 1
