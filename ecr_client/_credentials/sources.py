"""The sources of a client's credentials.

A source is queried again for every attempt, so that refreshable credentials are never used when
they are stale. Nothing is looked up before the first call.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from ecr_client._common.forks import Lock, renew_after_fork
from ecr_client._common.redact import forget_own_frames, keeps_arguments_secret
from ecr_client._coroutines import is_coroutine_function
from ecr_client._exceptions import (
    CredentialRetrievalException,
    InvalidConfigurationException,
    NoCredentialsException,
)
from ecr_client._settings import unwrap_session
from ecr_client.credentials import Anonymous, Credentials

if TYPE_CHECKING:
    from ecr_client.credentials import CredentialsLike

#: Seconds before a source that had only expiring keys is queried again.
REFRESH_INTERVAL = 60.0
#: In botocore's order.
_TOKEN_VARIABLES = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
#: Loggers that would log tokens, bodies and paths while credentials are retrieved.
_LOGGERS = (
    *(f"botocore.{name}" for name in ("auth", "credentials", "endpoint", "parsers", "tokens")),
    *("botocore.utils", "urllib3.connectionpool"),
)
#: Explains the failure of a source, by the error and the exception that was being handled before.
_Explain = Callable[[Exception, BaseException | None], str]


class CredentialsSource(Protocol):
    """A source of the keys of a client."""

    def resolve(self) -> Credentials | None:
        """Return the keys for the next attempt, or ``None`` to send it unsigned.

        Raises:
            NoCredentialsException: No credentials were found anywhere.
            CredentialRetrievalException: Retrieving or refreshing them failed.
        """
        ...

    def ready(self) -> bool:
        """Return whether `resolve` returns at once, without I/O and without waiting."""
        ...

    def refresh(self, expired: Credentials) -> bool:
        """Refresh keys that the service has refused as expired.

        Returns:
            Whether there are other keys now.

        Raises:
            NoCredentialsException: The source no longer has any.
            CredentialRetrievalException: Retrieving or refreshing them failed.
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
    """Return the source of credentials for the arguments of a client; nothing is retrieved yet.

    Args:
        credentials: Keys, an object that refreshes them, a function that returns either, or
            `ANONYMOUS`.
        profile: The profile whose credentials to use instead of those of the environment.
        session: A botocore or boto3 session.
        region: The client's region, in which the default chain calls STS to assume roles.
        environ: The environment variables with keys, by default those of the process, which
            botocore's chain always reads.

    Raises:
        InvalidConfigurationException: More than one of ``credentials``, ``profile`` and
            ``session`` is given, or one is invalid.
    """
    named = {"credentials": credentials, "profile": profile, "session": session}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise InvalidConfigurationException(
            f"only one of credentials, profile and session may be given, got {' and '.join(given)}"
        )
    if isinstance(credentials, Anonymous):
        return _AnonymousSource()
    if credentials is not None:
        return _ArgumentSource(_checked(credentials))
    if session is not None:
        from ecr_client._session import is_unsigned

        found = unwrap_session(session)
        return _AnonymousSource() if is_unsigned(found) else _SessionSource(found)
    return _DefaultChainSource(profile, region, environ)


class _ForkSafe:
    """Credentials whose refresh lock is released in forked processes.

    botocore may be refreshing them in another thread, which the new process does not have.

    Attributes:
        value: The credentials, or a function that returns them.
    """

    def __init__(self, value: Any = None) -> None:
        self.value = value
        renew_after_fork(self)

    def renew(self) -> None:
        """Replace a lock that is held, in a forked process."""
        lock = getattr(self.value, "_refresh_lock", None)
        if lock is not None and lock.locked():
            self.value._refresh_lock = threading.Lock()


class _AnonymousSource:
    """The source for calls that are not signed."""

    def resolve(self) -> None:
        return None

    def ready(self) -> bool:
        return True

    def refresh(self, expired: Credentials) -> bool:
        return False


class _ArgumentSource:
    """The ``credentials`` argument of a client."""

    def __init__(self, given: Any) -> None:
        self._held = _ForkSafe(given)

    def resolve(self) -> Credentials:
        given = self._held.value
        if isinstance(given, Credentials):
            return given
        if _holds_keys(given):
            return _freeze(lambda: given, "the given credentials")
        return _freeze(given, _provider_label(given))

    def ready(self) -> bool:
        return is_at_hand(self._held.value)

    def refresh(self, expired: Credentials) -> bool:
        return self.resolve() != expired


