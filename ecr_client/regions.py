"""Regions: the partition that a region belongs to, and the services that it offers.

The facts are those of the installed botocore: ``partitions.json`` says which regions and partitions
there are, ``endpoints.json`` which services they offer.
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
#: A region is a part of a host name (RFC 1123).
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
        pattern: What the names of its regions look like, listed or not.
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
    # The lock keeps threads that start together from reading the same file twice.
    with _LOADING.held:
        return _load_data(name)


@functools.cache
def _load_data(name: str) -> Any:
    try:
        return loader().load_data(name)
    except Exception as error:
        raise unreadable_data(f"{name}.json", error) from error


def loader() -> Any:
    """Return a loader of what the installed botocore itself has, and not of ``~/.aws/models``."""
    # Imported late: a client with an endpoint of its own never needs botocore's data.
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
    """Return the partition of a region, or ``None`` if the name fits none.

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
    """Return a name that can stand for a region in a signature, whether AWS knows it or not.

    Args:
        region: A `Region` or its name.

    Raises:
        InvalidRegionException: It is neither, or the name cannot be part of a host name.
    """
    if isinstance(region, Region):
        return region.name
    if not isinstance(region, str):
        raise InvalidRegionException(
            f"region must be a name like 'eu-west-1' or a Region, not {type(region).__name__}"
        )
    if not re.fullmatch(_NAME, region):
        raise InvalidRegionException(
            f"{region[:100]!r} cannot be a region: expected a name like 'eu-west-1' of lower-case "
            "letters, digits and dashes"
        )
    return region


def _known_partition(region: str) -> Partition:
    partition = find_partition(region)
    if partition is None:
        raise InvalidRegionException(
            f"{region!r} is not like a region of any partition that the installed botocore knows; "
            "correct the name, or update botocore if the partition is new"
        )
    return partition


def _check_known(_: object, __: object, name: str) -> None:
    if isinstance(name, Region):
        raise InvalidRegionException("the name of a region must be a str, not a Region")
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
        """Return the region of a name.

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
        """Tell whether the region offers a service, as far as the installed botocore knows.

        Args:
            service: The prefix of the service's endpoints, ``ECRClient.ENDPOINT_PREFIX`` for ECR.

        Returns:
            ``False`` for a service that the partition does not have, or that a region which
            botocore knows does not have. A region that botocore does not know yet is taken to
            offer what its partition offers: regions appear before releases do.
        """
        partition = _endpoints_of(self.partition)
        services = partition["services"]
        # ECR's own prefix is "ecr"; the data has it, as a few others, as "api.ecr".
        found = services.get(service) or services.get(f"api.{service}")
        if found is None:
            return False
        if self.name in found.get("endpoints", {}):
            return True
        if self.name in partition["regions"]:
            # One endpoint for the whole partition, as IAM has it, serves every region.
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
            credentials: What the client's ``credentials`` argument takes.
            config: The client's configuration.
        """
        return client_class(region=self, credentials=credentials, config=config)

    @property
    def _is_pseudo(self) -> bool:
        """Whether this is a name like ``aws-global``, which stands for no place."""
        return not self._partition.pattern.match(self.name)

    @property
    def _partition(self) -> Partition:
        return _known_partition(self.name)

    def __str__(self) -> str:
        return self.name


def usable_region(region: Region | str) -> Region:
    """Return the region of an argument or a setting, ready to be resolved to an endpoint.

    A region that botocore does not list is accepted with one line in the log.

    Args:
        region: A `Region` or its name.

    Raises:
        InvalidRegionException: It cannot be a region, or it is a pseudo-region like
            ``aws-global``, which has no endpoint of ECR.
    """
    found = region if isinstance(region, Region) else Region(region)
    if found._is_pseudo:
        raise InvalidRegionException(
            f"{found.name!r} stands for no place and has no endpoint of ECR; "
            "give a region like 'eu-west-1'"
        )
    if found.name not in found._partition.regions:
        _LOG.warning(
            "Region %r is not listed by the installed botocore; using it as one of partition %r.",
            found.name,
            found.partition,
        )
    return found


def supported_region(region: Region | str, service: str = "ecr") -> Region:
    """Return a region after asking botocore's data whether it offers the service.

    This is `usable_region` and `Region.is_service_supported`, which reads 1.2 MB on its first call.

    Args:
        region: A `Region` or its name.
        service: The prefix of the service's endpoints.

    Raises:
        InvalidRegionException: It cannot be a region, or is known not to offer the service.
    """
    found = usable_region(region)
    if not found.is_service_supported(service):
        raise InvalidRegionException(
            f"region {found.name!r} does not offer {service!r}; choose another region"
        )
    return found


def _endpoints_of(partition: str) -> Any:
    """Return what ``endpoints.json`` says of a partition."""
    for data in load_data("endpoints")["partitions"]:
        if data["partition"] == partition:
            return data
    return {"services": {}, "regions": {}}
