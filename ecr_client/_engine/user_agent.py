"""The User-Agent header, in the format of the AWS SDKs."""

from __future__ import annotations

import platform
import re
import sys
from functools import lru_cache

from ecr_client._version import __version__

#: What botocore replaces in a User-Agent as well.
UNSAFE = r"[^A-Za-z0-9!$%&'*+\-.^_`|~,#]"


@lru_cache(maxsize=8)
def user_agent(app_id: str | None) -> str:
    """Return ``ecr-client/<version> ua/2.1 os/... lang/python#... md/... [app/<id>]``.

    Args:
        app_id: The name of the application, or ``None``. Unsafe characters become dashes: other
            SDKs read the setting as well.
    """
    system = {"Darwin": "macos"}.get(platform.system(), platform.system().lower() or "other")
    parts = [
        f"ecr-client/{__version__}",
        "ua/2.1",
        f"os/{_token(system)}#{_token(platform.release())}",
        f"md/arch#{_token(platform.machine().lower())}",
        f"lang/python#{platform.python_version()}",
        f"md/pyimpl#{_token(sys.implementation.name)}",
    ]
    if app_id:
        parts.append(f"app/{_token(app_id)}")
    return " ".join(parts)


def _token(text: str) -> str:
    return re.sub(UNSAFE, "-", text)
