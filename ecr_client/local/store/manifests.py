"""What the service takes as a manifest: the rules that it adds to those of the specification."""

from __future__ import annotations

import orjson

from ecr_client.local.errors import invalid_parameter
from ecr_client.oci import Index, Manifest, parse_manifest
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH


def parse(data: bytes, media_type: str | None = None) -> Manifest | Index:
    """Return what a manifest says.

    Args:
        data: The manifest as it was sent.
        media_type: The media type that was sent with it; needed if the manifest has none.

    Raises:
        ServiceError: InvalidParameterException.
    """
    _check_json(data)
    try:
        return parse_manifest(data, media_type)
    except ValueError as error:
        raise invalid_parameter("imageManifest", f"Invalid image manifest: {error}") from None


def _check_json(data: bytes) -> None:
    try:
        text = data.decode()
        # Not the standard library's reader, which takes lone surrogates: no response could hold
        # them.
        if len(text) <= MAX_MANIFEST_LENGTH and not isinstance(orjson.loads(text), dict):
            raise ValueError
    except ValueError:
        raise invalid_parameter("ImageManifest", "Invalid JSON syntax") from None
    if not 1 <= len(text) <= MAX_MANIFEST_LENGTH:
        raise invalid_parameter(
            "imageManifest",
            f"Member must have length less than or equal to {MAX_MANIFEST_LENGTH}",
        )
