"""Retry policies, hooks and views of clients, as type checkers see them."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import attrs
from typing_extensions import assert_type

from ecr_client import CallEvent, ClientConfiguration, Credentials, ECRClient, Hooks, RetryPolicy
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ResponseParseException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client.models import DescribeRegistryResult


class Bespoke(ECRClient):
    """A user's own client class."""


def policies(policy: RetryPolicy) -> None:
    """A policy has a type for each field, and can be copied with changes."""
    made = RetryPolicy(
        mode="adaptive",
        max_attempts=5,
        base_delay=1,
        max_delay=2.5,
        sleep=time.sleep,
        random=lambda: 0.5,
    )
    RetryPolicy(sleep=None)
    waits: list[float] = []
    RetryPolicy(sleep=waits.append)
    assert_type(attrs.evolve(made, max_attempts=3), RetryPolicy)
    assert_type(policy.mode, str)
    assert_type(policy.max_attempts, int)
    assert_type(policy.base_delay, float)
    assert_type(policy.sleep, Callable[[float], object] | None)
    assert_type(policy.random, Callable[[], float])


def hooks(event: CallEvent) -> None:
    """A hook takes an event, with a type for each attribute, and may return anything."""

    def request(event: CallEvent) -> None:
        event.context["began"] = time.monotonic()

    def anything(event: object) -> int:
        return 7

    Hooks()
    made = Hooks(request=request, response=anything, retry=print, error=None)
    assert_type(made.request, Callable[[CallEvent], object] | None)
    assert_type((event.operation, event.attempt, event.endpoint), tuple[str, int, str])
    assert_type((event.region, event.request_bytes), tuple[str, int])
    assert_type(event.context, dict[str, Any])
    assert_type((event.status_code, event.request_id), tuple[int | None, str | None])
    assert_type((event.response_bytes, event.duration), tuple[int | None, float])
    assert_type((event.error, event.delay), tuple[AmazonClientException | None, float])


def configuration(config: ClientConfiguration, policy: RetryPolicy) -> None:
    """A configuration has an optional policy and optional hooks."""
    ClientConfiguration(retry=policy, hooks=Hooks(), total_timeout=5, max_response_size=1000)
    ClientConfiguration(retry=None, hooks=None, total_timeout=None)
    assert_type(config.retry, RetryPolicy | None)
    assert_type(config.hooks, Hooks | None)
    assert_type(config.total_timeout, float | None)
    assert_type(config.max_response_size, int)


def views(client: ECRClient, bespoke: Bespoke, keys: Credentials) -> None:
    """A view has the type of its client."""
    assert_type(client.with_options(), ECRClient)
    assert_type(bespoke.with_options(timeout=5), Bespoke)
    assert_type(bespoke.with_options(timeout=0.5).with_options(retry=RetryPolicy()), Bespoke)
    client.with_options(headers={"x-test": "1"}, credentials=keys)
    client.with_options(headers=MappingProxyType({"x-test": "1"}), credentials=lambda: keys)
    client.with_options(timeout=None, retry=None, headers=None, credentials=None)
    assert_type(client.with_options(timeout=5).describe_registry(), DescribeRegistryResult)


def attempts(
    result: DescribeRegistryResult,
    service: AmazonECRException,
    transport: TransportException,
    total: TotalTimeoutException,
    parse: ResponseParseException,
) -> None:
    """Results and exceptions have the number of attempts."""
    assert_type(result.response_metadata.retry_attempts, int)
    assert_type(result.response_metadata.retried_errors, tuple[Exception, ...])
    assert_type((service.attempts, service.retryable, service.throttling), tuple[int, bool, bool])
    assert_type(service.retried_errors, tuple[Exception, ...])
    assert_type((transport.attempts, transport.retryable), tuple[int, bool])
    assert_type(transport.retried_errors, tuple[Exception, ...])
    assert_type(transport.request_sent, bool)
    timeout: TimeoutError = total
    assert_type(parse.response_metadata.retry_attempts, int)
    print(timeout)
