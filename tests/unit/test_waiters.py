"""The waiters: what they request, how long they wait, and how they end."""

from __future__ import annotations

import inspect
import json
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient, models
from ecr_client.exceptions import (
    ClientShutdownException,
    ImageNotFoundException,
    ParamValidationException,
    RepositoryNotFoundException,
    ResponseParseException,
    ScanNotFoundException,
    ThrottlingException,
    WaiterException,
    WaiterFailureException,
    WaiterTimeoutException,
)
from ecr_client.models import GetLifecyclePolicyPreviewResult, ImageIdentifier
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

IMAGE = ImageIdentifier(image_tag="v1")
APP = {"repository_name": "app"}
#: By waiter: its operation, the members of a request, and the default of ``max_wait``.
WAITERS: dict[str, tuple[str, Any, float]] = {
    "image_exists": ("DescribeImages", {**APP, "image_ids": [IMAGE]}, 200.0),
    "image_scan_complete": ("DescribeImageScanFindings", {**APP, "image_id": IMAGE}, 300.0),
    "lifecycle_policy_preview_complete": ("GetLifecyclePolicyPreview", APP, 100.0),
}
NAMES = {name: "".join(map(str.capitalize, name.split("_"))) for name in WAITERS}


def fault(code: str, status: int = 400) -> tuple[int, str]:
    return status, json.dumps({"__type": code, "message": "because"})


def scan(status: str, **more: str) -> tuple[int, str]:
    return 200, json.dumps({"imageScanStatus": {"status": status, **more}})


def preview(status: str) -> tuple[int, str]:
    return 200, encode_result(example(GetLifecyclePolicyPreviewResult, status=status)).decode()


SUCCESS = {
    "image_exists": (200, '{"imageDetails": []}'),
    "image_scan_complete": scan("COMPLETE"),
    "lifecycle_policy_preview_complete": preview("COMPLETE"),
}
NOT_YET = {
    "image_exists": [fault("ImageNotFoundException")],
    "image_scan_complete": [scan("IN_PROGRESS"), scan("NEW_STATUS"), (200, "{}")],
    "lifecycle_policy_preview_complete": [preview("IN_PROGRESS"), preview("NEW_STATUS")],
}
#: By waiter: how to send a state, the name of its member, its enum, and what the states mean.
#: States that are not listed mean failure.
STATES: dict[str, tuple[Callable[..., tuple[int, str]], str, Any, dict[str, str]]] = {
    "image_scan_complete": (
        scan,
        "image_scan_status.status",
        models.ScanStatus,
        {"IN_PROGRESS": "retry", "PENDING": "retry", "COMPLETE": "success", "ACTIVE": "success"},
    ),
    "lifecycle_policy_preview_complete": (
        preview,
        "status",
        models.LifecyclePolicyPreviewStatus,
        {"IN_PROGRESS": "retry", "COMPLETE": "success"},
    ),
}


