"""The paginators: every item in order, one page at a time, and no endless paging."""

from __future__ import annotations

import gc
import itertools
import json
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs
import pytest
import responses

from ecr_client import Credentials, ECRClient, models
from ecr_client.exceptions import (
    AmazonClientException,
    ClientShutdownException,
    PaginationException,
    ParamValidationException,
    ThrottlingException,
)
from ecr_client.models import ImageIdentifier, ListImagesRequest
from ecr_client.pagination import Paginator

URL = "https://ecr.example.org"
APP = {"repository_name": "app"}
IMAGE = {**APP, "image_id": ImageIdentifier(image_tag="v1")}
SUBJECT = {**APP, "subject_id": models.SubjectIdentifier(image_digest="sha256:ab")}


class Case(NamedTuple):
    """How one operation pages.

    ``members`` are what the first call takes, ``path`` is where a page has its items, ``item``
    makes one of them, and ``mark`` reads from its typed form what it was made from.
    """

    members: dict[str, Any]
    path: tuple[str, ...]
    item: Callable[[str], Any]
    mark: Callable[[Any], Any]


def case(members: dict[str, Any], path: str, wire: str, mark: str, **others: Any) -> Case:
    """Return a case whose items are objects, told apart by one member."""
    return Case(
        members, tuple(path.split(".")), lambda n: {wire: n, **others}, lambda i: getattr(i, mark)
    )


RESULT = {"imageId": {"imageTag": "v1"}, "status": "COMPLETE"}
SUMMARY = {"destination": {"region": "eu-west-1", "registryId": "1" * 12}, "status": "COMPLETE"}
CASES = {
    "describe_image_scan_findings": case(IMAGE, "imageScanFindings.findings", "name", "name"),
    "describe_images": case(APP, "imageDetails", "imageDigest", "image_digest"),
    "describe_pull_through_cache_rules": case(
        {}, "pullThroughCacheRules", "ecrRepositoryPrefix", "ecr_repository_prefix"
    ),
    "describe_replication_backfill_results": case(
        {"replication_backfill_id": "b-1"}, "results", "repositoryName", "repository_name", **RESULT
    ),
    "describe_repositories": case({}, "repositories", "repositoryName", "repository_name"),
    "describe_repository_creation_templates": case(
        {}, "repositoryCreationTemplates", "prefix", "prefix"
    ),
    "get_lifecycle_policy_preview": case(APP, "previewResults", "imageDigest", "image_digest"),
    "list_image_referrers": case(
        SUBJECT, "referrers", "digest", "digest", mediaType="text/plain", size=1
    ),
    "list_images": case(APP, "imageIds", "imageTag", "image_tag"),
    "list_pull_time_update_exclusions": Case(
        {}, ("pullTimeUpdateExclusions",), lambda name: name, lambda item: item
    ),
    "list_replication_backfills": case(
        {},
        "backfills",
        "replicationBackfillId",
        "replication_backfill_id",
        startedAt=1767322800,
        **SUMMARY,
    ),
}


