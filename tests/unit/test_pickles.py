"""What travels to other processes arrives as it was."""

from __future__ import annotations

import copy
import pickle
import threading
import typing
from collections.abc import Callable
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
from ecr_client._client_base import _OWN
from ecr_client.hooks import CallEvent
from ecr_client.metadata import ResponseMetadata
from ecr_client.testing import ECRStub

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
FAULT = b'{"__type": "RepositoryNotFoundException", "message": "none"}'
UNAVAILABLE = (503, {"x-amzn-RequestId": "first"}, b'{"__type": "ServiceUnavailable"}')


def travelled(value: Any) -> list[Any]:
    """Return what arrives of a value, by each protocol of pickle and as copies."""
    arrived = [pickle.loads(pickle.dumps(value, each)) for each in PROTOCOLS]
    return [*arrived, copy.copy(value), copy.deepcopy(value)]


def test_results_of_the_service(server: Any, client: ECRClient) -> None:
    """A result that was read takes its metadata along, with the errors before it."""
    server.answers = [UNAVAILABLE, (200, {"x-amzn-RequestId": "second"}, b'{"registryId": "1"}')]
    policy = RetryPolicy(sleep=lambda _: None)
    result = client.with_options(retry=policy).describe_registry()

    for arrived in [pickle.loads(pickle.dumps(result, each)) for each in PROTOCOLS]:
        metadata = arrived.response_metadata
        assert arrived == result
        assert metadata == result.response_metadata
        assert (metadata.request_id, metadata.retry_attempts) == ("second", 1)
        assert metadata.http_headers["X-AMZN-requestid"] == "second"
        assert hash(metadata) == hash(result.response_metadata)
        assert [each.request_id for each in metadata.retried_errors] == ["first"]
        assert "Unavailable" not in repr(metadata)


def test_errors_of_the_service(server: Any, client: ECRClient) -> None:
    """An error that was raised takes its attempts, its metadata and the errors before it along."""
    server.answers = [UNAVAILABLE, UNAVAILABLE, (400, {"x-amzn-RequestId": "last"}, FAULT)]
    policy = RetryPolicy(sleep=lambda _: None)
    with pytest.raises(exceptions.RepositoryNotFoundException) as raised:
        client.with_options(retry=policy).describe_registry()

    for arrived in [pickle.loads(pickle.dumps(raised.value, each)) for each in PROTOCOLS]:
        assert type(arrived) is exceptions.RepositoryNotFoundException
        assert str(arrived) == str(raised.value)
        assert (arrived.attempts, arrived.request_id) == (3, "last")
        assert [type(each) for each in arrived.retried_errors] == [
            exceptions.ServiceUnavailableException
        ] * 2


def quiet(event: CallEvent) -> None:
    """Do nothing: a hook that other processes can import."""


def always() -> float:
    """Draw the same every time."""
    return 1.0


def resting(seconds: float) -> None:
    """Do not wait."""


#: Values that compare.
SETTINGS: dict[str, Callable[[], Any]] = {
    "credentials": lambda: Credentials("AKIDEXAMPLE", "secret", "token"),
    "region": lambda: Region("eu-west-1"),
    "policy": lambda: RetryPolicy(mode="adaptive", max_attempts=5, base_delay=0.1, sleep=resting),
    "configuration": lambda: ClientConfiguration(
        proxies={"https": "http://user:password@proxy:8080"},
        total_timeout=9,
        retry=RetryPolicy(max_attempts=2),
        max_response_size=1000,
    ),
    "metadata": lambda: ResponseMetadata(request_id="1", http_status_code=200),
    "event": lambda: CallEvent(
        operation="PutImage",
        attempt=1,
        endpoint="https://ecr.example",
        region="eu-west-1",
        request_bytes=2,
        context={"of": "hooks"},
    ),
    "nothing": Hooks,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str) -> None:
    """What calls are made with arrives equal, and looks the same."""
    value = SETTINGS[name]()

    for arrived in travelled(value):
        assert arrived == value
        assert repr(arrived) == repr(value)


def test_functions_of_settings() -> None:
    """Hooks, and what policies wait and draw with, travel if their functions can be imported."""
    hooks = Hooks(request=quiet, error=print)
    policy = RetryPolicy(sleep=resting, random=always)
    config = ClientConfiguration(hooks=hooks, retry=policy)
    arrived = pickle.loads(pickle.dumps(config))

    assert arrived == config
    assert (arrived.hooks.request, arrived.hooks.error) == (quiet, print)
    assert (arrived.retry.sleep, arrived.retry.random) == (resting, always)


