"""Settings from the environment and the shared configuration files.

Names, precedence and files are botocore's, but its session, which would load most of botocore, is
not needed. Comments mark the places where this module is stricter than botocore.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import attrs

from ecr_client._common.display import brief
from ecr_client._exceptions import InvalidConfigurationException

Parsed = TypeVar("Parsed")

_LOG = logging.getLogger("ecr_client")
#: By botocore's name: the environment variables (the first wins) and the profile's key.
_SETTINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "region": (("AWS_REGION", "AWS_DEFAULT_REGION"), "region"),
    "use_fips_endpoint": (("AWS_USE_FIPS_ENDPOINT",), "use_fips_endpoint"),
    "use_dualstack_endpoint": (("AWS_USE_DUALSTACK_ENDPOINT",), "use_dualstack_endpoint"),
    "ignore_configured_endpoint_urls": (
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",),
        "ignore_configured_endpoint_urls",
    ),
    "ca_bundle": (("AWS_CA_BUNDLE",), "ca_bundle"),
    "user_agent_appid": (("AWS_SDK_UA_APP_ID",), "sdk_ua_app_id"),
    "max_attempts": (("AWS_MAX_ATTEMPTS",), "max_attempts"),
    "retry_mode": (("AWS_RETRY_MODE",), "retry_mode"),
}
#: The keys above, a profile's own endpoint, and its reference to a section of service endpoints.
_PROFILE_KEYS = {key for _, key in _SETTINGS.values()} | {"endpoint_url", "services"}
#: In botocore's order.
PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
_BOOLEANS = {"true": True, "false": False}
#: botocore's ``legacy`` mode, still its default, has no counterpart here.
_RETRY_MODES = {"legacy": "standard", "standard": "standard", "adaptive": "adaptive"}


class Setting(NamedTuple):
    """A value and its source.

    Attributes:
        value: The value.
        source: Where it was found, as error messages name it.
        in_file: Whether the source is a shared file, which the user may not even know of.
    """

    value: str
    source: str
    in_file: bool = False


class _Profile(NamedTuple):
    """The part of a profile that this module reads; it holds no secrets."""

    values: Mapping[str, Any]
    services: Mapping[str, Any]
    source: str


def unwrap_session(session: Any) -> Any:
    """Return the botocore session behind a botocore or boto3 session.

    Args:
        session: The ``session`` argument of a client.

    Returns:
        An object with botocore's ``get_config_variable`` and ``get_credentials``.

    Raises:
        InvalidConfigurationException: The object is not a session.
    """
    inner = getattr(session, "_session", session)
    if all(hasattr(inner, name) for name in ("get_config_variable", "get_credentials")):
        return inner
    raise InvalidConfigurationException(
        f"session must be a botocore or boto3 session, got {type(session).__name__}"
    )


def config_file_paths(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the paths of the shared configuration and credentials files.

    Args:
        environ: The environment, which may name them by ``AWS_CONFIG_FILE`` and
            ``AWS_SHARED_CREDENTIALS_FILE``.

    Returns:
        Both paths with ``~`` and variables expanded; the files need not exist.
    """
    config = environ.get("AWS_CONFIG_FILE") or "~/.aws/config"
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    return _expand(config), _expand(credentials)


def _expand(path: str) -> str:
    return os.path.expanduser(os.path.expandvars(path))