class _RefreshingSource:
    """Keys that are looked up once, at the first call, and refreshed later.

    Args:
        monotonic: A monotonic clock in seconds.
    """

    _label = "the default credential chain"
    _profile: str | None = None
    _environ: Mapping[str, str] = os.environ
    #: Whether a second lookup may find other keys.
    _may_look_up_again = True

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._found = _ForkSafe()
        #: The keys that the source returned last, and whether they were due for a refresh then.
        self._keys: Credentials | None = None
        self._is_expiring = False
        self._asked = self._refreshed = -REFRESH_INTERVAL

    def resolve(self) -> Credentials:
        found = self._found.value
        if found is not None and not _needs_refresh(found):
            return _freeze(lambda: found, self._label)
        with self._lock.held:
            if self._keys is not None and self._was_just_asked():
                return self._keys
            return self._ask()

    def ready(self) -> bool:
        found = self._found.value
        return found is not None and not _needs_refresh(found)

    def refresh(self, expired: Credentials) -> bool:
        if self.resolve() != expired:
            return True
        with self._lock.held:
            # Another thread may have refreshed them; a refresh without effect is not repeated.
            if self._keys == expired and self._monotonic() - self._refreshed >= REFRESH_INTERVAL:
                self._refreshed = self._monotonic()
                if self._may_look_up_again:
                    self._found.value = None
                self._ask()
            return self._keys != expired

    def _was_just_asked(self) -> bool:
        """Return whether the source was just queried, and had only expiring keys."""
        found = self._found.value
        if found is None or not self._is_expiring or _needs_refresh(found, 0):
            return False
        return self._monotonic() - self._asked < REFRESH_INTERVAL

    def _ask(self) -> Credentials:
        """Return the current keys of the source. The lock must be held."""
        found = self._found.value
        with _quiet(self._explain):
            if found is None:
                new = self._look_up()
                self._keys = _freeze(lambda: _without_refresh(new), self._label, self._explain)
                # Set only now: unusable credentials, as of a refused role, are looked up again.
                found = self._found.value = new
            else:
                self._keys = _freeze(lambda: found, self._label, self._explain)
        self._is_expiring, self._asked = _needs_refresh(found), self._monotonic()
        return self._keys

    def _explain(self, error: Exception, outside: BaseException | None) -> str:
        """Return why the source failed, and what to do about it."""
        from ecr_client._credentials.failures import explain

        return explain(error, outside, self._profile, self._environ)

    def _look_up(self) -> object:
        raise NotImplementedError


def _needs_refresh(found: Any, seconds: float | None = None) -> bool:
    """Return whether credentials expire within ``seconds``, by default botocore's own window."""
    refresh_needed = getattr(found, "refresh_needed", None)
    return refresh_needed is not None and bool(refresh_needed(refresh_in=seconds))


def _without_refresh(found: Any) -> Any:
    """Return credentials that were retrieved just now, without refreshing them at once.

    botocore refreshes keys that expire within 15 minutes, even if their source has no others; a
    credential process would run twice for the first call.
    """
    keys = getattr(found, "_frozen_credentials", None)
    return found if keys is None or _needs_refresh(found, 0) else keys


class _SessionSource(_RefreshingSource):
    """The credentials of a botocore session."""

    _label = "the session"
    # A session keeps its credentials.
    _may_look_up_again = False

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session

    def _look_up(self) -> object:
        self._profile = getattr(self._session, "profile", None)
        found = _retrieve(self._session.get_credentials, self._label, self._explain)
        if found is None:
            raise NoCredentialsException(
                "The session has no AWS credentials: set them in the session, configure them "
                "for its profile, or pass credentials=Credentials(...) instead of the session."
            )
        return found

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "credentials of a session cannot be pickled; use profile= or credentials= instead of "
            "session="
        )


class _DefaultChainSource(_RefreshingSource):
    """botocore's chain: environment, shared files, SSO, assumed role, container, instance."""

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
        # As in botocore, keys in the environment take precedence unless code names a profile.
        if self._profile is None:
            keys = environment_credentials(self._environ)
            if keys is not None:
                return keys
        found, instance = _retrieve(self._ask_botocore, self._label, self._explain)
        if found is None:
            from ecr_client._credentials.failures import not_found

            raise NoCredentialsException(not_found(self._profile, self._environ, instance))
        return found

    def _ask_botocore(self) -> tuple[object, str]:
        """Return the credentials, and the outcome of the last request for instance metadata."""
        # Imported late, because it loads most of botocore.
        from botocore.session import Session

        from ecr_client._credentials.hosts import monitor_metadata

        session = Session(profile=self._profile)
        if self._region is not None:
            # As in boto3: STS in the client's region, which matters outside partition "aws".
            session.set_config_variable("region", self._region)
        outcome = monitor_metadata(session)
        return session.get_credentials(), outcome()

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither the keys nor the environment, which may contain keys.
        return _DefaultChainSource, (self._profile, self._region)


