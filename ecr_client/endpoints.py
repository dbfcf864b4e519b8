"""Endpoints: where a client sends its calls, and the region for which it signs them."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from ecr_client._common.display import brief, redact_url
from ecr_client._common.forks import Lock
from ecr_client._exceptions import (
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
)
from ecr_client._unavailable import unreadable_data
from ecr_client.regions import (
    Region,
    check_name,
    find_partition,
    load_data,
    loader,
    usable_region,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_client._settings import Settings
    from ecr_client.config import ClientConfiguration

_LOG = logging.getLogger("ecr_client")

DEFAULT_REGION = "us-east-1"

_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986 without "?" and "#", and without "@", which comes after a password or in place of one.
_URL_CHARACTERS = r"[A-Za-z0-9\-._~:/\[\]!$&'()*+,;=%]+"
# Host names may not contain underscores, but those of container networks do.
_HOST = r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*\.?"
_ECR_HOST = (
    r"(?P<privatelink>vpce-[a-z0-9-]+\.)?(api\.)?ecr(-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?(privatelink)vpce\.)(?P<domain>[a-z0-9.-]+)"
)
#: A registry host, from which images are pulled; it is not an endpoint of the API.
_REGISTRY_HOST = (
    r"[0-9]{12}\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z0-9.-]+)"
)
_LOADING = Lock()


@attrs.frozen
class Endpoint:
    """A URL to call and the region to sign for; created by the functions of this module.

    Attributes:
        url: Scheme and host, with port and path if it has them.
        signing_region: The region in the signature.
        host: The ``Host`` header: the host, and the port unless it is the scheme's default.
        path: The path of requests, at least a slash.
        request_url: The URL of requests: the endpoint's, with a slash if it has no path.
    """

    url: str
    signing_region: str
    host: str = attrs.field(init=False, repr=False, eq=False)
    path: str = attrs.field(init=False, repr=False, eq=False)
    request_url: str = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.url)
        host = parts.netloc.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")
        url = self.url if len(parts.path) > 1 else f"{self.url}/"
        for name, value in (("host", host), ("path", parts.path or "/"), ("request_url", url)):
            object.__setattr__(self, name, value)  # the class is frozen

    def __str__(self) -> str:
        return self.url


#: The endpoint if nothing is configured.
DEFAULT_ENDPOINT = Endpoint("https://ecr.us-east-1.amazonaws.com", DEFAULT_REGION)


def parse_endpoint(endpoint: str, *, protocol: str, signing_region: str) -> Endpoint:
    """Return the endpoint for a host name or a URL.

    Args:
        endpoint: ``"host"``, ``"host:port"``, or a URL with ``http`` or ``https``; a path may
            follow.
        protocol: The scheme of an endpoint that has none, ``"https"`` or ``"http"``.
        signing_region: The region to sign for, unless the host is an ECR endpoint of AWS, which
            names its own region.

    Raises:
        InvalidEndpointException: The value is neither, or contains credentials, a query or a
            fragment; a ``ValueError``.
    """
    url, region = _parse(endpoint, protocol)
    return Endpoint(url, region or signing_region)


def _parse(endpoint: str, protocol: str) -> tuple[str, str]:
    """Return the URL of an endpoint, and its region if it is an ECR endpoint of AWS, else ""."""
    text = _checked(endpoint)
    url = text if "://" in text else f"{protocol}://{text}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        # Only an address in brackets may contain a colon.
        is_address = ":" in host and _is_ipv6(host)
    except ValueError as error:
        raise _invalid(text, f"its host or port is not valid ({error})") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise _invalid(text, "its scheme is neither http nor https")
    if not host:
        raise _invalid(text, "it has no host")
    netloc = (f"[{host}]" if is_address else host) + ("" if port is None else f":{port}")
    # Anything that does not round-trip has an empty port, a stray bracket or the like.
    if port == 0 or netloc != parts.netloc.lower() or not (is_address or re.fullmatch(_HOST, host)):
        raise _invalid(text, "its host or port is not valid")
    registry = re.fullmatch(_REGISTRY_HOST, host)
    if registry is not None:
        meant = f"api.ecr{registry['fips'] or ''}.{registry['region']}.{registry['domain']}"
        meant = meant.replace(".on.aws", ".amazonaws.com")
        raise _invalid(text, f"it is a registry host; the endpoint of its API is {meant!r}")
    # A path is kept as it is, as in botocore: behind a proxy, a trailing slash may matter.
    path = parts.path if parts.path.strip("/") else ""
    return f"{parts.scheme}://{netloc}{path}", _region_of(host) or ""


def resolve_endpoint(
    region: Region | str, *, use_fips: bool, use_dualstack: bool, protocol: str = "https"
) -> Endpoint:
    """Return the endpoint of ECR in a region, according to the rules of the installed botocore.

    Args:
        region: A `Region` or its name.
        use_fips: Whether to use the FIPS 140 endpoint.
        use_dualstack: Whether to use the endpoint with IPv4 and IPv6 addresses.
        protocol: ``"https"`` or ``"http"``.

    Raises:
        InvalidRegionException: The name cannot be that of a region.
        InvalidEndpointException: The region's partition has no such endpoint.
    """
    name = (region if isinstance(region, Region) else Region(region)).name
    from botocore.exceptions import EndpointResolutionError

    try:
        found = _rules().resolve_endpoint(Region=name, UseFIPS=use_fips, UseDualStack=use_dualstack)
    except EndpointResolutionError as error:
        raise InvalidEndpointException(
            f"there is no endpoint of ECR for region {name!r} with use_fips_endpoint={use_fips} "
            f"and use_dualstack_endpoint={use_dualstack}: {error}"
        ) from error
    return Endpoint(_with_protocol(found.url.rstrip("/"), protocol), name)


def choose_endpoint(
    *,
    region: Region | str | None,
    endpoint: str | None,
    config: ClientConfiguration,
    settings: Settings,
) -> Endpoint:
    """Return the endpoint of a new client from arguments, environment and profile, in that order.

    Args:
        region: The ``region`` argument of the client.
        endpoint: The ``endpoint`` argument of the client.
        config: The client's configuration.
        settings: The settings of the environment and the profile.

    Returns:
        The given or configured endpoint, else that of the region, else `DEFAULT_ENDPOINT`.

    Raises:
        InvalidEndpointException: The endpoint is invalid, whatever its source.
        InvalidRegionException: The region is invalid, whatever its source.
        InvalidConfigurationException: An endpoint is combined with FIPS or dual-stack.
    """
    use_fips, use_dualstack = wanted_variant(config, settings)
    endpoint, source = _argument_or_setting(endpoint, "endpoint_url", settings)
    url, host_region = "", ""
    if endpoint is not None:
        refuse_variant(use_fips, use_dualstack, source)
        with _named(source):
            url, host_region = _parse(endpoint, config.protocol)
        if host_region and region is None:
            return Endpoint(url, host_region)
    region, source = _argument_or_setting(region, "region", settings)
    if region is None and settings.named_profile is not None:
        _LOG.warning(
            "profile %s has no region, and none is configured elsewhere; calls use %s: set the "
            "profile's region, AWS_REGION or the region argument",
            brief(settings.named_profile),
            DEFAULT_REGION,
        )
    with _named(source):
        if endpoint is not None:
            signing_region = DEFAULT_REGION if region is None else check_name(region)
            return Endpoint(url, host_region or signing_region)
        if region is None and not use_fips and not use_dualstack:
            url = _with_protocol(DEFAULT_ENDPOINT.url, config.protocol)
            return Endpoint(url, DEFAULT_REGION)
        return resolve_endpoint(
            usable_region(DEFAULT_REGION if region is None else region),
            use_fips=use_fips,
            use_dualstack=use_dualstack,
            protocol=config.protocol,
        )


@contextlib.contextmanager
def _named(source: str) -> Iterator[None]:
    """Add the source of an endpoint or a region to the errors about it."""
    try:
        yield
    except (InvalidRegionException, InvalidEndpointException) as error:
        raise type(error)(f"{error} (from {source})") from error.__cause__


def wanted_variant(config: ClientConfiguration, settings: Settings) -> tuple[bool, bool]:
    """Return whether to use FIPS and whether to use dual-stack endpoints.

    Args:
        config: The client's configuration, which takes precedence.
        settings: The settings of the environment and the profile.
    """
    use_fips, use_dualstack = config.use_fips_endpoint, config.use_dualstack_endpoint
    return (
        settings.use_fips if use_fips is None else use_fips,
        settings.use_dualstack if use_dualstack is None else use_dualstack,
    )


def _argument_or_setting(argument: Any, name: str, settings: Settings) -> tuple[Any, str]:
    """Return a value and the name of its source."""
    if argument is not None:
        return argument, f"the {name.removesuffix('_url')} argument"
    found = settings.find(name)
    return (None, "the defaults") if found is None else (found.value, found.source)


def refuse_variant(use_fips: bool, use_dualstack: bool, endpoint_source: str) -> None:
    """Refuse a custom endpoint together with FIPS or dual-stack.

    Raises:
        InvalidConfigurationException: Either is enabled; a custom endpoint has a fixed host.
    """
    wanted = [
        name for name, is_wanted in (("FIPS", use_fips), ("dual-stack", use_dualstack)) if is_wanted
    ]
    if wanted:
        raise InvalidConfigurationException(
            f"{' and '.join(wanted)} cannot be combined with a custom endpoint "
            f"(from {endpoint_source}); pass the region instead of the endpoint, or turn off "
            "use_fips_endpoint and use_dualstack_endpoint"
        )


def _checked(endpoint: object) -> str:
    """Return an endpoint if all of its characters are allowed in one."""
    if not isinstance(endpoint, str):
        raise InvalidEndpointException(
            f"endpoint must be a host or a URL, got {type(endpoint).__name__}"
        )
    if not endpoint.strip():
        raise _invalid(endpoint, "it is empty")
    if "@" in endpoint:
        raise _invalid(endpoint, "it contains a user or password; pass credentials= to the client")
    if "?" in endpoint or "#" in endpoint:
        raise _invalid(endpoint, "it has a query or a fragment")
    if not re.fullmatch(_URL_CHARACTERS, endpoint):
        raise _invalid(
            endpoint, "it contains whitespace or other characters that a URL cannot contain"
        )
    return endpoint


def _invalid(endpoint: str, reason: str) -> InvalidEndpointException:
    return InvalidEndpointException(
        f"{redact_url(endpoint)!r} is not an endpoint: {reason}; expected a host such as "
        "'api.ecr.eu-west-1.amazonaws.com' or a URL such as 'http://localhost:4566'"
    )


def _is_ipv6(host: str) -> bool:
    return bool(ipaddress.IPv6Address(host))


def _region_of(host: str) -> str | None:
    """Return the region in the name of an ECR endpoint of AWS, ``None`` for any other host."""
    match = re.fullmatch(_ECR_HOST, host)
    if match is None:
        return None
    region, domain = match["region"], match["domain"]
    partition = find_partition(region)
    # A look-alike has a foreign domain, or that of a partition without this region.
    if partition is None or domain not in (partition.domain, partition.dual_stack_domain):
        return None
    return region


def _with_protocol(url: str, protocol: str) -> str:
    return protocol + url[url.index("://") :]


def _rules() -> Any:
    """Return botocore's resolver with the endpoint rules of ECR, created once per process."""
    with _LOADING.held:
        return _load_rules()


@functools.cache
def _load_rules() -> Any:
    try:
        from botocore.endpoint_provider import EndpointProvider

        # Not load_service_model, which searches the directories of all services.
        version = loader().determine_latest_version("ecr", "endpoint-rule-set-1")
    except Exception as error:
        raise unreadable_data("ecr", error) from error
    rules = load_data(f"ecr/{version}/endpoint-rule-set-1")
    return EndpointProvider(rules, load_data("partitions"))


def warn_if_unsafe(url: str, verify: bool | str | None = None) -> None:
    """Log a warning if others on the network can read or change calls to an endpoint.

    Args:
        url: The endpoint.
        verify: The ``verify`` of the configuration.
    """
    host = urlsplit(url).hostname or ""
    if url.startswith("http://") and not _is_loopback(host):
        _LOG.warning("calls to %s are not encrypted: the endpoint does not use https", url)
    if verify is False and url.startswith("https://"):
        _LOG.warning("calls to %s are not safe: certificates are not verified", url)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
