"""Example results, for tests that need only some members."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, TypeVar, get_origin

import attrs

from ecr_client._shapes import OpenEnum, Structure, type_parts

Data = TypeVar("Data", bound=Structure)

#: Names in braces refer to other members of the same object, or to this table.
_BY_NAME: dict[str, str | int] = {
    "authorization_token": "QVdTOmV4YW1wbGU=",  # AWS:example
    "digest": "sha256:{zeros}",
    "download_url": "https://layers.invalid/sha256:{zeros}",
    "image_digest": "sha256:{zeros}",
    "image_manifest": "{{}}",
    "layer_digest": "sha256:{zeros}",
    "lifecycle_policy_text": '{{"rules": []}}',
    "part_size": 10 * 1024 * 1024,
    "policy_text": '{{"Version": "2012-10-17", "Statement": []}}',
    "proxy_endpoint": "https://{registry_id}.dkr.ecr.us-east-1.amazonaws.com",
    "registry_id": "123456789012",
    "replication_backfill_id": "00000000-0000-4000-8000-000000000000",
    "repository_arn": "arn:aws:ecr:us-east-1:{registry_id}:repository/{repository_name}",
    "repository_name": "example",
    "repository_uri": "{registry_id}.dkr.ecr.us-east-1.amazonaws.com/{repository_name}",
    "upload_id": "00000000-0000-4000-8000-000000000000",
    "zeros": "0" * 64,
}
_BY_TYPE: dict[type, object] = {
    bool: True,
    bytes: b"example",
    int: 1024,
    str: "example",
    datetime: datetime(2015, 9, 21, tzinfo=timezone.utc),
}


def example(kind: type[Data], **members: Any) -> Data:
    """Return an object as the service sends it, with the given members.

    Other members that the service always sends have example values that are consistent with the
    given ones: the URI of a repository ends with its name. All others are absent.

    Args:
        kind: The class of a result, or of a model in one, such as `ecr_client.models.Repository`.
        members: Some of its members.

    Raises:
        TypeError: A member does not exist.

    Example:
        >>> from ecr_client.models import Repository
        >>> example(Repository, repository_name="team/app").repository_uri
        '123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app'
    """
    made = {
        field.name: _value(field, {**_BY_NAME, **members})
        for field in attrs.fields(kind)  # type: ignore[arg-type]
        if field.default is attrs.NOTHING
    }
    return kind(**{**made, **members})


def _value(field: attrs.Attribute[Any], members: dict[str, Any]) -> object:
    if field.name in _BY_NAME:
        value = _BY_NAME[field.name]
        return value.format_map(members) if isinstance(value, str) else value
    kind = type_parts(field.type)[0]
    if get_origin(kind) is not None:
        return ()  # a list
    if issubclass(kind, Structure):
        return example(kind)
    if issubclass(kind, OpenEnum):
        return next(iter(kind))
    return next(value for base, value in _BY_TYPE.items() if issubclass(kind, base))
