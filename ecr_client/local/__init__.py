"""A local Amazon ECR: the API and the registry protocol on one store.

``LocalECR`` runs it in the process, ``python -m ecr_client.local`` as a command. It needs the extra
``ecr-client[local]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.local.errors import DataFolderError, ServerStartError
    from ecr_client.local.request_log import SeenRequest
    from ecr_client.local.run_lifecycle import Affected
    from ecr_client.local.server import LocalECR
    from ecr_client.local.store import Limits
    from ecr_client.local.tls import Certificate

__all__ = [
    "Affected",
    "Certificate",
    "DataFolderError",
    "Limits",
    "LocalECR",
    "SeenRequest",
    "ServerStartError",
]

_MODULE_OF = {
    "Affected": "run_lifecycle",
    "Certificate": "tls",
    "DataFolderError": "errors",
    "Limits": "store",
    "LocalECR": "server",
    "SeenRequest": "request_log",
    "ServerStartError": "errors",
}
_EXTRA = ("httptools", "starlette", "uvicorn")

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        except ModuleNotFoundError as error:
            if error.name not in _EXTRA:
                raise
            raise ImportError(
                f"the local ECR needs {error.name}, which the extra installs:"
                " python -m pip install 'ecr-client[local]'",
                name=error.name,
            ) from error

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
