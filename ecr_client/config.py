"""The configuration of a client: timeouts, connections, proxies, certificates, endpoints."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._common import durations
from ecr_client._common.display import brief, redact_url
from ecr_client._common.hints import explains_its_keywords
from ecr_client._common.redact import keeps_values_secret
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client._shapes import FrozenMap

if TYPE_CHECKING:
    from ecr_client.hooks import Hooks
    from ecr_client.retry import RetryPolicy

# urllib3 allocates a slot for each connection at once; an address has no more ports than this.
_MAX_CONNECTIONS = 65_535
#: The keys of ``proxies_config``.
PROXY_SETTINGS = ("proxy_ca_bundle", "proxy_client_cert", "proxy_use_forwarding_for_https")
#: The value of a header: printable ASCII that neither begins nor ends with a space.
HEADER_VALUE = r"[!-~](?:[ -~]*[!-~])?"
_PROXY_KEY = r"(https?|all)(://[^\s/@]+)?"
_PROXY_URL = r"((https?|socks4a?|socks5h?)://)?[^\s/]+/?"
# Characters and length as in botocore.useragent and botocore.args, which replace and warn instead.
_APPID = r"[A-Za-z0-9!$%&'*+\-.^_`|~,#]{0,50}"


class Proxies(Mapping[str, str]):
    """An immutable, hashable, picklable mapping of proxy URLs, whose repr shows no passwords."""

    # Not a FrozenMap: attrs.asdict would make a plain dict of it, whose repr shows them.
    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr({key: _shown(value) for key, value in self._items.items()})


def _shown(value: object) -> str:
    """Return a value as an error message shows it, without passwords."""
    return redact_url(value) if isinstance(value, str) else type(value).__name__


def _refused(field: str, expected: str, value: object) -> InvalidConfigurationException:
    return InvalidConfigurationException(f"{field} must be {expected}, got {brief(value)}")


def _snapshot(proxies: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return an immutable copy of the proxies; anything else is left to the validator."""
    return Proxies(proxies) if isinstance(proxies, Mapping) else proxies


