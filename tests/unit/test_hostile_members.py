"""Responses whose members are hostile: wrong types, impossible numbers and times, secrets."""

from __future__ import annotations

import collections.abc
import datetime
import json
import re
import traceback
import types
import typing
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import responses

from ecr_client import Credentials, ECRClient, models
from ecr_client._engine import values
from ecr_client.exceptions import ResponseParseException

URL = "https://ecr.example.org"
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


class Calls:
    """Calls of a client whose service answers, in this process, what the test says."""

    def __init__(self, mocked: responses.RequestsMock, client: ECRClient) -> None:
        self._mocked = mocked
        self._client = client

    def result(self, operation: str, body: str | bytes) -> Any:
        """Return the result of an operation that is answered with this body."""
        self._mocked.reset()
        self._mocked.post(f"{URL}/", body=body, headers={"x-amzn-RequestId": "id-1"})
        method = getattr(self._client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
        return method(request_of(getattr(models, f"{operation}Request")))

    def error(self, operation: str, body: str) -> ResponseParseException:
        """Return the error of an operation that is answered with this body."""
        with pytest.raises(ResponseParseException) as caught:
            self.result(operation, body)

        assert type(caught.value) is ResponseParseException
        assert str(caught.value).endswith(
            f" (Operation: {operation}; Status Code: 200; Request ID: id-1)"
        )
        return caught.value


@pytest.fixture
def calls(credentials: Credentials) -> Iterator[Calls]:
    """Return calls whose responses the test writes."""
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as mocked,
        ECRClient(endpoint=URL, credentials=credentials) as client,
    ):
        yield Calls(mocked, client)


def wire(field: Any) -> str:
    """Return the name of a member in JSON."""
    first, *rest = field.name.split("_")
    given: str | None = field.metadata.get("wire_name")
    return given or first + "".join(map(str.capitalize, rest))


