"""Hints that suggest the right name for one that does not exist or belongs to another SDK."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

_KEYS = 'credentials=Credentials("...", "...")'
#: Hints for ``ECRClient``: fields of ``ClientConfiguration``, and names of boto3 and Java.
_CONFIGURATION = {
    **{
        name: f"config=ClientConfiguration({name}=...)"
        for name in (
            *("client_cert", "connect_timeout", "connection_max_idle_time", "hooks"),
            *("max_pool_connections", "max_response_size", "protocol", "proxies"),
            *("proxies_config", "read_timeout", "response_metadata_cache_size", "retry"),
            *(
                "total_timeout",
                "use_dualstack_endpoint",
                "use_fips_endpoint",
                "user_agent_appid",
                "verify",
            ),
        )
    },
    "max_attempts": "config=ClientConfiguration(retry=RetryPolicy(max_attempts=...))",
    "retries": "config=ClientConfiguration(retry=RetryPolicy(...))",
    "retry_policy": "config=ClientConfiguration(retry=RetryPolicy(...))",
    "timeout": "config=ClientConfiguration(total_timeout=...)",
    "use_ssl": "config=ClientConfiguration(protocol=...)",
}
#: Names of boto3 and the Java SDK: the owner of the name -> their name -> ours.
_FOREIGN_NAMES: dict[str, dict[str, str]] = {
    "ECRClient": {
        **_CONFIGURATION,
        "aws_access_key_id": _KEYS,
        "aws_secret_access_key": _KEYS,
        "aws_session_token": 'credentials=Credentials("...", "...", "...")',
        "boto_session": "session",
        "boto3_session": "session",
        "botocore_session": "session",
        "client_configuration": "config",
        "credentials_provider": "credentials",
        "endpoint_configuration": "endpoint",
        "endpoint_override": "endpoint",
        "endpoint_url": "endpoint",
        "profile_name": "profile",
        "region_name": "region",
    },
    "ClientConfiguration": {
        "ca_bundle": "verify",
        "client_execution_timeout": "total_timeout",
        "connection_max_idle_millis": "connection_max_idle_time, in seconds",
        "connection_timeout": "connect_timeout, in seconds",
        "endpoint_url": "ECRClient(endpoint=...)",
        "max_attempts": "retry=RetryPolicy(max_attempts=...)",
        "max_connections": "max_pool_connections",
        "max_error_retry": "retry=RetryPolicy(max_attempts=...)",
        "proxy_host": "proxies",
        "region": "ECRClient(region=...)",
        "region_name": "ECRClient(region=...)",
        "request_timeout": "read_timeout or total_timeout, in seconds",
        "retries": "retry=RetryPolicy(...)",
        "retry_mode": "retry=RetryPolicy(mode=...)",
        "retry_policy": "retry",
        "socket_timeout": "read_timeout, in seconds",
        "timeout": "total_timeout",
        "use_ssl": "protocol",
        "user_agent": "user_agent_appid",
        "user_agent_extra": "user_agent_appid",
    },
    "Credentials": {
        "aws_access_key_id": "access_key",
        "aws_secret_access_key": "secret_key",
        "aws_session_token": "token",
        "session_token": "token",
    },
    "RetryPolicy": {
        "max_backoff": "max_delay",
        "max_error_retry": "max_attempts",
        "retry_mode": "mode",
        "total_max_attempts": "max_attempts",
    },
    "with_options": {
        "config": "a client with that config",
        "retries": "retry",
        "total_timeout": "timeout",
    },
    # Of operations, paginators and waiters.
    "operation": {
        "PaginationConfig": "max_results, max_items or next_token",
        "request": "the request object as the only argument, without a name",
        "WaiterConfig": "delay and max_wait",
    },
    # Attributes of a client.
    "client": {
        "can_paginate": "paginate_...()",
        "exceptions": "ecr_client.exceptions",
        "get_paginator": "paginate_...()",
        "get_waiter": "wait_until_...()",
        "meta": "endpoint or region",
        "waiters": "wait_until_...()",
    },
}

_FOREIGN_NAMES["AsyncECRClient"] = _FOREIGN_NAMES["ECRClient"]


def hint(
    name: str, known: Iterable[str], foreign: Mapping[str, str] | str = "", *, close: bool = False
) -> str:
    """Return a hint that suggests the right name, to append to an error message, or ``""``.

    Args:
        name: The unknown name.
        known: The existing names.
        foreign: Names of other SDKs and ours, or the key of a table of them.
        close: Whether names that are only similar count, too.
    """
    others = _FOREIGN_NAMES.get(foreign, {}) if isinstance(foreign, str) else foreign
    meant = {**{_plain(each): others[each] for each in others}, **{_plain(n): n for n in known}}
    # Getters and setters of Java.
    for each in (name, *(name.removeprefix(verb) for verb in ("get", "is", "set", "with"))):
        if _plain(each) in meant:
            return f"; did you mean {meant[_plain(each)]}?"
    if close:
        from difflib import get_close_matches

        for each in get_close_matches(_plain(name), meant, n=1, cutoff=0.7):
            return f"; did you mean {meant[each]}?"
    return ""


def _plain(name: str) -> str:
    """Return the common form of all spellings: ``repositoryName`` and ``repository_name``."""
    return name.replace("_", "").lower()


def unexpected(owner: str, given: Iterable[str], known: Iterable[str], foreign: str) -> str:
    """Return the error message for the first unknown keyword, or ``""`` if all are known.

    Args:
        owner: The function or class that was called.
        given: The keywords of the call.
        known: The known keywords.
        foreign: The key of the table of names of other SDKs.
    """
    known = list(known)
    for name in given:
        if name not in known:
            meant = hint(name, known, foreign, close=True)
            return f"{owner}() got an unexpected keyword argument {name!r}{meant}"
    return ""


def explains_keywords(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Return a function with hints in its errors about unknown keywords."""

    @functools.wraps(function)
    def call(*args: Parameters.args, **keywords: Parameters.kwargs) -> Returned:
        try:
            return function(*args, **keywords)
        except TypeError as error:
            given, owner = list(keywords), type(args[0]).__name__ if args else ""
            # They may hold secrets, which tools that print local variables would show.
            del args, keywords
            # An error that the function itself raised has its frame.
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            problem = _explained(function, given, owner)
            if not problem:
                raise
        raise TypeError(problem)

    return call


def _explained(function: Callable[..., Any], given: list[str], owner: str) -> str:
    import inspect

    defining, _, name = function.__qualname__.rpartition(".")
    foreign = defining if name == "__init__" else name
    parameters = inspect.signature(function).parameters
    return unexpected(f"{owner}.{name}" if owner else name, given, parameters, foreign)


def explains_its_keywords(cls: type[Returned]) -> type[Returned]:
    """Return a class with the same hints in the errors of its constructor."""
    cls.__init__ = explains_keywords(cls.__init__)  # type: ignore[method-assign]
    return cls
