"""Any settings, strings and times are accepted, or refused with a documented error."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_client import ClientConfiguration, Credentials, ECRClient, Region, RetryPolicy
from ecr_client import exceptions as errors
from ecr_client._common.display import redact_url
from ecr_client._engine.clock import LARGEST, skew
from ecr_client._engine.codec import loads
from ecr_client._engine.retry import backoff, http_date
from ecr_client._engine.values import Mismatch, read_datetime
from ecr_client._options import RESERVED, checked_headers
from ecr_client._settings import Settings
from ecr_client.endpoints import Endpoint, parse_endpoint
from ecr_client.hooks import Hooks
from ecr_client.metadata import ResponseMetadata

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.lists(st.integers())
)
PARTS_OF_TIMES = "Mon Tue , Jan Dec Foo 0 1 31 99 9999 00 2026 : - + Z GMT EST T ( ) ."
WORDS = st.sampled_from(PARTS_OF_TIMES.split())
TIMES = (
    st.text(max_size=40)
    | st.lists(WORDS | st.integers().map(str), max_size=12).map(" ".join)
    | st.lists(WORDS | st.integers(0, 99).map(str), max_size=12).map("".join)
    | st.datetimes().map(lambda when: f"{when:%a, %d %b} {when.year:04} {when:%H:%M:%S} -2359")
    | st.datetimes().map(datetime.isoformat)
)

# --- times ----------------------------------------------------------------------------------------


@example("Fri, 31 Dec 9999 23:59:59 GMT")
@example("Sat, 01 Jan 0001 00:00:00 +2359")
@example("Mon, 01 Jan 2026 00:00:00 +99999999999999")
@given(TIMES)
def test_dates_of_headers(text: str) -> None:
    """A Date is read in UTC, or as None, and never breaks the clock that it corrects."""
    when = http_date(text)
    if when is None:
        return
    found = skew(when, NOW, timedelta(0))

    assert when.utcoffset() == timedelta(0)
    assert found is None or abs(found) <= LARGEST
    assert NOW + (found or timedelta(0)) in (NOW, when)


@given(TIMES | st.integers() | st.floats() | st.none())
def test_times_of_members(value: Any) -> None:
    """A time in a response is read in UTC, or is a Mismatch."""
    try:
        when = read_datetime(value)
    except Mismatch:
        return

    assert when.utcoffset() == timedelta(0)


@example({"Retry-After": "\u0664"}, 1)
@example({"Retry-After": "9" * 5000}, 1)
@example({"x-amz-retry-after": "1e400"}, 1)
@given(
    st.dictionaries(st.sampled_from(["Retry-After", "x-amz-retry-after", "Date"]), TIMES),
    st.integers(1, 10**6),
)
def test_delays(headers: dict[str, str], retry: int) -> None:
    """A delay that a server asks for stays within the bounds of the policy."""
    error = errors.AmazonECRException(
        response_metadata=ResponseMetadata(http_status_code=503, http_headers=headers)
    )
    delay = backoff(RetryPolicy(max_delay=7), error, retry, NOW)

    assert 0 <= delay <= 7


ESCAPES = [r"\ud800", r"\uDC00", r"\ud83d\uDE00", r"\\", r"\"", "ud800", r"\n", "\u00e9"]


@given(st.lists(st.sampled_from(ESCAPES), max_size=8).map("".join))
def test_surrogates_in_json(text: str) -> None:
    """JSON is read as by the standard library, but with U+FFFD for each lone surrogate."""
    read = json.loads(f'"{text}"')

    assert loads(f'"{text}"'.encode()) == re.sub("[\ud800-\udfff]", "\ufffd", read)


# --- endpoints ------------------------------------------------------------------------------------

PARTS_OF_URLS = """http:// https:// ftp:// :// // / : :80 :443 :0 :99999 :x @ user user:secret ? #
    ?a=secret [::1] [ ] ::1 localhost api.ecr.eu-west-1.amazonaws.com 127.0.0.1 . .. - _ %2e % \\
    vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com ecr.us-gov-west-1.amazonaws.com xn--e a b.c A"""
URL_PIECES = st.sampled_from([*PARTS_OF_URLS.split(), "\u00e9", "\u3002", "\u212a"])
URLS = st.lists(URL_PIECES | st.text(max_size=3), max_size=8).map("".join)


@example("user:secret@host://x")
@example("http://[::1%25eth0]")
@example("a?token=secret://x")
@given(URLS | ANYTHING)
def test_endpoints(endpoint: Any) -> None:
    """An endpoint is refused, or has a host and no secret, and can be parsed again."""
    try:
        found = parse_endpoint(endpoint, protocol="https", signing_region="eu-north-1")
    except errors.InvalidEndpointException as error:
        assert len(str(error)) < 1000  # noqa: PT017
        return
    parts = urlsplit(found.request_url)

    assert parts.scheme in ("http", "https")
    assert parts.hostname
    assert not any([parts.username, parts.password, parts.query, parts.fragment])
    assert found.host.isascii()
    assert re.fullmatch(r"[\w.:\[\]%-]+", found.host)
    assert Region(found.signing_region).name == found.signing_region
    again = parse_endpoint(found.url, protocol="https", signing_region="eu-north-1")
    assert again == found == Endpoint(found.url, found.signing_region)


SECRET = "s3cr3t"


@example("", f"user:{SECRET}@", "host://x")
@example("a", f"?token={SECRET}", "://x")
@example("http://", f"a@b:{SECRET}@", "host/")
@given(URLS, st.sampled_from([f"{SECRET}@", f"u:{SECRET}@", f"?{SECRET}", f"?x={SECRET}"]), URLS)
def test_shown_urls(before: str, secret: str, after: str) -> None:
    """A redacted URL shows no user, password or query, whatever surrounds them."""
    shown = redact_url(f"{before}{secret}{after}")

    assert SECRET not in shown
    assert len(shown) <= 203


# --- regions, headers, references -----------------------------------------------------------------


@given(st.text(max_size=70) | st.text("abc-19", max_size=70) | ANYTHING)
def test_regions(name: Any) -> None:
    """A region is refused, or is a valid label of a host name and has a partition."""
    try:
        region = Region(name)
        assert region.partition
        assert region.is_service_supported("ecr") in (True, False)
    except errors.InvalidRegionException:
        return

    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", region.name)


NAMES = st.text(max_size=5) | st.sampled_from([*RESERVED, "X-Custom", "x-amz-custom"])


@example({10**5000: "x"})
@example({"X": "a\r\nb"})
@given(st.dictionaries(NAMES | st.integers(), st.text(max_size=9) | ANYTHING) | ANYTHING)
def test_headers(headers: Any) -> None:
    """Additional headers are refused, or can neither end a line nor replace the client's own."""
    try:
        found = checked_headers(headers)
    except errors.InvalidConfigurationException:
        return

    for name, value in found.items():
        assert name.lower() not in RESERVED
        assert (name + value).isascii()
        assert (name + value).isprintable() or "\t" in value


