"""Repeating a call until something has come about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._exceptions import (
    AmazonServiceException,
    ParamValidationException,
    WaiterFailureException,
    WaiterTimeoutException,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Acceptor = tuple[str, str, tuple[str, ...], object]


def wait(
    name: str,
    acceptors: Sequence[Acceptor],
    call: Callable[[], Any],
    *,
    delay: float,
    max_wait: float,
    sleep: Callable[[float], object],
) -> Any:
    """Return the first answer that means success.

    Args:
        name: Of the waiter, for the text of errors.
        acceptors: (state, matcher, path, expected); the first that matches decides.
        call: Asks once.
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
        result, error = None, None
        try:
            result = call()
        except AmazonServiceException as raised:
            error = raised
        state, seen = _state(acceptors, result, error)
        if state == "success":
            return result
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
    acceptors: Sequence[Acceptor], result: Any, error: AmazonServiceException | None
) -> tuple[str, object]:
    """Return the state of the first acceptor that matches, and what it matched."""
    for state, matcher, path, expected in acceptors:
        if matcher == "error":
            if error is not None and error.error_code == expected:
                return state, expected
        elif matcher == "status":
            metadata = (error or result).response_metadata
            if metadata.http_status_code == expected:
                return state, expected
        elif error is None:
            value = result
            for name in path:
                value = getattr(value, name, None)
            if value == expected:
                return state, f"{'.'.join(path)} = {value}"
    return "", None
