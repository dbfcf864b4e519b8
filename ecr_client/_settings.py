"""What the environment and the shared configuration files say, where no argument says it.

The names, their order and the files are botocore's; its session, which would load most of botocore,
is not needed for that. Where this module is stricter than botocore, it says so at the place.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs

from ecr_client._common.shown import shown
from ecr_client._exceptions import InvalidConfigurationException

#: Setting, by botocore's name for it: environment variables (first wins) and the profile's key.
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
#: A profile's own endpoint, and the section of per-service endpoints that it refers to.
_PROFILE_KEYS = {key for _, key in _SETTINGS.values()} | {"endpoint_url", "services"}
#: The order of the two is botocore's.
_PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
_BOOLEANS = {"true": True, "false": False}
#: botocore's oldest mode, which is still its default, has no counterpart here.
_RETRY_MODES = {"legacy": "standard", "standard": "standard", "adaptive": "adaptive"}
# botocore.useragent replaces what it does not allow instead of refusing it.
_NOT_ALLOWED_IN_APPID = r"[^A-Za-z0-9!$%&'*+\-.^_`|~,#]"


class Setting(NamedTuple):
    """A value that was found, and where, in words for a message."""

    value: str
    source: str


class _Profile(NamedTuple):
    """The part of a profile that this package reads, which holds no secrets."""

    values: Mapping[str, Any]
    services: Mapping[str, Any]
    source: str


def unwrap_session(session: Any) -> Any:
    """Return the botocore session behind a botocore or boto3 session.

    Args:
        session: The caller's ``session`` argument.

    Returns:
        An object with botocore's ``get_config_variable`` and ``get_credentials``.

    Raises:
        InvalidConfigurationException: It is neither.
    """
    inner = getattr(session, "_session", session)
    if all(hasattr(inner, name) for name in ("get_config_variable", "get_credentials")):
        return inner
    raise InvalidConfigurationException(
        f"session must be a botocore or boto3 session, not {type(session).__name__}"
    )


def config_file_paths(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the paths of the shared configuration and credentials files.

    Args:
        environ: The environment, which may name them by ``AWS_CONFIG_FILE`` and
            ``AWS_SHARED_CREDENTIALS_FILE``.

    Returns:
        Both paths with ``~`` and variables replaced; the files need not exist.
    """
    config = environ.get("AWS_CONFIG_FILE") or "~/.aws/config"
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    return _expand(config), _expand(credentials)


def _expand(path: str) -> str:
    return os.path.expanduser(os.path.expandvars(path))


