"""The waiters: what they ask, how long they wait, and how they end."""

from __future__ import annotations

import inspect
import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient, models
from ecr_client.exceptions import (
    AccessDeniedException,
    ClientShutdownException,
    ImageNotFoundException,
    LifecyclePolicyPreviewNotFoundException,
    ParamValidationException,
    RepositoryNotFoundException,
    ResponseParseException,
    ScanNotFoundException,
    ThrottlingException,
    WaiterException,
    WaiterFailureException,
    WaiterTimeoutException,
)
from ecr_client.models import (
    DescribeImageScanFindingsRequest,
    DescribeImagesRequest,
    GetLifecyclePolicyPreviewRequest,
    GetLifecyclePolicyPreviewResult,
    ImageIdentifier,
)
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

IMAGE = ImageIdentifier(image_tag="v1")
#: By waiter: its operation, a request, and the most seconds that it waits by itself.
WAITERS: dict[str, tuple[str, Any, float]] = {
    "image_exists": (
        "DescribeImages",
        DescribeImagesRequest(repository_name="app", image_ids=[IMAGE]),
        200.0,
    ),
    "image_scan_complete": (
        "DescribeImageScanFindings",
        DescribeImageScanFindingsRequest(repository_name="app", image_id=IMAGE),
        300.0,
    ),
    "lifecycle_policy_preview_complete": (
        "GetLifecyclePolicyPreview",
        GetLifecyclePolicyPreviewRequest(repository_name="app"),
        100.0,
    ),
}
NAMES = {
    "image_exists": "ImageExists",
    "image_scan_complete": "ImageScanComplete",
    "lifecycle_policy_preview_complete": "LifecyclePolicyPreviewComplete",
}


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
    "lifecycle_policy_preview_complete": [
        preview("IN_PROGRESS"),
        preview("NEW_STATUS"),
    ],
}
#: By waiter: how to send a state, the name of its member, and what each state means.
STATES: dict[str, tuple[Callable[..., tuple[int, str]], str, dict[str, str]]] = {
    "image_scan_complete": (
        scan,
        "image_scan_status.status",
        {
            "IN_PROGRESS": "retry",
            "PENDING": "retry",
            "COMPLETE": "success",
            "ACTIVE": "success",
            "FAILED": "failure",
            "UNSUPPORTED_IMAGE": "failure",
            "SCAN_ELIGIBILITY_EXPIRED": "failure",
            "FINDINGS_UNAVAILABLE": "failure",
            "LIMIT_EXCEEDED": "failure",
            "IMAGE_ARCHIVED": "failure",
            "IMAGE_SIZE_EXCEEDED": "failure",
        },
    ),
    "lifecycle_policy_preview_complete": (
        preview,
        "status",
        {
            "IN_PROGRESS": "retry",
            "COMPLETE": "success",
            "FAILED": "failure",
            "EXPIRED": "failure",
        },
    ),
}


