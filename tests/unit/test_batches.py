"""Helpers that split a long list over several calls and merge the responses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

import attrs
import pytest

from ecr_client import ECRClient, models
from ecr_client.exceptions import (
    ParamValidationException,
    PartialFailureException,
    RepositoryNotFoundException,
)
from ecr_client.models import (
    BatchGetImageResult,
    ImageFailure,
    ImageFailureCode,
    ImageIdentifier,
)


class Case(NamedTuple):
    """How one operation is split: its list, the limit of a call, and the list of its result."""

    operation: str
    member: str
    size: int
    items: str


CASES = {
    "batch_check_layer_availability_all": Case(
        "BatchCheckLayerAvailability", "layer_digests", 100, "layers"
    ),
    "batch_delete_image_all": Case("BatchDeleteImage", "image_ids", 100, "image_ids"),
    "batch_get_image_all": Case("BatchGetImage", "image_ids", 100, "images"),
    "batch_get_repository_scanning_configuration_all": Case(
        *("BatchGetRepositoryScanningConfiguration", "repository_names", 25),
        "scanning_configurations",
    ),
}


def wire(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


class Service:
    """A service that returns an item for each name, or a failure if the name begins with bad."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.refuse_after: int | None = None

    def response(self, request: Any) -> tuple[int, dict[str, str], str]:
        requested = json.loads(request.body)
        self.received.append(requested)
        if len(self.received) - 1 == self.refuse_after:
            return 400, {}, '{"__type": "RepositoryNotFoundException"}'
        target = request.headers["X-Amz-Target"].rpartition(".")[2]
        case = next(case for case in CASES.values() if case.operation == target)
        given = requested[wire(case.member)]
        names = [each if isinstance(each, str) else each["imageTag"] for each in given]
        keys = ("layerDigest", "imageTag", "repositoryName", "failureReason")
        sent = {"layerAvailability": "AVAILABLE", "registryId": "1" * 12, "imageManifest": "{}"}
        items = [
            {**sent, **dict.fromkeys(keys, name), "imageId": {"imageTag": name}} for name in names
        ]
        bad = [each for each in items if each["imageTag"].startswith("bad")]
        body = {wire(case.items): [each for each in items if each not in bad], "failures": bad}
        return 200, {"x-amzn-RequestId": f"id-{len(self.received)}"}, json.dumps(body)


@pytest.fixture
def service() -> Service:
    """Return a service that responds in this process."""
    return Service()


