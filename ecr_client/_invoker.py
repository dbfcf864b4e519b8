"""The base of everything that makes calls: the interface, paginators, waiters and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._coroutines import run
from ecr_client._signatures import documented_by

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ecr_client._operation import Acceptors, Operation, Request, Result
    from ecr_client.pagination import AsyncPaginator, Paginator


class Invoker:
    """The base of the interface, paginators, waiters and batches: what their calls go through."""

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Make one call and return its result.

        Every call goes through this method: each operation, each page of a paginator, each poll of
        a waiter, each call of a batch. Override it to observe, change or replace calls.

        Args:
            operation: One of ``ecr_client.operations``.
            request: A request of that operation.

        Raises:
            ParamValidationException: The request does not fit the operation; nothing was sent.
            AmazonClientException: The call failed; see the method of the operation.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement {operation.name}")

    # Called by the generated methods; each module is loaded when it is first needed.

    def _paginate(
        self,
        operation: Operation[Request, Result],
        request: Request,
        paths: Sequence[Sequence[str]],
        max_items: int | None,
    ) -> Paginator[Any, Result]:
        from ecr_client.pagination import Paginator

        return Paginator(self.invoke, operation, request, paths, max_items)

    def _wait(
        self,
        waiter: str,
        operation: Operation[Request, Result],
        request: Request,
        acceptors: Acceptors[Result],
        delay: float,
        max_wait: float,
        sleep: Callable[[float], object] | None,
    ) -> Result:
        from ecr_client.waiters import wait

        def call() -> Result:
            return self.invoke(operation, request)

        sleep = self._sleep if sleep is None else sleep
        return run(wait(waiter, call, acceptors, delay=delay, max_wait=max_wait, sleep=sleep))

    def _sleep(self, seconds: float) -> Any:
        """Wait between two calls of a waiter."""
        import time

        time.sleep(seconds)

    def _invoke_all(
        self, operation: Operation[Request, Result], request: Request, member: str, size: int
    ) -> Result:
        from ecr_client.batches import invoke_all

        return run(invoke_all(self.invoke, operation, request, member, size))


@documented_by(Invoker)
class AsyncInvoker:
    """An `Invoker` for the asynchronous client."""

    async def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        raise NotImplementedError(f"{type(self).__name__} does not implement {operation.name}")

    def _paginate(
        self,
        operation: Operation[Request, Result],
        request: Request,
        paths: Sequence[Sequence[str]],
        max_items: int | None,
    ) -> AsyncPaginator[Any, Result]:
        from ecr_client.pagination import AsyncPaginator

        return AsyncPaginator(self.invoke, operation, request, paths, max_items)

    async def _wait(
        self,
        waiter: str,
        operation: Operation[Request, Result],
        request: Request,
        acceptors: Acceptors[Result],
        delay: float,
        max_wait: float,
        sleep: Callable[[float], object] | None,
    ) -> Result:
        from ecr_client.waiters import wait

        def call() -> Awaitable[Result]:
            return self.invoke(operation, request)

        sleep = self._sleep if sleep is None else sleep
        return await wait(waiter, call, acceptors, delay=delay, max_wait=max_wait, sleep=sleep)

    def _sleep(self, seconds: float) -> Any:
        import asyncio

        return asyncio.sleep(seconds)

    async def _invoke_all(
        self, operation: Operation[Request, Result], request: Request, member: str, size: int
    ) -> Result:
        from ecr_client.batches import invoke_all

        return await invoke_all(self.invoke, operation, request, member, size)
