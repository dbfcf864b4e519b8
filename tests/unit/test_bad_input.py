"""Bad input: each kind fails with its own documented error, before anything is sent."""

from __future__ import annotations

import collections.abc
import contextlib
import enum
import io
import itertools
import json
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from ecr_client import ECRClient, models
from ecr_client.exceptions import ParamValidationException, ResponseParseException
from ecr_client.models import (
    BatchGetImageRequest,
    CreateRepositoryRequest,
    ImageIdentifier,
    ListImagesRequest,
    Tag,
)
from ecr_client.testing import example

OPERATIONS = [
    name.removesuffix("Request")
    for name in models.__all__
    if name.endswith("Request") and name != "AmazonWebServiceRequest"
]
#: What is no value of a kind of member, though it may look like one.
WRONG: dict[Any, list[Any]] = {
    str: [0, 7, True, 7.5, b"text", ["text"], ("text",), {"a": "b"}, object(), str],
    int: ["7", True, False, 7.0, b"7", [7], (), {}, object(), int],
    bool: [0, 1, "true", "", 1.0, [True], object(), bool],
    bytes: ["layer", 7, True, [1, 2], object(), bytes],
    list: ["text", "", b"bytes", 7, True, {"a": "b"}, {"a"}, frozenset(), object(), list],
}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def kind_of(annotation: Any) -> Any:
    """Return the first alternative of a type: that which a caller would give."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation)[0] if is_union else annotation


def good(field: Any) -> Any:
    """Return a value that a member takes."""
    return good_value(kind_of(field.type), field.metadata.get("min", 1))


def good_value(kind: Any, low: int = 1) -> Any:
    if typing.get_origin(kind) is collections.abc.Sequence:
        return [good_value(kind_of(typing.get_args(kind)[0]))] * max(low, 1)
    if attrs.has(kind):
        return made(kind)
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    values = {str: "x" * max(low, 3), bool: True, int: max(low, 1), bytes: b"layer"}
    return values[kind]


def made(cls: type[Any], **changes: Any) -> Any:
    """Return an instance with its required members, and some others."""
    required = {f.name: good(f) for f in attrs.fields(cls) if f.default is attrs.NOTHING}
    return cls(**{**required, **changes})


def wrong_values(kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield wrong values of a type, each with the path at which the text has to place it."""
    if typing.get_origin(kind) is collections.abc.Sequence:
        yield from (("", value) for value in [*WRONG[list], (item for item in ["text"])])
        item = kind_of(typing.get_args(kind)[0])
        yield from ((f"[1]{path}", [good_value(item), value]) for path, value in wrong_values(item))
        yield "[0]", [None]
    elif attrs.has(kind):
        yield from (("", value) for value in ({}, {"a": "b"}, "text", 7, True, [], kind, Tag))
        for field in attrs.fields(kind):
            for path, value in wrong_values(kind_of(field.type)):
                yield f".{field.name}{path}", made(kind, **{field.name: value})
    else:
        scalar = str if issubclass(kind, enum.Enum) else kind
        yield from (("", value) for value in WRONG[scalar])


def small_values(field: Any) -> Iterator[tuple[str, Any]]:
    """Yield values of a member that lie below its bounds, if it has any, each with its path."""
    low, item_low = field.metadata.get("min", 0), field.metadata.get("item_min", 0)
    value = good(field)
    if low:
        yield "", low - 1 if isinstance(value, int) else value[: low - 1]
    if item_low:
        yield "[1]", [*value, value[0][: item_low - 1]]


@pytest.fixture
def refusing(server: Any, client: ECRClient) -> Iterator[ECRClient]:
    """Yield a client, and make sure afterwards that it sent nothing."""
    yield client
    assert server.requests == []


def refusal(call: Callable[[], object]) -> str:
    """Return the text of the ParamValidationException that a call has to raise."""
    with pytest.raises(ParamValidationException) as caught:
        call()

    assert type(caught.value) is ParamValidationException
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


# --- requests: every operation, every member ------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_request_of_the_operation(refusing: ECRClient, operation: str) -> None:
    """Null, another operation's request and anything else is refused where a request belongs."""
    method = getattr(refusing, snake(operation))
    other = next(name for name in OPERATIONS if name != operation)
    other_request = made(getattr(models, f"{other}Request"))
    for value in (None, other_request, {}, "app", 7, ImageIdentifier(), CreateRepositoryRequest):
        name = type(value).__name__
        text = refusal(lambda value=value: method(value))  # type: ignore[misc]
        hint = f"; did you mean keywords, or from_dict({operation}Request, ...)?"
        expected = f"{operation}: request must be a {operation}Request, got {name}"

        assert text == expected + (hint if value == {} else "")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_types(refusing: ECRClient, operation: str) -> None:
    """A value of a wrong type is refused with operation and member, however deep it lies."""
    request_class = getattr(models, f"{operation}Request")
    method, tried = getattr(refusing, snake(operation)), 0
    for field in attrs.fields(request_class):
        for path, value in wrong_values(kind_of(field.type)):
            request = made(request_class, **{field.name: value})
            text = refusal(lambda request=request: method(request))  # type: ignore[misc]
            tried += 1

            assert text.startswith(f"{operation}: {field.name}{path} must "), (path, value)
    assert tried >= 5 * len(attrs.fields(request_class))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_missing_members(refusing: ECRClient, operation: str) -> None:
    """Leaving out a required member, or giving None for it, is refused with its name."""
    request_class = getattr(models, f"{operation}Request")
    method = getattr(refusing, snake(operation))
    required = [f.name for f in attrs.fields(request_class) if f.default is attrs.NOTHING]
    values = {name: getattr(made(request_class), name) for name in required}
    for name in required:
        expected = f"{operation}: {name} is required"
        rest = {other: value for other, value in values.items() if other != name}

        assert refusal(lambda rest=rest: method(**rest)) == expected  # type: ignore[misc]
        assert refusal(lambda: method(made(request_class, **{name: None}))) == expected  # noqa: B023


@pytest.mark.parametrize("operation", OPERATIONS)
def test_too_small(refusing: ECRClient, operation: str) -> None:
    """A text, list or number below the model's lower bound is refused with operation and member."""
    request_class = getattr(models, f"{operation}Request")
    method = getattr(refusing, snake(operation))
    for field in attrs.fields(request_class):
        for path, value in small_values(field):
            request = made(request_class, **{field.name: value})
            text = refusal(lambda request=request: method(request))  # type: ignore[misc]

            assert re.match(rf"{operation}: {field.name}{re.escape(path)} must .*at least \d", text)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_unknown_keywords(refusing: ECRClient, operation: str) -> None:
    """A misspelt keyword is a TypeError that names the method and the keyword."""
    method = getattr(refusing, snake(operation))
    expected = rf"{snake(operation)}\(\) got an unexpected keyword argument 'misspelt'"

    with pytest.raises(TypeError, match=expected):
        method(misspelt="app")
    with pytest.raises(TypeError, match=rf"{snake(operation)}\(\) takes"):
        method("app", "more")


# --- single cases ---------------------------------------------------------------------------------

