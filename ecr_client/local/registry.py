"""Registries, and the ARNs of what is in them."""

from __future__ import annotations

import re
import uuid
from typing import NamedTuple

from ecr_client.regions import find_partition

_REPOSITORY_ARN = re.compile(
    r"arn:[^:]+:ecr:(?P<region>[^:]*):(?P<account>[0-9]{12}):repository/(?P<name>.+)", re.DOTALL
)


class RegistryKey(NamedTuple):
    """A registry: an account in a region. Two registries share nothing but bytes on disk."""

    account: str
    region: str

    @property
    def kms_key(self) -> str:
        """The ARN of the KMS key that encrypts a repository which names none.

        It is the key with the alias ``aws/ecr``, of which AWS creates one for each registry.
        """
        number = uuid.uuid5(uuid.NAMESPACE_URL, f"alias/aws/ecr/{self.account}/{self.region}")
        return f"arn:{partition_of(self.region)}:kms:{self.region}:{self.account}:key/{number}"

    def repository_arn(self, name: str) -> str:
        """Return the ARN of a repository, whether it exists or not."""
        partition = partition_of(self.region)
        return f"arn:{partition}:ecr:{self.region}:{self.account}:repository/{name}"


def partition_of(region: str) -> str:
    """Return the name of the partition that a region belongs to; ``aws`` for a made-up region."""
    partition = find_partition(region)
    return "aws" if partition is None else partition.name


def known_regions(region: str) -> frozenset[str]:
    """Return the regions of the partition that a region belongs to, as botocore lists them."""
    partition = find_partition(region) or find_partition("us-east-1")
    assert partition is not None
    return frozenset(name for name in partition.regions if not name.endswith("-global"))


def parse_repository_arn(arn: str, region: str) -> tuple[RegistryKey, str] | None:
    """Return the registry and the name of a repository, or None for any other ARN.

    Args:
        arn: The ARN.
        region: The region that the repository must be in.
    """
    found = _REPOSITORY_ARN.fullmatch(arn)
    if found is None or found["region"] != region:
        return None
    return RegistryKey(found["account"], region), found["name"]
