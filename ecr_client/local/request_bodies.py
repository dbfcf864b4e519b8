"""Request bodies that are needed as a whole, and the memory that they share.

A body may arrive slowly or never completely, so that larger ones are spooled to a file. Memory is
acquired only once a body is complete: its holder works, waits for nobody and releases it, so that
everybody who waits for memory gets it.
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

#: How many bytes all bodies may take together while they are processed.
BUDGET = 64 << 20
#: How many times its size a body takes while it is processed: as it arrived, and decoded.
COPIES = 2
#: A body of at most this many bytes is kept in memory, and processed without acquiring any.
SMALL = 1 << 16
#: How much is written to a file, or merged with the piece before it, at once.
_PIECE, _TINY = 1 << 21, 1 << 12
#: How many files are kept for further bodies.
_SPARE = 4


class MemoryBudget:
    """A number of bytes to share, first come, first served; for the thread of one event loop.

    Args:
        size: The number of bytes. A request for more gets all of them.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def acquire(self, size: int) -> AsyncIterator[None]:
        """Wait for some bytes and hold them; their holder must not wait for others."""
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


class RequestBody:
    """A body that has arrived, in memory or spooled to a file.

    Args:
        spare: Files of earlier bodies, which are written over: fresh pages cost more.
    """

    def __init__(self, spare: list[IO[bytes]]) -> None:
        self.size: int = 0
        self._spare = spare
        self._pieces: list[bytes] = []
        self._gathered = 0
        self._file: IO[bytes] | None = None

    @property
    def is_small(self) -> bool:
        """Whether it is in memory."""
        return self._file is None

    def read(self) -> Buffer:
        """Return all bytes, of a file as a mapping."""
        if self._file is None:
            return b"".join(self._pieces)
        return mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ)

    def recycle(self) -> None:
        """Leave the file to another body."""
        if self._file is not None and len(self._spare) < _SPARE:
            self._file.seek(0)
            self._spare.append(self._file)
        else:
            self.close()

    def close(self) -> None:
        """Delete the file."""
        if self._file is not None:
            with suppress(OSError):  # a full disk may have kept the rest from being written
                self._file.close()

    def gather(self, piece: bytes) -> bool:
        """Add bytes, and return whether it is time to `flush` them."""
        if self._pieces and len(self._pieces[-1]) + len(piece) < _TINY:
            self._pieces[-1] += piece  # A piece of one byte would take forty.
        else:
            self._pieces.append(piece)
        self._gathered += len(piece)
        self.size += len(piece)
        return self.size > SMALL and self._gathered >= _PIECE

    def flush(self, folder: Path) -> None:
        """Move the gathered bytes into the file."""
        if self._file is None:
            try:
                self._file = self._spare.pop()
            except IndexError:
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (`close` closes it)
        self._file.writelines(self._pieces)
        self._file.flush()
        self._pieces, self._gathered = [], 0


class RequestBodies:
    """Receives bodies, and has them processed.

    Args:
        executor: The threads that requests are handled in.
        folder: The folder of the files, which have no names.
        budget: How many bytes all bodies may take together while they are processed.
    """

    def __init__(self, executor: Executor, folder: Path, budget: int = BUDGET) -> None:
        self._executor = executor
        self._folder = folder
        self._budget = MemoryBudget(budget)
        self._spare: list[IO[bytes]] = []

    def close(self) -> None:
        """Delete the files that are kept for further bodies."""
        for file in self._spare:
            file.close()

    async def receive(self, stream: AsyncIterator[bytes], longest: int) -> RequestBody | None:
        """Return the whole body, or None if it is longer than `longest`.

        Raises:
            OSError: It cannot be written.
        """
        body = RequestBody(self._spare)
        try:
            async for piece in stream:
                if body.size + len(piece) > longest:
                    body.close()
                    return None
                if body.gather(piece):
                    await self.run(partial(body.flush, self._folder))
            if body.size > SMALL:
                await self.run(partial(body.flush, self._folder))
        except BaseException:
            body.close()
            raise
        return body

    async def process(self, body: RequestBody, work: Callable[[Buffer], T]) -> T:
        """Return what `work` returns for a body in another thread."""
        if body.is_small:
            return await self.run(lambda: work(body.read()))
        try:
            async with self._budget.acquire(COPIES * body.size):
                return await self.run(lambda: work(body.read()))
        finally:
            body.recycle()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns in another thread.

        It has ended when this ends, even if the request is cancelled meanwhile.
        """
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise
