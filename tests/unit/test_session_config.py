"""What a client takes over from the default client config of a session."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client._engine.user_agent import user_agent
from ecr_client._session import FIELDS, WITHOUT_EFFECT
from ecr_client.endpoints import wanted_variant
from ecr_client.exceptions import InvalidConfigurationException

HERE = __file__
ECR = "https://api.ecr{}.us-east-1.amazonaws.com"
AGENT = user_agent(None)
BUNDLE = {"proxy_ca_bundle": HERE}
PROXIES = {"https": "http://proxy:8080"}
#: By option: a value, and what it changes in a client.
OPTIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    **dict.fromkeys(WITHOUT_EFFECT, ("anything", {})),
    "parameter_validation": (False, {}),
    "s3": ({"addressing_style": "path"}, {}),
    "client_cert": (HERE, {"client_cert": HERE}),
    "connect_timeout": (60, {"connect_timeout": 60}),
    "ignore_configured_endpoint_urls": (True, {"endpoint": ECR.format("")}),
    "max_pool_connections": (10, {"max_pool_connections": 10}),
    "proxies": (PROXIES, {"proxies": PROXIES}),
    "proxies_config": (BUNDLE, {"proxies_config": BUNDLE}),
    "read_timeout": (0.5, {"read_timeout": 0.5}),
    "region_name": ("eu-west-3", {"region": "eu-west-3"}),
    "retries": ({"total_max_attempts": 7, "mode": "adaptive"}, {"retry": (7, "adaptive")}),
    "signature_version": (UNSIGNED, {"signed": False}),
    "use_dualstack_endpoint": (True, {"variant": (False, True)}),
    "use_fips_endpoint": (True, {"variant": (True, False)}),
    "user_agent": ("mine/1", {"user_agent": "mine/1"}),
    "user_agent_appid": ("my app", {"user_agent": f"{AGENT} app/my-app"}),
    "user_agent_extra": ("more/1", {"user_agent": f"{AGENT} more/1"}),
}


@pytest.fixture
def session() -> botocore.session.Session:
    """Return a session with keys and a region."""
    made = botocore.session.Session()
    made.set_credentials("AKIDEXAMPLE", "secret")
    made.set_config_variable("region", "us-east-1")
    return made


def facts(client: ECRClient) -> dict[str, Any]:
    """Return everything in a client that an option may change."""
    pipeline, options = client._make_pipeline(), client._make_options()
    fields = {name: getattr(client._config, name) for name in FIELDS}
    return {
        **fields,
        "endpoint": client.endpoint,
        "region": client.region,
        "retry": (options.retry.max_attempts, options.retry.mode),
        "signed": options.credentials.resolve() is not None,
        "user_agent": pipeline.user_agent,
        "variant": wanted_variant(client._config, client._settings),
    }


@pytest.mark.parametrize("option", Config.OPTION_DEFAULTS)
def test_each_option(session: Any, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """Each option that botocore has changes what it should, and nothing else."""
    value, changes = OPTIONS[option]
    if option == "ignore_configured_endpoint_urls":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    before = facts(ECRClient(session=session))
    session.set_default_client_config(Config(**{option: value}))
    after = facts(ECRClient(session=session))
    if {"region", "variant"} & changes.keys():
        changes = {**changes, "endpoint": after["endpoint"]}

    assert {name: each for name, each in after.items() if each != before[name]} == changes


def test_endpoints(session: botocore.session.Session) -> None:
    """Region and FIPS of the session select the endpoint; a region in code takes precedence."""
    session.set_default_client_config(Config(region_name="us-west-2", use_fips_endpoint=True))

    # The host itself comes from botocore.
    fips = ClientConfiguration(use_fips_endpoint=True)
    for found, region in (
        (ECRClient(session=session), "us-west-2"),
        (ECRClient(session=session, region="us-east-1"), "us-east-1"),
    ):
        assert "fips" in found.endpoint
        assert found.endpoint == ECRClient(region=region, config=fips).endpoint


def test_code_comes_first(session: botocore.session.Session) -> None:
    """The client's own configuration takes precedence; the rest comes from the session."""
    session.set_default_client_config(
        Config(connect_timeout=1, read_timeout=2, proxies=PROXIES, retries={"max_attempts": 7})
    )
    own = ClientConfiguration(read_timeout=3, proxies={}, retry=RetryPolicy(max_attempts=2))
    found = facts(ECRClient(session=session, config=own))

    assert (found["connect_timeout"], found["read_timeout"]) == (1, 3)
    assert (found["proxies"], found["retry"]) == ({}, (2, "standard"))


@pytest.mark.parametrize(
    ("retries", "expected"),
    [
        ({}, (9, "adaptive")),
        ({"max_attempts": 0}, (1, "adaptive")),
        ({"total_max_attempts": 2, "max_attempts": 5}, (2, "adaptive")),
        ({"mode": "legacy"}, (9, "standard")),
    ],
)
def test_retries(session: Any, monkeypatch: Any, retries: Any, expected: tuple[int, str]) -> None:
    """Retries are counted as in botocore; what they leave open comes from the environment."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    session.set_default_client_config(Config(retries=retries))

    assert facts(ECRClient(session=session))["retry"] == expected


def test_boto3(session: botocore.session.Session) -> None:
    """A boto3 session has the default client config of its botocore session."""
    session.set_default_client_config(Config(read_timeout=2))

    assert ECRClient(session=boto3.Session(botocore_session=session))._config.read_timeout == 2


@pytest.mark.parametrize(
    "options",
    [
        {"signature_version": "v4a"},
        {"read_timeout": None},
        {"max_pool_connections": 0},
        {"user_agent_extra": "a\nb"},
        {"proxies": {"https": "ftp://user:s3cret@proxy"}},
        {"brand_new": True},
    ],
)
def test_unsupported_options(session: Any, monkeypatch: Any, options: dict[str, Any]) -> None:
    """An unsupported value or an unknown option is refused by its name.

    So is anything but a Config as the client config.
    """
    session.set_default_client_config({"read_timeout": 2})
    with pytest.raises(InvalidConfigurationException, match="must be a botocore Config, got dict"):
        ECRClient(session=session)

    monkeypatch.setitem(Config.OPTION_DEFAULTS, "brand_new", None)
    session.set_default_client_config(Config(**options))
    with pytest.raises(InvalidConfigurationException) as caught:
        ECRClient(session=session)

    assert next(iter(options)) in str(caught.value)
    assert "the session's default client config" in str(caught.value)
    assert "s3cret" not in str(caught.value)
