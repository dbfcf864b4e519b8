"""A stub that responds to a client as a test has defined, without a server."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._shapes import shown_members
from ecr_client.client import ECRClient
from ecr_client.exceptions import AmazonServiceException
from ecr_client.operations import OPERATIONS
from ecr_client.testing.examples import example
from ecr_client.testing.exchange import (
    check_request,
    error_response,
    named_operation,
    request_of,
    result_response,
    with_request_id,
)
from ecr_client.testing.matchers import differences, prepared
from ecr_client.transport import (
    AsyncStreamingResponse,
    AsyncTransport,
    Deadline,
    HTTPRequest,
    HTTPResponse,
    InMemory,
    StreamingResponse,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._shapes import AmazonWebServiceRequest, AmazonWebServiceResult
    from ecr_client.async_client import AsyncECRClient
    from ecr_client.testing.exchange import AnyOperation


class StubAssertionError(AssertionError):
    """A call was not expected, or an expected call was not made."""


@attrs.frozen(kw_only=True, eq=False)
class _Expectation:
    number: int
    operation: AnyOperation
    request: AmazonWebServiceRequest | None
    outcome: HTTPResponse | BaseException

    def meets(self, operation: AnyOperation, request: AmazonWebServiceRequest) -> bool:
        return self.operation == operation and not any(self.differences(request))

    def differences(self, request: AmazonWebServiceRequest) -> Iterator[str]:
        return differences(self.request, request) if self.request else iter(())

    def __str__(self) -> str:
        request = _show(self.request) if self.request else "any request"
        return f"{self.number}. {self.operation.name} with {request}"


class _Stub:
    """The part that both stubs share."""

    def _build(self, client: object, kind: type, transport: Any, in_order: bool) -> None:
        if not isinstance(client, kind):
            raise TypeError(f"client must be an {kind.__name__}, got {type(client).__name__}")
        self._client: Any = client
        self._transport = transport
        self._in_order = in_order
        self._lock = threading.RLock()  # a predicate may look at the requests
        self._open: list[_Expectation] = []
        self._count = 0
        self._requests: list[AmazonWebServiceRequest] = []
        self._unexpected: list[StubAssertionError] = []
        self._contents: dict[str, bytes] = {}
        #: The transport that the stub replaces while it is entered.
        self._before: Any = None

    def expect(
        self,
        operation: str,
        *,
        request: AmazonWebServiceRequest | None = None,
        result: AmazonWebServiceResult | None = None,
        error: BaseException | type[BaseException] | None = None,
        **members: Any,
    ) -> None:
        """Expect one call, and define its outcome.

        Args:
            operation: The name of the operation, for example ``DescribeImages``.
            request: The expected request; ``None`` accepts any. Its members, including nested
                ones, may be functions that return whether the member is as expected, or objects
                that define their own equality, such as ``unittest.mock.ANY``.
            result: The result of the call.
            error: The error of the call instead of a result, an exception or its class. An error
                of the service becomes a response with status and request id; others are raised as
                they are.
            members: Members of the result, instead of ``result``; others that the service always
                sends have the values of ``example``, and so has the whole result if none of the
                three is given.

        Raises:
            ParamValidationException: The client would not send the request.
            TypeError: The result is not one of this operation, or has no such member.
            ValueError: There is no such operation, or the client could not read the response.
        """
        found = named_operation(operation)
        if request is not None:
            check_request(found, request)
        outcome = _outcome(found, result, error, members)
        with self._lock:
            self._count += 1
            self._open.append(
                _Expectation(
                    number=self._count,
                    operation=found,
                    request=prepared(request),
                    outcome=outcome,
                )
            )

    def expect_download(self, content: bytes) -> None:
        """Expect one download of a layer, and define its content.

        This includes the call of ``GetDownloadUrlForLayer``.

        Args:
            content: The content that ``download_layer`` streams; its digest has to be the requested
                one.
        """
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        url = f"https://layers.invalid/{digest}"
        self._contents[url] = bytes(content)
        self.expect("GetDownloadUrlForLayer", layer_digest=digest, download_url=url)

    @property
    def requests(self) -> tuple[AmazonWebServiceRequest, ...]:
        """The requests of all calls so far, in order, including those built from keywords."""
        with self._lock:
            return tuple(self._requests)

    def __enter__(self) -> Self:
        if self._before is not None:
            raise RuntimeError("a stub can be entered only once at a time; leave it first")
        self._before = self._client.transport
        self._client.transport = self._transport(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            self._client.transport, self._before = self._before, None
        # An error of the block is more informative than its consequences.
        if error is None:
            self._verify()

    def _verify(self) -> None:
        with self._lock:
            left, unexpected = list(self._open), list(self._unexpected)
        if unexpected:
            raise unexpected[0]
        if left:
            lines = "".join(f"\n  {each}" for each in left)
            calls = "1 expected call was" if len(left) == 1 else f"{len(left)} expected calls were"
            raise StubAssertionError(f"{calls} not made:{lines}")

    def _respond(self, request: HTTPRequest) -> HTTPResponse:
        target = request.headers.get("X-Amz-Target")
        if target is None:
            return self._download(request)
        return self._call(OPERATIONS[target.rpartition(".")[2]], request.body)

    def _call(self, operation: AnyOperation, body: bytes) -> HTTPResponse:
        request = request_of(operation, body)
        with self._lock:
            self._requests.append(request)
            number = len(self._requests)
            candidates = self._open[:1] if self._in_order else self._open
            for expectation in candidates:
                if expectation.meets(operation, request):
                    self._open.remove(expectation)
                    break
            else:
                error = StubAssertionError(_unexpected(number, operation, request, candidates))
                self._unexpected.append(error)
                raise error
        if isinstance(expectation.outcome, BaseException):
            raise expectation.outcome
        return with_request_id(expectation.outcome, number)

    def _download(self, request: HTTPRequest) -> HTTPResponse:
        content = self._contents.get(request.url)
        if content is None:
            text = f"a download was not expected: {request}; see expect_download"
            error = StubAssertionError(text)
            with self._lock:
                self._unexpected.append(error)
            raise error
        first = int(request.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
        if not first:
            return HTTPResponse(200, {"Content-Length": str(len(content))}, content)
        if first >= len(content):
            return HTTPResponse(416, {}, b"")
        where = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return HTTPResponse(206, {"Content-Range": where}, content[first:])


class ECRStub(_Stub):
    """A context manager in which a client gets the responses that a test has defined.

    It replaces the client's transport: nothing is sent, no credentials are needed, and nothing is
    retried. Everything else is as in a real call: the request is checked, encoded and signed, hooks
    are called, the response is decoded, has metadata and is remembered by
    ``get_cached_response_metadata``. Waiters, paginators and batches make single calls, each of
    which has to be expected. Leaving the block fails if an expected call was not made, or if a call
    was not expected, even if the code under test has caught that error.

    Args:
        client: Any client; its transport is restored when the block is left.
        in_order: Whether calls have to come in the expected order. Otherwise a call uses the first
            expectation that it meets.

    Example:
        >>> client = ECRClient(region="eu-west-1")
        >>> with ECRStub(client) as stub:
        ...     stub.expect("DescribeRegistry", registry_id="123456789012")
        ...     client.describe_registry().registry_id
        '123456789012'
    """

    def __init__(self, client: ECRClient, *, in_order: bool = True) -> None:
        self._build(client, ECRClient, _StubTransport, in_order)


class AsyncECRStub(_Stub):
    """An `ECRStub` for an asynchronous client.

    It never waits, so ``with`` and ``async with`` do the same.

    Args:
        client: Any asynchronous client; its transport is restored when the block is left.
        in_order: Whether calls have to come in the expected order. Otherwise a call uses the first
            expectation that it meets.
    """

    def __init__(self, client: AsyncECRClient, *, in_order: bool = True) -> None:
        # Not above, because it needs the extra ``async``.
        from ecr_client.async_client import AsyncECRClient

        self._build(client, AsyncECRClient, _AsyncStubTransport, in_order)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


class _StubTransport(Transport):
    """A transport that passes requests to a stub."""

    simulated = True

    def __init__(self, stub: ECRStub) -> None:
        self._stub = stub

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        response = self._stub._respond(request)
        stream = InMemory(response.body)
        return StreamingResponse(request, response.status, response.headers, stream)

    def close(self) -> None:
        # A client that is shut down while it is stubbed may still have connections.
        if self._stub._before is not None:
            self._stub._before.close()


class _AsyncStubTransport(AsyncTransport):
    """A `_StubTransport` for an asynchronous client."""

    simulated = True

    def __init__(self, stub: AsyncECRStub) -> None:
        self._stub = stub

    async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
        response = self._stub._respond(request)
        stream = InMemory(response.body)
        return AsyncStreamingResponse(request, response.status, response.headers, stream)

    async def close(self) -> None:
        if self._stub._before is not None:
            await self._stub._before.close()


def _outcome(
    operation: AnyOperation,
    result: AmazonWebServiceResult | None,
    error: BaseException | type[BaseException] | None,
    members: dict[str, Any],
) -> HTTPResponse | BaseException:
    given = [result is not None, error is not None, bool(members)]
    if sum(given) > 1:
        raise TypeError(
            f"{operation.name}: pass only one of result, error and members of the result"
        )
    if error is None:
        made = example(operation.result_class, **members) if result is None else result
        return result_response(operation, made)
    if isinstance(error, type) and issubclass(error, BaseException):
        error = error()
    if not isinstance(error, BaseException):
        raise TypeError(f"{operation.name}: error must be an exception, got {error!r}")
    return error_response(operation, error) if isinstance(error, AmazonServiceException) else error


def _unexpected(
    number: int,
    operation: AnyOperation,
    request: AmazonWebServiceRequest,
    candidates: list[_Expectation],
) -> str:
    lines = [f"call {number} was not expected: {operation.name} with {_show(request)}"]
    if not candidates:
        return f"{lines[0]}\n  expected: no further call"
    for expectation in candidates:
        lines.append(f"  expected: {expectation}")
        if expectation.operation == operation:
            lines += [f"    {each}" for each in expectation.differences(request)]
    return "\n".join(lines)


def _show(request: AmazonWebServiceRequest) -> str:
    """Return the repr of a request without absent members."""
    return f"{type(request).__name__}({', '.join(shown_members(request, absent=False))})"
