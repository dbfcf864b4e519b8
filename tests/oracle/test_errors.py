"""What an error response becomes, compared with what botocore makes of the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from botocore import xform_name
from botocore.exceptions import ClientError

from ecr_client import Credentials, ECRClient, exceptions
from ecr_client._generated.exceptions import MODELED
from ecr_client._unmodeled import UNMODELED
from ecr_client.exceptions import AmazonECRException

URL = "https://api.ecr.eu-west-1.amazonaws.com/"
NAMESPACE = "com.amazonaws.ecr#"
SUFFIX = ":http://internal.amazon.com/coral/com.amazonaws.ecr/"
FRAGMENT = ":http://internal.amazon.com/coral/#ecr"

#: The ways in which services write the code.
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda code: code,
    "namespace": lambda code: f"{NAMESPACE}{code}",
    "url": lambda code: f"{code}{SUFFIX}",
    "namespace and url": lambda code: f"{NAMESPACE}{code}{SUFFIX}",
    "url with a fragment": lambda code: f"{code}{FRAGMENT}",
}

#: Values for the members that some errors have beyond the message.
MEMBERS: dict[str, dict[str, Any]] = {
    "InvalidLayerPartException": {
        "registryId": "123456789012",
        "repositoryName": "team/app",
        "uploadId": "0c1b1c4c-0000-4000-8000-000000000000",
        "lastValidByteReceived": 2**40,
    },
    "KmsException": {"kmsError": "KMS.DisabledException"},
}

#: Codes that the model does not name, and the class of each.
EXPECTED_UNMODELED = {
    "AccessDenied": "AccessDeniedException",
    "AccessDeniedException": "AccessDeniedException",
    "AuthFailure": "InvalidSignatureException",
    "BandwidthLimitExceeded": "ThrottlingException",
    "ExpiredToken": "ExpiredTokenException",
    "ExpiredTokenException": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "IncompleteSignatureException": "IncompleteSignatureException",
    "InternalError": "InternalFailureException",
    "InternalFailure": "InternalFailureException",
    "InternalFailureException": "InternalFailureException",
    "InternalServerError": "InternalFailureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "InvalidSignatureException": "InvalidSignatureException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "MissingAuthenticationTokenException": "MissingAuthenticationTokenException",
    "NotAuthorized": "NotAuthorizedException",
    "OptInRequired": "OptInRequiredException",
    "PriorRequestNotComplete": "ThrottlingException",
    "ProvisionedThroughputExceededException": "ThrottlingException",
    "RequestExpired": "RequestExpiredException",
    "RequestLimitExceeded": "ThrottlingException",
    "RequestThrottled": "ThrottlingException",
    "RequestThrottledException": "ThrottlingException",
    "RequestTimeTooSkewed": "RequestExpiredException",
    "RequestTimeout": "RequestTimeoutException",
    "RequestTimeoutException": "RequestTimeoutException",
    "SerializationException": "SerializationException",
    "ServiceUnavailable": "ServiceUnavailableException",
    "ServiceUnavailableException": "ServiceUnavailableException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "SlowDown": "ThrottlingException",
    "Throttling": "ThrottlingException",
    "ThrottledException": "ThrottlingException",
    "ThrottlingException": "ThrottlingException",
    "TooManyRequestsException": "ThrottlingException",
    "TransactionInProgressException": "ThrottlingException",
    "UnknownOperationException": "UnknownOperationException",
    "UnrecognizedClientException": "UnrecognizedClientException",
}
#: Codes after which a retry may succeed, apart from those that ask to slow down.
TRANSIENT = {
    *("InternalError", "InternalFailure", "InternalFailureException", "ServerException"),
    *("RequestTimeout", "RequestTimeoutException"),
    *("ServiceUnavailable", "ServiceUnavailableException"),
}
THROTTLING = {code for code, name in EXPECTED_UNMODELED.items() if name == "ThrottlingException"}


@pytest.fixture
def mocked(credentials: Credentials) -> Iterator[tuple[ECRClient, responses.RequestsMock]]:
    """Yield a client without a server, and the mock that responds in its place."""
    with (
        responses.RequestsMock() as mock,
        ECRClient(region="eu-west-1", credentials=credentials) as client,
    ):
        yield client, mock


def _raised(
    mocked: Any, body: object, *, status: int = 400, headers: dict[str, str] | None = None
) -> AmazonECRException:
    """Return what a call raises for a response."""
    client, mock = mocked
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    mock.post(URL, status=status, body=content, headers=headers or {})
    with pytest.raises(AmazonECRException) as raised:
        client.describe_registry()
    return raised.value


def _theirs(
    reference: Any, body: object, *, status: int = 400, headers: dict[str, str] | None = None
) -> ClientError:
    """Return what botocore's client raises for the same response."""
    made = reference()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    made.response = (status, headers or {}, content)
    with pytest.raises(ClientError) as raised:
        made.client.describe_registry()
    return raised.value


