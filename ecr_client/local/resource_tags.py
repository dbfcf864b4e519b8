"""The tags of resources: keys and values by which accounts sort what they own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import Store

#: The kind of the documents, value by key; their key is the name of the repository.
_KIND = "repository/tags"
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")
_LONGEST_KEY = 128
_LONGEST_VALUE = 256


def read_tags(store: Store, registry: RegistryKey, repository: str) -> dict[str, str]:
    """Return the tags of a repository, value by key."""
    return dict(store.documents.get(registry, _KIND, repository) or {})


def write_tags(
    store: Store, registry: RegistryKey, repository: str, tags: Mapping[str, str]
) -> None:
    """Replace the tags of a repository.

    Raises:
        ServiceError: TooManyTagsException.
    """
    limit = store.limits.resource_tags
    if len(tags) > limit:
        raise ServiceError(
            "TooManyTagsException", f"A repository has at most {limit} tags; these are {len(tags)}"
        )
    store.documents.put(registry, _KIND, repository, dict(tags))


def checked_tags(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of a request (``Key`` and ``Value``), value by key.

    Raises:
        ServiceError: InvalidTagParameterException.
    """
    found: dict[str, str] = {}
    for tag in tags:
        key, value = str(tag["Key"]), str(tag["Value"])
        if not 1 <= len(key) <= _LONGEST_KEY or not _ALLOWED.fullmatch(key):
            raise _invalid(f"the key {key!r} must have 1 to {_LONGEST_KEY} allowed characters")
        if len(value) > _LONGEST_VALUE or not _ALLOWED.fullmatch(value):
            raise _invalid(f"the value of {key!r} must have at most 256 allowed characters")
        if key.lower().startswith("aws:"):
            raise _invalid(f"the key {key!r} begins with 'aws:', which is reserved")
        if key in found:
            raise _invalid(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _invalid(why: str) -> ServiceError:
    return ServiceError("InvalidTagParameterException", f"Invalid tag: {why}")
