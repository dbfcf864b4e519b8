"""What hooks are told of calls, in which order, and that they cannot disturb them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from ecr_client import CallEvent, ClientConfiguration, Credentials, ECRClient, Hooks, hooks
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    CredentialRetrievalException,
    InvalidConfigurationException,
    NoCredentialsException,
    ParamValidationException,
    ResponseParseException,
    TransportException,
)
from ecr_client.models import BatchGetImageResult, Image
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

KINDS = ("request", "response", "retry", "error")
DOWN = (503, {"x-amzn-RequestId": "id-0"}, b"{}")
FINE = (200, {"x-amzn-RequestId": "id-1"}, b'{"registryId": "1"}')
MISSING = (
    400,
    {"x-amzn-RequestId": "id-2"},
    json.dumps({"__type": "RepositoryNotFoundException", "message": "no"}).encode(),
)
Calling = Callable[..., ECRClient]


class Recorder:
    """Hooks that keep what they are told, as (kind, event)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, CallEvent]] = []

    def hooks(self, *kinds: str) -> Hooks:
        return Hooks(**{kind: self._keep(kind) for kind in kinds or KINDS})

    def _keep(self, kind: str) -> Callable[[CallEvent], None]:
        return lambda event: self.seen.append((kind, event))

    @property
    def order(self) -> list[tuple[str, int]]:
        return [(kind, event.attempt) for kind, event in self.seen]

    @property
    def events(self) -> list[CallEvent]:
        return [event for _, event in self.seen]


@pytest.fixture
def recorder() -> Recorder:
    """Return hooks that record their events."""
    return Recorder()


@pytest.fixture
def hooked(calling: Calling, recorder: Recorder) -> ECRClient:
    """Return a client with these hooks."""
    return calling(config={"hooks": recorder.hooks()})


# --- what they are told ---------------------------------------------------------------------------


