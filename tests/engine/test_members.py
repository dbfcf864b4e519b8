"""Members of responses that are hostile: wrong types, impossible numbers and times, secrets."""

from __future__ import annotations

import collections.abc
import datetime
import json
import re
import traceback
import typing
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from ecr_client import models
from ecr_client._engine import values
from ecr_client._engine.codec import wire_name
from ecr_client._engine.http import HTTPResponse
from ecr_client._engine.parse import parse
from ecr_client._shapes import type_parts
from ecr_client.exceptions import ResponseParseException
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

SECRET = "c2VjcmV0LXRva2Vu"
#: What no reader of a kind accepts.
WRONG: dict[Any, list[Any]] = {
    str: [0, 1.5, True, [], ["a"], {}],
    bool: [0, 1, "true", "", [], {}],
    int: ["", "7.5", 1.5, True, [], {}],
    float: ["", "NaN", True, [], {}],
    datetime.datetime: [True, [], {}, "yesterday", ""],
    list: ["text", 0, True, {}, {"a": "b"}],
    dict: ["text", 0, True, [], [["a", "b"]]],
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
    """Yield the objects of a class in which one member is wrong."""
    for field in attrs.fields(cls):
        if field.name != "response_metadata":
            name = wire_name(field)
            for path, value in wrong_values(field.type):
                yield f".{name}{path}", {**sent(cls), name: value}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_types(operation: str) -> None:
    """A value of a wrong type is refused with the path of its member, however deep it lies."""
    for path, body in wrong_members(OPERATIONS[operation].result_class):
        text = failure(operation, json.dumps(body))

        assert re.match(re.escape(path[1:]) + " (must be|is not a time|is not base64)", text), path


# --- numbers and times ----------------------------------------------------------------------------

#: What a response has of each image, up to the member that a test is about.
SENT = json.dumps(sent(models.ImageDetail))[:-1]
IMAGE = f'{{"imageDetails": [{SENT}, "imageSizeInBytes": %s}}]}}'
FINDING = '{"imageScanFindings": {"enhancedFindings": [{"score": %s}]}}'
TIME = f'{{"imageDetails": [{SENT}, "imagePushedAt": %s}}]}}'


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7.0", 7),
        ("1e3", 1000),
        ("-1", -1),
        (str(2**63 - 1), 2**63 - 1),
        ("1e20", 10**20),
        ("0.0", 0),
        ('"7"', 7),
        ('"-9007199254740993"', -9007199254740993),
    ],
)
def test_whole_numbers(text: str, number: int) -> None:
    """A whole number is read exactly, in whatever form JSON writes it."""
    size = result("DescribeImages", IMAGE % text).image_details[0].image_size_in_bytes

    assert (type(size), size) == (int, number)


@pytest.mark.parametrize("body", [IMAGE, FINDING], ids=["whole", "any"])
@pytest.mark.parametrize(
    "text", ["1.5", "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400]
)
def test_no_numbers(body: str, text: str) -> None:
    """What is not a finite number, or not a whole one where one belongs, is refused."""
    if (body, text) == (FINDING, "1.5"):
        assert result("DescribeImageScanFindings", body % text)
    elif (body, text) != (IMAGE, "1" + "0" * 400):
        failure("DescribeImages" if body is IMAGE else "DescribeImageScanFindings", body % text)


@pytest.mark.parametrize("body", [IMAGE, FINDING, TIME, '{"unknown": %s}'])
def test_endless_numbers(body: str) -> None:
    """A number of more digits than Python reads is refused, and not called a wrong encoding."""
    operation = "DescribeImageScanFindings" if body is FINDING else "DescribeImages"
    assert "UTF-8" not in failure(operation, body % ("1" * 5000))


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity"),
        *('"NaN"', '"inf"', '"2026-13-01T00:00:00Z"', '"2026-01-01T25:00:00Z"'),
        '"0001-01-01T00:00:00+23:59"',
        '"9999-12-31T23:59:59-23:59"',
        '"Fri, 31 Dec 9999 23:59:59 -2359"',
        '"Fri, 99 Dec 2026 23:59:59 GMT"',
        '"\\ud800"',
        f'"{"9" * 5000}"',
    ],
    ids=lambda text: text[:40],
)
def test_impossible_times(text: str) -> None:
    """A time that no datetime can hold, and what is no time at all, are refused."""
    failure("DescribeImages", TIME % text)


