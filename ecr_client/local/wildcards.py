"""Matching names against filters in which an asterisk stands for any text.

Every use of wildcards goes through `matches`: lifecycle policies, filters of tags and of
repositories, and permission policies.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class _Compiled(NamedTuple):
    """A pattern as sets of places in it; a set is an integer that has a bit for every place."""

    #: Places that are left with this character.
    moves: dict[str, int]
    #: Places that are left with any character.
    anything: int
    #: Places that may be stayed in with any character: those at an asterisk.
    loops: int
    #: The place at the end.
    end: int


def matches(pattern: str, text: str, *, single: str | None = None) -> bool:
    """Return whether the whole text fits the pattern.

    All places in the pattern where the text may be are followed at once, so nothing is ever tried
    again: the time grows with the length of the text, whatever the pattern.

    Args:
        pattern: The pattern, in which ``*`` stands for any number of characters.
        text: The text.
        single: The character that stands for exactly one, such as ``?``; None if there is none.
    """
    moves, anything, loops, end = _compiled(pattern, single)
    places = 1
    for character in text:
        places = (places & (moves.get(character, 0) | anything)) << 1 | places & loops
        if not places:
            return False
    return places & end != 0


@lru_cache(maxsize=128)
def _compiled(pattern: str, single: str | None) -> _Compiled:
    moves: dict[str, int] = {}
    anything = loops = 0
    place = 1
    for character in pattern:
        if character == "*":
            loops |= place
            continue
        if character == single:
            anything |= place
        else:
            moves[character] = moves.get(character, 0) | place
        place <<= 1
    return _Compiled(moves, anything, loops, place)
