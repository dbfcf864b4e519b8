"""The attributes of caught exceptions, as type checkers see them."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import assert_type

from ecr_client import (
    AmazonClientException,
    AmazonECRException,
    AmazonServiceException,
    ECRClient,
    ResponseMetadata,
)
from ecr_client.exceptions import (
    ConnectTimeoutException,
    InvalidLayerPartException,
    KmsException,
    ParamValidationException,
    PartialFailureException,
    RepositoryNotFoundException,
    ResponseParseException,
    ThrottlingException,
    TransportException,
    WaiterTimeoutException,
)


def service_exceptions(client: ECRClient) -> None:
    """An exception of the service says what failed, whose fault it is, and whether to retry."""
    try:
        client.get_repository_policy(repository_name="app")
    except RepositoryNotFoundException as error:
        assert_type(error.error_code, str)
        assert_type(error.error_message, str)
        assert_type(error.error_type, Literal["Client", "Service", "Unknown"])
        assert_type(error.service_name, str)
        assert_type(error.operation_name, str | None)
        assert_type(error.status_code, int | None)
        assert_type(error.request_id, str | None)
        assert_type(error.retryable, bool)
        assert_type(error.throttling, bool)
        assert_type(error.attempts, int)
        assert_type(error.response_metadata, ResponseMetadata)
        assert_type(error.response, dict[str, Any])


def modeled_members(part: InvalidLayerPartException, kms: KmsException) -> None:
    """The members of modeled errors have their types."""
    assert_type(part.last_valid_byte_received, int | None)
    assert_type(part.registry_id, str | None)
    assert_type(part.repository_name, str | None)
    assert_type(part.upload_id, str | None)
    assert_type(kms.kms_error, str | None)


def client_side(
    invalid: ParamValidationException,
    partial: PartialFailureException,
    transport: TransportException,
    parse: ResponseParseException,
) -> None:
    """Exceptions that the client raises itself have their own attributes."""
    assert_type(invalid.operation_name, str | None)
    assert_type(invalid.problems, tuple[str, ...])
    assert_type(partial.failures, tuple[Any, ...])
    assert_type(transport.operation_name, str | None)
    assert_type(transport.retryable, bool)
    assert_type(parse.operation_name, str | None)
    assert_type(parse.response_metadata, ResponseMetadata)


def hierarchy(
    modeled: RepositoryNotFoundException,
    unmodeled: ThrottlingException,
    timeout: ConnectTimeoutException,
    waiter: WaiterTimeoutException,
    invalid: ParamValidationException,
) -> None:
    """Every exception has its root class, and the matching builtin."""
    service: list[AmazonECRException] = [modeled, unmodeled]
    answered: list[AmazonServiceException] = [modeled, unmodeled, *service]
    everything: list[AmazonClientException] = [timeout, waiter, invalid, *answered]
    timeouts: list[TimeoutError] = [timeout, waiter]
    connections: list[ConnectionError] = [timeout]
    values: list[ValueError] = [invalid]
    assert_type(everything[0], AmazonClientException)
    assert_type((timeouts[0], connections[0]), tuple[TimeoutError, ConnectionError])
    assert_type(values[0], ValueError)


def made_by_hand() -> None:
    """A test can create an exception from its message, its code and its metadata."""
    RepositoryNotFoundException("no such repository")
    AmazonECRException("slow down", error_code="SlowDown", operation_name="PutImage")
    InvalidLayerPartException("again", last_valid_byte_received=7)
