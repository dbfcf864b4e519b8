"""Bad arguments of the client: endpoint, region, credentials, contradictions, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    ClientShutdownException,
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
)
from ecr_client.models import DescribeImagesRequest, ImageIdentifier
from ecr_client.operations import LIST_IMAGES

SECRET = "s3cret"
KEYS = Credentials("AKID", SECRET)
IMAGE = ImageIdentifier(image_tag="v1")


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


def test_arguments_of_the_constructor_have_names() -> None:
    """A positional argument and a misspelt one are Python's own TypeErrors."""
    with pytest.raises(TypeError, match="positional"):
        ECRClient("eu-west-1")  # type: ignore[misc]
    with pytest.raises(TypeError, match="'region_name'"):
        ECRClient(region_name="eu-west-1")  # type: ignore[call-arg]


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
