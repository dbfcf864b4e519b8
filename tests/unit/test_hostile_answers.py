"""Responses whose body is hostile or broken: each gives a documented error, never a bare one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from ecr_client import Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonECRException,
    InvalidLayerPartException,
    RepositoryNotFoundException,
    ResponseParseException,
)
from ecr_client.models import TagResourceResult

URL = "https://ecr.example.org"
REPOSITORY = {
    "repositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/app",
    "registryId": "123456789012",
    "repositoryName": "app",
    "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
    "createdAt": 1767322800.123,
    "imageTagMutability": "IMMUTABLE",
    "imageScanningConfiguration": {"scanOnPush": True},
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:\u00e9\u20ac"},
}
BODY = json.dumps({"repositories": [REPOSITORY, REPOSITORY], "nextToken": "t\u00e9"}).encode()
LEVELS = 100_000


class Calls:
    """A client whose service gives any answer, in this process."""

    def __init__(self, mocked: responses.RequestsMock, client: ECRClient) -> None:
        self._mocked = mocked
        self.client = client

    def repositories(self, body: bytes, status: int = 200, **headers: str) -> Any:
        """Return what describe_repositories makes of a response."""
        self.answer(body, status, **headers)
        return self.client.describe_repositories()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self._mocked.reset()
        named = {"x-amzn-RequestId": "id-1", **headers}
        self._mocked.post(f"{URL}/", body=body, status=status, headers=named)

    def parse_error(self, body: bytes) -> str:
        """Return the text of the error that a response with status 200 has to give."""
        with pytest.raises(ResponseParseException) as caught:
            self.repositories(body)
        error = caught.value

        assert type(error) is ResponseParseException
        assert error.operation_name == "DescribeRepositories"
        assert error.response_metadata.request_id == "id-1"
        assert error.response_metadata.http_status_code == 200
        assert str(error).endswith(
            " (Operation: DescribeRepositories; Status Code: 200; Request ID: id-1)"
        )
        # The frames of the codec hold what was received.
        assert (error.__cause__, error.__context__) == (None, None)
        return str(error)

    def service_error(self, body: bytes, status: int = 400, **headers: str) -> AmazonECRException:
        """Return the exception that a response with an error status has to give."""
        with pytest.raises(AmazonECRException) as caught:
            self.repositories(body, status, **headers)

        assert caught.value.operation_name == "DescribeRepositories"
        assert (caught.value.status_code, caught.value.request_id) == (status, "id-1")
        return caught.value


@pytest.fixture
def calls(credentials: Credentials) -> Iterator[Calls]:
    """Return calls whose responses the test writes."""
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as mocked,
        ECRClient(endpoint=URL, credentials=credentials) as client,
    ):
        yield Calls(mocked, client)


# --- not JSON -------------------------------------------------------------------------------------


def test_the_body_itself_is_good(calls: Calls) -> None:
    """The body that the tests below break is read completely."""
    result = calls.repositories(BODY)

    assert [repository.repository_name for repository in result.repositories] == ["app", "app"]
    assert result.repositories[0].created_at.year == 2026
    assert result.next_token == "té"


def test_truncated_at_every_byte(calls: Calls) -> None:
    """Every proper beginning of a body is an error; none is taken for a shorter response."""
    for length in range(len(BODY)):
        calls.parse_error(BODY[:length])


def test_truncated_errors_are_still_errors(calls: Calls) -> None:
    """An error whose body is truncated is an error without its code; only the whole one has it."""
    body = b'{"__type": "RepositoryNotFoundException", "message": "gone"}'
    for length in range(len(body)):
        error = calls.service_error(body[:length])

        assert type(error) is AmazonECRException
        assert (error.error_code, error.error_message) == ("400", "Bad Request")
    assert type(calls.service_error(body)) is RepositoryNotFoundException


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"", "the response is empty", id="empty"),
        pytest.param(b" \r\n\t", "the response is empty", id="white space"),
        pytest.param(b"null", "must be an object", id="null"),
        pytest.param(b"[]", "must be an object", id="list"),
        pytest.param(b'[{"repositories": []}]', "must be an object", id="list of the answer"),
        pytest.param(b'"text"', "must be an object", id="text"),
        pytest.param(b"7", "must be an object", id="number"),
        pytest.param(b"true", "must be an object", id="boolean"),
        pytest.param(b"<html></html>", "not JSON", id="HTML"),
        pytest.param(b"{}{}", "not JSON", id="two objects"),
        pytest.param(b"{} trailing", "not JSON", id="trailing text"),
        pytest.param(b"{'repositories': []}", "not JSON", id="single quotes"),
        pytest.param(b'{"repositories": [],}', "not JSON", id="trailing comma"),
        pytest.param(b'{"nextToken": "a\nb"}', "not JSON", id="line end in a text"),
        pytest.param(b'{"nextToken": "\\x"}', "not JSON", id="bad escape"),
        pytest.param(b"\x00" * 50, "not JSON", id="zeros"),
        pytest.param(BODY + b"\x00", "not JSON", id="a zero at the end"),
        pytest.param(b"\xef\xbb\xbf" + BODY, "not JSON", id="utf-8 with mark"),
        pytest.param(BODY.decode().encode("utf-16"), "not JSON", id="utf-16 with mark"),
        pytest.param(BODY.decode().encode("utf-16-le"), "not JSON", id="utf-16-le"),
        pytest.param(BODY.decode().encode("utf-16-be"), "not JSON", id="utf-16-be"),
        pytest.param(BODY.decode().encode("utf-32"), "not JSON", id="utf-32"),
        pytest.param('{"nextToken": "é"}'.encode("latin-1"), "not JSON", id="latin-1"),
        pytest.param(b'{"nextToken": "\xc0\xaf"}', "not JSON", id="overlong UTF-8"),
        pytest.param(b'{"nextToken": "\\ud800', "not JSON", id="truncated surrogate"),
        pytest.param(b'{"nextToken": NaN}', "", id="NaN"),
        pytest.param(b"[" * LEVELS, "not JSON", id="deep, open"),
        pytest.param(b"[" * LEVELS + b"]" * LEVELS, "not JSON", id="deep lists"),
        pytest.param(b'{"a":' * LEVELS + b"1" + b"}" * LEVELS, "not JSON", id="deep objects"),
        pytest.param(
            b'{"unknown": ' + b"[" * LEVELS + b"]" * LEVELS + b"}",
            "not JSON",
            id="deep in an unknown member",
        ),
    ],
)
def test_not_an_answer(calls: Calls, body: bytes, problem: str) -> None:
    """A body that is not one JSON object in UTF-8 is refused, and the text says so briefly."""
    text = calls.parse_error(body)

    assert problem in text
    assert len(text) < 300


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"unknown": 1}'])
def test_operations_without_members_take_an_empty_body(calls: Calls, body: bytes) -> None:
    """Where nothing but the metadata is expected, an empty body is a response."""
    calls.answer(body)
    result = calls.client.tag_resource(resource_arn="arn", tags=[])

    assert result == TagResourceResult()
    assert result.response_metadata.request_id == "id-1"


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"RepositoryNotFoundException"',
        b"7",
        b"<html><title>RepositoryNotFoundException</title></html>",
        b'{"__type": "RepositoryNotFoundException"',
        b'{"__type": null, "message": null}',
        b'{"__type": null, "code": [], "message": {}}',
        b'{"__type": "", "code": " ", "message": ""}',
        b'{"__type": "#", "code": ":"}',
        '{"__type": "RepositoryNotFoundException"}'.encode("utf-16"),
        b'{"message": "\xe9"}',
        b'{"message": NaN}',
        b'{"message": %b}' % (b"1" * 5000),
        b"[" * LEVELS,
        b'{"message": ' + b"[" * LEVELS + b"]" * LEVELS + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
@pytest.mark.parametrize(("status", "phrase"), [(400, "Bad Request"), (503, "Service Unavailable")])
def test_errors_without_a_code(calls: Calls, body: bytes, status: int, phrase: str) -> None:
    """An error without a readable code has the status for a code, and its phrase in the message."""
    error = calls.service_error(body, status)

    assert type(error) is AmazonECRException
    assert (error.error_code, error.error_message.partition(":")[0]) == (str(status), phrase)
    assert error.retryable is (status == 503)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 418, 451, 499, 509, 599, 600, 999])
def test_unexpected_statuses(calls: Calls, status: int) -> None:
    """Every status that is no success is an error of the service, also one that nobody knows."""
    error = calls.service_error(BODY, status)

    assert type(error) is AmazonECRException
    assert error.error_code == str(status)
    assert f"Status Code: {status}" in str(error)


@pytest.mark.parametrize("status", [200, 201, 202, 206, 299])
def test_every_success_is_read(calls: Calls, status: int) -> None:
    """A response with another status of success is read, and its metadata has that status."""
    result = calls.repositories(BODY, status)

    assert len(result.repositories) == 2
    assert result.response_metadata.http_status_code == status


def test_no_content_is_no_answer(calls: Calls) -> None:
    """A 204 where members are expected is an error, not an empty result."""
    with pytest.raises(ResponseParseException, match=r"is empty .*Status Code: 204"):
        calls.repositories(b"", 204)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_pages_of_proxies(calls: Calls, status: int) -> None:
    """The HTML page of a proxy is a retryable error that does not quote the page."""
    page = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"
    error = calls.service_error(page, status, **{"Content-Type": "text/html"})

    assert (error.error_type, error.retryable) == ("Service", True)
    assert "<" not in str(error)


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
def test_members_of_errors(calls: Calls, members: dict[str, Any], expected: Any) -> None:
    """A member of an error that has a wrong type is left out; the error itself is kept."""
    body = json.dumps({"__type": "InvalidLayerPartException", **members}).encode()
    error = calls.service_error(body)

    assert isinstance(error, InvalidLayerPartException)
    assert (error.last_valid_byte_received, error.upload_id, error.registry_id) == expected


@pytest.mark.parametrize(
    "code", ["X" * 10_000, "Nonsense\u0000", "\u00e9\u20ac", "__init__", "KeyError"]
)
@pytest.mark.parametrize("name", ["__type", "code"])
def test_codes_that_nobody_knows(calls: Calls, name: str, code: str) -> None:
    """A code that stands in no table is kept, cut to 128 characters, in the general class."""
    error = calls.service_error(json.dumps({name: code}).encode())

    assert type(error) is AmazonECRException
    assert error.error_code == code[:128]


def test_codes_of_headers(calls: Calls) -> None:
    """The code may stand in a header, which counts for more than the body, whatever that holds."""
    header = {"x-amzn-ErrorType": "RepositoryNotFoundException:http://aws.example/x#y"}
    for body in (b"", b"<html>", b'{"__type": "ImageNotFoundException"}'):
        error = calls.service_error(body, **header)

        assert type(error) is RepositoryNotFoundException


@pytest.mark.parametrize("name", ["__type", "code", "message"])
def test_texts_can_be_written(calls: Calls, name: str) -> None:
    """Half of a character in an error is replaced, so that its text can be logged as UTF-8."""
    error = calls.service_error(json.dumps({name: "a\ud800b"}).encode())

    assert "a\ufffdb" in (error.error_code, error.error_message)
    assert str(error).encode()
