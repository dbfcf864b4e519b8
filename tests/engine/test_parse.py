"""From a response to a result or an exception, without any transport."""

from __future__ import annotations

import json
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from ecr_client import models, operations
from ecr_client._engine.http import HTTPResponse
from ecr_client._engine.parse import MAX_CODE, parse
from ecr_client.exceptions import (
    AmazonECRException,
    ConnectionClosedException,
    InvalidLayerPartException,
    RepositoryNotFoundException,
    ResponseParseException,
    ThrottlingException,
)
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

RESULT = models.DescribeRepositoriesResult(
    repositories=[example(models.Repository, repository_name="app")], next_token="t"
)
BODY = encode_result(RESULT)
REPOSITORY = json.loads(BODY)["repositories"][0]
WITHOUT_URI, LATE = {**REPOSITORY, "repositoryUri": None}, {**REPOSITORY, "createdAt": "soon"}
LEVELS = 100_000
RETRIED = (ConnectionClosedException("gone"), ThrottlingException("slow down"))


def response(body: Any = b"{}", status: int = 200, **headers: str) -> HTTPResponse:
    """Return a response; a body that is not bytes is encoded as JSON."""
    found = CaseInsensitiveDict({name.replace("_", "-"): text for name, text in headers.items()})
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, found, content)


def error_of(received: HTTPResponse, retried: tuple[Exception, ...] = ()) -> AmazonECRException:
    """Return the exception that a response stands for."""
    with pytest.raises(AmazonECRException) as caught:
        parse(operations.DESCRIBE_REPOSITORIES, received, retried)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 299])
def test_a_result(status: int) -> None:
    """A success is a result with request id, status, headers and the attempts before it."""
    received = response(BODY, status, x_amzn_RequestId="id-1", Date="today")
    result = parse(operations.DESCRIBE_REPOSITORIES, received, RETRIED)
    metadata = result.response_metadata

    assert result == RESULT
    assert (metadata.request_id, metadata.http_status_code) == ("id-1", status)
    assert metadata.http_headers["date"] == "today"
    assert (metadata.retry_attempts, metadata.retried_errors) == (2, RETRIED)


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}", b'{"unknown": 1}'])
def test_results_without_members(body: bytes) -> None:
    """If nothing but the metadata is expected, the body may be empty or unknown."""
    assert parse(operations.TAG_RESOURCE, response(body)) == models.TagResourceResult()


def test_truncated_responses() -> None:
    """A truncated success is never an empty result, and a truncated error only has its status."""
    for length in range(len(BODY)):
        with pytest.raises(ResponseParseException, match=r"the response is (empty|not JSON)"):
            parse(operations.DESCRIBE_REPOSITORIES, response(BODY[:length], 204))
    body = b'{"__type": "RepositoryNotFoundException", "message": "gone"}'
    for length in range(len(body)):
        error = error_of(response(body[:length], 400))
        assert (type(error), error.error_code) == (AmazonECRException, "400")

    assert type(error_of(response(body, 400))) is RepositoryNotFoundException


NO_JSON = {
    "HTML": b"<html></html>",
    "trailing text": b"{} trailing",
    "single quotes": b"{'repositories': []}",
    "line end in a string": b'{"nextToken": "a\nb"}',
    "bad escape": b'{"nextToken": "\\x"}',
    "a zero at the end": BODY + b"\x00",
    "utf-8 with mark": b"\xef\xbb\xbf" + BODY,
    **{each: BODY.decode().encode(each) for each in ("utf-16", "utf-16-le", "utf-32")},
    "latin-1": b'{"nextToken": "\xe9"}',
    "overlong UTF-8": b'{"nextToken": "\xc0\xaf"}',
    "truncated surrogate": b'{"nextToken": "\\ud800',
    "NaN": b'{"nextToken": NaN}',
    "deep lists": b"[" * LEVELS + b"]" * LEVELS,
    "deep in an unknown member": b'{"unknown": ' + b"[" * LEVELS + b"]" * LEVELS + b"}",
}


@pytest.mark.parametrize("name", NO_JSON)
def test_not_json(name: str) -> None:
    """A body that is not one UTF-8 JSON document is no result; an error then has its status."""
    body = NO_JSON[name]
    with pytest.raises(ResponseParseException, match="the response is not JSON") as caught:
        parse(operations.DESCRIBE_REPOSITORIES, response(body))
    bad, down = error_of(response(body, 400)), error_of(response(body, 503))

    assert len(str(caught.value)) < 300
    assert type(bad) is type(down) is AmazonECRException
    assert (bad.error_code, bad.retryable) == ("400", False)
    assert (down.error_code, down.retryable) == ("503", True)
    assert bad.error_message.partition(":")[0] == "Bad Request"
    assert down.error_message.partition(":")[0] == "Service Unavailable"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the response is empty"),
        (b"  \n", "the response is empty"),
        (b"[]", "must be an object"),
        ([{"repositories": []}], "must be an object"),
        (b'"text"', "must be an object"),
        (b"true", "must be an object"),
        (b"null", "must be an object"),
        (b"5", "must be an object"),
        ({"repositories": {}}, "repositories must be a list"),
        ({"repositories": [None, WITHOUT_URI]}, r"repositories\[1\]\.repositoryUri is missing "),
        ({"repositories": [None, LATE]}, r"repositories\[1\]\.createdAt is not a timestamp "),
        ({"nextToken": 5}, "nextToken must be a (str|string)"),
    ],
)
def test_malformed_results(body: Any, text: str) -> None:
    """The error of a success that is not a result says what is wrong with it, and where."""
    received = response(body, x_amzn_RequestId="id-1")
    with pytest.raises(ResponseParseException, match=text) as caught:
        parse(operations.DESCRIBE_REPOSITORIES, received, RETRIED)
    error = caught.value

    assert error.operation_name == "DescribeRepositories"
    assert str(error).endswith(
        "(Operation: DescribeRepositories; Status Code: 200; Request ID: id-1)"
    )
    assert error.response_metadata.retry_attempts == 2


