"""The common errors of all AWS services, which are not part of their models."""

from __future__ import annotations

from typing import ClassVar

from ecr_client._exceptions import PUBLIC_MODULE, THROTTLING_CODES, AmazonECRException

__all__ = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InternalFailureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotAuthorizedException",
    "OptInRequiredException",
    "RequestExpiredException",
    "RequestTimeoutException",
    "SerializationException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
]


class AccessDeniedException(AmazonECRException):
    """The credentials are valid, but their policies do not allow this call."""


class ExpiredTokenException(AmazonECRException):
    """The session token of temporary credentials has expired; obtain new credentials."""


class IncompleteSignatureException(AmazonECRException):
    """The signature lacks a part, usually because a proxy changed the headers."""


class InternalFailureException(AmazonECRException):
    """The service had an internal error; the same call may succeed later."""

    SERVER_FAULT: ClassVar[bool] = True


class InvalidSignatureException(AmazonECRException):
    """The signature does not match: a wrong secret key, a wrong clock, or an altered request."""


class MissingAuthenticationTokenException(AmazonECRException):
    """The request arrived without credentials."""


class NotAuthorizedException(AmazonECRException):
    """The principal is not authorized to perform this action."""


class OptInRequiredException(AmazonECRException):
    """The account has not been enabled for this service or region."""


class RequestExpiredException(AmazonECRException):
    """The request's timestamp is too far in the past or future; check the clock."""


class RequestTimeoutException(AmazonECRException):
    """The service waited too long for the rest of the request; the same call may succeed later."""


class SerializationException(AmazonECRException):
    """The service could not read the request."""


class ServiceUnavailableException(AmazonECRException):
    """The service is temporarily unavailable; the same call may succeed later."""

    SERVER_FAULT: ClassVar[bool] = True


class ThrottlingException(AmazonECRException):
    """The account exceeds its rate limit; slow down and retry."""


class UnknownOperationException(AmazonECRException):
    """The endpoint does not know the operation, usually because it is not an ECR endpoint."""


class UnrecognizedClientException(AmazonECRException):
    """The access key or the session token is unknown to AWS."""


#: The classes of unmodeled codes; a code in no table becomes an `AmazonECRException`.
UNMODELED: dict[str, type[AmazonECRException]] = {
    "AccessDenied": AccessDeniedException,
    "AccessDeniedException": AccessDeniedException,
    "AuthFailure": InvalidSignatureException,
    "ExpiredToken": ExpiredTokenException,
    "ExpiredTokenException": ExpiredTokenException,
    "IncompleteSignature": IncompleteSignatureException,
    "IncompleteSignatureException": IncompleteSignatureException,
    "InternalError": InternalFailureException,
    "InternalFailureException": InternalFailureException,
    "InternalFailure": InternalFailureException,
    "InternalServerError": InternalFailureException,
    "InvalidClientTokenId": UnrecognizedClientException,
    "InvalidSignatureException": InvalidSignatureException,
    "MissingAuthenticationToken": MissingAuthenticationTokenException,
    "MissingAuthenticationTokenException": MissingAuthenticationTokenException,
    "NotAuthorized": NotAuthorizedException,
    "OptInRequired": OptInRequiredException,
    "RequestExpired": RequestExpiredException,
    "RequestTimeTooSkewed": RequestExpiredException,
    "RequestTimeout": RequestTimeoutException,
    "RequestTimeoutException": RequestTimeoutException,
    "SerializationException": SerializationException,
    "ServiceUnavailable": ServiceUnavailableException,
    "ServiceUnavailableException": ServiceUnavailableException,
    "SignatureDoesNotMatch": InvalidSignatureException,
    "UnknownOperationException": UnknownOperationException,
    "UnrecognizedClientException": UnrecognizedClientException,
    **dict.fromkeys(THROTTLING_CODES, ThrottlingException),
}

for _name in __all__:
    globals()[_name].__module__ = PUBLIC_MODULE
    globals()[_name].DEFAULT_CODE = _name
