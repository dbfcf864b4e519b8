"""The service's quotas."""

from __future__ import annotations

import attrs

MIB = 1 << 20


@attrs.frozen(kw_only=True)
class Limits:
    """The quotas that a store keeps to; tests pass smaller ones.

    Sources: the quota page of the ECR user guide, and the model for the largest part.
    """

    #: What InitiateLayerUpload tells callers to send.
    part_size: int = 10 * MIB
    #: Every part of a layer but the last one has at least so many bytes.
    smallest_part: int = 5 * MIB
    parts: int = 4_200
    layer_size: int = 52_000 * MIB
    repositories: int = 100_000
    images: int = 100_000
    #: Tags of one resource (not of an image).
    resource_tags: int = 50
