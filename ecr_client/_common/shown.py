"""How messages show values: not too long, and without what may be secret."""

from __future__ import annotations

import re

_LONGEST = 200
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"


def redact_url(url: str) -> str:
    """Return a URL that may be shown: without user, password, query and fragment.

    Args:
        url: Any text, also one that is not a URL.

    Returns:
        The text with ``***`` in the place of what may be secret, cut after 200 characters.
    """
    scheme, separator, rest = url.partition("://")
    if not re.fullmatch(_SCHEME, scheme) or not separator:
        scheme, separator, rest = "", "", url
    has_user, has_query = "@" in rest, re.search(r"[?#]", rest)
    if has_user and has_query:
        # Either may be part of the other; showing nothing is the only safe reading.
        rest = "***"
    elif has_user:
        rest = "***@" + rest.rpartition("@")[2]
    elif has_query:
        rest = rest[: has_query.end()] + "***"
    return _shortened(scheme + separator + rest)


def shown(value: object) -> str:
    """Return a value as a message shows it: not too long, and whatever its repr does."""
    try:
        text = repr(value)
    except Exception:  # as Python does for a number of thousands of digits
        return f"a value of type {type(value).__name__}"
    return _shortened(text)


def one_line(text: str, longest: int = 2000) -> str:
    """Return a string as one line of printable characters, which a service's error may not be.

    Args:
        text: The string.
        longest: How many characters to show of it at most.
    """
    cut = text if len(text) <= longest else f"{text[:longest]}..."
    if cut.isprintable():
        return cut
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
