"""The helpers that split a long list over several calls and put the answers together."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import pytest

from ecr_client import ECRClient, models
from ecr_client.exceptions import (
    ClientShutdownException,
    ParamValidationException,
    PartialFailureException,
    RepositoryNotFoundException,
)
from ecr_client.models import (
    BatchDeleteImageRequest,
    BatchGetImageResult,
    ImageFailure,
    ImageIdentifier,
)
from ecr_client.models import ImageFailureCode as Code


class Case(NamedTuple):
    """How one operation is split: its list, the most items of a call, and where answers go."""

    operation: str
    member: str
    wire: str
    size: int
    items: str
    wire_items: str


CASES = {
    "batch_check_layer_availability_all": Case(
        "BatchCheckLayerAvailability", "layer_digests", "layerDigests", 100, "layers", "layers"
    ),
    "batch_delete_image_all": Case(
        "BatchDeleteImage", "image_ids", "imageIds", 100, "image_ids", "imageIds"
    ),
    "batch_get_image_all": Case("BatchGetImage", "image_ids", "imageIds", 100, "images", "images"),
    "batch_get_repository_scanning_configuration_all": Case(
        "BatchGetRepositoryScanningConfiguration",
        "repository_names",
        "repositoryNames",
        25,
        "scanning_configurations",
        "scanningConfigurations",
    ),
}


class Service:
    """Answers with an item for every name that is asked for, or a failure if it begins with bad."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.refuse_after: int | None = None

    def answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        asked = json.loads(request.body)
        self.received.append(asked)
        if len(self.received) - 1 == self.refuse_after:
            return 400, {}, '{"__type": "RepositoryNotFoundException"}'
        case = next(
            case
            for case in CASES.values()
            if request.headers["X-Amz-Target"].endswith(f".{case.operation}")
        )
        names = [name if isinstance(name, str) else name["imageTag"] for name in asked[case.wire]]
        keys = ["layerDigest", "imageTag", "repositoryName"]
        sent = {"layerAvailability": "AVAILABLE", "registryId": "1" * 12, "imageManifest": "{}"}
        good = [dict.fromkeys(keys, name) for name in names if not name.startswith("bad")]
        bad = [
            {**dict.fromkeys(keys, name), "imageId": {"imageTag": name}, "failureReason": name}
            for name in names
            if name.startswith("bad")
        ]
        images = [{**sent, **each, "imageId": {"imageTag": each["imageTag"]}} for each in good]
        body = {case.wire_items: images, "failures": bad}
        return 200, {"x-amzn-RequestId": f"id-{len(self.received)}"}, json.dumps(body)

    def sizes(self, wire: str) -> list[int]:
        return [len(asked[wire]) for asked in self.received]


@pytest.fixture
def service() -> Service:
    """Return a service that responds in this process."""
    return Service()


