"""The exception tree: its classes, their texts, their tables, and that they travel."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecr_client import ResponseMetadata, exceptions
from ecr_client._exceptions import THROTTLING_CODES, TRANSIENT_CODES
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    AmazonServiceException,
    InvalidLayerPartException,
    KmsException,
    LayerDownloadException,
    LayerVerificationException,
    ParamValidationException,
    PartialFailureException,
    RepositoryNotFoundException,
    ResponseParseException,
    ThrottlingException,
    TLSException,
    TotalTimeoutException,
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
#: The bases that the module's drawing promises, besides the root.
BUILTINS: dict[str, tuple[type[BaseException], ...]] = {
    "ParamValidationException": (ValueError,),
    "ImageSourceException": (ValueError,),
    "InvalidConfigurationException": (ValueError,),
    "InvalidEndpointException": (ValueError,),
    "InvalidRegionException": (ValueError,),
    "ClientShutdownException": (RuntimeError,),
    "TransportException": (ConnectionError,),
    "ConnectTimeoutException": (TransportException, TimeoutError),
    "ConnectionClosedException": (TransportException,),
    "EndpointConnectionException": (TransportException,),
    "NameResolutionException": (exceptions.EndpointConnectionException,),
    "TotalTimeoutException": (TransportException, TimeoutError),
    "ReadTimeoutException": (TransportException, TimeoutError),
    "ProxyConnectionException": (TransportException,),
    "TLSException": (TransportException,),
    "LayerDownloadException": (TransportException,),
    "LayerVerificationException": (exceptions.LayerDownloadException,),
    "WaiterTimeoutException": (exceptions.WaiterException, TimeoutError),
    "WaiterFailureException": (exceptions.WaiterException,),
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


# --- the tree -----------------------------------------------------------------------------------


def test_every_exception_of_the_package_is_public() -> None:
    """Each subclass of the root that exists is exported under its name by ecr_client.exceptions."""
    found, left = set(), [AmazonClientException]
    while left:
        cls = left.pop()
        if cls.__module__.startswith("ecr_client"):
            found.add(cls)
            left.extend(cls.__subclasses__())

    assert found == set(CLASSES.values())
    assert len(exceptions.__all__) == len(set(exceptions.__all__)) == len(found)


def test_bases() -> None:
    """Each class is public under its name, has the one root, and the documented bases alone."""
    possible = (ValueError, TypeError, RuntimeError, TimeoutError, ConnectionError, LookupError)
    for name, cls in CLASSES.items():
        documented = BUILTINS.get(name, ())
        builtins = {each for each in possible if any(issubclass(base, each) for base in documented)}

        assert issubclass(cls, AmazonClientException)
        assert (cls.__module__, cls.__qualname__) == ("ecr_client.exceptions", name)
        assert inspect.getdoc(cls)
        assert all(issubclass(cls, base) for base in documented), name
        assert {each for each in possible if issubclass(cls, each)} == builtins, name
        assert issubclass(cls, ClientError) is issubclass(cls, AmazonServiceException)
    for cls in SERVICE.values():
        assert cls.__mro__[1:5] == (*reversed(ROOTS), ClientError)


def test_the_drawing_names_every_hand_written_class() -> None:
    """The tree in the module's docstring holds each class that the model does not name."""
    drawing = exceptions.__doc__ or ""
    missing = [name for name in CLIENT_SIDE if name not in drawing]

    assert missing == []


# --- what a service exception knows ---------------------------------------------------------------


def test_constructors() -> None:
    """A test double has the code of its class, and takes the members of that and no others."""
    for name, cls in SERVICE.items():
        error = cls("gone")

        assert error.error_code == name
        assert error.response["Error"] == {"Code": name, "Message": "gone"}
        with pytest.raises(TypeError, match=rf"{name}\(\) .*\bnonsense\b"):
            cls("gone", nonsense=1)
    with pytest.raises(TypeError, match="upload_id"):
        KmsException("no key", upload_id="u")


def test_defaults_of_a_test_double() -> None:
    """An exception that no service sent knows its message and nothing else."""
    error = AmazonECRException()

    assert (error.error_code, error.error_message, error.operation_name) == ("Unknown", "", None)
    assert (error.status_code, error.request_id, error.attempts) == (None, None, 1)
    assert (error.error_type, error.retryable, error.throttling) == ("Unknown", False, False)
    assert error.service_name == "AmazonECR"
    assert str(error) == "(Service: AmazonECR; Error Code: Unknown)"


def test_text_holds_everything_that_support_asks_for() -> None:
    """The text gives message, service, operation, status, code, request id and attempts."""
    error = made(RepositoryNotFoundException)

    assert str(error) == (
        "gone (Service: AmazonECR; Operation: ListImages; Status Code: 400; "
        "Error Code: RepositoryNotFoundException; Request ID: id-1; Attempts: 3)"
    )


@pytest.mark.parametrize(("code", "said"), [(400, True), (404, True), (500, False), (None, False)])
def test_text_says_what_an_earlier_attempt_may_have_done(code: int | None, said: bool) -> None:
    """The text of an error of the caller's says that an earlier attempt may have succeeded."""
    error = RepositoryNotFoundException("gone", response_metadata=status(code))
    before = str(error)
    error.earlier_attempt_may_have_succeeded = True

    assert "earlier" not in before
    assert str(error).endswith("; an earlier attempt may have succeeded)") is said
    assert RepositoryNotFoundException("gone").earlier_attempt_may_have_succeeded is False


