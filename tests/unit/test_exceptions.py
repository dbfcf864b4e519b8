"""The exception tree: its classes, their messages and attributes, and that they pickle."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecr_client import ResponseMetadata, exceptions
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    AmazonServiceException,
    InvalidLayerPartException,
    KmsException,
    LayerDownloadException,
    ParamValidationException,
    PartialFailureException,
    RepositoryNotFoundException,
    ResponseParseException,
    TransportException,
)

CLASSES: dict[str, type[Any]] = {name: getattr(exceptions, name) for name in exceptions.__all__}
ROOTS = (AmazonClientException, AmazonServiceException, AmazonECRException)
SERVICE = {
    name: cls
    for name, cls in CLASSES.items()
    if issubclass(cls, AmazonECRException) and cls not in ROOTS
}
CLIENT_SIDE = {
    name: cls for name, cls in CLASSES.items() if not issubclass(cls, AmazonServiceException)
}
METADATA = ResponseMetadata(
    request_id="id-1",
    http_status_code=400,
    http_headers={"x-amzn-RequestId": "id-1"},
    retry_attempts=2,
)


def made(cls: type[Any]) -> Any:
    """Return an instance with everything that its constructor takes."""
    if cls is PartialFailureException:
        return cls(("first", "second"), "the result")
    if cls is ResponseParseException:
        return cls("not JSON", "ListImages", METADATA)
    if issubclass(cls, LayerDownloadException):
        return cls("went wrong", "sha256:1", 503)
    if issubclass(cls, AmazonServiceException):
        members = {name: kind("7") for name, (_, kind) in cls.MEMBERS.items()}
        return cls("gone", operation_name="ListImages", response_metadata=METADATA, **members)
    if issubclass(cls, (TransportException, ParamValidationException)):
        return cls("went wrong", "ListImages")
    return cls("went wrong")


def status(code: int | None) -> ResponseMetadata:
    return ResponseMetadata(http_status_code=code)


def test_every_exception_is_public() -> None:
    """Each subclass of the root is exported, and the docstring draws those written by hand."""
    found, left = set(), [AmazonClientException]
    while left:
        cls = left.pop()
        if cls.__module__.startswith("ecr_client"):
            found.add(cls)
            left.extend(cls.__subclasses__())

    assert found == set(CLASSES.values())
    assert len(exceptions.__all__) == len(set(exceptions.__all__)) == len(found)
    assert [name for name in CLIENT_SIDE if name not in (exceptions.__doc__ or "")] == []


def test_roots() -> None:
    """Exactly the service's errors are botocore `ClientError`s; `public_api.txt` has all bases."""
    for cls in CLASSES.values():
        assert issubclass(cls, AmazonClientException)
        assert issubclass(cls, ClientError) is issubclass(cls, AmazonServiceException)
    for cls in SERVICE.values():
        assert cls.__mro__[1:5] == (*reversed(ROOTS), ClientError)


def test_exceptions_made_in_tests() -> None:
    """An exception that a test makes has the code of its class, and takes no other members."""
    error = AmazonECRException()

    assert (error.error_code, error.error_message, error.operation_name) == ("Unknown", "", None)
    assert (error.status_code, error.request_id, error.attempts) == (None, None, 1)
    assert error.service_name == "AmazonECR"
    assert str(error) == "(Service: AmazonECR; Error Code: Unknown)"
    for name, cls in SERVICE.items():
        assert cls("gone").response["Error"] == {"Code": name, "Message": "gone"}
        with pytest.raises(TypeError, match=rf"{name}\(\) .*\bnonsense\b"):
            cls("gone", nonsense=1)
    with pytest.raises(TypeError, match="upload_id"):
        KmsException("no key", upload_id="u")


def test_message_of_a_service_error() -> None:
    """A message has all that is known, and, with a 4xx, what an earlier attempt may have done."""
    assert str(made(RepositoryNotFoundException)) == (
        "gone (Service: AmazonECR; Operation: ListImages; Status Code: 400; "
        "Error Code: RepositoryNotFoundException; Request ID: id-1; Attempts: 3)"
    )
    for code, said in ((400, True), (404, True), (500, False), (None, False)):
        error = RepositoryNotFoundException("gone", response_metadata=status(code))
        assert error.earlier_attempt_may_have_succeeded is False
        error.earlier_attempt_may_have_succeeded = True

        assert str(error).endswith("; an earlier attempt may have succeeded)") is said


