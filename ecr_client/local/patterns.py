"""The regular expressions of the service's model, matched in linear time.

The engine of the standard library backtracks, and some patterns of the model take it exponential
time on strings of 30 characters, during which the whole process stands still. This one follows all
paths through a pattern at once: its states are the expressions that the rest of the string must
match (Brzozowski's derivatives), each is computed once, and then a character costs a lookup.

It supports the syntax that the model uses; see `compile_pattern`.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from functools import cache

import attrs

_WORD = frozenset(string.ascii_letters + string.digits + "_")
_CLASSES = {"d": frozenset(string.digits), "s": frozenset(" \t\n\r\f\v"), "w": _WORD}
_QUANTIFIERS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
#: Characters whose transitions are cached, so that a string cannot make the memory grow.
_REMEMBERED = frozenset(map(chr, range(128)))


class UnsupportedPatternError(ValueError):
    """A pattern with syntax that this module does not support."""


class Pattern:
    """A compiled pattern; safe to use from any thread."""

    def __init__(self, expression: _Expression) -> None:
        self._states: dict[_Expression, _State] = {}
        self._dead = self._state(_NOTHING)
        self._start = self._state(expression)

    def matches(self, text: str) -> bool:
        """Return whether the whole string matches the pattern."""
        state, dead = self._start, self._dead
        for character in text:
            state = state.following.get(character) or self._follow(state, character)
            if state is dead:
                return False
        return state.expression.nullable

    def _follow(self, state: _State, character: str) -> _State:
        following = self._state(state.expression.after(character))
        if character in _REMEMBERED:
            state.following[character] = following
        return following

    def _state(self, expression: _Expression) -> _State:
        return self._states.setdefault(expression, _State(expression))


@cache
def compile_pattern(pattern: str) -> Pattern:
    r"""Return a matcher for whole strings.

    Supported are literals, ``.``, classes, ``\d``, ``\s`` and ``\w`` (of ASCII), groups,
    alternatives, greedy quantifiers, and ``^`` and ``$`` around an alternative of the top level,
    where they mean nothing since the whole string has to match.

    Raises:
        UnsupportedPatternError: The pattern uses other syntax.
    """
    return Pattern(_Parser(pattern).parsed())


@attrs.frozen(cache_hash=True)
class _Characters:
    """One character that is, or is not, in a set."""

    members: frozenset[str]
    negated: bool = False

    nullable = False

    def after(self, character: str) -> _Expression:
        return _EMPTY if (character in self.members) != self.negated else _NOTHING


@attrs.frozen(cache_hash=True)
class _Sequence:
    """One expression after the other."""

    parts: tuple[_Expression, ...]

    @property
    def nullable(self) -> bool:
        return all(part.nullable for part in self.parts)

    def after(self, character: str) -> _Expression:
        found = []
        for number, part in enumerate(self.parts):
            found.append(_sequence(part.after(character), *self.parts[number + 1 :]))
            if not part.nullable:
                break
        return _either(found)


@attrs.frozen(cache_hash=True)
class _Either:
    """Any one of some expressions; without any, nothing matches."""

    choices: frozenset[_Expression]

    @property
    def nullable(self) -> bool:
        return any(choice.nullable for choice in self.choices)

    def after(self, character: str) -> _Expression:
        return _either(choice.after(character) for choice in self.choices)


@attrs.frozen(cache_hash=True)
class _Repeat:
    """An expression, repeated."""

    part: _Expression
    least: int
    most: int | None

    @property
    def nullable(self) -> bool:
        return self.least == 0 or self.part.nullable

    def after(self, character: str) -> _Expression:
        most = None if self.most is None else self.most - 1
        rest = _repeat(self.part, max(self.least - 1, 0), most)
        return _sequence(self.part.after(character), rest)


_Expression = _Characters | _Sequence | _Either | _Repeat
_EMPTY = _Sequence(())
_NOTHING = _Either(frozenset())


@attrs.define(eq=False)
class _State:
    """The expression that the rest must match, and the states that characters lead to."""

    expression: _Expression
    following: dict[str, _State] = attrs.Factory(dict)


# Expressions are built by these three functions, which give equal ones the same form: otherwise the
# number of states would not be finite.


def _sequence(*parts: _Expression) -> _Expression:
    flat: list[_Expression] = []
    for part in parts:
        if part == _NOTHING:
            return _NOTHING
        flat += part.parts if isinstance(part, _Sequence) else [part]
    return flat[0] if len(flat) == 1 else _Sequence(tuple(flat))


def _either(choices: Iterable[_Expression]) -> _Expression:
    flat: set[_Expression] = set()
    for choice in choices:
        flat |= choice.choices if isinstance(choice, _Either) else {choice}
    if not flat:
        return _NOTHING
    return next(iter(flat)) if len(flat) == 1 else _Either(frozenset(flat))


def _repeat(part: _Expression, least: int, most: int | None) -> _Expression:
    if most == 0:
        return _EMPTY
    return part if (least, most) == (1, 1) else _Repeat(part, least, most)


class _Parser:
    """Parses a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0

    def parsed(self) -> _Expression:
        found = self._alternatives(top=True)
        if self._position < len(self._pattern):
            raise self._unsupported()
        return found

    def _alternatives(self, *, top: bool = False) -> _Expression:
        found = [self._alternative(top)]
        while self._taken("|"):
            found.append(self._alternative(top))
        return _either(found)

    def _alternative(self, top: bool) -> _Expression:
        if top:
            self._taken("^")
        parts = []
        while self._next() not in ("", "|", ")", "$"):
            parts.append(self._quantified(self._atom()))
        if self._next() == "$":
            self._take()
            if not top or self._next() not in ("", "|"):
                raise self._unsupported()
        return _sequence(*parts)

    def _atom(self) -> _Expression:
        character = self._take()
        if character == "(":
            if self._taken("?") and not self._taken(":"):
                raise self._unsupported()
            found = self._alternatives()
            if not self._taken(")"):
                raise self._unsupported()
            return found
        if character == "[":
            return self._class()
        if character == ".":
            return _Characters(frozenset("\n"), negated=True)
        if character == "\\":
            escaped = self._take()
            if escaped.isupper() and escaped.lower() in _CLASSES:
                return _Characters(_CLASSES[escaped.lower()], negated=True)
            return _Characters(self._escaped(escaped))
        if character in "*+?{}^":
            raise self._unsupported()
        return _Characters(frozenset(character))

    def _quantified(self, part: _Expression) -> _Expression:
        if self._next() in _QUANTIFIERS:
            least, most = _QUANTIFIERS[self._take()]
        elif self._taken("{"):
            least, most = self._bounds()
        else:
            return part
        if self._next() in ("*", "+", "?", "{"):  # lazy or possessive
            raise self._unsupported()
        return _repeat(part, least, most)

    def _bounds(self) -> tuple[int, int | None]:
        end = self._pattern.find("}", self._position)
        low, comma, high = self._pattern[self._position : max(end, self._position)].partition(",")
        if not low.isdecimal() or not (high.isdecimal() or not high):
            raise self._unsupported()
        self._position = end + 1
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if most is not None and most < least:
            raise self._unsupported()
        return least, most

    def _class(self) -> _Expression:
        negated, members = self._taken("^"), set[str]()
        first = True
        while first or self._next() != "]":
            low = self._member()
            if self._next() == "-" and self._pattern[self._position + 1 :][:1] not in ("]", ""):
                self._take()
                high = self._member()
                if len(low) > 1:  # as in [\w-.], where the dash is one of the members
                    members |= low | {"-"} | high
                elif len(high) > 1 or max(low) > max(high):
                    raise self._unsupported()
                else:
                    members |= set(map(chr, range(ord(max(low)), ord(max(high)) + 1)))
            else:
                members |= low
            first = False
        self._take()
        return _Characters(frozenset(members), negated)

    def _member(self) -> frozenset[str]:
        character = self._take()
        return self._escaped(self._take()) if character == "\\" else frozenset(character)

    def _escaped(self, character: str) -> frozenset[str]:
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum():
            raise self._unsupported()
        return frozenset(character)

    def _next(self) -> str:
        """Return the next character, or an empty string at the end."""
        return self._pattern[self._position : self._position + 1]

    def _take(self) -> str:
        character = self._next()
        if not character:
            raise self._unsupported()
        self._position += 1
        return character

    def _taken(self, character: str) -> bool:
        """Consume a character if it comes next, and return whether it does."""
        if self._next() != character:
            return False
        self._position += 1
        return True

    def _unsupported(self) -> UnsupportedPatternError:
        return UnsupportedPatternError(
            f"pattern {self._pattern!r} has unsupported syntax before position {self._position}"
        )
