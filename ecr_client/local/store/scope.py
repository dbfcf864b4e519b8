"""Whose registry something is in."""

from __future__ import annotations

from typing import NamedTuple


class Scope(NamedTuple):
    """A registry: an account in a region. Two of them share nothing but bytes on disk."""

    account: str
    region: str
