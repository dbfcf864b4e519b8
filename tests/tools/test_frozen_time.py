"""freezegun and time-machine: calls and their datetimes are not affected by frozen time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from typing import Any

import freezegun
import pytest
import time_machine

from ecr_client import ECRClient
from ecr_client.local import LocalECR
from ecr_client.models import DescribeImagesResult, ImageDetail
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

FROZEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
PUSHED = datetime(2026, 11, 24, 12, 30, 15, 500000, timezone.utc)
IMAGE = example(ImageDetail, image_pushed_at=PUSHED)
IMAGES = encode_result(DescribeImagesResult(image_details=[IMAGE]))

Freeze = Callable[[datetime], AbstractContextManager[Any]]

#: Runs the named steps in order. If it hangs, the traceback of each thread is printed.
SCRIPT = """
import faulthandler, sys
faulthandler.dump_traceback_later(20, exit=True)
import {tool}
frozen = {frozen}("2024-05-06T07:08:09+00:00", **{options})

def load():
    import ecr_client.models, ecr_client.testing
    ecr_client.models.ImageDetail

def call():
    import datetime
    from ecr_client import ClientConfiguration, Credentials, ECRClient
    from ecr_client.models import ImageDetail
    from ecr_client.testing import ECRStub, example
    with ECRClient(
        region="eu-west-1",
        endpoint=sys.argv[1],
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        config=ClientConfiguration(total_timeout=10),
    ) as client:
        (found,) = client.describe_images(repository_name="app").image_details
        print(found.image_pushed_at.isoformat())
        assert type(found.image_pushed_at) is datetime.datetime
        with ECRStub(client) as stub:
            given = example(ImageDetail, image_pushed_at=found.image_pushed_at)
            stub.expect("DescribeImages", image_details=[given])
            result = client.describe_images(repository_name="app")
        assert result.image_details == (found,) == (given,)

def start():
    global ecr
    from ecr_client.local import LocalECR
    ecr = LocalECR()

def query():
    import json, os
    with ecr.client() as client:
        name = "app/" + os.urandom(8).hex()
        made = client.create_repository(repository_name=name).repository
        print(made.created_at.year)
        found = client.describe_repositories(repository_names=[name]).repositories
        assert found == (made,)

def close():
    ecr.close()

steps = dict(
    freeze=frozen.start, thaw=frozen.stop, load=load, call=call, start=start, query=query,
    close=close,
)
for step in sys.argv[2:]:
    steps[step]()
"""


class Tool:
    """A library that freezes time."""

    def __init__(self, module: str, function: str, options: dict[str, Any], freeze: Freeze) -> None:
        self.freeze = freeze
        self.script = SCRIPT.format(tool=module, frozen=f"{module}.{function}", options=options)


TOOLS = {
    "freezegun": Tool("freezegun", "freeze_time", {}, freezegun.freeze_time),
    "time-machine": Tool(
        "time_machine", "travel", {"tick": False}, lambda to: time_machine.travel(to, tick=False)
    ),
}


@pytest.fixture(params=list(TOOLS))
def tool(request: pytest.FixtureRequest) -> Tool:
    """Return each tool in turn."""
    return TOOLS[request.param]


def test_results(tool: Tool, client: ECRClient, server: Any) -> None:
    """A result is the same before, in and after frozen time, with real datetimes."""
    server.responses = [(200, {}, IMAGES)]
    results = [client.describe_images(repository_name="app")]
    with tool.freeze(FROZEN):
        results.append(client.describe_images(repository_name="app"))
        assert results[1].image_details == (IMAGE,)
    results.append(client.describe_images(repository_name="app"))

    assert results[0] == results[1] == results[2]
    assert [each.image_details[0].image_pushed_at for each in results] == [PUSHED] * 3
    assert len({hash(each) for each in results}) == 1


@pytest.mark.parametrize(
    "steps",
    [
        "freeze call thaw call",
        "load freeze call thaw call",
        "call freeze call thaw call",
        "freeze load thaw call freeze call",
        "freeze load thaw freeze call",
    ],
)
def test_imports(tool: Tool, run_script: Callable[..., list[str]], server: Any, steps: str) -> None:
    """Datetimes work in models that were imported before or within frozen time."""
    server.responses = [(200, {}, IMAGES)]
    printed = run_script(tool.script, server.url, *steps.split())

    assert printed == [PUSHED.isoformat()] * steps.count("call")


def test_local_ecr(tool: Tool, local_ecr: LocalECR, ecr_client: ECRClient) -> None:
    """A local ECR stores the frozen time, and still returns it later."""
    with tool.freeze(FROZEN):
        made = ecr_client.create_repository(repository_name="team/app").repository
    (found,) = ecr_client.describe_repositories().repositories

    assert made == found
    assert found.created_at == FROZEN


@pytest.mark.parametrize(
    ("steps", "years"),
    [
        ("start freeze query close", ["2024"]),
        ("start freeze query thaw close", ["2024"]),
        ("start query freeze query thaw query close", ["now", "2024", "now"]),
        ("freeze start query close", ["2024"]),
        ("freeze start query thaw close", ["2024"]),
        ("freeze start query thaw query close", ["2024", "now"]),
    ],
)
def test_life_of_a_local_ecr(
    tool: Tool, run_script: Callable[..., list[str]], steps: str, years: list[str]
) -> None:
    """A local ECR responds and closes, whether it was started before or within frozen time."""
    now = str(datetime.now(timezone.utc).year)
    printed = run_script(tool.script, "", *steps.split())

    assert printed == [now if year == "now" else year for year in years]
