"""One call from the request object to the result object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._exceptions import ParamValidationException, ResponseParseException
from ecr_client._runtime import codec
from ecr_client._runtime.signing import sign, utc_now
from ecr_client._runtime.values import Mismatch
from ecr_client.metadata import ResponseMetadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ecr_client._runtime.operation import Operation
    from ecr_client._runtime.transport import Transport
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.credentials import CredentialsSource
    from ecr_client.endpoints import Endpoint

CONTENT_TYPE = "application/x-amz-json-1.1"


@attrs.frozen(kw_only=True)
class Caller:
    """Makes calls. It holds no state of a call, so that any number of threads may use it.

    Attributes:
        transport: Sends.
        credentials: Gives the credentials, asked anew for every attempt, since they may expire.
        user_agent: What the client calls itself.
        clock: Gives the time of a signature.
    """

    transport: Transport
    credentials: CredentialsSource
    user_agent: str
    clock: Callable[[], datetime] = utc_now

    def call(
        self, operation: Operation, request: AmazonWebServiceRequest, endpoint: Endpoint
    ) -> Any:
        """Return the result of one call.

        Args:
            operation: What is called.
            request: What is sent.
            endpoint: Where it is sent, to the end of this call.

        Raises:
            ParamValidationException: The request is not one that the operation takes.
            AmazonClientException: Whatever else `_attempt` raises.
        """
        body = encode(operation, request)
        # The seam for retries: an attempt knows nothing of the others; the body is encoded once.
        return self._attempt(operation, body, endpoint, retries=0)

    def _attempt(self, operation: Operation, body: bytes, endpoint: Endpoint, retries: int) -> Any:
        """Sign, send and read once.

        Raises:
            NoCredentialsException: There are no credentials; and other errors of their sources.
            TransportException: No answer came.
            ResponseParseException: The answer is not one to this operation.
            AmazonECRException: The service answered with an error.
        """
        headers = {"content-type": CONTENT_TYPE, "x-amz-target": operation.target}
        signature = sign(endpoint, headers, body, self.credentials.current(), self.clock())
        answer = self.transport.send(
            operation.name,
            endpoint.request_url,
            {
                "Content-Type": CONTENT_TYPE,
                "X-Amz-Target": operation.target,
                "User-Agent": self.user_agent,
                **signature,
            },
            body,
        )
        metadata = ResponseMetadata(
            request_id=answer.headers.get("x-amzn-RequestId")
            or answer.headers.get("x-amz-request-id"),
            http_status_code=answer.status,
            http_headers=answer.headers,
            retry_attempts=retries,
        )
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


def encode(operation: Operation, request: AmazonWebServiceRequest) -> bytes:
    """Return the body of a request, which is checked on the way.

    Raises:
        ParamValidationException: The request is not one that the operation takes.
    """
    try:
        return codec.encode(request)
    except Mismatch as mismatch:
        raise ParamValidationException(str(mismatch), operation.name) from mismatch
