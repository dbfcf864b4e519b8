"""Bad arguments of the client: endpoint, region, credentials, contradictions, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, Region
from ecr_client.exceptions import (
    AmazonClientException,
    ClientShutdownException,
    CredentialRetrievalException,
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
    NoCredentialsException,
)
from ecr_client.models import DescribeImagesRequest, ImageIdentifier
from ecr_client.operations import LIST_IMAGES

SECRET = "s3cret"
KEYS = Credentials("AKID", SECRET)
IMAGE = ImageIdentifier(image_tag="v1")
#: What is no endpoint, and a word of the text that says why.
ENDPOINTS: list[tuple[Any, str]] = [
    ("", "empty"),
    ("  ", "empty"),
    (5, "int"),
    (b"localhost", "bytes"),
    (["localhost"], "list"),
    ("http://", "host"),
    ("ftp://localhost", "http"),
    ("localhost:99999", "port"),
    ("localhost:0", "port"),
    ("localhost:", "port"),
    ("http://localhost:http", "port"),
    ("http://[::1", "port"),
    ("http://local host", "white space"),
    ("http://localhost\n", "white space"),
    ("http://löcalhost", "character"),
    ("http://a..b", "host"),
    (f"http://user:{SECRET}@localhost", "credentials="),
    (f"user:{SECRET}@localhost", "credentials="),
    (f"http://localhost?key={SECRET}", "query"),
    (f"http://localhost#{SECRET}", "fragment"),
]
#: What is no region, and a part of the text that says so.
REGIONS: list[tuple[Any, str]] = [
    ("", "''"),
    ("EU-WEST-1", "'EU-WEST-1'"),
    ("eu west 1", "'eu west 1'"),
    ("eu-west-1.evil.org/", "'eu-west-1.evil.org/'"),
    ("-eu-west-1", "'-eu-west-1'"),
    ("nowhere", "'nowhere'"),
    ("aws-global", "'aws-global'"),
    ("x" * 64, "'xxx"),
    (5, "int"),
    (b"eu-west-1", "bytes"),
    (["eu-west-1"], "list"),
    (Region, "type"),
]


def refused(
    error: type[AmazonClientException], call: Callable[[], object], *parts: str, value: bool = True
) -> None:
    """Make a call that has to raise exactly this error, with these parts in its text."""
    with pytest.raises(error) as caught:
        call()

    assert type(caught.value) is error
    assert isinstance(caught.value, ValueError) is value
    assert [part for part in parts if part not in str(caught.value)] == []
    assert SECRET not in str(caught.value)


# --- endpoints and regions ------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "why"), ENDPOINTS)
def test_bad_endpoints(server: Any, endpoint: Any, why: str) -> None:
    """What is no endpoint is refused by constructor and set_endpoint, which changes nothing."""
    refused(InvalidEndpointException, lambda: ECRClient(endpoint=endpoint), why)
    with ECRClient(endpoint=server.url, credentials=KEYS) as client:
        refused(InvalidEndpointException, lambda: client.set_endpoint(endpoint), why)

        assert client.endpoint == server.url


@pytest.mark.parametrize(("region", "shown"), REGIONS)
def test_bad_regions(server: Any, region: Any, shown: str) -> None:
    """What is no region is refused by constructor and set_region, which changes nothing."""
    refused(InvalidRegionException, lambda: ECRClient(region=region), shown)
    with ECRClient(region="eu-west-1", endpoint=server.url, credentials=KEYS) as client:
        refused(InvalidRegionException, lambda: client.set_region(region), shown)

        assert (client.endpoint, client.region) == (server.url, "eu-west-1")


def test_null_endpoint_and_region() -> None:
    """None is a default in the constructor only; the setters refuse it."""
    with ECRClient(endpoint=None, region=None) as client:
        refused(InvalidEndpointException, lambda: client.set_endpoint(None), "NoneType")  # type: ignore[arg-type]
        refused(InvalidRegionException, lambda: client.set_region(None), "NoneType")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variable", "text", "error"),
    [
        ("AWS_REGION", "no where", InvalidRegionException),
        ("AWS_DEFAULT_REGION", "aws-global", InvalidRegionException),
        ("AWS_ENDPOINT_URL_ECR", f"http://u:{SECRET}@localhost", InvalidEndpointException),
        ("AWS_ENDPOINT_URL", "http://", InvalidEndpointException),
        ("AWS_USE_FIPS_ENDPOINT", "yes", InvalidConfigurationException),
        ("AWS_USE_DUALSTACK_ENDPOINT", "1", InvalidConfigurationException),
        ("AWS_PROFILE", "missing", InvalidConfigurationException),
        ("AWS_DEFAULT_PROFILE", "missing", InvalidConfigurationException),
    ],
)
def test_bad_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, error: type[AmazonClientException]
) -> None:
    """A setting of the environment that cannot work is refused by the name of its variable."""
    monkeypatch.setenv(variable, text)

    refused(error, ECRClient, variable)


def test_missing_ca_bundle(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA bundle that is not there is refused by its variable, by the first call that needs it."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    with ECRClient(endpoint=server.url, credentials=KEYS) as client:
        client.list_images(repository_name="app")
        client.set_endpoint(server.url.replace("http:", "https:"))
        refused(
            InvalidConfigurationException,
            lambda: client.list_images(repository_name="app"),
            "AWS_CA_BUNDLE",
            "/nowhere/ca.pem",
        )

    assert len(server.requests) == 1


# --- other arguments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"config": {}}, ["config", "dict"]),
        ({"config": ClientConfiguration}, ["config", "type"]),
        ({"credentials": 5}, ["credentials", "int"]),
        ({"credentials": ("AKID", SECRET)}, ["credentials", "tuple"]),
        ({"credentials": {"access_key": SECRET}}, ["credentials", "dict"]),
        ({"profile": ""}, ["profile", "''"]),
        ({"profile": 5}, ["profile", "5"]),
        ({"profile": "missing"}, ["profile", "'missing'"]),
        ({"session": 5}, ["session", "int"]),
        ({"credentials": KEYS, "profile": "p"}, ["profile"]),
        ({"credentials": KEYS, "session": botocore.session.Session()}, ["credentials and session"]),
        ({"endpoint": "h", "config": ClientConfiguration(use_fips_endpoint=True)}, ["FIPS"]),
        (
            {"endpoint": "h", "config": ClientConfiguration(use_dualstack_endpoint=True)},
            ["dual-stack"],
        ),
    ],
)
def test_bad_and_contradicting_arguments(arguments: dict[str, Any], parts: list[str]) -> None:
    """An argument of no use, and two that contradict each other, are refused by their names."""
    refused(InvalidConfigurationException, lambda: ECRClient(**arguments), *parts)


@pytest.mark.parametrize("given", [("credentials", "profile"), ("profile", "session")])
def test_two_sources_of_credentials(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, given: tuple[str, str]
) -> None:
    """Two arguments that each say where credentials come from are refused by both names."""
    path = tmp_path / "config"
    path.write_text("[profile p]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    values = {"credentials": KEYS, "profile": "p", "session": botocore.session.Session()}
    arguments: dict[str, Any] = {name: values[name] for name in given}

    refused(InvalidConfigurationException, lambda: ECRClient(**arguments), " and ".join(given))


def test_arguments_of_the_constructor_have_names() -> None:
    """A positional argument and a misspelt one are Python's own TypeErrors."""
    with pytest.raises(TypeError, match="positional"):
        ECRClient("eu-west-1")  # type: ignore[misc]
    with pytest.raises(TypeError, match="'region_name'"):
        ECRClient(region_name="eu-west-1")  # type: ignore[call-arg]


