"""Whole images: push, pull and copy them, see what is in them, and delete old ones.

Everything goes through the API of the service, with nothing but IAM credentials: no Docker daemon,
no ``docker login``. Each name is loaded when it is first used. The functions for an
`AsyncECRClient` are in ``ecr_client.images.aio``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.images.copy import copy_image
    from ecr_client.images.deletion import DeletionPlan, DeletionResult, PlannedImage, plan_deletion
    from ecr_client.images.events import (
        BlobFinished,
        BlobRetried,
        BlobSkipped,
        BlobStarted,
        BytesMoved,
        TransferEvent,
        TransferFinished,
        TransferStarted,
    )
    from ecr_client.images.inspect import InspectedImage, InspectedManifest, inspect_image
    from ecr_client.images.progress import RichProgress, TqdmProgress
    from ecr_client.images.pull import pull_image
    from ecr_client.images.push import push_image
    from ecr_client.images.selectors import Selector
    from ecr_client.images.sync_plan import (
        CopyTask,
        PlannedTag,
        SyncFailure,
        SyncPlan,
        SyncResult,
        plan_sync,
        sync,
    )
    from ecr_client.images.transfer import TransferredLayer, TransferResult

_MODULE_OF = {
    "BlobFinished": "events",
    "BlobRetried": "events",
    "BlobSkipped": "events",
    "BlobStarted": "events",
    "BytesMoved": "events",
    "CopyTask": "sync_plan",
    "DeletionPlan": "deletion",
    "DeletionResult": "deletion",
    "InspectedImage": "inspect",
    "InspectedManifest": "inspect",
    "PlannedImage": "deletion",
    "PlannedTag": "sync_plan",
    "RichProgress": "progress",
    "Selector": "selectors",
    "SyncFailure": "sync_plan",
    "SyncPlan": "sync_plan",
    "SyncResult": "sync_plan",
    "TqdmProgress": "progress",
    "TransferEvent": "events",
    "TransferFinished": "events",
    "TransferResult": "transfer",
    "TransferStarted": "events",
    "TransferredLayer": "transfer",
    "copy_image": "copy",
    "inspect_image": "inspect",
    "plan_deletion": "deletion",
    "plan_sync": "sync_plan",
    "pull_image": "pull",
    "push_image": "push",
    "sync": "sync_plan",
}

__all__ = [
    "BlobFinished",
    "BlobRetried",
    "BlobSkipped",
    "BlobStarted",
    "BytesMoved",
    "CopyTask",
    "DeletionPlan",
    "DeletionResult",
    "InspectedImage",
    "InspectedManifest",
    "PlannedImage",
    "PlannedTag",
    "RichProgress",
    "Selector",
    "SyncFailure",
    "SyncPlan",
    "SyncResult",
    "TqdmProgress",
    "TransferEvent",
    "TransferFinished",
    "TransferResult",
    "TransferStarted",
    "TransferredLayer",
    "copy_image",
    "inspect_image",
    "plan_deletion",
    "plan_sync",
    "pull_image",
    "push_image",
    "sync",
]


if not TYPE_CHECKING:
    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    def __getattr__(name: str) -> Any:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
