"""Whatever a service responds, a call ends with a result of its types or a documented error."""

from __future__ import annotations

import base64
import collections.abc
import json
import pickle
import typing
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import attrs
from hypothesis import example, given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from ecr_client import Credentials, RetryPolicy
from ecr_client._coroutines import run
from ecr_client._credentials.sources import credentials_source
from ecr_client._engine.clock import SigningClock
from ecr_client._engine.http import request_id
from ecr_client._engine.parse import parse
from ecr_client._lifetime import Lifetime
from ecr_client._observer import Observer
from ecr_client._operation import Operation
from ecr_client._options import CallOptions
from ecr_client._pipeline import Pipeline
from ecr_client._shapes import FrozenMap, OpenEnum, Structure, type_parts, wire_name
from ecr_client.endpoints import Endpoint
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ConnectionClosedException,
    ReadTimeoutException,
    ResponseParseException,
    TransportException,
)
from ecr_client.operations import OPERATIONS
from ecr_client.transport import (
    Deadline,
    HTTPRequest,
    HTTPResponse,
    InMemory,
    StreamingResponse,
    Transport,
)

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)

# --- responses ------------------------------------------------------------------------------------

#: Also halves of characters, which JSON can hold.
TEXTS = st.text(st.characters() | st.sampled_from("\ud800\udfff\0\r\n"), max_size=20)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TIMES = (
    st.floats(0, 4e9)
    | st.integers(-(10**12), 10**15)
    | st.datetimes().map(datetime.isoformat)
    | st.sampled_from(["Sat, 01 Jan 0001 00:00:00 +2359", "1e400", "nan", "9999-12-31T23:59:59-09"])
)


@cache
def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Return what makes JSON of a type, mostly right."""
    parts = type_parts(annotation)
    kind = parts[0]
    if bytes in parts:
        return st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode())
    if isinstance(kind, type) and issubclass(kind, Structure):
        return st.deferred(lambda: objects(kind))
    if isinstance(kind, type) and issubclass(kind, OpenEnum):
        return st.sampled_from([each.value for each in kind]) | TEXTS
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is collections.abc.Sequence:
        return st.lists(values(arguments[0]) | st.none(), max_size=3)
    if typing.get_origin(kind) is collections.abc.Mapping:
        return st.dictionaries(TEXTS, values(arguments[1]), max_size=3)
    scalars: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS,
        bool: st.booleans(),
        int: st.integers() | st.integers(-9, 9).map(float),
        float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        datetime: TIMES,
    }
    return scalars[kind]


@cache
def objects(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Return what makes JSON objects of a class, with some of its members."""
    required, optional = {}, {}
    for field in attrs.fields(cls):
        if field.name != "response_metadata":
            members = required if field.default is attrs.NOTHING else optional
            members[wire_name(field)] = values(field.type)
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def bodies(draw: st.DrawFn, cls: type[Any]) -> bytes:
    """Make a body of a class, or one that is wrong somewhere, in its JSON or in its bytes."""
    content = draw(objects(cls))
    damage = draw(st.sampled_from(["none", "none", "value", "bytes", "all", "error"]))
    if damage == "all":
        return draw(st.binary(max_size=50) | ANY_JSON.map(lambda any_json: dumped(any_json)))
    if damage == "error":
        return dumped(draw(st.fixed_dictionaries({}, optional=ERROR_MEMBERS)))
    if damage == "value":
        replace_one(draw, content)
    body = dumped(content)
    if damage == "bytes":
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, len(body)))
        body = body[:start] + draw(st.binary(max_size=5)) + body[end:]
    return body


def dumped(content: Any) -> bytes:
    return json.dumps(content).encode()


def replace_one(draw: st.DrawFn, content: Any) -> None:
    """Put anything in the place of one member or item."""
    while isinstance(content, (dict, list)) and content:
        keys = list(content) if isinstance(content, dict) else range(len(content))
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()) or not isinstance(content[key], (dict, list)) or not content[key]:
            content[key] = draw(ANY_JSON)
            return
        content = content[key]