def test_absent_members_are_none() -> None:
    """A member that the service left out is None and not in the response, unlike one that is 0.

    `tests/oracle` compares the response with botocore's, and tests the class of each code.
    """
    error = InvalidLayerPartException("bad part", last_valid_byte_received=0)

    assert error.upload_id is None
    assert error.response["lastValidByteReceived"] == 0
    assert "uploadId" not in error.response


def test_classes_without_a_response() -> None:
    """Exactly these classes are retryable, or the service's fault, whatever their status."""
    faults = {"InternalFailureException", "ServerException", "ServiceUnavailableException"}
    retryable = faults | {"RequestTimeoutException", "ThrottlingException"}

    assert {name for name, cls in SERVICE.items() if cls("?").retryable} == retryable
    assert {name for name, cls in SERVICE.items() if cls("?").error_type == "Service"} == faults


@pytest.mark.parametrize(
    ("code", "error_type", "retryable", "throttling"),
    [
        (None, "Unknown", False, False),
        (400, "Client", False, False),
        (429, "Client", True, True),
        (500, "Service", True, False),
        (501, "Service", False, False),
        (503, "Service", True, False),
        (504, "Service", True, False),
    ],
)
def test_statuses(code: int | None, error_type: str, retryable: bool, throttling: bool) -> None:
    """If the code is unknown, the status says whose fault it is and whether to retry."""
    error = AmazonECRException("?", error_code="Other", response_metadata=status(code))

    assert error.error_type == error_type
    assert (error.retryable, error.throttling) == (retryable, throttling)


def test_retryable_transport_exceptions() -> None:
    """Every transport error may be retried, unless the time is up or no retry would help."""
    transport = {cls for cls in CLIENT_SIDE.values() if issubclass(cls, TransportException)}

    assert {cls.__name__ for cls in transport if not cls("?").retryable} == {
        *("TLSException", "TotalTimeoutException"),
        *("LayerDownloadException", "LayerVerificationException"),
    }
    assert len(transport) == 11
    for code in (None, 403, 404, 408, 429, 500, 503):
        error = LayerDownloadException("no", "sha256:1", code)
        assert error.retryable is (code in (408, 429, 500, 503))


def test_other_messages() -> None:
    """A message has the operation, layer, status and request id, if they are known."""
    for cls in (TransportException, exceptions.TLSException, ParamValidationException):
        error, without = cls("went wrong", "PutImage"), cls("went wrong")

        assert (str(error), error.operation_name) == ("PutImage: went wrong", "PutImage")
        assert (str(without), without.operation_name) == ("went wrong", None)
    layer = LayerDownloadException("no", "sha256:1", 503)
    several = ParamValidationException(["a is required", "b is too small"], "PutImage")

    assert (layer.layer_digest, layer.status_code) == ("sha256:1", 503)
    assert str(layer) == "layer sha256:1: no"
    assert several.problems == ("a is required", "b is too small")
    assert str(several) == "PutImage: a is required; b is too small"
    assert str(ResponseParseException("is not JSON")) == "is not JSON"
    assert str(made(ResponseParseException)) == (
        "not JSON (Operation: ListImages; Status Code: 400; Request ID: id-1)"
    )


@pytest.mark.parametrize("protocol", ["copy", "deepcopy", *range(pickle.HIGHEST_PROTOCOL + 1)])
def test_copies_and_pickles(protocol: Any) -> None:
    """Copies and pickles have the class, message, arguments, attributes and notes."""
    for cls in CLASSES.values():
        error = made(cls)
        error.seen_by = "a handler"
        error.__notes__ = ["while deploying"]
        error.__cause__ = OSError("socket")
        if isinstance(protocol, str):
            arrived = getattr(copy, protocol)(error)
        else:
            arrived = pickle.loads(pickle.dumps(error, protocol))

        assert type(arrived) is cls
        assert arrived is not error
        assert str(arrived) == str(error) != ""
        assert (arrived.args, vars(arrived)) == (error.args, vars(error))
        assert arrived.__cause__ is None