def test_a_success(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """A call that succeeds is a request and a response, with all that is known of them."""
    server.answers = [FINE]
    hooked.describe_repositories(max_results=5)
    request, response = recorder.events
    common = {
        "operation": "DescribeRepositories",
        "attempt": 1,
        "endpoint": server.url,
        "region": "eu-west-1",
        "request_bytes": 17,
        "context": {},
        "error": None,
        "delay": 0.0,
        "duration": 0.0,
    }
    unknown = {"status_code": None, "request_id": None, "response_bytes": None}
    known = {"status_code": 200, "request_id": "id-1", "response_bytes": len(FINE[2])}

    assert recorder.order == [("request", 1), ("response", 1)]
    assert attrs.asdict(request) == {**common, **unknown}
    assert attrs.asdict(response) == {**common, **known}


def test_retries(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """Between two attempts comes a retry, with the error and the delay."""
    server.answers = [DOWN, b"", FINE]
    hooked.describe_registry()
    retries = [event for kind, event in recorder.seen if kind == "retry"]

    assert recorder.order == [
        ("request", 1),
        ("response", 1),
        ("retry", 1),
        ("request", 2),
        ("retry", 2),
        ("request", 3),
        ("response", 3),
    ]
    assert [(event.status_code, event.request_id, event.delay) for event in retries] == [
        (503, "id-0", 1.0),
        (None, None, 0.0),
    ]
    assert isinstance(retries[0].error, AmazonECRException)
    assert isinstance(retries[1].error, TransportException)


def test_a_failure(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """A call that fails ends with the error that is raised, and the time of the whole call."""
    server.answers = [DOWN, DOWN, MISSING]
    with pytest.raises(AmazonECRException) as caught:
        hooked.describe_registry()
    kind, last = recorder.seen[-1]

    assert kind == "error"
    assert recorder.order[-3:] == [("request", 3), ("response", 3), ("error", 3)]
    assert last.error is caught.value
    assert (last.status_code, last.request_id, last.duration) == (400, "id-2", 3.0)


def test_durations(server: Any, calling: Calling, recorder: Recorder, fake: Any) -> None:
    """A response tells the seconds of its attempt, without the delays before it."""

    def request(_: object) -> None:
        fake.passed += 0.25

    given = attrs.evolve(recorder.hooks("response"), request=request)
    server.answers = [DOWN, DOWN, FINE]
    calling(config={"hooks": given}).describe_registry()

    assert [event.duration for event in recorder.events] == [0.25] * 3


def refused() -> Credentials:
    raise OSError("no keys")


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        (lambda server: {"given": refused}, CredentialRetrievalException),
        (lambda server: server.answers.insert(0, (200, {}, b"{")), ResponseParseException),
        (
            lambda server: (
                server.answers.insert(0, (200, {}, b'{"registryId": "' + b"1" * 99 + b'"}'))
                or {"config": {"max_response_size": 9}}
            ),
            ResponseParseException,
        ),
    ],
    ids=["credentials", "no result", "too long"],
)
def test_every_failure_ends_with_an_error(
    server: Any, calling: Calling, recorder: Recorder, arrange: Any, error: type[Exception]
) -> None:
    """Whatever a call fails with, the hooks are told of it once, and last."""
    given = arrange(server) or {}
    config = {**given.pop("config", {}), "hooks": recorder.hooks()}
    with pytest.raises(error) as caught:
        calling(config=config, **given).describe_registry()

    assert [kind for kind, _ in recorder.seen].count("error") == 1
    assert recorder.seen[-1][0] == "error"
    assert recorder.events[-1].error is caught.value
    assert recorder.events[-1].attempt == 1


def test_no_credentials(server: Any, recorder: Recorder) -> None:
    """A call without credentials is an error without any request."""
    config = ClientConfiguration(hooks=recorder.hooks())
    with (
        ECRClient(region="eu-west-1", endpoint=server.url, config=config) as client,
        pytest.raises(NoCredentialsException),
    ):
        client.describe_registry()

    assert recorder.order == [("error", 1)]


def test_a_request_that_is_wrong_is_no_call(hooked: ECRClient, recorder: Recorder) -> None:
    """What cannot be sent is no call, and nobody is told."""
    with pytest.raises(ParamValidationException):
        hooked.describe_repositories(max_results="many")  # type: ignore[call-overload]

    assert recorder.seen == []


def test_a_reconciled_call(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """A retry that is reconciled ends with the response of the lookup, and with no error."""
    server.answers = [
        DOWN,
        (400, {}, b'{"__type": "ImageAlreadyExistsException"}'),
        (200, {}, encode_result(BatchGetImageResult(images=[example(Image)]))),
    ]
    hooked.put_image(repository_name="app", image_manifest="{}", image_tag="1")

    assert [(kind, each.operation, each.attempt) for kind, each in recorder.seen[-4:]] == [
        ("request", "PutImage", 2),
        ("response", "PutImage", 2),
        ("request", "BatchGetImage", 1),
        ("response", "BatchGetImage", 1),
    ]
    assert [each.status_code for each in recorder.events[-4:]] == [None, 400, None, 200]


# --- context --------------------------------------------------------------------------------------


def test_the_context_of_a_call(server: Any, calling: Calling) -> None:
    """All events of a call have the same dict, and no other call has it."""
    contexts: list[dict[str, Any]] = []

    def begin(event: CallEvent) -> None:
        event.context.setdefault("attempts", []).append(event.attempt)
        contexts.append(event.context)

    given = Hooks(**dict.fromkeys(KINDS, begin))
    client = calling(config={"hooks": given})
    server.answers = [DOWN, MISSING, FINE]
    with pytest.raises(AmazonECRException):
        client.describe_registry()
    first = {id(each) for each in contexts}
    client.describe_registry()

    assert len(first) == 1
    assert contexts[0]["attempts"] == [1, 1, 1, 2, 2, 2]
    assert contexts[-1] == {"attempts": [1, 1]}


def test_hooks_run_in_the_thread_of_the_call(server: Any, calling: Calling) -> None:
    """Each call tells the hooks in its own thread, with a context of its own."""

    def note(event: CallEvent) -> None:
        event.context.setdefault("threads", set()).add(threading.get_ident())
        seen.append(event.context)

    seen: list[dict[str, Any]] = []
    client = calling(config={"hooks": Hooks(request=note, response=note)})
    start = threading.Barrier(4)

    def call(_: int) -> int:
        start.wait()
        client.describe_registry()
        return threading.get_ident()

    with ThreadPoolExecutor(4) as pool:
        threads = set(pool.map(call, range(4)))

    assert len({id(each) for each in seen}) == 4
    assert all(len(each["threads"]) == 1 and each["threads"] <= threads for each in seen)


def test_a_hook_may_make_calls(server: Any, calling: Calling) -> None:
    """A hook that calls the client itself gets its result."""
    found = []

    def ask(event: CallEvent) -> None:
        if event.operation == "DescribeRepositories":
            found.append(client.describe_registry().registry_id)

    client = calling(config={"hooks": Hooks(response=ask)})
    server.answers = [(200, {}, b"{}"), FINE]
    client.describe_repositories()

    assert found == ["1"]


# --- what they cannot do --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_fails(
    server: Any, calling: Calling, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """An exception of a hook is logged with its traceback, and the call goes on."""

    def fail(_: object) -> None:
        raise ZeroDivisionError("in the hook")

    server.answers = [DOWN, FINE, MISSING]
    client = calling(config={"hooks": Hooks(**{kind: fail})})
    client.describe_registry()
    with pytest.raises(AmazonECRException):
        client.describe_registry()
    logged = [each for each in caplog.records if each.levelno == logging.ERROR]

    assert {each.getMessage() for each in logged} == {
        f"DescribeRegistry: the hook for {kind} failed"
    }
    assert all(each.exc_info and each.exc_info[0] is ZeroDivisionError for each in logged)
    assert len(server.requests) == 3


def test_a_hook_may_be_interrupted(server: Any, calling: Calling) -> None:
    """What is no Exception, such as Ctrl-C, ends the call."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    client = calling(config={"hooks": Hooks(request=interrupt)})
    with pytest.raises(KeyboardInterrupt):
        client.describe_registry()

    assert server.requests == []


def test_events_do_not_change(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """An event is immutable."""
    hooked.describe_registry()

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        recorder.events[0].attempt = 7  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [5, "print", [print]])
def test_what_is_no_function(kind: str, value: Any) -> None:
    """A hook has to be a function."""
    with pytest.raises(
        InvalidConfigurationException, match=f"hook {kind} must be a function or None"
    ):
        Hooks(**{kind: value})


@pytest.mark.parametrize("value", [print, {"request": print}, Hooks])
def test_a_configuration_takes_hooks_only(value: Any) -> None:
    """What are no hooks is refused where they are configured."""
    with pytest.raises(InvalidConfigurationException, match="hooks must be Hooks or None"):
        ClientConfiguration(hooks=value)


def test_nobody_looks(
    server: Any, calling: Calling, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    """Nothing is made for events that nobody wants."""
    made = []
    original = hooks.CallEvent
    monkeypatch.setattr(hooks, "CallEvent", lambda **each: made.append(each) or original(**each))
    monkeypatch.setattr(AmazonClientException, "__str__", lambda _: 1 / 0)
    server.answers = [DOWN, FINE]
    calling().describe_registry()
    calling(config={"hooks": Hooks()}).describe_registry()
    silent = list(made)
    calling(config={"hooks": recorder.hooks("response")}).describe_registry()

    assert silent == []
    assert len(made) == len(recorder.seen) == 1
