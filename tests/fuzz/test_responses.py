"""Whatever the response, a call ends with a result of its types or a documented error.

Models survive a round trip through plain data, and any image of a registry can be checked.
"""

from __future__ import annotations

import base64
import collections.abc
import hashlib
import json
import pickle
import re
import typing
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from ecr_client import Credentials, ECRClient, Operation, RetryPolicy, from_dict, models, to_dict
from ecr_client import exceptions as errors
from ecr_client._coroutines import run
from ecr_client._credentials.sources import credentials_source
from ecr_client._engine.clock import SigningClock
from ecr_client._engine.http import request_id
from ecr_client._engine.parse import parse
from ecr_client._lifetime import Lifetime
from ecr_client._observer import Observer
from ecr_client._operation import Request, Result
from ecr_client._options import CallOptions
from ecr_client._pipeline import Pipeline
from ecr_client._shapes import FrozenMap, OpenEnum, Structure, type_parts, wire_name
from ecr_client.endpoints import Endpoint
from ecr_client.models import Image, ImageIdentifier
from ecr_client.operations import OPERATIONS
from ecr_client.testing import assert_image_valid
from ecr_client.testing import example as example_of
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

#: Includes lone surrogates, which JSON can hold.
TEXTS = st.text(st.characters() | st.sampled_from("\ud800\udfff\0\r\n"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**4299),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TIMES = (
    st.floats(0, 4e9)
    | st.integers(-(10**12), 10**15)
    | st.datetimes().map(datetime.isoformat)
    | st.sampled_from(["Sat, 01 Jan 0001 00:00:00 +2359", "1e400", "nan", "9999-12-31T23:59:59-09"])
)


#: By type: strategies for its JSON, which is mostly valid, and for its values.
SCALARS: dict[Any, tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    str: (TEXTS, st.text(max_size=5)),
    bool: (st.booleans(), st.booleans()),
    int: (st.integers() | st.integers(-9, 9).map(float), st.integers()),
    float: (FINITE | st.integers(), FINITE),
    bytes: (st.binary().map(lambda data: base64.b64encode(data).decode()), st.binary(max_size=5)),
    datetime: (TIMES, st.datetimes(timezones=st.just(timezone.utc))),
}


@cache
def values(annotation: Any, typed: bool = False) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON of a type, or for values of it."""
    parts = type_parts(annotation)
    kind = bytes if bytes in parts else parts[0]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is collections.abc.Sequence:
        items = values(arguments[0], typed)
        return st.lists(items if typed else items | st.none(), max_size=3)
    if typing.get_origin(kind) is collections.abc.Mapping:
        return st.dictionaries(SCALARS[str][typed], values(arguments[1], typed), max_size=3)
    if issubclass(kind, Structure):
        return st.deferred(lambda: objects(kind, typed))
    if issubclass(kind, OpenEnum):
        return st.sampled_from([each.value for each in kind]) | SCALARS[str][typed]
    return SCALARS[kind][typed]


@cache
def objects(cls: type[Any], typed: bool = False) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON objects of a class, or for instances, with some members."""
    required, optional = {}, {}
    for field in attrs.fields(cls):
        if field.name != "response_metadata":
            members = required if field.default is attrs.NOTHING else optional
            members[field.name if typed else wire_name(field)] = values(field.type, typed)
    made = st.fixed_dictionaries(required, optional=optional)
    return made.map(lambda given: cls(**given)) if typed else made


@st.composite
def bodies(draw: st.DrawFn, cls: type[Any]) -> bytes:
    """Make a body of a class, or one that is corrupt somewhere in its JSON or its bytes."""
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
    """Replace one member or item by anything."""
    while isinstance(content, (dict, list)) and content:
        keys = list(content) if isinstance(content, dict) else range(len(content))
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()) or not isinstance(content[key], (dict, list)) or not content[key]:
            content[key] = draw(ANY_JSON)
            return
        content = content[key]


MEANINGFUL = """RequestTimeTooSkewed ExpiredTokenException ThrottlingException
    UploadNotFoundException InvalidLayerPartException RepositoryAlreadyExistsException
    LayerAlreadyExistsException PullThroughCacheRuleAlreadyExistsException
    TemplateAlreadyExistsException LimitExceededException ImageAlreadyExistsException
    LifecyclePolicyPreviewInProgressException"""
