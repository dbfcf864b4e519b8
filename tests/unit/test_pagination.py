"""The paginators: every item in order, one page at a time, and no endless paging."""

from __future__ import annotations

import base64
import gc
import itertools
import json
import re
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import pytest

from ecr_client import ECRClient, models
from ecr_client.exceptions import (
    AmazonClientException,
    ClientShutdownException,
    PaginationException,
    ParamValidationException,
    ThrottlingException,
)
from ecr_client.models import ImageIdentifier, ListImagesRequest
from ecr_client.pagination import Paginator
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

APP = {"repository_name": "app"}
IMAGE = {**APP, "image_id": ImageIdentifier(image_tag="v1")}
SUBJECT = {**APP, "subject_id": models.SubjectIdentifier(image_digest="sha256:ab")}


class Case(NamedTuple):
    """How one operation is paginated.

    ``members`` are what the first call takes, ``path`` is where a page has its items, ``item``
    makes one of them, and ``mark`` reads from its typed form what it was made from.
    """

    members: dict[str, Any]
    path: tuple[str, ...]
    item: Callable[[str], Any]
    mark: Callable[[Any], Any]


def case(members: dict[str, Any], path: str, wire: str, mark: str, **others: Any) -> Case:
    """Return a case whose items are objects that are distinguished by one member."""
    return Case(
        members, tuple(path.split(".")), lambda n: {**others, wire: n}, lambda i: getattr(i, mark)
    )


def sent(kind: type[Any]) -> dict[str, Any]:
    """Return the members that a result or an item always has in a response."""
    members = json.loads(encode_result(example(kind)))
    return {name: value for name, value in members.items() if value}


RESULT = {"imageId": {"imageTag": "v1"}, "status": "COMPLETE"}
DESTINATION = {"region": "eu-west-1", "registryId": "1" * 12}
SUMMARY = {"destination": DESTINATION, "status": "COMPLETE", "startedAt": 1767322800}
CASES = {
    "describe_image_scan_findings": case(IMAGE, "imageScanFindings.findings", "name", "name"),
    "describe_images": case(
        APP, "imageDetails", "imageDigest", "image_digest", **sent(models.ImageDetail)
    ),
    "describe_pull_through_cache_rules": case(
        {}, "pullThroughCacheRules", "ecrRepositoryPrefix", "ecr_repository_prefix"
    ),
    "describe_replication_backfill_results": case(
        {"replication_backfill_id": "b-1"}, "results", "repositoryName", "repository_name", **RESULT
    ),
    "describe_repositories": case(
        {}, "repositories", "repositoryName", "repository_name", **sent(models.Repository)
    ),
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
        {}, "backfills", "replicationBackfillId", "replication_backfill_id", **SUMMARY
    ),
}


class Service:
    """A service that returns pages, each for the token of the page before it."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        #: The pages by the tokens that request them; ``None`` requests the first.
        self.pages: dict[str | None, Any] = {None: {}}

    def response(self, request: Any) -> tuple[int, dict[str, str], str]:
        requested = json.loads(request.body)
        self.received.append(requested)
        page = self.pages[requested.get("nextToken")]
        if isinstance(page, tuple):
            return page
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        page = {**sent(getattr(models, f"{operation}Result")), **page}
        return 200, {"x-amzn-RequestId": f"id-{len(self.received)}"}, json.dumps(page)

    @property
    def tokens(self) -> list[Any]:
        return [requested.get("nextToken") for requested in self.received]


@pytest.fixture
def service() -> Service:
    """Return a service that responds in this process."""
    return Service()


@pytest.fixture
def ecr(service: Service, responding: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of that service."""
    return responding(service.response)


def at(path: tuple[str, ...], items: list[Any], token: str | None) -> dict[str, Any]:
    """Return a page with items at a path."""
    page: Any = items
    for name in reversed(path):
        page = {name: page}
    return {**page, "nextToken": token} if token else page


