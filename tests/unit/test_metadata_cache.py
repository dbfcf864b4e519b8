"""The cache of response metadata: keyed by identity, bounded, and not keeping requests alive."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client import ECRClient, ResponseMetadata
from ecr_client.exceptions import AmazonClientException
from ecr_client.metadata import ResponseMetadataCache
from ecr_client.models import ListImagesRequest

PAGE = b'{"imageIds": []}'
FINE = (200, {"x-amzn-RequestId": "id-1"}, PAGE)


def request() -> ListImagesRequest:
    return ListImagesRequest(repository_name="app")


def metadata(request_id: object) -> ResponseMetadata:
    return ResponseMetadata(request_id=str(request_id), http_status_code=200)


def ids(cache: Any, requests: list[ListImagesRequest]) -> list[str | None]:
    """Return the cached request id of each request, or None for a miss."""
    get = getattr(cache, "get_cached_response_metadata", None) or cache.get
    return [each and each.request_id for each in map(get, requests)]


@settings(deadline=None, derandomize=True, database=None)
@given(
    size=st.integers(0, 4),
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "put", "get", "die"]), st.integers(0, 7)), max_size=40
    ),
)
def test_what_is_remembered(size: int, steps: list[tuple[str, int]]) -> None:
    """Of the requests that are alive, those of the last calls are found, each by its identity."""
    cache = ResponseMetadataCache(size)
    living: dict[int, ListImagesRequest] = {}
    expected: dict[int, str] = {}
    for turn, (action, number) in enumerate(steps):
        if action == "put":
            cache.put(living.setdefault(number, request()), metadata(turn))
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


def test_a_reused_address_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object at the address of a dead request has no metadata until it gets its own."""
    # Whether an address is reused is up to the interpreter, so here all objects have the same.
    monkeypatch.setattr("ecr_client.metadata.id", lambda _: 4711, raising=False)
    cache, first, successor = ResponseMetadataCache(50), request(), request()
    cache.put(first, metadata(0))
    assert ids(cache, [first, successor]) == ["0", None]

    del first
    gc.collect()
    assert cache.get(successor) is None

    cache.put(successor, metadata("successor"))
    assert ids(cache, [successor]) == ["successor"]


@pytest.mark.parametrize("size", [5, 400])
def test_threads(size: int) -> None:
    """Threads find their own entries, and keep the bound while they evict each other's."""
    cache, start = ResponseMetadataCache(size), threading.Barrier(8)
    alive = [[request() for _ in range(50)] for _ in range(8)]

    def work(worker: int) -> list[str | None]:
        start.wait()
        for number, each in enumerate(alive[worker]):
            cache.put(each, metadata(f"{worker}.{number}"))
            cache.get(each)
        return ids(cache, alive[worker])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    kept = [each for mine in alive for each in ids(cache, mine) if each]

    assert len(cache._entries) == len(kept) == size
    if size == 400:
        assert found == [[f"{worker}.{number}" for number in range(50)] for worker in range(8)]


def test_request_object_calls_fill_it(server: Any, client: ECRClient) -> None:
    """A call with a request object caches the result's metadata, even beyond a shutdown."""
    server.responses = [FINE]
    made = request()
    result = client.list_images(made)
    found = client.get_cached_response_metadata(made)
    client.shutdown()

    assert found is client.get_cached_response_metadata(made) is result.response_metadata
    assert result.response_metadata.request_id == "id-1"
    assert client.get_cached_response_metadata(request()) is None


@pytest.mark.parametrize(
    "response",
    [(400, {}, b'{"__type": "RepositoryNotFoundException"}'), (200, {}, b"not JSON"), b""],
    ids=["service error", "unreadable", "no response"],
)
def test_failed_calls_do_not_fill_it(server: Any, client: ECRClient, response: Any) -> None:
    """A failed call is not cached, and leaves the entry of its request's last success."""
    server.responses = [FINE, response]
    made = [request(), request()]
    client.list_images(made[0])
    for each in made:
        with pytest.raises(AmazonClientException):
            client.list_images(each)

    assert ids(client, made) == ["id-1", None]


@pytest.mark.parametrize(
    ("config", "size"),
    [({}, 50), *(({"response_metadata_cache_size": size}, size) for size in (3, 0))],
)
def test_bound_of_a_client(server: Any, calling: Any, config: dict[str, Any], size: int) -> None:
    """A client caches 50 calls, or as many as configured; calls with keywords do not count.

    The cache does not keep requests alive.
    """
    server.responses = [FINE]
    made, client = [request() for _ in range(size + 2)], calling(config=config)
    for each in made:
        client.list_images(each)
        client.list_images(repository_name="app")
    references = [weakref.ref(each) for each in made]

    assert ids(client, made) == [None, None] + ["id-1"] * size
    del made, each
    gc.collect()
    assert [each for each in references if each() is not None] == []
    assert len(client._shared.cache._entries) <= 50
