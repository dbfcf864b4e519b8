"""Digests: their format, and what they verify."""

from __future__ import annotations

import copy
import pickle
from hashlib import sha256, sha512

import pytest

from ecr_client.oci import Digest

HEX = sha256(b"content").hexdigest()


def test_a_digest_is_a_string() -> None:
    """A digest equals its string, and survives copying and pickling."""
    digest = Digest(f"sha256:{HEX}")

    assert digest == f"sha256:{HEX}"
    assert (digest.algorithm, digest.encoded) == ("sha256", HEX)
    assert isinstance(copy.deepcopy(digest), Digest)
    assert isinstance(pickle.loads(pickle.dumps(digest)), Digest)


@pytest.mark.parametrize("content", [b"content", [b"con", b"", b"tent"]])
def test_digest_of_content(content: bytes | list[bytes]) -> None:
    """The digest of several pieces is that of their concatenation."""
    assert Digest.of(content) == f"sha256:{HEX}"


@pytest.mark.parametrize("text", [f"sha256:{HEX}", f"sha512:{sha512(b'content').hexdigest()}"])
def test_verification(text: str) -> None:
    """A digest verifies its own content and nothing else."""
    assert Digest(text).verifies(b"content")
    assert not Digest(text).verifies(b"other")


def test_unknown_algorithms() -> None:
    """A digest of another algorithm is valid, but cannot verify content."""
    digest = Digest("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8")
    with pytest.raises(ValueError, match="its algorithm must be sha256 or sha512"):
        digest.verifies(b"content")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must be like"),
        ("latest", "must be like"),
        (HEX, "must be like"),
        ("sha256:../../etc/passwd", "must be like"),
        ("SHA256:" + HEX, "must be like"),
        (f"sha256:{HEX}\n", "must be like"),
        ("x:" + "a" * 1000, "must be like"),
        ("sha256:" + HEX[1:], "64 lower-case hexadecimal digits"),
        ("sha256:" + HEX.upper(), "64 lower-case hexadecimal digits"),
        ("sha512:" + HEX, "128 lower-case hexadecimal digits"),
        (None, "must be a string, got NoneType"),
    ],
)
def test_malformed_digests(text: str, problem: str) -> None:
    """A malformed digest is a ValueError that describes the format."""
    with pytest.raises(ValueError, match=problem):
        Digest(text)
