"""Resume tokens: the position of an iteration over pages as a string that can be stored."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_client._common.display import brief
from ecr_client._engine.prepare import encode
from ecr_client._exceptions import ParamValidationException
from ecr_client._shapes import AmazonWebServiceRequest, evolve

if TYPE_CHECKING:
    from ecr_client._operation import Operation

#: The version of the format, so that later releases can change it.
VERSION = 1
_EXPECTED = "token must be the resume_token of an iteration, or None"


class Position(NamedTuple):
    """A position in a listing.

    Attributes:
        token: The ``next_token`` of a page; ``None`` for the first page.
        skip: How many items of that page to skip; it may have fewer.
    """

    token: str | None
    skip: int = 0


def write_token(
    operation: Operation[Any, Any], request: AmazonWebServiceRequest, position: Position
) -> str:
    """Return a token for a position in the listing of a request."""
    fields = [VERSION, operation.name, *position]
    text = json.dumps([*fields, _digest(operation, request, fields)])
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(
    operation: Operation[Any, Any], request: AmazonWebServiceRequest, token: object
) -> Position:
    """Return the position in a token.

    Raises:
        ParamValidationException: The value is not a token, or belongs to another operation or
            request.
    """
    problem = f"{_EXPECTED}, got {type(token).__name__}"
    if isinstance(token, str):
        # The string itself may be a secret, and is not shown.
        problem = f"{_EXPECTED}, got another string; next_token takes the next_token of a page"
        match _fields(token):
            case [int(version), *_] if version != VERSION:
                problem = f"token has version {version}, and this release reads {VERSION}"
            case [_, str(name), *_] if name != operation.name:
                problem = f"token must be one of {operation.name}, got one of {brief(name)}"
            case [_, str(), None | str() as page, int(skip), str(digest)] as fields:
                if digest == _digest(operation, request, fields[:-1]) and skip >= 0:
                    return Position(page, skip)
                problem = (
                    "token must come from an iteration with the same arguments, got one for other "
                    "arguments, or one that was altered"
                )
    raise ParamValidationException(problem, operation.name)


def _fields(token: str) -> list[Any]:
    try:
        fields = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return []
    return fields if isinstance(fields, list) else []


def _digest(
    operation: Operation[Any, Any], request: AmazonWebServiceRequest, fields: list[Any]
) -> str:
    """Return a digest that binds a token to a request, whose page and page size may differ."""
    body = encode(operation, evolve(request, next_token=None, max_results=None))
    # Sorted, so that it does not depend on the order of the model.
    text = json.dumps([json.loads(body), fields], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