@keeps_arguments_secret
def environment_credentials(environ: Mapping[str, str]) -> Credentials | None:
    """Return the keys in the environment, or ``None`` if there is no access key.

    Args:
        environ: The environment variables; an empty one counts as not set.

    Raises:
        CredentialRetrievalException: There is an access key without a secret key, or an invalid
            value.
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
    return _freeze(lambda: Credentials(access_key, secret_key, token), "the environment")


def is_at_hand(found: Any) -> bool:
    """Return whether keys can be read from credentials without I/O; a function may do some."""
    if not hasattr(found, "get_frozen_credentials"):
        return _holds_keys(found)
    if hasattr(found, "refresh_needed"):
        return not _needs_refresh(found)
    # botocore's own class for keys that do not change.
    return type(found).__module__ == "botocore.credentials"


async def provided(provider: Callable[[], Awaitable[Any]]) -> Any:
    """Return the credentials that an asynchronous function returns.

    Raises:
        CredentialRetrievalException: The function failed.
    """
    outside = sys.exc_info()[1]
    try:
        return await provider()
    except Exception as error:
        failure = _translated(error, outside, _provider_label(provider))
    # Outside of the handler, whose exception may quote secrets.
    forget_own_frames(failure, outside)
    raise failure


def frozen(found: Any, provider: object) -> Credentials:
    """Return the credentials of a provider as immutable keys."""
    return _freeze(lambda: found, _provider_label(provider))


def _provider_label(provider: object) -> str:
    # Not its repr, which may show the arguments of a functools.partial.
    name = getattr(provider, "__qualname__", type(provider).__name__)
    return f"the credentials provider {name}"


def _checked(credentials: Any) -> Any:
    """Return the ``credentials`` argument if it is valid; this reads no keys."""
    if is_coroutine_function(credentials):
        raise InvalidConfigurationException(
            "credentials is an asynchronous function, which only AsyncECRClient accepts; pass a "
            "function that blocks"
        )
    if _holds_keys(credentials) or callable(credentials):
        return credentials
    raise InvalidConfigurationException(
        "credentials must be Credentials(access_key, secret_key), credentials of botocore, a "
        f"function that returns either, or ANONYMOUS, got {type(credentials).__name__}"
    )


def _holds_keys(found: object) -> bool:
    # In this order, because access to a key of refreshable credentials would refresh them.
    return hasattr(found, "get_frozen_credentials") or (
        hasattr(found, "access_key") and hasattr(found, "secret_key")
    )


def _explain(error: Exception, outside: BaseException | None) -> str:
    from ecr_client._credentials.failures import explain

    return explain(error, outside, None, os.environ)


@keeps_arguments_secret
def _retrieve(get: Callable[[], Any], label: str, explain: _Explain = _explain) -> Any:
    """Return the result of a function, with its exceptions replaced by our own."""
    outside = sys.exc_info()[1]
    try:
        return get()
    except Exception as error:
        failure = _translated(error, outside, label, explain)
    # Outside of the handler, whose exception may quote secrets.
    raise failure


def _translated(
    error: Exception, outside: BaseException | None, label: str, explain: _Explain = _explain
) -> CredentialRetrievalException:
    """Return our exception for a failed source, caused by the original unless it quotes secrets."""
    from ecr_client._credentials.failures import quotes

    failure = CredentialRetrievalException(
        f"Getting credentials from {label} failed: {explain(error, outside)}"
    )
    if not quotes(error, outside):
        failure.__cause__ = error
    return failure


@contextlib.contextmanager
def _quiet(explain: _Explain) -> Iterator[None]:
    """Keep secrets out of botocore's log messages in this thread: no details, no tracebacks."""
    thread = threading.get_ident()

    def clean(record: logging.LogRecord) -> bool:
        if threading.get_ident() != thread:
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            record.msg, record.args = "%s %s", (record.getMessage(), explain(error, None))
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


def _freeze(get: Callable[[], Any], label: str, explain: _Explain = _explain) -> Credentials:
    """Return the credentials that a function returns as immutable keys."""

    def read_keys() -> Credentials:
        found = get()
        if isinstance(found, Credentials):
            return found
        if not _holds_keys(found):
            hint = ""
            if isinstance(found, CoroutineType):
                found.close()  # or Python would warn that it was not awaited
                hint = "; AsyncECRClient takes the asynchronous function itself"
            raise InvalidConfigurationException(
                f"a source must return credentials, got {type(found).__name__}{hint}"
            )
        freeze = getattr(found, "get_frozen_credentials", None)
        keys = found if freeze is None else freeze()
        return Credentials(keys.access_key, keys.secret_key, getattr(keys, "token", None) or None)

    result: Credentials = _retrieve(read_keys, label, explain)
    return result
