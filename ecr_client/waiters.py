"""Repeating a call until something has come about."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ecr_client._exceptions import (
    AmazonServiceException,
    ParamValidationException,
    WaiterFailureException,
    WaiterTimeoutException,
)
from ecr_client._shapes import AmazonWebServiceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_client._operation import Acceptor

Result = TypeVar("Result", bound=AmazonWebServiceResult)


def wait(
    name: str,
    call: Callable[[], Result],
    acceptors: Sequence[Acceptor[Result]],
    *,
    delay: float,
    max_wait: float,
    sleep: Callable[[float], object],
) -> Result:
    """Return the first result that means success.

    Args:
        name: The waiter's name, for error messages.
        call: Makes one call.
        acceptors: What the responses mean; the first that matches decides.
        delay: Seconds between two calls.
        max_wait: Seconds to wait in total.
        sleep: What waits.

    Raises:
        WaiterFailureException: An acceptor said that success can no longer come.
        WaiterTimeoutException: Success did not come in time.
        AmazonServiceException: An error that no acceptor knows.
    """
    _check(name, "delay", delay, allow_zero=False)
    _check(name, "max_wait", max_wait, allow_zero=True)
    # Counted rather than added up, or ten delays of 0.1 would not fit into 1.0.
    delays_left = int(max_wait / delay + 1e-9)
    while True:
        response: Result | AmazonServiceException
        try:
            response = call()
        except AmazonServiceException as raised:
            response = raised
        error = response if isinstance(response, AmazonServiceException) else None
        state, seen = _state(acceptors, response)
        if state == "success" and not isinstance(response, AmazonServiceException):
            return response
        if state == "failure":
            raise WaiterFailureException(f"{name}: the service answered {seen}") from error
        if error is not None and state != "retry":
            raise error
        if delays_left == 0:
            raise WaiterTimeoutException(
                f"{name}: did not come about within {max_wait:g} s (max_wait)"
            ) from error
        sleep(delay)
        delays_left -= 1


def _check(name: str, argument: str, value: object, *, allow_zero: bool) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 or (allow_zero and value == 0)):  # type: ignore[operator]
        least = "0 or more" if allow_zero else "more than 0"
        raise ParamValidationException(f"{argument} must be {least} seconds, not {value!r}", name)


def _state(
    acceptors: Sequence[Acceptor[Result]], response: Result | AmazonServiceException
) -> tuple[str, object]:
    """Return the state of the first acceptor that matches, and what it matched."""
    for each in acceptors:
        if each.matcher == "status":
            if response.response_metadata.http_status_code == each.expected:
                return each.state, each.expected
        elif isinstance(response, AmazonServiceException):
            if each.matcher == "error" and response.error_code == each.expected:
                return each.state, each.expected
        elif each.value is not None:
            value = each.value(response)
            if value == each.expected:
                return each.state, f"{each.path} = {value}"
    return "", None
