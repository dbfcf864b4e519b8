"""One layer on its way in: what is asked for, what has arrived, and whether it is the layer."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ecr_client._engine.download import EXPIRED_STATUSES, PURPOSE, REDIRECTS, Transfer
from ecr_client.exceptions import (
    LayerDownloadException,
    LayerVerificationException,
    ParamValidationException,
    TransportException,
)

LAYER = b"0123456789"
DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
DIGEST_512 = f"sha512:{hashlib.sha512(LAYER).hexdigest()}"
URL = "https://storage.example.org/layer?X-Amz-Signature=s3cret"
WHOLE = {"Content-Length": "10"}


def rest(first: int, size: Any = 10) -> dict[str, str]:
    """Return the headers of a response with the bytes from the first one."""
    return {"Content-Range": f"bytes {first}-9/{size}", "Content-Length": str(10 - first)}


def begun(start: int = 0, status: int = 200, headers: Any = WHOLE) -> Transfer:
    """Return a transfer that has got the head of its first response."""
    transfer = Transfer(DIGEST, start)
    assert transfer.begin(status, headers)
    return transfer


def receive(transfer: Transfer, content: bytes, size: int = 3) -> bytes:
    """Return what is new of a body that arrives in pieces."""
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(map(transfer.receive, pieces))


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "received", "first"), [(4, 0, 4), (0, 4, 4), (2, 5, 7)])
def test_the_request_of_a_rest(start: int, received: int, first: int) -> None:
    """The request asks for the bytes that are missing."""
    transfer = begun(start, 206, rest(start)) if start else begun()
    transfer.receive(LAYER[start : start + received])

    assert transfer.request(URL, "test/1").headers["Range"] == f"bytes={first}-"


@pytest.mark.parametrize(
    ("start", "text"), [(-1, "-1"), (True, "True"), (1.0, "1.0"), ("1", "'1'"), (None, "None")]
)
def test_bad_starts(start: Any, text: str) -> None:
    """A start has to be a number of bytes."""
    with pytest.raises(
        ParamValidationException, match=f"^{PURPOSE}: start must be .*, got {text}$"
    ):
        Transfer(DIGEST, start)


@pytest.mark.parametrize(
    "digest", ["", "sha256", "sha256:", "md5:" + "a" * 32, None, 5, b"sha256:a"]
)
def test_bad_digests(digest: Any) -> None:
    """A digest has to be one of those that layers have."""
    with pytest.raises(ParamValidationException, match=r"layer_digest must be .*, got"):
        Transfer(digest)


# --- responses ------------------------------------------------------------------------------------


def test_a_whole_layer() -> None:
    """A layer that has arrived as a whole is the layer."""
    transfer = begun()
    seen = []
    for at in range(0, 10, 4):
        seen.append(transfer.receive(LAYER[at : at + 4]))
        assert transfer.problem(at_end=False) is None

    assert b"".join(seen) == LAYER
    assert (transfer.size, transfer.position) == (10, 10)
    assert transfer.problem(at_end=True) is None


@pytest.mark.parametrize("digest", [DIGEST, DIGEST_512, DIGEST.upper().replace("SHA", "sha")])
def test_digests(digest: str) -> None:
    """A digest is that of SHA-256 or SHA-512, in small or capital letters."""
    transfer = Transfer(digest)
    transfer.begin(200, WHOLE)
    receive(transfer, LAYER)

    assert transfer.problem(at_end=True) is None
    assert transfer.digest is digest


@pytest.mark.parametrize("digest", [DIGEST, DIGEST_512])
def test_another_content(digest: str) -> None:
    """Content of the right size and of another digest is not the layer, and no retry helps."""
    transfer = Transfer(digest)
    transfer.begin(200, WHOLE)
    receive(transfer, b"9876543210")
    problem = transfer.problem(at_end=True)

    assert type(problem) is LayerVerificationException
    assert not problem.retryable
    assert problem.layer_digest == digest
    found = hashlib.new(digest[:6], b"9876543210").hexdigest()
    assert str(problem) == (
        f"layer {digest}: the downloaded content differs: "
        f"the content has the digest {digest[:6]}:{found}"
    )


def test_the_digest_is_verified_when_the_last_byte_is_there() -> None:
    """A layer is not taken for itself until the end of the body: its last byte is enough."""
    transfer = begun()
    receive(transfer, b"9876543210")

    assert isinstance(transfer.problem(at_end=False), LayerVerificationException)


@pytest.mark.parametrize("length", range(10))
def test_a_truncated_layer(length: int) -> None:
    """A body that ends too early is no layer yet: the rest is to be asked for."""
    transfer = begun()
    receive(transfer, LAYER[:length])
    problem = transfer.problem(at_end=True)

    assert transfer.problem(at_end=False) is None
    assert type(problem) is LayerDownloadException
    assert problem.retryable
    assert f"ended after {length} bytes" in str(problem)


def test_too_many_bytes() -> None:
    """A body that goes on beyond the size of the layer is not the layer."""
    transfer = begun()
    receive(transfer, LAYER + b"x", 11)
    problem = transfer.problem(at_end=False)

    assert type(problem) is LayerVerificationException
    assert "more than 10 bytes" in str(problem)


@pytest.mark.parametrize("broken_at", range(11))
def test_a_layer_in_two_responses(broken_at: int) -> None:
    """A download that broke goes on where it was, and is verified as a whole."""
    transfer = begun()
    first = receive(transfer, LAYER[:broken_at])
    status, headers = (206, rest(broken_at)) if broken_at else (200, WHOLE)
    assert transfer.begin(status, headers)
    second = receive(transfer, LAYER[broken_at:])

    assert first + second == LAYER
    assert transfer.problem(at_end=True) is None


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize("broken_at", range(11))
def test_a_storage_without_ranges(broken_at: int, size: int) -> None:
    """A storage that begins anew is read, and what is there already is skipped."""
    transfer = begun()
    first = receive(transfer, LAYER[:broken_at])
    assert transfer.begin(200, WHOLE)
    second = receive(transfer, LAYER, size)

    assert first + second == LAYER
    assert transfer.problem(at_end=True) is None


@pytest.mark.parametrize(("status", "headers"), [(206, rest(4)), (200, WHOLE)])
def test_a_start(status: int, headers: dict[str, str]) -> None:
    """A download from a start yields the rest; position and size are those of the layer."""
    transfer = begun(4, status, headers)
    found = receive(transfer, LAYER[4:] if status == 206 else LAYER)

    assert found == LAYER[4:]
    assert (transfer.start, transfer.position, transfer.size) == (4, 10, 10)


def test_the_digest_of_a_rest_is_not_verified() -> None:
    """Without the beginning there is no digest; the size is verified all the same."""
    transfer = begun(4, 206, rest(4))
    receive(transfer, b"xxxxxx")

    assert transfer.problem(at_end=True) is None
    transfer.receive(b"x")
    assert isinstance(transfer.problem(at_end=True), LayerVerificationException)


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Length": "x"}, {"Content-Length": "9" * 19}, {"Content-Length": ""}]
)
def test_a_size_that_is_unknown(headers: dict[str, str]) -> None:
    """Without a length it is the digest alone that says whether the layer is there."""
    good, bad = begun(headers=headers), begun(headers=headers)
    receive(good, LAYER)
    receive(bad, LAYER[:9])

    assert good.size is None
    assert (good.problem(at_end=False), good.problem(at_end=True)) == (None, None)
    assert bad.problem(at_end=False) is None
    assert type(bad.problem(at_end=True)) is LayerVerificationException


def test_a_rest_of_unknown_size() -> None:
    """Where neither digest nor size can be verified, the end of the body proves nothing."""
    transfer = begun(4, 206, rest(4, "*"))
    receive(transfer, LAYER[4:])
    problem = transfer.problem(at_end=True)

    assert transfer.problem(at_end=False) is None
    assert type(problem) is LayerDownloadException
    assert "did not send its size" in str(problem)
    assert not problem.retryable


def test_a_size_that_becomes_known() -> None:
    """The size is that of the first response that has one, also of one with a range."""
    transfer = begun(headers={})
    transfer.receive(LAYER[:4])
    assert transfer.begin(206, rest(4, "*"))
    assert transfer.size is None
    assert transfer.begin(206, rest(4))

    assert transfer.size == 10


@pytest.mark.parametrize(
    ("status", "headers"), [(200, {"Content-Length": "11"}), (206, rest(4, 11))]
)
def test_a_size_that_changes(status: int, headers: dict[str, str]) -> None:
    """A layer that has another size in a later response is another one."""
    transfer = begun()
    transfer.receive(LAYER[:4])
    with pytest.raises(LayerVerificationException, match="its size changed from 10 to 11 bytes"):
        transfer.begin(status, headers)


def test_a_size_that_was_corrected() -> None:
    """As long as no byte has come, a size may change: the head that told it may be truncated."""
    transfer = begun(headers={"Content-Length": "1"})
    assert transfer.begin(200, WHOLE)
    receive(transfer, LAYER)

    assert transfer.size == 10
    assert transfer.problem(at_end=True) is None


@pytest.mark.parametrize("broken_at", [0, 4, 10])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_how_much_to_read(broken_at: int, size: int) -> None:
    """What is skipped is read in large pieces, whatever size the reader wants."""
    transfer = begun()
    transfer.receive(LAYER[:broken_at])
    assert transfer.wanted(size) == size
    assert transfer.begin(200, WHOLE)

    assert transfer.wanted(size) == max(size, broken_at)


@pytest.mark.parametrize(("status", "headers"), [(200, WHOLE), (206, rest(11))])
def test_a_start_beyond_the_end(status: int, headers: dict[str, str]) -> None:
    """A start beyond the end of the layer is an error that says both."""
    with pytest.raises(LayerDownloadException, match="it has 10 bytes, start is 11") as caught:
        begun(11, status, headers)

    assert not isinstance(caught.value, LayerVerificationException)
    assert caught.value.status_code == status
    assert not caught.value.retryable


def test_a_start_at_the_end() -> None:
    """A start at the end of the layer leaves nothing to download."""
    transfer = begun(10, 200, WHOLE)

    assert receive(transfer, LAYER) == b""
    assert transfer.problem(at_end=True) is None


@pytest.mark.parametrize(
    "text",
    ["", "bytes 3-9/10", "bytes 5-9/10", "bytes */10", "4-9/10", "bytes 4-9", "items 4-9/10"],
)
def test_another_range(text: str) -> None:
    """A response with a range that was not asked for is refused."""
    with pytest.raises(LayerDownloadException, match="responded with another range"):
        begun(4, 206, {"Content-Range": text} if text else {})


@pytest.mark.parametrize("status", [204, *REDIRECTS, *EXPIRED_STATUSES, 404, 416, 500, 503])
def test_other_statuses(status: int) -> None:
    """Any other status is no layer, and leaves the transfer as it is."""
    transfer = begun()
    transfer.receive(LAYER[:4])

    assert not transfer.begin(status, {"Content-Length": "99"})
    assert (transfer.position, transfer.size) == (4, 10)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (403, False), (404, False), (416, False), (408, True), (429, True), (503, True)],
)
def test_refusals(status: int, retryable: bool) -> None:
    """A refusal names the layer and the status, and says whether to try again."""
    error = Transfer(DIGEST).refused(status)

    assert str(error) == f"layer {DIGEST}: the storage responded with status {status}"
    assert (error.status_code, error.layer_digest) == (status, DIGEST)
    assert error.retryable is retryable
    assert isinstance(error, TransportException)


def test_an_empty_layer() -> None:
    """A layer may have no bytes."""
    transfer = Transfer(f"sha256:{hashlib.sha256(b'').hexdigest()}")
    assert transfer.begin(200, {"Content-Length": "0"})

    assert transfer.receive(b"") == b""
    assert transfer.problem(at_end=True) is None