@pytest.fixture
def ecr(service: Service, responding: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of that service."""
    return responding(service.answer)


def members(name: str, names: list[str]) -> dict[str, Any]:
    """Return the keywords of a call about these names."""
    case = CASES[name]
    by_image = case.member == "image_ids"
    items = [ImageIdentifier(image_tag=each) for each in names] if by_image else names
    own = {} if case.member == "repository_names" else {"repository_name": "app"}
    return {case.member: items, **own}


def seen(items: Any) -> list[str]:
    """Return what each item or failure is about."""
    return [
        next(
            text
            for text in (
                getattr(each, "layer_digest", None),
                getattr(each, "repository_name", None),
                getattr(each, "image_tag", None),
                each.image_id.image_tag if getattr(each, "image_id", None) else None,
            )
            if text
        )
        for each in items
    ]


def numbered(count: int) -> list[str]:
    """Return names of which every seventh fails."""
    return [f"{'bad' if number % 7 == 3 else 'ok'}-{number}" for number in range(count)]


# --- the four helpers -----------------------------------------------------------------------------


def test_every_helper_is_tested() -> None:
    """The table above has all helpers that split lists."""
    found = {name for name in dir(ECRClient) if name.startswith("batch") and name.endswith("_all")}

    assert found == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_sizes_of_the_calls(service: Service, ecr: ECRClient, name: str) -> None:
    """Each call but the last takes as many items as the service allows, and none is empty."""
    case = CASES[name]
    for count in (1, case.size - 1, case.size, case.size + 1, 2 * case.size, 3 * case.size + 2):
        service.received.clear()
        getattr(ecr, name)(**members(name, numbered(count)))
        full, rest = divmod(count, case.size)

        assert service.sizes(case.wire) == [case.size] * full + ([rest] if rest else [])


@pytest.mark.parametrize("form", ["keywords", "request"])
@pytest.mark.parametrize("name", CASES)
def test_order_and_failures(service: Service, ecr: ECRClient, name: str, form: str) -> None:
    """Items and failures of all calls come back in the order in which they were asked for."""
    case = CASES[name]
    names = numbered(2 * case.size + 5)
    given = members(name, names)
    request = getattr(models, f"{case.operation}Request")
    call = getattr(ecr, name)
    result = call(**given) if form == "keywords" else call(request(**given))

    assert type(result) is getattr(models, f"{case.operation}Result")
    assert seen(getattr(result, case.items)) == [each for each in names if each.startswith("ok")]
    assert seen(result.failures) == [each for each in names if each.startswith("bad")]
    assert result.response_metadata.request_id == "id-3"


@pytest.mark.parametrize("name", CASES)
def test_every_call_has_the_other_members(service: Service, ecr: ECRClient, name: str) -> None:
    """The members that are not split go along with each call, and no item is sent twice."""
    case = CASES[name]
    names = numbered(case.size + 1)
    given = members(name, names)
    others = {"registry_id": "1" * 12} if "repository_name" in given else {}
    getattr(ecr, name)(**given, **others)
    sent = [item for asked in service.received for item in asked[case.wire]]
    rest = [{key: asked[key] for key in asked if key != case.wire} for asked in service.received]

    assert [item if isinstance(item, str) else item["imageTag"] for item in sent] == names
    assert rest == [{"registryId": "1" * 12, "repositoryName": "app"} if others else {}] * 2


@pytest.mark.parametrize("name", CASES)
def test_a_short_list_is_one_plain_call(service: Service, ecr: ECRClient, name: str) -> None:
    """A list that one call takes gives what the plain operation gives."""
    given = members(name, numbered(5))
    result = getattr(ecr, name)(**given)
    plain = getattr(ecr, name.removesuffix("_all"))(**given)

    assert result == plain
    assert service.received[0] == service.received[1]


@pytest.mark.parametrize("name", CASES)
def test_an_empty_list_is_refused(service: Service, ecr: ECRClient, name: str) -> None:
    """An empty list is refused as the plain operation refuses it, and nothing is sent."""
    case = CASES[name]
    with pytest.raises(ParamValidationException) as caught:
        getattr(ecr, name)(**members(name, []))

    assert str(caught.value) == f"{case.operation}: {case.member} must have at least 1 items"
    assert service.received == []


@pytest.mark.parametrize("name", CASES)
def test_bad_requests(service: Service, ecr: ECRClient, name: str) -> None:
    """A wrong request is refused with the names of operation and member, and nothing is sent."""
    case, method = CASES[name], getattr(ecr, name)
    good = getattr(models, f"{case.operation}Request")(**members(name, ["ok-1"]))
    wrong = {**members(name, ["ok-1"]), case.member: "text"}

    with pytest.raises(ParamValidationException, match=rf"^{case.operation}: request must be a"):
        method(None)
    with pytest.raises(ParamValidationException, match=rf"^{case.operation}: .*: {case.member}$"):
        method(good, **{case.member: ["x"]})
    with pytest.raises(ParamValidationException, match=rf"^{case.operation}: {case.member} must"):
        method(**wrong)
    with pytest.raises(ParamValidationException, match=rf"^{case.operation}: .* is required$"):
        method()
    with pytest.raises(TypeError, match=rf"{name}\(\) .*'nonsense'"):
        method(nonsense=1)
    assert service.received == []


def test_a_wrong_item_of_a_later_call(service: Service, ecr: ECRClient) -> None:
    """A wrong item is named by its place in the whole list, before the first call is made."""
    items = [*members("batch_delete_image_all", numbered(100))["image_ids"], "v1"]

    with pytest.raises(ParamValidationException, match=r"image_ids\[100\] must be of type Image"):
        ecr.batch_delete_image_all(repository_name="app", image_ids=items)

    assert service.received == []


def test_an_error_ends_the_calls(service: Service, ecr: ECRClient) -> None:
    """An error of one call is raised as it is, and the calls after it are not made."""
    service.refuse_after = 1

    with pytest.raises(RepositoryNotFoundException):
        ecr.batch_get_image_all(**members("batch_get_image_all", numbered(300)))

    assert len(service.received) == 2


def test_the_request_is_left_alone(service: Service, ecr: ECRClient) -> None:
    """The caller's request object still has the whole list afterwards."""
    request = BatchDeleteImageRequest(**members("batch_delete_image_all", numbered(150)))
    before = attrs.evolve(request)
    ecr.batch_delete_image_all(request)

    assert request == before


def test_closed_client(service: Service, ecr: ECRClient) -> None:
    """After the shutdown nothing is sent."""
    ecr.shutdown()

    with pytest.raises(ClientShutdownException, match=r"^BatchGetImage: "):
        ecr.batch_get_image_all(**members("batch_get_image_all", numbered(150)))

    assert service.received == []


# --- raise_for_failures ---------------------------------------------------------------------------


def test_without_failures_the_result_comes_back() -> None:
    """raise_for_failures() of a result without failures returns that result, to be chained."""
    result = BatchGetImageResult()

    assert result.raise_for_failures() is result


def test_failures_are_raised_with_the_result() -> None:
    """The exception carries the failures and the whole result, and names code and reason."""
    failures = [
        ImageFailure(
            image_id=ImageIdentifier(image_tag=f"v{number}"),
            failure_code=Code.IMAGE_NOT_FOUND,
            failure_reason=f"reason {number}",
        )
        for number in range(5)
    ]
    result = BatchGetImageResult(failures=failures)

    with pytest.raises(PartialFailureException, match=r"^5 item\(s\) failed: ") as caught:
        result.raise_for_failures()

    assert caught.value.failures == tuple(failures)
    assert caught.value.result is result
    for shown in ("v0", "v2", "ImageNotFound", "reason 0", "reason 2", "and 2 more"):
        assert shown in str(caught.value)


def test_raise_for_failures_of_all_results() -> None:
    """Exactly the results that have failures can raise for them."""
    results = {name for name in models.__all__ if name.endswith("Result")}
    with_failures = {n for n in results if "failures" in attrs.fields_dict(getattr(models, n))}
    raising = {n for n in results if hasattr(getattr(models, n), "raise_for_failures")}

    assert raising == with_failures
    assert {f"{case.operation}Result" for case in CASES.values()} <= raising


def test_failures_of_all_calls_are_raised(service: Service, ecr: ECRClient) -> None:
    """After a split, the failures of every call are raised together."""
    given = members("batch_get_image_all", numbered(250))

    with pytest.raises(PartialFailureException) as caught:
        ecr.batch_get_image_all(**given).raise_for_failures()

    assert seen(caught.value.failures) == [each for each in numbered(250) if "bad" in each]
    assert len(caught.value.result.images) == 250 - len(caught.value.failures)
