"""Settings of the machine do not affect clients that state their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.local import LocalECR
from ecr_client.testing import ECRStub

pytest_plugins = ["pytester"]

NOWHERE = "http://127.0.0.1:1"
FILES = {
    "malformed": b"s3cret without a section\n",
    "binary": b"\xff\xfe\x00[default]",
    "values": b"[default]\nregion = a b\nuse_fips_endpoint = yes\nretry_mode = x\n"
    b"max_attempts = x\nca_bundle = /nowhere\nservices = missing\n",
}
#: Variables by what is wrong with them; a value in braces is a file, or a missing one.
HOSTILE = {
    "proxies": {
        name: NOWHERE
        for each in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        for name in (each, each.lower())
    },
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "a wrong boolean": {"AWS_USE_FIPS_ENDPOINT": "yes"},
    "dual-stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "another profile": {"AWS_PROFILE": "other", "AWS_DEFAULT_PROFILE": "other"},
    "a malformed file": {"AWS_CONFIG_FILE": "{malformed}"},
    "a binary file": {"AWS_CONFIG_FILE": "{binary}"},
    "a missing file": {"AWS_CONFIG_FILE": "{missing}"},
    "malformed credentials": {"AWS_SHARED_CREDENTIALS_FILE": "{malformed}"},
    "wrong values": {"AWS_CONFIG_FILE": "{values}"},
    "bundles": {"AWS_CA_BUNDLE": "{missing}", "REQUESTS_CA_BUNDLE": "{missing}"},
    "a wrong retry mode": {"AWS_RETRY_MODE": "nonsense"},
    "wrong attempts": {"AWS_MAX_ATTEMPTS": "many"},
    "endpoints": {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_ECR": NOWHERE},
    "no endpoints": {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "a wrong region": {"AWS_REGION": "a b", "AWS_DEFAULT_REGION": "a b"},
    "half of the keys": {"AWS_ACCESS_KEY_ID": "AKID"},
    "an old token": {"AWS_SESSION_TOKEN": "old", "AWS_SECURITY_TOKEN": "old"},
    "workers": {"WEB_CONCURRENCY": "auto"},
}
HOSTILE["everything"] = {name: each for group in HOSTILE.values() for name, each in group.items()}


@pytest.fixture(params=HOSTILE)
def hostile(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Set the variables of a machine with unusable settings."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    places = {name: str(tmp_path / name) for name in (*FILES, "missing")}
    for name, value in HOSTILE[request.param].items():
        monkeypatch.setenv(name, value.format(**places))


@pytest.mark.usefixtures("hostile")
def test_local_client(caplog: pytest.LogCaptureFixture) -> None:
    """The client of a local ECR reaches it without a warning, whatever the settings."""
    with LocalECR() as ecr, ecr.client() as client:
        assert client.create_repository(repository_name="app").repository
    assert [each for each in caplog.records if each.name.startswith("ecr_client")] == []


@pytest.mark.parametrize("hostile", ["everything"], indirect=True)
@pytest.mark.usefixtures("hostile")
def test_local_client_with_a_configuration() -> None:
    """The client of a local ECR keeps an explicit configuration, and ignores the machine."""
    given = ClientConfiguration(read_timeout=7, user_agent_appid="mine")
    with LocalECR(tls=True) as ecr, ecr.client(config=given) as client:
        client.describe_repositories()
        config = client._config

        assert (config.read_timeout, config.user_agent_appid) == (7, "mine")
        assert (config.proxies, config.verify) == ({}, str(ecr.ca_file))


@pytest.fixture
def ecr(hostile: None) -> Iterator[LocalECR]:
    """Yield a local ECR on that machine."""
    with LocalECR() as running:
        yield running


def test_environment(ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's environment variables lead boto3 and a client to it, over the machine's own."""
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    with ECRClient() as client:
        client.create_repository(repository_name="app")
    peer = boto3.session.Session().client("ecr")
    found = peer.describe_repositories()["repositories"]
    peer.close()

    assert [each["repositoryName"] for each in found] == ["app"]


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that need no proxy on the machine are kept in ``NO_PROXY``."""
    monkeypatch.setenv("NO_PROXY", "internal.example")
    with LocalECR() as ecr:
        found = ecr.environment()

    assert found["no_proxy"] == found["NO_PROXY"] == "internal.example,127.0.0.1"


@pytest.mark.usefixtures("hostile")
def test_a_stub(credentials: Credentials) -> None:
    """A client with all settings in code works with a stub."""
    config = ClientConfiguration(
        proxies={},
        retry=RetryPolicy(),
        use_dualstack_endpoint=False,
        use_fips_endpoint=False,
        user_agent_appid="",
        verify=True,
    )
    made = ECRClient(region="eu-west-1", endpoint="h", credentials=credentials, config=config)
    with made as client, ECRStub(client) as stub:
        stub.expect("DescribeRepositories")

        assert client.describe_repositories().repositories == ()


@pytest.mark.slow
@pytest.mark.parametrize("hostile", ["everything"], indirect=True)
@pytest.mark.usefixtures("hostile")
def test_fixtures(project: pytest.Pytester) -> None:
    """The plugin's fixtures work in a project on such a machine."""
    project.makepyfile("def test_it(ecr_client):\n    ecr_client.describe_repositories()\n")

    project.runpytest_subprocess().assert_outcomes(passed=1)


BAD_FILES = ("another profile", "a malformed file", "a binary file", "a missing file",
             "malformed credentials", "wrong values")  # fmt: skip


@pytest.mark.parametrize("hostile", BAD_FILES, indirect=True)
@pytest.mark.usefixtures("hostile")
def test_unusable_files(server: Any, credentials: Credentials) -> None:
    """Endpoint, region and credentials in code are enough, whatever the files contain."""
    made = ECRClient(region="eu-west-1", endpoint=server.url, credentials=credentials)
    with made as client:
        assert client.describe_repositories().repositories == ()


@pytest.mark.parametrize("hostile", ["a wrong region"], indirect=True)
@pytest.mark.usefixtures("hostile")
def test_region_of_a_host() -> None:
    """The region of an AWS host takes precedence, and no other setting is read."""
    with ECRClient(endpoint="api.ecr.us-west-2.amazonaws.com") as client:
        assert client.region == "us-west-2"
