"""Waiters: polling an operation until a condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ecr_client._common import durations
from ecr_client._common.display import brief, one_line
from ecr_client._coroutines import maybe_await
from ecr_client._exceptions import (
    AmazonServiceException,
    ParamValidationException,
    WaiterFailureException,
    WaiterTimeoutException,
)
from ecr_client._shapes import AmazonWebServiceResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._operation import Acceptors, Outcome

Result = TypeVar("Result", bound=AmazonWebServiceResult)


async def wait(
    name: str,
    call: Callable[[], MaybeAwaitable[Result]],
    acceptors: Acceptors[Result],
    *,
    delay: float,
    max_wait: float,
    sleep: Callable[[float], object],
) -> Result:
    """Return the first result that means success.

    Args:
        name: The waiter's name, for error messages.
        call: A function that makes one call.
        acceptors: What the responses mean.
        delay: Seconds between two calls, above 0 and at most 3,600.
        max_wait: Seconds to wait in total, from 0 to 86,400, which is a day.
        sleep: A function that waits for a number of seconds.

    Raises:
        ParamValidationException: ``delay``, ``max_wait`` or ``sleep`` is invalid.
        WaiterFailureException: A response means that success is no longer possible.
        WaiterTimeoutException: There was no success in time.
        AmazonServiceException: An error that the waiter does not expect.
    """
    _check(name, delay, max_wait, sleep)
    delays = 0
    while True:
        response: Result | AmazonServiceException
        try:
            response = await maybe_await(call())
        except AmazonServiceException as raised:
            response = raised
        outcome = _outcome(acceptors, response)
        error = response if isinstance(response, AmazonServiceException) else None
        if outcome == "success" and not isinstance(response, AmazonServiceException):
            return response
        if outcome == "failure":
            seen = _seen(acceptors, response)
            raise WaiterFailureException(f"{name}: the service responded with {seen}") from error
        if error is not None and outcome != "retry":
            raise error
        delays += 1
        # Multiplied rather than added up, or ten delays of 0.1 would not fit into 1.0.
        if delays * delay * (1 - 1e-12) > max_wait:
            raise WaiterTimeoutException(
                f"{name}: not reached within {max_wait:.15g} s (max_wait); the service last "
                f"responded with {_seen(acceptors, response)}"
            ) from error
        await maybe_await(sleep(delay))


def _check(name: str, delay: object, max_wait: object, sleep: object) -> None:
    for argument, problem in (
        ("delay", durations.problem(delay)),
        ("max_wait", durations.problem(max_wait, zero=True, longest=durations.DAY)),
    ):
        if problem is not None:
            raise ParamValidationException(f"{argument} {problem}", name)
    if not callable(sleep):
        raise ParamValidationException(f"sleep must be a function, got {brief(sleep)}", name)


def _outcome(
    acceptors: Acceptors[Result], response: Result | AmazonServiceException
) -> Outcome | None:
    """Return what a response means, or ``None`` if that is unknown."""
    if isinstance(response, AmazonServiceException):
        found = acceptors.errors.get(response.error_code)
    else:
        found = acceptors.states.get(acceptors.value(response) or "")
    return found or acceptors.statuses.get(response.response_metadata.http_status_code or 0)


def _seen(acceptors: Acceptors[Result], response: Result | AmazonServiceException) -> str:
    """Return the description of a response in error messages."""
    if isinstance(response, AmazonServiceException):
        return response.error_code
    state, description = acceptors.value(response), acceptors.description(response)
    # Both come from the service, and may contain anything.
    return one_line(f"{acceptors.path} = {state}{f': {description}' if description else ''}")
