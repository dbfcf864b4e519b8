"""Request bodies that are needed whole, and how much of them is in memory at the same time.

A body may come slowly, or not to its end, so what arrives is kept in a file once it is more than a
little. Memory is only asked for when all of it is there: whoever holds some is working, waits for
nobody, and gives it back. So those who wait for memory get it.
"""

from __future__ import annotations

import asyncio
import mmap
import tempfile
from collections import deque
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import IO, TYPE_CHECKING, TypeVar

from ecr_client.local.wire import Buffer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Executor
    from pathlib import Path

T = TypeVar("T")

#: What bodies may take together while they are worked on.
BUDGET = 64 << 20
#: What a body takes while it is worked on, in its own size: as it came, and as bytes.
COPIES = 2
#: A body of at most this size is kept in memory, and worked on without asking.
SMALL = 1 << 16
_PIECE = 1 << 19


class Budget:
    """A number of bytes that many share; the first to ask is the first to get. For one event loop.

    Args:
        size: How many bytes there are. Who asks for more gets all of them.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait for some bytes and hold them; whoever does must wait for nobody else meanwhile."""
        size = min(size, self._size)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size, granted)
        self._waiting.append(entry)
        self._grant()
        try:
            await granted
        except BaseException:
            if granted.done() and not granted.cancelled():
                self._free += size
            elif entry in self._waiting:
                self._waiting.remove(entry)
            self._grant()
            raise
        try:
            yield
        finally:
            self._free += size
            self._grant()

    def _grant(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, granted = self._waiting.popleft()
            if not granted.done():
                self._free -= size
                granted.set_result(None)


class Body:
    """A body that has arrived whole."""

    def __init__(self) -> None:
        self.size = 0
        self._gathered = bytearray()
        self._file: IO[bytes] | None = None

    @property
    def is_small(self) -> bool:
        """Whether it is in memory."""
        return self._file is None

    def read(self) -> Buffer:
        """Return all bytes; they may be those of the file."""
        if self._file is None:
            return bytes(self._gathered)
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):  # it may be of a full disk that not all was written
                self._file.close()

    def gather(self, piece: bytes) -> bool:
        """Add bytes, and tell whether there are enough to be written down."""
        self._gathered += piece
        self.size += len(piece)
        return self.size > SMALL and len(self._gathered) >= _PIECE

    def flush(self, folder: Path) -> None:
        """Move what was gathered into the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (`close` closes it)
        self._file.write(self._gathered)
        self._file.flush()
        self._gathered = bytearray()


class Bodies:
    """Receives bodies, and has them worked on.

    Args:
        executor: The threads that work.
        folder: Where bodies are on their way; their files have no names.
        budget: What bodies may take together while they are worked on.
    """

    def __init__(self, executor: Executor, folder: Path, budget: int = BUDGET) -> None:
        self._executor = executor
        self._folder = folder
        self._budget = Budget(budget)

    async def receive(self, stream: AsyncIterator[bytes], longest: int) -> Body | None:
        """Return the whole body, or None if it is longer than `longest`.

        Raises:
            OSError: It cannot be written down.
        """
        body = Body()
        try:
            async for piece in stream:
                if body.size + len(piece) > longest:
                    body.close()
                    return None
                if body.gather(piece):
                    await self._run(partial(body.flush, self._folder))
            if body.size > SMALL:
                await self._run(partial(body.flush, self._folder))
        except BaseException:
            body.close()
            raise
        return body

    async def work(self, body: Body, work: Callable[[Buffer], T]) -> T:
        """Return what `work` makes of a body in another thread."""
        if body.is_small:
            return await self._run(lambda: work(body.read()))
        try:
            async with self._budget.hold(COPIES * body.size):
                return await self._run(lambda: work(body.read()))
        finally:
            body.close()

    async def _run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; it has ended when this ends."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise
