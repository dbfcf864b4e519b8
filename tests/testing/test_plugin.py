"""The fixtures: available without imports, with one server and a clean state for each test."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from ecr_client import AsyncECRClient
from ecr_client.exceptions import ClientShutdownException
from ecr_client.testing.loops import closed_with_its_loop

pytest_plugins = ["pytester"]

#: Modules that a project must not pay for if it only has the package installed.
EXPENSIVE = (
    "ecr_client.client",
    "ecr_client.local",
    "ecr_client.models",
    "aiohttp",
    "attrs",
    "botocore",
    "requests",
)


@pytest.mark.slow
def test_one_server(project: pytest.Pytester) -> None:
    """Tests share the server but not its contents, and clients are closed after each test."""
    project.makepyfile(
        """
        import pytest
        from ecr_client.exceptions import ClientShutdownException

        seen = []

        @pytest.mark.parametrize("turn", [1, 2, 3])
        def test_one(local_ecr, ecr_client, turn):
            found = ecr_client.describe_repositories()
            assert (found.repositories, found.response_metadata.http_status_code) == ((), 200)
            assert ecr_client.endpoint == local_ecr.endpoint
            ecr_client.create_repository(repository_name="team/app")
            seen.append((local_ecr, ecr_client))

        def test_all():
            assert len({id(server) for server, _ in seen}) == 1
            assert len({server.endpoint for server, _ in seen}) == 1
            assert len({id(client) for _, client in seen}) == 3
            for _, client in seen:
                with pytest.raises(ClientShutdownException):
                    client.describe_repositories()
        """
    )
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=4)


@pytest.mark.slow
def test_loaded_modules(project: pytest.Pytester) -> None:
    """The plugin is registered, but has loaded neither the client nor the server."""
    project.makepyfile(
        f"""
        import sys

        def test_loaded(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("ecr_client")
            assert [name for name in {EXPENSIVE!r} if name in sys.modules] == []
        """
    )
    # Other installed plugins may load what ours must not.
    others = ("anyio", "cacheprovider", "cov", "requests_mock", "xdist")
    result = project.runpytest_subprocess(*[f"-pno:{name}" for name in others])

    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_descriptions(project: pytest.Pytester) -> None:
    """``pytest --fixtures`` lists all fixtures with a description, and hides internal ones."""
    result = project.runpytest_subprocess("--fixtures")
    text = result.stdout.str()

    result.stdout.fnmatch_lines(["local_ecr -- *", "*Return a running local ECR*"])
    result.stdout.fnmatch_lines(["ecr_client -- *", "*Yield a client of ``local_ecr``*"])
    result.stdout.fnmatch_lines(["async_ecr_client -- *", "*Yield an asynchronous client of*"])
    assert "_of_the_session" not in text


@pytest.mark.slow
def test_no_plugin(project: pytest.Pytester) -> None:
    """A project can disable the plugin, after which its fixtures do not exist."""
    project.makepyfile("def test_it(local_ecr):\n    pass\n")
    result = project.runpytest_subprocess("-p", "no:ecr_client")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'local_ecr' not found*"])


#: The tests of a project, for any event loop runner.
TESTS = """
import asyncio, functools, gc
import pytest
from ecr_client.exceptions import ClientShutdownException

used = []

def in_a_loop(test):
    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))
    return run

@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="session")
async def loop_of_the_session(anyio_backend):
    yield

{mark}
@pytest.mark.parametrize("turn", [1, 2])
async def test_used(async_ecr_client, ecr_client, turn):
    used.append(async_ecr_client)
    assert not (await async_ecr_client.describe_repositories()).repositories
    ecr_client.create_repository(repository_name="team/app")
    calls = [async_ecr_client.list_images(repository_name="team/app") for _ in range(5)]
    await asyncio.gather(*calls)

{mark}
async def test_closed(async_ecr_client):
    async with async_ecr_client as client:
        await client.describe_registry()
    with pytest.raises(ClientShutdownException):
        await client.describe_registry()

{mark}
async def test_failing(async_ecr_client):
    await async_ecr_client.describe_registry()
    raise LookupError

def test_all():
    assert len(used) == 2
    assert all(each._shared.lifetime.over for each in used)
    gc.collect()
"""
#: The decorators of a test for each runner.
MARKS = {
    "asyncio": "@pytest.mark.asyncio",
    "asyncio_session": "@pytest.mark.asyncio(loop_scope='session')",
    "anyio": "@pytest.mark.anyio\n@pytest.mark.parametrize('anyio_backend', ['asyncio'])",
    "anyio_session": "@pytest.mark.anyio\n@pytest.mark.usefixtures('loop_of_the_session')",
    "run": "@in_a_loop",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "marks"), [("strict", MARKS), ("auto", {"auto": "", "run": MARKS["run"]})]
)
def test_asynchronous_tests(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, mode: str, marks: dict[str, str]
) -> None:
    """The client is used and closed in the loop of the test, without a warning."""
    monkeypatch.delenv("PYTEST_ADDOPTS")
    project.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        f"asyncio_mode = {mode}\n"
    )
    for name, mark in marks.items():
        project.makepyfile(**{f"test_{name}": TESTS.format(mark=mark)})
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=4 * len(marks), failed=len(marks))
    result.stdout.no_fnmatch_line("*Warning*")
    assert result.stderr.lines == []


async def use(client: AsyncECRClient) -> None:
    await client.describe_registry()


def test_a_loop_that_ends(local_ecr: Any) -> None:
    """The client is closed with its loop, so that no open connection causes a warning."""
    with closed_with_its_loop(local_ecr.async_client()) as client:
        asyncio.run(use(client))
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(use(client))
        assert client._shared.lifetime.over
    gc.collect()


def test_a_loop_that_continues(local_ecr: Any) -> None:
    """In a loop that outlives the test, the client is closed with the test."""
    loop = asyncio.new_event_loop()
    with closed_with_its_loop(local_ecr.async_client()) as client:
        loop.run_until_complete(use(client))

    with pytest.raises(ClientShutdownException):
        loop.run_until_complete(use(client))
    loop.close()
    gc.collect()


def test_an_unused_client(local_ecr: Any) -> None:
    """A client that was never used has no loop, and nothing to close."""
    with closed_with_its_loop(local_ecr.async_client()) as client:
        pass
    del client
    gc.collect()
