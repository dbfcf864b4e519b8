"""Bad input: each kind fails with its own documented error, before anything is sent."""

from __future__ import annotations

import collections.abc
import contextlib
import enum
import functools
import inspect
import io
import itertools
import json
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from botocore import xform_name

from ecr_client import ECRClient, models
from ecr_client._shapes import type_parts
from ecr_client.exceptions import ParamValidationException, ResponseParseException
from ecr_client.models import ImageIdentifier, Tag
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example

#: Values that do not fit a type of member, though they may look as if they did.
WRONG: dict[Any, list[Any]] = {
    str: [0, True, 7.5, b"text", ["text"], {"a": "b"}, object(), str],
    int: ["7", True, 7.0, b"7", [7], {}, object(), int],
    bool: [0, 1, "true", "", 1.0, [True], object(), bool],
    bytes: ["layer", 7, True, [1, 2], object(), bytes],
    list: ["text", "", b"bytes", 7, {"a": "b"}, {"a"}, object(), list],
}


def good(annotation: Any, low: int = 1) -> Any:
    """Return a valid value of a type that is no smaller than a lower bound."""
    kind = type_parts(annotation)[0]
    if typing.get_origin(kind) is collections.abc.Sequence:
        return [good(typing.get_args(kind)[0])] * max(low, 1)
    if attrs.has(kind):
        return made(kind)
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    return {str: "x" * max(low, 3), bool: True, int: max(low, 1), bytes: b"layer"}[kind]


def required(cls: type[Any]) -> dict[str, Any]:
    return {
        field.name: good(field.type, field.metadata.get("min", 1))
        for field in attrs.fields(cls)
        if field.default is attrs.NOTHING
    }


def made(cls: type[Any], **changes: Any) -> Any:
    """Return an instance with its required members, and with the given changes."""
    return cls(**{**required(cls), **changes})


def wrong_values(annotation: Any) -> Iterator[tuple[str, Any]]:
    """Yield wrong values for a type, each with the path that the message must name."""
    kind = type_parts(annotation)[0]
    if typing.get_origin(kind) is collections.abc.Sequence:
        yield from (("", value) for value in [*WRONG[list], (item for item in ["text"])])
        item = typing.get_args(kind)[0]
        yield from ((f"[1]{path}", [good(item), value]) for path, value in wrong_values(item))
        yield "[0]", [None]
    elif attrs.has(kind):
        yield from (("", value) for value in ({}, {"a": "b"}, "text", 7, [], kind, Tag))
        for field in attrs.fields(kind):
            for path, value in wrong_values(field.type):
                yield f".{field.name}{path}", made(kind, **{field.name: value})
    else:
        yield from (("", value) for value in WRONG[str if issubclass(kind, enum.Enum) else kind])


def small_values(field: Any) -> Iterator[tuple[str, Any]]:
    """Yield values below the bounds of a member, if it has any, each with its path."""
    low, item_low = field.metadata.get("min", 0), field.metadata.get("item_min", 0)
    value = good(field.type, low or 1)
    if low:
        yield "", low - 1 if isinstance(value, int) else value[: low - 1]
    if item_low:
        yield "[1]", [*value, value[0][: item_low - 1]]


@pytest.fixture
def refusing(server: Any, client: ECRClient) -> Iterator[ECRClient]:
    """Yield a client, and check at the end that it sent nothing."""
    yield client
    assert server.requests == []