APP: dict[str, Any] = {"repository_name": "app"}
PART: dict[str, Any] = {**APP, "upload_id": "u", "part_first_byte": 0, "part_last_byte": 5}
MIRROR = {"ecr_repository_prefix": "hub", "upstream_registry_url": "registry-1.docker.io"}
DIGITS = 10**5000  # more digits than Python turns into text
IMAGE = ImageIdentifier(image_tag="v1")
RELEASED = memoryview(b"layer")
RELEASED.release()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        pytest.param(
            lambda c: c.list_images(ListImagesRequest(**APP), repository_name="app"),
            "ListImages: takes a request object or keywords, not both: repository_name",
            id="request and keyword",
        ),
        pytest.param(
            lambda c: c.list_images(ListImagesRequest(**APP), max_results=5, next_token="t"),
            "ListImages: takes a request object or keywords, not both: max_results, next_token",
            id="request and keywords",
        ),
        pytest.param(
            lambda c: c.batch_get_image(**APP, image_ids=[IMAGE, IMAGE, {"imageTag": "v1"}]),
            "BatchGetImage: image_ids[2] must be of type ImageIdentifier, got dict; did you mean "
            "ImageIdentifier(image_tag=...) or from_dict(ImageIdentifier, ...)?",
            id="dict for a structure",
        ),
        pytest.param(
            lambda c: c.batch_get_image(
                BatchGetImageRequest(**APP, image_ids=(IMAGE, ImageIdentifier(image_tag=5)))  # type: ignore[arg-type]
            ),
            "BatchGetImage: image_ids[1].image_tag must be a str, got int 5; did you mean '5'?",
            id="int for a str below",
        ),
        pytest.param(
            lambda c: c.batch_get_image(**APP, image_ids="v1"),
            "BatchGetImage: image_ids must be a list or a tuple, got str 'v1'; did you mean "
            "[ImageIdentifier(image_digest=..., image_tag=...)]?",
            id="str for a list",
        ),
        pytest.param(
            lambda c: c.batch_get_image(**APP, image_ids=itertools.repeat(IMAGE)),
            "BatchGetImage: image_ids must be a list or a tuple, got repeat; "
            "did you mean list(...)?",
            id="endless iterator",
        ),
        pytest.param(
            lambda c: c.list_images(**APP, max_results=True),
            "ListImages: max_results must be an int, got bool True",
            id="bool for an int",
        ),
        pytest.param(
            lambda c: c.list_images(**APP, max_results="9" * 500),
            f"ListImages: max_results must be an int, got str '{'9' * 59}...",
            id="long text is cut",
        ),
        pytest.param(
            lambda c: c.create_repository(repository_name="a"),
            "CreateRepository: repository_name must have at least 2 characters, got 'a'",
            id="short text",
        ),
        pytest.param(
            lambda c: c.list_images(**APP, max_results=0),
            "ListImages: max_results must be at least 1, got 0",
            id="small number",
        ),
        pytest.param(
            lambda c: c.upload_layer_part(**PART, layer_part_blob="s3cret"),
            "UploadLayerPart: layer_part_blob must be bytes, got str; did you mean its encode()?",
            id="a blob is not shown",
        ),
        pytest.param(
            lambda c: c.upload_layer_part(**PART, layer_part_blob=memoryview(b"layers")[::2]),
            "UploadLayerPart: layer_part_blob must be contiguous bytes, got a memoryview with gaps",
            id="blob with gaps",
        ),
    ],
)
def test_texts(refusing: ECRClient, call: Callable[[ECRClient], object], text: str) -> None:
    """The text says which operation and member is wrong, what belongs there, and what was there."""
    assert refusal(lambda: call(refusing)) == text


REPOSITORY = example(
    models.Repository,
    repository_name="app",
    image_scanning_configuration=models.ImageScanningConfiguration(scan_on_push=True),
)
IMAGE_OF_A_RESULT = example(models.Image, image_id=IMAGE)


