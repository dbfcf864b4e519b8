"""The default client config of a botocore session, which botocore's own clients start from.

Each option of `botocore.config.Config` is listed once below: it is a field of the configuration, a
setting, part of the User-Agent, about the signature, or without effect on calls of ECR. An option
that is not listed, because botocore is newer than this package, is refused by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client._common.display import brief
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client.config import HEADER_VALUE, with_defaults

if TYPE_CHECKING:
    from ecr_client.config import ClientConfiguration

#: Fields of `ClientConfiguration` with the same name and meaning.
FIELDS = (
    "client_cert",
    "connect_timeout",
    "max_pool_connections",
    "proxies",
    "proxies_config",
    "read_timeout",
)
#: Settings that the environment and the profile may also have, by botocore's names.
SETTINGS = {
    "ignore_configured_endpoint_urls": "ignore_configured_endpoint_urls",
    "region_name": "region",
    "use_dualstack_endpoint": "use_dualstack_endpoint",
    "use_fips_endpoint": "use_fips_endpoint",
    "user_agent_appid": "user_agent_appid",
}
RETRIES = "retries"
SIGNATURE = "signature_version"
USER_AGENT = ("user_agent", "user_agent_extra")
#: Options of other services, of features that ECR does not use, or that are always on here.
WITHOUT_EFFECT = (
    "account_id_endpoint_mode",
    "auth_scheme_preference",
    "client_context_params",
    "defaults_mode",
    "disable_request_compression",
    "endpoint_discovery_enabled",
    "inject_host_prefix",
    "parameter_validation",
    "request_checksum_calculation",
    "request_min_compression_size_bytes",
    "response_checksum_validation",
    "s3",
    "s3_disable_express_session_auth",
    "sigv4a_signing_region_set",
    "tcp_keepalive",
)
_KNOWN = {*FIELDS, *SETTINGS, RETRIES, SIGNATURE, *USER_AGENT, *WITHOUT_EFFECT}
_SOURCE = "the session's default client config"


def with_session_defaults(config: ClientConfiguration, session: Any) -> ClientConfiguration:
    """Return a configuration with the session's values in the fields that are at their defaults.

    Args:
        config: The configuration that was passed to the client.
        session: A botocore session.

    Raises:
        InvalidConfigurationException: An option of the session is not supported.
    """
    options = _options(session)
    for name, value in options.items():
        if name not in _KNOWN:
            raise _refused(name, value, "this release does not know it; remove it")
        if name in USER_AGENT and not (
            isinstance(value, str) and re.fullmatch(HEADER_VALUE, value)
        ):
            raise _refused(name, value, "a header cannot hold it; use printable ASCII characters")
    is_unsigned(session)
    try:
        return with_defaults(config, {name: options[name] for name in FIELDS if name in options})
    except InvalidConfigurationException as error:
        raise InvalidConfigurationException(f"{error} (from {_SOURCE})") from error.__cause__


def default_settings(session: Any) -> dict[str, str]:
    """Return the settings in the session's default client config, by botocore's names."""
    options = _options(session)
    retries = options.get(RETRIES, {})
    attempts = retries.get("total_max_attempts")
    if attempts is None and "max_attempts" in retries:
        attempts = retries["max_attempts"] + 1  # botocore counts retries there, without the first
    found = {setting: options.get(name) for name, setting in SETTINGS.items()}
    found |= {"max_attempts": attempts, "retry_mode": retries.get("mode")}
    return {name: str(value) for name, value in found.items() if value is not None}


def is_unsigned(session: Any) -> bool:
    """Return whether the session's default client config turns signing off.

    Raises:
        InvalidConfigurationException: The config has a signature version that ECR does not accept.
    """
    version = _options(session).get(SIGNATURE)
    if version in (None, "v4"):
        return False
    from botocore import UNSIGNED

    if version is UNSIGNED:
        return True
    raise _refused(SIGNATURE, version, "use 'v4', or UNSIGNED for unsigned calls")


def session_user_agent(session: Any, user_agent: str) -> str:
    """Return the User-Agent with the changes of the session's default client config."""
    options = _options(session)
    parts = [options.get("user_agent", user_agent), options.get("user_agent_extra")]
    return " ".join(filter(None, parts))


def _options(session: Any) -> dict[str, Any]:
    """Return the options that were passed to the session's default client config."""
    config = getattr(session, "get_default_client_config", lambda: None)()
    if config is None:
        return {}
    # As botocore's `Config.merge` does: nothing public distinguishes defaults from given values.
    options = getattr(config, "_user_provided_options", None)
    if options is None:
        kind = type(config).__name__
        raise InvalidConfigurationException(f"{_SOURCE} must be a botocore Config, got {kind}")
    # In botocore, None means not set, except for timeouts, where it means no limit.
    return {
        name: value
        for name, value in options.items()
        if value is not None or name.endswith("_timeout")
    }


def _refused(name: str, value: object, reason: str) -> InvalidConfigurationException:
    return InvalidConfigurationException(
        f"{name}={brief(value)} of {_SOURCE} cannot be used: {reason}"
    )
