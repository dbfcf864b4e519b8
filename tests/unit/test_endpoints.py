"""Endpoints: which strings are valid, which one a region has, and which one a client calls."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointResolutionError
from botocore.loaders import Loader

from ecr_client import ECRClient, endpoints
from ecr_client._exceptions import (
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
)
from ecr_client._settings import Settings
from ecr_client.config import ClientConfiguration
from ecr_client.endpoints import (
    DEFAULT_ENDPOINT,
    Endpoint,
    choose_endpoint,
    parse_endpoint,
    resolve_endpoint,
)
from ecr_client.regions import Region, partitions

SECRET = "s3cret"
REGIONS = sorted(region for partition in partitions() for region in partition.regions)
REGIONS += ["eu-west-99", "us-gov-new-1"]


def parse(endpoint: Any, protocol: str = "https") -> Endpoint:
    return parse_endpoint(endpoint, protocol=protocol, signing_region="ap-south-1")


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("localhost", "https://localhost", "localhost"),
        ("localhost:4566", "https://localhost:4566", "localhost:4566"),
        ("localhost/ecr/", "https://localhost/ecr/", "localhost"),
        ("Host.Example.ORG", "https://host.example.org", "host.example.org"),
        ("http://localhost:5000/", "http://localhost:5000", "localhost:5000"),
        ("HTTP://localhost", "http://localhost", "localhost"),
        ("http://localhost:80", "http://localhost:80", "localhost"),
        ("http://localhost:443", "http://localhost:443", "localhost:443"),
        ("https://my_container:8080", "https://my_container:8080", "my_container:8080"),
        ("[2001:DB8::1]", "https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://[::1]:443", "https://[::1]:443", "[::1]"),
    ],
)
def test_parse(text: str, url: str, host: str) -> None:
    """A host gets the protocol, a URL keeps its own, and a path of a single slash is dropped."""
    endpoint = parse(text)

    assert (endpoint.url, endpoint.host, endpoint.signing_region) == (url, host, "ap-south-1")
    assert str(endpoint) == url
    assert parse(text, "http").url == (url if "//" in text else url.replace("https:", "http:"))


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("ecr.us-east-1.amazonaws.com", "us-east-1"),
        ("api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://api.ecr.xx-west-1.amazonaws.com", None),
        ("api.ecr-fips.us-east-2.amazonaws.com", "us-east-2"),
        ("ecr-fips.us-west-1.api.aws", "us-west-1"),
        ("api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("ecr-fips.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"),
        ("api.ecr.eu-west-99.amazonaws.com", "eu-west-99"),
        ("vpce-0ab12-cd34.api.ecr.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0ab12-cd34-eu-west-1a.api.ecr.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0ab12.api.ecr.eu-west-1.amazonaws.com", None),
        ("api.ecr.eu-west-1.vpce.amazonaws.com", None),
        ("api.ecr.eu-west-1.amazonaws.com.evil.org", None),
        ("api.ecr.eu-west-1.amazonaws.com.cn", None),
        ("api.ecr.cn-north-1.amazonaws.com", None),
        ("evil.api.ecr.eu-west-1.amazonaws.com", None),
        ("sts.eu-west-1.amazonaws.com", None),
        ("localhost", None),
    ],
)
def test_signing_region_follows_host(host: str, region: str | None) -> None:
    """The region of an ECR host in AWS is signed for; that of any other host is not trusted."""
    assert parse(host).signing_region == (region or "ap-south-1")


@pytest.mark.parametrize(
    "endpoint",
    [
        *(None, "", " ", b"localhost", 7, ["localhost"], Region("eu-west-1")),
        *(" localhost", "localhost\n", "local host", "local\x00host", "local\u2028host"),
        *("höst.example.org", "local\\host", "ftp://localhost", "file:///etc/passwd"),
        *("//localhost", "://localhost", "https://", "https:///path", "https://:443", ":443"),
        *("localhost:", "localhost:0", "localhost:port", "localhost:65536", "localhost:-1"),
        *("localhost:+80", "localhost:0080", "localhost:80:80"),
        *("::1", "[::1", "[::1]x", "[::1]x:80", "[localhost]", "[::g]"),
        *("..", "a..b", "-a", "a" * 64 + ".org", "localhost?", "localhost?a=b", "localhost#"),
        *(f"user:{SECRET}@localhost", f"https://{SECRET}@localhost"),
        *(f"https://user:{SECRET}/x@localhost", f"https://user:{SECRET}?x@localhost"),
        *(f"https://localhost/?token={SECRET}", f"ftp://user:{SECRET}@localhost:port"),
        f"https://user:{SECRET}\n@localhost",
        "a" * 1_000_000,
    ],
    ids=lambda endpoint: str(endpoint)[:30],
)
def test_invalid_endpoints(endpoint: Any) -> None:
    """Anything else is refused, with a short message that shows no password."""
    with pytest.raises(InvalidEndpointException) as caught:
        parse(endpoint)

    assert isinstance(caught.value, ValueError)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    assert len(str(caught.value)) < 500


def test_message_of_a_bad_endpoint() -> None:
    """The message names the value, the reason and what is expected."""
    with pytest.raises(InvalidEndpointException) as caught:
        parse("ftp://localhost")

    assert str(caught.value) == (
        "'ftp://localhost' is not an endpoint: its scheme is neither http nor https; expected a "
        "host such as 'api.ecr.eu-west-1.amazonaws.com' or a URL such as 'http://localhost:4566'"
    )


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com"),
        (
            "https://123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "api.ecr-fips.us-east-1.amazonaws.com",
        ),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "api.ecr.eu-west-1.amazonaws.com"),
    ],
)
def test_hosts_of_registries(host: str, meant: str) -> None:
    """The host of a registry is refused, and the error names the endpoint that was meant."""
    with pytest.raises(InvalidEndpointException, match=f"registry host.*'{re.escape(meant)}'"):
        parse(host)


def test_endpoint_is_a_value() -> None:
    """Endpoints compare by value, are hashable, picklable and immutable."""
    one, other = parse("localhost:1"), parse("localhost:1")

    assert one == other
    assert len({one, other, parse("localhost:2")}) == 2
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == "Endpoint(url='https://localhost:1', signing_region='ap-south-1')"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.url = "http://localhost"  # type: ignore[misc]


def test_resolve_follows_botocore() -> None:
    """Every region has the endpoint of botocore's rules in every variant, and it names the region.

    `tests/oracle` compares what botocore's client sends.
    """
    loader = Loader()
    rules = loader.load_service_model("ecr", "endpoint-rule-set-1")
    provider: Any = EndpointProvider(rules, loader.load_data("partitions"))
    for region, fips, dual in itertools.product(REGIONS, (False, True), (False, True)):
        expected, found = None, None
        # A partition may lack a variant.
        with contextlib.suppress(EndpointResolutionError):
            expected = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual).url
        with contextlib.suppress(InvalidEndpointException):
            found = resolve_endpoint(region, use_fips=fips, use_dualstack=dual).url

        assert found == expected, region
        assert found or fips or dual
        assert found is None or parse(found).signing_region == region


def test_regions_without_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid region has no endpoint, and a partition may lack the requested variant."""
    wrong: Any
    for wrong in (None, "", "nowhere", 7, "EU-WEST-1"):
        with pytest.raises(InvalidRegionException):
            resolve_endpoint(wrong, use_fips=False, use_dualstack=False)

    class NoSuchVariant:
        def resolve_endpoint(self, **parameters: Any) -> Any:
            raise EndpointResolutionError(msg="this partition does not support FIPS")

    monkeypatch.setattr(endpoints, "_rules", NoSuchVariant)
    with pytest.raises(InvalidEndpointException, match="does not support FIPS") as caught:
        resolve_endpoint("eu-west-1", use_fips=True, use_dualstack=False)

    assert isinstance(caught.value.__cause__, EndpointResolutionError)