# --- settings -------------------------------------------------------------------------------------

FIELDS = [field.name for field in ClientConfiguration.__attrs_attrs__]
POLICY_FIELDS = [field.name for field in RetryPolicy.__attrs_attrs__]
HUGE = 10**5000

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
    | st.just(Path("a\0b"))
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
    """A value is refused by the name of its field, or makes a configuration for a client."""
    try:
        config = ClientConfiguration(**{name: value})
    except errors.InvalidConfigurationException as error:
        assert name in str(error)  # noqa: PT017
        return
    credentials = Credentials("AKID", "secret")
    with ECRClient(region="us-east-1", credentials=credentials, config=config) as client:
        shown = repr(client)

    assert "us-east-1" in shown
    assert config == ClientConfiguration(**{name: value})
    assert isinstance(hash(config), int)
    assert repr(config)


PROXIES = "http://[ http://[::1 x:y:z http://:80 http://proxy:99999 socks5://\u00e9 %"


@pytest.mark.parametrize("proxy", PROXIES.split())
def test_unusable_proxies(proxy: str) -> None:
    """An unusable proxy is refused, or is a documented error of the call."""
    try:
        config = ClientConfiguration(proxies={"http": proxy}, connect_timeout=1)
    except errors.InvalidConfigurationException:
        return
    credentials = Credentials("AKID", "secret")
    with (
        ECRClient(endpoint="http://127.0.0.1:1", credentials=credentials, config=config) as client,
        pytest.raises(errors.AmazonClientException, match=r"DescribeRepositories|proxy"),
    ):
        client.describe_repositories()


