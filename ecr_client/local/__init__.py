"""An Amazon ECR that runs on this machine: the API and the registry protocol on one storage.

``LocalECR`` runs it in a process, ``python -m ecr_client.local`` as a command. It needs the extra
``ecr-client[local]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.local.server import LocalECR as LocalECR

__all__ = ["LocalECR"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name != "LocalECR":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ecr_client.local.server import LocalECR

        return LocalECR
