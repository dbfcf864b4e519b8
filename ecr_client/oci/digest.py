"""Digests: identifiers of content that are computed from the content."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# As in the image specification; a match is a file name that cannot lead out of its folder.
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
#: The registered algorithms and how many hexadecimal digits their values have.
_LENGTHS = {"sha256": 64, "sha512": 128}
_LONGEST = 1000


class Digest(str):
    """A digest such as ``sha256:`` and 64 hexadecimal digits.

    It is a `str`, so it can be passed wherever the service takes a digest.

    Args:
        text: The digest as it is written.

    Raises:
        ValueError: The string is not a digest: the algorithm or the value is malformed, or the
            value does not have the length that the algorithm produces.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Digest:
        if not isinstance(text, str):
            raise ValueError(f"a digest must be a string, got {type(text).__name__}")
        if len(text) > _LONGEST or not _DIGEST.fullmatch(text):
            raise ValueError(f"a digest must be like 'sha256:<64 hex digits>', got {text[:100]!r}")
        algorithm, _, encoded = text.partition(":")
        length = _LENGTHS.get(algorithm)
        if length is not None and not re.fullmatch(rf"[0-9a-f]{{{length}}}", encoded):
            raise ValueError(
                f"a digest of {algorithm} must have {length} lower-case hexadecimal digits, got"
                f" {text[:150]!r}"
            )
        return super().__new__(cls, text)

    @property
    def algorithm(self) -> str:
        """The name of the hash function, such as ``sha256``."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The value of the hash function; hexadecimal for the registered algorithms."""
        return self.partition(":")[2]

    @classmethod
    def of(cls, content: bytes | Iterable[bytes]) -> Digest:
        """Return the SHA-256 digest of some bytes, or of pieces of bytes in their order."""
        hasher = hashlib.sha256()
        for piece in [content] if isinstance(content, bytes) else content:
            hasher.update(piece)
        return cls(f"sha256:{hasher.hexdigest()}")

    def hasher(self) -> hashlib._Hash:
        """Return a new hash object of the digest's algorithm.

        Raises:
            ValueError: The algorithm is neither ``sha256`` nor ``sha512``, so that the digest
                cannot be verified.
        """
        if self.algorithm not in _LENGTHS:
            raise ValueError(
                f"the digest {str(self)[:100]!r} cannot be verified: its algorithm must be"
                f" {' or '.join(_LENGTHS)}"
            )
        return hashlib.new(self.algorithm)

    def verifies(self, content: bytes) -> bool:
        """Return whether this is the digest of some bytes.

        Raises:
            ValueError: The algorithm is unknown; see `hasher`.
        """
        hasher = self.hasher()
        hasher.update(content)
        return hasher.hexdigest() == self.encoded
