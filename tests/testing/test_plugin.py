"""The fixtures: there without being asked for, one server, a state of its own for each test."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ecr_client import ECRClient

pytest_plugins = ["pytester"]

#: What a project that only has the package installed must not pay for.
DEAR = (
    "ecr_client.client",
    "ecr_client.local",
    "ecr_client.models",
    "attrs",
    "botocore",
    "requests",
)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the tests of somebody else's project, which are run in a process of their own."""
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, inherited)))
    # The options of the outer run are not those of the project.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester


def test_a_client_reaches_an_empty_registry(local_ecr: Any, ecr_client: ECRClient) -> None:
    """The client is one of the server, and there is nothing in it."""
    found = ecr_client.describe_repositories()

    assert found.repositories == ()
    assert found.response_metadata.http_status_code == 200
    assert ecr_client.endpoint == local_ecr.endpoint


@pytest.mark.parametrize("turn", ["first", "second"])
def test_tests_do_not_see_each_other(turn: str, ecr_client: ECRClient) -> None:
    """Whichever of two tests comes later, it does not see what the other has made."""
    before = ecr_client.describe_repositories().repositories
    ecr_client.create_repository(repository_name="team/app")

    assert before == (), turn


def test_there_is_one_server_in_a_session(project: pytest.Pytester) -> None:
    """Tests share the server and not what is in it; clients are closed after their test."""
    project.makepyfile(
        """
        import pytest
        from ecr_client.exceptions import ClientShutdownException

        seen = []

        @pytest.mark.parametrize("turn", [1, 2, 3])
        def test_one(local_ecr, ecr_client, turn):
            assert not ecr_client.describe_repositories().repositories
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


def test_a_test_may_have_several_clients(project: pytest.Pytester) -> None:
    """``local_ecr`` makes further clients, which see the same registry."""
    project.makepyfile(
        """
        def test_two(local_ecr, ecr_client):
            ecr_client.create_repository(repository_name="team/app")
            with local_ecr.client() as other:
                found = other.describe_repositories().repositories
            assert [each.repository_name for each in found] == ["team/app"]
        """
    )
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1)


def test_nothing_is_loaded_before_a_fixture_is_used(project: pytest.Pytester) -> None:
    """The plugin is there, and has loaded neither the client nor the server nor what they need."""
    project.makepyfile(
        f"""
        import sys

        def test_loaded(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("ecr_client")
            assert [name for name in {DEAR!r} if name in sys.modules] == []
        """
    )
    # Other plugins that happen to be installed may load what ours must not.
    others = ("anyio", "cacheprovider", "cov", "requests_mock", "xdist")
    result = project.runpytest_subprocess(*[f"-pno:{name}" for name in others])

    result.assert_outcomes(passed=1)


def test_the_fixtures_are_described(project: pytest.Pytester) -> None:
    """``pytest --fixtures`` lists both with a description, and hides what they are made of."""
    result = project.runpytest_subprocess("--fixtures")
    text = result.stdout.str()

    result.stdout.fnmatch_lines(["local_ecr -- *", "*Return a running local ECR*"])
    result.stdout.fnmatch_lines(["ecr_client -- *", "*Yield a client of ``local_ecr``*"])
    assert "_of_the_session" not in text


def test_the_plugin_can_be_left_out(project: pytest.Pytester) -> None:
    """A project with fixtures of its own of these names can do without ours."""
    project.makepyfile("def test_it(local_ecr):\n    pass\n")
    result = project.runpytest_subprocess("-p", "no:ecr_client")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'local_ecr' not found*"])
