"""Regions: the partition that a region belongs to, and the services that it offers.

The data is that of the installed botocore: ``partitions.json`` lists the regions and partitions,
``endpoints.json`` the services that they offer.
"""

from __future__ import annotations

import functools
import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from ecr_client._common.forks import Lock
from ecr_client._exceptions import InvalidRegionException
from ecr_client._unavailable import unreadable_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client.config import ClientConfiguration
    from ecr_client.credentials import CredentialsLike

Client = TypeVar("Client")

_LOG = logging.getLogger("ecr_client")
#: A region is a label of a host name (RFC 1123).
_NAME = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_LOADING = Lock()


@attrs.frozen
class Partition:
    """A part of AWS with regions, accounts and host names of its own.

    Attributes:
        name: For example ``aws`` or ``aws-cn``.
        domain: The suffix of its host names, for example ``amazonaws.com``.
        dual_stack_domain: The suffix of its dual-stack host names, for example ``api.aws``.
        regions: The regions that botocore lists, pseudo-regions like ``aws-global`` included.
        pattern: The pattern of the names of its regions, listed or not.
    """

    name: str
    domain: str
    dual_stack_domain: str
    regions: frozenset[str]
    pattern: re.Pattern[str]


def load_data(name: str) -> Any:
    """Return a data file of the installed botocore, read once per process.

    Args:
        name: The path below botocore's data directory, without its extension.

    Returns:
        The parsed JSON, which is shared: do not change it.

    Raises:
        InvalidConfigurationException: The file cannot be read.
    """
    # The lock keeps concurrent threads from reading the same file twice.
    with _LOADING.held:
        return _load_data(name)


@functools.cache
def _load_data(name: str) -> Any:
    try:
        return loader().load_data(name)
    except Exception as error:
        raise unreadable_data(f"{name}.json", error) from error


def loader() -> Any:
    """Return a loader of botocore's own data, which does not read ``~/.aws/models``."""
    # Imported late: a client with a custom endpoint never needs botocore's data.
    from botocore.loaders import Loader

    return Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


@functools.cache
def partitions() -> tuple[Partition, ...]:
    """Return the partitions of AWS that the installed botocore knows."""
    return tuple(
        Partition(
            name=data["id"],
            domain=data["outputs"]["dnsSuffix"],
            dual_stack_domain=data["outputs"]["dualStackDnsSuffix"],
            regions=frozenset(data["regions"]),
            pattern=re.compile(data["regionRegex"]),
        )
        for data in load_data("partitions")["partitions"]
    )


def find_partition(region: str) -> Partition | None:
    """Return the partition of a region, or ``None`` if the name matches none.

    Args:
        region: The name of a region, for example ``eu-west-1``.
    """
    if not re.fullmatch(_NAME, region):
        return None
    for partition in partitions():
        if region in partition.regions or partition.pattern.match(region):
            return partition
    return None


def check_name(region: object) -> str:
    """Return the name of a region for a signature, whether AWS knows the region or not.

    Args:
        region: A `Region` or its name.

    Raises:
        InvalidRegionException: The value is neither, or cannot be a label of a host name.
    """
    if isinstance(region, Region):
        return region.name
    if not isinstance(region, str):
        raise InvalidRegionException(
            f"region must be a name like 'eu-west-1' or a Region, got {type(region).__name__}"
        )
    if not re.fullmatch(_NAME, region):
        raise InvalidRegionException(
            "region must be a name like 'eu-west-1' of lower-case letters, digits and dashes, got "
            f"{region[:100]!r}"
        )
    return region


def _known_partition(region: str) -> Partition:
    partition = find_partition(region)
    if partition is None:
        raise InvalidRegionException(
            f"region must match a partition that the installed botocore knows, got {region!r}; "
            "correct the name, or update botocore if the partition is new"
        )
    return partition


def _check_known(_: object, __: object, name: str) -> None:
    if isinstance(name, Region):
        raise InvalidRegionException("name must be a str, got a Region")
    _known_partition(check_name(name))


