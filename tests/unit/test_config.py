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


def test_defaults() -> None:
    """The defaults are those that the documentation gives."""
    config = ClientConfiguration()

    assert attrs.asdict(config) == {
        "connect_timeout": 50.0,
        "read_timeout": 50.0,
        "max_pool_connections": 50,
        "connection_max_idle_time": 60.0,
        "proxies": None,
        "proxies_config": None,
        "verify": None,
        "client_cert": None,
        "use_fips_endpoint": None,
        "use_dualstack_endpoint": None,
        "user_agent_appid": None,
        "protocol": "https",
        "total_timeout": None,
        "retry": None,
        "max_response_size": 104_857_600,
        "hooks": None,
        "response_metadata_cache_size": 50,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("connect_timeout", 0.001),
        ("read_timeout", 3),
        ("read_timeout", 3_600),
        ("max_pool_connections", 1),
        ("connection_max_idle_time", 0.5),
        ("connection_max_idle_time", 345),
        ("proxies", {}),
        ("proxies", {"https": "http://proxy:8080", "http": "proxy:3128", "all": "socks5h://[::1]"}),
        ("proxies", {"https://one.example.org": "https://user:pw@proxy.example.org:8443/"}),
        ("proxies_config", {}),
        ("proxies_config", {"proxy_ca_bundle": __file__, "proxy_client_cert": __file__}),
        ("proxies_config", {"proxy_client_cert": (__file__, __file__)}),
        ("proxies_config", {"proxy_use_forwarding_for_https": True}),
        ("verify", True),
        ("verify", False),
        ("verify", __file__),
        ("client_cert", __file__),
        ("client_cert", (__file__, __file__)),
        ("use_fips_endpoint", True),
        ("use_dualstack_endpoint", False),
        ("user_agent_appid", "a"),
        ("user_agent_appid", ""),
        ("user_agent_appid", "Build-7!$%&'*+-.^_`|~,#"),
        ("user_agent_appid", "a" * 50),
        ("protocol", "http"),
        ("response_metadata_cache_size", 0),
    ],
)
def test_good_values(field: str, value: Any) -> None:
    """A value within its range is kept as it is."""
    config = ClientConfiguration(**{field: value})

    assert getattr(config, field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("connect_timeout", 0),
        ("connect_timeout", -1),
        ("connect_timeout", True),
        ("connect_timeout", "5"),
        ("connect_timeout", None),
        ("read_timeout", math.nan),
        ("read_timeout", math.inf),
        ("read_timeout", 3_600.1),
        ("read_timeout", 10**400),
        ("max_pool_connections", 0),
        ("max_pool_connections", True),
        ("max_pool_connections", 1.0),
        ("max_pool_connections", None),
        ("connection_max_idle_time", 0),
        ("connection_max_idle_time", -1),
        ("connection_max_idle_time", None),
        ("connection_max_idle_time", "60"),
        ("connection_max_idle_time", math.nan),
        ("proxies", "http://proxy"),
        ("proxies", [("https", "http://proxy")]),
        ("proxies", {"ftp": "http://proxy"}),
        ("proxies", {1: "http://proxy"}),
        ("proxies", {"https": None}),
        ("proxies", {"https": ""}),
        ("proxies", {"https": "ftp://proxy"}),
        ("proxies", {"https": "http://proxy\n"}),
        ("proxies_config", "ca.pem"),
        ("proxies_config", {"ca_bundle": __file__}),
        ("proxies_config", {1: __file__}),
        ("proxies_config", {"proxy_ca_bundle": "/no/such/bundle"}),
        ("proxies_config", {"proxy_ca_bundle": True}),
        ("proxies_config", {"proxy_client_cert": (__file__,)}),
        ("proxies_config", {"proxy_client_cert": [__file__, __file__]}),
        ("proxies_config", {"proxy_use_forwarding_for_https": "true"}),
        ("verify", "/no/such/bundle"),
        ("verify", ""),
        ("verify", 1),
        ("verify", b"/"),
        ("client_cert", "/no/such/certificate"),
        ("client_cert", (__file__, "/no/such/key")),
        ("client_cert", (__file__,)),
        ("client_cert", [__file__, __file__]),
        ("client_cert", True),
        ("use_fips_endpoint", "true"),
        ("use_fips_endpoint", 1),
        ("use_dualstack_endpoint", 0),
        ("user_agent_appid", "a" * 51),
        ("user_agent_appid", "a b"),
        ("user_agent_appid", "a/b"),
        ("user_agent_appid", "a\n"),
        ("user_agent_appid", 7),
        ("protocol", "HTTPS"),
        ("protocol", "ftp"),
        ("protocol", None),
        ("protocol", []),
        *(("total_timeout", each) for each in (0, -1, "5", True, math.nan, math.inf, 10**10)),
        ("response_metadata_cache_size", -1),
        ("response_metadata_cache_size", False),
    ],
)
def test_bad_values(field: str, value: Any) -> None:
    """A value of the wrong type or out of range is refused by the name of its field."""
    with pytest.raises(InvalidConfigurationException, match=field) as caught:
        ClientConfiguration(**{field: value})

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AmazonClientException)