@pytest.mark.parametrize(
    ("operation", "members", "meant"),
    [
        ("batch_get_image", {"image_ids": ["v1"]}, "ImageIdentifier(image_digest=..., image_tag"),
        ("batch_get_image", {"image_ids": {"imageTag": "v1"}}, "[ImageIdentifier(image_tag=...)]"),
        ("batch_get_image", {"image_ids": IMAGE}, "[ImageIdentifier(image_tag=...)]"),
        ("batch_get_image", {"image_ids": [IMAGE_OF_A_RESULT]}, "its image_id"),
        ("batch_get_image", {"image_ids": models.ListImagesResult()}, "its image_ids"),
        (
            "batch_get_image",
            {"image_ids": [example(models.ImageDetail, image_digest="d", image_tags=["v1"])]},
            "ImageIdentifier(image_digest=...)",
        ),
        ("batch_get_image", {"image_ids": {IMAGE}}, "list(...)"),
        ("batch_get_image", {"image_ids": {IMAGE: 1}.keys()}, "list(...)"),
        (
            "create_repository",
            {"image_scanning_configuration": {"scanOnPush": True}},
            "ImageScanningConfiguration(scan_on_push=...) or from_dict(ImageScanningConfiguration",
        ),
        ("create_repository", {"tags": {"team": "app"}}, "[Tag(key=..., value=...)]"),
        (
            "put_image_scanning_configuration",
            {"image_scanning_configuration": REPOSITORY},
            "its image_scanning_configuration",
        ),
        ("list_images", {"repository_name": REPOSITORY}, "its repository_name"),
        ("list_images", {"registry_id": 123456789012}, "'123456789012'"),
        ("describe_image_scan_findings", {"image_id": IMAGE_OF_A_RESULT}, "its image_id"),
        (
            "batch_check_layer_availability",
            {"layer_digests": "sha256:aa"},
            "['sha256:aa']",
        ),
        ("set_repository_policy", {"policy_text": {"Statement": []}}, "json.dumps(...)"),
        ("put_image", {"image_manifest": b"{}"}, "its decode()"),
        (
            "put_image_tag_mutability",
            {"image_tag_mutability": "immutable"},
            "ImageTagMutability.IMMUTABLE ('IMMUTABLE')",
        ),
        (
            "create_pull_through_cache_rule",
            {**MIRROR, "upstream_registry": "Docker_Hub"},
            "UpstreamRegistry.DOCKER_HUB ('docker-hub')",
        ),
        ("upload_layer_part", {**PART, "layer_part_blob": io.BytesIO(b"")}, "its read()"),
    ],
)
def test_hints(refusing: ECRClient, operation: str, members: dict[str, Any], meant: str) -> None:
    """A mistake that people bring along is refused with what was probably meant."""
    given = members if "upstream_registry" in members else {**APP, **members}
    text = refusal(lambda: getattr(refusing, operation)(**given))

    assert f"; did you mean {meant}" in text


@pytest.mark.parametrize("value", ["IMMUTABLE", "TOMORROW", "IMMUTABLE_TOO", models.TagStatus.ANY])
def test_values_of_enums(server: Any, client: ECRClient, value: str) -> None:
    """A value that is far from all known ones is sent, but none of another enum."""
    given: dict[str, Any] = {**APP, "image_tag_mutability": value}
    if isinstance(value, enum.Enum):
        text = refusal(lambda: client.put_image_tag_mutability(**given))

        assert text.endswith("must be a value of ImageTagMutability, got TagStatus.ANY")
    else:
        with contextlib.suppress(ResponseParseException):  # The server responds with nothing.
            client.put_image_tag_mutability(**given)

        assert json.loads(server.requests[0].body)["imageTagMutability"] == value


@pytest.mark.parametrize("value", ["a\ud800", "\udfff"])
def test_lone_surrogates(refusing: ECRClient, value: str) -> None:
    """A string that no UTF-8 can hold is refused, and its place in the string is told."""
    text = refusal(lambda: refusing.set_repository_policy(**APP, policy_text=value))

    assert f"must be a string without lone surrogates, got one at position {len(value) - 1}" in text


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda c: c.list_images(**APP, max_results=DIGITS), "ListImages: max_results "),
        (lambda c: c.list_images(**APP, max_results=-DIGITS), "ListImages: max_results "),
        (lambda c: c.list_images(repository_name=DIGITS), "ListImages: repository_name "),
        (
            lambda c: c.upload_layer_part(**PART, layer_part_blob=RELEASED),
            "UploadLayerPart: layer_part_blob ",
        ),
    ],
    ids=["int", "negative int", "int for a str", "released view"],
)
def test_values_that_cannot_be_written(
    refusing: ECRClient, call: Callable[[ECRClient], object], place: str
) -> None:
    """A value of the right type that Python itself cannot turn into text is refused like others."""
    assert refusal(lambda: call(refusing)).startswith(place)


@pytest.mark.parametrize(
    "request_class",
    [getattr(models, f"{operation}Request") for operation in OPERATIONS],
    ids=OPERATIONS,
)
def test_request_objects_refuse_unknown_members(request_class: type[Any]) -> None:
    """A misspelt member of a request object is a TypeError that names the class and the member."""
    with pytest.raises(TypeError, match=rf"{request_class.__name__}\..*'misspelt'"):
        made(request_class, misspelt="app")
