"""What is logged of calls: levels, structured attributes, and nothing while nobody reads it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import Credentials, ECRClient
from ecr_client._observer import EXTRAS
from ecr_client.exceptions import AmazonECRException

DOWN = (503, {"x-amzn-RequestId": "id-0"}, b"{}")
FINE = (200, {"x-amzn-RequestId": "id-1"}, b"{}")
MISSING = (
    400,
    {"x-amzn-RequestId": "id-2"},
    json.dumps({"__type": "RepositoryNotFoundException", "message": "there is none"}).encode(),
)
Calling = Callable[..., ECRClient]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Yield the records of the package, of all levels."""
    with caplog.at_level(logging.DEBUG, logger="ecr_client"):
        yield caplog


def lines(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (each.levelname, each.getMessage()) for each in log.records if each.name == "ecr_client"
    ]


def test_a_success(server: Any, calling: Calling, log: pytest.LogCaptureFixture) -> None:
    """A call that succeeds is two lines at DEBUG."""
    server.answers = [FINE]
    calling().describe_registry()

    assert lines(log) == [
        ("DEBUG", f"DescribeRegistry: attempt 1 is sent to {server.url}"),
        ("DEBUG", "DescribeRegistry: attempt 1 got a response with status 200 (request id id-1)"),
    ]


def test_a_retry_and_a_failure(
    server: Any, calling: Calling, log: pytest.LogCaptureFixture
) -> None:
    """A retry is a line at INFO, a failure one at DEBUG, since the caller gets its exception."""
    server.answers = [DOWN, MISSING]
    with pytest.raises(AmazonECRException) as caught:
        calling().describe_registry()
    first = (
        "Service Unavailable (Service: AmazonECR; Operation: DescribeRegistry; Status Code: 503; "
        "Error Code: 503; Request ID: id-0)"
    )

    assert [level for level, _ in lines(log)] == [
        "DEBUG",
        "DEBUG",
        "INFO",
        "DEBUG",
        "DEBUG",
        "DEBUG",
    ]
    assert lines(log)[2][1] == (
        f"DescribeRegistry: attempt 1 failed, the next one follows in 1.000 s: {first}"
    )
    assert lines(log)[-1][1] == f"DescribeRegistry: attempt 2 failed: {caught.value}"


def test_attributes(server: Any, calling: Calling, log: pytest.LogCaptureFixture) -> None:
    """Each record has the attributes of its event."""
    server.answers = [DOWN, FINE]
    calling().describe_repositories(max_results=5)
    shown = [
        {name: record.__dict__[name] for name in EXTRAS}
        for record in log.records
        if record.name == "ecr_client"
    ]
    common = {
        "operation": "DescribeRepositories",
        "attempt": 1,
        "endpoint": server.url,
        "region": "eu-west-1",
        "request_bytes": 17,
        "status_code": None,
        "request_id": None,
        "response_bytes": None,
        "duration": 0.0,
        "delay": 0.0,
    }
    answer = {"status_code": 503, "request_id": "id-0"}

    assert shown[0] == common
    assert shown[1] == {**common, **answer, "response_bytes": 2}
    assert shown[2] == {**common, **answer, "delay": 1.0}
    assert shown[3] == {**common, "attempt": 2}


def test_attributes_collide_with_none_of_logging() -> None:
    """No attribute is one that every log record has, which logging would refuse."""
    usual = logging.LogRecord("n", 0, "p", 0, "m", None, None).__dict__

    assert not {*EXTRAS} & {*usual, "message", "asctime"}


@pytest.mark.parametrize(
    ("level", "expected"), [("WARNING", set()), ("INFO", {"INFO"}), ("DEBUG", {"DEBUG", "INFO"})]
)
def test_levels(
    server: Any,
    calling: Calling,
    caplog: pytest.LogCaptureFixture,
    level: str,
    expected: set[str],
) -> None:
    """Only what the level of the logger asks for is logged."""
    server.answers = [DOWN, FINE]
    with caplog.at_level(level, logger="ecr_client"):
        calling().describe_registry()

    assert {each for each, _ in lines(caplog)} == expected


def test_nothing_is_formatted_while_nobody_reads(
    server: Any, calling: Calling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a reader, no text of an error is made, not even of one that is retried."""
    monkeypatch.setattr(AmazonECRException, "__str__", lambda _: 1 / 0)
    server.answers = [DOWN, FINE]

    assert calling().describe_registry().response_metadata.retry_attempts == 1


def test_calls_write_nothing_by_themselves(server: Any) -> None:
    """Where logging is not set up, nothing appears, and the hooks' module is not loaded."""
    server.answers = [DOWN, FINE]
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
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (ran.stdout, ran.stderr) == ("False\n", "")
    assert len(server.requests) == 2


def test_an_error_is_one_line(
    server: Any, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    """What a service says in an error goes into a log as one printable line, and not whole."""
    text = "first\r\nFAKE ECR 200 ok\x1b[31m\u2028" + "x" * 1_000_000
    server.answers = [(400, {}, json.dumps({"__type": "A\nB", "message": text}).encode())]
    caplog.set_level(logging.DEBUG, "ecr_client")
    with (
        ECRClient(endpoint=server.url, credentials=credentials) as client,
        pytest.raises(AmazonECRException),
    ):
        client.describe_registry()
    lines = [record.getMessage() for record in caplog.records if record.name == "ecr_client"]

    assert all(each.isprintable() and len(each) < 3000 for each in lines)
    assert any(r"first\r\nFAKE ECR 200 ok\x1b[31m\u2028xx" in each for each in lines)