def images(service: Service, tokens: dict[str | None, str | None]) -> None:
    """Let the service respond to ListImages with one image per page, and these tokens."""
    service.pages = {
        requested: at(("imageIds",), [{"imageTag": f"at-{requested}"}], given)
        for requested, given in tokens.items()
    }


def call(ecr: ECRClient, name: str, form: str, members: dict[str, Any], **options: Any) -> Any:
    """Return the paginator, made with keywords or with a request object."""
    method = getattr(ecr, f"paginate_{name}")
    if form == "keywords":
        return method(**members, **options)
    request = getattr(models, "".join(map(str.capitalize, name.split("_"))) + "Request")
    return method(request(**members), **options)


def test_every_paginator_is_tested() -> None:
    """The table above has all eleven paginators of the client."""
    found = {name for name in dir(ECRClient) if name.startswith("paginate_")}

    assert found == {f"paginate_{name}" for name in CASES}
    assert len(found) == 11


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["keywords", "request"])
def test_items_and_pages(service: Service, ecr: ECRClient, name: str, form: str) -> None:
    """All items come in the order of the service, even past an empty page, and none is lost.

    .pages() yields the typed result of each call, with its token and its own metadata.
    """
    tested = CASES[name]
    service.pages = {
        None: at(tested.path, [tested.item("aa"), tested.item("bb")], "t1"),
        "t1": at(tested.path, [], "t2"),
        "t2": {"nextToken": "t3"},
        "t3": at(tested.path, [tested.item("cc")], None),
    }
    paginator = call(ecr, name, form, tested.members)
    pages = list(paginator.pages())
    ids = [page.response_metadata.request_id for page in pages]
    expected = getattr(models, "".join(map(str.capitalize, name.split("_"))) + "Result")

    assert isinstance(paginator, Paginator)
    assert [type(page) for page in pages] == [expected] * 4
    assert [page.next_token for page in pages] == ["t1", "t2", "t3", None]
    assert ids == ["id-1", "id-2", "id-3", "id-4"]
    assert [tested.mark(item) for item in paginator] == ["aa", "bb", "cc"]
    assert service.tokens == [None, "t1", "t2", "t3"] * 2
    others = [{**requested, "nextToken": None} for requested in service.received]
    assert all(other == others[0] for other in others)


def test_lazy(service: Service, ecr: ECRClient) -> None:
    """A page is requested when its first item is needed, and again by a second iteration."""
    images(service, {None: "t1", "t1": "t2", "t2": None})
    paginator = ecr.paginate_list_images(**APP)
    items = iter(paginator)
    requested = [len(service.received)]
    for _ in range(3):
        next(items)
        requested.append(len(service.received))

    assert requested == [0, 1, 2, 3]
    assert [image.image_tag for image in paginator] == ["at-None", "at-t1", "at-t2"]
    assert service.tokens == [None, "t1", "t2"] * 2


def test_the_request_is_left_alone(service: Service, ecr: ECRClient) -> None:
    """Pagination begins at the request's token, and leaves the request unchanged."""
    images(service, {None: "t1", "t1": "t2", "t2": None})
    request = ListImagesRequest(repository_name="app", max_results=1, next_token="t1")
    before = attrs.evolve(request)
    items = list(ecr.paginate_list_images(request))

    assert request == before
    assert [image.image_tag for image in items] == ["at-t1", "at-t2"]
    assert [requested["maxResults"] for requested in service.received] == [1, 1]


@pytest.mark.parametrize("token", [None, ""])
def test_an_empty_token_is_the_end(service: Service, ecr: ECRClient, token: str | None) -> None:
    """A page whose token is null or empty is the last one."""
    service.pages = {None: {"imageIds": [{"imageTag": "v1"}], "nextToken": token}}

    assert len(list(ecr.paginate_list_images(**APP))) == 1


@pytest.mark.parametrize("part", ["items", "pages"])
def test_holds_one_page_at_a_time(service: Service, ecr: Any, part: str, monkeypatch: Any) -> None:
    """When a page is requested, the one before it has already been freed."""
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
    paginator = ecr.paginate_list_images(**APP)
    # Iterate through map(), so that no loop variable holds the last item.
    for _ in map(id, paginator if part == "items" else paginator.pages()):
        pass

    assert alive == [0, 0, 0, 0]


