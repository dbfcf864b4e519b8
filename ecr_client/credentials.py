"""Credentials: what a caller may pass, and where they come from otherwise.

A source gives the keys afresh for every call, so that credentials that refresh themselves are never
used when they are stale. Nothing is looked up before the first call.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, Protocol

import attrs

from ecr_client._common.forks import Lock, renew_after_fork
from ecr_client._common.hints import explains_its_keywords
from ecr_client._common.redact import keeps_arguments_secret, keeps_values_secret
from ecr_client._exceptions import (
    CredentialRetrievalException,
    InvalidConfigurationException,
    NoCredentialsException,
)
from ecr_client._settings import unwrap_session

# Keys travel in headers, which can hold no more than this; a line end is the usual slip.
_KEY = r"[!-~]+"
#: Seconds for which a source is not asked again that has had nothing better.
REST = 60.0
#: The order of the two names of the token is botocore's.
_TOKEN_VARIABLES = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
#: What logs, while credentials are looked for, the tokens, bodies and paths that it sends or gets.
_LOGGERS = (
    *(f"botocore.{name}" for name in ("auth", "credentials", "endpoint", "parsers", "tokens")),
    *("botocore.utils", "urllib3.connectionpool"),
)


def _check_key(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str):
        raise InvalidConfigurationException(
            f"{field.name} must be a str, not {type(value).__name__}"
        )
    if not re.fullmatch(_KEY, value):
        problem = "holds white space or a character that is not ASCII" if value else "is empty"
        raise InvalidConfigurationException(f"{field.name} {problem}; copy it once more")


@keeps_values_secret
@explains_its_keywords
@attrs.frozen
class Credentials:
    """Keys that sign calls; the repr shows the access key only.

    Args:
        access_key: The access key id, for example ``AKIAIOSFODNN7EXAMPLE``.
        secret_key: The secret access key.
        token: The session token of temporary credentials, else ``None``.

    Raises:
        InvalidConfigurationException: One is not a ``str``, is empty, or holds white space.
    """

    access_key: str = attrs.field(validator=_check_key)
    secret_key: str = attrs.field(repr=False, validator=_check_key)
    token: str | None = attrs.field(
        default=None, repr=False, validator=attrs.validators.optional(_check_key)
    )


class Keys(Protocol):
    """An object that holds keys, as botocore's ``ReadOnlyCredentials`` does."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


class RefreshingKeys(Protocol):
    """An object that refreshes its keys, as botocore's ``RefreshableCredentials`` does."""

    def get_frozen_credentials(self) -> Keys: ...


class Anonymous(enum.Enum):
    """The type of `ANONYMOUS`, its only value."""

    ANONYMOUS = "ANONYMOUS"

    def __repr__(self) -> str:
        return self.name


#: Pass it as ``credentials`` to send calls without a signature and to look up no credentials. It is
#: for emulators that do not check signatures; the service itself refuses such calls.
ANONYMOUS: Final = Anonymous.ANONYMOUS

#: Returns what made a source fail: of the error, and of what the caller was handling before.
_Why = Callable[[Exception, BaseException | None], str]
#: What the ``credentials`` argument of a client takes.
CredentialsLike = Keys | RefreshingKeys | Callable[[], Keys | RefreshingKeys] | Anonymous


class CredentialsSource(Protocol):
    """Where a client gets its keys from."""

    def current(self) -> Credentials | None:
        """Return the keys to sign the next call with, ``None`` not to sign it.

        Raises:
            NoCredentialsException: No credentials were found anywhere.
            CredentialRetrievalException: There are some, but getting or refreshing them failed.
        """
        ...

    def renew(self, expired: Credentials) -> bool:
        """Look for keys in the place of those that the service has called expired.

        Returns:
            Whether there are others now.

        Raises:
            NoCredentialsException: There are none any more.
            CredentialRetrievalException: Getting or refreshing them failed.
        """
        ...


