"""Both clients and their companions, member by member: they differ only where they have to."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import create_autospec

import pytest

from ecr_client import (
    AmazonECR,
    AsyncAmazonECR,
    AsyncECRClient,
    ClientConfiguration,
    Credentials,
    ECRClient,
    RetryPolicy,
)
from ecr_client._client_base import _OWN
from ecr_client.downloads import AsyncLayerDownload, LayerDownload
from ecr_client.exceptions import WaiterTimeoutException
from ecr_client.models import (
    DescribeImagesRequest,
    ImageIdentifier,
    ListImagesRequest,
    ListImagesResult,
)
from ecr_client.operations import LIST_IMAGES, OPERATIONS
from ecr_client.pagination import (
    AsyncItemIterator,
    AsyncPageIterator,
    AsyncPaginator,
    ItemIterator,
    PageIterator,
    Paginator,
)
from ecr_client.testing import AsyncECRStub, ECRStub, example
from ecr_client.transport import (
    AsyncByteStream,
    AsyncStreamingResponse,
    AsyncTransport,
    ByteStream,
    InMemory,
    StreamingResponse,
    Transport,
)

#: Names that are different in the asynchronous class.
RENAMED = {
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
}
CLOSED = {**RENAMED, "close": "aclose"}


class Pair(NamedTuple):
    """Two classes, and where they differ."""

    one: type
    other: type
    renamed: dict[str, str]
    more: set[str]  # names that only the asynchronous class has
    described: set[str]  # members whose descriptions differ


PAIRS = [
    Pair(ECRClient, AsyncECRClient, CLOSED, set(), {"download_layer", "shutdown", "transport"}),
    Pair(AmazonECR, AsyncAmazonECR, {}, set(), set()),
    Pair(Paginator, AsyncPaginator, RENAMED, set(), set()),
    Pair(ItemIterator, AsyncItemIterator, RENAMED, set(), set()),
    Pair(PageIterator, AsyncPageIterator, RENAMED, set(), set()),
    Pair(LayerDownload, AsyncLayerDownload, RENAMED, {"aclose"}, {"read"}),
    Pair(Transport, AsyncTransport, {}, set(), {"send"}),
    Pair(StreamingResponse, AsyncStreamingResponse, RENAMED, set(), {"read", "read1"}),
    Pair(ByteStream, AsyncByteStream, {}, set(), {"read1"}),
    Pair(ECRStub, AsyncECRStub, {}, {"__aenter__", "__aexit__"}, set()),
]
each_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.one.__name__)
#: Methods of the client that are not coroutines.
AT_ONCE = {"download_layer", "get_cached_response_metadata", "set_endpoint", "set_region"}
AT_ONCE |= {"with_options"}
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
REQUEST = ListImagesRequest(repository_name="app")


def names(cls: type) -> set[str]:
    """Return the public names of a class, including those of context managers and iterators."""
    special = {*RENAMED, *RENAMED.values()}
    return {name for name in dir(cls) if not name.startswith("_") or name in special}


def members(pair: Pair) -> list[tuple[str, Any, Any]]:
    """Return the corresponding members of two classes, with the name in the first one."""
    return [
        (name, getattr(pair.one, name), getattr(pair.other, found))
        for name in sorted(names(pair.one))
        if (found := pair.renamed.get(name, name)) in names(pair.other)
    ]


@each_pair
def test_names(pair: Pair) -> None:
    """Both classes have the same members, except for the names that Python itself changes."""
    renamed = {pair.renamed.get(name, name) for name in names(pair.one)}

    assert names(pair.other) == renamed | pair.more


@each_pair
def test_parameters(pair: Pair) -> None:
    """Both classes have the same parameters, types, defaults and return types."""
    for name, *both in members(pair):
        if not callable(both[0]) or name in RENAMED:
            continue
        first, second = (list(inspect.signature(each).parameters.values()) for each in both)
        returned = [str(inspect.signature(each).return_annotation) for each in both]

        assert [(each.name, each.kind) for each in first] == [
            (each.name, each.kind) for each in second
        ], name
        for one_of, other_of in zip(first, second, strict=True):
            assert repr(one_of.default) == repr(other_of.default), name
            if one_of.name == "sleep":
                continue
            assert str(one_of.annotation) == str(other_of.annotation).replace("Async", ""), name
        assert returned[1].replace("Async", "") == returned[0], name


@each_pair
def test_descriptions(pair: Pair) -> None:
    """Every member has a docstring, which is the same in both classes unless it is listed."""
    texts = {
        name: (inspect.getdoc(first), inspect.getdoc(second))
        for name, first, second in members(pair)
        if not name.startswith("_")
    }

    assert [name for name, both in texts.items() if not all(both)] == []
    assert {name for name, both in texts.items() if both[0] != both[1]} == pair.described


def test_coroutines() -> None:
    """Methods that send are coroutine functions; paginators and downloads only send later."""
    at_once = {
        name
        for name, _, member in members(PAIRS[0])
        if callable(member) and not inspect.iscoroutinefunction(member)
    }

    assert at_once == AT_ONCE | {name for name in names(ECRClient) if name.startswith("paginate_")}
    assert len(at_once - AT_ONCE) == 11


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_operations(operation: str) -> None:
    """Each method of either client passes on the same operation and request."""

    class One(AmazonECR):
        def invoke(self, operation: Any, request: Any) -> Any:
            return operation, request

    class Other(AsyncAmazonECR):
        async def invoke(self, operation: Any, request: Any) -> Any:
            return operation, request

    method = next(
        name for name, each in inspect.getmembers(AmazonECR) if _operation(each) == operation
    )
    parameters = list(inspect.signature(getattr(AmazonECR, method)).parameters)[2:]
    values = dict.fromkeys(parameters, "value")
    found = asyncio.run(getattr(Other(), method)(**values))

    assert found == getattr(One(), method)(**values)
    assert found[0] is OPERATIONS[operation]


def _operation(method: Any) -> str | None:
    request = getattr(getattr(method, "__signature__", None), "parameters", {}).get("request")
    return request and request.annotation.__name__.removesuffix("Request")


# --- errors ---------------------------------------------------------------------------------------


def clients(**arguments: Any) -> tuple[Any, Any]:
    return ECRClient(**arguments), AsyncECRClient(**arguments)


def failure(call: Callable[[Any], Any], client: Any) -> tuple[type, str]:
    """Return the type and the message of a call's exception, awaiting the call if necessary."""

    async def made() -> None:
        returned = call(client)
        if inspect.iscoroutine(returned):
            await returned

    with pytest.raises(Exception, match=r".") as raised:
        asyncio.run(made())
    return raised.type, str(raised.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda ecr: ecr.list_images(repositoryName="app"),
        lambda ecr: ecr.list_images(repositry_name="app"),
        lambda ecr: ecr.list_images(request=REQUEST),
        lambda ecr: ecr.list_images(),
        lambda ecr: ecr.list_images(REQUEST, max_results=5),
        lambda ecr: ecr.list_images(REQUEST, REQUEST),
        lambda ecr: ecr.list_images("app"),
        lambda ecr: ecr.list_images({"repository_name": "app"}),
        lambda ecr: ecr.list_images(DescribeImagesRequest(repository_name="app")),
        lambda ecr: ecr.list_images(repository_name="a"),
        lambda ecr: ecr.list_images(repository_name="app", max_results="5"),
        lambda ecr: ecr.invoke(LIST_IMAGES, None),
        lambda ecr: ecr.paginate_list_images(repositoryName="app"),
        lambda ecr: ecr.paginate_list_images(),
        lambda ecr: ecr.paginate_list_images(repository_name="app", max_items=0),
        lambda ecr: ecr.paginate_list_images(repository_name="app", PaginationConfig={}),
        lambda ecr: ecr.paginate_list_images(repository_name="app").resume_from("nonsense"),
        lambda ecr: ecr.wait_until_image_exists(repository_name="app", maxWait=5),
        lambda ecr: ecr.wait_until_image_exists(repository_name="app", WaiterConfig={}),
        lambda ecr: ecr.wait_until_image_exists(repository_name="app", delay=0),
        lambda ecr: ecr.wait_until_image_exists(repository_name="app", sleep=5),
        lambda ecr: ecr.batch_get_image_all(repository_name="app", imageIds=[]),
        lambda ecr: ecr.batch_get_image_all(repository_name="app", image_ids=["1.0"]),
        lambda ecr: ecr.download_layer(repository_name="app", layerDigest="sha256:0"),
        lambda ecr: ecr.download_layer(repository_name="app", layer_digest="1"),
        lambda ecr: ecr.download_layer("app", "sha256:0"),
        lambda ecr: ecr.with_options(retries=3),
        lambda ecr: ecr.with_options(5),
        lambda ecr: ecr.with_options(timeout="5"),
        lambda ecr: ecr.with_options(headers={"Host": "other"}),
        lambda ecr: ecr.with_options(credentials="AKID"),
        lambda ecr: ecr.set_endpoint("http://"),
        lambda ecr: ecr.set_region("nowhere"),
        lambda ecr: type(ecr)("eu-west-1"),
        lambda ecr: type(ecr)(region_name="eu-west-1"),
        lambda ecr: type(ecr)(retries=3),
        lambda ecr: type(ecr)(credentials=KEYS, profile="build"),
        lambda ecr: type(ecr)(region="nowhere"),
        lambda ecr: ecr.describeImages,
        lambda ecr: ecr.describe_image,
        lambda ecr: ecr.get_paginator,
        lambda ecr: ecr.get_waiter,
        lambda ecr: ecr.exceptions,
        lambda ecr: setattr(ecr, "region", "eu-west-1"),
    ],
)
def test_errors(call: Callable[[Any], Any]) -> None:
    """Both clients refuse a mistake with the same error, including hints."""
    one, other = (
        failure(call, each) for each in clients(endpoint="http://127.0.0.1:1", credentials=KEYS)
    )

    assert (one[0], one[1]) == (other[0], other[1].replace("AsyncECRClient", "ECRClient"))