def numbered(service: Service, sizes: list[int], name: str = "list_images") -> list[str]:
    """Let the service respond with pages of these sizes; return the names of their items."""
    tested, made = CASES[name], iter(f"item-{number}" for number in range(sum(sizes)))
    names = [[next(made) for _ in range(size)] for size in sizes]
    tokens = [None, *(f"t{number}" for number in range(1, len(sizes))), None]
    service.pages = {
        requested: at(tested.path, [tested.item(each) for each in page], given)
        for requested, given, page in zip(tokens, tokens[1:], names, strict=False)
    }
    return [each for page in names for each in page]


SIZES = [[0], [1], [3], [2, 3], [0, 2, 0, 0, 3, 0], [1, 1, 1]]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["items", "pages", "breaks"])
def test_in_parts(service: Service, ecr: ECRClient, name: str, form: str) -> None:
    """A loop that resumes from stored tokens sees each item once, however a part of it ends."""
    tested = CASES[name]
    for sizes, step in itertools.product(SIZES, (1, 2, 5)):
        expected = numbered(service, sizes, name)
        whole = call(ecr, name, "keywords", tested.members)
        limited = call(ecr, name, "request", tested.members, max_items=step)
        parts: list[list[Any]] = []
        token: str | None = None
        while (token is not None or not parts) and len(parts) <= len(expected):
            found: Any
            if form == "pages":
                found = limited.resume_from(token).pages()
                pages = [items_of(page, tested.path) for page in found]
                parts.append([tested.mark(item) for page in pages for item in page])
            else:
                found = iter((limited if form == "items" else whole).resume_from(token))
                parts.append([tested.mark(item) for item in itertools.islice(found, step)])
            token = found.resume_token

        assert [each for part in parts for each in part] == expected
        assert all(len(part) <= step for part in parts)


def items_of(page: Any, path: tuple[str, ...]) -> Any:
    """Return the items of a typed page."""
    for name in path:
        page = getattr(page, re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name), ())
    return page or ()


def test_calls_that_are_saved(service: Service, ecr: ECRClient) -> None:
    """No page is requested after that of the last item, and none before that of the first."""
    numbered(service, [2, 2, 2])
    paginator = ecr.paginate_list_images(**APP)
    for cut, before, after in [
        (1, [None], [None, "t1", "t2"]),
        (2, [None], ["t1", "t2"]),
        (3, [None, "t1"], ["t1", "t2"]),
        (4, [None, "t1"], ["t2"]),
    ]:
        service.received.clear()
        limited = iter(ecr.paginate_list_images(**APP, max_items=cut))
        list(limited)
        assert service.tokens == before

        service.received.clear()
        list(paginator.resume_from(limited.resume_token))
        assert service.tokens == after


def test_resuming_with_smaller_pages(service: Service, ecr: ECRClient) -> None:
    """The page size may change in between: the items of a page that were delivered are skipped."""
    expected = numbered(service, [5, 1])
    items = iter(ecr.paginate_list_images(**APP, max_results=5))
    first = [item.image_tag for item in itertools.islice(items, 4)]
    numbered(service, [1, 2, 2, 1])
    paginator = ecr.paginate_list_images(**APP, max_results=2)
    others = [item.image_tag for item in paginator.resume_from(items.resume_token)]

    assert first + others == expected


def test_resuming_after_an_error(service: Service, ecr: ECRClient) -> None:
    """An error comes after the items before it; the token and the iterator resume after them."""
    expected = numbered(service, [2, 2])
    good, service.pages["t1"] = service.pages["t1"], (400, {}, '{"__type": "ThrottledException"}')
    paginator = ecr.paginate_list_images(**APP)
    items, first = iter(paginator), []
    with pytest.raises(ThrottlingException):
        first.extend(items)
    service.pages["t1"] = good
    resumed = [item.image_tag for item in paginator.resume_from(items.resume_token)]

    assert [item.image_tag for item in first] == expected[:2]
    assert resumed == [item.image_tag for item in items] == expected[2:]


