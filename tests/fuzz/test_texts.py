"""Strings of others: times, endpoints, regions, headers and references are read or refused."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from ecr_client import Region, RetryPolicy
from ecr_client._common.display import redact_url
from ecr_client._engine.clock import LARGEST, skew
from ecr_client._engine.codec import loads
from ecr_client._engine.retry import backoff, http_date
from ecr_client._engine.values import Mismatch, read_datetime
from ecr_client._options import RESERVED, checked_headers
from ecr_client.endpoints import Endpoint, parse_endpoint
from ecr_client.exceptions import (
    AmazonECRException,
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
)
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
    """A Date is a time in UTC or none, and never one that breaks the clock it corrects."""
    when = http_date(text)
    if when is None:
        return
    found = skew(when, NOW, timedelta(0))

    assert when.utcoffset() == timedelta(0)
    assert found is None or abs(found) <= LARGEST
    assert NOW + (found or timedelta(0)) in (NOW, when)


@given(TIMES | st.integers() | st.floats() | st.none())
def test_times_of_members(value: Any) -> None:
    """A time in a response is one in UTC, or a mismatch."""
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
    """What a server asks to wait for is waited for within the bounds of the policy."""
    error = AmazonECRException(
        response_metadata=ResponseMetadata(http_status_code=503, http_headers=headers)
    )
    delay = backoff(RetryPolicy(max_delay=7), error, retry, NOW)

    assert 0 <= delay <= 7


ESCAPES = [r"\ud800", r"\uDC00", r"\ud83d\uDE00", r"\\", r"\"", "ud800", r"\n", "\u00e9"]


@given(st.lists(st.sampled_from(ESCAPES), max_size=8).map("".join))
def test_surrogates_in_json(text: str) -> None:
    """What is read is what the standard library reads, with U+FFFD for each lone surrogate."""
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
    """An endpoint is refused, or has a host and nothing that may be secret, and means itself."""
    try:
        found = parse_endpoint(endpoint, protocol="https", signing_region="eu-north-1")
    except InvalidEndpointException as error:
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
    """What is shown of a URL has no user, password and query, whatever stands around them."""
    shown = redact_url(f"{before}{secret}{after}")

    assert SECRET not in shown
    assert len(shown) <= 203


# --- regions, headers, references -----------------------------------------------------------------


@given(st.text(max_size=70) | st.text("abc-19", max_size=70) | ANYTHING)
def test_regions(name: Any) -> None:
    """A name is refused, or can be a part of a host name, and has a partition."""
    try:
        region = Region(name)
        assert region.partition
        assert region.is_service_supported("ecr") in (True, False)
    except InvalidRegionException:
        return

    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", region.name)


NAMES = st.text(max_size=5) | st.sampled_from([*RESERVED, "X-Custom", "x-amz-custom"])


@example({10**5000: "x"})
@example({"X": "a\r\nb"})
@given(st.dictionaries(NAMES | st.integers(), st.text(max_size=9) | ANYTHING) | ANYTHING)
def test_headers(headers: Any) -> None:
    """Further headers are refused, or cannot end a line or replace what the client sets."""
    try:
        found = checked_headers(headers)
    except InvalidConfigurationException:
        return

    for name, value in found.items():
        assert name.lower() not in RESERVED
        assert (name + value).isascii()
        assert (name + value).isprintable() or "\t" in value