@pytest.mark.parametrize(
    "call",
    [
        lambda double: double.list_images(REQUEST),
        lambda double: double.set_region("eu-west-1"),
        lambda double: double.set_endpoint("localhost"),
        lambda double: double.get_cached_response_metadata(REQUEST),
        lambda double: double.shutdown(),
    ],
)
def test_errors_of_the_interface(call: Callable[[Any], Any]) -> None:
    """An unimplemented operation of either interface is an error that names the class."""

    class Double(AmazonECR):
        pass

    class AsyncDouble(AsyncAmazonECR):
        pass

    kind, message = failure(call, AsyncDouble())

    assert kind is NotImplementedError
    assert message.removeprefix("Async") == failure(call, Double())[1]


# --- objects --------------------------------------------------------------------------------------


class OwnClient(AsyncECRClient):
    """A client with its own arguments, and a lock, which cannot be pickled."""

    def __init__(self, account: str) -> None:
        super().__init__(region="eu-west-1", credentials=Credentials("AKID", account))
        self.account = account
        self.lock = threading.Lock()

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "lock": None}


def test_reprs() -> None:
    """Both clients show where they send calls, and no secrets."""
    one, other = map(repr, clients(region="eu-west-1", credentials=KEYS))

    assert other == f"<Async{one.removeprefix('<')}"
    assert KEYS.secret_key not in other
    paginators = [
        repr(each.paginate_list_images(REQUEST, max_items=5)) for each in clients(credentials=KEYS)
    ]
    assert paginators[1] == f"<Async{paginators[0].removeprefix('<')}"


