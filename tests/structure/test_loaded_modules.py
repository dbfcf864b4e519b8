"""Modules are only loaded when they are needed, and boto3 never is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: Prints the names of the loaded modules after each step.
SCRIPT = """
import sys
steps = {{}}
import ecr_client
steps["imported"] = list(sys.modules)
client = ecr_client.ECRClient({arguments})
steps["built"] = list(sys.modules)
client.set_endpoint(sys.argv[1])
client.describe_registry()
steps["called"] = list(sys.modules)
client.shutdown()
import json
print(json.dumps(steps))
"""

ASYNCHRONOUS = """
import asyncio, json, sys
import ecr_client

async def main():
    async with ecr_client.AsyncECRClient({arguments}) as client:
        client.set_endpoint(sys.argv[1])
        await client.describe_registry()

asyncio.run(main())
print(json.dumps({{"called": list(sys.modules)}}))
"""

EXPLICIT = 'region="eu-west-1", credentials=ecr_client.Credentials("AKIDEXAMPLE", "secret")'
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
#: Two ways to pass the same settings, and one that needs no endpoint rules.
WAYS = {
    "explicit": (EXPLICIT, {}),
    "environment": ("", ENVIRONMENT),
    "endpoint": ('endpoint="http://localhost:4566"', ENVIRONMENT),
}

IMPORTED = {"ecr_client", "ecr_client._version"}
BUILT = IMPORTED | {
    "ecr_client._client_base",
    "ecr_client._common",
    "ecr_client._common.durations",
    "ecr_client._common.forks",
    "ecr_client._common.hints",
    "ecr_client._common.redact",
    "ecr_client._common.display",
    "ecr_client._coroutines",
    "ecr_client._credentials",
    "ecr_client._credentials.sources",
    "ecr_client._engine",
    "ecr_client._engine.body",
    "ecr_client._engine.deadline",
    "ecr_client._engine.http",
    "ecr_client._exceptions",
    "ecr_client._generated",
    "ecr_client._generated.operations",
    "ecr_client._invoker",
    "ecr_client._lifetime",
    "ecr_client._methods",
    "ecr_client._methods.batches",
    "ecr_client._methods.interface",
    "ecr_client._methods.paginators",
    "ecr_client._methods.waiters",
    "ecr_client._operation",
    "ecr_client._settings",
    "ecr_client._shapes",
    "ecr_client._signatures",
    "ecr_client._transport",
    "ecr_client._transport.base",
    "ecr_client._transport.logs",
    "ecr_client._transport.problems",
    "ecr_client._transport.requests_transport",
    "ecr_client._transport.routes",
    "ecr_client._unavailable",
    "ecr_client.client",
    "ecr_client.config",
    "ecr_client.credentials",
    "ecr_client.endpoints",
    "ecr_client.metadata",
    "ecr_client.regions",
}
CALLED = BUILT | {
    "ecr_client._call",
    "ecr_client._engine.clock",
    "ecr_client._engine.codec",
    "ecr_client._engine.parse",
    "ecr_client._engine.prepare",
    "ecr_client._engine.retry",
    "ecr_client._engine.signing",
    "ecr_client._engine.user_agent",
    "ecr_client._engine.values",
    "ecr_client._generated.models",
    "ecr_client._generated.models.describe_registry",
    "ecr_client._generated.models.replication_configuration",
    "ecr_client._generated.models.replication_destination",
    "ecr_client._observer",
    "ecr_client._options",
    "ecr_client._pipeline",
    "ecr_client._transport.adapter",
    "ecr_client._transport.keep_alive",
    "ecr_client._transport.tls",
    "ecr_client.retry",
}

#: Modules that no step may load.
NEVER = (
    "aiohttp",
    "asyncio",
    "boto3",
    "botocore.session",
    "botocore.client",
    "botocore.model",
    "moto",
    "responses",
)
NOT_IMPORTED = ("requests", "botocore", "attr", "attrs", "cattr", "cattrs", "urllib3", "orjson")
NOT_BUILT = ("requests", "cattr", "cattrs", "orjson", "pybase64", "botocore.auth")
NOT_BUILT_WITH_ENDPOINT = ("botocore.endpoint_provider", "botocore.loaders", "botocore.utils")

Load = Callable[..., dict[str, list[str]]]


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty folder."""
    return tmp_path_factory.mktemp("nothing")


@pytest.fixture
def load(server: Any, nothing: Path) -> Load:
    """Return a function that lists the modules loaded after each step of a new process."""

    def loaded(way: str, script: str = SCRIPT) -> dict[str, list[str]]:
        arguments, variables = WAYS[way]
        inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script.format(arguments=arguments), server.url],
            env={
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, inherited)),
                "AWS_CONFIG_FILE": str(nothing / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(nothing / "credentials"),
                "AWS_EC2_METADATA_DISABLED": "true",
                **variables,
            },
            # Not the repository, whose ecr_client would precede an installed one.
            cwd=nothing,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        steps: dict[str, list[str]] = json.loads(done.stdout)
        return steps

    return loaded


def _ours(modules: list[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "ecr_client"}


def _of(modules: list[str], packages: tuple[str, ...]) -> list[str]:
    return [
        name
        for name in modules
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    ]


@pytest.mark.parametrize("way", WAYS)
def test_modules_of_the_package(load: Load, way: str) -> None:
    """Each step loads exactly these modules of the package."""
    steps = load(way)
    expected = {"imported": IMPORTED, "built": BUILT, "called": CALLED}
    found = {step: _ours(modules) for step, modules in steps.items()}
    more = {step: sorted(found[step] - expected[step]) for step in expected}
    less = {step: sorted(expected[step] - found[step]) for step in expected}

    nothing: dict[str, list[str]] = {"imported": [], "built": [], "called": []}
    assert (more, less) == (nothing, nothing)


@pytest.mark.parametrize("way", WAYS)
def test_unneeded_modules(load: Load, way: str) -> None:
    """With credentials in code or in the environment, no step loads boto3 or botocore's client."""
    steps = load(way)

    assert {name: _of(modules, NEVER) for name, modules in steps.items()} == {
        "imported": [],
        "built": [],
        "called": [],
    }


@pytest.mark.parametrize("way", WAYS)
def test_deferred_modules(load: Load, way: str) -> None:
    """Importing loads no dependency, and building a client none that only a call needs."""
    steps = load(way)

    assert _of(steps["imported"], NOT_IMPORTED) == []
    assert _of(steps["built"], NOT_BUILT) == []


def test_endpoint_without_rules(load: Load) -> None:
    """A client with its own endpoint does not load botocore's endpoint rules."""
    steps = load("endpoint")

    assert _of(steps["built"], NOT_BUILT_WITH_ENDPOINT) == []


def test_modules_of_a_call(load: Load) -> None:
    """A call loads the expected dependencies, so the other tests look for the right names."""
    called = set(load("explicit")["called"])

    assert {"requests", "orjson", "botocore.auth", "attrs"} <= called
    assert called.isdisjoint({"pybase64", "cattrs"})  # for uploads and for conversion only


def test_asynchronous_calls(load: Load) -> None:
    """An asynchronous call does not load requests either, unless there is a proxy."""
    steps = load("explicit", ASYNCHRONOUS)
    never = tuple(name for name in NEVER if name not in ("aiohttp", "asyncio"))
    assert _of(steps["called"], ("requests", *never)) == []
    assert _of(steps["called"], ("aiohttp",))
