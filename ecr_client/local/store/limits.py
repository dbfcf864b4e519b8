"""The quotas of the service."""

from __future__ import annotations

import attrs

MIB = 1 << 20


@attrs.frozen(kw_only=True)
class Limits:
    """The service's quotas; a test can pass smaller ones.

    Sources: the quota page of the ECR user guide, and the model for the largest part.
    """

    #: The part size in bytes that InitiateLayerUpload proposes.
    part_size: int = 10 * MIB
    #: The smallest size in bytes of any part of a layer but the last one.
    smallest_part: int = 5 * MIB
    parts: int = 4_200
    layer_size: int = 52_000 * MIB
    repositories: int = 100_000
    images: int = 100_000
    #: Tags of one resource (not of an image).
    resource_tags: int = 50