def test_interface() -> None:
    """Each client implements its own interface, and not the other one."""
    one, other = clients()

    assert isinstance(other, AsyncAmazonECR)
    assert not isinstance(other, (AmazonECR, ECRClient))
    assert not isinstance(one, AsyncAmazonECR)
    assert AsyncECRClient.ENDPOINT_PREFIX == ECRClient.ENDPOINT_PREFIX


def test_own_attributes() -> None:
    """Both clients have exactly the attributes that are excluded from pickling."""
    one, other = clients(region="eu-west-1")

    assert vars(one).keys() == vars(other).keys() == _OWN


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))]
)
def test_copies(copied: Callable[[Any], Any]) -> None:
    """A copy calls the same endpoint with the same options, and is bound to no event loop."""
    config = ClientConfiguration(read_timeout=7)
    _, client = clients(region="eu-west-1", credentials=KEYS, config=config)
    client.set_region("us-east-1")
    view = client.with_options(timeout=5, retry=RetryPolicy(max_attempts=2), headers={"x-a": "1"})

    async def copied_in_use() -> Any:
        async with client:
            return copied(view)

    arrived = asyncio.run(copied_in_use())

    assert (type(arrived), arrived.region) == (AsyncECRClient, "us-east-1")
    assert (arrived._config, arrived._make_options().total_timeout) == (config, 5)
    assert arrived._shared is not client._shared
    asyncio.run(arrived.aclose())


