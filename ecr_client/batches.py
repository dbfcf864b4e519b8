"""Splitting a long list across several calls, and joining the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

from ecr_client._coroutines import maybe_await
from ecr_client._engine.prepare import encode
from ecr_client._shapes import AmazonWebServiceRequest, AmazonWebServiceResult, evolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._operation import Operation

Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Result = TypeVar("Result", bound=AmazonWebServiceResult)


async def invoke_all(
    invoke: Callable[[Operation[Request, Result], Request], MaybeAwaitable[Result]],
    operation: Operation[Request, Result],
    request: Request,
    member: str,
    size: int,
) -> Result:
    """Return one result for a request whose list may be longer than one call takes.

    Args:
        invoke: Makes one call.
        operation: The operation.
        request: The request with the whole list.
        member: The name of the list.
        size: The maximum number of items that one call takes.

    Raises:
        ParamValidationException: The request does not fit the operation; nothing was sent.
    """
    items: object = getattr(request, member)
    if not isinstance(items, tuple) or len(items) <= size:
        return await maybe_await(invoke(operation, request))
    # Checked as a whole, or an invalid item in the last call would be found after the others.
    encode(operation, request)
    results = []
    for start in range(0, len(items), size):
        part = evolve(request, **{member: items[start : start + size]})
        results.append(await maybe_await(invoke(operation, part)))
    return _joined(results)


def _joined(results: Sequence[Result]) -> Result:
    """Return the last result with the lists of all of them."""
    last = results[-1]
    lists = {
        field.name: tuple(item for result in results for item in getattr(result, field.name))
        for field in attrs.fields(type(last))
        if isinstance(getattr(last, field.name), tuple)
    }
    return evolve(last, **lists)
