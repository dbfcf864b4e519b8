"""The seam between the client and HTTP: one request in, one response out that can be streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ecr_client._common.display import redact_url
from ecr_client._coroutines import maybe_await, run
from ecr_client._engine.body import CHUNK_SIZE, Body, RefusedBody
from ecr_client._engine.deadline import Deadline
from ecr_client._engine.http import HTTPResponse, request_id
from ecr_client._exceptions import (
    ClientShutdownException,
    ResponseParseException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client._transport.problems import malformed
from ecr_client.metadata import ResponseMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._engine.http import HTTPRequest
    from ecr_client._exceptions import AmazonClientException

_NO_END = Deadline(None)


class ByteStream(Protocol):
    """The bytes of a response's body as they arrive."""

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        """Return the next bytes as they arrive, at most ``size``, and none at the end.

        Args:
            size: The maximum number of bytes to return.
            deadline: When they must have arrived.

        Raises:
            TransportException: The body is truncated, or did not arrive in time.
        """
        ...

    def close(self) -> None:
        """Release the connection; one that was not read to the end is not used again."""
        ...


class InMemory:
    """A body that is in memory already."""

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)

    def close(self) -> None:
        pass


class AsyncByteStream(Protocol):
    """The bytes of a response's body as they arrive, for an event loop."""

    async def read1(self, size: int, deadline: Deadline, /) -> bytes:
        """Return what `ByteStream.read1` returns, and raise what it raises."""
        ...

    def close(self) -> None:
        """Release the connection; one that was not read to the end is not used again."""
        ...


class Response:
    """The part that both kinds of responses share; see `StreamingResponse`."""

    def __init__(
        self,
        request: HTTPRequest,
        status: int,
        headers: Mapping[str, str],
        stream: ByteStream | AsyncByteStream,
    ) -> None:
        self.status = status
        self.headers = headers
        self._request = request
        self._stream: Any = stream

    if TYPE_CHECKING:

        def read1(self, size: int = CHUNK_SIZE) -> MaybeAwaitable[bytes]:
            """Return the next bytes of the body."""
            ...

        def read(self, limit: int, deadline: Deadline) -> MaybeAwaitable[HTTPResponse]:
            """Return the whole response."""
            ...

    def close(self) -> None:
        """Release the connection."""
        self._stream.close()

    async def _read(self, limit: int, deadline: Deadline) -> HTTPResponse:
        body = Body(self.headers.get("Content-Encoding", ""), limit)
        try:
            # No piece gets a name: tools that print local variables would show it.
            while body.feed(await maybe_await(self._stream.read1(CHUNK_SIZE, deadline))):
                pass
            return HTTPResponse(self.status, self.headers, body.finish())
        except RefusedBody as refused:
            problem = f"the response cannot be read: {refused}"
        except BaseException:
            self._stream.close()
            raise
        self._stream.close()
        if self.status >= 500:
            # The status says enough, and that the call may be retried.
            return HTTPResponse(self.status, self.headers, b"")
        metadata = ResponseMetadata(
            request_id=request_id(self.headers),
            http_status_code=self.status,
            http_headers=self.headers,
        )
        raise ResponseParseException(problem, self._request.purpose, metadata)