def test_clients_of_sessions() -> None:
    """Neither client can be pickled if it was made from a session."""
    from botocore.session import Session

    one, other = (failure(pickle.dumps, each) for each in clients(session=Session()))

    assert one == other


def test_subclasses() -> None:
    """A subclass keeps its class and attributes in views, copies and pickles."""
    client = OwnClient("team")

    for each in (client, client.with_options(timeout=5)):
        assert (type(each), each.account, each.lock) == (OwnClient, "team", client.lock)
        for arrived in (copy.copy(each), pickle.loads(pickle.dumps(each))):
            assert (type(arrived), arrived.account, arrived.lock) == (OwnClient, "team", None)


def test_views() -> None:
    """A view shares the client's resources, and accepts an asynchronous credentials function."""

    class Recording(AsyncTransport):
        async def send(self, request: Any, deadline: Any) -> AsyncStreamingResponse:
            signed.append(request.headers["Authorization"])
            return AsyncStreamingResponse(request, 200, {}, InMemory(b"{}"))

    async def looked_up() -> Credentials:
        return KEYS

    async def test() -> None:
        _, client = clients(region="eu-west-1", credentials=Credentials("AKIDOTHER", "other"))
        view = client.with_options(credentials=looked_up).with_options(timeout=5)
        client.transport = Recording()
        await client.describe_repositories()
        await view.describe_repositories()

    signed: list[str] = []
    asyncio.run(test())

    assert ["Credential=AKIDOTHER/" in each for each in signed] == [True, False]
    assert ["Credential=AKIDEXAMPLE/" in each for each in signed] == [False, True]


# --- test doubles ---------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [AsyncECRClient, AsyncAmazonECR])
def test_autospec(spec: type) -> None:
    """A mock is awaited like the client, and accepts only the two forms of a call."""
    mock: Any = create_autospec(spec, instance=True)
    mock.list_images.return_value = ListImagesResult()

    async def test() -> None:
        assert await mock.list_images(repository_name="app") == ListImagesResult()
        assert await mock.list_images(REQUEST) == ListImagesResult()

    asyncio.run(test())

    assert isinstance(mock, spec)
    mock.list_images.assert_awaited_with(REQUEST)
    for args, keywords in [((), {}), ((), {"nonsense": 1}), ((REQUEST,), {"max_results": 5})]:
        with pytest.raises(TypeError):
            asyncio.run(mock.list_images(*args, **keywords))
    with pytest.raises(AttributeError):
        _ = mock.nonsense


def test_autospec_of_other_members() -> None:
    """Members that are not awaited on a client are not awaited on a mock, either."""
    mock: Any = create_autospec(AsyncECRClient, instance=True)
    image = ImageIdentifier(image_tag="1.0")
    mock.__aenter__.return_value = mock
    mock.paginate_list_images.return_value.__aiter__.return_value = [image]

    async def test() -> list[Any]:
        async with mock as client:
            client.with_options(timeout=5)
            await client.aclose()
            return [each async for each in mock.paginate_list_images(repository_name="app")]

    assert asyncio.run(test()) == [image]
    mock.aclose.assert_awaited_once_with()


def test_invoke() -> None:
    """Calls, paginators, waiters and batches all use ``invoke``, which needs no connection."""

    class Own(AsyncECRClient):
        async def invoke(self, operation: Any, request: Any) -> Any:
            invoked.append(operation.name)
            return example(operation.result_class)

    async def test() -> None:
        client = Own(region="eu-west-1")
        images = [ImageIdentifier(image_tag=f"{number}") for number in range(101)]
        await client.list_images(REQUEST)
        assert [each async for each in client.with_options().paginate_list_images(REQUEST)] == []
        with pytest.raises(WaiterTimeoutException):
            await client.wait_until_lifecycle_policy_preview_complete(
                repository_name="app", max_wait=0
            )
        await client.batch_delete_image_all(repository_name="app", image_ids=images)

    invoked: list[str] = []
    asyncio.run(test())

    assert invoked == [
        *("ListImages", "ListImages", "GetLifecyclePolicyPreview"),
        *("BatchDeleteImage", "BatchDeleteImage"),
    ]
