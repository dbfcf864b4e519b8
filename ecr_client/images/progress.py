"""Progress bars for transfers: callbacks for the ``progress`` argument.

They need the extras ``ecr-client[tqdm]`` and ``ecr-client[rich]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.images.events import (
    BlobFinished,
    BlobRetried,
    BlobStarted,
    BytesMoved,
    TransferFinished,
    TransferStarted,
)

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client.images.events import TransferEvent

_SHOWN = 19  # the algorithm and the beginning of a digest


class TqdmProgress:
    """One bar of ``tqdm`` for the bytes of a transfer; used in a ``with`` block.

    Args:
        **options: Further arguments of ``tqdm.tqdm``.

    Raises:
        ModuleNotFoundError: ``tqdm`` is not installed.
    """

    def __init__(self, **options: Any) -> None:
        try:
            from tqdm import tqdm  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise _missing("tqdm", error) from error
        self._bar: Any = tqdm(unit="B", unit_scale=True, unit_divisor=1024, **options)

    def __call__(self, event: TransferEvent) -> None:
        if isinstance(event, TransferStarted):
            self._bar.reset(total=event.bytes)
        elif isinstance(event, BytesMoved):
            self._bar.update(event.bytes)
        elif isinstance(event, BlobRetried):
            self._bar.update(-event.bytes)
        elif isinstance(event, TransferFinished):
            self._bar.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()


class RichProgress:
    """A bar of ``rich`` for each layer that is moved; used in a ``with`` block.

    Args:
        **options: Further arguments of ``rich.progress.Progress``.

    Raises:
        ModuleNotFoundError: ``rich`` is not installed.
    """

    def __init__(self, **options: Any) -> None:
        try:
            from rich import progress
        except ModuleNotFoundError as error:
            raise _missing("rich", error) from error
        self._display: Any = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TransferSpeedColumn(),
            **options,
        )
        self._tasks: dict[str, Any] = {}

    def __call__(self, event: TransferEvent) -> None:
        if isinstance(event, BlobStarted):
            task = self._display.add_task(event.digest[:_SHOWN], total=event.size)
            self._tasks[event.digest] = task
        elif isinstance(event, BytesMoved):
            self._display.advance(self._tasks[event.digest], event.bytes)
        elif isinstance(event, BlobRetried):
            self._display.reset(self._tasks[event.digest])
        elif isinstance(event, BlobFinished):
            self._display.update(self._tasks[event.digest], completed=event.size)

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.stop()


def _missing(library: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"{library} is not installed; install it with: pip install 'ecr-client[{library}]'",
        name=error.name,
    )
