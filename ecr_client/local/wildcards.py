"""Matching names against filters in which an asterisk stands for any string.

Every use of wildcards goes through `matches`: lifecycle policies, filters of tags and of
repositories, and permission policies.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class _Compiled(NamedTuple):
    """A pattern as sets of positions in it; a set is an integer with a bit for every position."""

    #: The positions that this character advances.
    moves: dict[str, int]
    #: The positions that any character advances.
    anything: int
    #: The positions that any character may stay at: those of an asterisk.
    loops: int
    #: The position at the end.
    end: int


def matches(pattern: str, text: str, *, single: str | None = None) -> bool:
    """Return whether the whole string matches the pattern.

    All positions in the pattern that the string can be at are followed at once, without
    backtracking: the time is linear in the length of the string, whatever the pattern.

    Args:
        pattern: The pattern, in which ``*`` stands for any number of characters.
        text: The string.
        single: The character that stands for any one character, such as ``?``; None for none.
    """
    moves, anything, loops, end = _compiled(pattern, single)
    positions = 1
    for character in text:
        positions = (positions & (moves.get(character, 0) | anything)) << 1 | positions & loops
        if not positions:
            return False
    return positions & end != 0


@lru_cache(maxsize=128)
def _compiled(pattern: str, single: str | None) -> _Compiled:
    moves: dict[str, int] = {}
    anything = loops = 0
    position = 1
    for character in pattern:
        if character == "*":
            loops |= position
            continue
        if character == single:
            anything |= position
        else:
            moves[character] = moves.get(character, 0) | position
        position <<= 1
    return _Compiled(moves, anything, loops, position)