def test_message_names_the_value_and_what_to_do() -> None:
    """The text says which value was refused and what is expected instead."""
    with pytest.raises(InvalidConfigurationException) as caught:
        ClientConfiguration(max_pool_connections=-3)

    assert str(caught.value) == (
        "max_pool_connections must be a whole number of at least 1 and at most 65,535, got -3"
    )


@pytest.mark.parametrize(
    "proxies",
    [
        f"http://user:{SECRET}@proxy",
        {"https": f"ftp://user:{SECRET}@proxy"},
        {"https": f"http://user:{SECRET}@pro xy"},
        {"https": f"http://user:{SECRET}/x@proxy"},
        {f"http://user:{SECRET}@proxy": "https"},
        {"https": f"http://proxy/?token={SECRET}"},
    ],
)
def test_refused_proxies_hide_passwords(proxies: Any) -> None:
    """No password of a proxy shows in the error that refuses it."""
    with pytest.raises(InvalidConfigurationException, match="proxies") as caught:
        ClientConfiguration(proxies=proxies)

    assert SECRET not in str(caught.value)


def test_repr_hides_proxy_passwords() -> None:
    """The repr shows the proxies without user and password."""
    config = ClientConfiguration(proxies={"https": f"http://user:{SECRET}@proxy:8080"})

    assert SECRET not in repr(config)
    assert "'https': 'http://***@proxy:8080'" in repr(config)
    assert config.proxies is not None
    assert config.proxies["https"] == f"http://user:{SECRET}@proxy:8080"


def test_proxies_are_a_snapshot() -> None:
    """Changing the mapping afterwards changes nothing, and the field cannot be changed."""
    proxies = {"https": "http://proxy:8080"}
    config = ClientConfiguration(proxies=proxies)
    proxies["https"] = "http://other:8080"

    assert config.proxies == {"https": "http://proxy:8080"}
    assert not hasattr(config.proxies, "__setitem__")


def test_path_becomes_text(tmp_path: pathlib.Path) -> None:
    """A path object and its text make equal configurations."""
    bundle = tmp_path / "bundle.pem"
    bundle.touch()

    assert ClientConfiguration(verify=bundle) == ClientConfiguration(verify=str(bundle))


def test_frozen() -> None:
    """A configuration cannot be changed."""
    config = ClientConfiguration()

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.read_timeout = 1  # type: ignore[misc]


FULL: dict[str, Any] = {
    "connect_timeout": 1.5,
    "proxies": {"https": "http://u:p@proxy:8080", "http": "http://proxy"},
    "proxies_config": {"proxy_ca_bundle": __file__, "proxy_client_cert": (__file__, __file__)},
    "verify": __file__,
    "client_cert": (__file__, __file__),
    "use_fips_endpoint": True,
}


def test_equal_and_hashable() -> None:
    """Equal values make equal configurations with equal hashes, whatever the order of proxies."""
    one = ClientConfiguration(**FULL)
    proxies = dict(reversed(FULL["proxies"].items()))
    other = ClientConfiguration(**{**FULL, "proxies": proxies})

    assert one == other
    assert hash(one) == hash(other)
    assert one != ClientConfiguration()


def test_evolve() -> None:
    """A changed copy keeps the other values and is checked as well."""
    config = ClientConfiguration(**FULL)
    changed = attrs.evolve(config, read_timeout=7)

    assert changed.read_timeout == 7
    assert attrs.evolve(changed, read_timeout=50) == config
    with pytest.raises(InvalidConfigurationException, match="read_timeout"):
        attrs.evolve(config, read_timeout=0)
