"""Settings of any kind are taken, or refused as what they are: settings that cannot work."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client._settings import Settings
from ecr_client.exceptions import AmazonClientException, InvalidConfigurationException
from ecr_client.hooks import Hooks

FIELDS = [field.name for field in ClientConfiguration.__attrs_attrs__]
POLICY_FIELDS = [field.name for field in RetryPolicy.__attrs_attrs__]
HUGE = 10**5000

# --- arguments ------------------------------------------------------------------------------------

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["http", "https", "a\0b", "/", "\ud800", "http://proxy:8080", "http://[", "adaptive", "x" * 60]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([HUGE, -HUGE, 65_536, 10**9])
    | st.floats()
    | st.binary(max_size=9)
    | TEXTS
    | st.just(pathlib.Path("a\0b"))
    | st.sampled_from([Hooks(), RetryPolicy(), object(), print, len, type])
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.lists(SCALARS, max_size=3).map(tuple)
    | st.dictionaries(st.sampled_from(["https", "http", "all", "https://a"]) | TEXTS, SCALARS)
)


@example("max_pool_connections", 10**9)
@example("connect_timeout", HUGE)
@example("max_response_size", -HUGE)
@example("max_response_size", HUGE)
@example("response_metadata_cache_size", HUGE)
@example("proxies", {"https": "http://["})
@given(st.sampled_from(FIELDS), VALUES)
def test_configurations(name: str, value: Any) -> None:
    """A value is refused by the name of its field, or makes a configuration that makes a client."""
    try:
        config = ClientConfiguration(**{name: value})
    except InvalidConfigurationException as error:
        assert name in str(error)  # noqa: PT017
        return
    credentials = Credentials("AKID", "secret")
    with ECRClient(region="us-east-1", credentials=credentials, config=config) as client:
        shown = repr(client)

    assert "us-east-1" in shown
    assert config == ClientConfiguration(**{name: value})
    assert isinstance(hash(config), int)
    assert repr(config)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://[",
        "http://[::1",
        "x:y:z",
        "http://:80",
        "http://proxy:99999",
        "socks5://\u00e9",
        "%",
    ],
)
def test_proxies_that_cannot_be(proxy: str) -> None:
    """A proxy that nothing can be sent to is refused, or gives a documented error of the call."""
    try:
        config = ClientConfiguration(proxies={"http": proxy}, connect_timeout=1)
    except InvalidConfigurationException:
        return
    credentials = Credentials("AKID", "secret")
    with (
        ECRClient(endpoint="http://127.0.0.1:1", credentials=credentials, config=config) as client,
        pytest.raises(AmazonClientException, match=r"DescribeRepositories|proxy"),
    ):
        client.describe_repositories()


@example("max_attempts", -HUGE)
@example("max_attempts", HUGE)
@example("base_delay", HUGE)
@given(st.sampled_from(POLICY_FIELDS), VALUES)
def test_policies(name: str, value: Any) -> None:
    """A value of a policy is refused by the name of its field, or taken as it is."""
    try:
        policy = RetryPolicy(**{name: value})
    except InvalidConfigurationException as error:
        assert name in str(error)  # noqa: PT017
        return

    assert getattr(policy, name) is value
    assert repr(policy)


@example({10**5000: "x"}, None, None)
@given(VALUES, VALUES, VALUES)
def test_views(headers: Any, timeout: Any, retry: Any) -> None:
    """Options of a view are refused as a whole, or taken."""
    credentials = Credentials("AKID", "secret")
    with ECRClient(endpoint="http://127.0.0.1:1", credentials=credentials) as client:
        try:
            view = client.with_options(headers=headers, timeout=timeout, retry=retry)
        except InvalidConfigurationException:
            return

        assert view.endpoint == client.endpoint


# --- environment and files ------------------------------------------------------------------------

KEYS = """region use_fips_endpoint use_dualstack_endpoint ignore_configured_endpoint_urls ca_bundle
    sdk_ua_app_id max_attempts retry_mode endpoint_url services ecr source_profile"""
LINES = st.one_of(
    st.sampled_from(
        [
            "[default]",
            "[profile work]",
            "[services local]",
            "[services]",
            "[profile 'a b']",
            "[",
            "ecr =",
        ]
    ),
    st.tuples(
        st.sampled_from(KEYS.split()),
        st.sampled_from([" = ", "=", " : ", " =\n  ", " =\n  endpoint_url = "]),
        st.sampled_from(
            ["true", "yes", "local", "eu-west-1", "http://x", "0", "9" * 5000, "", "%(a)s"]
        )
        | st.text(max_size=9),
    ).map("".join),
    st.text(max_size=20).map("  {}".format),
    st.text(max_size=20),
)
FILES = st.lists(LINES, max_size=9).map("\n".join).map(
    lambda text: text.encode("utf-8", "surrogatepass")
) | st.binary(max_size=60)
PROPERTIES = (
    "region",
    "use_fips",
    "use_dualstack",
    "endpoint_url",
    "ca_bundle",
    "user_agent_appid",
    "retry",
)


@example(b"[default]\nservices =\n  ecr = x\n", b"", {})
@example(
    b"[default]\nregion = a\nregion = b\n", b"[default]\nmax_attempts = %b" % (b"9" * 5000), {}
)
@example(b"\xff\xfe[default]", b"", {})
@example(b"[profile 'a b]\nregion = x", b"", {})
@given(
    FILES,
    FILES,
    st.dictionaries(
        st.sampled_from(
            ["AWS_PROFILE", "AWS_REGION", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_CA_BUNDLE"]
        ),
        TEXTS | st.sampled_from(["default", "work", "a b", "0", "9" * 5000]),
    ),
)
def test_profile_files(
    tmp_path: pathlib.Path, config: bytes, credentials: bytes, environ: dict[str, str]
) -> None:
    """Each setting of any two files and variables is a text, a flag or nothing, or is refused."""
    (tmp_path / "config").write_bytes(config)
    (tmp_path / "credentials").write_bytes(credentials)
    paths = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    settings = Settings(environ={**environ, **paths})
    for name in PROPERTIES:
        try:
            found = getattr(settings, name)
        except InvalidConfigurationException as error:
            assert len(str(error)) < 1500  # noqa: PT017
        else:
            assert isinstance(found, (str, bool, dict, type(None)))
            if name == "retry":
                RetryPolicy(**found)
