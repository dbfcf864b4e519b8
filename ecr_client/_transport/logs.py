"""A filter that keeps presigned URLs and content of responses out of the log of urllib3."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_thread = threading.local()


class _Filter(logging.Filter):
    """Removes queries of URLs and errors that quote headers, in threads that send for a client."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(_thread, "sends", False):
            return True
        if record.exc_info:
            # Its message quotes malformed headers, and its frames hold all headers.
            record.msg, record.args, record.exc_info = "malformed headers", (), None
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{each.partition('?')[0]}?***" if isinstance(each, str) and "?" in each else each
                for each in record.args
            )
        return True


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_Filter())


@contextmanager
def filtered() -> Iterator[None]:
    """Filter the log messages of urllib3 about requests of this thread."""
    _thread.sends = True
    try:
        yield
    finally:
        _thread.sends = False
