"""Everything that the local ECR keeps: records in SQLite, and content in a folder of blobs.

`Store` opens a data folder and connects the parts, each of which gets the collaborators that it
needs. It is safe to use from many threads. No SQL stands outside of this package.
"""

from __future__ import annotations

from ecr_client.local.store.blobs import Blobs, BlobWriter, Chunk, UploadChangedError, sha256_digest
from ecr_client.local.store.database import Database
from ecr_client.local.store.documents import Documents, image_key
from ecr_client.local.store.images import (
    ACTIVE,
    ARCHIVED,
    ImageEntry,
    ImageRefusedError,
    Images,
    StoredImage,
)
from ecr_client.local.store.layers import Layer, Layers
from ecr_client.local.store.limits import Limits
from ecr_client.local.store.repositories import Repositories, Repository
from ecr_client.local.store.store import Store
from ecr_client.local.store.uploads import Uploads

__all__ = [
    "ACTIVE",
    "ARCHIVED",
    "BlobWriter",
    "Blobs",
    "Chunk",
    "Database",
    "Documents",
    "ImageEntry",
    "ImageRefusedError",
    "Images",
    "Layer",
    "Layers",
    "Limits",
    "Repositories",
    "Repository",
    "Store",
    "StoredImage",
    "UploadChangedError",
    "Uploads",
    "image_key",
    "sha256_digest",
]