CODES = st.sampled_from(
    [
        "RequestTimeTooSkewed",
        "ExpiredTokenException",
        "ThrottlingException",
        "InvalidLayerPartException",
        "RepositoryAlreadyExistsException",
        "PullThroughCacheRuleAlreadyExistsException",
        "TemplateAlreadyExistsException",
        "LayerAlreadyExistsException",
        "UploadNotFoundException",
        "ImageAlreadyExistsException",
        "LimitExceededException",
        "LifecyclePolicyPreviewInProgressException",
    ]
)
ERROR_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "__type": CODES | CODES.map("com.amazonaws#{}:http://x".format) | ANY_JSON,
    "code": CODES | ANY_JSON,
    "message": ANY_JSON,
    "Message": ANY_JSON,
    "lastValidByteReceived": st.just(0) | ANY_JSON,
    "uploadId": ANY_JSON,
}
#: What HTTP's headers can hold after they were read as Latin-1.
LATIN = st.text(st.characters(max_codepoint=255), max_size=40)
DATES = st.datetimes().map(lambda when: f"{when:%a, %d %b} {when.year:04} {when:%H:%M:%S} GMT")
ZONED = st.tuples(DATES, st.integers(-99999, 99999)).map(lambda both: f"{both[0][:-3]}{both[1]:+}")
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "x-amzn-RequestId": LATIN,
        "x-amz-request-id": LATIN,
        "x-amzn-ErrorType": CODES | LATIN,
        "Date": DATES | ZONED | LATIN,
        "Retry-After": DATES | ZONED | LATIN | st.integers().map(str),
        "x-amz-retry-after": LATIN | st.integers().map(str),
    },
)
STATUSES = st.sampled_from([200, 200, 200, 400, 400, 429, 500, 503]) | st.integers(200, 999)


@st.composite
def responses(draw: st.DrawFn, cls: type[Any]) -> HTTPResponse:
    """Make a response to an operation."""
    headers = CaseInsensitiveDict(draw(HEADERS))
    return HTTPResponse(draw(STATUSES), headers, draw(bodies(cls)))


# --- what has to come of it -----------------------------------------------------------------------


def conforms(value: Any, annotation: Any) -> bool:
    """Return whether a value of a result, and all that is in it, is of its declared type."""
    if value is None:
        return type(None) in typing.get_args(annotation)
    return any(conforms_to(value, part) for part in type_parts(annotation))


def conforms_to(value: Any, kind: Any) -> bool:
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is collections.abc.Sequence:
        return type(value) is tuple and all(conforms(each, arguments[0]) for each in value)
    if typing.get_origin(kind) is collections.abc.Mapping:
        return type(value) is FrozenMap and all(
            conforms(name, arguments[0]) and conforms(each, arguments[1])
            for name, each in value.items()
        )
    if kind is datetime:
        return type(value) is datetime and value.utcoffset() == timedelta(0)
    if type(value) is not kind:
        return False
    return not isinstance(value, Structure) or all(
        conforms(getattr(value, field.name), field.type)
        for field in attrs.fields(kind)
        if field.name != "response_metadata"
    )


def check_error(error: AmazonClientException, name: str) -> None:
    """Check what an error says of itself."""
    assert error.operation_name == name  # type: ignore[attr-defined]
    assert f"{name}" in str(error)
    if isinstance(error, AmazonECRException):
        assert 1 <= len(error.error_code) <= 128
        assert isinstance(error.error_message, str)
        assert set(error.response) >= {"Error", "ResponseMetadata"}
        for attribute, (_, kind) in error.MEMBERS.items():
            assert type(getattr(error, attribute)) in (kind, type(None))
    if isinstance(error, (AmazonECRException, ResponseParseException)):
        shown = error.response_metadata.request_id or "-"
        assert shown.isprintable()
        assert 1 <= len(shown) <= 128
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Operation[Any, Any], HTTPResponse]:
    """Make an operation and a response to it."""
    found = draw(st.sampled_from([*OPERATIONS.values()]))
    return found, draw(responses(found.result_class))


@given(exchanges())
def test_any_response(exchange: tuple[Operation[Any, Any], HTTPResponse]) -> None:
    """A response is a result of the declared types, or a documented error."""
    found, response = exchange
    try:
        result = parse(found, response)
    except (AmazonECRException, ResponseParseException) as error:
        check_error(error, found.name)
        return

    assert type(result) is found.result_class
    assert conforms(result, found.result_class)
    assert result.response_metadata.request_id == request_id(response.headers)
    assert result.response_metadata.http_status_code == response.status
    assert repr(result)
    assert pickle.loads(pickle.dumps(result)) == result