@pytest.mark.parametrize(
    "text",
    [
        *("1767322800", "1767322800.0", "1.7673228e9", '"1767322800"', '"2026-01-02T03:00:00Z"'),
        *('"2026-01-02T03:00:00.000Z"', '"2026-01-02T04:00:00+01:00"', '"2026-01-02T03:00:00"'),
        *('"Fri, 02 Jan 2026 03:00:00 GMT"', '"Fri, 02 Jan 2026 04:00:00 +0100"'),
    ],
)
def test_times(text: str) -> None:
    """Epoch seconds, ISO 8601 and HTTP dates all become the same time in UTC."""
    when = result("DescribeImages", TIME % text).image_details[0].image_pushed_at

    assert when == datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.timezone.utc)
    assert when.tzinfo is datetime.timezone.utc


@pytest.mark.parametrize(
    "seconds", [-1, -0.5, 0, 0.25, 2**31 - 1.5, 2**31 - 1, 2**31 + 0.5, 2**32, 253402300799]
)
def test_seconds(seconds: float) -> None:
    """Epoch seconds are read exactly, whether all platforms support them or not."""
    when = result("DescribeImages", TIME % seconds).image_details[0].image_pushed_at

    assert when == values.EPOCH + datetime.timedelta(seconds=seconds)
    assert when.tzinfo is datetime.timezone.utc


@pytest.mark.parametrize(
    ("text", "year"),
    [
        *((text, 1) for text in ("-99999999999999", "-1e300", '"-1e300"')),
        *((text, 9999) for text in ("253402300800", "1e17", "1e300", '"1e300"')),
    ],
)
def test_times_that_no_datetime_holds(text: str, year: int) -> None:
    """Seconds before the year 1 or after the year 9999 are the nearest time that there is."""
    when = result("DescribeImages", TIME % text).image_details[0].image_pushed_at

    assert when in (values.EARLIEST, values.LATEST)
    assert when.year == year


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
    """A lone surrogate, as an escape or as bytes, is U+FFFD, and spoils nothing around it."""
    body = f'{{"imageIds": [{{"imageTag": "a"}}, {{"imageTag": "{text}"}}]}}'
    found = result("ListImages", body.encode("utf-8", "surrogatepass"))

    assert [each.image_tag for each in found.image_ids] == ["a", read]


# --- what is read, and what is never shown --------------------------------------------------------


def test_the_last_of_two_equal_names_counts() -> None:
    """A member that occurs twice has its last value, as everywhere in Python."""
    found = result("DescribeImages", '{"nextToken": 5, "nextToken": "a", "nextToken": "b"}')

    assert found.next_token == "b"


def test_nulls_are_absent() -> None:
    """A null is an absent member, an absent item of a list, and an absent entry of a map."""
    body = '{"imageIds": [null, {"imageTag": null}, null], "nextToken": null}'
    found = result("ListImages", body)

    assert found == models.ListImagesResult(image_ids=[models.ImageIdentifier()])

    body = f'{{"imageDetails": [{SENT}, "imageTags": [null, "a", null, "b"]}}]}}'

    assert result("DescribeImages", body).image_details[0].image_tags == ("a", "b")


def test_unknown_members_and_enum_values() -> None:
    """Members that this release does not know are ignored; texts that it does not know are kept."""
    kept = {**sent(models.Repository), "imageTagMutability": "NEW", "new": {"a": [1]}}
    body = json.dumps({"repositories": [kept], "__class__": 1})
    found = result("DescribeRepositories", body)

    assert found.repositories[0].image_tag_mutability == "NEW"
    assert type(found.repositories[0].image_tag_mutability) is str


@pytest.mark.parametrize(
    "body",
    [
        '{"authorizationData": [{"authorizationToken": "%s"}',
        '{"authorizationData": [{"authorizationToken": "%s", "expiresAt": "%s"}]}',
        '{"authorizationData": [{"authorizationToken": ["%s"]}]}',
        '{"authorizationData": [{"authorizationToken": {"%s": 1}}]}',
        '{"authorizationData": ["%s"]}',
        '{"authorizationData": {"%s": 1}}',
        '{"authorizationData": "%s"}',
        '"%s"',
        "%s",
    ],
)
def test_secrets_are_not_shown(body: str) -> None:
    """Neither the text of an error nor its traceback shows what the response held."""
    failure("GetAuthorizationToken", body.replace("%s", SECRET))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"referrers": "x" * 1_000_000}),
        json.dumps({"x" * 1_000_000: 1, "referrers": 1}),
        json.dumps(
            {
                "referrers": [
                    {"digest": "d", "mediaType": "m", "size": 1, "annotations": {"x" * 10**6: 1}}
                ]
            }
        ),
        "x" * 1_000_000,
    ],
    ids=["value", "name", "key of a map", "no JSON"],
)
def test_texts_stay_short(body: str) -> None:
    """The text of an error does not grow with the response."""
    failure("ListImageReferrers", body)