def nested(levels: int) -> Any:
    """Return lists nested to a depth."""
    return [nested(levels - 1)] if levels else []


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({}, {"__type": "ImageNotFoundException"}, "ImageNotFoundException"),
        ({}, {"code": "ImageNotFoundException"}, "ImageNotFoundException"),
        ({"x_amzn_ErrorType": "a#FromHeader:http://x"}, {"__type": "FromBody"}, "FromHeader"),
        ({"X_AMZN_ERRORTYPE": "FromHeader"}, b"<html>", "FromHeader"),
        ({"x_amzn_ErrorType": " "}, {"__type": "FromBody"}, "FromBody"),
        ({}, {"__type": "", "code": "FromCode"}, "FromCode"),
        ({}, {"__type": 5, "code": "FromCode"}, "FromCode"),
        ({}, {"__type": "First", "code": "Second"}, "First"),
        ({}, b"", "400"),
        ({}, "RepositoryNotFoundException", "400"),
        ({}, {"__type": None, "code": [], "message": {}}, "400"),
        ({}, {"__type": "#", "code": ":"}, "400"),
        ({}, {"__type": "a\ud800b"}, "a\ufffdb"),
        ({}, {"__type": "x" * 1000}, "x" * MAX_CODE),
        ({}, {"code": 403}, "403"),
        ({}, {"__type": ["SomeException", "a\nb"]}, '["SomeException","a\\nb"]'),
        ({}, {"__type": {"a": ["x" * 1000]}}, ('{"a":["' + "x" * MAX_CODE)[:MAX_CODE]),
    ],
)
def test_codes(headers: dict[str, str], body: Any, code: str) -> None:
    """The code comes from the header, else ``__type``, else ``code``, else from the status."""
    assert error_of(response(body, 400, **headers)).error_code == code


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"message": "a", "Message": "b", "errorMessage": "c"}, 400, "a"),
        ({"message": "", "Message": None, "errorMessage": "c"}, 400, "c"),
        ({"message": ["a", {"b": 1}], "Message": "c"}, 404, '["a",{"b":1}]'),
        ({"message": [], "Message": {"why": "\n\u2028"}}, 404, r'{"why":"\n\u2028"}'),
        ({"message": {}, "Message": False}, 404, "false"),
        ({"message": "x" * 9000}, 400, "x" * 9000),
        ({"message": ["x" * 9000]}, 400, '["' + "x" * 1998 + "..."),
        (
            {"message": {"authorizationToken": "s3cret", "at": "https://u:s3cret@h/?s=s3cret"}},
            400,
            '{"authorizationToken":"***","at":"https://***@h/?***"}',
        ),
        ({"message": nested(200)}, 400, "[" * 8 + '"..."' + "]" * 8),
        ({"message": "a\ud800b"}, 400, "a\ufffdb"),
        (b"", 502, "Bad Gateway"),
        (b"", 599, "The service responded with an error"),
    ],
)
def test_messages(body: Any, status: int, message: str) -> None:
    """The message is the first one present, as JSON if it is no string, or else the status's."""
    assert error_of(response(body, status)).error_message == message


def test_errors_by_status_and_code() -> None:
    """Every status outside of 200 to 299 is an error; an unknown code has no class of its own."""
    for status in (100, 199, 300, 302, 304, 400, 999):
        assert error_of(response(BODY, status)).status_code == status
    for code in ("SomethingNew", "__init__", "KeyError", "\0"):
        assert type(error_of(response({"__type": code}, 400))) is AmazonECRException


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"lastValidByteReceived": "x", "uploadId": 7, "registryId": []}, (None, None, None)),
        ({"lastValidByteReceived": "7"}, (7, None, None)),
        ({"lastValidByteReceived": 7.0}, (7, None, None)),
        ({"lastValidByteReceived": True, "uploadId": None}, (None, None, None)),
        ({"lastValidByteReceived": 7, "uploadId": "u", "registryId": "1"}, (7, "u", "1")),
        ({"lastValidByteReceived": -1, "unknown": {"a": 1}}, (-1, None, None)),
    ],
)
def test_members(members: dict[str, Any], expected: Any) -> None:
    """The modeled members of an error are read, and those of a wrong type are None."""
    error: Any = error_of(response({"__type": "InvalidLayerPartException", **members}, 400))

    assert isinstance(error, InvalidLayerPartException)
    assert (error.last_valid_byte_received, error.upload_id, error.registry_id) == expected


def test_metadata_of_an_error() -> None:
    """An error has its request id, its status and the attempts before it."""
    received = response({"__type": "X", "message": "no"}, 400, x_amzn_RequestId="id-1")
    error = error_of(received, RETRIED)

    assert (error.request_id, error.status_code, error.attempts) == ("id-1", 400, 3)
    assert error.retried_errors == RETRIED
    assert error.operation_name == "DescribeRepositories"
