"""The stub: what it expects, what it returns, and what makes it fail."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest

from ecr_client import (
    CallEvent,
    ClientConfiguration,
    Credentials,
    ECRClient,
    Hooks,
    ResponseMetadata,
    RetryPolicy,
    models,
)
from ecr_client._generated.exceptions import MODELED
from ecr_client.exceptions import (
    AmazonECRException,
    ClientShutdownException,
    ImageNotFoundException,
    InvalidLayerPartException,
    LayerDownloadException,
    LayersNotFoundException,
    NoCredentialsException,
    ParamValidationException,
    ReadTimeoutException,
    RepositoryNotFoundException,
    ServerException,
    ServiceUnavailableException,
    ThrottlingException,
)
from ecr_client.models import (
    BatchGetImageRequest,
    CreateRepositoryResult,
    DescribeImagesRequest,
    DescribeImagesResult,
    GetAuthorizationTokenRequest,
    GetDownloadUrlForLayerRequest,
    ImageDetail,
    ImageIdentifier,
    ListImagesRequest,
    ListImagesResult,
    UploadLayerPartRequest,
)
from ecr_client.testing import AsyncECRStub, ECRStub, StubAssertionError, example
from ecr_client.transport import Transport

PUSHED = datetime(2026, 11, 24, 12, 30, 15, 123456, timezone.utc)
DETAIL = example(ImageDetail, image_size_in_bytes=7, image_pushed_at=PUSHED)
DETAILS = DescribeImagesResult(image_details=[DETAIL])
REQUEST = ListImagesRequest(repository_name="app")


def no_credentials() -> Credentials:
    raise NoCredentialsException("a stub must not ask for credentials")


def part(blob: Any, repository: str = "app") -> UploadLayerPartRequest:
    return UploadLayerPartRequest(
        repository_name=repository,
        upload_id="u",
        part_first_byte=0,
        part_last_byte=5,
        layer_part_blob=blob,
    )


@pytest.fixture
def client(client_class: Any) -> Iterator[Any]:
    """Yield each client in turn, without credentials and with an unreachable endpoint."""
    with client_class(endpoint="http://127.0.0.1:1", credentials=no_credentials) as made:
        yield made


@pytest.fixture
def blocking() -> Iterator[ECRClient]:
    """Yield the blocking client, for tests that the asynchronous stub has on its own."""
    with ECRClient(endpoint="http://127.0.0.1:1", credentials=no_credentials) as made:
        yield made


def stub_of(client: Any, **options: Any) -> ECRStub | AsyncECRStub:
    """Return the stub for a client of either kind."""
    if isinstance(client, ECRClient):
        return ECRStub(client, **options)
    return AsyncECRStub(client.driven, **options)


def swallow(stub: ECRStub | AsyncECRStub, call: Callable[[], object]) -> None:
    with stub, contextlib.suppress(AssertionError):
        call()


# --- responses ------------------------------------------------------------------------------------


def test_result(client: Any) -> None:
    """The result equals the one that was given, and has passed through the decoder."""
    with stub_of(client) as stub:
        request = DescribeImagesRequest(repository_name="app")
        stub.expect("DescribeImages", request=request, result=DETAILS)
        found = client.describe_images(repository_name="app")

    assert found == DETAILS
    assert found is not DETAILS
    assert found.image_details[0].image_pushed_at == PUSHED


def test_members(client: Any) -> None:
    """Members of a result may be keywords, and those that are always sent are generated."""
    with stub_of(client) as stub:
        stub.expect("ListImages", image_ids=[ImageIdentifier(image_tag="1.0")], next_token="more")
        stub.expect("ListImages")
        stub.expect("CreateRepository")
        first = client.list_images(repository_name="app")
        second = client.list_images(repository_name="app")
        third = client.create_repository(repository_name="app")

    assert (first.image_ids[0].image_tag, first.next_token) == ("1.0", "more")
    assert second == ListImagesResult()
    assert third == example(CreateRepositoryResult)


def test_metadata(client: Any) -> None:
    """Each response has its own request id, and is in the client's metadata cache."""
    with stub_of(client) as stub:
        stub.expect("ListImages")
        stub.expect("ListImages")
        first, second = client.list_images(REQUEST), client.list_images(repository_name="app")

    assert first.response_metadata.http_status_code == 200
    assert first.response_metadata.http_headers["content-type"] == "application/x-amz-json-1.1"
    assert first.response_metadata.request_id != second.response_metadata.request_id
    assert client.get_cached_response_metadata(REQUEST) is first.response_metadata


