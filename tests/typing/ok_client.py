"""Creating, configuring and closing a client, as type checkers see it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from typing_extensions import assert_type

from ecr_client import (
    ANONYMOUS,
    AmazonECR,
    ClientConfiguration,
    Credentials,
    ECRClient,
    Region,
    ResponseMetadata,
    __version__,
)
from ecr_client.models import (
    AmazonWebServiceRequest,
    AmazonWebServiceResult,
    DescribeImagesRequest,
    DescribeImagesResult,
    ResultWithFailures,
)


class Bespoke(ECRClient):
    """A user's own client class."""


def construction(session: object) -> None:
    """A client takes optional keyword arguments only."""
    assert_type(ECRClient(), ECRClient)
    ECRClient(region="eu-west-1", profile="dev", config=ClientConfiguration())
    ECRClient(region=Region("eu-west-1"), endpoint="http://localhost:4566", session=session)
    ECRClient(region=None, endpoint=None, credentials=None, profile=None, session=None, config=None)
    interface: AmazonECR = ECRClient()
    assert_type(interface.get_account_setting(name="a").name, str | None)


class Refreshing:
    """A protocol like botocore's refreshable credentials."""

    def get_frozen_credentials(self) -> Credentials:
        """Return the keys."""
        return Credentials("a", "b")


def credentials(keys: Credentials) -> None:
    """Credentials are keys, something that refreshes them, or a function that returns either."""
    ECRClient(credentials=keys)
    ECRClient(credentials=Refreshing())
    ECRClient(credentials=lambda: keys)
    ECRClient(credentials=Refreshing)
    ECRClient(credentials=ANONYMOUS)
    assert_type(Credentials("a", "b").token, str | None)
    assert_type(Credentials("a", "b", "c").access_key, str)
    assert_type(Credentials(access_key="a", secret_key="b", token=None).secret_key, str)


def context_manager() -> None:
    """Entering a client returns it with its own class, also for a subclass."""
    with ECRClient() as client:
        assert_type(client, ECRClient)
    with Bespoke() as bespoke:
        assert_type(bespoke, Bespoke)


def members_of_the_interface(client: ECRClient) -> None:
    """A client has its endpoint and region, and can change them."""
    request = DescribeImagesRequest(repository_name="app")
    assert_type(client.endpoint, str)
    assert_type(client.region, str)
    client.set_endpoint("ecr.eu-west-1.amazonaws.com")
    client.set_region("eu-west-1")
    client.set_region(Region("eu-west-1"))
    client.shutdown()
    client.close()
    assert_type(client.get_cached_response_metadata(request), ResponseMetadata | None)
    assert_type(__version__, str)


def bases(
    client: ECRClient, request: AmazonWebServiceRequest, result: DescribeImagesResult
) -> None:
    """The base classes are public, for code that handles all of their subclasses."""
    assert_type(client.get_cached_response_metadata(request), ResponseMetadata | None)
    results: list[AmazonWebServiceResult] = [result, ResultWithFailures()]
    assert_type(results[0].response_metadata, ResponseMetadata)
    assert_type(ResultWithFailures().raise_for_failures(), ResultWithFailures)


def regions() -> None:
    """A region has its partition, and makes clients of any class."""
    region = Region.get_region("eu-west-1")
    assert_type(region, Region)
    assert_type((region.name, region.partition, region.domain), tuple[str, str, str])
    assert_type(region.is_service_supported(ECRClient.ENDPOINT_PREFIX), bool)
    assert_type(region.create_client(ECRClient), ECRClient)
    assert_type(
        region.create_client(Bespoke, Credentials("a", "b"), ClientConfiguration()), Bespoke
    )


def configuration(config: ClientConfiguration) -> None:
    """A configuration has a type for each field, and can be copied with changes."""
    made = ClientConfiguration(
        connect_timeout=5,
        read_timeout=7.5,
        max_pool_connections=10,
        proxies={"https": "http://proxy:8080"},
        proxies_config={"proxy_ca_bundle": "ca.pem", "proxy_use_forwarding_for_https": True},
        verify=False,
        client_cert=("cert.pem", "key.pem"),
        use_fips_endpoint=True,
        use_dualstack_endpoint=False,
        user_agent_appid="app",
        protocol="http",
        response_metadata_cache_size=0,
    )
    assert_type(attrs.evolve(made, read_timeout=10), ClientConfiguration)
    assert_type(config.connect_timeout, float)
    assert_type(config.max_pool_connections, int)
    assert_type(config.proxies, Mapping[str, str] | None)
    assert_type(config.verify, bool | str | None)
    assert_type(config.client_cert, str | tuple[str, str] | None)
    assert_type(config.use_fips_endpoint, bool | None)
    assert_type(config.protocol, str)
