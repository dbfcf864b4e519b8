"""Errors in the form of the distribution specification, and the translation of the API's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client.local.errors import ServiceError

#: Code and status by the code of the API. TAG_INVALID and the status of NAME_UNKNOWN are those of
#: ECR; the others are those of the specification.
_TRANSLATED = {
    "AccessDeniedException": ("DENIED", 403),
    "ImageDigestDoesNotMatchException": ("DIGEST_INVALID", 400),
    "ImageTagAlreadyExistsException": ("TAG_INVALID", 400),
    "InvalidLayerException": ("DIGEST_INVALID", 400),
    "InvalidParameterException": ("MANIFEST_INVALID", 400),
    "LayerPartTooSmallException": ("BLOB_UPLOAD_INVALID", 400),
    "LayersNotFoundException": ("MANIFEST_BLOB_UNKNOWN", 404),
    "LimitExceededException": ("DENIED", 403),
    "ReferencedImagesNotFoundException": ("MANIFEST_BLOB_UNKNOWN", 404),
    "RepositoryNotFoundException": ("NAME_UNKNOWN", 404),
    "UploadNotFoundException": ("BLOB_UPLOAD_UNKNOWN", 404),
}


class RegistryError(Exception):
    """An error response of the registry protocol.

    Args:
        code: The code of the specification, such as ``NAME_UNKNOWN``.
        message: The message for a person.
        status: The HTTP status.
        headers: Further headers of the response.
        plain: Whether the body is the message alone.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers: dict[str, str] = dict(headers or {})
        self.plain = plain


def translated(error: ServiceError) -> RegistryError:
    """Return the error that stands for an error of the API."""
    code, status = _TRANSLATED.get(error.code, ("UNSUPPORTED", 405))
    return RegistryError(code, error.message, status=status)


def unsupported(message: str) -> RegistryError:
    """Return the error for what ECR does not support."""
    return RegistryError("UNSUPPORTED", message, status=405)


def error_response(error: RegistryError) -> Response:
    """Return the response that reports an error."""
    if error.plain:
        return Response(f"{error.message}\n", error.status, error.headers, media_type="text/plain")
    body = json.dumps({"errors": [{"code": error.code, "message": error.message}]})
    return Response(body, error.status, error.headers, media_type="application/json")
