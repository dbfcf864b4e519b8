"""Makes calls, in as many attempts as each of them takes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._exceptions import (
    AmazonClientException,
    AmazonServiceException,
    ConnectionClosedException,
    ResponseParseException,
    TransportException,
)
from ecr_client._runtime.call import Call, read
from ecr_client._runtime.clock import SKEW_CODES, SigningClock
from ecr_client._runtime.redact import strip
from ecr_client._runtime.retry import (
    RetryQuota,
    cost_of,
    delay_of,
    is_retryable,
    may_have_worked,
)
from ecr_client._runtime.signing import sign
from ecr_client._runtime.transport import request_id, shut_down, total_timeout
from ecr_client.metadata import ResponseMetadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._runtime.observer import Observer
    from ecr_client._runtime.operation import Operation
    from ecr_client._runtime.options import CallOptions
    from ecr_client._runtime.rate_limit import RateLimiter
    from ecr_client._runtime.transport import Transport
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.endpoints import Endpoint

CONTENT_TYPE = "application/x-amz-json-1.1"
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})


class Caller:
    """Makes calls. What it holds is shared by all calls of a client, from any number of threads.

    Args:
        transport: Sends.
        user_agent: What the client calls itself.
        observer: Is told of everything.
        clock: Gives the time of signatures.
        monotonic: Gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        user_agent: str,
        observer: Observer,
        clock: SigningClock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.transport = transport
        self.user_agent = user_agent
        self.observer = observer
        self.clock = clock or SigningClock()
        self.monotonic = monotonic
        self.quota = RetryQuota()
        self._limiters: dict[str, RateLimiter] = {}

    def call(
        self,
        operation: Operation,
        request: AmazonWebServiceRequest,
        endpoint: Endpoint,
        options: CallOptions,
    ) -> Any:
        """Return the result of one call.

        Args:
            operation: What is called.
            request: What is sent.
            endpoint: Where it is sent, to the end of this call.
            options: Whose call it is, how long it may take, how often it is sent.

        Raises:
            ParamValidationException: The request is not one that the operation takes.
            NoCredentialsException: There are no credentials; and other errors of their sources.
            TransportException: No answer came.
            ResponseParseException: The answer is not one to this operation.
            AmazonECRException: The service answered with an error.
            ClientShutdownException: The client was shut down before there was an answer.
        """
        outside = sys.exc_info()[1]
        call = None
        try:
            call = Call(operation, request, endpoint, options, self.monotonic)
            call.outside = outside
            return self._repeat(call)
        except BaseException as error:
            failure = error
        # Outside of the handler, so that nothing is chained that is not meant to be.
        strip(failure, outside)
        if call is not None and isinstance(failure, AmazonClientException):
            _note_attempts(call, failure)
            self.observer.error(call, failure)
        try:
            raise failure
        finally:
            # Or they would hold each other, and the request, until garbage is collected.
            del failure, outside

    def _repeat(self, call: Call) -> Any:
        """Make attempts until one succeeds, or fails for good."""
        limiter = self._limiter(call)
        while True:
            if limiter is not None:
                self._take_turn(call, limiter)
            call.begin_attempt()
            try:
                result = self._attempt(call)
            except AmazonClientException as error:
                if limiter is not None and isinstance(error, AmazonServiceException):
                    limiter.update(throttled=error.throttling)
                settled = self._settled(call, error)
                if settled is not None:
                    self.quota.give(call.cost)
                    return settled
                self._prepare_next(call, error)
                continue
            if limiter is not None:
                limiter.update(throttled=False)
            self.quota.give(call.cost)
            return self._settled_result(call, result) if call.may_have_worked else result

    def _attempt(self, call: Call) -> Any:
        """Sign, send and read once."""
        endpoint, operation = call.endpoint, call.operation
        call.credentials = call.options.credentials.current()
        covered = {"content-type": CONTENT_TYPE, "x-amz-target": operation.target}
        for name, text in call.options.headers.items():
            if name.lower().startswith("x-amz-"):
                # In the canonical form, in which each space stands alone.
                covered[name.lower()] = " ".join(text.split())
        call.clock_offset = self.clock.offset
        signature = sign(endpoint, covered, call.body, call.credentials, self.clock.now())
        headers = {
            "Content-Type": CONTENT_TYPE,
            "X-Amz-Target": operation.target,
            "User-Agent": self.user_agent,
            **call.options.headers,
            **signature,
        }
        self.observer.request(call)
        answer = self.transport.send(
            operation.name, endpoint.request_url, headers, call.body, call.deadline
        )
        metadata = ResponseMetadata(
            request_id=request_id(answer.headers),
            http_status_code=answer.status,
            http_headers=answer.headers,
            retry_attempts=call.attempt - 1,
            retried_errors=tuple(call.errors),
        )
        self.observer.response(call, answer, metadata)
        return read(operation, answer, metadata)

    def _prepare_next(self, call: Call, error: AmazonClientException) -> None:
        """Wait until the next attempt may begin, or raise if there is to be none."""
        delay = self._delay(call, error)
        if delay is None:
            raise error
        strip(error, call.outside)
        self.observer.retry(call, error, delay)
        call.errors.append(error)
        call.may_have_worked = call.may_have_worked or may_have_worked(error)
        self._pause(call, delay)

    def _delay(self, call: Call, error: AmazonClientException) -> float | None:
        """Return how many seconds to wait before the next attempt; ``None`` if there is none."""
        policy = call.options.retry
        # Later calls profit from it, even if this one has no attempt left.
        mended = self._mended(call, error)
        if call.attempt >= policy.max_attempts or self.transport.closed:
            return None
        if mended:
            return 0.0
        if not is_retryable(error):
            return None
        if isinstance(error, ConnectionClosedException) and not call.reconnected:
            # Most likely the server has closed a connection that was kept for too long.
            call.reconnected = True
            return 0.0
        delay = delay_of(policy, error, call.attempt, self.clock.now())
        if call.deadline is not None and delay >= call.deadline.left():
            return None
        call.cost = cost_of(error)
        return delay if self.quota.take(call.cost) else None

    def _mended(self, call: Call, error: AmazonClientException) -> bool:
        """Return whether the clock or the credentials were the reason, and are right now."""
        if not isinstance(error, AmazonServiceException):
            return False
        if error.error_code in SKEW_CODES and not call.clock_corrected:
            call.clock_corrected = True
            date = error.response_metadata.http_headers.get("Date")
            return self.clock.correct(date, call.clock_offset)
        if error.error_code in EXPIRED_CODES and not call.credentials_renewed:
            call.credentials_renewed = True
            used = call.credentials
            return used is not None and call.options.credentials.renew(used)
        return False

    def _settled(self, call: Call, error: AmazonClientException) -> Any:
        """Return the result of a repeat whose error says that an earlier attempt has worked."""
        if not call.may_have_worked or not isinstance(error, AmazonServiceException):
            return None
        from ecr_client._runtime.repeats import settle

        return settle(self.call, call, error)

    def _settled_result(self, call: Call, result: Any) -> Any:
        from ecr_client._runtime.repeats import settle_result

        return settle_result(call, result)

    def _limiter(self, call: Call) -> RateLimiter | None:
        if call.options.retry.mode != "adaptive":
            return None
        from ecr_client._runtime.rate_limit import RateLimiter

        # Each operation has a rate of its own in the service.
        name = call.operation.name
        found = self._limiters.get(name)
        return found or self._limiters.setdefault(name, RateLimiter(self.monotonic))

    def _take_turn(self, call: Call, limiter: RateLimiter) -> None:
        """Wait until the next attempt may be sent."""
        while wait := limiter.take():
            self._pause(call, wait)

    def _pause(self, call: Call, seconds: float) -> None:
        """Wait, but not beyond the end of the call or of the client."""
        name, last = call.operation.name, call.errors[-1] if call.errors else None
        if call.deadline is not None and seconds >= call.deadline.left():
            raise total_timeout(name, call.deadline, sent=False) from last
        if seconds > 0:
            (call.options.retry.sleep or self.transport.wait)(seconds)
        if self.transport.closed:
            raise shut_down(name) from last


def _note_attempts(call: Call, error: AmazonClientException) -> None:
    """Let errors that no service made say how often the call was sent, and what came of that."""
    if call.errors and error.__cause__ is None and not isinstance(error, AmazonServiceException):
        error.__cause__ = call.errors[-1]
    if isinstance(error, TransportException):
        error.attempts, error.retried_errors = max(1, call.attempt), tuple(call.errors)
        error.request_sent = error.request_sent or call.may_have_worked
    elif isinstance(error, ResponseParseException):
        error.response_metadata = attrs.evolve(
            error.response_metadata,
            retry_attempts=call.attempt - 1,
            retried_errors=tuple(call.errors),
        )
