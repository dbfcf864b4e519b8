"""What keeps secrets out of what is shown of an error."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ecr_client._exceptions import AmazonClientException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

#: Their exceptions hold connections with the headers of a proxy, requests, and pieces of answers.
_LIBRARIES = frozenset({"botocore", "http", "json", "orjson", "requests", "urllib3"})
_KEPT = (bool, int, float, str, type, BaseException, type(None))


def chain(error: BaseException, outside: BaseException | None = None) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, however they hang together, each once.

    Args:
        error: The exception.
        outside: What the caller of this package was handling when it called; as the context of
            everything that is raised then, it is in the chain, but is none of our business.
    """
    seen = {id(outside)}
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        reason = getattr(each, "reason", None)  # where urllib3 keeps it
        waiting += [*each.args, reason, each.__context__, each.__cause__]


def strip(error: BaseException, outside: BaseException | None = None) -> None:
    """Take away what an exception and all that led to it hold besides their texts.

    The local variables of stack frames, which many tools print, hold headers with the session
    token, and bodies with the bytes of layers. From our own exceptions, the frames are dropped. Of
    others it may be important to know where they come from, so only the variables are.

    Args:
        error: The exception; what raised it must have returned by now.
        outside: As in `chain`.
    """
    ours = isinstance(error, AmazonClientException)
    for each in chain(error, outside):
        if ours:
            each.__traceback__ = None
        else:
            _clear_frames(each)
        if type(each).__module__.partition(".")[0] in _LIBRARIES:
            _strip_foreign(each)


def _clear_frames(error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None:
        # One that still runs cannot be cleared, and is not one of those that hold a secret.
        with contextlib.suppress(RuntimeError):
            trace.tb_frame.clear()
        trace = trace.tb_next


def _strip_foreign(error: BaseException) -> None:
    error.args = tuple(redact_text(each) if isinstance(each, str) else each for each in error.args)
    for name, value in vars(error).items():
        setattr(error, name, "" if name == "doc" else _without_objects(value))


def _without_objects(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {name: _without_objects(each) for name, each in value.items()}
    if isinstance(value, bytes):
        return b""
    return value if isinstance(value, _KEPT) else None


def redact_text(text: str) -> str:
    """Return a text without the user and the password of a URL in it."""
    return re.sub(r"://\S*@", "://***@", text)


def keeps_arguments_secret(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let what a function raises hold none of its arguments, and nothing that it makes of them."""

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        outside = sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            failure = error
        # The variables of this frame can be seen, too.
        del args, kwargs
        strip(failure, outside)
        try:
            raise failure
        finally:
            del failure, outside

    return call


def keeps_values_secret(cls: type[Result]) -> type[Result]:
    """Do the same for the constructor of a class."""
    cls.__init__ = keeps_arguments_secret(cls.__init__)  # type: ignore[method-assign]
    return cls