def test_given_metadata(client: Any) -> None:
    """An explicit request id and explicit headers are those of the response."""
    headers = {"X-Seen": "yes"}
    metadata = ResponseMetadata(request_id="mine", http_status_code=202, http_headers=headers)
    with stub_of(client) as stub:
        stub.expect("ListImages", result=ListImagesResult(response_metadata=metadata))
        found = client.list_images(repository_name="app").response_metadata

    assert (found.request_id, found.http_status_code) == ("mine", 202)
    assert found.http_headers["x-seen"] == "yes"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RepositoryNotFoundException("no such thing"), 400),
        (ThrottlingException("slow down"), 400),
        (ServerException("oh"), 500),
        (ServiceUnavailableException("later"), 503),
        (AmazonECRException("new", error_code="NewException"), 400),
        (InvalidLayerPartException("gap", last_valid_byte_received=5, upload_id="u"), 400),
        *((error, 500 if error is ServerException else 400) for error in MODELED.values()),
    ],
    ids=repr,
)
def test_errors_of_the_service(client: Any, error: Any, status: int) -> None:
    """An error of the service is decoded from a response, with everything that a real one has."""
    with stub_of(client) as stub:
        stub.expect("ListImages", error=error)
        with pytest.raises(AmazonECRException) as raised:
            client.list_images(repository_name="app")
    given = error() if isinstance(error, type) else error

    assert type(raised.value) is type(given)
    assert raised.value is not given
    assert raised.value.error_code == given.error_code
    assert raised.value.operation_name == "ListImages"
    assert raised.value.status_code == status
    assert raised.value.request_id
    for member in given.MEMBERS:
        assert getattr(raised.value, member) == getattr(given, member)


@pytest.mark.parametrize("error", [ReadTimeoutException("late", "ListImages"), KeyboardInterrupt()])
def test_other_errors(client: Any, error: BaseException) -> None:
    """An error that is not one of the service is raised itself."""
    with stub_of(client) as stub:
        stub.expect("ListImages", error=error)
        with pytest.raises(type(error)) as raised:
            client.list_images(repository_name="app")

    assert raised.value is error


def test_helpers_make_single_calls(client: Any) -> None:
    """Paginators, waiters and batches use one expectation for each call."""
    identifiers = [ImageIdentifier(image_tag=f"{number}.0") for number in range(150)]
    with stub_of(client) as stub:
        stub.expect("ListImages", image_ids=identifiers[:1], next_token="more")
        following = ListImagesRequest(repository_name="app", next_token="more")
        stub.expect("ListImages", request=following, image_ids=identifiers[1:2])
        stub.expect("DescribeImages", error=ImageNotFoundException)
        stub.expect("DescribeImages", result=DETAILS)
        batch = BatchGetImageRequest(repository_name="app", image_ids=identifiers[:100])
        stub.expect("BatchGetImage", request=batch)
        stub.expect("BatchGetImage")
        paged = list(client.paginate_list_images(repository_name="app"))
        waited = client.wait_until_image_exists(
            repository_name="app", image_ids=identifiers[:1], delay=0.001
        )
        client.batch_get_image_all(repository_name="app", image_ids=identifiers)

    assert paged == identifiers[:2]
    assert waited == DETAILS


# --- downloads ------------------------------------------------------------------------------------

LAYER = bytes(range(100))
DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"


def test_downloads(client: Any) -> None:
    """A download is one call, and returns a copy of the content: whole, in pieces or in part."""
    content = bytearray(LAYER)
    with stub_of(client) as stub:
        for _ in range(3):
            stub.expect_download(content)
        content[:] = bytes(100)
        with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
            whole = layer.read()
        with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
            pieces = list(layer.iter_bytes(30))
        with client.download_layer(repository_name="app", layer_digest=DIGEST, start=99) as layer:
            rest = layer.read()

    assert whole == b"".join(pieces) == LAYER
    assert rest == LAYER[99:]
    assert layer.size == 100
    assert set(stub.requests) == {
        GetDownloadUrlForLayerRequest(repository_name="app", layer_digest=DIGEST)
    }


def test_start_beyond_the_layer(client: Any) -> None:
    """A start beyond the end is refused, as in a real storage."""
    with stub_of(client) as stub:
        stub.expect_download(LAYER)
        layer = client.download_layer(repository_name="app", layer_digest=DIGEST, start=100)
        with pytest.raises(LayerDownloadException, match="status 416"):
            layer.read()


def test_refused_downloads(client: Any) -> None:
    """An error of the service is raised for the call that requests the URL."""
    with stub_of(client) as stub:
        stub.expect("GetDownloadUrlForLayer", error=LayersNotFoundException("gone"))
        layer = client.download_layer(repository_name="app", layer_digest=DIGEST)
        with pytest.raises(LayersNotFoundException, match="gone"):
            layer.read()


