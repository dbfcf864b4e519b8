"""Drives the engine, for both clients: looks up credentials, sends, waits and retries."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs

from ecr_client._call import Call
from ecr_client._coroutines import maybe_await
from ecr_client._engine.clock import SigningClock
from ecr_client._engine.http import request_id
from ecr_client._engine.parse import parse
from ecr_client._engine.prepare import content_size, encode, encoder, prepare
from ecr_client._engine.retry import (
    Attempts,
    CorrectClock,
    RefreshCredentials,
    RetryQuota,
    Wait,
    decide,
    may_have_succeeded,
)
from ecr_client._exceptions import (
    AmazonClientException,
    AmazonServiceException,
    ResponseParseException,
    TransportException,
)
from ecr_client._transport.base import shut_down, total_timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._engine.http import HTTPRequest
    from ecr_client._engine.rate_limit import RateLimiter
    from ecr_client._engine.reconcile import Lookup
    from ecr_client._lifetime import AsyncLifetime, Lifetime
    from ecr_client._observer import Observer
    from ecr_client._operation import Operation, Request, Result
    from ecr_client._options import CallOptions
    from ecr_client._transport.base import AsyncTransport, Response, Transport
    from ecr_client.endpoints import Endpoint

Value = TypeVar("Value")

#: Encoding and signing at least this many bytes take long enough to be offloaded.
LARGE = 256 * 1024


class Offload(Protocol):
    """Runs a function in another thread."""

    def __call__(self, function: Callable[[], Value], /) -> Awaitable[Value]: ...


class Pipeline:
    """Makes calls. What it holds is shared by all calls of a client, from any number of threads.

    Args:
        lifetime: The lifetime of the client.
        user_agent: The ``User-Agent`` header.
        observer: Receives all events.
        max_response_size: The maximum size of the body of a response in bytes.
        clock: The clock that signatures are dated with.
        monotonic: A monotonic clock in seconds.
        offload: Runs a function in another thread; ``None`` for a client that may block.
    """

    def __init__(
        self,
        *,
        lifetime: Lifetime | AsyncLifetime,
        user_agent: str,
        observer: Observer,
        max_response_size: int,
        clock: SigningClock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        offload: Offload | None = None,
    ) -> None:
        self.lifetime = lifetime
        self.user_agent = user_agent
        self.observer = observer
        self.max_response_size = max_response_size
        self.clock: SigningClock = clock or SigningClock()
        self.monotonic = monotonic
        self.quota: RetryQuota = RetryQuota()
        self._limiters: dict[str, RateLimiter] = {}
        self._offload = offload

    async def call(
        self,
        operation: Operation[Request, Result],
        request: Request,
        endpoint: Endpoint,
        options: CallOptions,
        transport: Transport | AsyncTransport,
    ) -> Result:
        """Return the result of one call.

        Args:
            operation: The operation.
            request: The request.
            endpoint: The endpoint of all attempts.
            options: Credentials, retry policy, total timeout and additional headers.
            transport: The transport of all attempts.

        Raises:
            ParamValidationException: The request does not fit the operation.
            NoCredentialsException: No credentials were found; their sources may raise other errors.
            TransportException: No response arrived.
            ResponseParseException: The response is not one to this operation.
            AmazonECRException: The service responded with an error.
            ClientShutdownException: The client was shut down before there was a response.
        """
        if self._offload is None:
            body = encode(operation, request)
        else:
            body = await self._compute(content_size(request), encoder(operation, request))
        call = self.new_call(operation.name, endpoint, options, transport, body)
        del body  # Tools that print local variables would show the bytes of a layer.
        try:
            while True:
                if call.options.retry.mode == "adaptive":
                    await self._take_turn(call)
                try:
                    return await self._attempt(operation, call)
                except AmazonClientException as error:
                    result = await self._reconciled(operation, request, call, error)
                    if result is not None:
                        return result
                    if not await self.prepare_next(call, error):
                        raise
        except AmazonClientException as error:
            annotate(error, call.attempts)
            self.observer.error(call, error)
            raise

    def new_call(
        self,
        name: str,
        endpoint: Endpoint,
        options: CallOptions,
        transport: Transport | AsyncTransport,
        body: bytes = b"",
    ) -> Call:
        """Return a call that starts now."""
        if transport.simulated:
            options = options.simulated()
        return Call(name, endpoint, options, transport, body, self.monotonic)

    async def _attempt(self, operation: Operation[Request, Result], call: Call) -> Result:
        """Sign and send the request once, and return the result in the response."""
        call.start_attempt()
        # Awaited in place: `maybe_await` would add a coroutine to each step of a warm call.
        # Each attempt resolves the credentials again, since they may expire.
        keys = call.options.credentials.resolve()
        call.credentials = await keys if isinstance(keys, Awaitable) else keys
        call.offset = self.clock.offset(call.endpoint.url)
        if self._offload is None:
            request = self._prepared(operation, call)
        else:
            size = len(call.body)
            request = await self._compute(size, lambda: self._prepared(operation, call))
        watched = self.observer.watches_attempts()
        if watched:
            self.observer.request(call)
        stream: MaybeAwaitable[Response] = call.transport.send(request, call.deadline)
        if isinstance(stream, Awaitable):
            stream = await stream
        response = stream.read(self.max_response_size, call.deadline)
        if isinstance(response, Awaitable):
            response = await response
        if watched:
            self.observer.response(
                call, response.status, request_id(response.headers), len(response.body)
            )
        try:
            result = parse(operation, response, call.attempts.errors, call.endpoint.url)
        except AmazonServiceException as error:
            if call.limiter is not None:
                call.limiter.update(throttled=error.throttling)
            raise
        if call.limiter is not None:
            call.limiter.update(throttled=False)
        self.quota.release(call.cost)
        return result

    def _prepared(self, operation: Operation[Request, Result], call: Call) -> HTTPRequest:
        """Return the signed request of an attempt."""
        return prepare(
            operation,
            call.body,
            call.endpoint,
            call.credentials,
            self.clock.local() + call.offset,
            user_agent=self.user_agent,
            headers=call.options.headers,
        )

    async def _compute(self, size: int, function: Callable[[], Value]) -> Value:
        """Return what a function returns, from another thread if it has many bytes to process."""
        if self._offload is None or size < LARGE:
            return function()
        return await self._offload(function)

    async def fetch(self, call: Call, request: HTTPRequest) -> Response:
        """Send a request that is not a call of the service, and return its response."""
        call.start_attempt()
        self.observer.request(call)
        sent: MaybeAwaitable[Response] = call.transport.send(request, call.deadline)
        stream = await maybe_await(sent)
        self.observer.response(call, stream.status, request_id(stream.headers))
        return stream

    async def prepare_next(self, call: Call, error: AmazonClientException) -> bool:
        """Correct the cause of an error, and wait until the next attempt may be made.

        Returns:
            Whether there is another attempt.
        """
        decision = decide(
            error,
            call.attempts,
            call.options.retry,
            call.deadline,
            now=self.clock.local(),
            offset=call.offset,
        )
        delay = 0.0
        # Later calls benefit from a correction, even if this one has no attempt left.
        if isinstance(decision, CorrectClock):
            self.clock.offsets[call.endpoint.url] = decision.offset
            again = decision.retry
        elif isinstance(decision, RefreshCredentials):
            used = call.credentials
            renewed = used is not None and await maybe_await(call.options.credentials.refresh(used))
            again = renewed and decision.retry
        elif isinstance(decision, Wait):
            delay, again = decision.seconds, not self.lifetime.over
            if again and decision.cost:
                call.cost = decision.cost
                again = self.quota.acquire(decision.cost)
        else:
            again = False
        if not again or self.lifetime.over:
            return False
        # Its frames hold the call, which is going to hold the error: that would be a cycle.
        error.__traceback__ = None
        try:
            self.observer.retry(call, error, delay)
            await self.pause(call, delay, error)
        except BaseException:
            # The retry is never sent.
            self.quota.release(decision.cost if isinstance(decision, Wait) else 0)
            raise
        call.attempts = call.attempts.followed_by(error, decision)
        return True

    async def _reconciled(
        self,
        operation: Operation[Request, Result],
        request: Request,
        call: Call,
        error: AmazonClientException,
    ) -> Result | None:
        """Return the result of a retry whose error says that an earlier attempt has succeeded."""
        if not call.attempts.may_have_succeeded or not isinstance(error, AmazonServiceException):
            return None
        from ecr_client._engine.reconcile import Lookup, reconcile

        found = reconcile(request, error)
        if isinstance(found, Lookup):
            found = await self._proven(found, call)
        if not isinstance(found, operation.result_class):
            return None
        object.__setattr__(found, "response_metadata", error.response_metadata)
        self.quota.release(call.cost)
        return found

    async def _proven(self, lookup: Lookup, call: Call) -> object | None:
        """Return the result that a lookup proves; an unreadable response to it is retried once."""
        for _ in range(2):
            left = call.deadline.left()
            if left is not None and left <= 0:
                return None
            options = call.options if left is None else call.options.with_total_timeout(left)
            try:
                found = await self.call(
                    lookup.operation, lookup.request, call.endpoint, options, call.transport
                )
            except ResponseParseException:
                continue
            except AmazonClientException:
                return None  # The error of the retry says more.
            return lookup.prove(found)
        return None

    async def _take_turn(self, call: Call) -> None:
        """Wait until the rate limit of the adaptive mode allows the next attempt."""
        from ecr_client._engine.rate_limit import RateLimiter

        if call.limiter is None:
            # Each operation has a rate of its own in the service.
            made = RateLimiter(self.monotonic)
            call.limiter = self._limiters.setdefault(call.name, made)
        while wait := call.limiter.acquire():
            await self.pause(call, wait)

    async def pause(
        self, call: Call, seconds: float, failure: AmazonClientException | None = None
    ) -> None:
        """Wait, but not beyond the end of the call or of the client.

        Args:
            call: The call.
            seconds: The time to wait.
            failure: The error of the attempt, if another one is to follow.
        """
        last = failure or (call.attempts.errors[-1] if call.attempts.errors else None)
        if not call.deadline.allows(seconds):
            sent = failure is not None and may_have_succeeded(failure)
            raise total_timeout(call.name, call.deadline, sent=sent) from last
        if seconds > 0:
            await maybe_await((call.options.retry.sleep or self.lifetime.wait)(seconds))
        if self.lifetime.over:
            raise shut_down(call.name) from last


def annotate(error: AmazonClientException, attempts: Attempts) -> None:
    """Add to the error of a call its attempts, and whether one of them may have succeeded."""
    if isinstance(error, AmazonServiceException):
        error.earlier_attempt_may_have_succeeded = attempts.may_have_succeeded
        return
    if attempts.errors and error.__cause__ is None:
        error.__cause__ = attempts.errors[-1]
    if isinstance(error, TransportException):
        error.attempts = attempts.number
        error.retried_errors = attempts.errors
        error.request_sent = error.request_sent or attempts.may_have_succeeded
    elif isinstance(error, ResponseParseException):
        error.response_metadata = attrs.evolve(
            error.response_metadata,
            retry_attempts=len(attempts.errors),
            retried_errors=attempts.errors,
        )
