"""Matching names against filters in which an asterisk stands for any text."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Tell whether the whole text fits the pattern, in time that grows with its length only."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first):
        return False
    *middle, last = rest
    position = len(first)
    for piece in middle:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return len(text) - len(last) >= position and text.endswith(last)