def _settings_snapshot(settings: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return an immutable copy of the proxy settings, without those that are ``None``."""
    if not isinstance(settings, Mapping):
        return settings
    return FrozenMap({key: _as_path(each) for key, each in settings.items() if each is not None})


def _as_path(verify: bool | str | os.PathLike[str] | None) -> bool | str | None:
    """Return a path as a string, so that configurations compare equal, and other values as is."""
    return os.fspath(verify) if isinstance(verify, os.PathLike) else verify


def check_seconds(name: str, value: object) -> None:
    """Check a timeout.

    Raises:
        InvalidConfigurationException: The value is not a valid number of seconds.
    """
    problem = durations.problem(value)
    if problem is not None:
        raise InvalidConfigurationException(f"{name} {problem}")


def _seconds(_: object, field: attrs.Attribute[Any], value: object) -> None:
    check_seconds(field.name, value)


def _retry(_: object, field: attrs.Attribute[Any], value: object) -> None:
    # Imported only if there is a policy, to keep the cold start fast.
    if value is not None:
        from ecr_client.retry import RetryPolicy

        if not isinstance(value, RetryPolicy):
            raise _refused(field.name, "a RetryPolicy or None", value)


def _hooks(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        from ecr_client.hooks import Hooks

        if not isinstance(value, Hooks):
            raise _refused(field.name, "Hooks or None", value)


def _at_least(minimum: int, maximum: int = sys.maxsize) -> Any:
    def validate(_: object, field: attrs.Attribute[Any], value: object) -> None:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or not minimum <= value <= maximum:  # type: ignore[operator]
            expected = f"a whole number of at least {minimum} and at most {maximum:,}"
            raise _refused(field.name, expected, value)

    return validate


def _optional_bool(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, bool):
        raise _refused(
            field.name, "True, False or None (from the environment or the profile)", value
        )


def _proxies(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Proxies):
        # The value itself may hold a password.
        raise InvalidConfigurationException(
            f"{field.name} must be a mapping such as {{'https': 'http://proxy:8080'}} or None, "
            f"got {type(value).__name__}"
        )
    for key, url in value.items():
        if not isinstance(key, str) or not re.fullmatch(_PROXY_KEY, key):
            raise _refused(f"a key of {field.name}", "'https', 'http' or 'all'", _shown(key))
        if not isinstance(url, str) or not re.fullmatch(_PROXY_URL, url):
            raise _refused(f"{field.name}[{key!r}]", "a URL like 'http://proxy:8080'", _shown(url))


def _existing_path(name: str, value: object, expected: str) -> None:
    if not isinstance(value, str) or not value:
        raise _refused(name, expected, value)
    if not os.path.exists(value):
        raise InvalidConfigurationException(
            f"{name} must be an existing file or directory, got {brief(value)}; correct the path"
        )


def _verify(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, bool):
        _existing_path(field.name, value, "True, False, the path of a CA bundle, or None")


def _client_cert(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        _certificate(field.name, value)


def _certificate(name: str, value: object) -> None:
    paths = value if isinstance(value, tuple) else (value,)
    expected = "a path, a tuple (certificate path, key path), or None"
    if isinstance(value, tuple) and len(value) != 2:
        raise _refused(name, expected, value)
    for path in paths:
        _existing_path(name, path, expected)


def _proxies_config(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if not isinstance(value, FrozenMap):
        raise _refused(field.name, "a mapping such as {'proxy_ca_bundle': 'ca.pem'} or None", value)
    for key, each in value.items():
        name = f"{field.name}[{brief(key)}]"
        if key == "proxy_ca_bundle":
            _existing_path(name, each, "the path of a CA bundle")
        elif key == "proxy_client_cert":
            _certificate(name, each)
        elif key != "proxy_use_forwarding_for_https":
            raise _refused(f"a key of {field.name}", f"one of {', '.join(PROXY_SETTINGS)}", key)
        elif not isinstance(each, bool):
            raise _refused(name, "True or False", each)


def _appid(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, str) and re.fullmatch(_APPID, value)):
        raise _refused(
            field.name,
            "at most 50 ASCII letters, digits and !$%&'*+-.^_`|~,# without spaces",
            value,
        )


def _protocol(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value not in ("http", "https"):
        raise _refused(field.name, "'https' or 'http'", value)


@keeps_values_secret
@explains_its_keywords
@attrs.frozen(kw_only=True)
class ClientConfiguration:
    """The immutable configuration of a client, checked when it is created.

    The names are botocore's where botocore has one. Two configurations with the same values are
    equal; ``attrs.evolve(config, read_timeout=10)`` returns a changed copy.

    Args:
        connect_timeout: Seconds to wait for a connection, and for the service to accept a request,
            above 0 and at most 3,600. Default 50.
        read_timeout: Seconds to wait for the next bytes of a response, above 0 and at most 3,600.
            Default 50.
        max_pool_connections: Connections kept open for the next call, at least 1 and at most
            65,535. Default 50.
        connection_max_idle_time: Seconds after which an idle connection is not used again, above 0
            and at most 3,600. Default 60. Some NAT gateways and load balancers drop connections
            that were idle for 350 seconds without notice.
        proxies: Proxy URLs by the scheme of the endpoint, ``{"https": "http://proxy:8080"}``.
            ``None``, the default, takes them from the environment (``HTTPS_PROXY``,
            ``NO_PROXY``, ...); ``{}`` uses none. The URL may contain user and password, which the
            repr does not show.
        proxies_config: Settings of proxies whose URL begins with ``https``: ``proxy_ca_bundle``,
            the path of the CA bundle that verifies the proxy's certificate instead of ``verify``;
            ``proxy_client_cert``, like ``client_cert`` but for the proxy; and
            ``proxy_use_forwarding_for_https``: if it is ``True``, the proxy makes the TLS
            connection to the endpoint, and can read and change every call, signatures and tokens
            included. Default ``None``: none of them.
        verify: How to verify the server's certificate: ``True`` with the default certificates,
            ``False`` not at all (for tests only), or the path of a CA bundle or of a directory of
            certificates, which must exist. ``None``, the default, reads ``AWS_CA_BUNDLE``, the
            profile's ``ca_bundle``, ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE``, and falls back
            to the default certificates.
        client_cert: The path of a file with the client's certificate and key, or the paths of
            both; the files must exist. Default ``None``: none.
        use_fips_endpoint: Whether to call the FIPS 140 endpoint. ``None``, the default, reads
            ``AWS_USE_FIPS_ENDPOINT`` and the profile, else ``False``.
        use_dualstack_endpoint: Whether to call the endpoint that has IPv4 and IPv6 addresses.
            ``None``, the default, reads ``AWS_USE_DUALSTACK_ENDPOINT`` and the profile, else
            ``False``.
        user_agent_appid: The name of the application in the User-Agent, at most 50 characters.
            ``None``, the default, reads ``AWS_SDK_UA_APP_ID`` and the profile's
            ``sdk_ua_app_id``; ``""`` sends none.
        protocol: The scheme of endpoints without one, ``"https"``, the default, or ``"http"``.
        total_timeout: Seconds that a call may take as a whole, with all its attempts and the
            waiting between them, above 0 and at most 3,600. ``None``, the default, sets no limit.
        retry: The retry policy. ``None``, the default, is a `RetryPolicy` with the attempts of
            ``AWS_MAX_ATTEMPTS`` and the mode of ``AWS_RETRY_MODE``, or those of the profile.
        max_response_size: The maximum size of a response in bytes, at least 1. Default
            104,857,600, which is 100 MiB.
        hooks: Functions that are called with the events of every call. Default ``None``: none.
        response_metadata_cache_size: How many calls ``get_cached_response_metadata`` remembers,
            at least 0, which turns it off. Default 50.

    Raises:
        InvalidConfigurationException: A value has the wrong type or is out of range; a
            ``ValueError`` that names the field, the value and what is allowed.
    """

    connect_timeout: float = attrs.field(default=50.0, validator=_seconds)
    read_timeout: float = attrs.field(default=50.0, validator=_seconds)
    max_pool_connections: int = attrs.field(default=50, validator=_at_least(1, _MAX_CONNECTIONS))
    connection_max_idle_time: float = attrs.field(default=60.0, validator=_seconds)
    proxies: Mapping[str, str] | None = attrs.field(
        default=None, converter=_snapshot, validator=_proxies
    )
    proxies_config: Mapping[str, Any] | None = attrs.field(
        default=None, converter=_settings_snapshot, validator=_proxies_config
    )
    verify: bool | str | None = attrs.field(default=None, converter=_as_path, validator=_verify)
    client_cert: str | tuple[str, str] | None = attrs.field(default=None, validator=_client_cert)
    use_fips_endpoint: bool | None = attrs.field(default=None, validator=_optional_bool)
    use_dualstack_endpoint: bool | None = attrs.field(default=None, validator=_optional_bool)
    user_agent_appid: str | None = attrs.field(default=None, validator=_appid)
    protocol: str = attrs.field(default="https", validator=_protocol)
    total_timeout: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_seconds)
    )
    retry: RetryPolicy | None = attrs.field(default=None, validator=_retry)
    max_response_size: int = attrs.field(default=100 * 1024 * 1024, validator=_at_least(1))
    hooks: Hooks | None = attrs.field(default=None, validator=_hooks)
    response_metadata_cache_size: int = attrs.field(default=50, validator=_at_least(0))


def with_defaults(
    config: ClientConfiguration | None, values: Mapping[str, Any]
) -> ClientConfiguration:
    """Return a configuration with these values in the fields that are at their defaults.

    Args:
        config: The ``config`` argument of a client.
        values: The values by field name.

    Raises:
        InvalidConfigurationException: ``config`` is not a configuration, or a value cannot be used.
    """
    if config is None:
        return ClientConfiguration(**values)
    if not isinstance(config, ClientConfiguration):
        raise InvalidConfigurationException(
            f"config must be a ClientConfiguration, got {type(config).__name__}"
        )
    defaults = {field.name: field.default for field in attrs.fields(ClientConfiguration)}
    left = {name: each for name, each in values.items() if getattr(config, name) == defaults[name]}
    return attrs.evolve(config, **left) if left else config
