"""Errors for modules and files that cannot be loaded, and for calls at interpreter shutdown."""

from __future__ import annotations

import os
from sys import is_finalizing
from typing import TYPE_CHECKING

from ecr_client._common.redact import forget_own_frames
from ecr_client._exceptions import (
    AmazonClientException,
    ClientShutdownException,
    InvalidConfigurationException,
)

if TYPE_CHECKING:
    from types import TracebackType

_REMEDY = (
    "reinstall the package; under a fake file system or in a chroot, make its real files readable"
)


def unavailable(what: str, error: BaseException) -> AmazonClientException | None:
    """Return our exception for a module or file that cannot be loaded, or for a call at shutdown.

    Modules are loaded on first use, which may be in the middle of a call.

    Args:
        what: What failed, for example the name of the operation.
        error: The original exception.

    Returns:
        Our exception, or ``None`` if the error has another cause.
    """
    if is_finalizing():
        return _too_late(what)
    if isinstance(error, ImportError):
        place = f" ({error.path})" if error.path else ""
        return InvalidConfigurationException(
            f"{what}: the module {error.name}{place} cannot be loaded: {error}; {_REMEDY}"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return InvalidConfigurationException(
            f"{what}: cannot read {error.filename}: {error.strerror}; {_REMEDY}"
        )
    return None


def _too_late(what: str) -> ClientShutdownException:
    return ClientShutdownException(
        f"{what}: the interpreter is shutting down; make calls before it exits, for example from a "
        "function registered with atexit"
    )


class Guarded:
    """A context manager that replaces errors of unavailable modules and files with our own.

    It refuses to be entered while the interpreter shuts down: some releases of Python crash when
    a module is used then.

    Args:
        what: As in `unavailable`.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        if is_finalizing():
            raise _too_late(self._what)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, AmazonClientException):
            return
        found = unavailable(self._what, error) if isinstance(error, Exception) else None
        if found is not None:
            forget_own_frames(error)
            raise found from error


def unreadable_data(name: str, error: Exception) -> AmazonClientException:
    """Return our exception for a data file of botocore that cannot be read.

    Args:
        name: The path below botocore's data directory, without its extension.
        error: The original exception.
    """
    found = unavailable("looking for regions and endpoints", error)
    if found is not None:
        return found
    import botocore

    path = os.path.join(os.path.dirname(botocore.__file__), "data", name)
    return InvalidConfigurationException(
        f"botocore's data {path} cannot be read ({type(error).__name__}); {_REMEDY}"
    )