def kind_of(annotation: Any) -> Any:
    """Return the first alternative of a type."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation)[0] if is_union else annotation


def members_of(cls: type[Any], *, required: bool = False) -> list[Any]:
    """Return the members of a class, or those that it cannot do without."""
    return [
        field
        for field in attrs.fields(cls)
        if field.name != "response_metadata" and (field.default is attrs.NOTHING or not required)
    ]


def good(kind: Any, structure: Any) -> Any:
    """Return a value of a type; ``structure`` makes those of the generated types."""
    if typing.get_origin(kind) is collections.abc.Sequence:
        return [good(kind_of(typing.get_args(kind)[0]), structure)]
    if attrs.has(kind):
        return structure(kind)
    return {int: 1, bytes: b"layer", datetime.datetime: 1}.get(kind, "abc")


def request_of(cls: type[Any]) -> Any:
    """Return an instance with the required members."""
    needed = members_of(cls, required=True)
    return cls(**{field.name: good(kind_of(field.type), request_of) for field in needed})


def json_of(cls: type[Any]) -> dict[str, Any]:
    """Return what a response has for a type, with the required members only."""
    needed = members_of(cls, required=True)
    return {wire(field): good(kind_of(field.type), json_of) for field in needed}


def wrong_values(kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield JSON values that are wrong for a type, each with the path to what is wrong in it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is collections.abc.Sequence:
        yield from (("", value) for value in WRONG[list])
        for path, value in wrong_values(kind_of(arguments[0])):
            yield f"[1]{path}", [None, value]
    elif origin is collections.abc.Mapping:
        yield from (("", value) for value in WRONG[dict])
        for path, value in wrong_values(kind_of(arguments[1])):
            yield f"['key']{path}", {"other": None, "key": value}
    elif attrs.has(kind):
        yield from (("", value) for value in WRONG[dict])
        for field in members_of(kind):
            for path, value in wrong_values(kind_of(field.type)):
                yield f".{wire(field)}{path}", {**json_of(kind), wire(field): value}
    else:
        scalar = kind if kind in WRONG else str
        yield from (("", value) for value in WRONG[scalar])


@pytest.mark.parametrize(
    "operation",
    [
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "DescribeImages",
        "DescribeImageScanFindings",
        "DescribePullThroughCacheRules",
        "DescribeRegistry",
        "DescribeRepositories",
        "GetAuthorizationToken",
        "GetDownloadUrlForLayer",
        "GetLifecyclePolicyPreview",
        "ListTagsForResource",
        "UploadLayerPart",
    ],
)
def test_wrong_types_of_every_member(calls: Calls, operation: str) -> None:
    """A value of a wrong type is refused with the path of its member, however deep it lies."""
    tried = 0
    for field in members_of(getattr(models, f"{operation}Result")):
        for path, value in wrong_values(kind_of(field.type)):
            body = {**json_of(getattr(models, f"{operation}Result")), wire(field): value}
            error = calls.error(operation, json.dumps(body))
            tried += 1

            assert re.match(re.escape(wire(field) + path) + " (must be|is not a time)", str(error))
    assert tried >= 5


# --- numbers and times ----------------------------------------------------------------------------

#: What a response has of each image, up to the member that a test is about.
SENT = json.dumps(json_of(models.ImageDetail)).rstrip("}")
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
def test_whole_numbers(calls: Calls, text: str, number: int) -> None:
    """A whole number is read exactly, in whatever form JSON writes it."""
    size = calls.result("DescribeImages", IMAGE % text).image_details[0].image_size_in_bytes

    assert (type(size), size) == (int, number)


@pytest.mark.parametrize("text", ["1.5", "1e400", "-1e400", "NaN", "Infinity", "-Infinity"])
def test_no_whole_numbers(calls: Calls, text: str) -> None:
    """What is not a whole number is refused where one belongs."""
    calls.error("DescribeImages", IMAGE % text)


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400]
)
def test_no_numbers(calls: Calls, text: str) -> None:
    """What is not a finite number is refused where a number belongs; JSON has no other."""
    calls.error("DescribeImageScanFindings", FINDING % text)


@pytest.mark.parametrize("body", [IMAGE, FINDING, TIME, '{"unknown": %s}'])
def test_endless_numbers(calls: Calls, body: str) -> None:
    """A number of more digits than Python reads is refused, and not called a wrong encoding."""
    operation = "DescribeImageScanFindings" if body is FINDING else "DescribeImages"
    error = calls.error(operation, body % ("1" * 5000))

    assert "UTF-8" not in str(error)
    assert len(str(error)) < 300


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
def test_impossible_times(calls: Calls, text: str) -> None:
    """A time that no datetime can hold, and what is no time at all, are refused."""
    error = calls.error("DescribeImages", TIME % text)

    assert len(str(error)) < 300


@pytest.mark.parametrize(
    "text",
    [
        *("1767322800", "1767322800.0", "1.7673228e9", '"1767322800"', '"2026-01-02T03:00:00Z"'),
        *('"2026-01-02T03:00:00.000Z"', '"2026-01-02T04:00:00+01:00"', '"2026-01-02T03:00:00"'),
        *('"Fri, 02 Jan 2026 03:00:00 GMT"', '"Fri, 02 Jan 2026 04:00:00 +0100"'),
    ],
)
def test_times(calls: Calls, text: str) -> None:
    """Epoch seconds, ISO 8601 and HTTP dates all become the same time in UTC."""
    when = calls.result("DescribeImages", TIME % text).image_details[0].image_pushed_at

    assert when == datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.timezone.utc)
    assert when.tzinfo is datetime.timezone.utc


@pytest.mark.parametrize(
    ("text", "year"),
    [
        *((text, 1) for text in ("-99999999999999", "-1e300", '"-1e300"')),
        *((text, 9999) for text in ("253402300800", "1e17", "1e300", '"1e300"')),
    ],
)
def test_times_that_no_datetime_holds(calls: Calls, text: str, year: int) -> None:
    """Seconds before the year 1 or after the year 9999 are the nearest time that there is."""
    when = calls.result("DescribeImages", TIME % text).image_details[0].image_pushed_at

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
def test_lone_surrogates(calls: Calls, text: str, read: str) -> None:
    """A lone surrogate, as an escape or as bytes, is U+FFFD, and spoils nothing around it."""
    body = f'{{"imageIds": [{{"imageTag": "a"}}, {{"imageTag": "{text}"}}]}}'
    result = calls.result("ListImages", body.encode("utf-8", "surrogatepass"))

    assert [each.image_tag for each in result.image_ids] == ["a", read]


# --- what is read, and what is never shown --------------------------------------------------------


def test_the_last_of_two_equal_names_counts(calls: Calls) -> None:
    """A member that occurs twice has its last value, as everywhere in Python."""
    result = calls.result("DescribeImages", '{"nextToken": 5, "nextToken": "a", "nextToken": "b"}')

    assert result.next_token == "b"


def test_nulls_are_absent(calls: Calls) -> None:
    """A null is an absent member, an absent item of a list, and an absent entry of a map."""
    body = '{"imageIds": [null, {"imageTag": null}, null], "nextToken": null}'
    result = calls.result("ListImages", body)

    assert result == models.ListImagesResult(image_ids=[models.ImageIdentifier()])


def test_unknown_members_and_enum_values(calls: Calls) -> None:
    """Members that this release does not know are ignored; texts that it does not know are kept."""
    kept = {**json_of(models.Repository), "imageTagMutability": "NEW", "new": {"a": [1]}}
    body = json.dumps({"repositories": [kept], "__class__": 1})
    result = calls.result("DescribeRepositories", body)

    assert result.repositories[0].image_tag_mutability == "NEW"
    assert type(result.repositories[0].image_tag_mutability) is str


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
def test_secrets_are_not_shown(calls: Calls, body: str) -> None:
    """Neither the text of an error nor its traceback shows what the response held."""
    error = calls.error("GetAuthorizationToken", body.replace("%s", SECRET))
    shown = [str(error), repr(error), *traceback.format_exception(error)]

    assert [text for text in shown if SECRET in text] == []


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
def test_texts_stay_short(calls: Calls, body: str) -> None:
    """The text of an error does not grow with the response."""
    assert len(str(calls.error("ListImageReferrers", body))) < 500
