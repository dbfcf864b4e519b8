"""The configuration of a client: which values it accepts, and that it is a value itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from ecr_client._exceptions import AmazonClientException, InvalidConfigurationException
from ecr_client.config import ClientConfiguration

if TYPE_CHECKING:
    import pathlib

SECRET = "s3cret"
HERE = __file__
#: By field: values that are accepted, and values that are refused; True is not a number.
FIELDS: dict[str, tuple[list[Any], list[Any]]] = {
    "connect_timeout": ([0.001, 3_600], [0, -1, True, "5", None]),
    "read_timeout": ([3, 3_600], [math.nan, math.inf, 3_600.1, 10**400]),
    "max_pool_connections": ([1, 65_535], [0, True, 1.0, None, 65_536]),
    "connection_max_idle_time": ([0.5, 345], [0, -1, None, "60", math.nan]),
    "proxies": (
        [
            {},
            {"https": "http://proxy:8080", "http": "proxy:3128", "all": "socks5h://[::1]"},
            {"https://one.example.org": "https://user:pw@proxy.example.org:8443/"},
        ],
        [
            *("http://proxy", [("https", "http://proxy")], {"ftp": "http://proxy"}),
            *({1: "http://proxy"}, {"https": None}, {"https": ""}, {"https": "ftp://proxy"}),
            *({"https": "http://proxy\n"}, f"http://user:{SECRET}@proxy"),
            # The error must not show the password.
            *({"https": f"ftp://user:{SECRET}@proxy"}, {"https": f"http://u:{SECRET}@pro xy"}),
            *({"https": f"http://u:{SECRET}/x@proxy"}, {f"http://u:{SECRET}@proxy": "https"}),
            {"https": f"http://proxy/?token={SECRET}"},
        ],
    ),
    "proxies_config": (
        [
            {},
            {"proxy_ca_bundle": HERE, "proxy_client_cert": HERE},
            {"proxy_client_cert": (HERE, HERE)},
            {"proxy_use_forwarding_for_https": True},
        ],
        [
            *("ca.pem", {"ca_bundle": HERE}, {1: HERE}, {"proxy_ca_bundle": "/no/such/bundle"}),
            *({"proxy_ca_bundle": True}, {"proxy_client_cert": (HERE,)}),
            *({"proxy_client_cert": [HERE, HERE]}, {"proxy_use_forwarding_for_https": "true"}),
        ],
    ),
    "verify": ([True, False, HERE], ["/no/such/bundle", "", 1, b"/"]),
    "client_cert": (
        [HERE, (HERE, HERE)],
        ["/no/such/certificate", (HERE, "/no/such/key"), (HERE,), [HERE, HERE], True],
    ),
    "use_fips_endpoint": ([True], ["true", 1]),
    "use_dualstack_endpoint": ([False], [0]),
    "user_agent_appid": (
        ["a", "", "Build-7!$%&'*+-.^_`|~,#", "a" * 50],
        ["a" * 51, "a b", "a/b", "a\n", 7],
    ),
    "protocol": (["http"], ["HTTPS", "ftp", None, []]),
    "total_timeout": ([5], [0, -1, "5", True, math.nan, math.inf, 10**10]),
    "retry": ([], [3]),
    "max_response_size": ([1], [0]),
    "hooks": ([], [print]),
    "response_metadata_cache_size": ([0], [-1, False]),
}
FULL: dict[str, Any] = {
    "connect_timeout": 1.5,
    "proxies": {"https": f"http://u:{SECRET}@proxy:8080", "http": "http://proxy"},
    "proxies_config": {"proxy_ca_bundle": HERE, "proxy_client_cert": (HERE, HERE)},
    "verify": HERE,
    "client_cert": (HERE, HERE),
    "use_fips_endpoint": True,
}


@pytest.mark.parametrize("field", [each.name for each in attrs.fields(ClientConfiguration)])
def test_values(field: str) -> None:
    """A value within its range is kept as it is; any other is refused by the name of its field."""
    good, bad = FIELDS[field]
    for value in good:
        assert getattr(ClientConfiguration(**{field: value}), field) == value
    for value in bad:
        with pytest.raises(InvalidConfigurationException, match=field) as caught:
            ClientConfiguration(**{field: value})

        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, AmazonClientException)
        assert SECRET not in str(caught.value)


def test_message() -> None:
    """The message names the value that was refused and what is expected instead."""
    with pytest.raises(InvalidConfigurationException) as caught:
        ClientConfiguration(max_pool_connections=-3)

    assert str(caught.value) == (
        "max_pool_connections must be a whole number of at least 1 and at most 65,535, got -3"
    )


def test_proxies_are_a_snapshot() -> None:
    """Proxies are an immutable copy of the given mapping, and a repr shows no password."""
    proxies = dict(FULL["proxies"])
    config = ClientConfiguration(proxies=proxies)
    proxies["https"] = "http://other:8080"

    assert config.proxies == FULL["proxies"]
    assert not hasattr(config.proxies, "__setitem__")
    assert SECRET not in repr(config) + repr(attrs.asdict(config))
    assert "'https': 'http://***@proxy:8080'" in repr(config)


def test_a_configuration_is_a_value(tmp_path: pathlib.Path) -> None:
    """Equal values make equal, immutable configurations, whatever their form and order."""
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    one = ClientConfiguration(**FULL)
    proxies = dict(reversed(FULL["proxies"].items()))
    other = ClientConfiguration(**{**FULL, "proxies": proxies})
    changed = attrs.evolve(one, read_timeout=7)

    assert one == other != ClientConfiguration()
    assert hash(one) == hash(other)
    assert ClientConfiguration(verify=bundle) == ClientConfiguration(verify=str(bundle))
    assert changed.read_timeout == 7
    assert attrs.evolve(changed, read_timeout=50) == one
    with pytest.raises(InvalidConfigurationException, match="read_timeout"):
        attrs.evolve(one, read_timeout=0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.read_timeout = 1  # type: ignore[misc]
