"""The progress of a transfer on stderr: bars on a terminal, lines in the log of a job."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_client.cli.tables import number, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_client.images import TransferEvent

#: In place of rich's green, and a dark grey that looks like a full bar on white.
_STYLES = {
    "bar.back": "bright_black",
    "progress.download": "default",
    "progress.data.speed": "default",
}


@contextmanager
def progress() -> Iterator[Callable[[TransferEvent], object]]:
    """Yield the progress callback for a transfer."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _print_line
        return
    from rich.console import Console
    from rich.theme import Theme

    from ecr_client.images import RichProgress

    with RichProgress(console=Console(stderr=True, theme=Theme(_STYLES))) as bars:
        yield bars


def _print_line(event: TransferEvent) -> None:
    from ecr_client.images import BlobFinished, BlobRetried, TransferStarted

    if isinstance(event, TransferStarted):
        line = f"{number(event.blobs, 'blob')} to move, {size(event.bytes)}"
    elif isinstance(event, BlobFinished):
        line = f"{event.digest} moved, {size(event.size)}"
    elif isinstance(event, BlobRetried):
        line = f"{event.digest} starts over: {type(event.error).__name__}"
    else:
        return
    # In one piece, or lines of several threads would mix.
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