CODES = st.sampled_from(MEANINGFUL.split())
ERROR_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "__type": CODES | CODES.map("com.amazonaws#{}:http://x".format) | ANY_JSON,
    "code": CODES | ANY_JSON,
    "message": ANY_JSON,
    "Message": ANY_JSON,
    "lastValidByteReceived": st.just(0) | ANY_JSON,
    "uploadId": ANY_JSON,
}
#: What headers can hold when they are decoded as Latin-1.
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


# --- results and errors ---------------------------------------------------------------------------


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


def check_error(error: errors.AmazonClientException, name: str) -> None:
    """Check the attributes and the message of an error."""
    assert error.operation_name == name  # type: ignore[attr-defined]
    assert f"{name}" in str(error)
    if isinstance(error, errors.AmazonECRException):
        assert 1 <= len(error.error_code) <= 128
        assert isinstance(error.error_message, str)
        assert set(error.response) >= {"Error", "ResponseMetadata"}
        for attribute, (_, kind) in error.MEMBERS.items():
            assert type(getattr(error, attribute)) in (kind, type(None))
    if isinstance(error, (errors.AmazonECRException, errors.ResponseParseException)):
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
    except (errors.AmazonECRException, errors.ResponseParseException) as error:
        check_error(error, found.name)
        return

    assert type(result) is found.result_class
    assert conforms(result, found.result_class)
    assert result.response_metadata.request_id == request_id(response.headers)
    assert result.response_metadata.http_status_code == response.status
    assert repr(result)
    assert pickle.loads(pickle.dumps(result)) == result


class Script(Transport):
    """A transport that follows a script."""

    def __init__(self, steps: list[Any]) -> None:
        self._steps = steps

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        """Return the next step; if there is none, time out."""
        step = self._steps.pop(0) if self._steps else errors.ReadTimeoutException
        if isinstance(step, HTTPResponse):
            return StreamingResponse(request, step.status, step.headers, InMemory(step.body))
        raise step("nothing came", request.purpose)


def check_delay(seconds: float) -> None:
    """Check that a delay is positive and within the policy's bound."""
    assert 0 < seconds <= 20


#: By reconciled operation: the one that looks up its content, or None.
LOOKUPS = {
    "CompleteLayerUpload": "BatchCheckLayerAvailability",
    "PutImage": "BatchGetImage",
    "UploadLayerPart": None,
}


@st.composite
def courses(draw: st.DrawFn) -> tuple[Operation[Any, Any], list[Any]]:
    """Make an operation and what its attempts meet, and the lookup that it may need."""
    found = draw(st.sampled_from([*OPERATIONS.values(), *map(OPERATIONS.__getitem__, LOOKUPS)]))
    classes = [found.result_class]
    lookup = LOOKUPS.get(found.name)
    if lookup is not None:
        classes.append(OPERATIONS[lookup].result_class)
    failures = st.sampled_from([errors.ReadTimeoutException, errors.ConnectionClosedException])
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


@example(scripted("CreateRepository", errors.ReadTimeoutException, EXISTS, (200, b"{}")))
@example(scripted("PutImage", errors.ReadTimeoutException, PUT, (200, b"{}")))
@example(scripted("PutImage", errors.ReadTimeoutException, PUT, (200, b"{"), (200, b"{")))
@example(scripted("ListImages", (400, SKEWED, "Fri, 31 Dec 9999 23:59:59 GMT"), (200, b"{}")))
@given(courses())
def test_any_course_of_responses(made: Any, course: tuple[Operation[Any, Any], list[Any]]) -> None:
    """Whatever a call meets in a row, it ends with a result or a documented error.

    Work that an earlier attempt may have done is a success only if that is proven.
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
    except (
        errors.AmazonECRException,
        errors.ResponseParseException,
        errors.TransportException,
    ) as error:
        check_error(error, found.name)
        assert 1 <= getattr(error, "attempts", 1) <= 4  # noqa: PT017
    else:
        assert type(result) is found.result_class
        assert conforms(result, found.result_class)
        status = result.response_metadata.http_status_code or 0
        assert 200 <= status < 300 or found.name in LOOKUPS


# --- models ---------------------------------------------------------------------------------------

CLASSES = [cls for name in models.__all__ if attrs.has(cls := getattr(models, name))]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=8)
@given(data=st.data(), names=st.sampled_from(["python", "wire"]))
def test_round_trip(cls: Any, data: st.DataObject, names: Any) -> None:
    """A model survives a round trip through JSON, by either style of names."""
    made = data.draw(objects(cls, typed=True))
    plain = json.loads(json.dumps(to_dict(made, names, include_secrets=True), allow_nan=False))

    assert from_dict(cls, plain) == made


# --- the check of an image ------------------------------------------------------------------------

LAYER = b"the bytes of a layer"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes) -> dict[str, Any]:
    kind = "application/vnd.oci.image.layer.v1.tar"
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


class Storage(Transport):
    """A storage that sends the same bytes for each layer, once or again and again."""

    simulated = True

    def __init__(self, content: bytes, headers: dict[str, str], *, endless: bool = False) -> None:
        self.content, self.headers, self.endless = content, headers, endless

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        stream = self if self.endless else InMemory(self.content)
        return StreamingResponse(request, 200, self.headers, stream)

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        return self.content[:size]


class Registry(ECRClient):
    """A registry with one manifest, whatever the request."""

    def __init__(self, text: str, storage: Storage) -> None:
        super().__init__(region="eu-west-1")
        self.transport = storage
        self.text, self.calls = text, 0

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        self.calls += 1
        members: dict[str, Any] = {"download_url": "https://layers.invalid/"}
        if operation.name == "BatchGetImage":
            digest = digest_of(self.text.encode("utf-8", "surrogatepass"))
            image_id = ImageIdentifier(image_digest=digest)
            members = {"images": [example_of(Image, image_id=image_id, image_manifest=self.text)]}
        return operation.result_class(**members)


def problems(text: str, storage: Storage | None = None) -> list[str]:
    """Return the problems that the check finds in a manifest."""
    storage = storage or Storage(LAYER, {"Content-Length": str(len(LAYER))})
    registry = Registry(text, storage)
    try:
        assert_image_valid(registry, "team/app:1.0")
    except AssertionError as error:
        head, *lines = str(error).split("\n")
    else:
        return []

    assert head == "team/app:1.0 is not valid:"
    assert lines
    assert registry.calls < 50
    assert all(line.isprintable() and len(line) < 2100 for line in lines)
    return lines


def places(content: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of each place in JSON, its container, and its key or index there."""
    is_object = isinstance(content, dict)
    for key, value in content.items() if is_object else enumerate(content):
        place = f"{path}.{key}".lstrip(".") if is_object else f"{path}[{key}]"
        yield place, content, key
        if isinstance(value, (dict, list)):
            yield from places(value, place)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    """Make a manifest with a wrong value in one place, and return both."""
    root = {
        "schemaVersion": 2,
        "config": descriptor(LAYER),
        "layers": [descriptor(LAYER), descriptor(LAYER)],
        "manifests": [],
        "annotations": {"name": "value"},
    }
    place, content, key = draw(st.sampled_from(list(places(root))))
    old = content[key]
    content[key] = draw(ANY_JSON.filter(lambda value: value != old and type(value) is not list))
    return json.dumps(root), place


@example("[" * 900 + "]" * 900)
@example('{"layers": [], "layers": []}')
@example('{"manifests": [{"digest": "\ud800", "size": 1}]}')
@given(
    TEXTS
    | ANY_JSON.map(json.dumps)
    | st.dictionaries(st.sampled_from(["layers", "manifests", "config", "x"]), ANY_JSON).map(
        json.dumps
    )
)
def test_any_manifest(text: str) -> None:
    """Any manifest is valid, or the check says what is wrong; nothing else happens."""
    for line in problems(text):
        assert re.match(r"  (manifest|blob) \S+ (has|is|cannot be) ", line)


@given(damaged())
def test_a_manifest_with_another_value(damage: tuple[str, str]) -> None:
    """A wrong value in a place that matters is a problem that names the place or its blob."""
    text, place = damage
    lines = problems(text)

    if re.fullmatch(r"(layers|config|manifests)(\[\d\])?(\.digest|\.size)?", place):
        assert any(place in line or "blob" in line or "column" in line for line in lines)


@given(
    st.binary(min_size=1, max_size=40),
    st.sampled_from([{}, {"Content-Length": "20"}, {"Content-Length": str(10**15)}]),
    st.booleans(),
)
def test_any_blob(content: bytes, headers: dict[str, str], endless: bool) -> None:
    """A blob of other bytes, too few, too many or without an end is a problem."""
    text = json.dumps({"layers": [descriptor(LAYER)]})
    storage = Storage(content, headers, endless=endless)

    assert problems(text, storage)