@example("max_attempts", -HUGE)
@example("max_attempts", HUGE)
@example("base_delay", HUGE)
@given(st.sampled_from(POLICY_FIELDS), VALUES)
def test_policies(name: str, value: Any) -> None:
    """A value of a policy is refused by the name of its field, or kept as it is."""
    try:
        policy = RetryPolicy(**{name: value})
    except errors.InvalidConfigurationException as error:
        assert name in str(error)  # noqa: PT017
        return

    assert getattr(policy, name) is value
    assert repr(policy)


@example({10**5000: "x"}, None, None)
@given(VALUES, VALUES, VALUES)
def test_views(headers: Any, timeout: Any, retry: Any) -> None:
    """Options of a view are refused with a documented error, or accepted."""
    credentials = Credentials("AKID", "secret")
    with ECRClient(endpoint="http://127.0.0.1:1", credentials=credentials) as client:
        try:
            view = client.with_options(headers=headers, timeout=timeout, retry=retry)
        except errors.InvalidConfigurationException:
            return

        assert view.endpoint == client.endpoint


# --- environment and files ------------------------------------------------------------------------

KEYS = """region use_fips_endpoint use_dualstack_endpoint ignore_configured_endpoint_urls ca_bundle
    sdk_ua_app_id max_attempts retry_mode endpoint_url services ecr source_profile"""
SECTIONS = ["[default]", "[profile work]", "[services local]", "[services]", "[profile 'a b']"]
EQUALS = st.sampled_from([" = ", "=", " : ", " =\n  ", " =\n  endpoint_url = "])
SETTINGS = ["true", "yes", "local", "eu-west-1", "http://x", "0", "9" * 5000, "", "%(a)s"]
LINES = st.one_of(
    st.sampled_from([*SECTIONS, "[", "ecr ="]),
    st.tuples(
        st.sampled_from(KEYS.split()), EQUALS, st.sampled_from(SETTINGS) | st.text(max_size=9)
    ).map("".join),
    st.text(max_size=20).map("  {}".format),
    st.text(max_size=20),
)
FILES = st.lists(LINES, max_size=9).map("\n".join).map(
    lambda text: text.encode("utf-8", "surrogatepass")
) | st.binary(max_size=60)
PROPERTIES = "region use_fips use_dualstack endpoint_url ca_bundle user_agent_appid retry"
VARIABLES = "AWS_PROFILE AWS_REGION AWS_MAX_ATTEMPTS AWS_RETRY_MODE AWS_CA_BUNDLE"


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
        st.sampled_from(VARIABLES.split()),
        TEXTS | st.sampled_from(["default", "work", "a b", "0", "9" * 5000]),
    ),
)
def test_profile_files(
    tmp_path: Path, config: bytes, credentials: bytes, environ: dict[str, str]
) -> None:
    """Whatever files and variables hold, each setting is valid or refused."""
    (tmp_path / "config").write_bytes(config)
    (tmp_path / "credentials").write_bytes(credentials)
    files = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
    paths = {name: str(tmp_path / file) for name, file in files.items()}
    settings = Settings(environ={**environ, **paths})
    for name in PROPERTIES.split():
        try:
            found = getattr(settings, name)
        except errors.InvalidConfigurationException as error:
            assert len(str(error)) < 1500  # noqa: PT017
        else:
            assert isinstance(found, (str, bool, dict, type(None)))
            if name == "retry":
                RetryPolicy(**found)