def credentials_source(
    *,
    credentials: CredentialsLike | None = None,
    profile: str | None = None,
    session: Any = None,
    region: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> CredentialsSource:
    """Return the source of keys that the arguments of a client name; nothing is read yet.

    Args:
        credentials: Keys, an object that refreshes them, a function that gives either, or
            `ANONYMOUS`.
        profile: The profile whose credentials to use instead of those of the environment.
        session: A botocore or boto3 session.
        region: The client's region, in which the default chain asks STS for the keys of a role.
        environ: Where to look for ``AWS_ACCESS_KEY_ID`` and its relatives, by default the
            environment of the process, which is all that botocore's chain looks at.

    Raises:
        InvalidConfigurationException: More than one of ``credentials``, ``profile`` and
            ``session`` is given, or one is of no use.
    """
    named = {"credentials": credentials, "profile": profile, "session": session}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise InvalidConfigurationException(
            f"{' and '.join(given)} each say where credentials come from; give only one of them"
        )
    if isinstance(credentials, Anonymous):
        return _Unsigned()
    if credentials is not None:
        return _Given(_checked(credentials))
    if session is not None:
        from ecr_client._session import is_unsigned

        found = unwrap_session(session)
        return _Unsigned() if is_unsigned(found) else _FromSession(found)
    return _DefaultChain(profile, region, environ)


class _Kept:
    """Holds credentials, which botocore may be refreshing in another thread when a process forks.

    The lock for that belongs to a thread that the new process does not have.

    Attributes:
        value: The credentials, or a function that gives some.
    """

    def __init__(self, value: Any = None) -> None:
        self.value = value
        renew_after_fork(self)

    def renew(self) -> None:
        """Free the lock in a process that was forked."""
        lock = getattr(self.value, "_refresh_lock", None)
        if lock is not None and lock.locked():
            self.value._refresh_lock = threading.Lock()


class _Unsigned:
    """The source of calls that nobody signs."""

    def current(self) -> None:
        return None

    def renew(self, expired: Credentials) -> bool:
        return False


class _Given:
    """What the caller passed as ``credentials``."""

    def __init__(self, given: Any) -> None:
        self._kept = _Kept(given)

    def current(self) -> Credentials:
        given = self._kept.value
        if isinstance(given, Credentials):
            return given
        if _holds_keys(given):
            return _freeze(lambda: given, "the given credentials")
        # Not its repr, which may show what a functools.partial was made with.
        name = getattr(given, "__qualname__", type(given).__name__)
        return _freeze(given, f"the credentials provider {name}")

    def renew(self, expired: Credentials) -> bool:
        return self.current() != expired


class _LookedUp:
    """Keys that are looked up once, on the first call, and that refresh themselves afterwards.

    Args:
        monotonic: Returns seconds that never go back.
    """

    _label = "the default credential chain"
    _profile: str | None = None
    _environ: Mapping[str, str] = os.environ
    #: Whether a second look gives other keys if there are any.
    _may_look_again = True

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._found = _Kept()
        #: What the source had when it was asked last, and whether it was due for a refresh then.
        self._keys: Credentials | None = None
        self._is_short = False
        self._asked = self._renewed = -REST

    def current(self) -> Credentials:
        found = self._found.value
        if found is not None and not _is_due(found):
            return _freeze(lambda: found, self._label)
        with self._lock.held:
            if self._keys is not None and self._rests():
                return self._keys
            return self._ask()

    def renew(self, expired: Credentials) -> bool:
        if self.current() != expired:
            return True
        with self._lock.held:
            # Another thread may have been faster; what it renewed in vain is not renewed again.
            if self._keys == expired and self._monotonic() - self._renewed >= REST:
                self._renewed = self._monotonic()
                if self._may_look_again:
                    self._found.value = None
                self._ask()
            return self._keys != expired

    def _rests(self) -> bool:
        """Whether the source has nothing better than the keys that it had just now."""
        found = self._found.value
        if found is None or not self._is_short or _is_due(found, 0):
            return False
        return self._monotonic() - self._asked < REST

    def _ask(self) -> Credentials:
        """Return what the source has; the lock must be held."""
        found = self._found.value
        with _quiet(self._why):
            if found is None:
                new = self._look_up()
                self._keys = _freeze(lambda: _as_found(new), self._label, self._why)
                # Only now: what cannot be used, such as a role that is refused, is looked up again.
                found = self._found.value = new
            else:
                self._keys = _freeze(lambda: found, self._label, self._why)
        self._is_short, self._asked = _is_due(found), self._monotonic()
        return self._keys

    def _why(self, error: Exception, outside: BaseException | None) -> str:
        """Return what made the source fail, and what to do about it."""
        from ecr_client._credential_failures import reason

        return reason(error, outside, self._profile, self._environ)

    def _look_up(self) -> object:
        raise NotImplementedError


def _is_due(found: Any, seconds: float | None = None) -> bool:
    """Return whether botocore would refresh credentials, or if they end within some seconds."""
    refresh_needed = getattr(found, "refresh_needed", None)
    return refresh_needed is not None and bool(refresh_needed(refresh_in=seconds))


def _as_found(found: Any) -> Any:
    """Return credentials that were found just now, without refreshing them at once.

    botocore refreshes keys that have less than 15 minutes left, even if they are all that their
    source has; a credential process would run twice for the first call.
    """
    keys = getattr(found, "_frozen_credentials", None)
    return found if keys is None or _is_due(found, 0) else keys


class _FromSession(_LookedUp):
    """The credentials of a botocore session."""

    _label = "the session"
    # It keeps what it has found.
    _may_look_again = False

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session

    def _look_up(self) -> object:
        self._profile = getattr(self._session, "profile", None)
        found = _attempt(self._session.get_credentials, self._label, self._why)
        if found is None:
            raise NoCredentialsException(
                "The session has no AWS credentials: give them to the session, configure them "
                "for its profile, or pass credentials=Credentials(...) instead of the session."
            )
        return found

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a session cannot be pickled, and neither can what was made with one; "
            "use profile= or credentials= instead of session="
        )