class StreamingResponse(Response):
    """A response whose body has not been read yet; a context manager that releases it.

    Args:
        request: The request that it responds to.
        status: The status code.
        headers: The headers; lookups ignore case.
        stream: The body as it was sent, whatever its ``Content-Encoding``.
    """

    def __init__(
        self, request: HTTPRequest, status: int, headers: Mapping[str, str], stream: ByteStream
    ) -> None:
        super().__init__(request, status, headers, stream)

    def read1(self, size: int = CHUNK_SIZE) -> bytes:
        """Return the next bytes of the body as they arrive, at most ``size``, and none at the end.

        Raises:
            TransportException: The body is truncated, or nothing arrived within ``read_timeout``.
        """
        return self._stream.read1(size, _NO_END)  # type: ignore[no-any-return]

    def read(self, limit: int, deadline: Deadline) -> HTTPResponse:
        """Return the whole response; its body is decompressed, and the connection released.

        Args:
            limit: The maximum size of the body in bytes.
            deadline: When the response must have arrived.

        Raises:
            ResponseParseException: The body is longer, or not compressed as its headers declare.
            TransportException: The response did not arrive completely.
        """
        return run(self._read(limit, deadline))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncStreamingResponse(Response):
    """A `StreamingResponse` for an event loop; an asynchronous context manager.

    Args:
        request: The request that it responds to.
        status: The status code.
        headers: The headers; lookups ignore case.
        stream: The body as it was sent, whatever its ``Content-Encoding``. `InMemory` never waits,
            so it can be used as well.
    """

    def __init__(
        self,
        request: HTTPRequest,
        status: int,
        headers: Mapping[str, str],
        stream: AsyncByteStream | InMemory,
    ) -> None:
        super().__init__(request, status, headers, stream)

    async def read1(self, size: int = CHUNK_SIZE) -> bytes:
        """Return what `StreamingResponse.read1` returns, and raise what it raises."""
        return await maybe_await(self._stream.read1(size, _NO_END))

    async def read(self, limit: int, deadline: Deadline) -> HTTPResponse:
        """Return what `StreamingResponse.read` returns, and raise what it raises."""
        return await self._read(limit, deadline)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Transport:
    """Sends requests. Derive from it to replace HTTP as a whole, and set ``client.transport``.

    Attributes:
        simulated: Whether nothing leaves the process. Calls then need no credentials, and are not
            retried.
    """

    simulated: ClassVar[bool] = False

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        """Send a request and return its response, whatever the status; follow no redirects.

        Args:
            request: Any method, any URL.
            deadline: When the head of the response must have arrived.

        Raises:
            TransportException: There is no response; the subclass says why.
            ClientShutdownException: The client was shut down.
        """
        raise NotImplementedError(f"{type(self).__name__} does not send {request.method}")

    def close(self) -> None:
        """Close all connections."""


class AsyncTransport:
    """A `Transport` for an event loop. Derive from it, and set ``async_client.transport``.

    Attributes:
        simulated: Whether nothing leaves the process. Calls then need no credentials, and are not
            retried.
    """

    simulated: ClassVar[bool] = False

    async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
        """Send a request and return its response, as `Transport.send` does."""
        raise NotImplementedError(f"{type(self).__name__} does not send {request.method}")

    async def close(self) -> None:
        """Close all connections."""


def shut_down(operation: str) -> ClientShutdownException:
    """Return the exception for a call of a client that was shut down."""
    return ClientShutdownException(f"{operation}: the client was shut down; create a new one")


def total_timeout(operation: str, deadline: Deadline, *, sent: bool) -> TotalTimeoutException:
    """Return the exception for a call that exceeds its total timeout."""
    text = f"the call did not finish within {deadline.seconds:g} s (total_timeout)"
    error = TotalTimeoutException(text, operation)
    error.request_sent = sent
    return error


def named(error: TransportException, request: HTTPRequest) -> TransportException:
    """Return an exception after setting the operation that it belongs to."""
    error.operation_name = request.purpose or None
    return error


def interim(request: HTTPRequest, status: int) -> AmazonClientException:
    """Return the exception for an interim status, after which the final response may follow."""
    return named(malformed(redact_url(request.url), f"interim status {status}"), request)


def final(
    error: AmazonClientException, request: HTTPRequest, deadline: Deadline, *, closed: bool
) -> AmazonClientException:
    """Return the exception to raise: another one if the client or the call has ended meanwhile.

    Args:
        error: The exception of the exchange.
        request: The request.
        deadline: The deadline of the call.
        closed: Whether the transport was closed.
    """
    if isinstance(error, TransportException):
        if closed:
            return shut_down(request.purpose)
        if isinstance(error, TimeoutError) and deadline.passed:
            return total_timeout(request.purpose, deadline, sent=error.request_sent)
    return error
