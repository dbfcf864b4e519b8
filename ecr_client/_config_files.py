"""Error messages about the shared configuration files, loaded on the first failure.

No message quotes a value, which may be a key.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ecr_client._common.display import brief

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: The maximum number of profiles that a message lists.
LISTED = 10
_PROBLEMS = {
    "MissingSectionHeaderError": "comes before the first [section]",
    "DuplicateSectionError": "repeats a section of the file",
    "DuplicateOptionError": "repeats a setting of its section",
}


def malformed(error: Any) -> str:
    """Return the error message for a file that botocore could not parse, with the line.

    Args:
        error: botocore's ``ConfigParseError``.
    """
    path, reason = error.kwargs.get("path"), error.kwargs.get("error")
    problem = _PROBLEMS.get(type(reason).__name__, "is neither a [section] nor 'name = value'")
    line = getattr(reason, "lineno", None)
    if isinstance(reason, UnicodeDecodeError):
        problem, line = f"is not {reason.encoding}", _bad_line(path, reason.encoding)
    elif line is None:
        errors = getattr(reason, "errors", None)
        line = errors[0][0] if errors else _bad_line(path)
    where = "a line" if line is None else f"line {line}"
    return f"the configuration file {path} is malformed: {where} {problem}; correct it"


def _bad_line(path: str, encoding: str = "latin-1") -> int | None:
    """Return the number of the first line that cannot be decoded, or is no setting in a block."""
    try:
        with open(path, "rb") as file:
            lines = file.readlines()
    except OSError:  # deleted meanwhile
        return None
    in_block = False
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode(encoding)
        except UnicodeDecodeError:
            return number
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if not line[0].isspace():
            in_block = text[-1] in "=:"
        elif in_block and "=" not in text:
            return number
    return None


def missing_profile(
    name: str,
    source: str,
    profiles: Collection[str],
    sections: Collection[str],
    paths: Sequence[str],
) -> str:
    """Return the error message for a profile that does not exist.

    Args:
        name: The profile.
        source: Where the profile is named.
        profiles: The existing profiles.
        sections: The other sections of the configuration file.
        paths: The shared files.
    """
    known = sorted(profiles)
    close = get_close_matches(name, known, 3)
    if name in sections:
        hint = f"rename its section [{name}] to [profile {name}]"
    elif close:
        hint = f"did you mean {' or '.join(map(repr, close))}?"
    elif known:
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        hint = f"use one of {', '.join(known[:LISTED])}{more}, or add the profile"
    else:
        hint = "add the profile, for example with 'aws configure'"
    files = " or ".join(map(described, paths))
    return f"profile {brief(name)} (named by {source}) does not exist in {files}; {hint}"


def described(path: str) -> str:
    """Return a path, with the reason if the file is not readable."""
    try:
        with open(path, "rb"):
            return path
    except FileNotFoundError:
        return f"{path} (no such file)"
    except OSError as error:
        return f"{path} (cannot be read: {error.strerror})"
