"""Hand-written exceptions: the base classes, and the errors of the client itself.

``ecr_client.exceptions`` is the public module, which also draws the tree. This module is separate
so that the generated exceptions can derive from these classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ecr_client.metadata import NO_METADATA, ResponseMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    # botocore ships no types: without this, every attribute of every error would be ``Any``.
    class ClientError(Exception): ...
else:
    from botocore.exceptions import ClientError

__all__ = [
    "AmazonClientException",
    "AmazonECRException",
    "AmazonServiceException",
    "ClientShutdownException",
    "ConnectTimeoutException",
    "ConnectionClosedException",
    "CredentialRetrievalException",
    "EndpointConnectionException",
    "ImageSourceException",
    "InvalidConfigurationException",
    "InvalidEndpointException",
    "InvalidRegionException",
    "LayerDownloadException",
    "LayerVerificationException",
    "NameResolutionException",
    "NoCredentialsException",
    "PaginationException",
    "ParamValidationException",
    "PartialFailureException",
    "ProxyConnectionException",
    "ReadTimeoutException",
    "ResponseParseException",
    "TLSException",
    "TotalTimeoutException",
    "TransferCancelledException",
    "TransportException",
    "WaiterException",
    "WaiterFailureException",
    "WaiterTimeoutException",
]

PUBLIC_MODULE = "ecr_client.exceptions"

SERVICE_NAME = "AmazonECR"

#: Codes and statuses of transient errors other than throttling.
TRANSIENT_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalFailureException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
#: Codes with which AWS asks clients to slow down.
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


def _rebuild(
    cls: type[BaseException], args: tuple[object, ...], state: dict[str, object]
) -> BaseException:
    """Return a restored exception without calling its constructor."""
    error = cls.__new__(cls, *args)
    error.args = args  # OSError sets them only in its constructor
    error.__dict__.update(state)
    return error


class AmazonClientException(Exception):
    """The base of every exception that ``ecr_client`` raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


