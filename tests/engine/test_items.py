"""A response that would take many times its size is refused before it is parsed."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from ecr_client._engine import codec
from ecr_client._engine.values import Mismatch
from ecr_client.models import BatchGetImageResult, DescribeRepositoriesResult, Image
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result


@pytest.mark.slow
@pytest.mark.parametrize(
    "item", [b"{}", b"[]", b'{"a": 1}', b"[[[[]]]]", b"1", b'"a"'], ids=bytes.decode
)
def test_amplification_is_refused(item: bytes) -> None:
    """Millions of tiny items are refused, and hardly any memory was taken for them."""
    body = b'{"repositories": [' + b",".join([item] * (codec.MOST_ITEMS + 2)) + b"]}"
    body += b" " * codec.UNCHECKED
    tracemalloc.start()
    try:
        with pytest.raises(Mismatch, match=r"has more than 500,000 objects and lists or 4,000,000"):
            codec.decode(body, DescribeRepositoriesResult)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1024 * 1024


def test_a_large_page_is_read() -> None:
    """A thousand manifests, whose braces are in strings, are no reason to refuse a page."""
    layers = [{"mediaType": "x", "digest": f"sha256:{n:064x}", "size": n} for n in range(600)]
    text = json.dumps({"schemaVersion": 2, "layers": layers})
    images = [example(Image, image_manifest=text)] * 300
    body = encode_result(BatchGetImageResult(images=images))
    found = codec.decode(body, BatchGetImageResult)

    assert len(body) > codec.UNCHECKED
    assert [each.image_manifest for each in found.images] == [text] * 300


def test_a_small_body_is_not_counted() -> None:
    """A body of less than 8 MiB is parsed whatever is in it."""
    body = b'{"repositories": [' + b",".join([b"null"] * 1_000_000) + b"]}"

    assert len(body) < codec.UNCHECKED
    assert codec.decode(body, DescribeRepositoriesResult).repositories == ()