class Service:
    """A service that sends scripted responses in order, and polls the last one."""

    def __init__(self) -> None:
        self.responses: list[tuple[int, str]] = []
        self.targets: list[str] = []
        self.bodies: list[Any] = []
        self.slept: list[float] = []

    def response(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.targets.append(request.headers["X-Amz-Target"].partition(".")[2])
        self.bodies.append(json.loads(request.body))
        status, body = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        return status, {"x-amzn-RequestId": f"id-{len(self.bodies)}"}, body

    @property
    def calls(self) -> int:
        return len(self.bodies)


@pytest.fixture
def service() -> Service:
    """Return a service that responds in this process."""
    return Service()


@pytest.fixture
def ecr(service: Service, responding: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of that service."""
    return responding(service.response)


def wait(ecr: ECRClient, service: Service, name: str, **options: Any) -> Any:
    """Wait with a request object, and with a sleep that takes no time."""
    operation, members, _ = WAITERS[name]
    request = getattr(models, f"{operation}Request")(**members)
    options = {"sleep": service.slept.append, **options}
    return getattr(ecr, f"wait_until_{name}")(request, **options)


def test_every_waiter_is_tested() -> None:
    """The table above has all waiters of the client: two modeled ones and "image exists"."""
    found = {name for name in dir(ECRClient) if name.startswith("wait_until_")}

    assert found == {f"wait_until_{name}" for name in WAITERS}


@pytest.mark.parametrize("name", WAITERS)
def test_defaults(name: str) -> None:
    """By default, a waiter polls every 5 seconds, for as long as the model says."""
    parameters = inspect.signature(getattr(ECRClient, f"wait_until_{name}")).parameters
    defaults = {option: parameters[option].default for option in ("delay", "max_wait", "sleep")}

    assert defaults == {"delay": 5.0, "max_wait": WAITERS[name][2], "sleep": None}


@pytest.mark.parametrize("name", WAITERS)
def test_success(service: Service, ecr: ECRClient, name: str) -> None:
    """A success is returned at once; until then, the same request is sent after each delay."""
    operation, members, _ = WAITERS[name]
    service.responses = [SUCCESS[name]]
    keywords = {**members, "sleep": service.slept.append}
    result = getattr(ecr, f"wait_until_{name}")(**keywords)

    assert type(result) is getattr(models, f"{operation}Result")
    assert result.response_metadata.request_id == "id-1"
    assert (service.targets, service.slept) == ([operation], [])

    service.responses = [*NOT_YET[name], SUCCESS[name]]
    result = wait(ecr, service, name, delay=0.5)
    polls = len(NOT_YET[name])

    assert result.response_metadata.request_id == f"id-{polls + 2}"
    assert service.slept == [0.5] * polls
    assert service.bodies == [service.bodies[0]] * (polls + 2)


@pytest.mark.parametrize(
    ("name", "state"), [(name, str(state)) for name in STATES for state in STATES[name][2]]
)
def test_every_state(service: Service, ecr: ECRClient, name: str, state: str) -> None:
    """Each state of the model ends the waiting with a result or an error, or continues it."""
    response, member, _, states = STATES[name]
    meaning = states.get(state, "failure")
    service.responses = [response(state), SUCCESS[name]]
    calls = 2 if meaning == "retry" else 1
    if meaning == "failure":
        with pytest.raises(WaiterFailureException) as caught:
            wait(ecr, service, name)

        assert str(caught.value) == f"{NAMES[name]}: the service responded with {member} = {state}"
        assert isinstance(caught.value, WaiterException)
        assert not isinstance(caught.value, TimeoutError)
    else:
        wait(ecr, service, name)

    assert (service.calls, service.slept) == (calls, [5.0] * (calls - 1))


def test_failure_with_a_description(service: Service, ecr: ECRClient) -> None:
    """The service's description of a failure is in the error, on one line and truncated."""
    service.responses = [scan("FAILED", description="ScannerError:\n" + "x" * 9999)]
    with pytest.raises(WaiterFailureException) as caught:
        wait(ecr, service, "image_scan_complete")
    text = str(caught.value)

    assert " = FAILED: ScannerError:\\nxxx" in text
    assert text.isprintable()
    assert len(text) < 2200


@pytest.mark.parametrize(
    ("delay", "max_wait", "sleeps"),
    [
        *((5.0, longest, longest / 5) for _, _, longest in WAITERS.values()),
        *((1, 0, 0), (5e-324, 0, 0), (3600, 3599, 0), (1, 1, 1), (1, 2.9, 2)),
        *((0.1, 0.3, 3), (0.1, 1, 10)),
    ],
)
def test_timeouts(
    service: Service, ecr: ECRClient, delay: float, max_wait: float, sleeps: int
) -> None:
    """A waiter sleeps as often as the delay fits into max_wait, and makes one more call."""
    service.responses = [NOT_YET["image_exists"][0]]
    with pytest.raises(
        WaiterTimeoutException, match=rf"^ImageExists: .* {max_wait:g} s .*"
    ) as caught:
        wait(ecr, service, "image_exists", delay=delay, max_wait=max_wait)

    assert isinstance(caught.value, TimeoutError)
    assert service.slept == [delay] * int(sleeps)
    assert service.calls == sleeps + 1


def test_timeout_says_what_came_last(service: Service, ecr: ECRClient) -> None:
    """A timeout names the last state, even an unknown one, or has the last error as its cause."""
    service.responses = [scan("NEW_STATUS", description="It is new.")]
    with pytest.raises(WaiterTimeoutException, match=r"status = NEW_STATUS: It is new\.$"):
        wait(ecr, service, "image_scan_complete", max_wait=0)
    service.responses = [NOT_YET["image_exists"][0]]
    with pytest.raises(WaiterTimeoutException) as caught:
        wait(ecr, service, "image_exists", max_wait=0)

    assert str(caught.value).endswith("; the service last responded with ImageNotFoundException")
    assert isinstance(caught.value.__cause__, ImageNotFoundException)


@pytest.mark.parametrize(
    ("name", "response", "expected"),
    [
        ("image_exists", fault("RepositoryNotFoundException"), RepositoryNotFoundException),
        ("image_exists", (200, "no JSON"), ResponseParseException),
        ("image_scan_complete", fault("ScanNotFoundException"), ScanNotFoundException),
        ("image_scan_complete", fault("ImageNotFoundException"), ImageNotFoundException),
        ("lifecycle_policy_preview_complete", fault("ThrottledException"), ThrottlingException),
    ],
)
def test_other_errors_are_raised(
    service: Service,
    ecr: ECRClient,
    name: str,
    response: tuple[int, str],
    expected: type[Exception],
) -> None:
    """An error that the waiter does not wait out is raised unchanged, and ends the waiting."""
    service.responses = [response, SUCCESS[name]]

    with pytest.raises(expected) as caught:
        wait(ecr, service, name)

    assert type(caught.value) is expected
    assert not isinstance(caught.value, WaiterException)
    assert (service.calls, service.slept) == (1, [])


@pytest.mark.parametrize("name", WAITERS)
@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("delay", [0, -1, math.nan, math.inf, 1_000_000_001, 10**400, True, "5", None, [5]]),
        ("max_wait", [-1, -0.001, math.nan, math.inf, 1_000_000_001, False, "5", None, 5j]),
        ("sleep", [5, "5"]),
    ],
)
def test_bad_arguments(service: Service, ecr: Any, name: str, option: str, values: Any) -> None:
    """An invalid argument is refused, by its name, before anything is sent."""
    for value in values:
        with pytest.raises(ParamValidationException) as caught:
            wait(ecr, service, name, **{option: value})

        assert str(caught.value).startswith(f"{NAMES[name]}: {option} must be ")
        assert f", got {value!r}"[:200] in str(caught.value)
    assert service.calls == 0