class AmazonServiceException(AmazonClientException, ClientError):
    """The service received the call and responded with an error.

    It is also a ``botocore.exceptions.ClientError``: handlers written for boto3 keep working.

    Attributes:
        error_code: The service's code of the error, such as ``ImageNotFoundException``.
        error_message: The service's error message, without the details that ``str()`` adds.
        operation_name: The operation, for example ``DescribeImages``; ``None`` if unknown.
        response_metadata: Request id, status, headers and attempts.
        service_name: ``AmazonECR``.
        earlier_attempt_may_have_succeeded: Whether the call was retried after an attempt that may
            have succeeded. The repository of a ``RepositoryAlreadyExistsException``, for example,
            may then be the one that this call created, or another one: check before you go on.
    """

    #: The members of this error besides its message: attribute -> wire name and type.
    MEMBERS: ClassVar[Mapping[str, tuple[str, type]]] = {}
    #: The code of instances that are created without one, for example in tests.
    DEFAULT_CODE: ClassVar[str] = "Unknown"
    SERVER_FAULT: ClassVar[bool] = False
    _IS_MODELED: ClassVar[bool] = False

    error_code: str
    error_message: str
    operation_name: str | None
    response_metadata: ResponseMetadata
    service_name: str = SERVICE_NAME
    earlier_attempt_may_have_succeeded: bool = False

    def __init__(
        self,
        message: str = "",
        *,
        error_code: str | None = None,
        operation_name: str | None = None,
        response_metadata: ResponseMetadata = NO_METADATA,
        **members: Any,
    ) -> None:
        unknown = members.keys() - self.MEMBERS.keys()
        if unknown:
            names = ", ".join(sorted(unknown))
            raise TypeError(f"{type(self).__name__}() has no member {names}")
        Exception.__init__(self, message)
        self.error_message = message
        self.error_code = error_code or self.DEFAULT_CODE
        self.operation_name = operation_name
        self.response_metadata = response_metadata
        self.__dict__.update(members)

    @property
    def status_code(self) -> int | None:
        """The HTTP status of the response, or ``None`` if the exception was created by hand."""
        return self.response_metadata.http_status_code

    @property
    def request_id(self) -> str | None:
        """The request id, which AWS support asks for, or ``None`` if the response had none."""
        return self.response_metadata.request_id

    @property
    def attempts(self) -> int:
        """The number of attempts of the call, at least 1."""
        return self.response_metadata.retry_attempts + 1

    @property
    def retried_errors(self) -> tuple[Exception, ...]:
        """The errors of the attempts before the last one, in order."""
        return self.response_metadata.retried_errors

    @property
    def error_type(self) -> Literal["Client", "Service", "Unknown"]:
        """The side at fault: ``Client`` if the call has to be corrected, ``Service`` if retried."""
        status = self.status_code
        if self.SERVER_FAULT or (status is not None and status >= 500):
            return "Service"
        return "Client" if status is not None and status >= 400 else "Unknown"

    @property
    def throttling(self) -> bool:
        """Whether the service asked to slow down."""
        return self.error_code in THROTTLING_CODES or self.status_code == 429

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without being changed."""
        return (
            self.throttling
            or self.error_code in TRANSIENT_CODES
            or self.status_code in TRANSIENT_STATUSES
        )

    @property
    def response(self) -> dict[str, Any]:
        """The error in the form of ``botocore.exceptions.ClientError.response``."""
        metadata = self.response_metadata
        response: dict[str, Any] = {
            "Error": {"Code": self.error_code, "Message": self.error_message},
            "ResponseMetadata": {
                "RequestId": metadata.request_id,
                "HTTPStatusCode": metadata.http_status_code,
                "HTTPHeaders": {name.lower(): text for name, text in metadata.http_headers.items()},
                "RetryAttempts": metadata.retry_attempts,
            },
        }
        if self._IS_MODELED:
            response["message"] = self.error_message
        for attribute, (wire_name, _) in self.MEMBERS.items():
            value = getattr(self, attribute)
            if value is not None:
                response[wire_name] = value
        return response

    def __str__(self) -> str:
        details = [f"Service: {self.service_name}"]
        if self.operation_name:
            details.append(f"Operation: {self.operation_name}")
        if self.status_code is not None:
            details.append(f"Status Code: {self.status_code}")
        details.append(f"Error Code: {self.error_code}")
        if self.request_id:
            details.append(f"Request ID: {self.request_id}")
        if self.attempts > 1:
            details.append(f"Attempts: {self.attempts}")
        if self.earlier_attempt_may_have_succeeded and self.error_type == "Client":
            details.append("an earlier attempt may have succeeded")
        return f"{self.error_message} ({'; '.join(details)})".lstrip()

    # ``ClientError.__reduce__`` does not fit our constructor.
    def __reduce__(self) -> tuple[Any, ...]:
        return AmazonClientException.__reduce__(self)


class AmazonECRException(AmazonServiceException):
    """Amazon ECR responded with an error; unknown codes raise exactly this class."""


class ParamValidationException(AmazonClientException, ValueError):
    """A request does not fit its operation, or data its model; nothing was sent.

    Attributes:
        operation_name: The operation, for example ``PutImage``; ``None`` if there is none.
        problems: The problems, each a sentence that names the member.
    """

    operation_name: str | None
    problems: tuple[str, ...]

    def __init__(self, problems: str | Sequence[str], operation_name: str | None = None) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        self.operation_name = operation_name
        prefix = f"{operation_name}: " if operation_name else ""
        super().__init__(prefix + "; ".join(self.problems))


class InvalidConfigurationException(AmazonClientException, ValueError):
    """An argument, an environment variable or a profile has an unusable value."""


class InvalidEndpointException(AmazonClientException, ValueError):
    """The value is not an endpoint that this client can call."""


class InvalidRegionException(AmazonClientException, ValueError):
    """The value is not a region, or a region that does not offer the service."""


class NoCredentialsException(AmazonClientException):
    """No credentials were found; the message lists the places that were searched."""


class CredentialRetrievalException(AmazonClientException):
    """A source of credentials was found, but retrieving or refreshing them failed."""


class ClientShutdownException(AmazonClientException, RuntimeError):
    """The client was shut down, or the interpreter is shutting down."""


class TransportException(AmazonClientException, ConnectionError):
    """No response arrived; the request may or may not have reached the service.

    Attributes:
        operation_name: The operation, for example ``PutImage``; ``None`` if there is none.
        retryable: Whether the same call may succeed later without being changed.
        request_sent: Whether the service may have received the request of any attempt, and may
            have processed it.
        attempts: The number of attempts of the call, at least 1.
        retried_errors: The errors of the attempts before the last one, in order.
    """

    retryable: bool = True
    request_sent: bool = True
    operation_name: str | None
    attempts: int = 1
    retried_errors: tuple[Exception, ...] = ()

    def __init__(self, message: str = "", operation_name: str | None = None) -> None:
        self.operation_name = operation_name
        super().__init__(message)

    def __str__(self) -> str:
        text = Exception.__str__(self)
        if self.operation_name:
            text = f"{self.operation_name}: {text}"
        return f"{text} (Attempts: {self.attempts})" if self.attempts > 1 else text


class EndpointConnectionException(TransportException):
    """No connection could be established, for example because it was refused; nothing was sent."""

    request_sent = False


class NameResolutionException(EndpointConnectionException):
    """The host name could not be resolved: it is wrong, or DNS does not work."""


class ConnectTimeoutException(TransportException, TimeoutError):
    """No connection was established within ``connect_timeout``; the request was not sent."""

    request_sent = False


class ReadTimeoutException(TransportException, TimeoutError):
    """The service did not respond within ``read_timeout``; it may have processed the request."""


class TotalTimeoutException(TransportException, TimeoutError):
    """The call did not finish within ``total_timeout``; the service may have processed it."""

    retryable = False


class ConnectionClosedException(TransportException):
    """The connection broke before the response was complete; the service may have processed it."""


class ProxyConnectionException(TransportException):
    """The proxy could not be reached or refused the connection; the request was not sent."""

    request_sent = False


class TLSException(TransportException):
    """The TLS connection failed, usually because the certificate is not trusted."""

    retryable = False
    request_sent = False


class LayerDownloadException(TransportException):
    """The storage behind a layer's presigned URL did not return the layer.

    Attributes:
        layer_digest: The digest of the layer.
        status_code: The HTTP status that the storage returned; ``None`` for any other problem.
    """

    layer_digest: str | None
    status_code: int | None

    def __init__(
        self, message: str = "", layer_digest: str | None = None, status_code: int | None = None
    ) -> None:
        self.layer_digest = layer_digest
        self.status_code = status_code
        self.retryable: bool = status_code in (408, 429, *TRANSIENT_STATUSES)
        super().__init__(f"layer {layer_digest}: {message}" if layer_digest else message)


class LayerVerificationException(LayerDownloadException):
    """The downloaded content is not the layer: its digest or its size differs."""


class ResponseParseException(AmazonClientException):
    """The service responded with something that is not a response to this operation.

    Attributes:
        operation_name: The operation, for example ``DescribeImages``.
        response_metadata: Request id, status, headers and attempts of the response.
    """

    operation_name: str | None
    response_metadata: ResponseMetadata

    def __init__(
        self,
        message: str = "",
        operation_name: str | None = None,
        response_metadata: ResponseMetadata = NO_METADATA,
    ) -> None:
        self.operation_name = operation_name
        self.response_metadata = response_metadata
        details = [f"Operation: {operation_name}"] if operation_name else []
        if response_metadata.http_status_code is not None:
            details.append(f"Status Code: {response_metadata.http_status_code}")
        if response_metadata.request_id:
            details.append(f"Request ID: {response_metadata.request_id}")
        super().__init__(f"{message} ({'; '.join(details)})" if details else message)


class PaginationException(AmazonClientException):
    """The service returned the same page token twice, so that paging would never end."""


class WaiterException(AmazonClientException):
    """The state that a waiter waits for was not reached."""


class WaiterTimeoutException(WaiterException, TimeoutError):
    """The state was not reached within ``max_wait`` seconds."""


class WaiterFailureException(WaiterException):
    """A state was reached from which the awaited one can no longer be reached."""


class PartialFailureException(AmazonClientException):
    """A batch call succeeded only for some of its items.

    Attributes:
        failures: The service's failure of each item that failed, in the order of the response.
        result: The whole result, including the items that succeeded.
    """

    failures: tuple[Any, ...]
    result: Any

    def __init__(self, failures: Sequence[Any] = (), result: Any = None) -> None:
        self.failures = tuple(failures)
        self.result = result
        shown = "; ".join(str(failure) for failure in self.failures[:3])
        more = len(self.failures) - 3
        tail = f"; and {more} more" if more > 0 else ""
        super().__init__(f"{len(self.failures)} item(s) failed: {shown}{tail}")


class ImageSourceException(AmazonClientException, ValueError):
    """An image to be transferred is malformed, incomplete or corrupt at its source."""


class TransferCancelledException(AmazonClientException):
    """The transfer of an image was cancelled; nothing was tagged."""


for _name in __all__:
    globals()[_name].__module__ = PUBLIC_MODULE