# --- credentials ----------------------------------------------------------------------------------


def test_no_credentials(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Without credentials the first call says everywhere that was looked, and nothing is sent."""
    for name in ("HOME", "USERPROFILE", "BOTO_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    with ECRClient(endpoint=server.url) as client:
        refused(
            NoCredentialsException,
            lambda: client.list_images(repository_name="app"),
            "AWS_ACCESS_KEY_ID",
            "profile 'default'",
            "container",
            "AWS_EC2_METADATA_DISABLED",
            "credentials=Credentials(...)",
            value=False,
        )

    assert server.requests == []


def test_half_of_the_credentials(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An access key without its secret is an error of its own that names what is missing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    with ECRClient(endpoint=server.url) as client:
        refused(
            CredentialRetrievalException,
            lambda: client.list_images(repository_name="app"),
            "AWS_SECRET_ACCESS_KEY",
            value=False,
        )

    assert server.requests == []


@pytest.mark.parametrize(
    "provider",
    [
        lambda: None,
        lambda: "AKID",
        lambda: (SECRET, SECRET),
        lambda: 1 / 0,
        lambda: {}["missing"],
        lambda: Credentials("AKID", f"{SECRET}\n"),
    ],
)
def test_bad_providers(server: Any, provider: Any) -> None:
    """A provider that fails or gives no credentials is named, and its own error is the cause."""
    with ECRClient(endpoint=server.url, credentials=provider) as client:
        with pytest.raises(CredentialRetrievalException, match="provider") as caught:
            client.list_images(repository_name="app")

        assert SECRET not in str(caught.value)
        assert isinstance(caught.value.__cause__, Exception)
    assert server.requests == []


# --- the closed client ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (lambda c: c.list_images(repository_name="app"), "ListImages"),
        (lambda c: c.describe_images(DescribeImagesRequest(repository_name="a")), "DescribeImages"),
        (lambda c: c.invoke(LIST_IMAGES, None), "ListImages"),
        (lambda c: list(c.paginate_list_images(repository_name="app")), "ListImages"),
        (
            lambda c: c.batch_get_image_all(repository_name="app", image_ids=[IMAGE] * 200),
            "BatchGetImage",
        ),
        (
            lambda c: c.wait_until_image_exists(repository_name="app", image_ids=[IMAGE]),
            "DescribeImages",
        ),
    ],
)
def test_closed_client(
    server: Any, client: ECRClient, call: Callable[[ECRClient], object], operation: str
) -> None:
    """After the shutdown each way to call is refused with the operation's name."""
    client.shutdown()

    with pytest.raises(ClientShutdownException) as caught:
        call(client)

    assert type(caught.value) is ClientShutdownException
    assert isinstance(caught.value, RuntimeError)
    assert str(caught.value).startswith(f"{operation}: the client was shut down")
    assert server.requests == []
