"""The errors that AWS sends in the name of every service, and that no model names."""

from __future__ import annotations

from ecr_client._error_codes import THROTTLING_CODES
from ecr_client._exceptions import PUBLIC_MODULE, AmazonECRException

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
    """The credentials are good, but their policies do not allow this call."""


class ExpiredTokenException(AmazonECRException):
    """The session token of temporary credentials has expired; get new credentials."""


class IncompleteSignatureException(AmazonECRException):
    """The signature lacks a part, usually because something on the way changed the headers."""


class InternalFailureException(AmazonECRException):
    """The service failed for a reason of its own; the same call may succeed later."""

    SERVER_FAULT = True


class InvalidSignatureException(AmazonECRException):
    """The signature does not match: a wrong secret key, a wrong clock, or an altered request."""


class MissingAuthenticationTokenException(AmazonECRException):
    """The request arrived without credentials."""


class NotAuthorizedException(AmazonECRException):
    """The caller may not perform this action."""


class OptInRequiredException(AmazonECRException):
    """The account has not been enabled for this service or region."""


class RequestExpiredException(AmazonECRException):
    """The request's time stamp lies too far in the past or future; look at the clock."""


class RequestTimeoutException(AmazonECRException):
    """The service waited too long for the rest of the request; the same call may succeed later."""


class SerializationException(AmazonECRException):
    """The service could not read the request."""


class ServiceUnavailableException(AmazonECRException):
    """The service cannot answer at the moment; the same call may succeed later."""

    SERVER_FAULT = True


class ThrottlingException(AmazonECRException):
    """The account calls more often than its rate limit allows; slow down and retry."""


class UnknownOperationException(AmazonECRException):
    """The endpoint does not know the operation: usually not an ECR endpoint, or one without it."""


class UnrecognizedClientException(AmazonECRException):
    """The access key or the session token is not one that AWS knows."""


#: Which class an unmodelled code becomes; a code that stands in no table is an
#: `AmazonECRException`.
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