class Script(Transport):
    """A transport that responds by a script."""

    def __init__(self, steps: list[Any]) -> None:
        self._steps = steps

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        """Return what comes next; when nothing does, nothing arrives."""
        step = self._steps.pop(0) if self._steps else ReadTimeoutException
        if isinstance(step, HTTPResponse):
            return StreamingResponse(request, step.status, step.headers, InMemory(step.body))
        raise step("nothing came", request.purpose)


def check_delay(seconds: float) -> None:
    """Check that nobody waits for less than nothing, or for ever."""
    assert 0 < seconds <= 20


#: By operation that is reconciled: the one that is asked about its content, if one is.
LOOKUPS = {
    "CompleteLayerUpload": "BatchCheckLayerAvailability",
    "PutImage": "BatchGetImage",
    "UploadLayerPart": None,
}


@st.composite
def courses(draw: st.DrawFn) -> tuple[Operation[Any, Any], list[Any]]:
    """Make an operation and all that comes back of it, and of the lookup that it may need."""
    found = draw(st.sampled_from([*OPERATIONS.values(), *map(OPERATIONS.__getitem__, LOOKUPS)]))
    classes = [found.result_class]
    lookup = LOOKUPS.get(found.name)
    if lookup is not None:
        classes.append(OPERATIONS[lookup].result_class)
    failures = st.sampled_from([ReadTimeoutException, ConnectionClosedException])
    step = failures | st.sampled_from(classes).flatmap(responses)
    return found, draw(st.lists(step, min_size=1, max_size=6))


def scripted(name: str, *steps: Any) -> tuple[Operation[Any, Any], list[Any]]:
    """Return a course: exceptions, and responses as (status, body, date)."""
    date = "Fri, 02 Jan 2026 00:00:00 GMT"
    made = [
        HTTPResponse(each[0], {"Date": each[2] if len(each) > 2 else date}, each[1])
        if isinstance(each, tuple)
        else each
        for each in steps
    ]
    return OPERATIONS[name], made


EXISTS = (400, b'{"__type": "RepositoryAlreadyExistsException"}')
PUT = (400, b'{"__type": "ImageAlreadyExistsException"}')
SKEWED = b'{"__type": "RequestTimeTooSkewed"}'


@example(scripted("CreateRepository", ReadTimeoutException, EXISTS, (200, b"{}")))
@example(scripted("PutImage", ReadTimeoutException, PUT, (200, b"{}")))
@example(scripted("PutImage", ReadTimeoutException, PUT, (200, b"{"), (200, b"{")))
@example(scripted("ListImages", (400, SKEWED, "Fri, 31 Dec 9999 23:59:59 GMT"), (200, b"{}")))
@given(courses())
def test_any_course_of_responses(made: Any, course: tuple[Operation[Any, Any], list[Any]]) -> None:
    """Whatever follows upon whatever, a call ends with a result or a documented error.

    What may have been done by an earlier attempt is never called a success unless it is proven.
    """
    found, steps = course
    moments = iter(NOW + timedelta(seconds=number) for number in range(100))
    pipeline = Pipeline(
        lifetime=Lifetime(),
        user_agent="fuzz",
        observer=Observer(None),
        max_response_size=10**6,
        clock=SigningClock(lambda: next(moments)),
        monotonic=lambda: 0.0,
    )
    options = CallOptions(
        credentials=credentials_source(credentials=Credentials("AKID", "secret")),
        retry=RetryPolicy(max_attempts=4, sleep=check_delay),
        total_timeout=None,
        headers={},
    )
    endpoint = Endpoint("http://localhost", "us-east-1")
    try:
        result = run(
            pipeline.call(found, made(found.request_class), endpoint, options, Script(list(steps)))
        )
    except (AmazonECRException, ResponseParseException, TransportException) as error:
        check_error(error, found.name)
        assert 1 <= getattr(error, "attempts", 1) <= 4  # noqa: PT017
    else:
        assert type(result) is found.result_class
        assert conforms(result, found.result_class)
        status = result.response_metadata.http_status_code or 0
        assert 200 <= status < 300 or found.name in LOOKUPS