def test_both_lists_of_findings_are_cut(service: Service, ecr: ECRClient) -> None:
    """A page of scan findings that is cut short keeps its first findings and all other data.

    Findings of basic and of enhanced scans are both items, the basic ones first.
    """
    findings = {
        "findings": [{"name": "CVE-1"}, {"name": "CVE-2"}],
        "enhancedFindings": [{"title": "CVE-3"}, {"title": "CVE-4"}],
    }
    service.pages = {None: {"repositoryName": "app", "imageScanFindings": findings}}
    cuts = {}
    for limit in (1, 2, 3, 4):
        pages = ecr.paginate_describe_image_scan_findings(**IMAGE, max_items=limit).pages()
        (page,) = pages
        found = page.image_scan_findings
        cuts[limit] = (len(found.findings), len(found.enhanced_findings), bool(pages.resume_token))

        assert page.repository_name == "app"
        assert page.response_metadata.http_status_code == 200
    assert cuts == {1: (1, 0, True), 2: (2, 0, True), 3: (2, 1, True), 4: (2, 2, False)}
    items = ecr.paginate_describe_image_scan_findings(**IMAGE)
    assert [type(item) for item in items] == [
        *[models.ImageScanFinding] * 2,
        *[models.EnhancedImageScanFinding] * 2,
    ]


def test_resume_from_changes_nothing(service: Service, ecr: ECRClient) -> None:
    """resume_from() returns another paginator; None or the first token mean the beginning."""
    expected = numbered(service, [1, 1])
    paginator = ecr.paginate_list_images(**APP)
    items = iter(paginator)
    token = items.resume_token
    next(items)
    other = paginator.resume_from(items.resume_token)

    assert [item.image_tag for item in other] == expected[1:]
    for same in (paginator, other.resume_from(None), other.resume_from(token)):
        assert [item.image_tag for item in same] == expected


def token_of(**changes: Any) -> str:
    """Return a token that was altered after it was issued."""
    fields = {"version": 1, "name": "ListImages", "page": None, "skip": 1, "digest": "0" * 16}
    text = json.dumps(list({**fields, **changes}.values()))
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (5, "must be the resume_token of an iteration, or None, got int"),
        (b"x", "must be .*, got bytes"),
        *(
            (wrong, "must be .*, got another string; next_token takes the next_token of a page")
            for wrong in ("", "t1", "é", "AAAA", "bnVsbA==", "W10=", "e30=", "WzFd", "W1tb" * 99999)
        ),
        (token_of(version=2), "has version 2, and this release reads 1"),
        (token_of(name="DescribeImages"), "must be one of ListImages, got one of 'DescribeImages'"),
        (token_of(skip="1"), "must be .*, got another string"),
        (
            token_of(skip=-1),
            "must come from .* same arguments, got one for other arguments, or one",
        ),
        (token_of(), "must come from an iteration with the same arguments"),
    ],
)
def test_bad_tokens(service: Service, ecr: ECRClient, token: Any, problem: str) -> None:
    """An invalid token is refused by resume_from() itself, and is not shown."""
    with pytest.raises(ParamValidationException, match=rf"^ListImages: token {problem}") as caught:
        ecr.paginate_list_images(**APP).resume_from(token)

    assert len(str(caught.value)) < 200
    assert service.received == []


def test_a_token_of_another_request(service: Service, ecr: ECRClient) -> None:
    """A token is valid for the arguments it was made with, of which page and size may differ."""
    numbered(service, [2])
    items = iter(ecr.paginate_list_images(**APP))
    next(items)
    token = items.resume_token
    other = ecr.paginate_list_images(repository_name="other")
    same = ecr.paginate_list_images(**APP, max_results=7, max_items=9, next_token="t9")
    altered = [token[:at] + chr(ord(token[at]) ^ 1) + token[at + 1 :] for at in range(len(token))]

    assert [item.image_tag for item in same.resume_from(token)] == ["item-1"]
    for paginator, wrong in [(other, token), *((same, each) for each in altered)]:
        with pytest.raises(ParamValidationException):
            paginator.resume_from(wrong)


