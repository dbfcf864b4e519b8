"""Iterating over results that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from copy import copy
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ecr_client._common.display import brief
from ecr_client._coroutines import maybe_await, run
from ecr_client._engine.prepare import encode
from ecr_client._engine.resume_token import Position, read_token, write_token
from ecr_client._exceptions import PaginationException, ParamValidationException
from ecr_client._shapes import (
    AmazonWebServiceRequest,
    AmazonWebServiceResult,
    Structure,
    evolve,
    shown_members,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import Self

    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._operation import Operation

Item = TypeVar("Item")
Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Page = TypeVar("Page", bound=AmazonWebServiceResult)


class _Paginator(Generic[Item, Page]):
    """The part that both kinds of paginators share.

    Args:
        invoke: Makes one call.
        operation: The operation, whose requests and results have a ``next_token``.
        request: The first page's request; its ``next_token`` may say where to begin.
        paths: The lists of items in a page, each as the names of the members that lead to it.
        max_items: The maximum number of items to iterate over, at least 1; ``None`` for all.

    Raises:
        ParamValidationException: The request does not fit the operation, or ``max_items`` is not a
            whole number of at least 1; nothing was sent.
    """

    def __init__(
        self,
        invoke: Callable[[Operation[Any, Page], Any], MaybeAwaitable[Page]],
        operation: Operation[Request, Page],
        request: Request,
        paths: Sequence[Sequence[str]],
        max_items: int | None = None,
    ) -> None:
        # Checked here rather than only when the first item is requested.
        encode(operation, request)
        number = isinstance(max_items, int) and not isinstance(max_items, bool)
        if max_items is not None and not (number and max_items >= 1):
            raise ParamValidationException(
                f"max_items must be a whole number of at least 1 or None, got {brief(max_items)}",
                operation.name,
            )
        self._invoke = invoke
        self._operation: Operation[Any, Page] = operation
        self._request = request
        self._paths = paths
        self._max_items = max_items
        self._start = Position(_next_token(request))

    def resume_from(self, token: str | None) -> Self:
        """Return a paginator that continues where an iteration ended.

        Args:
            token: The ``resume_token`` of an iterator whose paginator was created with the same
                arguments, of which only ``max_results`` and ``max_items`` may differ. ``None``
                starts from the beginning.

        Raises:
            ParamValidationException: The token is not one of this listing.
        """
        made = copy(self)
        made._start = (
            Position(_next_token(self._request))
            if token is None
            else read_token(self._operation, self._request, token)
        )
        return made

    def __repr__(self) -> str:
        members = shown_members(self._request, absent=False)
        if self._max_items is not None:
            members += [f"max_items={self._max_items}"]
        return f"<{type(self).__name__} {self._operation.name}({', '.join(members)})>"

    # Used by the iterators.

    def _call(self, token: str | None) -> MaybeAwaitable[Page]:
        # The first call is made with the very object that was passed.
        same = token == _next_token(self._request)
        request = self._request if same else evolve(self._request, next_token=token)
        return self._invoke(self._operation, request)

    def _lists(self, page: Page) -> list[tuple[Any, ...]]:
        return [_at(page, path) for path in self._paths]

    def _cut(self, page: Page, start: int, stop: int) -> Page:
        """Return a page with its items from ``start`` to ``stop``, counted through all lists."""
        for path in self._paths:
            items = _at(page, path)
            page = _replaced(page, path, items[max(start, 0) : max(stop, 0)])
            start, stop = start - len(items), stop - len(items)
        return page

    def _token(self, position: Position | None) -> str | None:
        return position and write_token(self._operation, self._request, position)


class Paginator(_Paginator[Item, Page]):
    """The items of all pages, in the order of the service.

    It holds one page at a time, and can be iterated over again, which calls the service again.
    """

    def __iter__(self) -> ItemIterator[Item]:
        return ItemIterator(self)

    def pages(self) -> PageIterator[Page]:
        """Return an iterator over the result of each call; nothing is sent before it is used.

        A page that ``max_items`` or a resume token cuts has only the items that are left.
        """
        return PageIterator(self)


class AsyncPaginator(_Paginator[Item, Page]):
    """A `Paginator` for ``async for``, from a `ecr_client.AsyncECRClient`."""

    def __aiter__(self) -> AsyncItemIterator[Item]:
        return AsyncItemIterator(self)

    def pages(self) -> AsyncPageIterator[Page]:
        """Return an iterator over the result of each call; nothing is sent before it is used.

        A page that ``max_items`` or a resume token cuts has only the items that are left.
        """
        return AsyncPageIterator(self)


class _Pages(Generic[Page]):
    """The result of each call; the part that both kinds of iterators share."""

    def __init__(self, paginator: _Paginator[Any, Page]) -> None:
        self._paginator = paginator
        self._left = paginator._max_items
        #: Where the last page began, and how many items of it were taken.
        self._page, self._taken = paginator._start, 0
        #: Where the next page begins.
        self._next: Position | None = paginator._start
        # Besides the last token, one older token is remembered, each time twice as long: that finds
        # a cycle of any length (Brent's method) without keeping all tokens.
        self._checkpoint = paginator._start.token
        self._until, self._number = 1, 0
        self._repeated = False
        self._is_calling = False

    @property
    def resume_token(self) -> str | None:
        """Where ``resume_from`` continues after the last page; ``None`` at the end."""
        return self._paginator._token(self._next)

    async def _following(self) -> Page | None:
        """Return the next result, or ``None`` at the end."""
        begin = self._next
        if begin is None or self._left == 0:
            return None
        if self._repeated:
            raise PaginationException(
                f"{self._paginator._operation.name}: the service responded with a page token that "
                "it had returned before"
            )
        if self._is_calling:
            raise RuntimeError(
                f"{self._paginator._operation.name}: this iterator is waiting for its next page "
                "in another task or thread; iterate in one, or create an iterator for each"
            )
        self._is_calling = True
        try:
            page = await maybe_await(self._paginator._call(begin.token))
        finally:
            self._is_calling = False
        count = sum(map(len, self._paginator._lists(page)))
        stop = count if self._left is None else min(count, begin.skip + self._left)
        following = _next_token(page)
        self._page, self._taken = begin, max(stop - begin.skip, 0)
        if self._left is not None:
            self._left -= self._taken
        if stop < count:
            self._next = Position(begin.token, stop)
        elif following:
            # If pages have become smaller, more than one may have to be skipped.
            self._next = Position(following, max(begin.skip - count, 0))
            self._watch(begin.token, following)
        else:
            self._next = None
        return page if self._taken == count else self._paginator._cut(page, begin.skip, stop)

    def _watch(self, last: str | None, token: str) -> None:
        self._repeated = token in (last, self._checkpoint)
        self._number += 1
        if self._number == self._until:
            self._checkpoint, self._until = token, self._until * 2


class PageIterator(_Pages[Page], Iterator[Page]):
    """The result of each call, from `Paginator.pages`."""

    def __next__(self) -> Page:
        """Return the next result.

        Raises:
            PaginationException: The service repeated a token, which would page forever.
            RuntimeError: Another task or thread is waiting for the next result.
        """
        page = run(self._following())
        if page is None:
            raise StopIteration
        return page


class AsyncPageIterator(_Pages[Page], AsyncIterator[Page]):
    """The result of each call, from `AsyncPaginator.pages`."""

    async def __anext__(self) -> Page:
        """Return the next result.

        Raises:
            PaginationException: The service repeated a token, which would page forever.
            RuntimeError: Another task or thread is waiting for the next result.
        """
        page = await self._following()
        if page is None:
            raise StopAsyncIteration
        return page


class _Items(Generic[Item]):
    """The items of all pages; the part that both kinds of iterators share."""

    def __init__(self, paginator: _Paginator[Item, Any], pages: _Pages[Any]) -> None:
        self._paginator = paginator
        self._position = pages
        self._items: Iterator[Item] = iter(())
        #: How many items of the last page were yielded.
        self._delivered = 0

    @property
    def resume_token(self) -> str | None:
        """Where ``resume_from`` continues after the last item; ``None`` at the end.

        It may be read at any time: before the first item, in the middle, or after an error.
        """
        if self._delivered == self._position._taken:
            return self._position.resume_token
        token, skip = self._position._page
        return self._paginator._token(Position(token, skip + self._delivered))

    def _begin(self, page: Any) -> None:
        self._delivered = 0
        self._items = chain.from_iterable(self._paginator._lists(page))


class ItemIterator(_Items[Item], Iterator[Item]):
    """The items of all pages, from iterating over a `Paginator`."""

    def __init__(self, paginator: Paginator[Item, Any]) -> None:
        self._pages = paginator.pages()
        super().__init__(paginator, self._pages)

    def __next__(self) -> Item:
        while True:
            for item in self._items:
                self._delivered += 1
                return item
            # No variable holds the page, which would stay in memory until the next one has arrived.
            self._begin(next(self._pages))


class AsyncItemIterator(_Items[Item], AsyncIterator[Item]):
    """The items of all pages, from iterating over an `AsyncPaginator`."""

    def __init__(self, paginator: AsyncPaginator[Item, Any]) -> None:
        self._pages = paginator.pages()
        super().__init__(paginator, self._pages)

    async def __anext__(self) -> Item:
        while True:
            for item in self._items:
                self._delivered += 1
                return item
            self._begin(await anext(self._pages))


def _next_token(paged: AmazonWebServiceRequest | AmazonWebServiceResult) -> str | None:
    return cast("Any", paged).next_token  # type: ignore[no-any-return]


def _at(structure: Structure | None, path: Iterable[str]) -> Any:
    """Return the list at a path of members, or an empty one if a structure on it is absent."""
    found: Any = structure
    for name in path:
        if found is None:
            return ()
        found = getattr(found, name)
    return found


def _replaced(structure: Any, path: Sequence[str], items: tuple[Any, ...]) -> Any:
    """Return a copy of a structure with another list at a path of members."""
    if structure is None:
        return None
    name, *rest = path
    return evolve(
        structure, **{name: _replaced(getattr(structure, name), rest, items) if rest else items}
    )