@attrs.frozen(kw_only=True, slots=False, eq=False)
class Settings:
    """The settings of the environment and the profile, each read on first access.

    An empty environment variable counts as not set. A setting that nobody reads may be malformed.

    Args:
        profile: The ``profile`` argument of a client. It must exist; so must a profile that
            ``AWS_DEFAULT_PROFILE`` or ``AWS_PROFILE`` names, once a setting is looked up there.
        session: A botocore or boto3 session, which takes precedence over everything else here.
        environ: The environment variables, by default those of the process.
        lenient: Whether to ignore unusable values in the shared files, with a warning in the log:
            a client that was given region, endpoint and credentials needs none of them.

    Raises:
        InvalidConfigurationException: ``profile`` does not exist, ``session`` is not a session,
            or a file or a value cannot be read. The properties raise it, too.
    """

    profile: str | None = None
    session: Any = attrs.field(
        default=None, repr=False, converter=attrs.converters.optional(unwrap_session)
    )
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)
    lenient: bool = False

    def __attrs_post_init__(self) -> None:
        if self.profile is not None:
            if not isinstance(self.profile, str) or not self.profile.strip():
                raise InvalidConfigurationException(
                    f"profile must be the name of a profile, got {self.profile!r}"
                )
            # Fail now for a misspelled name, not at the first setting that is looked up there.
            self._profile  # noqa: B018

    @property
    def region(self) -> str | None:
        """The region: ``AWS_REGION``, ``AWS_DEFAULT_REGION``, the profile's ``region``."""
        return self._value("region")

    @property
    def use_fips(self) -> bool:
        """Whether to use FIPS endpoints: ``AWS_USE_FIPS_ENDPOINT``, then the profile."""
        return self._read("use_fips_endpoint", _boolean) or False

    @property
    def use_dualstack(self) -> bool:
        """Whether to use dual-stack endpoints: ``AWS_USE_DUALSTACK_ENDPOINT``, then the profile."""
        return self._read("use_dualstack_endpoint", _boolean) or False

    @property
    def endpoint_url(self) -> str | None:
        """The configured endpoint, unless configured endpoints are to be ignored.

        The order is ``AWS_ENDPOINT_URL_ECR``, ``AWS_ENDPOINT_URL``, ``endpoint_url`` below ``ecr``
        in the ``services`` section that the profile names, and the profile's ``endpoint_url``.
        ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`` or the profile's
        ``ignore_configured_endpoint_urls`` turns all of them off.
        """
        return self._value("endpoint_url")

    @property
    def ca_bundle(self) -> str | None:
        """The path of the CA bundle, which exists.

        The order is ``AWS_CA_BUNDLE``, the profile's ``ca_bundle``, ``REQUESTS_CA_BUNDLE``,
        ``CURL_CA_BUNDLE``.
        """
        return self._read("ca_bundle", _existing)

    @property
    def user_agent_appid(self) -> str | None:
        """The application id: ``AWS_SDK_UA_APP_ID``, the profile's ``sdk_ua_app_id``."""
        return self._value("user_agent_appid")

    @property
    def retry(self) -> dict[str, Any]:
        """The configured arguments of a ``RetryPolicy``.

        ``max_attempts`` comes from ``AWS_MAX_ATTEMPTS`` or the profile, and ``mode`` from
        ``AWS_RETRY_MODE`` or the profile's ``retry_mode``; ``legacy``, a mode of other SDKs, is
        read as ``standard``.
        """
        members = {
            "max_attempts": self._read("max_attempts", _attempts),
            "mode": self._read("retry_mode", _retry_mode),
        }
        return {name: each for name, each in members.items() if each is not None}

    @property
    def named_profile(self) -> str | None:
        """The profile that an argument, a variable or the session names, else ``None``."""
        return self._profile_name()[0]

    def find(self, name: str) -> Setting | None:
        """Return a setting with its source.

        Args:
            name: botocore's name of the setting, or ``endpoint_url``.

        Returns:
            The value with the highest precedence, or ``None``.
        """
        candidates = self._endpoint_urls() if name == "endpoint_url" else self._candidates(name)
        return next(candidates, None)

    def _value(self, name: str) -> str | None:
        found = self.find(name)
        return found.value if found else None

    def _read(self, name: str, parse: Callable[[Setting], Parsed]) -> Parsed | None:
        """Return a parsed setting, or ``None`` if it is not set."""
        found = self.find(name)
        if found is None:
            return None
        try:
            return parse(found)
        except InvalidConfigurationException as error:
            if not (self.lenient and found.in_file):
                raise
            _LOG.warning("%s; it is ignored", error)
            return None

    def _candidates(self, name: str) -> Iterator[Setting]:
        variables, key = _SETTINGS[name]
        if self.session is not None:
            from ecr_client._session import default_settings

            stated = default_settings(self.session).get(name)
            if stated is not None:
                yield Setting(stated, f"{name} of the session's default client config")
            value = _ask(self.session, name)
            # botocore returns booleans as bool.
            if value is not None and value != "":
                yield Setting(str(value), f"the session's {name}")
        yield from self._from_environment(*variables)
        yield from self._from_profile(key)
        if name == "ca_bundle":
            yield from self._from_environment("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

    def _endpoint_urls(self) -> Iterator[Setting]:
        if self._read("ignore_configured_endpoint_urls", _boolean):
            return
        yield from self._from_environment("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL")
        section = self._services_section().get("ecr")
        url = section.get("endpoint_url") if isinstance(section, Mapping) else None
        if isinstance(url, str) and url:
            source = f"the services section of {self._profile.source}"
            yield Setting(url, source, in_file=True)
        yield from self._from_profile("endpoint_url")

    def _services_section(self) -> Mapping[str, Any]:
        name = self._profile.values.get("services")
        if name is None:
            return {}
        # Indented lines below the key make its value a dict, which names no section.
        named = isinstance(name, str)
        section: Mapping[str, Any] | None = self._profile.services.get(name) if named else None
        if not section:
            raise InvalidConfigurationException(
                f"{self._profile.source} refers to the services section {brief(name)}, which does "
                "not exist; add it to the configuration file or remove the reference"
            )
        return section

    def _from_environment(self, *variables: str) -> Iterator[Setting]:
        for variable in variables:
            value = self.environ.get(variable)
            if value:
                yield Setting(value, variable)

    def _from_profile(self, key: str) -> Iterator[Setting]:
        value = self._profile.values.get(key)
        if isinstance(value, str) and value:
            yield Setting(value, f"{key} of {self._profile.source}", in_file=True)

    @property
    def _profile(self) -> _Profile:
        # Not functools.cached_property: before Python 3.12 its lock is shared by all instances, and
        # a process forked while another thread holds it would wait forever.
        found: _Profile | None = self.__dict__.get("_profile_read")
        if found is None:
            found = self.__dict__["_profile_read"] = self._usable_profile()
        return found

    def _usable_profile(self) -> _Profile:
        try:
            return self._read_profile()
        except InvalidConfigurationException as error:
            if not self.lenient:
                raise
            _LOG.warning("%s; the shared files are ignored", error)
            return _Profile({}, {}, "no profile")

    def _read_profile(self) -> _Profile:
        name, source = self._profile_name()
        if self.session is not None:
            with _readable_session():
                contents = self.session.full_config
        else:
            contents = _read_files(*config_file_paths(self.environ))
        profiles = contents.get("profiles", {})
        if name is not None and name not in profiles:
            from ecr_client._config_files import missing_profile

            paths = config_file_paths(self.environ)
            raise InvalidConfigurationException(
                missing_profile(name, source, profiles, contents, paths)
            )
        section = profiles.get(name or "default", {})
        values = {key: value for key, value in section.items() if key in _PROFILE_KEYS}
        label = f"profile {name or 'default'!r}"
        return _Profile(values, contents.get("services", {}), label)

    def _profile_name(self) -> tuple[str | None, str]:
        if self.profile is not None:
            return self.profile, "the profile argument"
        if self.session is not None:
            return _ask(self.session, "profile"), "the session"
        found = next(self._from_environment(*PROFILE_VARIABLES), None)
        return (None, "") if found is None else (found.value, found.source)


def _boolean(setting: Setting) -> bool:
    value = _BOOLEANS.get(setting.value.lower())
    if value is None:
        # Stricter than botocore, which reads anything else as false, even "yes" for FIPS.
        raise _refused(setting, "true or false")
    return value


def _existing(setting: Setting) -> str:
    if not os.path.exists(setting.value):
        raise InvalidConfigurationException(
            f"the CA bundle {brief(setting.value)} from {setting.source} does not exist; "
            "correct the path or remove the setting"
        )
    return setting.value


def _attempts(setting: Setting) -> int:
    # At most nine digits, because int() refuses very long numbers.
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", setting.value):
        raise _refused(setting, "a whole number of at least 1")
    return int(setting.value)


def _retry_mode(setting: Setting) -> str:
    mode = _RETRY_MODES.get(setting.value.lower())
    if mode is None:
        raise _refused(setting, "standard, adaptive or legacy")
    return mode


def _refused(setting: Setting, expected: str) -> InvalidConfigurationException:
    return InvalidConfigurationException(
        f"{setting.source} must be {expected}, got {brief(setting.value)}"
    )


def _ask(session: Any, name: str) -> Any:
    """Return a configuration variable of a botocore session."""
    with _readable_session():
        try:
            return session.get_config_variable(name)
        except ValueError as error:
            # Safe to show: botocore reads numbers by int(), whose error truncates long values.
            raise InvalidConfigurationException(
                f"the session's {name} cannot be used: {error}"
            ) from None


@contextlib.contextmanager
def _readable_session() -> Iterator[None]:
    """Replace the errors of a botocore session about its profile or files with our own."""
    from botocore.exceptions import BotoCoreError, ConfigParseError

    try:
        yield
        return
    except ConfigParseError as error:
        from ecr_client._config_files import malformed

        problem = malformed(error)
    except BotoCoreError as error:
        raise InvalidConfigurationException(f"the session cannot be used: {error}") from error
    # Raised outside of the handler: the parser quotes lines that it cannot read, which may hold
    # secrets, so its error must not become the context of ours.
    raise InvalidConfigurationException(problem)


def _read_files(config_path: str, credentials_path: str) -> dict[str, Any]:
    """Return both shared files, merged as in botocore's session; a missing file is empty."""
    paths = [path for path in (config_path, credentials_path) if os.path.isfile(path)]
    contents: dict[str, Any] = {"profiles": {}}
    if not paths:
        return contents
    from botocore.configloader import load_config, raw_config_parse
    from botocore.exceptions import ConfigParseError

    try:
        if config_path in paths:
            contents = load_config(config_path)
        if credentials_path in paths:
            for name, section in raw_config_parse(credentials_path).items():
                contents["profiles"].setdefault(name, {}).update(section)
        return contents
    except ConfigParseError as error:
        from ecr_client._config_files import malformed

        problem = malformed(error)
    # Outside of the handler for the same reason as above.
    raise InvalidConfigurationException(problem)
