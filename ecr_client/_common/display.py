"""How error messages and logs show values: short, and without secrets."""

from __future__ import annotations

import re

_LONGEST = 200
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"


def redact_url(url: str) -> str:
    """Return a URL without user, password, query and fragment.

    Args:
        url: Any string, even if it is not a URL.

    Returns:
        The string with ``***`` in place of possible secrets, truncated to 200 characters.
    """
    scheme, separator, rest = url.partition("://")
    if not re.fullmatch(_SCHEME, scheme) or not separator:
        scheme, separator, rest = "", "", url
    has_user, has_query = "@" in rest, re.search(r"[?#]", rest)
    if has_user and has_query:
        # Either may be part of the other, so neither is shown.
        rest = "***"
    elif has_user:
        rest = "***@" + rest.rpartition("@")[2]
    elif has_query:
        rest = rest[: has_query.end()] + "***"
    return _shortened(scheme + separator + rest)


def brief(value: object) -> str:
    """Return the repr of a value, truncated if it is long."""
    try:
        text = repr(value)
    except Exception:  # for example for an int of thousands of digits
        return f"a value of type {type(value).__name__}"
    return _shortened(text)


def one_line(text: str, longest: int = 2000) -> str:
    """Return a string as one line of printable characters, truncated if it is long.

    Args:
        text: The string, for example an error message of the service.
        longest: The maximum number of characters.
    """
    cut = text if len(text) <= longest else f"{text[:longest]}..."
    if cut.isprintable():
        return cut
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
