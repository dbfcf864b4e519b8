"""Verification of signatures, and the identity that a request is signed with.

Written from the specification of AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API
request"), for signatures in the Authorization header. A service of AWS's JSON protocol refuses a
signature with status 400 and one of five codes; see `verify`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from mmap import mmap
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote_to_bytes

import attrs

from ecr_client.local.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "ecr"
TERMINATOR = "aws4_request"
#: How far the clocks of a client and of the service may differ.
TOLERANCE = timedelta(minutes=5)

_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_REGION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SPACES = re.compile(" +")
#: A longer string is not a time, and is not parsed: its sender is not authenticated yet.
_LONGEST_TIME = 64


@attrs.frozen(kw_only=True)
class AccessKey:
    """The owner and the secret of an access key.

    Args:
        account: The account of the key, 12 digits.
        secret: The secret access key.
        token: The session token that requests must have; None for a long-term key.
        arn: The user or the role that the key belongs to; None for the account itself.
    """

    account: str
    secret: str = attrs.field(repr=False)
    token: str | None = attrs.field(default=None, repr=False)
    arn: str | None = None


class Identity(NamedTuple):
    """The access key, account and region of a request; the key is empty if it is unsigned."""

    access_key: str
    account: str
    region: str


@attrs.frozen(kw_only=True, slots=False)  # for the cached property
class HttpRequest:
    """A request as it arrived.

    Args:
        method: The method, such as ``POST``.
        path: The path, not decoded.
        query: The query string, not decoded.
        headers: Names in lower case and values (decoded as latin-1), in the order of arrival.
        body: The whole body.
    """

    method: str
    path: str = "/"
    query: str = attrs.field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    body: bytes | mmap = attrs.field(default=b"", repr=False)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name, []).append(value)
        return found

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return self._by_name.get(name, [])

    def value(self, name: str) -> str | None:
        """Return the value of a header, several values joined by commas, or None."""
        values = self.values(name)
        return ",".join(values) if values else None


class _Authorization(NamedTuple):
    """The parsed Authorization header."""

    access_key: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: frozenset[str]
    signature: str

    @property
    def credential_scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


def verify(
    request: HttpRequest,
    keys: Mapping[str, AccessKey],
    now: datetime,
    *,
    service: str = SERVICE,
) -> Identity:
    """Return the identity that a request is signed with.

    Args:
        request: The request.
        keys: The known keys, by their ids.
        now: The time, which that of the request may differ from by five minutes.
        service: The service that the request must be signed for.

    Raises:
        ServiceError: The signature is missing (``MissingAuthenticationTokenException``) or
            incomplete (``IncompleteSignatureException``), the key or the session token is unknown
            (``UnrecognizedClientException``), or the signature, its credential scope or its time is
            wrong (``InvalidSignatureException``).
    """
    authorization, signed_at, key = verify_headers(request, keys, now, service=service)
    string_to_sign = "\n".join(
        (
            ALGORITHM,
            _basic(signed_at),
            authorization.credential_scope,
            hashlib.sha256(canonical_request(request, authorization.signed_headers)).hexdigest(),
        )
    )
    expected = _hmac(_signing_key(key.secret, authorization), string_to_sign).hex()
    if not hmac.compare_digest(expected.encode(), authorization.signature.encode()):
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details."
        )
    return Identity(authorization.access_key, key.account, authorization.region)


def verify_headers(
    request: HttpRequest,
    keys: Mapping[str, AccessKey],
    now: datetime,
    *,
    service: str = SERVICE,
) -> tuple[_Authorization, datetime, AccessKey]:
    """Check everything about a signature that does not depend on the body.

    The arguments and errors are those of `verify`.
    """
    timestamp = request.value("x-amz-date") or request.value("date")
    authorization = _parse(request.values("authorization"), timestamp)
    signed_at = _parse_time(timestamp or "")
    _check_credential_scope(authorization, service, signed_at)
    _check_age(signed_at, now)
    _check_signed_headers(request, authorization.signed_headers)
    key = _known_key(authorization.access_key, keys, request.value("x-amz-security-token"))
    return authorization, signed_at, key


def unverified(
    request: HttpRequest, keys: Mapping[str, AccessKey], *, account: str, region: str
) -> Identity:
    """Return the identity that a request claims, without checking it.

    An unknown key or a missing signature stands for `account`. A key id of 12 digits stands for
    that account, so that there can be several accounts without any keys.
    """
    _, _, credential = (request.value("authorization") or "").partition("Credential=")
    # A search for all of it would start again at every "Credential=".
    found = re.match(r"([^/,\s]+)/[0-9]*/([^/,\s]+)/", credential)
    if found is None:
        return Identity("", account, region)
    name, named_region = found.groups()
    if _REGION.fullmatch(named_region):
        region = named_region
    if name in keys:
        account = keys[name].account
    elif re.fullmatch("[0-9]{12}", name):
        account = name
    return Identity(name, account, region)


def checked_region(region: str) -> str:
    """Return the name of a region that requests can be signed for.

    Raises:
        ValueError: It is malformed.
    """
    if not _REGION.fullmatch(region):
        raise ValueError(f"region must be a name like 'eu-west-1', got {region!r}")
    return region


def canonical_request(request: HttpRequest, signed_headers: Iterable[str]) -> bytes:
    """Return the canonical request that a signature is computed from.

    The path is normalized and encoded once more than on the wire, as for every service but S3. The
    body is always hashed here: a header with its hash is signed, but not trusted.
    """
    names = sorted(signed_headers)
    lines = [f"{name}:{_canonical_value(request.values(name))}" for name in names]
    return "\n".join(
        (
            request.method,
            quote(_normalized(request.path).encode("latin-1"), safe="/-_.~"),
            _canonical_query(request.query),
            *lines,
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    ).encode("latin-1")


def _parse(headers: list[str], timestamp: str | None) -> _Authorization:
    if not headers:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    header = ",".join(headers)
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm.startswith("AWS4-") and algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    if algorithm != ALGORITHM:
        rest = header
    parameters: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise _incomplete(f"Invalid key=value pair (missing equal-sign) in {_hashed(header)}")
        if name in parameters:
            raise _incomplete(f"Duplicate key '{name}' in {_hashed(header)}")
        parameters[name] = value
    wanted = ("Credential", "Signature", "SignedHeaders")
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in wanted
        if not parameters.get(name)
    ]
    if not timestamp:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if missing:
        raise _incomplete(f"{' '.join(missing)} ({_hashed(header)})")
    elements = parameters["Credential"].split("/")
    if len(elements) != 5 or not all(elements):
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{parameters['Credential']}'."
        )
    signed = frozenset(parameters["SignedHeaders"].lower().split(";"))
    key, date, region, service, term = elements
    return _Authorization(key, date, region, service, term, signed, parameters["Signature"])


def _parse_time(text: str) -> datetime:
    try:
        if _TIMESTAMP.fullmatch(text):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        # The header Date may have the form of HTTP. Its parser is one for mail, which raises all
        # kinds of errors.
        found = parsedate_to_datetime(text if len(text) <= _LONGEST_TIME else "")
        if found.tzinfo is None:
            return found.replace(tzinfo=timezone.utc)
        return found.astimezone(timezone.utc)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise _incomplete(
            f"Date must be in ISO-8601 'basic format'. Got '{text[:_LONGEST_TIME]}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


def _check_credential_scope(
    authorization: _Authorization, service: str, signed_at: datetime
) -> None:
    wrong = ""
    if not _REGION.fullmatch(authorization.region):
        wrong += f"Credential should be scoped to a valid region, not '{authorization.region}'. "
    if authorization.service != service:
        wrong += f"Credential should be scoped to correct service: '{service}'. "
    if authorization.terminator != TERMINATOR:
        wrong += (
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', "
            f"not '{authorization.terminator}'. "
        )
    date = _basic(signed_at)[:8]
    if authorization.date != date:
        wrong += (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{authorization.date}' != '{date}', from '{_basic(signed_at)}'."
        )
    if wrong:
        raise _invalid(wrong)


def _check_age(signed_at: datetime, now: datetime) -> None:
    given, present = _basic(signed_at), _basic(now)
    if signed_at < now - TOLERANCE:
        raise _invalid(
            f"Signature expired: {given} is now earlier than {_basic(now - TOLERANCE)} "
            f"({present} - 5 min.)"
        )
    if signed_at > now + TOLERANCE:
        raise _invalid(
            f"Signature not yet current: {given} is still later than {_basic(now + TOLERANCE)} "
            f"({present} + 5 min.)"
        )


def _check_signed_headers(request: HttpRequest, signed: frozenset[str]) -> None:
    """Refuse a request with a header that matters and is not signed."""
    if "host" not in signed:
        raise _invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    for name, _ in request.headers:
        if name.startswith("x-amz-") and name not in signed:
            raise _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    if "x-amz-date" not in signed and "date" not in signed:
        raise _invalid("'Date' must be a 'SignedHeader' in the AWS Authorization.")


def _known_key(access_key: str, keys: Mapping[str, AccessKey], token: str | None) -> AccessKey:
    key = keys.get(access_key)
    if key is None or not hmac.compare_digest(_bytes(key.token), _bytes(token)):
        raise ServiceError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    return key


def _normalized(path: str) -> str:
    """Return a path without empty, ``.`` and ``..`` segments (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return "/" + "/".join(kept) + slash


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1")), safe="-_.~")


def _canonical_value(values: list[str]) -> str:
    return ",".join(_SPACES.sub(" ", value.strip()) for value in values)


def _signing_key(secret: str, authorization: _Authorization) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (
        authorization.date,
        authorization.region,
        authorization.service,
        authorization.terminator,
    ):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _bytes(text: str | None) -> bytes:
    return (text or "").encode()


def _basic(time: datetime) -> str:
    return time.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def _hashed(header: str) -> str:
    """Return the hash that stands for an Authorization header, which may hold a secret."""
    digest = base64.b64encode(hashlib.sha256(header.encode("latin-1")).digest()).decode()
    return f"Authorization header (hashed with SHA-256 and encoded with Base64): '{digest}'"


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteSignatureException", message)


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidSignatureException", message)
