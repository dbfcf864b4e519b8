"""Objects that are pickled for other processes arrive unchanged."""

from __future__ import annotations

import copy
import pickle
import threading
import typing
from typing import Any

import pytest

from ecr_client import (
    ClientConfiguration,
    Credentials,
    ECRClient,
    Hooks,
    Region,
    RetryPolicy,
    exceptions,
    models,
)
from ecr_client.hooks import CallEvent
from ecr_client.metadata import ResponseMetadata
from ecr_client.testing import ECRStub

EVENT: Any = {
    **{"operation": "PutImage", "attempt": 1, "endpoint": "https://ecr.example"},
    **{"region": "eu-west-1", "request_bytes": 2, "context": {"of": "hooks"}},
}
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
FAULT = b'{"__type": "RepositoryNotFoundException", "message": "none"}'
UNAVAILABLE = (503, {"x-amzn-RequestId": "first"}, b'{"__type": "ServiceUnavailable"}')


def travelled(value: Any) -> list[Any]:
    """Return copies of a value, made by each protocol of pickle and by copy."""
    arrived = [pickle.loads(pickle.dumps(value, each)) for each in PROTOCOLS]
    return [*arrived, copy.copy(value), copy.deepcopy(value)]


def test_responses_of_the_service(server: Any, client: ECRClient) -> None:
    """A result or an error keeps its attempts, its metadata and the errors before it."""
    client = client.with_options(retry=RetryPolicy(sleep=resting))
    server.responses = [UNAVAILABLE, (200, {"x-amzn-RequestId": "last"}, b'{"registryId": "1"}')]
    result = client.describe_registry()
    server.responses = [UNAVAILABLE, (400, {"x-amzn-RequestId": "last"}, FAULT)]
    with pytest.raises(exceptions.RepositoryNotFoundException) as raised:
        client.describe_registry()

    for each in PROTOCOLS:
        arrived, error = pickle.loads(pickle.dumps((result, raised.value), each))
        metadata = arrived.response_metadata
        assert (arrived, metadata) == (result, result.response_metadata)
        assert hash(metadata) == hash(result.response_metadata)
        assert metadata.http_headers["X-AMZN-requestid"] == "last"
        assert "Unavailable" not in repr(metadata)
        assert (type(error), str(error)) == (type(raised.value), str(raised.value))
        for found in (metadata, error.response_metadata):
            assert (found.request_id, found.retry_attempts) == ("last", 1)
            (first,) = found.retried_errors
            assert type(first) is exceptions.ServiceUnavailableException
            assert first.request_id == "first"


def quiet(event: CallEvent) -> None:
    """Do nothing: a hook that other processes can import."""


LAMBDA = lambda _: None  # noqa: E731


def always() -> float:
    """Return the same number every time."""
    return 1.0


def resting(seconds: float) -> None:
    """Do not wait."""


def test_functions_of_settings() -> None:
    """Hooks and the functions of policies can be pickled if they can be imported."""
    hooks = Hooks(request=quiet, error=print)
    policy = RetryPolicy(sleep=resting, random=always)
    config = ClientConfiguration(hooks=hooks, retry=policy)
    arrived = pickle.loads(pickle.dumps(config))

    assert arrived == config
    assert (arrived.hooks.request, arrived.hooks.error) == (quiet, print)
    assert (arrived.retry.sleep, arrived.retry.random) == (resting, always)
    client = ECRClient(region="eu-west-1", config=ClientConfiguration(hooks=Hooks(request=LAMBDA)))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(client)


def test_clients(server: Any, credentials: Credentials) -> None:
    """An unpickled client has the endpoint and region of its original, and is independent."""
    client = ECRClient(
        region="eu-west-1", credentials=credentials, config=ClientConfiguration(read_timeout=7)
    )
    client.set_region("us-east-1")
    client.set_endpoint(server.url)
    client.describe_registry()
    arrived = pickle.loads(pickle.dumps(client))
    client.shutdown()
    with arrived:
        arrived.describe_registry()

    assert (arrived.endpoint, arrived.region) == (server.url, "us-east-1")
    assert arrived._config == client._config
    assert len(server.requests) == 2


def test_views(server: Any, client: ECRClient) -> None:
    """An unpickled view has all of its options."""
    other = Credentials("AKIDOTHER", "other", "token")
    view = client.with_options(
        timeout=5, headers={"x-amz-one": "1"}, credentials=other, retry=RetryPolicy(max_attempts=2)
    ).with_options(headers={"x-two": "2"})
    arrived = pickle.loads(pickle.dumps(view))
    server.responses = [(503, {"x-amz-retry-after": "0"}, b"{}"), (200, {}, b"{}")]
    with arrived.with_options(retry=RetryPolicy(max_attempts=2, sleep=resting)) as again:
        again.describe_registry()

    assert len(server.requests) == 2
    for each in server.requests:
        assert (each.headers["x-amz-one"], each.headers["x-two"]) == ("1", "2")
        assert "Credential=AKIDOTHER/" in each.headers["authorization"]
        assert each.headers["x-amz-security-token"] == "token"


