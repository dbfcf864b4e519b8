"""The outcome of each kind of call for each kind of failure at each place.

The table below states it, each cell is a test, and ``docs/reliability/matrix.md`` shows it.
``python tests/faults/matrix/test_matrix.py`` rewrites that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client.exceptions import AmazonClientException
from ecr_client.hooks import Hooks
from ecr_client.local import LocalECR

RECORD = Path(__file__).parents[3] / "docs" / "reliability" / "matrix.md"
UPDATE = "python tests/faults/matrix/test_matrix.py"

OPERATIONS = (
    "DescribeRepositories",
    "BatchGetImage",
    "SetRepositoryPolicy",
    "CreateRepository",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
    "DeleteRepository",
    "BatchDeleteImage",
)
#: The error of a retry if an earlier attempt has done the work; `BatchDeleteImage` returns it in
#: its result.
RETRIED = {
    "CreateRepository": "RepositoryAlreadyExistsException",
    "UploadLayerPart": "InvalidLayerPartException",
    "CompleteLayerUpload": "UploadNotFoundException",
    "PutImage": "ImageAlreadyExistsException",
    "DeleteRepository": "RepositoryNotFoundException",
    "BatchDeleteImage": "failures",
}
#: The operations for which the client finds out whether that is so, and returns the lost result.
RECONCILED = ("UploadLayerPart", "CompleteLayerUpload", "PutImage")
LEGEND = (
    "A cell is the outcome of the call, a result or an exception (without the `Exception` at the",
    "end of its name), and how often it is sent, which is three times at most. With a star,",
    "`earlier_attempt_may_have_succeeded` is true. `failures` are those of a result. Each cell is",
    "a test, which also checks whether the server has done the work once, or not at all.",
)
#: In seconds: timeouts that tests wait out, and timeouts that are never reached.
SHORT, LONG = 0.3, 30.0


@attrs.frozen
class Row:
    """Something that goes wrong with the first attempts, and the expected outcome.

    Args:
        what: What goes wrong, in words.
        where: The place in the call, in words.
        fault: The arguments of the fault of the proxy, or what the proxy does as a whole.
        outcome: ``result``, or the class of the exception.
        attempts: How often the call is sent.
        waits: The seconds before each retry that does not come at once; None if those vary.
        count: How many attempts meet the fault.
        works: Whether an attempt does its work nevertheless.
        refused: Whether the response means that the work was not done, as throttling does.
        limits: Timeouts, as members of `ClientConfiguration`.
    """

    what: str
    where: str
    fault: dict[str, Any] | str
    outcome: str
    attempts: int
    waits: tuple[float, ...] | None = ()
    count: int = 1
    works: bool = False
    refused: bool = False
    limits: dict[str, float] = attrs.field(factory=dict)

    def of(self, operation: str) -> str:
        """Return the outcome of an operation."""
        retried = self.works and self.attempts > 1 and self.outcome == "result"
        if retried and (self.refused or operation not in RECONCILED):
            return RETRIED.get(operation, self.outcome)
        return self.outcome

    def is_uncertain(self, operation: str) -> bool:
        """Return whether the exception of an operation says that it may have succeeded."""
        outcome = self.of(operation)
        of_service = outcome == "AmazonECRException" or outcome == RETRIED.get(operation)
        is_error = of_service and outcome != "failures"
        return is_error and self.attempts > 1 and not self.refused

    def cell(self, operation: str) -> str:
        """Return what the table says of an operation."""
        star = "*" if self.is_uncertain(operation) else ""
        return f"{self.of(operation).removesuffix('Exception')}{star}, {self.attempts}"


def places(then: str) -> dict[str, tuple[dict[str, Any], bool]]:
    """Return where a connection may end, and whether the work is done then."""
    return {
        "when connected": ({"at": "accept", "then": then}, False),
        "in the request": ({"at": "request", "then": then, "after": 200}, False),
        "before the work": ({"at": "received", "then": then}, False),
        "after the work": ({"at": "response", "then": then}, True),
        "in the headers of the response": ({"at": "response", "then": then, "after": 50}, True),
        "in the body of the response": ({"at": "response", "then": then, "after": -1}, True),
    }


def canned(status: int, body: bytes = b"", **headers: str) -> dict[str, Any]:
    """Return a response that is not the service's."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return {"status": status, "headers": named, "body": body}