def refusal(call: Callable[..., object], *arguments: Any, **members: Any) -> str:
    """Return the message of the ParamValidationException that a call must raise."""
    with pytest.raises(ParamValidationException) as caught:
        call(*arguments, **members)

    assert type(caught.value) is ParamValidationException
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def test_no_request_of_the_operation(refusing: ECRClient) -> None:
    """None, another operation's request or any other value is refused in place of a request."""
    others = [made(each.request_class) for each in list(OPERATIONS.values())[:2]]
    for operation, found in OPERATIONS.items():
        method = getattr(refusing, xform_name(operation))
        other = next(each for each in others if type(each) is not found.request_class)
        for value in (None, other, {}, "app", 7, ImageIdentifier(), type(other)):
            hint = f"; did you mean keywords, or from_dict({operation}Request, ...)?"
            expected = (
                f"{operation}: request must be a {operation}Request, got {type(value).__name__}"
            )

            assert refusal(method, value) == expected + (hint if value == {} else "")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_members(refusing: ECRClient, operation: str) -> None:
    """A member that is missing, too small or of the wrong type is refused at any depth."""
    request_class = OPERATIONS[operation].request_class
    method, tried = getattr(refusing, xform_name(operation)), 0
    for field in attrs.fields(request_class):
        for path, value in wrong_values(field.type):
            text = refusal(method, made(request_class, **{field.name: value}))
            tried += 1

            assert text.startswith(f"{operation}: {field.name}{path} must "), (path, value)
        for path, value in small_values(field):
            text = refusal(method, made(request_class, **{field.name: value}))

            assert re.match(rf"{operation}: {field.name}{re.escape(path)} must .*at least \d", text)
    assert tried >= 5 * len(attrs.fields(request_class))
    values = required(request_class)
    for name in values:
        expected = f"{operation}: {name} is required"

        assert (
            refusal(method, **{each: values[each] for each in values if each != name}) == expected
        )
        assert refusal(method, made(request_class, **{name: None})) == expected


def test_unknown_keywords(refusing: ECRClient) -> None:
    """A misspelt keyword is a TypeError that names the method or the class, and the keyword."""
    for operation, found in OPERATIONS.items():
        name = xform_name(operation)
        method = getattr(refusing, name)
        with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected .* 'misspelt'"):
            method(misspelt="app")
        with pytest.raises(TypeError, match=rf"{name}\(\) takes"):
            method("app", "more")
        with pytest.raises(TypeError, match=rf"{operation}Request\..*'misspelt'"):
            made(found.request_class, misspelt="app")


APP: dict[str, Any] = {"repository_name": "app"}
PART: dict[str, Any] = {"upload_id": "u", "part_first_byte": 0, "part_last_byte": 5}
MIRROR = {"ecr_repository_prefix": "hub", "upstream_registry_url": "registry-1.docker.io"}
DIGITS = 10**5000  # more digits than Python converts to a string
IMAGE = ImageIdentifier(image_tag="v1")
RELEASED = memoryview(b"layer")
RELEASED.release()
REPOSITORY = example(
    models.Repository,
    repository_name="app",
    image_scanning_configuration=models.ImageScanningConfiguration(scan_on_push=True),
)
IMAGE_OF_A_RESULT = example(models.Image, image_id=IMAGE)
DETAIL = example(models.ImageDetail, image_digest="d", image_tags=["v1"])