def test_a_client_that_was_shut_down(client: ECRClient) -> None:
    """A client that was shut down can make calls once unpickled: connections are not pickled."""
    client.shutdown()
    with pickle.loads(pickle.dumps(client)) as arrived:
        assert arrived.describe_registry().registry_id is None


def test_a_client_of_a_session() -> None:
    """A client of a session cannot be pickled, and the error says what to do instead."""
    from botocore.session import Session

    client = ECRClient(session=Session(), region="eu-west-1")
    for each in (client, client.with_options(timeout=1)):
        with pytest.raises(TypeError, match="profile"):
            pickle.dumps(each)


class OwnClient(ECRClient):
    """A client that is made from an account, and has a lock, which cannot be pickled."""

    def __init__(self, account: str) -> None:
        super().__init__(region="eu-west-1", credentials=Credentials("AKID", account))
        self.account = account
        self.lock = threading.Lock()

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "lock": None}


class OwnCredentials(Credentials):
    def __init__(self, name: str) -> None:
        super().__init__(f"AKID{name}", "secret")


class OwnConfiguration(ClientConfiguration):
    def __init__(self, seconds: int) -> None:
        super().__init__(read_timeout=seconds)


class OwnPolicy(RetryPolicy):
    def __init__(self, retries: int) -> None:
        super().__init__(max_attempts=retries + 1)


class OwnRequest(models.BatchGetImageRequest):
    def __init__(self, team: str) -> None:
        images = [models.ImageIdentifier(image_tag=f"{each}") for each in range(101)]
        super().__init__(repository_name=f"{team}/app", image_ids=images)


class OwnPagedRequest(models.ListImagesRequest):
    def __init__(self, team: str) -> None:
        super().__init__(repository_name=f"{team}/app")


class OwnResult(models.ListImagesResult):
    def __init__(self, tag: str) -> None:
        super().__init__(image_ids=[models.ImageIdentifier(image_tag=tag)])


class OwnError(exceptions.AmazonECRException):
    def __init__(self, account: str, *, code: int) -> None:
        super().__init__(f"{account}: {code}")
        self.account = account


class OwnTransportError(exceptions.TransportException):
    def __init__(self, account: str, *, code: int) -> None:
        super().__init__(f"{account}: {code}")
        self.account = account


def test_clients_of_a_subclass() -> None:
    """A client keeps what its subclass has added, whatever its constructor takes."""
    client = OwnClient("team")
    client.set_region("us-east-1")

    for each in (client, client.with_options(timeout=5)):
        assert (type(each), each.account, each.lock) == (OwnClient, "team", client.lock)
        for arrived in travelled(each):
            assert (type(arrived), arrived.account, arrived.lock) == (OwnClient, "team", None)
            assert (arrived.region, arrived._overrides) == ("us-east-1", each._overrides)
            assert arrived._shared is not client._shared


@pytest.mark.parametrize(
    "value",
    [
        Credentials("AKIDEXAMPLE", "secret", "token"),
        Region("eu-west-1"),
        RetryPolicy(mode="adaptive", max_attempts=5, base_delay=0.1, sleep=resting),
        ClientConfiguration(
            proxies={"https": "http://user:password@proxy:8080"},
            retry=RetryPolicy(max_attempts=2),
            max_response_size=1000,
        ),
        ResponseMetadata(request_id="1", http_status_code=200),
        CallEvent(**EVENT),
        Hooks(),
        OwnCredentials("EXAMPLE"),
        OwnConfiguration(7),
        OwnPolicy(4),
        OwnRequest("team"),
        OwnResult("1.0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(value: Any) -> None:
    """Values keep their class, equality and repr, even if their class is a user's own."""
    for arrived in travelled(value):
        assert (type(arrived), arrived, repr(arrived)) == (type(value), value, repr(value))


@pytest.mark.parametrize("error", [OwnError("team", code=7), OwnTransportError("team", code=7)])
def test_errors_of_a_subclass(error: Any) -> None:
    """An exception of a user's own class keeps its message and attributes."""
    for arrived in travelled(error):
        assert (type(arrived), str(arrived)) == (type(error), str(error))
        assert vars(arrived) == vars(error)


def test_requests_of_a_subclass_go_on(client: ECRClient) -> None:
    """Further pages and batches work with requests of a user's own class as well."""
    with ECRStub(client) as stub:
        stub.expect("ListImages", next_token="more")
        stub.expect("ListImages")
        for _ in range(2):
            stub.expect("BatchGetImage")
        list(client.paginate_list_images(OwnPagedRequest("team")))
        client.batch_get_image_all(OwnRequest("team"))
    first, second, *batches = (typing.cast("Any", each) for each in stub.requests)

    assert (first.next_token, second.next_token) == (None, "more")
    assert second.repository_name == "team/app"
    assert [len(each.image_ids) for each in batches] == [100, 1]