def test_unexpected_downloads(client: Any) -> None:
    """A missing expectation for the call or the content fails, even if the error is swallowed."""
    layer = client.download_layer(repository_name="app", layer_digest=DIGEST)
    with pytest.raises(StubAssertionError, match="call 1 was not expected: GetDownloadUrlForLay"):
        swallow(stub_of(client), layer.read)
    stub = stub_of(client)
    stub.expect("GetDownloadUrlForLayer", download_url="https://layers.example/1?signature=1")
    layer = client.download_layer(repository_name="app", layer_digest=DIGEST)
    with pytest.raises(StubAssertionError) as raised:
        swallow(stub, layer.read)

    assert str(raised.value) == (
        "a download was not expected: <HTTPRequest GET https://layers.example/1?***, 0 bytes>; "
        "see expect_download"
    )


# --- matching -------------------------------------------------------------------------------------


def test_equal_requests(client: Any) -> None:
    """An expected request is compared as it would be sent: bytes by content, enums as strings."""
    named = models.PutImageTagMutabilityRequest(
        repository_name="app", image_tag_mutability=models.ImageTagMutability.IMMUTABLE
    )
    with stub_of(client) as stub:
        stub.expect("UploadLayerPart", request=part(b"layer1"))
        stub.expect("PutImageTagMutability", request=named)
        client.upload_layer_part(part(memoryview(bytearray(b"layer1"))))
        client.put_image_tag_mutability(repository_name="app", image_tag_mutability="IMMUTABLE")


def test_requests_are_kept(client: Any) -> None:
    """The requests of all calls can be inspected, whatever form the calls had."""
    request = GetAuthorizationTokenRequest()
    with stub_of(client) as stub:
        stub.expect("ListImages")
        stub.expect("GetAuthorizationToken")
        client.list_images(repository_name="app", max_results=5)
        client.get_authorization_token(request)

    assert stub.requests == (ListImagesRequest(repository_name="app", max_results=5), request)


@pytest.mark.parametrize(
    ("expected", "calls", "message"),
    [
        (
            [("ListImages", REQUEST), ("DescribeImages", None)],
            ["describe_images"],
            "call 1 was not expected: "
            "DescribeImages with DescribeImagesRequest(repository_name='app')\n"
            "  expected: 1. ListImages with ListImagesRequest(repository_name='app')",
        ),
        (
            [("ListImages", None)],
            ["list_images", "list_images"],
            "call 2 was not expected: ListImages with ListImagesRequest(repository_name='app')\n"
            "  expected: no further call",
        ),
        (
            [("ListImages", REQUEST), ("DescribeImages", None), ("GetAuthorizationToken", None)],
            ["list_images"],
            "2 expected calls were not made:\n"
            "  2. DescribeImages with any request\n"
            "  3. GetAuthorizationToken with any request",
        ),
    ],
    ids=["out of order", "too many", "missing"],
)
def test_other_calls_fail(client: Any, expected: list[Any], calls: list[str], message: str) -> None:
    """The error message names the unexpected call, or the expectations that are left."""
    stub = stub_of(client)
    for operation, request in expected:
        stub.expect(operation, request=request)
    with pytest.raises(StubAssertionError) as raised, stub:
        [getattr(client, call)(repository_name="app") for call in calls]

    assert str(raised.value) == message


def test_any_order(client: Any) -> None:
    """Without an order, a call uses the first expectation that matches it."""
    with stub_of(client, in_order=False) as stub:
        for name in ("app", "web"):
            request = ListImagesRequest(repository_name=name)
            stub.expect("ListImages", request=request, next_token=name)
        stub.expect("ListImages", next_token="any")
        stub.expect("DescribeImages", result=DETAILS)
        found = [
            client.describe_images(repository_name="app").image_details[0].image_size_in_bytes,
            client.list_images(repository_name="web").next_token,
            client.list_images(repository_name="web").next_token,
            client.list_images(repository_name="app").next_token,
        ]

    assert found == [7, "web", "any", "app"]


def test_differing_members(client: Any) -> None:
    """The error message shows the differences, but no unset members and no content."""
    stub = stub_of(client)
    stub.expect("UploadLayerPart", request=part(b"secret"))
    with pytest.raises(StubAssertionError) as raised, stub:
        client.upload_layer_part(part(b"public!", "web"))
    text = str(raised.value)

    assert "repository_name is 'web', expected 'app'" in text
    assert "layer_part_blob is <7 bytes>, expected <6 bytes>" in text
    assert "upload_id is" not in text
    assert "registry_id" not in text
    assert "secret" not in text
    assert "public" not in text


