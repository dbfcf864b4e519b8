"""The cache of response metadata: found by identity, bounded, and no owner of requests."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client import ClientConfiguration, Credentials, ECRClient, ResponseMetadata
from ecr_client.exceptions import AmazonClientException, RepositoryNotFoundException
from ecr_client.metadata import ResponseMetadataCache
from ecr_client.models import ListImagesRequest

PAGE = b'{"imageIds": []}'
#: In one piece, which makes many calls faster.
RAW = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nx-amzn-RequestId: id-1\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)
)


def request() -> ListImagesRequest:
    return ListImagesRequest(repository_name="app")


def metadata(request_id: str) -> ResponseMetadata:
    return ResponseMetadata(request_id=request_id, http_status_code=200)


def filled(size: int, count: int) -> tuple[ResponseMetadataCache, list[ListImagesRequest]]:
    """Return a cache into which this many requests were put, and the requests."""
    cache, requests = ResponseMetadataCache(size), [request() for _ in range(count)]
    for number, each in enumerate(requests):
        cache.put(each, metadata(str(number)))
    return cache, requests


def ids(cache: ResponseMetadataCache, requests: list[ListImagesRequest]) -> list[str | None]:
    """Return the remembered request id of each request, None for a miss."""
    found = [cache.get(each) for each in requests]
    return [each and each.request_id for each in found]


# --- the cache itself -----------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, database=None)
@given(
    size=st.integers(0, 4),
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "put", "get", "die"]), st.integers(0, 7)), max_size=40
    ),
)
def test_what_is_remembered(size: int, steps: list[tuple[str, int]]) -> None:
    """Of the requests that live, those of the last calls are found, each by its own identity."""
    cache = ResponseMetadataCache(size)
    living: dict[int, ListImagesRequest] = {}
    expected: dict[int, str] = {}
    for turn, (action, number) in enumerate(steps):
        if action == "put":
            cache.put(living.setdefault(number, request()), metadata(str(turn)))
            expected.pop(number, None)
            expected[number] = str(turn)
            for oldest in list(expected)[: max(0, len(expected) - size)]:
                del expected[oldest]
        elif action == "die":
            living.pop(number, None)
            expected.pop(number, None)
        elif number in living:
            cache.get(living[number])

        assert ids(cache, list(living.values())) == [expected.get(each) for each in living]
        assert cache.get(request()) is None
        assert len(cache._entries) <= size + 1


def test_requests_are_not_kept_alive() -> None:
    """A request that only the cache knows is collected."""
    cache, requests = filled(50, 3)
    references = [weakref.ref(each) for each in requests]
    del requests
    gc.collect()

    assert [reference() for reference in references] == [None, None, None]
    assert len(cache._entries) <= 3


def test_a_reused_address_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object at the address of a dead request has no metadata, until it is put in itself."""
    # Whether the interpreter reuses an address is up to it, so that here all have the same one.
    monkeypatch.setattr("ecr_client.metadata.id", lambda _: 4711, raising=False)
    cache, requests = filled(50, 1)
    successor = request()

    assert ids(cache, [*requests, successor]) == ["0", None]

    del requests
    gc.collect()

    assert cache.get(successor) is None

    cache.put(successor, metadata("successor"))

    assert ids(cache, [successor]) == ["successor"]


def test_real_addresses_are_reused_safely() -> None:
    """Of many short-lived requests, none is taken for one that died before it."""
    cache = ResponseMetadataCache(50)
    addresses, wrong = set(), 0
    for number in range(500):
        each = request()
        wrong += cache.get(each) is not None
        addresses.add(id(each))
        cache.put(each, metadata(str(number)))
        del each

    assert wrong == 0
    assert len(addresses) < 500, "no address was reused, so this test shows nothing"


def test_threads() -> None:
    """Threads that put and get at once see their own entries and never exceed the bound."""
    cache, start = ResponseMetadataCache(400), threading.Barrier(8)
    alive = [[request() for _ in range(50)] for _ in range(8)]

    def work(worker: int) -> list[str | None]:
        start.wait()
        mine = alive[worker]
        for number, each in enumerate(mine):
            cache.put(each, metadata(f"{worker}.{number}"))
            cache.get(each)
        return ids(cache, mine)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))

    assert found == [[f"{worker}.{number}" for number in range(50)] for worker in range(8)]
    assert len(cache._entries) == 400