@pytest.mark.parametrize("name", WAITERS)
def test_bad_requests(service: Service, ecr: ECRClient, name: str) -> None:
    """A wrong request is refused with the name of the operation, and nothing is sent."""
    operation, members, _ = WAITERS[name]
    request = getattr(models, f"{operation}Request")(**members)
    method = getattr(ecr, f"wait_until_{name}")
    for args, keywords, problem in [
        ([None], {}, "request must be"),
        ([request], {"registry_id": "1"}, ".* not both: registry_id"),
        ([], {}, "repository_name is req"),
    ]:
        with pytest.raises(ParamValidationException, match=rf"^{operation}: {problem}"):
            method(*args, **keywords)
    with pytest.raises(TypeError, match=rf"wait_until_{name}\(\) .*'nonsense'"):
        method(nonsense=1)
    assert service.calls == 0


def test_sleep_may_end_the_waiting(service: Service, ecr: ECRClient) -> None:
    """An exception of the given sleep is raised unchanged, so that it can end the waiting."""
    service.responses = [NOT_YET["image_exists"][0]]

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait(ecr, service, "image_exists", sleep=interrupted)

    assert service.calls == 1


def test_closed_client(service: Service, ecr: ECRClient) -> None:
    """A shutdown between two polls ends the waiting with ClientShutdownException."""
    service.responses = [NOT_YET["image_exists"][0]]

    with pytest.raises(ClientShutdownException, match=r"^DescribeImages: "):
        wait(ecr, service, "image_exists", sleep=lambda _: ecr.shutdown())

    assert service.calls == 1


def test_closed_while_waiting(responding: Callable[..., ECRClient]) -> None:
    """A waiter without a given ``sleep`` ends at once when another thread shuts down."""
    called = threading.Event()

    def not_yet(_: Any) -> tuple[int, dict[str, str], str]:
        called.set()
        status, body = NOT_YET["image_exists"][0]
        return status, {}, body

    ecr = responding(not_yet)
    closing = threading.Thread(target=lambda: (called.wait(), ecr.shutdown()))
    closing.start()

    with pytest.raises(ClientShutdownException):
        ecr.wait_until_image_exists(repository_name="app", delay=3600, max_wait=3600)
    closing.join()