def test_threads_share_a_stub(client: Any) -> None:
    """Calls of several threads use one expectation each."""
    with stub_of(client, in_order=False) as stub, ThreadPoolExecutor(8) as pool:
        for number in range(100):
            stub.expect("ListImages", next_token=str(number))
        ready = threading.Barrier(8)

        def call(number: int) -> str | None:
            if number < 8:
                ready.wait(30)
            return client.list_images(repository_name="app").next_token

        found = list(pool.map(call, range(100)))

    assert sorted(found, key=str) == sorted(map(str, range(100)))


# --- validation ------------------------------------------------------------------------------


def test_checks(client: Any) -> None:
    """A request that the client refuses never reaches the expectations."""
    with stub_of(client) as stub:
        stub.expect("ListImages")
        with pytest.raises(ParamValidationException, match="ListImages: repository_name must"):
            client.list_images(repository_name=7)  # type: ignore[call-overload]
        client.list_images(repository_name="app")


def pushed(time: Any) -> dict[str, Any]:
    return {"image_details": [example(ImageDetail, image_pushed_at=time)]}


@pytest.mark.parametrize(
    ("operation", "arguments", "error", "problem"),
    [
        *(
            ("ListImages", {"request": request}, ParamValidationException, f"ListImages: .*{text}")
            for request, text in (
                (ListImagesRequest(repository_name="a"), "at least 2 characters"),
                (ListImagesRequest(repository_name=7), "must be a str"),  # type: ignore[arg-type]
                (DescribeImagesRequest(repository_name="app"), "must be a ListImagesRequest"),
                ("app", "must be a ListImagesRequest"),
            )
        ),
        *(
            ("ListImages", {"result": result}, ValueError, f"^ListImages: .*{text}")
            for result, text in (
                (ListImagesResult(next_token=7), "nextToken must be a string"),  # type: ignore[arg-type]
                (ListImagesResult(image_ids=["1.0"]), r"imageIds\[0\] must be an object"),  # type: ignore[list-item]
                (ListImagesResult(image_ids=ImageIdentifier()), "imageIds must be a list"),  # type: ignore[arg-type]
                (ListImagesResult(next_token=object()), "next_token must be a JSON value, got"),  # type: ignore[arg-type]
                (
                    ListImagesResult(response_metadata=ResponseMetadata(http_status_code=404)),
                    "the result cannot be a response",
                ),
            )
        ),
        # A time has to be a datetime with a time zone, although a response has only a number.
        *(
            ("DescribeImages", pushed(time), ValueError, text)
            for time, text in (
                (PUSHED.replace(tzinfo=None), r"\[0\].image_pushed_at must be a datetime with"),
                (PUSHED.timestamp(), "the client would read another image_details"),
                ("yesterday", "imagePushedAt is not a timestamp"),
                (float("nan"), "image_pushed_at must be a JSON value, got float nan"),
            )
        ),
        *(
            ("ListImages", arguments, TypeError, text)
            for arguments, text in (
                ({"result": DETAILS}, "must be a ListImagesResult, got DescribeImagesResult"),
                ({"image_details": []}, "image_details"),
                ({"result": ListImagesResult(), "error": ServerException()}, "pass only one of"),
                ({"result": ListImagesResult(), "next_token": "more"}, "pass only one of"),
                ({"error": ServerException(), "next_token": "more"}, "pass only one of"),
                ({"error": "ServerException"}, "error must be an exception"),
                ({"error": int}, "error must be an exception"),
            )
        ),
        # Errors that the client would never raise in this form.
        *(
            ("ListImages", {"error": RepositoryNotFoundException(**members)}, ValueError, text)
            for members, text in (
                ({"error_code": "Other"}, "but AmazonECRException"),
                (
                    {"response_metadata": ResponseMetadata(http_status_code=200)},
                    "must not be 2xx, got 200",
                ),
            )
        ),
        ("describe_images", {}, ValueError, "'describe_images'; did you mean 'DescribeImages'"),
        ("ListImage", {}, ValueError, "'ListImage'; did you mean 'ListImages'"),
        ("Qwertz", {}, ValueError, "there is no operation 'Qwertz'$"),
    ],
)
def test_impossible_expectations(
    client: Any, operation: str, arguments: Any, error: type[Exception], problem: str
) -> None:
    """An expectation that no client could meet, or no service could return, is refused at once."""
    with pytest.raises(error, match=problem):
        stub_of(client).expect(operation, **arguments)