@pytest.mark.parametrize(
    ("lead", "cycle"), [(0, 1), (0, 2), (0, 8), (1, 1), (1, 3), (2, 5), (5, 7), (9, 1), (9, 8)]
)
def test_cycles(service: Service, ecr: ECRClient, lead: int, cycle: int) -> None:
    """Tokens that repeat, at once or after any number of pages, are an error.

    The error comes after the items of all pages before it, and the starting token counts.
    """
    tokens = [f"t{number}" for number in range(lead + cycle)]
    following = [*tokens[1:], tokens[lead]]
    images(service, dict(zip([None, *tokens], [tokens[0], *following], strict=True)))
    for options in ({}, {"next_token": "t0"}):
        service.received.clear()
        items: list[Any] = []
        with pytest.raises(PaginationException, match=r"^ListImages: .*token") as caught:
            items.extend(ecr.paginate_list_images(**APP, **options))

        assert isinstance(caught.value, AmazonClientException)
        assert not isinstance(caught.value, ValueError)
        assert [each.image_tag for each in items] == [f"at-{each}" for each in service.tokens]
        assert lead + cycle <= len(service.received) <= 4 * (lead + cycle) + 4


def test_many_pages_without_a_cycle(service: Service, ecr: ECRClient) -> None:
    """Many different tokens are not a cycle."""
    tokens = [None, *(f"t{number}" for number in range(150))]
    images(service, dict(zip(tokens, [*tokens[1:], None], strict=True)))

    assert len(list(ecr.paginate_list_images(**APP))) == 151


def test_bad_input(service: Service, ecr: ECRClient) -> None:
    """An invalid argument is refused with a message that names the operation and the argument."""
    request = ListImagesRequest(repository_name="app")
    with pytest.raises(ParamValidationException, match=r"^ListImages: request must be a .*Request"):
        ecr.paginate_list_images(None)  # type: ignore[call-overload]
    with pytest.raises(ParamValidationException, match=r"^ListImages: .*not both: max_results"):
        ecr.paginate_list_images(request, max_results=1)  # type: ignore[call-overload]
    for given, problem in [
        ({}, "repository_name is required"),
        ({**APP, "max_results": 0}, "max_results must be at least 1"),
        ({"repository_name": 7}, "repository_name must be a str, got int 7"),
        *(
            ({**APP, "max_items": wrong}, f"max_items must be a whole .* at least 1.*, got {wrong}")
            for wrong in (0, -1, 1.5, True)
        ),
    ]:
        with pytest.raises(ParamValidationException, match=f"^ListImages: {problem}"):
            ecr.paginate_list_images(**given)
    with pytest.raises(TypeError, match=r"paginate_list_images\(\) .*'repository'"):
        ecr.paginate_list_images(repository="app")  # type: ignore[call-overload]

    assert service.received == []


def test_repr(ecr: ECRClient) -> None:
    """The repr of a paginator names its operation and the members that were given."""
    limited = ecr.paginate_list_images(**APP, max_results=5, max_items=10)

    assert repr(ecr.paginate_list_images(**APP)) == "<Paginator ListImages(repository_name='app')>"
    assert repr(limited) == (
        "<Paginator ListImages(repository_name='app', max_results=5, max_items=10)>"
    )


def test_closed_client(service: Service, ecr: ECRClient) -> None:
    """Pagination fails after a shutdown, even in the middle."""
    images(service, {None: "t1", "t1": None})
    paginator = iter(ecr.paginate_list_images(**APP))
    next(paginator)
    ecr.shutdown()

    with pytest.raises(ClientShutdownException, match=r"^ListImages: "):
        next(paginator)