class Service:
    """Answers with what it was told to, in that order; the last answer is repeated."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.targets: list[str] = []
        self.bodies: list[Any] = []
        self.slept: list[float] = []

    def answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.targets.append(request.headers["X-Amz-Target"].partition(".")[2])
        self.bodies.append(json.loads(request.body))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
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
    return responding(service.answer)


def wait(ecr: ECRClient, service: Service, name: str, *given: Any, **options: Any) -> Any:
    """Wait with a request object unless others are given, and with a sleep that takes no time."""
    arguments = given or (WAITERS[name][1],)
    options = {"sleep": service.slept.append, **options}
    return getattr(ecr, f"wait_until_{name}")(*arguments, **options)


# --- every waiter ---------------------------------------------------------------------------------


def test_every_waiter_is_tested() -> None:
    """The table above has all waiters of the client: the two modeled ones and "image exists"."""
    found = {name for name in dir(ECRClient) if name.startswith("wait_until_")}

    assert found == {f"wait_until_{name}" for name in WAITERS}


@pytest.mark.parametrize("name", WAITERS)
def test_defaults(name: str) -> None:
    """By itself a waiter asks every 5 seconds, for as long as the model says, and really sleeps."""
    parameters = inspect.signature(getattr(ECRClient, f"wait_until_{name}")).parameters
    defaults = {option: parameters[option].default for option in ("delay", "max_wait", "sleep")}

    assert defaults == {"delay": 5.0, "max_wait": WAITERS[name][2], "sleep": time.sleep}


@pytest.mark.parametrize("name", WAITERS)
def test_success_at_once(service: Service, ecr: ECRClient, name: str) -> None:
    """If the first answer is good, it is returned after one call and without any sleep."""
    service.answers = [SUCCESS[name]]
    result = wait(ecr, service, name)

    assert type(result) is getattr(models, f"{WAITERS[name][0]}Result")
    assert result.response_metadata.request_id == "id-1"
    assert service.targets == [WAITERS[name][0]]
    assert service.slept == []


@pytest.mark.parametrize("name", WAITERS)
def test_success_later(service: Service, ecr: ECRClient, name: str) -> None:
    """What is not there yet is asked for again after each delay, until the good answer comes."""
    service.answers = [*NOT_YET[name], SUCCESS[name]]
    result = wait(ecr, service, name, delay=0.5)
    repeats = len(NOT_YET[name])

    assert result.response_metadata.request_id == f"id-{repeats + 1}"
    assert service.slept == [0.5] * repeats
    assert service.bodies == [service.bodies[0]] * (repeats + 1)


@pytest.mark.parametrize("name", WAITERS)
def test_keywords_and_request_are_the_same(service: Service, ecr: ECRClient, name: str) -> None:
    """The members as keywords send what the request object sends."""
    service.answers = [SUCCESS[name]]
    request = WAITERS[name][1]
    keywords = {
        member: getattr(request, member)
        for member in ("repository_name", "image_id", "image_ids")
        if getattr(request, member, None)
    }
    wait(ecr, service, name)
    getattr(ecr, f"wait_until_{name}")(**keywords, sleep=service.slept.append)

    assert service.bodies[0] == service.bodies[1]
    assert service.bodies[0]["repositoryName"] == "app"


def test_every_state_is_tested() -> None:
    """The table above has every value of the enums that the waiters look at."""
    listed = {name: set(states) for name, (_, _, states) in STATES.items()}

    assert listed == {
        "image_scan_complete": set(models.ScanStatus),
        "lifecycle_policy_preview_complete": set(models.LifecyclePolicyPreviewStatus),
    }


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name in STATES for state in STATES[name][2]]
)
def test_every_state(service: Service, ecr: ECRClient, name: str, state: str) -> None:
    """Each state of the model ends the waiting at once, well or with an error, or goes on."""
    answer, member, states = STATES[name]
    service.answers = [answer(state), SUCCESS[name]]
    calls = {"success": 1, "failure": 1, "retry": 2}[states[state]]
    if states[state] == "failure":
        with pytest.raises(WaiterFailureException) as caught:
            wait(ecr, service, name)

        assert str(caught.value) == f"{NAMES[name]}: the service responded with {member} = {state}"
        assert isinstance(caught.value, WaiterException)
        assert not isinstance(caught.value, TimeoutError)
    else:
        wait(ecr, service, name)

    assert (service.calls, service.slept) == (calls, [5.0] * (calls - 1))


def test_failure_with_a_description(service: Service, ecr: ECRClient) -> None:
    """What the service says of a failure is in the error, on one line and cut."""
    service.answers = [scan("FAILED", description="ScannerError:\n" + "x" * 9999)]

    with pytest.raises(WaiterFailureException) as caught:
        wait(ecr, service, "image_scan_complete")

    text = str(caught.value)
    assert " = FAILED: ScannerError:\\nxxx" in text
    assert text.isprintable()
    assert len(text) < 2200


@pytest.mark.parametrize("name", WAITERS)
def test_timeout_by_default(service: Service, ecr: ECRClient, name: str) -> None:
    """A waiter sleeps for max_wait seconds in all, and its last call comes after the last sleep."""
    service.answers = [NOT_YET[name][0]]

    with pytest.raises(WaiterTimeoutException, match=rf"^{NAMES[name]}: .*max_wait") as caught:
        wait(ecr, service, name)

    assert isinstance(caught.value, TimeoutError)
    assert sum(service.slept) == WAITERS[name][2]
    assert service.calls == len(service.slept) + 1


@pytest.mark.parametrize(
    ("delay", "max_wait", "sleeps"),
    [
        (1, 0, 0),
        (5e-324, 0, 0),
        (3600, 3599, 0),
        (3600, 86400, 24),
        (1, 0.5, 0),
        (1, 1, 1),
        (1, 2.9, 2),
        (2.5, 10, 4),
        (7, 100, 14),
        (0.1, 0.3, 3),
        (0.1, 1, 10),
    ],
)
def test_delay_and_max_wait(
    service: Service, ecr: ECRClient, delay: float, max_wait: float, sleeps: int
) -> None:
    """It sleeps as often as the delay fits into max_wait, and calls once more than it sleeps."""
    service.answers = [NOT_YET["image_exists"][0]]

    with pytest.raises(WaiterTimeoutException, match=rf" {max_wait} s "):
        wait(ecr, service, "image_exists", delay=delay, max_wait=max_wait)

    assert service.slept == [delay] * sleeps
    assert service.calls == sleeps + 1


def test_timeout_says_what_came_last(service: Service, ecr: ECRClient) -> None:
    """The error of a timeout has the last state, also one that this release does not know."""
    service.answers = [scan("NEW_STATUS", description="It is new.")]

    with pytest.raises(WaiterTimeoutException, match=r"status = NEW_STATUS: It is new\.$"):
        wait(ecr, service, "image_scan_complete", max_wait=0)


def test_timeout_names_the_last_error(service: Service, ecr: ECRClient) -> None:
    """A time-out whose last call was an error has that error as its cause."""
    service.answers = [NOT_YET["image_exists"][0]]

    with pytest.raises(WaiterTimeoutException) as caught:
        wait(ecr, service, "image_exists", max_wait=0)

    assert str(caught.value).endswith("; the service last responded with ImageNotFoundException")
    assert isinstance(caught.value.__cause__, ImageNotFoundException)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("image_exists", fault("RepositoryNotFoundException"), RepositoryNotFoundException),
        ("image_exists", fault("AccessDeniedException", 403), AccessDeniedException),
        ("image_exists", fault("ThrottledException"), ThrottlingException),
        ("image_exists", (200, "no JSON"), ResponseParseException),
        ("image_scan_complete", fault("ScanNotFoundException"), ScanNotFoundException),
        ("image_scan_complete", fault("ImageNotFoundException"), ImageNotFoundException),
        ("image_scan_complete", (200, '{"imageScanStatus": 1}'), ResponseParseException),
        (
            "lifecycle_policy_preview_complete",
            fault("LifecyclePolicyPreviewNotFoundException"),
            LifecyclePolicyPreviewNotFoundException,
        ),
    ],
)
def test_other_errors_are_raised(
    service: Service, ecr: ECRClient, name: str, answer: tuple[int, str], expected: type[Exception]
) -> None:
    """An error that is no part of the waiting is raised as it is and ends it."""
    service.answers = [answer, SUCCESS[name]]

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
        ("sleep", [None, 5]),
    ],
)
def test_bad_arguments(
    service: Service, ecr: ECRClient, name: str, option: str, values: list[Any]
) -> None:
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
    operation = WAITERS[name][0]
    method = getattr(ecr, f"wait_until_{name}")

    with pytest.raises(ParamValidationException, match=rf"^{operation}: request must be"):
        method(None)
    with pytest.raises(ParamValidationException, match=rf"^{operation}: .* not both: registry_id"):
        method(WAITERS[name][1], registry_id="1")
    with pytest.raises(ParamValidationException, match=rf"^{operation}: repository_name is req"):
        method()
    with pytest.raises(TypeError, match=rf"wait_until_{name}\(\) .*'nonsense'"):
        method(nonsense=1)
    assert service.calls == 0


def test_sleep_may_end_the_waiting(service: Service, ecr: ECRClient) -> None:
    """What the caller's sleep raises comes through, so that it can break off the waiting."""
    service.answers = [NOT_YET["image_exists"][0]]

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait(ecr, service, "image_exists", sleep=interrupted)

    assert service.calls == 1


def test_closed_client(service: Service, ecr: ECRClient) -> None:
    """A client that is shut down while a thread waits ends the waiting with its own error."""
    service.answers = [NOT_YET["image_exists"][0]]

    with pytest.raises(ClientShutdownException, match=r"^DescribeImages: "):
        wait(ecr, service, "image_exists", sleep=lambda _: ecr.shutdown())

    assert service.calls == 1
