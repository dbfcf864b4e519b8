"""Helpers for the ``responses`` library: the responses, and the calls that they match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from ecr_client import Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonECRException,
    ConnectionClosedException,
    ConnectTimeoutException,
    EndpointConnectionException,
    NameResolutionException,
    ParamValidationException,
    ProxyConnectionException,
    ReadTimeoutException,
    RepositoryNotFoundException,
    ServerException,
    TLSException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client.models import DescribeImagesResult, ImageDetail, ImageIdentifier, ListImagesResult
from ecr_client.testing import add_error, add_result, example

IMAGES = ListImagesResult(image_ids=[ImageIdentifier(image_tag="1.0")], next_token="more")


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    """Yield a mock in which every response has to be used."""
    with responses.RequestsMock() as made:
        yield made


@pytest.fixture
def client(credentials: Credentials) -> Iterator[ECRClient]:
    """Yield a client of a region that cannot be reached."""
    with ECRClient(region="eu-west-1", credentials=credentials) as made:
        yield made


def test_results(mocked: responses.RequestsMock, client: ECRClient) -> None:
    """The result arrives with status, request id and content type, and the request was signed."""
    added = add_result(mocked, IMAGES)
    found = client.list_images(repository_name="app")

    assert found == IMAGES
    assert found.response_metadata.http_status_code == 200
    assert found.response_metadata.request_id
    assert found.response_metadata.http_headers["Content-Type"] == "application/x-amz-json-1.1"
    assert added.call_count == 1
    assert mocked.calls[0].request.headers["Authorization"].startswith("AWS4-HMAC-SHA256")


def test_by_operation(mocked: responses.RequestsMock, client: ECRClient) -> None:
    """Each operation has its own response; without one, it fails like a connection."""
    details = DescribeImagesResult(image_details=[example(ImageDetail)])
    add_result(mocked, details)
    with pytest.raises(TransportException):
        client.list_images(repository_name="app")
    add_result(mocked, IMAGES)

    assert client.list_images(repository_name="app") == IMAGES
    assert client.describe_images(repository_name="app") == details


def test_order(mocked: responses.RequestsMock, client: ECRClient) -> None:
    """Responses to one operation are used in the order in which they were added."""
    add_error(mocked, "ListImages", RepositoryNotFoundException("not yet"))
    add_result(mocked, IMAGES)
    with pytest.raises(RepositoryNotFoundException, match="not yet"):
        client.list_images(repository_name="app")

    assert client.list_images(repository_name="app") == IMAGES


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://api.ecr.eu-west-1.amazonaws.com",
        "https://api.ecr.eu-west-1.amazonaws.com/",
        "api.ecr.eu-west-1.amazonaws.com",
    ],
)
def test_by_endpoint(mocked: responses.RequestsMock, client: ECRClient, endpoint: str) -> None:
    """A response for an endpoint is used only there, however the endpoint is written."""
    mocked.assert_all_requests_are_fired = False
    add_result(mocked, ListImagesResult(), "https://api.ecr.us-west-2.amazonaws.com")
    add_result(mocked, IMAGES, endpoint)

    assert client.list_images(repository_name="app") == IMAGES


@responses.activate
def test_the_module_as_a_mock(client: ECRClient) -> None:
    """Responses can be added to the module ``responses``, as with its own functions."""
    add_result(responses, IMAGES)

    assert client.list_images(repository_name="app") == IMAGES


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RepositoryNotFoundException("no such thing"), 400),
        (ServerException, 500),
        (AmazonECRException("new", error_code="NewException"), 400),
    ],
)
def test_errors_of_the_service(
    mocked: responses.RequestsMock, client: ECRClient, error: Any, status: int
) -> None:
    """An error of the service arrives with its class, status and request id."""
    given = error() if isinstance(error, type) else error
    add_error(mocked, "ListImages", error)
    with pytest.raises(type(given)) as raised:
        client.list_images(repository_name="app")

    assert raised.value.error_code == given.error_code
    assert raised.value.status_code == status
    assert raised.value.request_id


@pytest.mark.parametrize(
    "kind",
    [
        ConnectTimeoutException,
        ReadTimeoutException,
        ConnectionClosedException,
        EndpointConnectionException,
        NameResolutionException,
        ProxyConnectionException,
        TLSException,
        TransportException,
    ],
)
def test_errors_of_the_transport(
    mocked: responses.RequestsMock, client: ECRClient, kind: type[TransportException]
) -> None:
    """The client raises each transport error from the corresponding error of ``requests``."""
    add_error(mocked, "ListImages", kind("late"))
    with pytest.raises(TransportException) as raised:
        client.list_images(repository_name="app")

    assert type(raised.value) is kind
    assert raised.value.operation_name == "ListImages"
    assert isinstance(raised.value.__cause__, requests.RequestException)


def test_errors_of_requests(mocked: responses.RequestsMock, client: ECRClient) -> None:
    """An error of ``requests`` may be passed directly."""
    add_error(mocked, "ListImages", requests.ConnectionError("gone"))
    with pytest.raises(TransportException, match="gone"):
        client.list_images(repository_name="app")


WRONG = ListImagesResult(next_token=7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("add", "arguments", "error", "problem"),
    [
        (add_result, (ImageIdentifier(),), TypeError, "must be a result of an operation"),
        (add_result, ("ListImagesResult",), TypeError, "must be a result of an operation"),
        (add_result, (WRONG,), ValueError, r"ListImages: .*nextToken must be a string"),
        *(
            (add_error, ("ListImages", error), TypeError, "a TransportException or one of")
            for error in (ParamValidationException("wrong"), LookupError, SystemExit)
        ),
        # Only the client's own timer raises it.
        (add_error, ("ListImages", TotalTimeoutException), ValueError, "a ReadTimeoutException"),
        (add_error, ("list_images", ServerException()), ValueError, "did you mean 'ListImages'"),
    ],
)
def test_impossible_responses(
    add: Any, arguments: Any, error: type[Exception], problem: str
) -> None:
    """A response that neither the service nor the network could produce is refused."""
    with pytest.raises(error, match=problem):
        add(responses.RequestsMock(), *arguments)
