"""Hooks: functions that observe the calls of a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from ecr_client._common.hints import explains_its_keywords
from ecr_client._coroutines import is_coroutine_function
from ecr_client._exceptions import AmazonClientException, InvalidConfigurationException


@attrs.frozen(kw_only=True)
class CallEvent:
    """An event of a call; it contains no bodies, credentials or signatures.

    Attributes:
        operation: The operation, for example ``PutImage``.
        attempt: The number of the attempt, from 1.
        endpoint: The URL that was called, without its query.
        region: The region for which the call is signed.
        request_bytes: The length of the request's body.
        context: A dict for the hooks to use, shared by all events of a call.
        status_code: The HTTP status of the response, if there is one.
        request_id: The request id of the response, if it has one.
        response_bytes: The length of the response's body, if it was read.
        duration: Seconds of the attempt for ``response``, of the whole call for ``error``, else 0.
        error: The error of the attempt, for ``retry`` and ``error``.
        delay: Seconds until the next attempt, for ``retry``.
    """

    operation: str
    attempt: int
    endpoint: str
    region: str
    request_bytes: int
    context: dict[str, Any] = attrs.field(repr=False, eq=False)
    status_code: int | None = None
    request_id: str | None = None
    response_bytes: int | None = None
    duration: float = 0.0
    error: AmazonClientException | None = None
    delay: float = 0.0


Hook = Callable[[CallEvent], object]


def _function(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise InvalidConfigurationException(
            f"hook {field.name} must be a function or None, got {type(value).__name__}"
        )
    if is_coroutine_function(value):
        raise InvalidConfigurationException(
            f"hook {field.name} must not be an asynchronous function, which nothing would await; "
            "pass a function that starts a task"
        )


@explains_its_keywords
@attrs.frozen(kw_only=True)
class Hooks:
    """Functions that are called with the events of every call; each takes a `CallEvent`.

    Hooks run in the thread of the call, those of an `AsyncECRClient` in its event loop. If one
    raises an exception, it is logged, and the call goes on. An attempt is a ``request``, followed
    by a ``response`` if one arrives; a ``retry`` comes between two attempts; a call that fails ends
    with an ``error``, and one that succeeds with the ``response`` of its last attempt. There are no
    events for a request that is refused with a ``ParamValidationException`` before anything is
    sent.

    Args:
        request: Called before an attempt is sent.
        response: Called when a response has arrived, whatever its status.
        retry: Called when an attempt has failed and another one will follow.
        error: Called when the last attempt has failed.

    Raises:
        InvalidConfigurationException: A hook is not a function, or is an asynchronous one.

    Example:
        >>> from ecr_client import ClientConfiguration
        >>> def report(event: CallEvent) -> None:
        ...     print(f"{event.operation} failed, next attempt in {event.delay:.1f} s")
        >>> config = ClientConfiguration(hooks=Hooks(retry=report))
    """

    request: Hook | None = attrs.field(default=None, validator=_function)
    response: Hook | None = attrs.field(default=None, validator=_function)
    retry: Hook | None = attrs.field(default=None, validator=_function)
    error: Hook | None = attrs.field(default=None, validator=_function)