@attrs.frozen
class Region:
    """A region of AWS, for example ``eu-west-1``.

    Args:
        name: The region's name. Its partition must be known; the region itself may be newer than
            the installed botocore.

    Raises:
        InvalidRegionException: The name cannot be that of a region; a ``ValueError``.
    """

    name: str = attrs.field(validator=_check_known)

    @classmethod
    def get_region(cls, name: str) -> Region:
        """Return the region with a name.

        Args:
            name: For example ``eu-west-1``.

        Raises:
            InvalidRegionException: The name cannot be that of a region; a ``ValueError``.
        """
        return cls(name)

    @property
    def partition(self) -> str:
        """The partition, for example ``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return self._partition.name

    @property
    def domain(self) -> str:
        """The suffix of the region's host names, for example ``amazonaws.com``."""
        return self._partition.domain

    def is_service_supported(self, service: str) -> bool:
        """Return whether the region offers a service, according to the installed botocore.

        Args:
            service: The prefix of the service's endpoints, ``ECRClient.ENDPOINT_PREFIX`` for ECR.

        Returns:
            ``False`` if the partition does not offer the service, or if botocore lists the region
            without it. A region that botocore does not list yet is assumed to offer what its
            partition offers, since regions open before botocore is released.
        """
        partition = _endpoints_of(self.partition)
        services = partition["services"]
        # The prefix of ECR is "ecr", but the data lists it, like a few others, as "api.ecr".
        found = services.get(service) or services.get(f"api.{service}")
        if found is None:
            return False
        if self.name in found.get("endpoints", {}):
            return True
        if self.name in partition["regions"]:
            # A single endpoint for the whole partition, like that of IAM, serves every region.
            return found.get("isRegionalized") is False
        return not self._is_pseudo

    def create_client(
        self,
        client_class: Callable[..., Client],
        credentials: CredentialsLike | None = None,
        config: ClientConfiguration | None = None,
    ) -> Client:
        """Return a client that calls this region.

        Args:
            client_class: The class of the client, for example ``ECRClient``.
            credentials: The ``credentials`` argument of the client.
            config: The client's configuration.
        """
        return client_class(region=self, credentials=credentials, config=config)

    @property
    def _is_pseudo(self) -> bool:
        """Whether this is a pseudo-region like ``aws-global``."""
        return not self._partition.pattern.match(self.name)

    @property
    def _partition(self) -> Partition:
        return _known_partition(self.name)

    def __str__(self) -> str:
        return self.name


def usable_region(region: Region | str) -> Region:
    """Return a region that can be resolved to an endpoint.

    A region that botocore does not list is accepted with a warning in the log.

    Args:
        region: A `Region` or its name.

    Raises:
        InvalidRegionException: The region is invalid, or is a pseudo-region like ``aws-global``,
            which has no endpoint of ECR.
    """
    found = region if isinstance(region, Region) else Region(region)
    if found._is_pseudo:
        raise InvalidRegionException(
            f"region must have an endpoint of ECR, got the pseudo-region {found.name!r}; "
            "pass one like 'eu-west-1'"
        )
    if found.name not in found._partition.regions:
        _LOG.warning(
            "region %r is not listed by the installed botocore; assuming that partition %r has it",
            found.name,
            found.partition,
        )
    return found


def supported_region(region: Region | str) -> Region:
    """Return a region that offers Amazon ECR, according to botocore's data.

    This reads 1.2 MB of data on its first call.

    Args:
        region: A `Region` or its name.

    Raises:
        InvalidRegionException: The region is invalid, or is known not to offer Amazon ECR.
    """
    found = usable_region(region)
    if not found.is_service_supported("ecr"):
        raise InvalidRegionException(
            f"region must offer Amazon ECR, got {found.name!r}; choose another region"
        )
    return found


def _endpoints_of(partition: str) -> Any:
    """Return the entry of a partition in ``endpoints.json``."""
    for data in load_data("endpoints")["partitions"]:
        if data["partition"] == partition:
            return data
    return {"services": {}, "regions": {}}
