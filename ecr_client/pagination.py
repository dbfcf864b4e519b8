"""Iterating over results that come in pages."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from ecr_client._exceptions import PaginationException
from ecr_client._shapes import AmazonWebServiceRequest, AmazonWebServiceResult, evolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ecr_client._operation import Invoker, Operation

Item = TypeVar("Item")
Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Page = TypeVar("Page", bound=AmazonWebServiceResult)


class Paginator(Generic[Item, Page]):
    """The items of all pages, in the order of the service.

    It holds one page at a time, and can be iterated over again, which asks the service again.

    Args:
        invoker: Makes the calls.
        operation: The operation, whose requests and results have a ``next_token``.
        request: The first page's request; its ``next_token`` may say where to begin.
        items: Returns the items of a page.
    """

    def __init__(
        self,
        invoker: Invoker,
        operation: Operation[Request, Page],
        request: Request,
        items: Callable[[Page], Iterable[Item]],
    ) -> None:
        first = _token(request)

        def page(token: str | None) -> Page:
            # The first call is made with the very object that was passed.
            asked = request if token == first else evolve(request, next_token=token)
            return invoker.invoke(operation, asked)

        self._first = first
        self._page = page
        self._items = items
        self._name = operation.name

    def __iter__(self) -> Iterator[Item]:
        # A chain runs in C, which a generator that yields each item would not.
        return chain.from_iterable(self._items_of_pages())

    def pages(self) -> Iterator[Page]:
        """Yield the result of each call; nothing is sent before it is asked for.

        Raises:
            PaginationException: The service repeated a token, which would page forever.
        """
        # Besides the last token, one older token is remembered, each time twice as long: that finds
        # a cycle of any length (Brent's method) without keeping all tokens.
        last = checkpoint = self._first
        until, number = 1, 0
        while True:
            page = self._page(last)
            yield page
            token = _token(page)
            del page
            if not token:
                return
            if token in (last, checkpoint):
                raise PaginationException(
                    f"{self._name}: the service answered with a page token that it gave before"
                )
            number += 1
            if number == until:
                checkpoint, until = token, until * 2
            last = token

    def _items_of_pages(self) -> Iterator[Iterable[Item]]:
        for page in self.pages():
            yield self._items(page)
            del page  # or it would be held while the next one arrives


class _Paged(Protocol):
    """What requests and results of operations that page have in common."""

    next_token: str | None


def _token(paged: AmazonWebServiceRequest | AmazonWebServiceResult) -> str | None:
    return cast("_Paged", paged).next_token
