"""Uses of retry policies, hooks and views that a type checker has to refuse."""

from __future__ import annotations

from ecr_client import CallEvent, ClientConfiguration, Credentials, ECRClient, Hooks, RetryPolicy


def policies(policy: RetryPolicy) -> None:
    """A policy has certain fields, each with its type."""
    RetryPolicy("standard")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    RetryPolicy(attempts=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    RetryPolicy(max_attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RetryPolicy(max_attempts=2.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RetryPolicy(base_delay=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RetryPolicy(sleep=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RetryPolicy(sleep=lambda: None)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]
    RetryPolicy(random=lambda: "0.5")  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]
    RetryPolicy(random=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    policy.max_attempts = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def one_event(event: CallEvent) -> None:
    """An event is immutable, and has no content."""
    event.attempt = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    print(event.body)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(event.error.retryable)  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]


def no_event(event: str) -> None:
    """Take something other than an event."""


def hooks() -> None:
    """A hook is a function of one event."""
    Hooks(one_event)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Hooks(before=one_event)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Hooks(request=no_event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Hooks(request=lambda: None)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]
    Hooks(request="print")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def configuration() -> None:
    """A configuration requires a policy and hooks of the right types."""
    ClientConfiguration(retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(retry=RetryPolicy)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(hooks=one_event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(hooks={"request": one_event})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(total_timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(max_response_size=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def views(client: ECRClient, keys: Credentials) -> None:
    """The options of a view are keywords, each with its type."""
    client.with_options(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(total_timeout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(headers=[("x-test", "1")])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(headers={"x-test": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    client.with_options(credentials=("a", "b"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(timeout=5).describe_registri()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    number: int = client.with_options(credentials=keys)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(number)
