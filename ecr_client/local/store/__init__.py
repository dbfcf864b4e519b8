"""Everything that the local ECR keeps: SQLite for what there is, a folder of blobs for bytes.

`Store` is safe to use from many threads. Its parts:

- `blobs`: layers and manifests by digest, and uploads that are not finished;
- `documents`: small JSON values, such as policies;
- `repositories`, `images`, `layers`, `uploads`: what the API is about.
"""

from __future__ import annotations

from ecr_client.local.store.blobs import Blobs, Stream, Upload, UploadChangedError
from ecr_client.local.store.documents import Documents
from ecr_client.local.store.image import ImageEntry, ImageRefusedError, StoredImage
from ecr_client.local.store.images import Images
from ecr_client.local.store.layers import Layer, Layers
from ecr_client.local.store.limits import Limits
from ecr_client.local.store.repositories import Repositories, Repository
from ecr_client.local.store.scope import Scope
from ecr_client.local.store.store import Store
from ecr_client.local.store.uploads import Uploads

__all__ = [
    "Blobs",
    "Documents",
    "ImageEntry",
    "ImageRefusedError",
    "Images",
    "Layer",
    "Layers",
    "Limits",
    "Repositories",
    "Repository",
    "Scope",
    "Store",
    "StoredImage",
    "Stream",
    "Upload",
    "UploadChangedError",
    "Uploads",
]
