"""Removal of secrets from exceptions.

Tools that print tracebacks with local variables show the contents of stack frames. Below the
transport, and in the constructors of objects with secrets, frames hold secrets as plain strings, so
they are removed. All other frames are kept; they hold secrets only in objects whose reprs hide
them.
"""

from __future__ import annotations

import functools
import re
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

#: Libraries whose exceptions hold connections with proxy headers, requests and parts of responses.
_LIBRARIES = frozenset({"aiohttp", "botocore", "http", "json", "orjson", "requests", "urllib3"})
#: Errors of urllib3 and requests that quote a response, as all errors of http.client do.
_QUOTING = frozenset({"DecodeError", "HeaderParsingError", "InvalidChunkLength", "InvalidHeader"})
_KEPT = (bool, int, float, str, type, BaseException, type(None))
_OURS = __name__.partition(".")[0]


def chain(error: BaseException, outside: BaseException | None = None) -> Iterator[BaseException]:
    """Yield an exception and all of its causes, however they are linked, each once.

    Args:
        error: The exception.
        outside: The exception that was being handled when this package was called, which is the
            context of everything raised since then, and is left out.
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


def forget_frames(error: BaseException, outside: BaseException | None = None) -> None:
    """Remove all stack frames of an exception and its causes, and the objects that they hold.

    Args:
        error: The exception.
        outside: As in `chain`.
    """
    found = list(chain(error, outside))
    is_malformed = any(map(_quotes, found))
    for each in found:
        each.__traceback__ = None
        if is_malformed and not (isinstance(each, OSError) and each.errno):
            each.args = tuple(part for part in each.args if not isinstance(part, (str, bytes)))
            vars(each).update(
                {name: "" for name in vars(each) if isinstance(vars(each)[name], str)}
            )
        if isinstance(each, UnicodeDecodeError):
            each.object = b""
        if type(each).__module__.partition(".")[0] in _LIBRARIES:
            _forget_objects(each)


def _quotes(error: BaseException) -> bool:
    """Return whether an error quotes a malformed response, which may hold secrets."""
    return any(
        each.__module__ == "http.client" or each.__name__ in _QUOTING
        for each in type(error).__mro__
    )


def _forget_objects(error: BaseException) -> None:
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
    """Return a string without users, passwords and queries of URLs."""
    # Word by word, because a single pattern would take quadratic time.
    return re.sub(r"\?\S+", "?***", re.sub(r"\S+", lambda word: _without_user(word[0]), text))


def _without_user(word: str) -> str:
    begin, end = word.find("://"), word.rfind("@")
    return f"{word[:begin]}://***{word[end:]}" if 0 <= begin < end else word


def forget_own_frames(error: BaseException, outside: BaseException | None = None) -> None:
    """Remove the stack frames of this package and its libraries, and keep those of users.

    Args:
        error: The exception; the function that raised it must have returned.
        outside: As in `chain`.
    """
    for each in chain(error, outside):
        each.__traceback__ = _others(each.__traceback__)
        if type(each).__module__.partition(".")[0] in _LIBRARIES:
            _forget_objects(each)


def _others(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this package, of attrs and of the libraries."""
    kept = []
    while traceback is not None:
        if not _holds_secrets(traceback):
            kept.append(traceback)
        traceback = traceback.tb_next
    for each in reversed(kept):
        traceback = TracebackType(traceback, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return traceback


def _holds_secrets(traceback: TracebackType) -> bool:
    frame = traceback.tb_frame
    if frame.f_code.co_filename.startswith("<attrs generated"):
        return True
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] in (_OURS, "attr", *_LIBRARIES)


def keeps_arguments_secret(
    function: Callable[Parameters, Returned],
) -> Callable[Parameters, Returned]:
    """Return a function whose exceptions hold neither its arguments nor its local variables."""

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        outside = sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            failure = error
        # Tools show the local variables of this frame, too.
        del args, kwargs
        forget_own_frames(failure, outside)
        try:
            raise failure
        finally:
            del failure, outside

    return call


def keeps_values_secret(cls: type[Returned]) -> type[Returned]:
    """Return a class whose constructor keeps its arguments secret."""
    cls.__init__ = keeps_arguments_secret(cls.__init__)  # type: ignore[method-assign]
    return cls