class _DefaultChain(_LookedUp):
    """Environment, shared files, SSO, assumed role, container, instance: as botocore does it."""

    def __init__(
        self,
        profile: str | None,
        region: str | None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if profile is not None:
            self._label = f"profile {profile!r}"
        self._profile = profile
        self._region = region
        if environ is not None:
            self._environ = environ

    def _look_up(self) -> object:
        # As in botocore, keys in the environment beat every profile but one named in code.
        if self._profile is None:
            keys = environment_credentials(self._environ)
            if keys is not None:
                return keys
        found, instance = _attempt(self._ask_botocore, self._label, self._why)
        if found is None:
            from ecr_client._credential_failures import nowhere

            raise NoCredentialsException(nowhere(self._profile, self._environ, instance))
        return found

    def _ask_botocore(self) -> tuple[object, str]:
        """Return the credentials, and how the last request for the instance's metadata ended."""
        # Imported late: it loads most of botocore, which keys in the environment do not need.
        from botocore.session import Session

        from ecr_client._credential_hosts import watch_metadata

        session = Session(profile=self._profile)
        if self._region is not None:
            # As boto3 does it: STS in the client's region, which matters outside partition "aws".
            session.set_config_variable("region", self._region)
        outcome = watch_metadata(session)
        return session.get_credentials(), outcome()

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither the keys that were found nor the environment, which may hold some.
        return _DefaultChain, (self._profile, self._region)


@keeps_arguments_secret
def environment_credentials(environ: Mapping[str, str]) -> Credentials | None:
    """Return the keys in the environment, or ``None`` if there is no access key.

    Args:
        environ: The environment variables; one that is empty counts as not set.

    Raises:
        CredentialRetrievalException: There is an access key without a secret, or a value that
            cannot be a key.
    """
    access_key = environ.get("AWS_ACCESS_KEY_ID")
    if not access_key:
        return None
    secret_key = environ.get("AWS_SECRET_ACCESS_KEY")
    if not secret_key:
        raise CredentialRetrievalException(
            "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both or neither"
        )
    token = next((environ[name] for name in _TOKEN_VARIABLES if environ.get(name)), None)
    return _freeze(
        lambda: Credentials(access_key, secret_key, token), "AWS_ACCESS_KEY_ID and its relatives"
    )


def _checked(credentials: Any) -> Any:
    """Return the ``credentials`` argument if it is of any use; this reads no keys."""
    if _holds_keys(credentials) or callable(credentials):
        return credentials
    raise InvalidConfigurationException(
        "credentials must be Credentials(access_key, secret_key), credentials of botocore, a "
        f"function that returns either, or ANONYMOUS, not {type(credentials).__name__}"
    )


def _holds_keys(found: object) -> bool:
    # In this order: asking refreshable credentials for a key would refresh them.
    return hasattr(found, "get_frozen_credentials") or (
        hasattr(found, "access_key") and hasattr(found, "secret_key")
    )


def _why(error: Exception, outside: BaseException | None) -> str:
    from ecr_client._credential_failures import reason

    return reason(error, outside, None, os.environ)


@keeps_arguments_secret
def _attempt(get: Callable[[], Any], label: str, why: _Why = _why) -> Any:
    """Return what a function returns, and turn whatever it raises into our own error."""
    outside = sys.exc_info()[1]
    try:
        return get()
    except Exception as error:
        from ecr_client._credential_failures import quotes

        failure = CredentialRetrievalException(
            f"Getting credentials from {label} failed: {why(error, outside)}"
        )
        if not quotes(error, outside):
            raise failure from error
    # Outside of the handler, so that what quotes secrets is not chained.
    raise failure


@contextlib.contextmanager
def _quiet(why: _Why) -> Iterator[None]:
    """Keep secrets out of what botocore logs in this thread: no details, no tracebacks."""
    thread = threading.get_ident()

    def clean(record: logging.LogRecord) -> bool:
        if threading.get_ident() != thread:
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            record.msg, record.args = "%s %s", (record.getMessage(), why(error, None))
            record.exc_info = None
        return record.levelno > logging.DEBUG

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(clean)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(clean)


def _freeze(get: Callable[[], Any], label: str, why: _Why = _why) -> Credentials:
    """Return what a function returns as keys that no longer change."""

    def frozen() -> Credentials:
        found = get()
        if isinstance(found, Credentials):
            return found
        if not _holds_keys(found):
            raise InvalidConfigurationException(f"expected credentials, got {type(found).__name__}")
        freeze = getattr(found, "get_frozen_credentials", None)
        keys = found if freeze is None else freeze()
        return Credentials(keys.access_key, keys.secret_key, getattr(keys, "token", None) or None)

    result: Credentials = _attempt(frozen, label, why)
    return result