@pytest.mark.parametrize("form", FORMS)
def test_modeled_errors(mocked: Any, reference: Any, error: Any, form: str) -> None:
    """For the forms that botocore knows, the error is a ClientError with botocore's response."""
    headers = {"x-amzn-RequestId": "id-1", "Content-Type": "application/x-amz-json-1.1"}
    members = MEMBERS.get(error.name, {})
    body = {"__type": FORMS[form](error.name), **members, "message": "No."}
    status = 500 if error.name == "ServerException" else 400

    ours = _raised(mocked, body, status=status, headers=headers)
    theirs = _theirs(reference, body, status=status, headers=headers)
    # botocore adds this because the tests allow it only one attempt.
    theirs.response["ResponseMetadata"].pop("MaxAttemptsReached", None)

    assert type(ours) is getattr(exceptions, error.name)
    assert isinstance(ours, ClientError)
    assert ours.response == theirs.response
    assert {name: getattr(ours, xform_name(name)) for name in members} == members
    assert (ours.error_code, ours.error_message) == (error.name, "No.")
    assert (ours.status_code, ours.request_id) == (status, "id-1")
    assert ours.operation_name == theirs.operation_name == "DescribeRegistry"


@pytest.mark.parametrize("name", ["message", "Message", "errorMessage"])
def test_messages(mocked: Any, reference: Any, error: Any, name: str) -> None:
    """The message of every error is found under three names, two of which botocore knows."""
    body = {"__type": error.name, name: "Grüße 😀"}
    expected = {"message": "Grüße 😀", "Message": "Grüße 😀", "errorMessage": ""}

    ours = _raised(mocked, body)
    theirs = _theirs(reference, body)

    assert ours.error_message == "Grüße 😀"
    assert theirs.response["Error"]["Message"] == expected[name]


def test_members_of_errors(oracle: Any) -> None:
    """The modeled errors and their members are exactly those that the model names."""
    shapes = oracle.service.error_shapes
    members = {shape.name: set(shape.members) - {"message"} for shape in shapes}

    assert {name: set(MEMBERS.get(name, ())) for name in members} == members
    for name, wanted in members.items():
        cls = getattr(exceptions, name)
        assert {wire for wire, _ in cls.MEMBERS.values()} == wanted


def test_all_unmodeled_codes() -> None:
    """Every code that becomes a class without being modeled is in the table of this test."""
    names = {code: cls.__name__ for code, cls in UNMODELED.items()}

    assert names == EXPECTED_UNMODELED


@pytest.mark.parametrize("code", EXPECTED_UNMODELED)
def test_unmodeled_errors(mocked: Any, reference: Any, code: str) -> None:
    """A code that AWS sends for every service becomes its class, and is kept as it is."""
    body = {"__type": f"com.amazon.coral.service#{code}", "message": "No."}

    raised = _raised(mocked, body)

    assert type(raised) is getattr(exceptions, EXPECTED_UNMODELED[code])
    assert raised.error_code == _theirs(reference, body).response["Error"]["Code"] == code
    assert raised.error_message == "No."


@pytest.mark.parametrize("code", sorted({*MODELED, *EXPECTED_UNMODELED}))
def test_retryable_codes(mocked: Any, code: str) -> None:
    """Whether an error is throttling, or may be retried, follows from its code alone."""
    raised = _raised(mocked, {"__type": code})

    assert raised.throttling is (code in THROTTLING)
    assert raised.retryable is (code in THROTTLING | TRANSIENT)
