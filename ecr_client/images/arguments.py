"""Checks of arguments that several functions take. Error messages name argument and value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ecr_client.oci import Platform, Reference


def check_count(name: str, value: object, least: int = 1) -> None:
    """Check an argument that is a count. ``True``, which Python counts as 1, is none.

    Raises:
        ValueError: The value is not an int of at least ``least``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}")


def check_flags(**values: object) -> None:
    """Check arguments that are booleans; a string such as ``"no"`` would count as true.

    Raises:
        ValueError: A value is neither ``True`` nor ``False``.
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False, got {value!r}")


def check_time(name: str, value: object) -> None:
    """Check an argument that is a time or ``None``.

    Raises:
        ValueError: The value is not a datetime with a time zone.
    """
    if value is None:
        return
    if not isinstance(value, datetime):
        raise ValueError(f"{name} must be a datetime with a time zone, got {value!r}")
    if value.tzinfo is None:
        raise ValueError(f"{name} must have a time zone, got {value!r}")


def check_callbacks(progress: object, cancel: object) -> None:
    """Check the callback and the cancellation event of a transfer, each of which may be ``None``.

    Raises:
        ValueError: The callback is not callable, or the event has no ``is_set``.
    """
    if progress is not None and not callable(progress):
        raise ValueError(f"progress must be a function or None, got {progress!r}")
    if cancel is not None and not callable(getattr(cancel, "is_set", None)):
        raise ValueError(f"cancel must be a threading.Event or None, got {cancel!r}")


def strings(name: str, value: Any) -> tuple[str, ...]:
    """Return an argument that is a sequence of strings, read from any iterable.

    Raises:
        ValueError: The value is a single string, or holds something else.
    """
    if isinstance(value, str):
        raise ValueError(f"{name} must be a sequence of strings, got the string {value!r}")
    if not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a sequence of strings, got {value!r}")
    found = tuple(value)
    for each in found:
        if not isinstance(each, str):
            raise ValueError(f"{name} must be a sequence of strings, got {each!r} in it")
    return found


def checked_tags(value: Any) -> tuple[str, ...]:
    """Return the tags in an argument.

    Raises:
        ValueError: The value is not a sequence of strings, or a tag is malformed.
    """
    found = strings("tags", value)
    for tag in found:
        Reference.parse(f"repository:{tag}")
    return found


def checked_platforms(value: Any) -> tuple[str, ...] | None:
    """Return the platforms in an argument, or ``None`` for all.

    Raises:
        ValueError: The value is not a sequence of strings, or empty, or a platform is malformed.
    """
    if value is None:
        return None
    found = strings("platforms", value)
    if not found:
        raise ValueError("platforms must name at least one platform, or be None for all")
    for each in found:
        Platform.parse(each)
    return found


def checked_patterns(value: Any) -> tuple[str, ...]:
    """Return the patterns of tags in an argument, which may be a single one.

    Raises:
        ValueError: The value is neither a string nor a sequence of strings, or a pattern is empty.
    """
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, Iterable):
        raise ValueError(f"tags must be a pattern or a sequence of patterns, got {value!r}")
    found = tuple(found)
    if not all(isinstance(each, str) and each for each in found):
        raise ValueError(f"tags must be a pattern or a sequence of patterns, got {value!r}")
    return found
