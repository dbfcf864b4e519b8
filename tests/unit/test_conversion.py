"""Models as plain data and back: what is included, what is left out, and what is refused.

`tests/oracle` compares it with boto3's data, and `tests/fuzz` takes any model there and back.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from ecr_client import ECRClient, ResponseMetadata, from_dict, models, to_dict
from ecr_client.conversion import converter
from ecr_client.exceptions import ParamValidationException
from ecr_client.models import (
    AuthorizationData,
    CreateRepositoryRequest,
    DescribeRepositoriesResult,
    ImageIdentifier,
    ImageTagMutability,
    Repository,
    Tag,
)
from ecr_client.testing import example

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone.utc)
PART = models.UploadLayerPartRequest(
    repository_name="app",
    upload_id="u",
    part_first_byte=0,
    part_last_byte=2,
    layer_part_blob=b"abc",
)
WHOLE = example(Repository, created_at=NOW, image_tag_mutability=ImageTagMutability.MUTABLE)
RESULT = DescribeRepositoriesResult(repositories=[WHOLE])
CREATE = CreateRepositoryRequest(repository_name="app", tags=[Tag(key="team", value="web")])


def test_plain_data() -> None:
    """Members have the requested style of names and JSON values; absent ones are left out.

    Only the lists of a result are kept even if they are empty.
    """
    found = to_dict(RESULT)["repositories"][0]
    wire = {"repositoryName": "app", "tags": [{"Key": "team", "Value": "web"}]}

    assert found["created_at"] == "2026-01-02T03:04:05.678000+00:00"
    assert found["image_tag_mutability"] == "MUTABLE"
    assert type(found["image_tag_mutability"]) is str
    assert found.keys() == {
        *("repository_arn", "registry_id", "repository_name", "repository_uri", "created_at"),
        "image_tag_mutability",
    }
    assert to_dict(CREATE, "wire") == wire
    assert to_dict(DescribeRepositoriesResult(), "wire") == {"repositories": []}
    assert to_dict(models.ImageScanFinding()) == {}


@pytest.mark.parametrize(
    ("made", "name", "shown"),
    [
        (example(AuthorizationData, authorization_token="s3cret"), "authorization_token", "s3cret"),
        (models.GetDownloadUrlForLayerResult(download_url="u?s"), "download_url", "u?s"),
        (PART, "layer_part_blob", "YWJj"),
    ],
)
def test_secrets(made: Any, name: str, shown: str) -> None:
    """What a repr hides is left out unless ``include_secrets`` is true."""
    assert name not in to_dict(made)
    assert to_dict(made, include_secrets=True)[name] == shown


@pytest.mark.parametrize(
    ("names", "place", "members"),
    [
        ("python", "response_metadata", ("request_id", "http_headers", "retry_attempts")),
        ("wire", "ResponseMetadata", ("RequestId", "HTTPHeaders", "RetryAttempts")),
    ],
)
def test_metadata(
    client: ECRClient, server: Any, names: Any, place: str, members: tuple[str, ...]
) -> None:
    """Metadata is included on request, with names of the given style, and is read back."""
    server.responses = [(200, {"x-amzn-RequestId": "id-1"}, b"{}")]
    result = client.describe_repositories()
    found = to_dict(result, names, include_metadata=True)
    again = from_dict(DescribeRepositoriesResult, json.loads(json.dumps(found)))

    assert place not in to_dict(result, names)
    assert [found[place][each] for each in members][::2] == ["id-1", 0]
    assert found[place][members[1]].keys() & {"x-amzn-RequestId", "x-amzn-requestid"}
    assert again.response_metadata == result.response_metadata
    assert again.response_metadata.http_headers["X-AMZN-REQUESTID"] == "id-1"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (ImageIdentifier(image_tag=5), "image_tag must be a str, got int 5; did you mean '5'?"),  # type: ignore[arg-type]
        (ImageIdentifier(image_tag="\ud800"), "image_tag must be a string without lone surrogates"),
        (attrs.evolve(WHOLE, created_at=NOW.replace(tzinfo=None)), "must be a datetime with a"),
        (models.CvssScore(base_score=float("nan")), "base_score must be a finite number"),
        (CreateRepositoryRequest(repository_name=None), "repository_name is required"),  # type: ignore[arg-type]
    ],
)
def test_wrong_values(made: Any, text: str) -> None:
    """A member that is not of its declared type is refused by its name."""
    with pytest.raises(ParamValidationException, match=f"^{type(made).__name__}: ") as caught:
        to_dict(made)

    assert text in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        {"repositoryName": "app", "tags": [{"Key": "team", "Value": "web"}]},
        {"repository_name": "app", "tags": ({"key": "team", "Value": "web"},), "registryId": None},
        {"repository_name": "app", "tags": [Tag(key="team", value="web")]},
    ],
)
def test_names_and_models(data: dict[str, Any]) -> None:
    """Both names of each member are accepted, and a value that is a model already is kept."""
    assert from_dict(CreateRepositoryRequest, data) == CREATE


def test_forms_of_values() -> None:
    """Times, bytes and enums are read as in JSON, boto3 and YAML; unknown values are kept."""
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    blobs: tuple[Any, ...] = (b"abc", memoryview(b"xabc")[1:], "YWJj")
    for when in (NOW, NOW.isoformat(), NOW.timestamp(), there):
        assert from_dict(Repository, {**to_dict(WHOLE), "created_at": when}).created_at == NOW
    for blob in blobs:
        data = {**to_dict(PART, "wire"), "layerPartBlob": blob}
        assert from_dict(models.UploadLayerPartRequest, data) == PART
    known, unknown = (
        from_dict(Repository, {**to_dict(WHOLE), "image_tag_mutability": text}).image_tag_mutability
        for text in ("MUTABLE", "NEW")
    )

    assert known is ImageTagMutability.MUTABLE
    assert unknown == "NEW"


def nested(**members: Any) -> dict[str, Any]:
    return {"repositories": [members]}


@pytest.mark.parametrize(
    ("cls", "data", "text"),
    [
        *(
            (DescribeRepositoriesResult, data, text)
            for data, text in (
                (None, "must be a dict or of type DescribeRepositoriesResult, got None"),
                ({"repositories": {}}, "repositories must be a list or a tuple, got dict; did you"),
                ({"repositories": "a"}, "repositories must be a list or a tuple, got str 'a'"),
                ({"repositories": [None]}, "[0] must be a dict or of type Repository, got None"),
                (
                    {"repositories": [to_dict(WHOLE), {"created_at": "soon"}]},
                    "repositories[1].created_at must be a time in ISO 8601, got str 'soon'",
                ),
                (nested(createdAt=True), "repositories[0].createdAt must be a time in ISO"),
                (nested(registryId=12), "[0].registryId must be a str, got int 12; did"),
                (
                    nested(repositoryname="app"),
                    "[0].repositoryname is not a member of Repository; did you mean repository_n",
                ),
                ({"next": 1}, "next is not a member of DescribeRepositoriesResult"),
                ({1: 1}, "1 is not a member of DescribeRepositoriesResult"),
                (
                    {"next_token": "a", "nextToken": "a"},
                    "nextToken is given twice, under both of its",
                ),
                ({"response_metadata": 5}, "response_metadata must be a dict, got int 5"),
            )
        ),
        (CreateRepositoryRequest, {"tags": []}, "repository_name is required"),
        (
            models.ImageScanFindings,
            {"findingSeverityCounts": {"HIGH": "x"}},
            "findingSeverityCounts['HIGH'] must be an int",
        ),
        (type(PART), {**to_dict(PART), "layer_part_blob": "s3cret"}, "blob must be base64"),
    ],
)
def test_wrong_data(cls: Any, data: Any, text: str) -> None:
    """A value that does not fit the class is refused with its place in the data."""
    with pytest.raises(ParamValidationException, match=f"^{cls.__name__}: ") as caught:
        from_dict(cls, data)

    assert text in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_not_a_model() -> None:
    """Only models can be converted, and an unknown style of names is a ValueError."""
    wrong: Any
    for wrong in (dict, ResponseMetadata, ImageTagMutability, "Repository", 5):
        with pytest.raises(TypeError, match=r"cls must be a class of .*, got"):
            from_dict(wrong, {})
        with pytest.raises(TypeError, match="value must be a model, got"):
            to_dict(wrong)
    with pytest.raises(ValueError, match="names must be 'python' or 'wire', got 'java'"):
        to_dict(RESULT, "java")  # type: ignore[arg-type]


def test_headers_that_differ_in_case() -> None:
    """Of two headers whose names differ only in case, the last one is kept."""
    data = {"response_metadata": {"http_headers": {"X-A": "1", "x-a": "2"}}}
    headers = from_dict(DescribeRepositoriesResult, data).response_metadata.http_headers

    assert list(headers.items()) == [("x-a", "2")]


def test_models_in_other_classes() -> None:
    """A converter handles attrs classes that contain models, and each one is a new object."""
    report = attrs.make_class(
        "Report", {"pages": attrs.field(type=list[DescribeRepositoriesResult])}
    )
    used = converter("wire")
    plain = used.unstructure(report([RESULT]))

    assert plain == {"pages": [to_dict(RESULT, "wire")]}
    assert used.structure(plain, report) == report([RESULT])
    assert converter("wire") is not used