class Service:
    """Answers with page after page, each behind the token that the page before it gave."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        #: By the token that asks for it: the page. ``None`` asks for the first.
        self.pages: dict[str | None, Any] = {None: {}}

    def answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        asked = json.loads(request.body)
        self.received.append(asked)
        page = self.pages[asked.get("nextToken")]
        return page if isinstance(page, tuple) else (200, {}, json.dumps(page))

    @property
    def tokens(self) -> list[Any]:
        return [asked.get("nextToken") for asked in self.received]


@pytest.fixture
def service() -> Iterator[Service]:
    """Give a service that answers in this process."""
    made = Service()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add_callback(responses.POST, f"{URL}/", made.answer)
        yield made


@pytest.fixture
def ecr(service: Service, credentials: Credentials) -> Iterator[ECRClient]:
    """Give a client of that service."""
    with ECRClient(endpoint=URL, credentials=credentials) as made:
        yield made


def at(path: tuple[str, ...], items: list[Any], token: str | None) -> dict[str, Any]:
    """Return a page with items at a path."""
    page: Any = items
    for name in reversed(path):
        page = {name: page}
    return {**page, "nextToken": token} if token else page


def images(service: Service, tokens: dict[str | None, str | None]) -> None:
    """Let the service answer ListImages with one image a page, and these tokens."""
    service.pages = {
        asked: at(("imageIds",), [{"imageTag": f"at-{asked}"}], given)
        for asked, given in tokens.items()
    }


# --- every paginator ------------------------------------------------------------------------------


def test_every_paginator_is_tested() -> None:
    """The table above has all paginators that the client has, and there are eleven."""
    found = {name for name in dir(ECRClient) if name.startswith("paginate_")}

    assert found == {f"paginate_{name}" for name in CASES}
    assert len(found) == 11


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["keywords", "request"])
def test_items_of_all_pages(service: Service, ecr: ECRClient, name: str, form: str) -> None:
    """All items come in the order of the service, also past an empty page, and none is lost."""
    tested = CASES[name]
    service.pages = {
        None: at(tested.path, [tested.item("aa"), tested.item("bb")], "t1"),
        "t1": at(tested.path, [], "t2"),
        "t2": {"nextToken": "t3"},
        "t3": at(tested.path, [tested.item("cc")], None),
    }
    result = call(ecr, name, form, tested.members)

    assert isinstance(result, Paginator)
    assert service.received == []
    assert [tested.mark(item) for item in result] == ["aa", "bb", "cc"]
    assert service.tokens == [None, "t1", "t2", "t3"]
    others = [{**asked, "nextToken": None} for asked in service.received]
    assert all(other == others[0] for other in others)


@pytest.mark.parametrize("name", CASES)
def test_pages_are_results(service: Service, ecr: ECRClient, name: str) -> None:
    """.pages() gives the typed result of each call, with its token and its own metadata."""
    tested = CASES[name]
    service.pages = {
        None: (200, {"x-amzn-RequestId": "id-1"}, json.dumps({"nextToken": "t1"})),
        "t1": (200, {"x-amzn-RequestId": "id-2"}, "{}"),
    }
    pages = list(call(ecr, name, "keywords", tested.members).pages())
    expected = getattr(models, "".join(map(str.capitalize, name.split("_"))) + "Result")

    assert [type(page) for page in pages] == [expected, expected]
    assert [page.next_token for page in pages] == ["t1", None]
    assert [page.response_metadata.request_id for page in pages] == ["id-1", "id-2"]


def call(ecr: ECRClient, name: str, form: str, members: dict[str, Any]) -> Any:
    """Return the paginator, made with keywords or with a request object."""
    method = getattr(ecr, f"paginate_{name}")
    if form == "keywords":
        return method(**members)
    request = getattr(models, "".join(map(str.capitalize, name.split("_"))) + "Request")
    return method(request(**members))


def test_both_kinds_of_findings(service: Service, ecr: ECRClient) -> None:
    """Findings of a basic scan and of an enhanced one are items alike, the basic ones first."""
    findings = {"findings": [{"name": "CVE-1"}], "enhancedFindings": [{"title": "CVE-2"}]}
    service.pages = {None: {"imageScanFindings": findings}}
    items = list(ecr.paginate_describe_image_scan_findings(**IMAGE))

    assert [type(item).__name__ for item in items] == [
        "ImageScanFinding",
        "EnhancedImageScanFinding",
    ]


# --- when it asks ---------------------------------------------------------------------------------


def test_lazy(service: Service, ecr: ECRClient) -> None:
    """A page is asked for when its first item is wanted, and not before."""
    images(service, {None: "t1", "t1": "t2", "t2": None})
    items = iter(ecr.paginate_list_images(repository_name="app"))
    asked = [len(service.received)]
    for _ in range(3):
        next(items)
        asked.append(len(service.received))

    assert asked == [0, 1, 2, 3]


def test_stopping_early_asks_no_more(service: Service, ecr: ECRClient) -> None:
    """Who takes only the first items pays only for their pages."""
    images(service, {None: "t1", "t1": "t2", "t2": None})
    taken = list(itertools.islice(ecr.paginate_list_images(repository_name="app"), 2))

    assert [image.image_tag for image in taken] == ["at-None", "at-t1"]
    assert service.tokens == [None, "t1"]


def test_iterating_again_asks_again(service: Service, ecr: ECRClient) -> None:
    """A paginator can be iterated over twice; the second time asks the service anew."""
    images(service, {None: "t1", "t1": None})
    paginator = ecr.paginate_list_images(repository_name="app")

    assert list(paginator) == list(paginator)
    assert service.tokens == [None, "t1", None, "t1"]


def test_starting_token(service: Service, ecr: ECRClient) -> None:
    """A token in the request is where the paging begins."""
    images(service, {None: "t1", "t1": "t2", "t2": None})
    items = list(ecr.paginate_list_images(repository_name="app", next_token="t1"))

    assert [image.image_tag for image in items] == ["at-t1", "at-t2"]


def test_the_request_is_left_alone(service: Service, ecr: ECRClient) -> None:
    """The caller's request object is the same after paging as before."""
    images(service, {None: "t1", "t1": None})
    request = ListImagesRequest(repository_name="app", max_results=1)
    before = attrs.evolve(request)
    list(ecr.paginate_list_images(request))

    assert request == before
    assert [asked["maxResults"] for asked in service.received] == [1, 1]