@pytest.fixture
def ecr(service: Service, responding: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of that service."""
    return responding(service.response)


def members(name: str, names: list[str]) -> dict[str, Any]:
    """Return the keywords of a call for these names."""
    case = CASES[name]
    by_image = case.member == "image_ids"
    items = [ImageIdentifier(image_tag=each) for each in names] if by_image else names
    own = {} if case.member == "repository_names" else {"repository_name": "app"}
    return {case.member: items, **own}


def seen(items: Any) -> list[str]:
    """Return the name that each item or failure refers to."""

    def name(item: Any) -> Any:
        image_id = getattr(item, "image_id", None) or item
        names = (getattr(item, each, None) for each in ("layer_digest", "repository_name"))
        return getattr(image_id, "image_tag", None) or next(filter(None, names))

    return [name(each) for each in items]


def numbered(count: int) -> list[str]:
    """Return names, every seventh of which fails."""
    return [f"{'bad' if number % 7 == 3 else 'ok'}-{number}" for number in range(count)]


@pytest.mark.parametrize("name", CASES)
def test_calls(service: Service, ecr: ECRClient, name: str) -> None:
    """Each call but the last carries as many items as it may; all have the other members."""
    case = CASES[name]
    own = members(name, [])
    others = {"registry_id": "1" * 12} if "repository_name" in own else {}
    for count in (1, case.size, case.size + 1, 3 * case.size + 2):
        service.received.clear()
        names = numbered(count)
        getattr(ecr, name)(**members(name, names), **others)
        full, rest = divmod(count, case.size)
        items = [requested.pop(wire(case.member)) for requested in service.received]
        sent = [each if isinstance(each, str) else each["imageTag"] for each in chain(*items)]

        assert [len(each) for each in items] == [case.size] * full + ([rest] if rest else [])
        assert sent == names
        shared = {"registryId": "1" * 12, "repositoryName": "app"} if others else {}
        assert service.received == [shared] * len(items)


@pytest.mark.parametrize("name", CASES)
def test_order_and_failures(service: Service, ecr: ECRClient, name: str) -> None:
    """Items and failures of all calls are returned in the order in which they were requested."""
    case, call = CASES[name], getattr(ecr, name)
    names = numbered(2 * case.size + 5)
    given = members(name, names)
    request = getattr(models, f"{case.operation}Request")(**given)
    before = attrs.evolve(request)
    result = call(request)

    assert type(result) is getattr(models, f"{case.operation}Result")
    assert seen(getattr(result, case.items)) == [each for each in names if each.startswith("ok")]
    assert seen(result.failures) == [each for each in names if each.startswith("bad")]
    assert result.response_metadata.request_id == "id-3"
    assert call(**given) == result
    assert request == before
    # A short list takes one plain call.
    short = members(name, numbered(5))
    assert call(**short) == getattr(ecr, name.removesuffix("_all"))(**short)
    assert service.received[-1] == service.received[-2]
    with pytest.raises(PartialFailureException) as caught:
        result.raise_for_failures()
    assert caught.value.failures == result.failures


@pytest.mark.parametrize("name", CASES)
def test_bad_requests(service: Service, ecr: ECRClient, name: str) -> None:
    """A wrong request is refused with the names of operation and member, and nothing is sent."""
    case, method = CASES[name], getattr(ecr, name)
    good = getattr(models, f"{case.operation}Request")(**members(name, ["ok-1"]))
    late = members(name, numbered(case.size))
    late[case.member] = [*late[case.member], 5]
    given: tuple[Any, ...]
    for given, keywords, problem in (
        ((None,), {}, "request must be a"),
        ((good,), {case.member: ["x"]}, f".*: {case.member}$"),
        ((), {**members(name, []), case.member: "text"}, f"{case.member} must"),
        ((), members(name, []), f"{case.member} must have at least 1 item$"),
        ((), {}, ".* is required$"),
        # A wrong item of a later call is named by its place in the whole list.
        ((), late, rf"{case.member}\[{case.size}\] must be"),
    ):
        with pytest.raises(ParamValidationException, match=f"^{case.operation}: {problem}"):
            method(*given, **keywords)
    with pytest.raises(TypeError, match=rf"{name}\(\) .*'nonsense'"):
        method(nonsense=1)
    assert service.received == []


def test_an_error_ends_the_calls(service: Service, ecr: ECRClient) -> None:
    """An error of one call is raised unchanged, and the calls after it are not made."""
    service.refuse_after = 1
    with pytest.raises(RepositoryNotFoundException):
        ecr.batch_get_image_all(**members("batch_get_image_all", numbered(300)))

    assert len(service.received) == 2


def test_failures_are_raised_with_the_result() -> None:
    """The exception carries the failures and the whole result, and names codes and reasons."""
    failures = [
        ImageFailure(
            image_id=ImageIdentifier(image_tag=f"v{number}"),
            failure_code=ImageFailureCode.IMAGE_NOT_FOUND,
            failure_reason=f"reason {number}",
        )
        for number in range(5)
    ]
    result, fine = BatchGetImageResult(failures=failures), BatchGetImageResult()
    with pytest.raises(PartialFailureException, match=r"^5 item\(s\) failed: ") as caught:
        result.raise_for_failures()

    assert caught.value.failures == tuple(failures)
    assert caught.value.result is result
    for shown in ("v0", "v2", "ImageNotFound", "reason 0", "reason 2", "and 2 more"):
        assert shown in str(caught.value)
    assert fine.raise_for_failures() is fine


def test_raise_for_failures_of_all_results() -> None:
    """Exactly the results that have failures can raise for them; all helpers are tested here."""
    helpers = {name for name in dir(ECRClient) if re.fullmatch("batch_.*_all", name)}
    results = {name for name in models.__all__ if name.endswith("Result")}
    with_failures = {n for n in results if "failures" in attrs.fields_dict(getattr(models, n))}
    raising = {n for n in results if hasattr(getattr(models, n), "raise_for_failures")}

    assert helpers == set(CASES)
    assert raising == with_failures
    assert {f"{case.operation}Result" for case in CASES.values()} <= raising
