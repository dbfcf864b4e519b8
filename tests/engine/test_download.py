"""The state of a download: what to request, what has arrived, and whether it is the layer."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ecr_client._engine.download import EXPIRED_STATUSES, PURPOSE, REDIRECTS, DownloadState
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


def begun(
    start: int = 0, status: int = 200, headers: Any = WHOLE, digest: str = DIGEST
) -> DownloadState:
    """Return a transfer that has received the head of its first response."""
    transfer = DownloadState(digest, start)
    assert transfer.begin(status, headers)
    return transfer


def receive(transfer: DownloadState, content: bytes, size: int = 3) -> bytes:
    """Return the new bytes of a body that arrives in pieces."""
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(map(transfer.receive, pieces))


@pytest.mark.parametrize(("start", "received", "first"), [(4, 0, 4), (0, 4, 4), (2, 5, 7)])
def test_ranges(start: int, received: int, first: int) -> None:
    """The Range header requests the bytes that are missing."""
    transfer = begun(start, 206, rest(start)) if start else begun()
    transfer.receive(LAYER[start : start + received])

    assert transfer.request(URL, "test/1").headers["Range"] == f"bytes={first}-"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        *(((DIGEST, start), f"start must be .*, got {start!r}") for start in (-1, True, 1.0, "1")),
        *(
            ((digest,), "layer_digest must be .*, got")
            for digest in ("", "sha256", "sha256:", "md5:" + "a" * 32, None, b"sha256:a")
        ),
    ],
)
def test_bad_arguments(arguments: Any, problem: str) -> None:
    """A start must be a number of bytes, and a digest one that layers may have."""
    with pytest.raises(ParamValidationException, match=f"^{PURPOSE}: {problem}"):
        DownloadState(*arguments)


@pytest.mark.parametrize("digest", [DIGEST, DIGEST_512, DIGEST.upper().replace("SHA", "sha")])
def test_a_whole_layer(digest: str) -> None:
    """Content with the digest, SHA-256 or SHA-512, in lower or upper case, is the layer."""
    transfer = begun(digest=digest)

    assert receive(transfer, LAYER) == LAYER
    assert (transfer.size, transfer.position) == (10, 10)
    assert transfer.problem(at_end=True) is None
    assert transfer.digest is digest


@pytest.mark.parametrize("digest", [DIGEST, DIGEST_512])
def test_wrong_content(digest: str) -> None:
    """Content with another digest is not the layer, even before the body ends; no retry helps."""
    transfer = begun(digest=digest)
    receive(transfer, b"9876543210")
    problem = transfer.problem(at_end=False)
    found = hashlib.new(digest[:6], b"9876543210").hexdigest()

    assert type(problem) is LayerVerificationException
    assert (problem.retryable, problem.layer_digest) == (False, digest)
    assert str(problem) == (
        f"layer {digest}: the downloaded content differs: "
        f"the content has the digest {digest[:6]}:{found}"
    )


def test_sizes() -> None:
    """A short body may be retried, a long one is not the layer, and a layer may be empty."""
    transfer = begun()
    for length in range(10):
        assert transfer.problem(at_end=False) is None
        problem: Any = transfer.problem(at_end=True)
        assert (type(problem), problem.retryable) == (LayerDownloadException, True)
        assert f"ended after {length} bytes" in str(problem)
        transfer.receive(LAYER[length : length + 1])
    transfer.receive(b"x")
    problem = transfer.problem(at_end=False)
    empty = begun(
        headers={"Content-Length": "0"}, digest=f"sha256:{hashlib.sha256(b'').hexdigest()}"
    )

    assert type(problem) is LayerVerificationException
    assert "more than 10 bytes" in str(problem)
    assert empty.receive(b"") == b""
    assert empty.problem(at_end=True) is None


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("broken_at", range(11))
def test_a_layer_in_two_responses(broken_at: int, ranges: bool) -> None:
    """A broken download resumes where it was; a storage without ranges starts again."""
    for size in (1, 3, 10):
        transfer = begun()
        first = receive(transfer, LAYER[:broken_at])
        assert transfer.wanted(size) == size
        if ranges and broken_at:
            assert transfer.begin(206, rest(broken_at))
            second = receive(transfer, LAYER[broken_at:], size)
        else:
            assert transfer.begin(200, WHOLE)
            # What is skipped is read in large pieces.
            assert transfer.wanted(size) == max(size, broken_at)
            second = receive(transfer, LAYER, size)

        assert first + second == LAYER
        assert transfer.problem(at_end=True) is None


@pytest.mark.parametrize(("status", "headers"), [(206, rest(4)), (200, WHOLE)])
def test_a_start(status: int, headers: dict[str, str]) -> None:
    """A download from a start yields the rest, and verifies its size but not the digest."""
    transfer, other = begun(4, status, headers), begun(4, 206, rest(4))
    found = receive(transfer, LAYER[4:] if status == 206 else LAYER)
    receive(other, b"xxxxxx")

    assert found == LAYER[4:]
    assert (transfer.start, transfer.position, transfer.size) == (4, 10, 10)
    assert other.problem(at_end=True) is None
    other.receive(b"x")
    assert isinstance(other.problem(at_end=True), LayerVerificationException)


@pytest.mark.parametrize(("status", "headers"), [(200, WHOLE), (206, rest(11))])
def test_a_start_beyond_the_end(status: int, headers: dict[str, str]) -> None:
    """A start beyond the end of the layer is an error that names both; one at the end is not."""
    with pytest.raises(LayerDownloadException, match="it has 10 bytes, start is 11") as caught:
        begun(11, status, headers)
    at_end = begun(10)

    assert type(caught.value) is LayerDownloadException
    assert (caught.value.status_code, caught.value.retryable) == (status, False)
    assert receive(at_end, LAYER) == b""
    assert at_end.problem(at_end=True) is None


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Length": "x"}, {"Content-Length": "9" * 19}, {"Content-Length": ""}]
)
def test_a_size_that_is_unknown(headers: dict[str, str]) -> None:
    """Without a length, only the digest tells whether the layer is complete."""
    good, bad = begun(headers=headers), begun(headers=headers)
    receive(good, LAYER)
    receive(bad, LAYER[:9])

    assert good.size is None
    assert (good.problem(at_end=False), good.problem(at_end=True)) == (None, None)
    assert bad.problem(at_end=False) is None
    assert type(bad.problem(at_end=True)) is LayerVerificationException


def test_a_rest_of_unknown_size() -> None:
    """If neither digest nor size can be verified, the end of the body proves nothing."""
    transfer = begun(4, 206, rest(4, "*"))
    receive(transfer, LAYER[4:])
    problem = transfer.problem(at_end=True)

    assert transfer.problem(at_end=False) is None
    assert type(problem) is LayerDownloadException
    assert "did not send its size" in str(problem)
    assert not problem.retryable


def test_a_size_that_becomes_known() -> None:
    """The size is that of the first response that has one; it may change before the first byte."""
    transfer, corrected = begun(headers={}), begun(headers={"Content-Length": "1"})
    transfer.receive(LAYER[:4])
    assert transfer.begin(206, rest(4, "*"))
    assert transfer.size is None
    assert transfer.begin(206, rest(4))
    assert corrected.begin(200, WHOLE)
    receive(corrected, LAYER)

    assert transfer.size == corrected.size == 10
    assert corrected.problem(at_end=True) is None


@pytest.mark.parametrize(
    "text",
    ["", "bytes 3-9/10", "bytes 5-9/10", "bytes */10", "4-9/10", "bytes 4-9", "items 4-9/10"],
)
def test_another_range(text: str) -> None:
    """A response with a range that was not requested is refused."""
    with pytest.raises(LayerDownloadException, match="responded with another range"):
        begun(4, 206, {"Content-Range": text} if text else {})


def test_another_layer() -> None:
    """A layer whose size changes in a later response is refused as another one."""
    for status, headers in ((200, {"Content-Length": "11"}), (206, rest(4, 11))):
        transfer = begun()
        transfer.receive(LAYER[:4])
        with pytest.raises(LayerVerificationException, match="size changed from 10 to 11 bytes"):
            transfer.begin(status, headers)


def test_other_statuses() -> None:
    """Any other status leaves the transfer as it is, and says whether to try again."""
    transfer = begun()
    transfer.receive(LAYER[:4])
    for status in (204, *REDIRECTS, *EXPIRED_STATUSES, 404, 408, 416, 429, 500, 503):
        error = transfer.refused(status)

        assert not transfer.begin(status, {"Content-Length": "99"})
        assert (transfer.position, transfer.size) == (4, 10)
        assert str(error) == f"layer {DIGEST}: the storage responded with status {status}"
        assert (error.status_code, error.layer_digest) == (status, DIGEST)
        assert error.retryable is (status in (408, 429, 500, 503))
        assert isinstance(error, TransportException)
