"""What hooks and logs see of calls, in which order, and that they cannot disturb calls."""

from __future__ import annotations

import functools
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from ecr_client import CallEvent, ClientConfiguration, Credentials, ECRClient, Hooks, hooks
from ecr_client._observer import EXTRAS
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
MISSING = (400, {"x-amzn-RequestId": "id-2"}, b'{"__type": "RepositoryNotFoundException"}')
Calling = Callable[..., ECRClient]


class Recorder:
    """Hooks that record their events, as (kind, event)."""

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


def test_a_success(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """A successful call is a request event and a response event, with all that is known."""
    server.responses = [FINE]
    hooked.describe_repositories(max_results=5)
    request, response = recorder.events
    common = {
        **{"operation": "DescribeRepositories", "attempt": 1, "endpoint": server.url},
        **{"region": "eu-west-1", "request_bytes": 17, "context": {}},
        **{"error": None, "delay": 0.0, "duration": 0.0},
    }
    unknown = {"status_code": None, "request_id": None, "response_bytes": None}
    known = {"status_code": 200, "request_id": "id-1", "response_bytes": len(FINE[2])}

    assert recorder.order == [("request", 1), ("response", 1)]
    assert attrs.asdict(request) == {**common, **unknown}
    assert attrs.asdict(response) == {**common, **known}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.attempt = 7  # type: ignore[misc]


def test_retries_and_a_failure(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """A retry event, with error and delay, separates attempts; the last event has the error."""
    server.responses = [DOWN, b"", MISSING]
    with pytest.raises(AmazonECRException) as caught:
        hooked.describe_registry()
    retries = [event for kind, event in recorder.seen if kind == "retry"]
    last = recorder.events[-1]

    assert recorder.order == [
        *(("request", 1), ("response", 1), ("retry", 1)),
        *(("request", 2), ("retry", 2)),
        *(("request", 3), ("response", 3), ("error", 3)),
    ]
    assert [(event.status_code, event.request_id, event.delay) for event in retries] == [
        (503, "id-0", 1.0),
        (None, None, 0.0),
    ]
    assert type(retries[0].error) is AmazonECRException
    assert isinstance(retries[1].error, TransportException)
    assert last.error is caught.value
    assert (last.status_code, last.request_id, last.duration) == (400, "id-2", 1.0)


def test_durations(server: Any, calling: Calling, recorder: Recorder, fake: Any) -> None:
    """A response event has the duration of its attempt, without the delays before it."""

    def request(_: object) -> None:
        fake.passed += 0.25

    given = attrs.evolve(recorder.hooks("response"), request=request)
    server.responses = [DOWN, DOWN, FINE]
    calling(config={"hooks": given}).describe_registry()

    assert [event.duration for event in recorder.events] == [0.25] * 3


def refused() -> Credentials:
    raise OSError("no keys")


@pytest.mark.parametrize(
    ("given", "response", "error"),
    [
        ({"given": refused}, FINE, CredentialRetrievalException),
        ({}, (200, {}, b"{"), ResponseParseException),
        ({"config": {"max_response_size": 9}}, FINE, ResponseParseException),
    ],
    ids=["credentials", "no result", "too long"],
)
def test_every_failure_ends_with_an_error(
    server: Any, calling: Calling, recorder: Recorder, given: Any, response: Any, error: Any
) -> None:
    """Whatever a call fails with is one error event, and the last event."""
    server.responses = [response]
    given = {**given, "config": {**given.get("config", {}), "hooks": recorder.hooks()}}
    with pytest.raises(error) as caught:
        calling(**given).describe_registry()

    assert [kind for kind, _ in recorder.seen].count("error") == 1
    assert recorder.order[-1] == ("error", 1)
    assert recorder.events[-1].error is caught.value


def test_calls_without_a_request(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """An invalid request causes no event, and missing credentials cause an error event only."""
    with pytest.raises(ParamValidationException):
        hooked.describe_repositories(max_results="many")  # type: ignore[call-overload]
    assert recorder.seen == []

    config = ClientConfiguration(hooks=recorder.hooks())
    with (
        ECRClient(region="eu-west-1", endpoint=server.url, config=config) as client,
        pytest.raises(NoCredentialsException),
    ):
        client.describe_registry()
    assert recorder.order == [("error", 1)]


def test_a_reconciled_call(server: Any, hooked: ECRClient, recorder: Recorder) -> None:
    """A retry that is reconciled ends with the response of the lookup, and with no error."""
    server.responses = [
        DOWN,
        (400, {}, b'{"__type": "ImageAlreadyExistsException"}'),
        (200, {}, encode_result(BatchGetImageResult(images=[example(Image)]))),
    ]
    hooked.put_image(repository_name="app", image_manifest="{}", image_tag="1")
    last = [(kind, event.operation, event.status_code) for kind, event in recorder.seen[-4:]]

    assert last == [
        ("request", "PutImage", None),
        ("response", "PutImage", 400),
        ("request", "BatchGetImage", None),
        ("response", "BatchGetImage", 200),
    ]


def test_the_context_of_a_call(server: Any, calling: Calling) -> None:
    """All events of a call share a context, which no other call has."""
    contexts: list[dict[str, Any]] = []

    def begin(event: CallEvent) -> None:
        event.context.setdefault("attempts", []).append(event.attempt)
        contexts.append(event.context)

    client = calling(config={"hooks": Hooks(**dict.fromkeys(KINDS, begin))})
    server.responses = [DOWN, MISSING, FINE]
    with pytest.raises(AmazonECRException):
        client.describe_registry()
    first = {id(each) for each in contexts}
    client.describe_registry()

    assert len(first) == 1
    assert contexts[0]["attempts"] == [1, 1, 1, 2, 2, 2]
    assert contexts[-1] == {"attempts": [1, 1]}


def test_hooks_run_in_the_thread_of_the_call(server: Any, calling: Calling) -> None:
    """Each call runs the hooks in its own thread, with a context of its own."""

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
    """A hook that makes a call with the client gets its result."""
    found = []

    def ask(event: CallEvent) -> None:
        if event.operation == "DescribeRepositories":
            found.append(client.describe_registry().registry_id)

    client = calling(config={"hooks": Hooks(response=ask)})
    server.responses = [(200, {}, b"{}"), FINE]
    client.describe_repositories()

    assert found == ["1"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_fails(server: Any, calling: Calling, caplog: Any, kind: str) -> None:
    """An exception of a hook is logged with its traceback, and the call continues."""

    def fail(_: object) -> None:
        raise ZeroDivisionError("in the hook")

    server.responses = [DOWN, FINE, MISSING]
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


@pytest.mark.parametrize("kind", KINDS)
def test_asynchronous_hooks(kind: str) -> None:
    """An asynchronous hook, which nothing would await, is refused."""

    async def hook(_: CallEvent) -> None: ...

    for value in (hook, functools.partial(hook)):
        with pytest.raises(
            InvalidConfigurationException, match=f"hook {kind} must not be an asynchronous function"
        ):
            Hooks(**{kind: value})


@pytest.mark.parametrize("kind", KINDS)
def test_bad_hooks(kind: str) -> None:
    """A hook must be a function, and a configuration accepts nothing but Hooks."""
    for value in (5, "print", [print]):
        with pytest.raises(
            InvalidConfigurationException, match=f"hook {kind} must be a function or None"
        ):
            Hooks(**{kind: value})
    for value in (print, {kind: print}, Hooks):
        with pytest.raises(InvalidConfigurationException, match="hooks must be Hooks or None"):
            ClientConfiguration(hooks=value)


def test_no_listeners(server: Any, calling: Calling, monkeypatch: Any, recorder: Recorder) -> None:
    """Without a listener no event is made, and not even the message of an error."""
    made = []
    original = hooks.CallEvent
    monkeypatch.setattr(hooks, "CallEvent", lambda **each: made.append(each) or original(**each))
    monkeypatch.setattr(AmazonClientException, "__str__", lambda _: 1 / 0)
    server.responses = [DOWN, FINE]
    calling().describe_registry()
    calling(config={"hooks": Hooks()}).describe_registry()
    silent = list(made)
    calling(config={"hooks": recorder.hooks("response")}).describe_registry()

    assert silent == []
    assert len(made) == len(recorder.seen) == 1


#: A message of the service that would forge lines of the log, and fill the disk.
TEXT = "first\r\nFAKE ECR 200 ok\x1b[31m\u2028" + "x" * 1_000_000
FORGED = (400, {}, json.dumps({"__type": "A\nB", "message": TEXT}).encode())
COMMON = {
    **{"operation": "DescribeRepositories", "attempt": 1, "region": "eu-west-1"},
    **{"request_bytes": 17, "status_code": None, "request_id": None, "response_bytes": None},
    **{"duration": 0.0, "delay": 0.0},
}


@pytest.mark.parametrize(
    ("level", "expected"), [("WARNING", ""), ("INFO", "I"), ("DEBUG", "DDIDDD")]
)
def test_log_of_a_retry_and_a_failure(
    server: Any, calling: Calling, caplog: Any, level: str, expected: str
) -> None:
    """A retry is logged at INFO, all else at DEBUG, since the exception is raised anyway.

    Each record is one printable line, and has the attributes of its event.
    """
    server.responses = [DOWN, FORGED]
    caplog.set_level(level, "ecr_client")
    with pytest.raises(AmazonECRException):
        calling().describe_repositories(max_results=5)
    records = [each for each in caplog.records if each.name == "ecr_client"]
    lines = [record.getMessage().removeprefix("DescribeRepositories: ") for record in records]
    shown = [{name: record.__dict__[name] for name in EXTRAS} for record in records]

    assert "".join(record.levelname[0] for record in records) == expected
    assert all(each.isprintable() and len(each) < 3000 for each in lines)
    if level == "DEBUG":
        assert lines[:2] == [
            f"attempt 1 is sent to {server.url}",
            "attempt 1 got a response with status 503 (request id id-0)",
        ]
        assert lines[2].startswith(
            "attempt 1 failed, retrying in 1.000 s: Service Unavailable (Service:"
        )
        assert lines[-1].startswith(r"attempt 2 failed: first\r\nFAKE ECR 200 ok\x1b[31m\u2028xx")
        common = {**COMMON, "endpoint": server.url}
        response = {"status_code": 503, "request_id": "id-0"}
        assert shown[0] == common
        assert shown[1] == {**common, **response, "response_bytes": 2}
        assert shown[2] == {**common, **response, "delay": 1.0}
        assert shown[3] == {**common, "attempt": 2}


def test_extra_attributes() -> None:
    """No extra attribute has the name of a standard one, which logging would refuse."""
    usual = logging.LogRecord("n", 0, "p", 0, "m", None, None).__dict__

    assert not {*EXTRAS} & {*usual, "message", "asctime"}


def test_calls_log_nothing_by_themselves(server: Any) -> None:
    """Without logging set up, nothing is printed, and the module of hooks is not loaded."""
    server.responses = [DOWN, FINE]
    script = f"""
import sys
from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
config = ClientConfiguration(retry=RetryPolicy(base_delay=0))
keys = Credentials("AKID", "secret")
with ECRClient(endpoint={server.url!r}, credentials=keys, config=config) as client:
    client.describe_registry()
print("ecr_client.hooks" in sys.modules)
"""
    path = ":".join(entry for entry in sys.path if entry)
    command, environ = [sys.executable, "-c", script], {"PYTHONPATH": path}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert (ran.stdout, ran.stderr) == ("False\n", "")
    assert len(server.requests) == 2
