"""What keeps presigned URLs out of the log of urllib3."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_logs = threading.local()


class _QueryFilter(logging.Filter):
    """Cuts the queries of URLs from what urllib3 logs, in threads that send presigned URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(_logs, "hides_queries", False) and isinstance(record.args, tuple):
            record.args = tuple(
                f"{each.partition('?')[0]}?***" if isinstance(each, str) and "?" in each else each
                for each in record.args
            )
            record.exc_info = None  # its frames hold the URL as a whole
        return True


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_QueryFilter())


@contextmanager
def hidden_queries() -> Iterator[None]:
    """Keep the queries of what this thread sends out of the log of urllib3."""
    _logs.hides_queries = True
    try:
        yield
    finally:
        _logs.hides_queries = False
