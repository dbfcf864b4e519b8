"""Hostile members of responses: wrong types, odd numbers and times, secrets, huge lists."""

from __future__ import annotations

import collections.abc
import datetime
import json
import re
import traceback
import tracemalloc
import typing
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from ecr_client import models
from ecr_client._engine import codec, values
from ecr_client._engine.codec import wire_name
from ecr_client._engine.http import HTTPResponse
from ecr_client._engine.parse import parse
from ecr_client._engine.values import Mismatch
from ecr_client._shapes import type_parts
from ecr_client.exceptions import ResponseParseException
from ecr_client.models import DescribeRepositoriesResult
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

SECRET = "c2VjcmV0LXRva2Vu"
#: By type: values that its reader does not accept.
WRONG: dict[Any, list[Any]] = {
    str: [0, True, {}],
    bool: [0, "true", []],
    int: ["7.5", 1.5, True, {}],
    float: ["NaN", True, {}],
    datetime.datetime: [True, {}, "yesterday", ""],
    list: ["text", 0, {"a": "b"}],
    dict: ["text", True, [["a", "b"]]],
}


def result(operation: str, body: str | bytes) -> Any:
    """Return the result of an operation whose response has this body."""
    content = body.encode() if isinstance(body, str) else body
    return parse(OPERATIONS[operation], HTTPResponse(200, {"x-amzn-RequestId": "id-1"}, content))


def failure(operation: str, body: str) -> str:
    """Return the error message of an operation whose response has this body."""
    with pytest.raises(ResponseParseException) as caught:
        result(operation, body)
    text = str(caught.value)

    assert type(caught.value) is ResponseParseException
    assert text.endswith(f" (Operation: {operation}; Status Code: 200; Request ID: id-1)")
    # The frames of the codec hold what was received.
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert SECRET not in "".join([text, *traceback.format_exception(caught.value)])
    assert len(text) < 500
    return text


def sent(cls: type[Any]) -> dict[str, Any]:
    """Return what a response always has for a type."""
    members: dict[str, Any] = json.loads(encode_result(example(cls)))
    return members


def wrong_values(annotation: Any) -> Iterator[tuple[str, Any]]:
    """Yield JSON values that are wrong for a type, each with the path to what is wrong in it."""
    kind = type_parts(annotation)[0]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is collections.abc.Sequence:
        yield from (("", value) for value in WRONG[list])
        yield from ((f"[1]{path}", [None, value]) for path, value in wrong_values(arguments[0]))
    elif origin is collections.abc.Mapping:
        yield from (("", value) for value in WRONG[dict])
        for path, value in wrong_values(arguments[1]):
            yield f"['key']{path}", {"other": None, "key": value}
    elif attrs.has(kind):
        yield from (("", value) for value in WRONG[dict])
        yield from wrong_members(kind)
    else:
        yield from (("", value) for value in WRONG[kind if kind in WRONG else str])


def wrong_members(cls: Any) -> Iterator[tuple[str, Any]]:
    """Yield objects of a class with one wrong member, each with the path of that."""
    for field in attrs.fields(cls):
        if field.name != "response_metadata":
            name = wire_name(field)
            for path, value in wrong_values(field.type):
                yield f".{name}{path}", {**sent(cls), name: value}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_types(operation: str) -> None:
    """A value of a wrong type is refused with the path of its member, at any depth."""
    for path, body in wrong_members(OPERATIONS[operation].result_class):
        text = failure(operation, json.dumps(body))

        assert re.match(re.escape(path[1:]) + " (must be|is not a time|is not base64)", text), path


#: The members of an image in a response, before the one that a test is about.
SENT = json.dumps(sent(models.ImageDetail))[:-1]
IMAGE = f'{{"imageDetails": [{SENT}, "imageSizeInBytes": %s}}]}}'
FINDING = '{"imageScanFindings": {"enhancedFindings": [{"score": %s}]}}'
TIME = f'{{"imageDetails": [{SENT}, "imagePushedAt": %s}}]}}'
MANY = "1" * 5000  # more digits than Python reads


def pushed_at(text: object) -> datetime.datetime:
    """Return the time that is read from a JSON text."""
    when = result("DescribeImages", TIME % text).image_details[0].image_pushed_at
    assert when.tzinfo is datetime.timezone.utc
    return when  # type: ignore[no-any-return]


def test_whole_numbers() -> None:
    """A whole number is read exactly, in whatever form JSON writes it."""
    for text, number in (
        ("7.0", 7),
        ("1e3", 1000),
        ("-1", -1),
        (str(2**63 - 1), 2**63 - 1),
        ("1e20", 10**20),
        ('"7"', 7),
        ('"-9007199254740993"', -9007199254740993),
    ):
        size = result("DescribeImages", IMAGE % text).image_details[0].image_size_in_bytes

        assert (type(size), size) == (int, number)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", MANY])
def test_not_finite(text: str) -> None:
    """A number that is not finite is refused, and not reported as a wrong encoding."""
    for body in (IMAGE, TIME, '{"unknown": %s}') if text == MANY else (IMAGE,):
        assert "UTF-8" not in failure("DescribeImages", body % text)
    assert "UTF-8" not in failure("DescribeImageScanFindings", FINDING % text)