def test_rules_are_loaded_once_by_many_threads() -> None:
    """Threads that start together share one interpreter of the rules."""
    endpoints._load_rules.cache_clear()
    barrier = threading.Barrier(8)

    def load(_: int) -> Any:
        barrier.wait()
        return endpoints._rules()

    with ThreadPoolExecutor(8) as pool:
        rules = list(pool.map(load, range(8)))

    assert len(set(map(id, rules))) == 1
    assert endpoints._load_rules.cache_info().misses == 1


def choose(
    region: Any = None, endpoint: Any = None, environ: dict[str, str] | None = None, **config: Any
) -> Endpoint:
    nowhere = {"AWS_CONFIG_FILE": "/no/config", "AWS_SHARED_CREDENTIALS_FILE": "/no/credentials"}
    return choose_endpoint(
        region=region,
        endpoint=endpoint,
        config=ClientConfiguration(**config),
        settings=Settings(environ={**nowhere, **(environ or {})}),
    )


URL = {"AWS_ENDPOINT_URL": "http://env:1"}
REGION = {"AWS_REGION": "eu-west-3"}
FIPS = {"AWS_USE_FIPS_ENDPOINT": "true"}
BOTH = {**FIPS, "AWS_USE_DUALSTACK_ENDPOINT": "true"}


