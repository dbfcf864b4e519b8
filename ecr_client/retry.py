"""Retry policies: which failed calls are retried, how often, and after which delays."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._common import durations
from ecr_client._common.display import brief
from ecr_client._common.hints import explains_its_keywords
from ecr_client._exceptions import InvalidConfigurationException

if TYPE_CHECKING:
    from collections.abc import Callable

MODES = ("standard", "adaptive")


def _count(_: object, field: attrs.Attribute[Any], value: object) -> None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 1 <= value <= sys.maxsize:  # type: ignore[operator]
        raise InvalidConfigurationException(
            f"{field.name} must be a whole number of at least 1, got {brief(value)}"
        )


def _mode(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value not in MODES:
        raise InvalidConfigurationException(
            f"{field.name} must be 'standard' or 'adaptive', got {brief(value)}"
        )


def _seconds(_: object, field: attrs.Attribute[Any], value: object) -> None:
    problem = durations.problem(value, zero=True)
    if problem is not None:
        raise InvalidConfigurationException(f"{field.name} {problem}")


def _function(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not callable(value):
        raise InvalidConfigurationException(
            f"{field.name} must be a function, got {type(value).__name__}"
        )


def _draw() -> float:
    """Return a random number; our own function, because `random.random` pickles its state."""
    return random.random()


@explains_its_keywords
@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How a client retries calls after transient errors, like the AWS SDKs.

    Throttling, status 429, 500, 502, 503 and 504, timeouts and broken connections are retried.
    Before the n-th retry, the client waits for a random time between 0 and
    ``base_delay * 2 ** (n - 1)`` seconds, at most ``max_delay``; a longer delay that the server
    requests with ``Retry-After`` or ``x-amz-retry-after`` is respected up to ``max_delay``. The
    first broken connection of a call is retried immediately. All calls of a client share a retry
    quota of 500: a retry acquires 5, or 10 after a timeout, an immediate retry nothing, and
    successful calls release it. While a service is down, calls therefore soon fail at their first
    attempt.

    Args:
        mode: ``"standard"``, the default, or ``"adaptive"``, which also limits the rate of calls
            of an operation that the service throttles.
        max_attempts: The maximum number of attempts of a call, at least 1, which means no retries.
            Default 3.
        base_delay: The base of the delays in seconds, from 0 to 3,600. Default 1.
        max_delay: The longest delay in seconds, from 0 to 3,600. Default 20.
        sleep: A function that waits for a number of seconds. ``None``, the default, waits for that
            long, or until the client is shut down. For an `AsyncECRClient` it may be asynchronous.
        random: A function that returns a number from 0 to 1.

    Raises:
        InvalidConfigurationException: A value has the wrong type or is out of range.

    Example:
        >>> RetryPolicy(max_attempts=5, max_delay=10)
        RetryPolicy(mode='standard', max_attempts=5, base_delay=1.0, max_delay=10)
    """

    mode: str = attrs.field(default="standard", validator=_mode)
    max_attempts: int = attrs.field(default=3, validator=_count)
    base_delay: float = attrs.field(default=1.0, validator=_seconds)
    max_delay: float = attrs.field(default=20.0, validator=_seconds)
    sleep: Callable[[float], object] | None = attrs.field(
        default=None, repr=False, eq=False, validator=attrs.validators.optional(_function)
    )
    random: Callable[[], float] = attrs.field(
        default=_draw, repr=False, eq=False, validator=_function
    )
