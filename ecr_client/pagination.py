"""Iterating over answers that come in pages."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from ecr_client._exceptions import PaginationException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Page = TypeVar("Page")


class Paginator(Generic[Item, Page]):
    """The items of all pages, in the order of the service.

    It holds one page at a time, and can be iterated over again, which asks the service again.

    Args:
        call: Gives the page for a request.
        request: The first page's request; its ``next_token`` may say where to begin.
        items: Where a page keeps its items: one or more paths of attributes.
        name: What the operation is called in an error.
    """

    def __init__(
        self,
        call: Callable[[Any], Page],
        request: Any,
        items: tuple[tuple[str, ...], ...],
        name: str,
    ) -> None:
        self._call = call
        self._request = request
        self._items = items
        self._name = name

    def __iter__(self) -> Iterator[Item]:
        # A chain runs in C, which a generator that yields each item would not.
        return chain.from_iterable(self._lists())

    def pages(self) -> Iterator[Page]:
        """Yield the result of each call; nothing is sent before it is asked for.

        Raises:
            PaginationException: The service repeated a token, which would page forever.
        """
        request = self._request
        # Besides the last token, one older token is remembered, each time twice as long: that finds
        # a cycle of any length (Brent's method) without keeping all tokens.
        checkpoint, until, number = request.next_token, 1, 0
        while True:
            page: Any = self._call(request)
            yield page
            token = page.next_token
            del page
            if not token:
                return
            if token in (request.next_token, checkpoint):
                raise PaginationException(
                    f"{self._name}: the service answered with a page token that it gave before"
                )
            number += 1
            if number == until:
                checkpoint, until = token, until * 2
            request = attrs.evolve(request, next_token=token)

    def _lists(self) -> Iterator[Iterable[Item]]:
        for page in self.pages():
            for path in self._items:
                yield _items_at(page, path)
            del page  # or it would be held while the next one arrives


def _items_at(page: Any, path: tuple[str, ...]) -> Iterable[Any]:
    for name in path:
        page = getattr(page, name)
        if page is None:
            return ()
    found: Iterable[Any] = page
    return found
