"""Reports the events of calls to the log and to hooks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_client._common.display import one_line

if TYPE_CHECKING:
    from ecr_client._call import Call
    from ecr_client._exceptions import AmazonClientException
    from ecr_client.hooks import CallEvent, Hooks

logger = logging.getLogger("ecr_client")

#: The attributes of an event that are also attributes of log records.
EXTRAS = (
    "operation",
    "attempt",
    "endpoint",
    "region",
    "request_bytes",
    "status_code",
    "request_id",
    "response_bytes",
    "duration",
    "delay",
)


class Observer:
    """Reports events to the log and to hooks, at almost no cost while neither is enabled.

    Args:
        hooks: The hooks of the configuration.
    """

    def __init__(self, hooks: Hooks | None) -> None:
        self._hooks = hooks

    def watches_attempts(self) -> bool:
        """Return whether each request and response has to be reported."""
        return self._hooks is not None or logger.isEnabledFor(logging.DEBUG)

    def request(self, call: Call) -> None:
        """Report that an attempt is about to be sent."""
        if self._is_enabled("request", logging.DEBUG):
            self._report("request", logging.DEBUG, f"is sent to {call.endpoint.url}", call)

    def response(
        self, call: Call, status: int, request_id: str | None, size: int | None = None
    ) -> None:
        """Report that a response has arrived."""
        if self._is_enabled("response", logging.DEBUG):
            self._report(
                "response",
                logging.DEBUG,
                f"got a response with status {status} (request id {request_id})",
                call,
                status_code=status,
                request_id=request_id,
                response_bytes=size,
                duration=call.seconds_of_attempt(),
            )

    def retry(self, call: Call, error: AmazonClientException, delay: float) -> None:
        """Report that an attempt has failed and another one will follow."""
        if self._is_enabled("retry", logging.INFO):
            text = f"failed, retrying in {delay:.3f} s: {error}"
            members = {"error": error, "delay": delay, **_response_of(error)}
            self._report("retry", logging.INFO, text, call, **members)

    def error(self, call: Call, error: AmazonClientException) -> None:
        """Report that a call has failed."""
        if self._is_enabled("error", logging.DEBUG):
            members = {"error": error, "duration": call.seconds(), **_response_of(error)}
            self._report("error", logging.DEBUG, f"failed: {error}", call, **members)

    def _is_enabled(self, kind: str, level: int) -> bool:
        if self._hooks is not None and getattr(self._hooks, kind) is not None:
            return True
        return logger.isEnabledFor(level)

    def _report(self, kind: str, level: int, text: str, call: Call, **members: Any) -> None:
        from ecr_client.hooks import CallEvent

        event = CallEvent(
            operation=call.name,
            attempt=call.attempts.number,
            endpoint=call.endpoint.url,
            region=call.endpoint.signing_region,
            request_bytes=len(call.body),
            context=call.context,
            **members,
        )
        if logger.isEnabledFor(level):
            extra = {name: getattr(event, name) for name in EXTRAS}
            text = one_line(text)
            logger.log(
                level, "%s: attempt %d %s", event.operation, event.attempt, text, extra=extra
            )
        hook = getattr(self._hooks, kind, None)
        if hook is not None:
            _run(hook, event, kind)


def _run(hook: Any, event: CallEvent, kind: str) -> None:
    try:
        hook(event)
    except Exception:
        logger.exception("%s: the hook for %s failed", event.operation, kind)


def _response_of(error: AmazonClientException) -> dict[str, Any]:
    metadata = getattr(error, "response_metadata", None)
    if metadata is None:
        return {}
    return {"status_code": metadata.http_status_code, "request_id": metadata.request_id}
