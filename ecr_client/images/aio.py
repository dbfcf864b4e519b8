"""Whole images with an `AsyncECRClient`: functions of ``ecr_client.images`` as coroutines.

They have the parameters, results and errors of the blocking functions, with these differences:

- ``progress`` is called in the event loop, one event at a time and in their order, and may be
  asynchronous. The thread that reports an event waits until the callback has ended, and what the
  callback raises ends the transfer.
- If the awaiting task is cancelled, so are its calls in progress, and the function raises once all
  its threads have ended. No tag points to anything incomplete, and running the transfer again
  resumes it. ``cancel`` works as well.
- Files are read, written, hashed and compressed in threads that belong to the transfer, so it takes
  no thread of the event loop's executor. Everything is sent and received by the client in the event
  loop, which also verifies downloads, piece by piece.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_client import ECRClient, images
from ecr_client.exceptions import TransferCancelledException
from ecr_client.images.arguments import check_callbacks
from ecr_client.transport import InMemory, StreamingResponse, Transport

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Buffer

    from ecr_client import AsyncECRClient
    from ecr_client.downloads import AsyncLayerDownload
    from ecr_client.images import InspectedImage, TransferEvent, TransferResult
    from ecr_client.transport import AsyncTransport, Deadline, HTTPRequest, HTTPResponse

__all__ = ["copy_image", "inspect_image", "pull_image", "push_image"]

Result = TypeVar("Result")

#: How often, in seconds, a waiting thread checks that the event loop is still open.
_CHECK_INTERVAL = 1.0
#: The maximum size of a response to a request that is not a call of the service.
_MAX_BYTES = 1 << 20


async def push_image(
    client: AsyncECRClient,
    source: str | os.PathLike[str],
    reference: str,
    *,
    tags: Sequence[str] = (),
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
    create: bool = False,
    progress: Callable[[TransferEvent], object] | None = None,
    cancel: threading.Event | None = None,
    concurrency: int = 4,
) -> TransferResult:
    """Push an image to a repository, as ``ecr_client.images.push_image`` does."""
    return await _transferred(
        lambda loop: images.push_image(
            loop.client(client),
            source,
            reference,
            tags=tags,
            platforms=platforms,
            referrers=referrers,
            create=create,
            progress=loop.callback(progress),
            cancel=loop.cancel,
            concurrency=concurrency,
        ),
        cancel,
    )


async def pull_image(
    client: AsyncECRClient,
    reference: str,
    target: str | os.PathLike[str],
    *,
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
    progress: Callable[[TransferEvent], object] | None = None,
    cancel: threading.Event | None = None,
    concurrency: int = 4,
) -> TransferResult:
    """Pull an image into a folder or an archive, as ``ecr_client.images.pull_image`` does."""
    return await _transferred(
        lambda loop: images.pull_image(
            loop.client(client),
            reference,
            target,
            platforms=platforms,
            referrers=referrers,
            progress=loop.callback(progress),
            cancel=loop.cancel,
            concurrency=concurrency,
        ),
        cancel,
    )


async def copy_image(
    source_client: AsyncECRClient,
    source: str,
    target_client: AsyncECRClient,
    target: str,
    *,
    tags: Sequence[str] = (),
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
    create: bool = False,
    progress: Callable[[TransferEvent], object] | None = None,
    cancel: threading.Event | None = None,
    concurrency: int = 4,
) -> TransferResult:
    """Copy an image to another repository, as ``ecr_client.images.copy_image`` does."""
    return await _transferred(
        lambda loop: images.copy_image(
            loop.client(source_client),
            source,
            loop.client(target_client),
            target,
            tags=tags,
            platforms=platforms,
            referrers=referrers,
            create=create,
            progress=loop.callback(progress),
            cancel=loop.cancel,
            concurrency=concurrency,
        ),
        cancel,
    )


async def inspect_image(client: AsyncECRClient, reference: str) -> InspectedImage:
    """Return what an image consists of, as ``ecr_client.images.inspect_image`` does."""
    return await _transferred(lambda loop: images.inspect_image(loop.client(client), reference))


async def _transferred(
    transfer: Callable[[_Loop], Result], cancel: threading.Event | None = None
) -> Result:
    """Run a transfer in a thread of its own, and return its result.

    Args:
        transfer: The blocking function.
        cancel: The caller's event.
    """
    loop = _Loop(cancel)
    pool = ThreadPoolExecutor(1, "ecr-client-transfer")
    work = asyncio.get_running_loop().run_in_executor(pool, transfer, loop)
    pool.shutdown(wait=False)  # The thread ends with its work, even if the event loop is closed.
    cancelled: asyncio.CancelledError | None = None
    try:
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError as error:
                cancelled = error
                loop.stop()
        if cancelled is not None:
            work.exception()  # or it would be reported as lost
            raise cancelled
        return work.result()
    finally:
        pool.shutdown(wait=work.done())
        del work, cancelled  # Cycles of exceptions and frames would keep buffers alive.


class _Cancel(threading.Event):
    """The event that ends a transfer: set when its task is cancelled, or with the caller's event.

    Args:
        other: The event of the caller, which may belong to other transfers as well.
    """

    def __init__(self, other: threading.Event | None) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or (self._other is not None and self._other.is_set())


class _Loop:
    """The running event loop, as the threads of one transfer use it.

    Args:
        cancel: The event of the caller.

    Attributes:
        cancel: The event of the transfer.
    """

    def __init__(self, cancel: threading.Event | None) -> None:
        check_callbacks(None, cancel)
        self.cancel: _Cancel = _Cancel(cancel)
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = False

    def client(self, client: AsyncECRClient) -> ECRClient:
        """Return a client for the threads."""
        return _BlockingClient(client, self)

    def callback(
        self, function: Callable[[TransferEvent], object] | None
    ) -> Callable[[TransferEvent], object] | None:
        """Return a function that calls another in the event loop, and waits until it has ended."""
        check_callbacks(function, None)
        if function is None:
            return None
        return lambda event: self.run(partial(function, event))

    def run(self, function: Callable[[], Any]) -> Any:
        """Call a function in the event loop, and return its result, awaiting it if necessary.

        Raises:
            TransferCancelledException: The transfer was cancelled.
            RuntimeError: The event loop was closed.
        """
        result: Future[Any] = Future()
        self.post(self._start, function, result)
        while not wait([result], _CHECK_INTERVAL).done:
            if self._loop.is_closed():
                raise RuntimeError("the event loop was closed during the transfer of an image")
        # Not before the task has ended: it may use a buffer of the thread until then.
        try:
            return result.result()
        finally:
            del result  # A cycle of exception and frame would keep buffers alive.

    def post(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function in the event loop, without waiting for it."""
        self._loop.call_soon_threadsafe(function, *arguments, context=self._context)

    def stop(self) -> None:
        """End the transfer; called in the event loop."""
        self.cancel.set()
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    def _start(self, function: Callable[[], Any], result: Future[Any]) -> None:
        if self._stopped:
            result.set_exception(_cancelled())
            return
        task = self._loop.create_task(_resolved(function))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, result))

    def _ended(self, result: Future[Any], task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = _cancelled() if task.cancelled() else task.exception()
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(task.result())


async def _resolved(function: Callable[[], Any]) -> Any:
    # A callback of the user need not be asynchronous.
    value = function()
    return await value if isawaitable(value) else value


def _cancelled() -> TransferCancelledException:
    return TransferCancelledException("the transfer was cancelled")


class _BlockingClient(ECRClient):
    """An asynchronous client, as the threads of one transfer use it.

    Every call goes through `invoke`, and so through that of the asynchronous client; a download is
    one of the asynchronous client, too. A blocking client whose transport sends through that of the
    asynchronous one would need no download of its own, but it would have credentials and quotas of
    its own, and would call hooks, retry policies and the functions of the user in its threads.
    """

    # It has no state of its own; whatever else a transfer uses is overridden.
    def __init__(self, client: AsyncECRClient, loop: _Loop) -> None:
        if isinstance(client, ECRClient):
            raise TypeError(
                "ecr_client.images.aio takes an AsyncECRClient; use ecr_client.images with"
                f" {type(client).__name__}"
            )
        if isinstance(client, type) or not callable(getattr(client, "invoke", None)):
            raise TypeError(f"the client must be an AsyncECRClient, got {type(client).__name__}")
        self._client = client
        self._loop = loop

    @property
    def endpoint(self) -> str:
        return self._client.endpoint

    @property
    def region(self) -> str:
        return self._client.region

    @property  # type: ignore[misc]
    def transport(self) -> Transport:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _BlockingTransport(self._client.transport, self._loop)

    def invoke(self, operation: Any, request: Any) -> Any:
        return self._loop.run(partial(self._client.invoke, operation, request))

    @contextmanager
    def download_layer(self, **arguments: Any) -> Iterator[_Reader]:  # type: ignore[override]
        download = self._loop.run(lambda: self._client.download_layer(**arguments).__aenter__())
        try:
            yield _Reader(download, self._loop)
        finally:
            self._loop.post(download.close)


class _Reader:
    """The bytes of a layer, for a thread."""

    def __init__(self, download: AsyncLayerDownload, loop: _Loop) -> None:
        self._download = download
        self._loop = loop

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill a buffer unless the layer ends first; return how many bytes were read."""
        return self._loop.run(partial(self._fill, memoryview(buffer)))  # type: ignore[no-any-return]

    async def _fill(self, view: memoryview) -> int:
        filled = 0
        while received := await self._download.readinto(view[filled:]):
            filled += received
        return filled


class _BlockingTransport(Transport):
    """Sends the requests that are not calls of the service; they ask for no compression."""

    def __init__(self, transport: AsyncTransport, loop: _Loop) -> None:
        self._transport = transport
        self._loop = loop

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        async def exchange() -> HTTPResponse:
            async with await self._transport.send(request, deadline) as response:
                return await response.read(_MAX_BYTES, deadline)

        found: HTTPResponse = self._loop.run(exchange)
        return StreamingResponse(request, found.status, found.headers, InMemory(found.body))
