"""Responses with blobs, which must equal the framework's own file responses."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import FileResponse, Response

from ecr_client.local.blob_response import BlobResponse

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
DATA = os.urandom(MIB)
NUMBERS = st.integers(0, MIB + 2).map(str) | st.sampled_from(["", "9" * 30, "x"])
RANGES = st.builds("bytes={}-{}".format, NUMBERS, NUMBERS) | st.just("lines=0-3")
ETAGS = st.sampled_from(['"this"', '"another"'])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blob") / "blob"
    path.write_bytes(DATA)
    return path


def of_ours(path: Path) -> BlobResponse:
    """Return our response, which refuses as the framework does but without a message."""
    return BlobResponse(
        path, refuse=lambda status, _: Response(status_code=status), headers={"ETag": '"this"'}
    )


def respond(
    response: Response,
    headers: dict[str, str],
    method: str = "GET",
    on_body: Callable[[asyncio.Event], None] = lambda leaves: None,
) -> tuple[int, dict[str, str], bytes]:
    """Return what a response sends; `on_body` is called after each part of the body."""
    raw = [(name.encode(), text.encode()) for name, text in headers.items()]
    sent: list[Any] = []

    async def run() -> None:
        leaves = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await leaves.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message.get("body"):
                on_body(leaves)

        await response({"type": "http", "method": method, "headers": raw}, receive, send)

    asyncio.run(run())
    named = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
    return sent[0]["status"], named, b"".join(each.get("body", b"") for each in sent)


@given(
    range_header=st.none() | RANGES, etag=st.none() | ETAGS, method=st.sampled_from(["GET", "HEAD"])
)
def test_like_the_framework(
    range_header: str | None, etag: str | None, method: str, file: Path
) -> None:
    """Whole files and ranges have the status, headers and bytes of the framework's response."""
    headers = {"range": range_header, "if-range": etag}
    given_headers = {name: text for name, text in headers.items() if text is not None}
    theirs = FileResponse(
        file,
        headers={"ETag": '"this"'},
        media_type="application/octet-stream",
        stat_result=file.stat(),
    )

    status, expected, body = respond(theirs, given_headers, method)
    got = respond(of_ours(file), given_headers, method)

    assert got[0] == status
    assert got[1].get("content-range") == expected.get("content-range")
    if status < 400:
        assert got == (status, expected, body)


def test_a_client_that_leaves(file: Path) -> None:
    """Nothing more is read for a client that has disconnected."""
    _, _, body = respond(of_ours(file), {}, on_body=lambda leaves: leaves.set())
    assert 0 < len(body) < MIB


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    """A response that cannot be completed fails, so that the connection is closed."""
    path = tmp_path / "blob"
    path.write_bytes(DATA)
    with pytest.raises(RuntimeError, match="shorter than it was"):
        respond(of_ours(path), {}, on_body=lambda _: os.truncate(path, 100))