def test_response_is_what_botocore_gives() -> None:
    """Handlers of ClientError find code, message, members and metadata where botocore has them."""
    members = {"upload_id": "u", "last_valid_byte_received": 0}
    error = InvalidLayerPartException("bad part", response_metadata=METADATA, **members)

    assert error.response == {
        "Error": {"Code": "InvalidLayerPartException", "Message": "bad part"},
        "ResponseMetadata": {
            "RequestId": "id-1",
            "HTTPStatusCode": 400,
            "HTTPHeaders": {"x-amzn-requestid": "id-1"},
            "RetryAttempts": 2,
        },
        "message": "bad part",
        "uploadId": "u",
        "lastValidByteReceived": 0,
    }
    assert error.attempts == 3


def test_absent_members_are_none() -> None:
    """A modeled member that the service left out is None and is not in the response."""
    error = InvalidLayerPartException("bad part", upload_id="u")

    assert error.last_valid_byte_received is None
    assert "lastValidByteReceived" not in error.response


def test_codes() -> None:
    """The codes of transient failures and of throttling make an error retryable at any status."""
    for code in TRANSIENT_CODES | THROTTLING_CODES | {"AccessDeniedException"}:
        error = AmazonECRException("no", error_code=code, response_metadata=status(400))

        assert error.throttling is (code in THROTTLING_CODES)
        assert error.retryable is (code != "AccessDeniedException")


@pytest.mark.parametrize(
    ("code", "error_type", "retryable", "throttling"),
    [
        (None, "Unknown", False, False),
        (302, "Unknown", False, False),
        (400, "Client", False, False),
        (403, "Client", False, False),
        (413, "Client", False, False),
        (429, "Client", True, True),
        (499, "Client", False, False),
        (500, "Service", True, False),
        (501, "Service", False, False),
        (502, "Service", True, False),
        (503, "Service", True, False),
        (504, "Service", True, False),
    ],
)
def test_statuses(code: int | None, error_type: str, retryable: bool, throttling: bool) -> None:
    """Where the code is unknown, the status says whose fault it is and whether to retry."""
    error = AmazonECRException("?", error_code="Other", response_metadata=status(code))

    assert error.error_type == error_type
    assert (error.retryable, error.throttling) == (retryable, throttling)


def test_leaves() -> None:
    """Exactly these classes may be retried, and are the service's fault, whatever their status."""
    faults = {"InternalFailureException", "ServerException", "ServiceUnavailableException"}
    retryable = faults | {"RequestTimeoutException", "ThrottlingException"}

    assert {name for name, cls in SERVICE.items() if cls("?").retryable} == retryable
    assert {name for name, cls in SERVICE.items() if cls("?").error_type == "Service"} == faults
    assert ThrottlingException("?").throttling


# --- the client side ------------------------------------------------------------------------------


def test_transport_exceptions_say_whether_to_retry() -> None:
    """Every transport error may be retried, except where time is up or no retry would help."""
    transport = {cls for cls in CLIENT_SIDE.values() if issubclass(cls, TransportException)}

    assert {cls for cls in transport if not cls("?").retryable} == {
        TLSException,
        TotalTimeoutException,
        LayerDownloadException,
        LayerVerificationException,
    }
    assert len(transport) == 11


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(None, False), (403, False), (404, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_layers_say_whether_to_retry(status: int | None, retryable: bool) -> None:
    """A layer that a storage does not hand out may be retried if its status is a passing one."""
    error = LayerDownloadException("no", "sha256:1", status)

    assert error.retryable is retryable
    assert (error.layer_digest, error.status_code) == ("sha256:1", status)
    assert str(error) == "layer sha256:1: no"


@pytest.mark.parametrize("cls", [TransportException, TLSException, ParamValidationException])
def test_operation_leads_the_text(cls: type[Any]) -> None:
    """The text begins with the operation if there is one, and is the message alone if not."""
    with_operation, without = cls("went wrong", "PutImage"), cls("went wrong")

    assert str(with_operation) == "PutImage: went wrong"
    assert with_operation.operation_name == "PutImage"
    assert (str(without), without.operation_name) == ("went wrong", None)


def test_param_validation_lists_its_problems() -> None:
    """Several problems are kept apart in an attribute and joined in the text."""
    error = ParamValidationException(["a is required", "b is too small"], "PutImage")

    assert error.problems == ("a is required", "b is too small")
    assert str(error) == "PutImage: a is required; b is too small"


def test_response_parse_exception_names_the_response() -> None:
    """The text gives operation, status and request id, as far as there are any."""
    assert str(ResponseParseException("is not JSON")) == "is not JSON"
    assert str(made(ResponseParseException)) == (
        "not JSON (Operation: ListImages; Status Code: 400; Request ID: id-1)"
    )


def test_partial_failure_shows_three_and_counts_the_rest() -> None:
    """The text shows the first failures and how many more there are; the attribute has them all."""
    error = PartialFailureException([f"f{number}" for number in range(5)], "the result")

    assert str(error) == "5 item(s) failed: f0; f1; f2; and 2 more"
    assert error.failures == ("f0", "f1", "f2", "f3", "f4")
    assert error.result == "the result"


# --- travelling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "travel",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_travel(travel: Any) -> None:
    """A copy and a pickle have class, text, arguments, attributes and notes of the original."""
    for cls in CLASSES.values():
        error = made(cls)
        error.seen_by = "the caller"
        error.__notes__ = ["while deploying"]
        error.__cause__ = OSError("socket")
        arrived = travel(error)

        assert type(arrived) is cls
        assert arrived is not error
        assert str(arrived) == str(error) != ""
        assert (arrived.args, vars(arrived)) == (error.args, vars(error))
        assert arrived.__cause__ is None
