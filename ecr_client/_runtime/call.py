"""One call: what is known of it while it runs, what it sends, and what its answer stands for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecr_client._exceptions import ParamValidationException, ResponseParseException
from ecr_client._runtime import codec
from ecr_client._runtime.deadline import Deadline
from ecr_client._runtime.values import Mismatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._exceptions import AmazonClientException
    from ecr_client._runtime.operation import Operation
    from ecr_client._runtime.options import CallOptions
    from ecr_client._runtime.transport import Answer
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.credentials import Credentials
    from ecr_client.endpoints import Endpoint
    from ecr_client.metadata import ResponseMetadata


class Call:
    """What is known of one call while it runs. Its repr shows nothing, since it holds all of it.

    Attributes:
        attempt: The number of the attempt that runs, from 1.
        errors: What the attempts before failed with.
        may_have_worked: Whether one of them may have done the work nevertheless.
        credentials: What the attempt was signed with.
        clock_offset: By how much the clock was corrected when it was signed.
        cost: What a success gives back to the quota.
        deadline: When the call has to end.
        outside: What the caller is handling meanwhile, which is the context of every error.
        context: A dict for hooks.
    """

    def __init__(
        self,
        operation: Operation,
        request: AmazonWebServiceRequest,
        endpoint: Endpoint,
        options: CallOptions,
        monotonic: Callable[[], float],
    ) -> None:
        self.operation = operation
        self.request = request
        self.endpoint = endpoint
        self.options = options
        self.body = encode(operation, request)
        self.attempt = 0
        self.errors: list[AmazonClientException] = []
        self.may_have_worked = False
        self.credentials: Credentials | None = None
        self.outside: BaseException | None = None
        self.context: dict[str, Any] = {}
        self.cost = 1
        self.clock_offset = timedelta(0)
        self.reconnected = self.clock_corrected = self.credentials_renewed = False
        total = options.total_timeout
        self.deadline = None if total is None else Deadline(total, monotonic)
        self._monotonic = monotonic
        self._started = self._sent = monotonic()

    def begin_attempt(self) -> None:
        """Count another attempt."""
        self.attempt += 1
        self._sent = self._monotonic()

    def seconds(self) -> float:
        """Return how long the call has taken so far."""
        return self._monotonic() - self._started

    def seconds_of_attempt(self) -> float:
        """Return how long this attempt has taken so far."""
        return self._monotonic() - self._sent


def encode(operation: Operation, request: AmazonWebServiceRequest) -> bytes:
    """Return the body of a request, which is checked on the way.

    Raises:
        ParamValidationException: The request is not one that the operation takes.
    """
    try:
        return codec.encode(request)
    except Mismatch as mismatch:
        raise ParamValidationException(str(mismatch), operation.name) from mismatch


def read(operation: Operation, answer: Answer, metadata: ResponseMetadata) -> Any:
    """Return the result that an answer stands for.

    Raises:
        ResponseParseException: The answer is not one to this operation.
        AmazonECRException: The service answered with an error.
    """
    if not 200 <= answer.status < 300:
        # Only here: the classes of all errors are of no use to calls that succeed.
        from ecr_client._runtime.errors import service_exception

        raise service_exception(operation.name, metadata, answer.body)
    try:
        result = codec.decode(answer.body, operation.result_class)
    except Mismatch as mismatch:
        raise ResponseParseException(str(mismatch), operation.name, metadata) from mismatch
    object.__setattr__(result, "response_metadata", metadata)
    return result
