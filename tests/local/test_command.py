"""``python -m ecr_client.local`` as a command."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client.local.__main__ import main

pytestmark = pytest.mark.slow

Start = Callable[..., Any]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_runs_until_a_signal(start: Start, number: int) -> None:
    """It prints its endpoint and what to export, and stops with status 0 on a signal."""
    command = start()
    with command.client() as client:
        client.create_repository(repository_name="app")
        # A connection that is kept for the next call does not keep the server.
        status, _, errors = command.stop(number)

    assert (status, errors) == (0, "")
    assert command.environment["AWS_ENDPOINT_URL_ECR"] == command.endpoint
    assert "docker login --username AWS" in command.printed[-1]
    # A session token of the real AWS would not go with these keys.
    assert "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN\n" in command.printed


def test_it_takes_keys(start: Start) -> None:
    """Keys and a session token that were given are what requests have to be signed with."""
    keys = ("--access-key", "AKIDEXAMPLE", "--secret-key", "se/cr+et", "--session-token", "token")
    command = start(*keys, "--account", "210987654321", "--region", "eu-west-1")
    with command.client() as client:
        registry = client.describe_registry().registry_id

    assert registry == "210987654321"
    assert command.environment == {
        "AWS_ENDPOINT_URL_ECR": command.endpoint,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "se/cr+et",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


def test_all_addresses_are_reached_by_the_loopback(start: Start) -> None:
    """A server that listens on all addresses prints one that leads somewhere."""
    command = start("--host", "0.0.0.0")
    with command.client() as client:
        found = client.describe_repositories().repositories

    assert found == ()
    assert command.endpoint.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("arguments", "status"), [((), 201), (("--registry-protocol=oci",), 202)])
def test_it_behaves_as_ecr_or_as_oci_says(
    start: Start, arguments: tuple[str, ...], status: int
) -> None:
    """Chunks get the status of ECR, or that of OCI with the option."""
    command = start("--no-auth", *arguments)
    with command.client() as client:
        client.create_repository(repository_name="app")
    base = f"{command.endpoint}/v2/app/blobs/uploads/"
    with requests.Session() as session:
        session.trust_env = False
        place = command.endpoint + session.post(base, timeout=60).headers["Location"]
        response = session.patch(place, data=b"a layer", timeout=60)

    assert response.status_code == status


def run(*arguments: str) -> tuple[int, str]:
    """Run a command that is expected to end by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "ecr_client.local", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def taken_port(folder: Path, start: Start, stack: ExitStack) -> tuple[list[str], str]:
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return ["--port", str(taken.getsockname()[1])], f"port {taken.getsockname()[1]}"


def file_for_a_folder(folder: Path, start: Start, stack: ExitStack) -> tuple[list[str], str]:
    (folder / "file").write_text("not a folder")
    return ["--port", "0", "--data", str(folder / "file")], "file"


def corrupt_database(folder: Path, start: Start, stack: ExitStack) -> tuple[list[str], str]:
    (folder / "ecr.sqlite3").write_bytes(b"garbage" * 1000)
    return ["--port", "0", "--data", str(folder)], str(folder)


def folder_in_use(folder: Path, start: Start, stack: ExitStack) -> tuple[list[str], str]:
    start("--data", str(folder))
    return ["--port", "0", "--data", str(folder)], "in use"


def another_version(folder: Path, start: Start, stack: ExitStack) -> tuple[list[str], str]:
    start("--data", str(folder)).stop(signal.SIGTERM)
    with closing(sqlite3.connect(folder / "ecr.sqlite3")) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    return ["--port", "0", "--data", str(folder)], "version 99"


@pytest.mark.parametrize(
    "obstacle", [taken_port, file_for_a_folder, corrupt_database, folder_in_use, another_version]
)
def test_an_obstacle_is_one_line(
    obstacle: Callable[..., tuple[list[str], str]], start: Start, tmp_path: Path
) -> None:
    """What prevents the start is named in one line, with exit status 1."""
    with ExitStack() as stack:
        arguments, problem = obstacle(tmp_path, start, stack)
        status, errors = run(*arguments)

    assert (status, errors.count("\n")) == (1, 1)
    assert problem in errors


def test_data_survives_a_restart(start: Start, tmp_path: Path) -> None:
    """The content of a data folder survives a restart, and so do the keys."""
    first = start("--data", str(tmp_path))
    with first.client() as client:
        made = client.create_repository(repository_name="app").repository
    first.stop(signal.SIGTERM)
    second = start("--data", str(tmp_path))
    with second.client() as client:
        (found,) = client.describe_repositories().repositories
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

    assert found.created_at == made.created_at
    assert [second.environment[key] for key in keys] == [first.environment[key] for key in keys]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--access-key", "with space", "--secret-key", "x"], "access_key"),
        (["--port", "0", "--host", "203.0.113.1"], "203.0.113.1"),
        (["--port", "0", "--data", "/dev/null/folder"], "/dev/null/folder"),
        (["--port", "0", "--account", "12"], "12 digits"),
        (["--port", "0", "--tls-cert", "/nowhere", "--tls-key", "/nowhere"], "/nowhere is not a"),
        (["--port", "0", "--region", "Mars"], "got 'Mars'"),
    ],
)
def test_impossible_settings(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An impossible setting is named in one line, with exit status 1."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = main(arguments)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    errors = capsys.readouterr().err

    assert status == 1
    assert errors.count("\n") == 1
    assert problem in errors


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--nonsense"], "--nonsense"),
        (["--port"], "--port"),
        (["--port", "many"], "from 0 to 65535, got 'many'"),
        (["--registry-protocol", "docker"], "'docker'"),
        (["--tls-cert", "cert.pem"], "--tls-cert and --tls-key go together"),
        (["--tls-ca", "ca.pem"], "--tls-ca goes with"),
        (["--port", "65536"], "from 0 to 65535, got '65536'"),
        (["--access-key", "AKIDEXAMPLE"], "go together"),
        (["--session-token", "token"], "--access-key"),
    ],
)
def test_arguments_that_are_wrong(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong argument is one line that names it, and the status 2."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    errors = capsys.readouterr().err

    assert raised.value.code == 2
    assert errors.count("\n") == 1
    assert problem in errors


@pytest.mark.parametrize(
    "arguments", [["-m", "ecr_client.local"], ["-c", "from ecr_client.local import LocalECR"]]
)
def test_the_extra_may_be_missing(arguments: list[str], tmp_path: Path) -> None:
    """Without what the extra brings, the last line says how to install it."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['uvicorn'] = None\n")
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(tmp_path)},
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("python -m pip install 'ecr-client[local]'")


def test_temporary_folders_are_deleted_at_exit(tmp_path: Path) -> None:
    """The temporary folder of a server goes with its process."""
    code = "from ecr_client.local import LocalECR; LocalECR().client().describe_repositories()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"TMPDIR": str(tmp_path)},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