BEFORE, AFTER = {"at": "received"}, {"at": "response"}
PAGE = canned(502, b"<html><h1>Bad Gateway</h1></html>", Content_Type="text/html")
THROTTLED = canned(400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')
GARBAGE = {"then": "close", "instead": b"\x00\xff<garbage>\r\n\r\n"}
DRIP = {"then": "close", "piece": 1, "delay": 0.1, "whole_head": True}
LONG_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + bytes(999)
ROWS: list[Row] = []

for _end, _then in (("reset", "reset"), ("closed", "close")):
    for _place, (_fault, _works) in places(_then).items():
        # An early reset may be a connection error, which is retried after a delay.
        _waits = None if (_then, _place) == ("reset", "when connected") else ()
        ROWS.append(Row(_end, _place, _fault, "result", 2, _waits, works=_works))
    _fault = {"at": "done", "then": _then}
    ROWS.append(Row(_end, "after the response", _fault, "result", 1, works=True))
    for _place in ("before the work", "after the work"):
        _fault, _works = places(_then)[_place]
        _row = Row(_end, _place, _fault, "ConnectionClosedException", 3, (2,), works=_works)
        ROWS.append(attrs.evolve(_row, what=f"{_end}, every time", count=3))

_limits = {"read_timeout": SHORT}
for _place, _works in (
    ("before the work", False),
    ("after the work", True),
    ("in the body of the response", True),
):
    _fault = places("hang")[_place][0]
    ROWS.append(Row("silence", _place, _fault, "result", 2, (1,), works=_works, limits=_limits))
ROWS += [
    Row("silence, every time", "before the work", places("hang")["before the work"][0],
        "ReadTimeoutException", 3, (1, 2), count=3, limits={"read_timeout": SHORT / 2}),
    Row("no connection", "connecting", "blackhole", "result", 2, (1,),
        limits={"connect_timeout": SHORT}),
    Row("no connection, every time", "connecting", "blackhole", "ConnectTimeoutException", 3,
        (1, 2), count=3, limits={"connect_timeout": SHORT / 2}),
    Row("refused", "connecting", "stop", "result", 2, (1,)),
    Row("refused, every time", "connecting", "stop", "EndpointConnectionException", 3, (1, 2),
        count=3),
    Row("drips, but in time", "in the response",
        {"at": "done", "then": "close", "piece": 60, "delay": 1e-3}, "result", 1, works=True),
    Row("body drips beyond total_timeout", "before the work",
        {**DRIP, **BEFORE, "instead": LONG_BODY}, "TotalTimeoutException", 1,
        limits={"total_timeout": 2 * SHORT}),
    Row("body drips beyond total_timeout", "after the work", {**DRIP, "at": "done"},
        "TotalTimeoutException", 1, works=True, limits={"total_timeout": 2 * SHORT}),
]  # fmt: skip

for _place, _at, _works in (("before the work", BEFORE, False), ("after the work", AFTER, True)):
    ROWS += [
        Row(what, _place, {**fault, **_at}, outcome, attempts, waits, works=_works, **more)
        for what, fault, outcome, attempts, waits, more in (
            ("not HTTP", GARBAGE, "result", 2, (1,), {}),
            ("not HTTP, every time", GARBAGE, "TransportException", 3, (1, 2), {"count": 3}),
            ("200, not JSON", canned(200, b"<html>"), "ResponseParseException", 1, (), {}),
            ("200, truncated", canned(200, b'{"reposi'), "ResponseParseException", 1, (), {}),
            ("200, empty", canned(200), "ResponseParseException", 1, (), {}),
            ("400, not JSON", canned(400, b"\x00\xff"), "AmazonECRException", 1, (), {}),
            ("429", canned(429), "result", 2, (1,), {"refused": True}),
            ("500", canned(500), "result", 2, (1,), {}),
            ("500, every time", canned(500), "AmazonECRException", 3, (1, 2), {"count": 3}),
            ("502, a page of HTML", PAGE, "result", 2, (1,), {}),
            ("503, Retry-After: 7", canned(503, Retry_After="7"), "result", 2, (7,), {}),
            ("504", canned(504), "result", 2, (1,), {}),
        )
    ]
ROWS += [
    Row("throttled twice", "before the work", {**THROTTLED, **BEFORE}, "result", 3, (1, 2),
        count=2, refused=True),
    Row("throttled, every time", "before the work", {**THROTTLED, **BEFORE},
        "ThrottlingException", 3, (1, 2), count=3, refused=True),
]  # fmt: skip


def table() -> list[str]:
    """Return the lines of the table that users read."""
    head = ["what goes wrong", "where", *(f"`{each}`" for each in OPERATIONS)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in ROWS:
        cells = " | ".join(row.cell(each) for each in OPERATIONS)
        lines.append(f"| {row.what} | {row.where} | {cells} |")
    return [*lines, "", *LEGEND]


class Recorder:
    """Records requests and waits; the first wait ends what is wrong with the proxy or timeouts."""

    def __init__(self, proxy: Any, row: Row) -> None:
        self.waits: list[float] = []
        self._proxy, self._row = proxy, row
        policy = RetryPolicy(sleep=self.wait, random=lambda: 1.0)
        self.sent: list[Any] = []
        self.config = ClientConfiguration(
            **{"connect_timeout": LONG, "read_timeout": LONG, **row.limits},
            retry=policy,
            hooks=Hooks(request=self.sent.append),
        )

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self._row.count > 1:
            return
        if isinstance(self._row.fault, str):
            self._proxy.restart()
        # A timeout is short only for the attempt that it ends, since the others may need
        # longer on a busy machine.
        for name in self._row.limits:
            object.__setattr__(self.config, name, LONG)


def outcome_of(work: Any, client: ECRClient) -> tuple[str, int, bool]:
    """Make a call; return its outcome, the number of attempts, and whether it is uncertain."""
    try:
        result = work.call(client)
    except AmazonClientException as error:
        attempts = getattr(error, "attempts", None)
        if attempts is None:
            attempts = error.response_metadata.retry_attempts + 1
        uncertain = getattr(error, "earlier_attempt_may_have_succeeded", False)
        return type(error).__name__, attempts, uncertain
    kind = "failures" if getattr(result, "failures", None) else "result"
    assert kind == "failures" or work.is_right(result)
    return kind, result.response_metadata.retry_attempts + 1, False


def cells() -> list[Any]:
    """Return all cells, for both clients."""
    return [
        pytest.param(kind, row, operation, id=f"{kind}-{operation}-{row.what}-{row.where}")
        for kind in ("blocking", "asynchronous")
        for row in ROWS
        for operation in OPERATIONS
    ]


@pytest.mark.parametrize(("client_class", "row", "operation"), cells(), indirect=["client_class"])
def test_cell(
    proxy: Any, fault: Any, ecr: LocalECR, connect: Any, work: Any, row: Row, operation: str
) -> None:
    """A call ends as the table says, and the server has done its work once, or not at all."""
    prepared, recorder = work(operation), Recorder(proxy, row)
    client = connect(config=recorder.config)
    if isinstance(row.fault, str):
        getattr(proxy, row.fault)()
    else:
        make = fault.response if "status" in row.fault else fault
        proxy.add(make(**row.fault), count=row.count)
    outcome = outcome_of(prepared, client)
    if row.works:
        proxy.wait_for(lambda: proxy.responses)
    times = prepared.times()
    worked = row.works or row.of(operation) == "result"

    assert outcome == (row.of(operation), row.attempts, row.is_uncertain(operation))
    assert sum(each.operation == operation for each in recorder.sent) == row.attempts
    assert row.waits is None or recorder.waits == list(row.waits)
    assert not proxy.faults
    assert times == worked or not prepared.changes
    if not worked:
        prepared.call()
    assert prepared.is_done()


def test_the_table_is_the_recorded_one() -> None:
    """The table that users read is the one that the cells prove."""
    recorded = RECORD.read_text(encoding="utf-8").splitlines()

    assert recorded == table(), f"If the change is meant, run `{UPDATE}`."


def test_cells_differ() -> None:
    """No row of the table occurs twice."""
    assert len({(row.what, row.where) for row in ROWS}) == len(ROWS)


if __name__ == "__main__":
    RECORD.write_text("\n".join(table()) + "\n", encoding="utf-8")
    print(f"wrote {RECORD}")