# --- the client -----------------------------------------------------------------------------------


def test_stubs_nest(client: Any) -> None:
    """An inner stub is used until it is left, and then the outer one again."""
    with stub_of(client) as outer:
        outer.expect("ListImages", next_token="outer")
        with stub_of(client) as inner:
            inner.expect("ListImages", next_token="inner")
            first = client.list_images(repository_name="app").next_token
        second = client.list_images(repository_name="app").next_token

    assert (first, second) == ("inner", "outer")


def test_the_transport_is_restored(blocking: ECRClient) -> None:
    """Leaving a stub restores the transport, and does not replace an error of the block."""
    blocking.transport = before = Transport()
    with ECRStub(blocking):
        inside = blocking.transport
    after = blocking.transport
    failing = ECRStub(blocking)
    failing.expect("ListImages")
    with pytest.raises(LookupError), failing:
        raise LookupError

    assert inside is not before
    assert after is blocking.transport is before


def test_views(client: Any) -> None:
    """A stub of a client also applies to its views, and vice versa."""
    view = client.with_options(timeout=5, headers={"X-Team": "build"})
    with stub_of(client) as stub:
        stub.expect("ListImages", next_token="by the client")
        first = view.list_images(repository_name="app").next_token
    with stub_of(view) as stub:
        stub.expect("ListImages", next_token="by the view")
        second = client.list_images(repository_name="app").next_token

    assert (first, second) == ("by the client", "by the view")


def test_hooks_see_stubbed_calls(client_class: Any) -> None:
    """Hooks are called for stubbed calls and downloads as for real ones."""
    events: list[tuple[str, str, int | None]] = []

    def note(kind: str) -> Callable[[CallEvent], None]:
        return lambda event: events.append((kind, event.operation, event.status_code))

    hooks = Hooks(**{kind: note(kind) for kind in ("request", "response", "retry", "error")})
    config = ClientConfiguration(hooks=hooks)
    with client_class(region="eu-west-1", config=config) as observed, stub_of(observed) as stub:
        stub.expect("ListImages", error=ThrottlingException("slow down"))
        stub.expect_download(LAYER)
        with pytest.raises(ThrottlingException):
            observed.list_images(repository_name="app")
        with observed.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
            layer.read()

    assert events == [
        ("request", "ListImages", None),
        ("response", "ListImages", 400),
        ("error", "ListImages", 400),
        ("request", "GetDownloadUrlForLayer", None),
        ("response", "GetDownloadUrlForLayer", 200),
        ("request", "DownloadLayer", None),
        ("response", "DownloadLayer", 200),
    ]


@pytest.mark.parametrize(
    "error", [ServiceUnavailableException("later"), ReadTimeoutException("late", "ListImages")]
)
def test_nothing_is_retried(client: Any, error: Exception) -> None:
    """One expectation is one call, whatever the retry policy, so that tests see each failure."""
    waits: list[float] = []
    view = client.with_options(retry=RetryPolicy(max_attempts=5, sleep=waits.append))
    with stub_of(client) as stub:
        stub.expect("ListImages", error=error)
        with pytest.raises(type(error)) as raised:
            view.list_images(repository_name="app")

    assert raised.value.attempts == 1  # type: ignore[attr-defined]
    assert waits == []


def test_overridden_invoke() -> None:
    """A stub works below an overridden `invoke`."""
    seen: list[str] = []

    class Observed(ECRClient):
        def invoke(self, operation: Any, request: Any) -> Any:
            seen.append(operation.name)
            return super().invoke(operation, request)

    with Observed(region="eu-west-1") as observed, ECRStub(observed) as stub:
        stub.expect("ListImages")
        observed.list_images(repository_name="app")

    assert seen == ["ListImages"]


def test_shutdown_within_a_stub(blocking: ECRClient) -> None:
    """A client that is shut down within a stub closes its connections, and stays shut down."""

    class Closing(Transport):
        closed = False

        def close(self) -> None:
            self.closed = True

    blocking.transport = before = Closing()
    with ECRStub(blocking), ECRStub(blocking):
        blocking.shutdown()
    with ECRStub(blocking), pytest.raises(ClientShutdownException):
        blocking.list_images(repository_name="app")

    assert before.closed


def test_reuse(client: Any) -> None:
    """A stub can be entered again, but not while it is entered."""
    stub = stub_of(client)
    for token in ("first", "second"):
        stub.expect("ListImages", next_token=token)
        with stub:
            with pytest.raises(RuntimeError, match="only once at a time"):
                stub.__enter__()
            assert client.list_images(repository_name="app").next_token == token