@attrs.frozen(kw_only=True, slots=False, eq=False)
class Settings:
    """The settings that come from the environment and the profile, read when they are asked for.

    An environment variable that is set but empty counts as not set.

    Args:
        profile: The profile that the caller named. It must exist; so must one that
            ``AWS_DEFAULT_PROFILE`` or ``AWS_PROFILE`` names, once a setting is looked up there.
        session: A botocore or boto3 session: what it knows comes before everything else here.
        environ: The environment variables, by default those of the process.

    Raises:
        InvalidConfigurationException: ``profile`` does not exist, ``session`` is not a session,
            or a file or a value cannot be read. The properties raise it, too.
    """

    profile: str | None = None
    session: Any = attrs.field(
        default=None, repr=False, converter=attrs.converters.optional(unwrap_session)
    )
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.profile is not None:
            if not isinstance(self.profile, str) or not self.profile.strip():
                raise InvalidConfigurationException(
                    f"profile must be the name of a profile, not {self.profile!r}"
                )
            # A misspelt name shall not wait for the first setting that nothing else answers.
            self._profile  # noqa: B018

    @property
    def region(self) -> str | None:
        """The region: ``AWS_REGION``, ``AWS_DEFAULT_REGION``, the profile's ``region``."""
        return self._value("region")

    @property
    def use_fips(self) -> bool:
        """Whether FIPS endpoints are wanted: ``AWS_USE_FIPS_ENDPOINT``, the profile, else not."""
        return self._flag("use_fips_endpoint")

    @property
    def use_dualstack(self) -> bool:
        """Whether dual-stack is wanted: ``AWS_USE_DUALSTACK_ENDPOINT``, the profile, else not."""
        return self._flag("use_dualstack_endpoint")

    @property
    def endpoint_url(self) -> str | None:
        """The configured endpoint, unless configured endpoints are to be ignored.

        The order is ``AWS_ENDPOINT_URL_ECR``, ``AWS_ENDPOINT_URL``, ``endpoint_url`` below ``ecr``
        in the ``services`` section that the profile names, and the profile's ``endpoint_url``.
        ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`` or the profile's
        ``ignore_configured_endpoint_urls`` switches all of them off.
        """
        return self._value("endpoint_url")

    @property
    def ca_bundle(self) -> str | None:
        """The path of the CA bundle, which exists.

        The order is ``AWS_CA_BUNDLE``, the profile's ``ca_bundle``, ``REQUESTS_CA_BUNDLE``,
        ``CURL_CA_BUNDLE``.
        """
        found = self.find("ca_bundle")
        if found is not None and not os.path.exists(found.value):
            raise InvalidConfigurationException(
                f"the CA bundle {shown(found.value)} from {found.source} does not exist; "
                "correct the path or remove the setting"
            )
        return found.value if found else None

    @property
    def user_agent_appid(self) -> str | None:
        """The application id: ``AWS_SDK_UA_APP_ID``, the profile's ``sdk_ua_app_id``.

        Other SDKs read the same setting, so a character that a User-Agent cannot hold is replaced
        by a dash, as botocore does, and not refused.
        """
        value = self._value("user_agent_appid")
        return re.sub(_NOT_ALLOWED_IN_APPID, "-", value) if value else None

    @property
    def retry(self) -> dict[str, Any]:
        """The members of a ``RetryPolicy`` that are set.

        They are ``max_attempts``, from ``AWS_MAX_ATTEMPTS`` or the profile, and ``mode``, from
        ``AWS_RETRY_MODE`` or the profile's ``retry_mode``, where ``legacy``, which other SDKs know,
        is read as ``standard``.
        """
        members: dict[str, Any] = {}
        attempts = self.find("max_attempts")
        if attempts is not None:
            # Few digits: Python refuses to read very long numbers.
            if not re.fullmatch(r"0*[1-9][0-9]{0,8}", attempts.value):
                raise InvalidConfigurationException(
                    f"{attempts.source} must be a whole number of at least 1, "
                    f"not {shown(attempts.value)}"
                )
            members["max_attempts"] = int(attempts.value)
        mode = self.find("retry_mode")
        if mode is not None:
            members["mode"] = _RETRY_MODES.get(mode.value.lower())
            if members["mode"] is None:
                raise InvalidConfigurationException(
                    f"{mode.source} must be standard, adaptive or legacy, not {shown(mode.value)}"
                )
        return members

    def find(self, name: str) -> Setting | None:
        """Return a setting with its source.

        Args:
            name: The setting by botocore's name, or ``endpoint_url``.

        Returns:
            The first value in the order of precedence, or ``None`` if there is none.
        """
        candidates = self._endpoint_urls() if name == "endpoint_url" else self._candidates(name)
        return next(candidates, None)

    def _value(self, name: str) -> str | None:
        found = self.find(name)
        return found.value if found else None

    def _flag(self, name: str) -> bool:
        found = self.find(name)
        if found is None:
            return False
        value = _BOOLEANS.get(found.value.lower())
        if value is None:
            # botocore reads anything else as false; but whoever wrote "yes" for FIPS meant it.
            raise InvalidConfigurationException(
                f"{found.source} must be true or false, not {shown(found.value)}"
            )
        return value

    def _candidates(self, name: str) -> Iterator[Setting]:
        variables, key = _SETTINGS[name]
        if self.session is not None:
            value = _ask(self.session, name)
            # botocore gives its booleans as such.
            if value is not None and value != "":
                yield Setting(str(value), f"the session's {name}")
        yield from self._from_environment(*variables)
        yield from self._from_profile(key)
        if name == "ca_bundle":
            yield from self._from_environment("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

    def _endpoint_urls(self) -> Iterator[Setting]:
        if self._flag("ignore_configured_endpoint_urls"):
            return
        yield from self._from_environment("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL")
        section = self._services_section().get("ecr")
        url = section.get("endpoint_url") if isinstance(section, Mapping) else None
        if isinstance(url, str) and url:
            yield Setting(url, f"the services section of {self._profile.source}")
        yield from self._from_profile("endpoint_url")

    def _services_section(self) -> Mapping[str, Any]:
        name = self._profile.values.get("services")
        if name is None:
            return {}
        # Lines that are indented below it make it a dict, which names no section.
        named = isinstance(name, str)
        section: Mapping[str, Any] | None = self._profile.services.get(name) if named else None
        if not section:
            raise InvalidConfigurationException(
                f"{self._profile.source} refers to the services section {shown(name)}, which does "
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
            yield Setting(value, f"{key} of {self._profile.source}")

    @property
    def _profile(self) -> _Profile:
        # Not functools.cached_property, which before Python 3.12 has a lock for all instances. If
        # another thread holds it, a process that is forked meanwhile would wait forever.
        found: _Profile | None = self.__dict__.get("_profile_read")
        if found is None:
            found = self.__dict__["_profile_read"] = self._read_profile()
        return found

    def _read_profile(self) -> _Profile:
        if self.session is not None:
            name, source = _ask(self.session, "profile"), "the session"
            with _readable_session():
                contents = self.session.full_config
        else:
            name, source = self._profile_name()
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
        found = next(self._from_environment(*_PROFILE_VARIABLES), None)
        return found or (None, "")


def _ask(session: Any, name: str) -> Any:
    """Return a configuration variable of a botocore session."""
    with _readable_session():
        try:
            return session.get_config_variable(name)
        except ValueError as error:
            # botocore reads numbers by int(), whose error quotes no more than a part of a long one.
            raise InvalidConfigurationException(
                f"the session's {name} cannot be used: {error}"
            ) from None


@contextlib.contextmanager
def _readable_session() -> Iterator[None]:
    """Turn what a botocore session raises on a bad profile or file into our own error."""
    from botocore.exceptions import BotoCoreError, ConfigParseError

    try:
        yield
        return
    except ConfigParseError as error:
        from ecr_client._config_files import malformed

        problem = malformed(error)
    except BotoCoreError as error:
        raise InvalidConfigurationException(f"the session cannot be used: {error}") from error
    # Outside of the handler: the parser quotes the lines that it cannot read, which may hold a
    # secret, so its error must not even be the context of ours.
    raise InvalidConfigurationException(problem)


def _read_files(config_path: str, credentials_path: str) -> dict[str, Any]:
    """Return both shared files merged as botocore's session does it; a missing file is empty."""
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
    # Not chained, for the reason above.
    raise InvalidConfigurationException(problem)
