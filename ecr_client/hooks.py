"""Looking at calls without patching anything: what hooks are told, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from ecr_client._common.hints import explains_its_keywords
from ecr_client._exceptions import AmazonClientException, InvalidConfigurationException


@attrs.frozen(kw_only=True)
class CallEvent:
    """What has happened to a call; it holds no content, no credentials and no signature.

    Attributes:
        operation: The operation, for example ``PutImage``.
        attempt: The number of the attempt, from 1.
        endpoint: The URL that was called, without query.
        region: The region that the call is signed for.
        request_bytes: The length of the request's body.
        context: A dict of the hooks' own. All events of a call have the same one.
        status_code: The HTTP status of the answer, if there is one.
        request_id: The id that the service gave the attempt, if it gave one.
        response_bytes: The length of the answer's body, if it was read.
        duration: Seconds: of this attempt for ``response``, of the whole call for ``error``,
            otherwise 0.
        error: What the attempt failed with: for ``retry`` and ``error``.
        delay: How many seconds are waited before the next attempt, for ``retry``.
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
            f"hook {field.name} must be a function or None, not {type(value).__name__}"
        )


@explains_its_keywords
@attrs.frozen(kw_only=True)
class Hooks:
    """Functions that are told of every call; each takes a `CallEvent`.

    They run in the thread of the call. An exception of theirs is logged and does not disturb it.
    An attempt is a ``request``, followed by a ``response`` if it was answered; between two attempts
    comes a ``retry``; a call that fails ends with an ``error``, and one that succeeds with the
    ``response`` of its last attempt. A request that is refused before anything is sent, by a
    ``ParamValidationException``, is no call.

    Args:
        request: Before an attempt is sent.
        response: After an answer has arrived, whatever its status.
        retry: After an attempt failed, if there will be another one.
        error: After the last attempt failed.

    Raises:
        InvalidConfigurationException: One is not a function.
    """

    request: Hook | None = attrs.field(default=None, validator=_function)
    response: Hook | None = attrs.field(default=None, validator=_function)
    retry: Hook | None = attrs.field(default=None, validator=_function)
    error: Hook | None = attrs.field(default=None, validator=_function)