def test_fractions() -> None:
    """A float may have a fraction and an integer may not, and a float must be in range."""
    failure("DescribeImages", IMAGE % "1.5")
    failure("DescribeImageScanFindings", FINDING % ("1" + "0" * 400))
    assert result("DescribeImageScanFindings", FINDING % "1.5")


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity"),
        *('"NaN"', '"inf"', '"2026-13-01T00:00:00Z"', '"2026-01-01T25:00:00Z"'),
        *('"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"', '"\\ud800"'),
        *('"Fri, 31 Dec 9999 23:59:59 -2359"', '"Fri, 99 Dec 2026 23:59:59 GMT"'),
        f'"{"9" * 5000}"',
    ],
    ids=lambda text: text[:40],
)
def test_impossible_times(text: str) -> None:
    """Times that no datetime can hold, and values that are not times, are refused."""
    failure("DescribeImages", TIME % text)


def test_seconds() -> None:
    """Seconds are read exactly, and beyond the range of datetimes as the nearest one.

    tests/oracle covers all forms of times.
    """
    for seconds in (-1, -0.5, 0, 0.25, 2**31 - 1.5, 2**31 - 1, 2**31 + 0.5, 2**32, 253402300799):
        assert pushed_at(seconds) == values.EPOCH + datetime.timedelta(seconds=seconds)
    assert pushed_at('"1970-01-01T00:00:00"') == values.EPOCH
    for text in ("-99999999999999", "-1e300", '"-1e300"'):
        assert pushed_at(text) == values.EARLIEST
    for text in ("253402300800", "1e17", "1e300", '"1e300"'):
        assert pushed_at(text) == values.LATEST


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"\ud800", "\ufffd"),
        (r"a\uDFFFb\ud83d\ude00", "a\ufffdb\U0001f600"),
        (r"\ud800\ud800\udc00", "\ufffd\U00010000"),
        (r"\\ud800 \\\ud800", "\\ud800 \\\ufffd"),
        (r"\\ud800\udc00", "\\ud800\ufffd"),
        (b"a\xed\xa0\x80b".decode("utf-8", "surrogatepass"), "a\ufffdb"),
    ],
)
def test_lone_surrogates(text: str, read: str) -> None:
    """A lone surrogate, as an escape or as bytes, becomes U+FFFD, and nothing else changes."""
    body = f'{{"imageIds": [{{"imageTag": "a"}}, {{"imageTag": "{text}"}}]}}'
    found = result("ListImages", body.encode("utf-8", "surrogatepass"))

    assert [each.image_tag for each in found.image_ids] == ["a", read]


def test_duplicate_names() -> None:
    """A member that occurs twice has its last value, as in Python's json module."""
    found = result("DescribeImages", '{"nextToken": 5, "nextToken": "a", "nextToken": "b"}')

    assert found.next_token == "b"


def test_messages_quote_nothing() -> None:
    """An error message does not grow with the response, and quotes nothing of it."""
    long = "x" * 1_000_000
    referrer = {"digest": "d", "mediaType": "m", "size": 1, "annotations": {long: 1}}
    for content in ({"referrers": long}, {long: 1, "referrers": 1}, {"referrers": [referrer]}):
        failure("ListImageReferrers", json.dumps(content))
    failure("ListImageReferrers", long)
    token: Any
    for token in ([SECRET], {SECRET: 1}, None):
        data = [{"authorizationToken": token, "expiresAt": SECRET}]
        failure("GetAuthorizationToken", json.dumps({"authorizationData": data}))
        failure("GetAuthorizationToken", json.dumps({"authorizationData": token or SECRET}))


@pytest.mark.parametrize(
    ("item", "count"),
    [(b"{}", codec.MAX_CONTAINERS), (b"[]", codec.MAX_CONTAINERS), (b"1", codec.MAX_ITEMS + 2)],
)
def test_amplification_is_refused(item: bytes, count: int) -> None:
    """Millions of tiny items are refused before they take much memory."""
    body = b'{"repositories": [' + b",".join([item] * count) + b"]}" + b" " * codec.UNCHECKED
    tracemalloc.start()
    try:
        with pytest.raises(Mismatch, match=r"has more than 500,000 objects and lists or 4,000,000"):
            codec.decode(body, DescribeRepositoriesResult)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1024 * 1024


def test_large_pages_are_read() -> None:
    """Braces in strings are not counted, and in small bodies nothing is."""
    layers = [{"mediaType": "x", "digest": f"sha256:{n:064x}", "size": n} for n in range(600)]
    text = json.dumps({"schemaVersion": 2, "layers": layers})
    images = [example(models.Image, image_manifest=text)] * 300
    large = encode_result(models.BatchGetImageResult(images=images))
    small = b'{"repositories": [' + b",".join([b"null"] * 1_000_000) + b"]}"
    found = codec.decode(large, models.BatchGetImageResult)

    assert len(small) < codec.UNCHECKED < len(large)
    assert [each.image_manifest for each in found.images] == [text] * 300
    assert codec.decode(small, DescribeRepositoriesResult).repositories == ()