@pytest.mark.parametrize("token", [None, ""])
def test_an_empty_token_is_the_end(service: Service, ecr: ECRClient, token: str | None) -> None:
    """A page whose token is null or empty is the last one."""
    service.pages = {None: {"imageIds": [{"imageTag": "v1"}], "nextToken": token}}

    assert len(list(ecr.paginate_list_images(repository_name="app"))) == 1


@pytest.mark.parametrize("part", ["items", "pages"])
def test_holds_one_page_at_a_time(
    service: Service, ecr: ECRClient, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a page is asked for, the one before it is already gone."""
    images(service, {None: "t1", "t1": "t2", "t2": "t3", "t3": None})
    held, alive = [], []
    original = ecr.invoke

    def invoke(operation: Any, request: Any) -> Any:
        gc.collect()
        alive.append(sum(reference() is not None for reference in held))
        page = original(operation, request)
        held.append(weakref.ref(page))
        return page

    monkeypatch.setattr(ecr, "invoke", invoke)
    paginator = ecr.paginate_list_images(repository_name="app")
    # Through an iterator of our own, so that no loop variable holds what it gave last.
    for _ in map(id, paginator if part == "items" else paginator.pages()):
        pass

    assert alive == [0, 0, 0, 0]


# --- when it fails --------------------------------------------------------------------------------


@pytest.mark.parametrize("cycle", range(1, 9))
@pytest.mark.parametrize("lead", [0, 1, 2, 5, 9])
def test_cycles(service: Service, ecr: ECRClient, lead: int, cycle: int) -> None:
    """Tokens that come round again, at once or after any number of pages, are an error."""
    tokens = [f"t{number}" for number in range(lead + cycle)]
    following = [*tokens[1:], tokens[lead]]
    images(service, dict(zip([None, *tokens], [tokens[0], *following], strict=True)))
    items = []

    with pytest.raises(PaginationException, match=r"^ListImages: .*token") as caught:
        items.extend(ecr.paginate_list_images(repository_name="app"))

    assert isinstance(caught.value, AmazonClientException)
    assert not isinstance(caught.value, ValueError)
    assert len(service.received) <= 4 * (lead + cycle) + 4


def test_the_starting_token_counts(service: Service, ecr: ECRClient) -> None:
    """An answer whose token is the one that the caller began with is an error."""
    images(service, {"t1": "t1"})

    with pytest.raises(PaginationException):
        list(ecr.paginate_list_images(repository_name="app", next_token="t1"))

    assert service.tokens == ["t1"]


def test_items_before_a_cycle_are_given(service: Service, ecr: ECRClient) -> None:
    """What the pages before the repeated token hold reaches the caller before the error does."""
    images(service, {None: "t1", "t1": "t1"})
    paginator, items = iter(ecr.paginate_list_images(repository_name="app")), []

    with pytest.raises(PaginationException):
        items.extend(paginator)
    assert [item.image_tag for item in items] == ["at-None", "at-t1"]


def test_many_pages_without_a_cycle(service: Service, ecr: ECRClient) -> None:
    """Many different tokens are no cycle."""
    tokens = [None, *(f"t{number}" for number in range(150))]
    images(service, dict(zip(tokens, [*tokens[1:], None], strict=True)))

    assert len(list(ecr.paginate_list_images(repository_name="app"))) == 151


def test_errors_of_a_page_are_raised(service: Service, ecr: ECRClient) -> None:
    """An error of the service on a later page comes after the items of the pages before it."""
    images(service, {None: "t1"})
    service.pages["t1"] = (400, {}, '{"__type": "ThrottledException"}')
    paginator = iter(ecr.paginate_list_images(repository_name="app"))

    assert next(paginator).image_tag == "at-None"
    with pytest.raises(ThrottlingException):
        next(paginator)


def test_bad_input(service: Service, ecr: ECRClient) -> None:
    """A wrong request is refused when the paginator is made, a wrong member before it is sent."""
    with pytest.raises(ParamValidationException, match=r"^ListImages: request must be"):
        ecr.paginate_list_images(None)  # type: ignore[call-overload]
    with pytest.raises(ParamValidationException, match=r"^ListImages: .*not both: max_results"):
        ecr.paginate_list_images(ListImagesRequest(repository_name="app"), max_results=1)  # type: ignore[call-overload]
    with pytest.raises(ParamValidationException, match=r"^ListImages: repository_name is required"):
        list(ecr.paginate_list_images())  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"paginate_list_images\(\) .*'repository'"):
        ecr.paginate_list_images(repository="app")  # type: ignore[call-overload]

    assert service.received == []


def test_closed_client(service: Service, ecr: ECRClient) -> None:
    """Paging on after the shutdown is an error, also in the middle."""
    images(service, {None: "t1", "t1": None})
    paginator = iter(ecr.paginate_list_images(repository_name="app"))
    next(paginator)
    ecr.shutdown()

    with pytest.raises(ClientShutdownException, match=r"^ListImages: "):
        next(paginator)