@pytest.mark.parametrize(
    ("operation", "members", "text"),
    [
        ("list_images", {"max_results": True}, "max_results must be an int, got bool True"),
        ("list_images", {"max_results": "9" * 500}, f" must be an int, got str '{'9' * 59}..."),
        ("list_images", {"max_results": 0}, "max_results must be at least 1, got 0"),
        ("list_images", {"repository_name": "a"}, "must have at least 2 characters, got 'a'"),
        (
            "describe_repositories",
            {"repository_names": ["app", "b"]},
            "repository_names[1] must have at least 2 characters, got 'b'",
        ),
        (
            "describe_repository_creation_templates",
            {"prefixes": [""]},
            "prefixes[0] must have at least 1 character, got ''",
        ),
        (
            "batch_get_image",
            {"image_ids": [IMAGE, {"imageTag": "v1"}]},
            "image_ids[1] must be of type ImageIdentifier, got dict; did you mean "
            "ImageIdentifier(image_tag=...) or from_dict(ImageIdentifier, ...)?",
        ),
        (
            "batch_get_image",
            {"image_ids": (IMAGE, ImageIdentifier(image_tag=5))},  # type: ignore[arg-type]
            "image_ids[1].image_tag must be a str, got int 5; did you mean '5'?",
        ),
        (
            "batch_get_image",
            {"image_ids": "v1"},
            "image_ids must be a list or a tuple, got str 'v1'; did you mean "
            "[ImageIdentifier(image_digest=..., image_tag=...)]?",
        ),
        (
            "batch_get_image",
            {"image_ids": itertools.repeat(IMAGE)},
            "image_ids must be a list or a tuple, got repeat; did you mean list(...)?",
        ),
        (
            "upload_layer_part",
            {**PART, "layer_part_blob": "s3cret"},
            "layer_part_blob must be bytes, got str; did you mean its encode()?",
        ),
        (
            "upload_layer_part",
            {**PART, "layer_part_blob": memoryview(b"layers")[::2]},
            "layer_part_blob must be contiguous bytes, got a memoryview with gaps",
        ),
        # What was probably meant.
        *(
            (operation, members, f"; did you mean {meant}")
            for operation, members, meant in (
                ("batch_get_image", {"image_ids": ["v1"]}, "ImageIdentifier(image_digest=..., im"),
                ("batch_get_image", {"image_ids": {"imageTag": "v1"}}, "[ImageIdentifier(image_t"),
                ("batch_get_image", {"image_ids": IMAGE}, "[ImageIdentifier(image_tag=...)]"),
                ("batch_get_image", {"image_ids": [IMAGE_OF_A_RESULT]}, "its image_id"),
                ("batch_get_image", {"image_ids": models.ListImagesResult()}, "its image_ids"),
                ("batch_get_image", {"image_ids": [DETAIL]}, "ImageIdentifier(image_digest=...)"),
                ("batch_get_image", {"image_ids": {IMAGE}}, "list(...)"),
                ("batch_get_image", {"image_ids": {IMAGE: 1}.keys()}, "list(...)"),
                ("create_repository", {"tags": {"team": "app"}}, "[Tag(key=..., value=...)]"),
                (
                    "put_image_scanning_configuration",
                    {"image_scanning_configuration": REPOSITORY},
                    "its image_scanning_configuration",
                ),
                ("list_images", {"repository_name": REPOSITORY}, "its repository_name"),
                ("list_images", {"registry_id": 123456789012}, "'123456789012'"),
                ("batch_check_layer_availability", {"layer_digests": "sha256:a"}, "['sha256:a']"),
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
                ("upload_layer_part", {**PART, "layer_part_blob": io.BytesIO()}, "its read()"),
            )
        ),
    ],
)
def test_messages(refusing: ECRClient, operation: str, members: dict[str, Any], text: str) -> None:
    """The message names the operation, the member, the value, and what was probably meant."""
    method = getattr(refusing, operation)
    has_repository = "repository_name" in inspect.signature(method).parameters
    found = refusal(method, **({**APP, **members} if has_repository else members))

    assert found.startswith(f"{operation.title().replace('_', '')}: ")
    assert text in found
    assert "s3cret" not in found


def test_values_of_enums(server: Any, client: ECRClient) -> None:
    """An unknown value that resembles no known one is sent, but a value of another enum is not."""
    put = functools.partial(client.put_image_tag_mutability, **APP)
    values = ["IMMUTABLE", "TOMORROW", "IMMUTABLE_TOO"]
    for value in values:
        with contextlib.suppress(ResponseParseException):  # The server's response has no members.
            put(image_tag_mutability=value)
    text = refusal(put, image_tag_mutability=models.TagStatus.ANY)

    assert text.endswith("must be a value of ImageTagMutability, got TagStatus.ANY")
    assert [json.loads(each.body)["imageTagMutability"] for each in server.requests] == values


def test_values_that_cannot_be_encoded(refusing: ECRClient) -> None:
    """Values that cannot be encoded, such as lone surrogates or huge integers, are refused."""
    for text in ("a\ud800", "\udfff"):
        problem = f"a string without lone surrogates, got one at position {len(text) - 1}"
        assert problem in refusal(refusing.set_repository_policy, **APP, policy_text=text)
    for number in (DIGITS, -DIGITS):
        found = refusal(refusing.list_images, **APP, max_results=number)
        assert found.startswith("ListImages: max_results ")
    found = refusal(refusing.list_images, repository_name=DIGITS)
    assert found.startswith("ListImages: repository_name ")
    found = refusal(refusing.upload_layer_part, **APP, **PART, layer_part_blob=RELEASED)
    assert found.startswith("UploadLayerPart: layer_part_blob ")