@pytest.mark.parametrize(
    "config", [ClientConfiguration(hooks=Hooks(request=lambda _: None)), ClientConfiguration()]
)
def test_functions_that_do_not_travel(config: ClientConfiguration) -> None:
    """A client whose hook cannot be imported says so; any other travels."""
    client = ECRClient(region="eu-west-1", config=config)
    if config.hooks is None:
        assert pickle.loads(pickle.dumps(client)).endpoint == client.endpoint
        return

    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(client)


def test_clients(server: Any, credentials: Credentials) -> None:
    """A client arrives where it called, also after changes, and is independent from then on."""
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
    """A view arrives with all that it differs in."""
    other = Credentials("AKIDOTHER", "other", "token")
    view = client.with_options(
        timeout=5, headers={"x-amz-one": "1"}, credentials=other, retry=RetryPolicy(max_attempts=2)
    ).with_options(headers={"x-two": "2"})
    arrived = pickle.loads(pickle.dumps(view))
    server.answers = [(503, {"x-amz-retry-after": "0"}, b"{}"), (200, {}, b"{}")]
    with arrived.with_options(retry=RetryPolicy(max_attempts=2, sleep=resting)) as again:
        again.describe_registry()

    assert len(server.requests) == 2
    for each in server.requests:
        assert (each.headers["x-amz-one"], each.headers["x-two"]) == ("1", "2")
        assert "Credential=AKIDOTHER/" in each.headers["authorization"]
        assert each.headers["x-amz-security-token"] == "token"


def test_a_client_that_was_shut_down(client: ECRClient) -> None:
    """A client that was shut down arrives as one that can call: connections do not travel."""
    client.shutdown()
    with pickle.loads(pickle.dumps(client)) as arrived:
        assert arrived.describe_registry().registry_id is None


def test_a_client_of_a_session() -> None:
    """A client of a session refuses to travel, and says what to do instead."""
    from botocore.session import Session

    client = ECRClient(session=Session(), region="eu-west-1")

    with pytest.raises(TypeError, match="profile"):
        pickle.dumps(client)
    with pytest.raises(TypeError, match="profile"):
        pickle.dumps(client.with_options(timeout=1))


# --- subclasses with a constructor of their own ---


class OwnClient(ECRClient):
    """A client that is made of an account, and has a lock, which cannot travel."""

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


class OwnHooks(Hooks):
    def __init__(self, everything: Callable[[CallEvent], object]) -> None:
        super().__init__(request=everything, error=everything)


class OwnRegion(Region):
    def __init__(self, number: int) -> None:
        super().__init__(f"eu-west-{number}")


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
        super().__init__(f"{account}: {code}", error_code="Own")
        self.account = account


class OwnTransportError(exceptions.TransportException):
    def __init__(self, account: str, *, port: int) -> None:
        super().__init__(f"{account}: {port}")
        self.account = account


def test_clients_of_a_subclass() -> None:
    """A client arrives with what its class has added, whatever its constructor takes."""
    client = OwnClient("team")
    client.set_region("us-east-1")

    for each in (client, client.with_options(timeout=5)):
        assert (type(each), each.account, each.lock) == (OwnClient, "team", client.lock)
        for arrived in travelled(each):
            assert (type(arrived), arrived.account, arrived.lock) == (OwnClient, "team", None)
            assert (arrived.region, arrived._overrides) == ("us-east-1", each._overrides)
            assert arrived._shared is not client._shared


def test_only_what_a_subclass_adds_travels_besides() -> None:
    """The attributes that a client makes for itself are listed, so that they are made anew."""
    assert vars(ECRClient(region="eu-west-1")).keys() == _OWN


@pytest.mark.parametrize(
    "value",
    [
        OwnCredentials("EXAMPLE"),
        OwnConfiguration(7),
        OwnPolicy(4),
        OwnHooks(quiet),
        OwnRegion(3),
        OwnRequest("team"),
        OwnResult("1.0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_a_subclass(value: Any) -> None:
    """Settings, requests and results of a class of the user's arrive equal."""
    for arrived in travelled(value):
        assert (type(arrived), arrived) == (type(value), value)


@pytest.mark.parametrize("error", [OwnError("team", code=7), OwnTransportError("team", port=7)])
def test_errors_of_a_subclass(error: Any) -> None:
    """An exception of a class of the user's arrives with its text and what its class has added."""
    for arrived in travelled(error):
        assert (type(arrived), str(arrived)) == (type(error), str(error))
        assert vars(arrived) == vars(error)


def test_requests_of_a_subclass_go_on(client: ECRClient) -> None:
    """Further pages and batches are asked for by requests of the user's class as well."""
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


def test_two_that_belong_together(client: ECRClient) -> None:
    """A client and its view that travel together arrive as two clients with own connections."""
    arrived, view = pickle.loads(pickle.dumps((client, client.with_options(timeout=5))))

    assert arrived._shared is not client._shared
    assert (arrived.endpoint, view.endpoint) == (client.endpoint, client.endpoint)
