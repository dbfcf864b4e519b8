"""What follows the push of an image, through the API or the registry protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client.local.api.replication import replicate
from ecr_client.local.api.scanning import scan_on_push
from ecr_client.local.api.signing import sign

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import StoredImage


def after_push(
    context: Context, registry: RegistryKey, repository: str, image: StoredImage
) -> None:
    """Replicate, scan and sign an image that a client has pushed."""
    replicate(context, registry, repository, image)
    scan_on_push(context, registry, repository, image)
    sign(context, registry, repository, image)