def test_threads_at_the_bound() -> None:
    """Threads that push each other's entries out leave exactly the bound behind."""
    cache, start = ResponseMetadataCache(5), threading.Barrier(8)
    alive: list[Any] = [[] for _ in range(8)]

    def work(worker: int) -> None:
        start.wait()
        for number in range(300):
            each = request()
            alive[worker].append(each)
            cache.put(each, metadata(str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    remembered = [each for mine in alive for each in mine if cache.get(each) is not None]

    assert len(cache._entries) == len(remembered) == 5


# --- the client's use of it -----------------------------------------------------------------------


def test_request_object_calls_fill_it(server: Any, client: ECRClient) -> None:
    """After a call with a request object, its metadata is that of the result."""
    server.answers = [(200, {"x-amzn-RequestId": "id-1"}, PAGE)]
    made = request()
    result = client.list_images(made)

    assert client.get_cached_response_metadata(made) is result.response_metadata
    assert result.response_metadata.request_id == "id-1"
    assert client.get_cached_response_metadata(request()) is None


def test_keyword_calls_push_nothing_out(server: Any, client: ECRClient) -> None:
    """Any number of calls with keywords leaves what is known of living request objects alone."""
    server.answers = [RAW]
    made = request()
    client.list_images(made)
    for _ in range(100):
        client.list_images(repository_name="app")
    found = client.get_cached_response_metadata(made)

    assert found is not None
    assert found.request_id == "id-1"
    assert len(client._shared.cache._entries) <= 50


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((400, {}, b'{"__type": "RepositoryNotFoundException"}'), id="service error"),
        pytest.param((200, {}, b"not JSON"), id="unreadable"),
        pytest.param(b"", id="no answer"),
    ],
)
def test_failed_calls_do_not_fill_it(server: Any, client: ECRClient, answer: Any) -> None:
    """A call that fails is not remembered."""
    server.answers = [answer]
    made = request()

    with pytest.raises(AmazonClientException):
        client.list_images(made)

    assert client.get_cached_response_metadata(made) is None


def test_a_failed_call_leaves_the_last_success(server: Any, client: ECRClient) -> None:
    """What is remembered is the latest successful call, also if a later one fails."""
    failure = (400, {"x-amzn-RequestId": "id-2"}, b'{"__type": "RepositoryNotFoundException"}')
    server.answers = [(200, {"x-amzn-RequestId": "id-1"}, PAGE), failure]
    made = request()
    client.list_images(made)
    with pytest.raises(RepositoryNotFoundException):
        client.list_images(made)
    found = client.get_cached_response_metadata(made)

    assert found is not None
    assert found.request_id == "id-1"


@pytest.mark.parametrize(("config", "size"), [({}, 50), ({"response_metadata_cache_size": 3}, 3)])
def test_the_client_s_bound(
    server: Any, credentials: Credentials, config: dict[str, Any], size: int
) -> None:
    """A client remembers 50 calls, or as many as it is configured to."""
    server.answers = [RAW]
    made = [request() for _ in range(size + 2)]
    with ECRClient(
        endpoint=server.url, credentials=credentials, config=ClientConfiguration(**config)
    ) as client:
        for each in made:
            client.list_images(each)
        found = [client.get_cached_response_metadata(each) is not None for each in made]

    assert found == [False, False] + [True] * size


def test_size_zero_switches_it_off(server: Any, credentials: Credentials) -> None:
    """With size 0 the metadata is on the result only."""
    config = ClientConfiguration(response_metadata_cache_size=0)
    server.answers = [(200, {"x-amzn-RequestId": "id-1"}, PAGE)]
    made = request()
    with ECRClient(endpoint=server.url, credentials=credentials, config=config) as client:
        result = client.list_images(made)

        assert client.get_cached_response_metadata(made) is None
    assert result.response_metadata.request_id == "id-1"


def test_the_client_does_not_keep_requests_alive(server: Any, client: ECRClient) -> None:
    """A request that the caller drops is collected, though its metadata was remembered."""
    server.answers = [(200, {}, PAGE)]
    made = request()
    client.list_images(made)
    reference = weakref.ref(made)
    del made
    gc.collect()

    assert reference() is None


def test_it_outlives_the_client(server: Any, client: ECRClient) -> None:
    """What was remembered can still be asked for after the shutdown."""
    server.answers = [(200, {"x-amzn-RequestId": "id-1"}, PAGE)]
    made = request()
    client.list_images(made)
    client.shutdown()
    found = client.get_cached_response_metadata(made)

    assert found is not None
    assert found.request_id == "id-1"