@pytest.mark.parametrize(
    ("arguments", "url", "signing_region"),
    [
        ({}, "https://ecr.us-east-1.amazonaws.com", "us-east-1"),
        ({"protocol": "http"}, "http://ecr.us-east-1.amazonaws.com", "us-east-1"),
        ({"region": "eu-west-1"}, "https://api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        (
            {"region": "eu-west-1", "protocol": "http"},
            "http://api.ecr.eu-west-1.amazonaws.com",
            "eu-west-1",
        ),
        ({"environ": REGION}, "https://api.ecr.eu-west-3.amazonaws.com", "eu-west-3"),
        (
            {"region": "cn-north-1", "environ": REGION},
            "https://api.ecr.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
        ),
        ({"endpoint": "h"}, "https://h", "us-east-1"),
        ({"endpoint": "h", "protocol": "http"}, "http://h", "us-east-1"),
        ({"endpoint": "h", "region": Region("eu-west-1")}, "https://h", "eu-west-1"),
        ({"endpoint": "h", "region": "made-up"}, "https://h", "made-up"),
        ({"endpoint": "h", "environ": REGION}, "https://h", "eu-west-3"),
        ({"endpoint": "h", "environ": URL}, "https://h", "us-east-1"),
        (
            {"endpoint": "ecr.eu-west-2.amazonaws.com", "region": "eu-west-1"},
            "https://ecr.eu-west-2.amazonaws.com",
            "eu-west-2",
        ),
        ({"environ": URL}, "http://env:1", "us-east-1"),
        ({"region": "eu-west-1", "environ": URL}, "http://env:1", "eu-west-1"),
        ({"use_fips_endpoint": False, "environ": {**URL, **FIPS}}, "http://env:1", "us-east-1"),
    ],
)
def test_choice(arguments: dict[str, Any], url: str, signing_region: str) -> None:
    """Arguments take precedence over the environment, and an endpoint over a region."""
    assert choose(**arguments) == Endpoint(url, signing_region)


@pytest.mark.parametrize(
    ("arguments", "region", "fips", "dual"),
    [
        ({"use_fips_endpoint": True}, "us-east-1", True, False),
        ({"use_dualstack_endpoint": True}, "us-east-1", False, True),
        ({"environ": {**REGION, **FIPS}}, "eu-west-3", True, False),
        ({"region": "us-gov-west-1", "environ": BOTH}, "us-gov-west-1", True, True),
        ({"use_fips_endpoint": False, "environ": BOTH}, "us-east-1", False, True),
    ],
)
def test_choice_of_a_variant(
    arguments: dict[str, Any], region: str, fips: bool, dual: bool
) -> None:
    """FIPS and dual-stack change the endpoint, even without a region."""
    expected = resolve_endpoint(region, use_fips=fips, use_dualstack=dual)

    assert choose(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"endpoint": "h", "use_fips_endpoint": True}, "FIPS cannot .*endpoint argument"),
        ({"endpoint": "h", "use_dualstack_endpoint": True}, "dual-stack cannot"),
        ({"environ": URL, "use_fips_endpoint": True}, "from AWS_ENDPOINT_URL"),
        ({"endpoint": "h", "environ": BOTH}, "FIPS and dual-stack cannot"),
    ],
)
def test_variant_of_a_given_endpoint(arguments: dict[str, Any], text: str) -> None:
    """FIPS and dual-stack cannot be combined with an endpoint, wherever each comes from."""
    with pytest.raises(InvalidConfigurationException, match=text):
        choose(**arguments)


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ({"endpoint": ""}, "the endpoint argument"),
        ({"environ": {"AWS_ENDPOINT_URL_ECR": "ftp://x"}}, "AWS_ENDPOINT_URL_ECR"),
        ({"region": ""}, "the region argument"),
        ({"region": "aws-global"}, "the region argument"),
        ({"environ": {"AWS_REGION": "nowhere"}}, "AWS_REGION"),
        ({"endpoint": "x", "region": "a.b"}, "the region argument"),
        ({"environ": {**URL, "AWS_REGION": "a b"}}, "AWS_REGION"),
    ],
)
def test_bad_choice_names_its_source(arguments: dict[str, Any], source: str) -> None:
    """The error of an unusable endpoint or region says which setting it comes from."""
    of_region = "region" in source.lower()
    with pytest.raises(InvalidRegionException if of_region else InvalidEndpointException) as caught:
        choose(**arguments)

    assert str(caught.value).endswith(f"(from {source})")


def test_what_needs_no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A given endpoint and the default one need none of botocore's data."""
    monkeypatch.setattr(endpoints, "_rules", None)

    assert choose() == DEFAULT_ENDPOINT
    assert choose("eu-west-1", "http://localhost") == Endpoint("http://localhost", "eu-west-1")


@pytest.mark.parametrize("variant", ["use_fips_endpoint", "use_dualstack_endpoint"])
def test_an_endpoint_does_not_lose_a_variant(variant: Any) -> None:
    """A client with FIPS or dual-stack refuses another endpoint, as its constructor does."""
    client = ECRClient(region="us-east-1", config=ClientConfiguration(**{variant: True}))
    before = client.endpoint
    with pytest.raises(InvalidConfigurationException, match="cannot be combined with"):
        client.set_endpoint("api.ecr.us-east-1.amazonaws.com")

    assert client.endpoint == before
