"""``python -m ecr_client.local`` as a command, and what survives when it is killed."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    LayerAlreadyExistsException,
    RepositoryAlreadyExistsException,
)
from ecr_client.local.__main__ import main

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


class Command:
    """A running command, and the endpoint that it has printed."""

    def __init__(self, *arguments: str) -> None:
        keys = ("--access-key", KEYS.access_key, "--secret-key", KEYS.secret_key)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ecr_client.local", "--port", "0", *keys, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.printed = [self.process.stdout.readline()]
        while self.printed[-1] and "docker login" not in self.printed[-1]:
            self.printed.append(self.process.stdout.readline())
        self.endpoint = self.printed[0].rpartition(" ")[2].strip()

    def client(self) -> ECRClient:
        config = ClientConfiguration(proxies={})
        return ECRClient(
            region="us-east-1", endpoint=self.endpoint, credentials=KEYS, config=config
        )

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; give exit status and what was printed."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    started: list[Command] = []
    yield started
    for command in started:
        command.stop(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(commands: list[Command], number: int) -> None:
    """It prints where it is and what to export, answers, and ends with status 0 on a signal."""
    commands.append(command := Command())
    with command.client() as client:
        client.create_repository(repository_name="app")
    status, _, errors = command.stop(number)

    assert (status, errors) == (0, "")
    assert f"export AWS_ENDPOINT_URL_ECR={command.endpoint}\n" in command.printed
    assert "docker login --username AWS" in command.printed[-1]


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


def test_a_taken_port_is_one_line() -> None:
    """A port that somebody else has is named in one line, with exit status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, errors = run("--port", str(port))

    assert status == 1
    assert errors.count("\n") == 1
    assert f"port {port}" in errors


def test_a_data_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    """A data folder that cannot be one is named in one line, with exit status 1."""
    path = tmp_path / "file"
    path.write_text("not a folder")
    status, errors = run("--port", "0", "--data", str(path))

    assert status == 1
    assert errors.count("\n") == 1
    assert str(path) in errors


def test_a_data_folder_in_use_is_one_line(commands: list[Command], tmp_path: Path) -> None:
    """A folder that another server works on is named in one line, with exit status 1."""
    commands.append(Command("--data", str(tmp_path)))
    status, errors = run("--port", "0", "--data", str(tmp_path))

    assert status == 1
    assert errors.count("\n") == 1
    assert "in use" in errors


def test_a_data_folder_of_another_version_is_one_line(
    commands: list[Command], tmp_path: Path
) -> None:
    """A folder of another version is named in one line with that version, and is left alone."""
    commands.append(command := Command("--data", str(tmp_path)))
    command.stop(signal.SIGTERM)
    with closing(sqlite3.connect(tmp_path / "ecr.sqlite3")) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    status, errors = run("--port", "0", "--data", str(tmp_path))

    assert status == 1
    assert errors.count("\n") == 1
    assert "99" in errors


def test_data_survives_a_restart(commands: list[Command], tmp_path: Path) -> None:
    """What was stored in a data folder is there when another server begins with it."""
    commands.append(first := Command("--data", str(tmp_path)))
    with first.client() as client:
        made = client.create_repository(repository_name="app").repository
    first.stop(signal.SIGTERM)
    commands.append(second := Command("--data", str(tmp_path)))
    with second.client() as client:
        (found,) = client.describe_repositories().repositories

    assert made is not None
    assert found.created_at == made.created_at


def _push(command: Command, acknowledged: list[str], number: int) -> None:
    """Push layers until the server is gone; note the digest of each that was acknowledged."""
    count = 0
    with command.client() as client:
        while True:
            data = f"{number}-{count}-".encode() + os.urandom(200_000)
            try:
                upload = client.initiate_layer_upload(repository_name="app").upload_id
                client.upload_layer_part(
                    repository_name="app",
                    upload_id=str(upload),
                    part_first_byte=0,
                    part_last_byte=len(data) - 1,
                    layer_part_blob=data,
                )
                digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
                client.complete_layer_upload(
                    repository_name="app", upload_id=str(upload), layer_digests=[digest]
                )
            except LayerAlreadyExistsException:
                continue
            except AmazonClientException:
                return
            acknowledged.append(digest)
            count += 1


def test_a_kill_loses_nothing_that_was_acknowledged(
    commands: list[Command], tmp_path: Path
) -> None:
    """After kill -9 in the middle of pushes, again and again, every acknowledged layer is whole."""
    acknowledged: list[str] = []
    for _ in range(4):
        commands.append(command := Command("--data", str(tmp_path)))
        with command.client() as client, suppress(RepositoryAlreadyExistsException):
            client.create_repository(repository_name="app")
        before = len(acknowledged)
        pushers = [
            threading.Thread(target=_push, args=(command, acknowledged, number))
            for number in range(4)
        ]
        for pusher in pushers:
            pusher.start()
        while len(acknowledged) < before + 12:
            pushers[0].join(0.01)
        command.stop(signal.SIGKILL)
        for pusher in pushers:
            pusher.join()
    commands.append(last := Command("--data", str(tmp_path)))
    with last.client() as client:
        layers = client.batch_check_layer_availability_all(
            repository_name="app", layer_digests=acknowledged
        ).layers

    assert len(acknowledged) >= 48
    assert {layer.layer_availability for layer in layers} == {"AVAILABLE"}
    for digest in acknowledged:
        (path,) = tmp_path.rglob(digest.removeprefix("sha256:"))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--access-key", "AKIDEXAMPLE"], "go together"),
        (["--access-key", "with space", "--secret-key", "x"], "access_key"),
        (["--port", "0", "--host", "203.0.113.1"], "203.0.113.1"),
        (["--port", "0", "--data", "/dev/null/folder"], "/dev/null/folder"),
    ],
)
def test_arguments_that_cannot_work(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot work is one line that names it, and the status 1."""
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
