"""``python -m ecr_client.local`` as a command."""

from __future__ import annotations

import signal
import socket
import sqlite3
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
    """The command prints a working endpoint and exports, and exits with status 0."""
    command = start("--host", "0.0.0.0")
    with command.client() as client:
        client.create_repository(repository_name="app")
        # A keep-alive connection does not delay the exit.
        status, _, errors = command.stop(number)

    assert (status, errors) == (0, "")
    assert command.endpoint.startswith("http://127.0.0.1:")
    assert command.environment["AWS_ENDPOINT_URL_ECR"] == command.endpoint
    assert "docker login --username AWS" in command.printed[-1]
    # A session token for the real AWS would not match these keys.
    assert "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN\n" in command.printed


def test_keys(start: Start) -> None:
    """Requests have to be signed with the keys and the session token that were passed."""
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


def test_registry_protocol(start: Start) -> None:
    """With ``--registry-protocol=oci``, chunks get the status of the OCI specification."""
    command = start("--no-auth", "--registry-protocol=oci")
    with command.client() as client:
        client.create_repository(repository_name="app")
    begun = requests.post(f"{command.endpoint}/v2/app/blobs/uploads/", timeout=60)
    place = command.endpoint + begun.headers["Location"]

    assert requests.patch(place, data=b"a layer", timeout=60).status_code == 202


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
def test_obstacles(
    obstacle: Callable[..., Any], start: Start, execute: Any, tmp_path: Path
) -> None:
    """An obstacle to the start is named in one line, with exit status 1."""
    with ExitStack() as stack:
        arguments, problem = obstacle(tmp_path, start, stack)
        done = execute(sys.executable, "-m", "ecr_client.local", *arguments, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert problem in done.stderr


def test_data_survives_a_restart(start: Start, tmp_path: Path) -> None:
    """The content of a data folder survives a restart, including generated keys."""
    environments, made = [], []
    for _ in range(2):
        command = start("--data", str(tmp_path))
        environments.append(command.environment)
        with command.client() as client:
            if not made:
                client.create_repository(repository_name="app")
            made += client.describe_repositories().repositories
        command.stop(signal.SIGTERM)
    first, second = environments

    assert made[0].created_at == made[1].created_at
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert first[key] == second[key]


@pytest.mark.parametrize(
    ("arguments", "expected", "problem"),
    [
        ("--access-key with|space --secret-key x", 1, "access_key"),
        ("--port 0 --host 203.0.113.1", 1, "203.0.113.1"),
        ("--port 0 --data /dev/null/folder", 1, "/dev/null/folder"),
        ("--port 0 --account 12", 1, "12 digits"),
        ("--port 0 --tls-cert /nowhere --tls-key /nowhere", 1, "/nowhere is not a"),
        ("--port 0 --region Mars", 1, "got 'Mars'"),
        ("--nonsense", 2, "--nonsense"),
        ("--port", 2, "--port"),
        ("--port many", 2, "from 0 to 65535, got 'many'"),
        ("--port 65536", 2, "from 0 to 65535, got '65536'"),
        ("--registry-protocol docker", 2, "'docker'"),
        ("--tls-cert cert.pem", 2, "--tls-cert and --tls-key must be given together"),
        ("--tls-ca ca.pem", 2, "--tls-ca needs --tls-cert and --tls-key"),
        ("--access-key AKIDEXAMPLE", 2, "must be given together"),
        ("--session-token token", 2, "--access-key"),
    ],
)
def test_wrong_arguments(
    arguments: str, expected: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong argument or an impossible setting is named in one line, with an exit status."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status: Any = main([each.replace("|", " ") for each in arguments.split()])
    except SystemExit as error:
        status = error.code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    errors = capsys.readouterr().err

    assert status == expected
    assert errors.count("\n") == 1
    assert problem in errors


@pytest.mark.parametrize(
    "arguments", [["-m", "ecr_client.local"], ["-c", "from ecr_client.local import LocalECR"]]
)
def test_missing_extra(arguments: list[str], execute: Any, tmp_path: Path) -> None:
    """Without the extra's dependencies, the last line says how to install them."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['uvicorn'] = None\n")
    done = execute(sys.executable, *arguments, check=False, PYTHONPATH=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("python -m pip install 'ecr-client[local]'")


def test_temporary_folders(execute: Any, tmp_path: Path) -> None:
    """The temporary folder of a server is deleted when its process exits."""
    code = "from ecr_client.local import LocalECR; LocalECR().client().describe_repositories()"

    assert execute(sys.executable, "-c", code, TMPDIR=tmp_path).stderr == ""
    assert list(tmp_path.iterdir()) == []
