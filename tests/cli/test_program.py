"""The program as a whole: options, errors, exit statuses, start-up and interrupts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import pytest

import ecr_client
from ecr_client import ECRClient, exceptions
from ecr_client.cli import errors, main
from ecr_client.cli.options import GLOBAL, Command
from ecr_client.cli.program import ecr as program
from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage

ROOT = Path(__file__).resolve().parents[2]


def commands(group: click.Group = program, prefix: str = "") -> dict[str, click.Command]:
    """Return all commands by the words that invoke them."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix}{name} ")
        else:
            found[f"{prefix}{name}"] = command
    return found


COMMANDS = commands()


def test_all_commands() -> None:
    """The set of commands does not change by accident."""
    assert list(COMMANDS) == [
        *("repos list", "repos describe", "repos create", "repos delete"),
        *("images list", "images inspect", "images delete", "images tag", "images untag"),
        *("push", "pull", "copy", "sync", "login", "token"),
        *("policy get", "policy set", "policy delete"),
        *("lifecycle get", "lifecycle set", "lifecycle preview"),
        *("scan start", "scan wait", "scan findings"),
        *("usage", "local", "completion"),
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_options_of_commands(name: str) -> None:
    """All commands take the global options, and those that delete or move also ``--dry-run``.

    The local server takes only the global options that apply to it.
    """
    command = COMMANDS[name]
    options = {option for each in command.params for option in each.opts}
    deletes = name.endswith(("delete", "untag"))

    assert isinstance(command, Command) == (name != "local")
    assert [each.opts[0] for each in GLOBAL if each in command.params] == (
        ["--output", "--query", "--region"]
        if name == "local"
        else [each.opts[0] for each in GLOBAL]
    )
    assert ("--yes" in options) == deletes
    assert ("--dry-run" in options) == (deletes or name in ("push", "pull", "copy", "sync"))


@pytest.mark.parametrize("name", sorted({"", *(name.split()[0] for name in COMMANDS), *COMMANDS}))
def test_help(ecr: Any, name: str) -> None:
    """Each command and group has help that fits 80 columns without truncated sentences."""
    ended = ecr(*name.split(), "--help")

    assert ended.status == 0
    assert all(len(line) <= 80 for line in ended.out.splitlines())
    assert not re.search(r"[a-z]\.\.\.", ended.out)  # as click truncates a sentence
    assert "\\b" not in ended.out  # the marker of a paragraph that is not wrapped


def test_options_anywhere(ecr: Any, local_ecr: LocalECR) -> None:
    """A global option may come before, between and after the words of a command."""
    results = [
        ecr("--region", "eu-west-1", "repos", "create", "team/app"),
        ecr("repos", "--region", "eu-west-1", "--output", "json", "list"),
        ecr("repos", "list", "--query", "repositories[].repositoryName", "--region", "us-east-1"),
    ]

    assert [each.status for each in results] == [0, 0, 0]
    assert len(results[1].json["repositories"]) == 1
    assert results[2].json == []


def test_endpoint_and_profile(
    ecr: Any, local_ecr: LocalECR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint and the profile of the options override those of the environment."""
    keys = local_ecr.credentials[local_ecr.account]
    path = tmp_path / "credentials"
    path.write_text(
        f"[dev]\naws_access_key_id = {keys.access_key}\naws_secret_access_key = {keys.secret_key}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_ECR"):
        monkeypatch.delenv(name, raising=False)
    ended = ecr("repos", "list", "--endpoint-url", local_ecr.endpoint, "--profile", "dev")
    unknown = ecr("repos", "list", "--profile", "prod")

    assert ended.status == 0
    assert (unknown.status, unknown.err.count("\n")) == (5, 1)


def test_certificates(ecr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate has to be trusted with a bundle, or verification has to be disabled."""
    with LocalECR(tls=True) as local, local.client() as client:
        client.create_repository(repository_name="team/app")
        keys = local.credentials[local.account]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)
        words = ("repos", "list", "--endpoint-url", local.endpoint)
        refused = ecr(*words)
        trusted = ecr(*words, "--ca-bundle", local.ca_file)
        careless = ecr(*words, "--no-verify-ssl")

    assert (refused.status, trusted.status, careless.status) == (4, 0, 0)
    assert trusted.err == ""
    assert "team/app" in careless.out


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["nope"], 2, "No such command 'nope'"),
        (["repos", "list", "--nope"], 2, "see 'ecr repos list --help'"),
        (["repos", "lst"], 2, "Did you mean 'list'? See 'ecr repos --help'"),
        (["repos", "list", "--ca-bundle", "nowhere"], 2, "'--ca-bundle'"),
        (["images", "inspect", "team/nope:1"], 3, "(RepositoryNotFoundException, request id "),
        (["policy", "set", "team/app", "nowhere.json"], 1, "nowhere.json: No such file"),
        (["repos", "describe", "team/nope"], 3, "RepositoryNotFoundException, request id "),
        (["repos", "describe", "UPPER"], 2, "must be lower case"),
        (["repos", "describe", "team/app:1"], 2, "must name a repository"),
        (["repos", "list", "--endpoint-url", "http://127.0.0.1:1"], 4, "no connection"),
        (["repos", "list", "--region", "x y"], 2, "region"),
        (["repos", "list", "--query", "a["], 2, "must be a JMESPath expression, got 'a['"),
        (["push", "nowhere", "team/app:1"], 1, "nowhere"),
        (["push", "dir:nowhere", "team/app:1"], 2, "dir: is not supported"),
        (["pull", "team/app:1", "dir:nowhere"], 2, "dir: is not supported"),
        (["local", "--port", "x"], 2, "ecr local: argument --port"),
        (["images", "list", "public.ecr.aws/x/app"], 2, "Amazon ECR Public"),
    ],
)
def test_errors(ecr: Any, words: list[str], status: int, text: str) -> None:
    """An error is one line on stderr, with an exit status for its category."""
    ended = ecr(*words)

    assert ended.status == status
    assert ended.out == ""
    assert ended.err.startswith(("ecr: ", "ecr local: "))
    assert ended.err.count("\n") == 1
    assert text in ended.err


def test_debug(ecr: Any) -> None:
    """``--debug`` prints the log and the traceback, without keys and signatures."""
    ended = ecr("repos", "describe", "team/nope", "--debug")

    assert "DescribeRepositories: attempt 1 is sent" in ended.err
    assert "Traceback (most recent call last)" in ended.err
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in ended.err
    assert "Signature=" not in ended.err


def test_statuses_of_exceptions() -> None:
    """Each exception of the package has an explicit exit status."""
    found = {
        name: errors.status_of(cls.__new__(cls))
        for name, cls in vars(exceptions).items()
        if isinstance(cls, type) and issubclass(cls, exceptions.AmazonClientException)
    }
    failed = {name for name, status in found.items() if status == errors.FAILED}

    assert found["ThrottlingException"] == errors.REFUSED
    assert found["LayerVerificationException"] == errors.NO_RESPONSE
    assert failed == {
        "AmazonClientException",
        "ClientShutdownException",
        "ImageSourceException",
        "PaginationException",
        "TransferCancelledException",
        "WaiterException",
    }


SCRIPT = """
import json, sys
from ecr_client.cli import main
status = main(sys.argv[1:])
print(json.dumps([status, list(sys.modules)]), file=sys.stderr)
"""
CLIENT = ("requests", "botocore", "ecr_client.client", "ecr_client.images", "attrs")
FORMS = ("rich", "yaml", "jmespath", "PIL")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["--version"], ("click", *CLIENT, *FORMS)),
        (["--help"], (*CLIENT, *FORMS)),
        (["images", "delete", "--help"], (*CLIENT, *FORMS)),
        (["repos", "list", "--nope"], (*CLIENT, *FORMS)),
        (
            ["repos", "list"],
            (*FORMS, "ecr_client.images", "ecr_client.local", "botocore.session", "boto3"),
        ),
        (["repos", "list", "--output", "json"], FORMS),
    ],
)
def test_loaded_modules(
    environment: None, tmp_path: Path, python_path: str, words: list[str], never: tuple[str, ...]
) -> None:
    """A command loads only the modules that it needs."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env={**os.environ, "PYTHONPATH": python_path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    status, modules = json.loads(done.stderr.splitlines()[-1])

    assert status == (2 if "--nope" in words else 0)
    assert [
        name
        for name in modules
        if any(name == package or name.startswith(f"{package}.") for package in never)
    ] == []


def test_version(ecr: Any) -> None:
    """The version is printed, also together with other options."""
    expected = f"ecr-client {ecr_client.__version__}\n"

    assert ecr("--version").out == ecr("--debug", "--version").out == expected


def test_without_the_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without click, one line says what to install."""
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "ecr_client.cli.program", raising=False)
    status = main(["repos", "list"])
    printed = capsys.readouterr()

    assert (status, printed.out) == (1, "")
    assert printed.err == (
        "ecr: click is missing; install it with: python -m pip install 'ecr-client[cli]'\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--version"], ["repos", "list"], ["completion", "bash"]])
def test_closed_pipe(start: Any, words: list[str]) -> None:
    """If the output is closed, the command ends silently, as if by SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        process = start(*words, stdout=stdout)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (141, "")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["repos", "list"]])
def test_full_disk(start: Any, words: list[str]) -> None:
    """Output that cannot be written is reported in one line, and is a failure."""
    with open("/dev/full", "w") as stdout:
        process = start(*words, stdout=stdout)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert err.startswith("ecr: ")
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "again", "status"),
    [
        (["push", "image", "team/copy:1"], False, 130),
        (["push", "image", "team/copy:1"], True, -signal.SIGINT),
        (["sync", "team/app", "team/copy"], False, 130),
    ],
)
def test_interrupts(
    start: Any,
    local_ecr: LocalECR,
    ecr_client: ECRClient,
    pushed: RandomImage,
    words: list[str],
    again: bool,
    status: int,
) -> None:
    """Ctrl-C ends all transfers without a traceback or a tag, and a second one does so at once."""
    ecr_client.create_repository(repository_name="team/copy")
    local_ecr.requests.clear()
    local_ecr.faults.add("UploadLayerPart", latency=60.0 if again else 0.5, count=None)
    process, ends = start(*words), time.monotonic() + 60
    while not local_ecr.requests.of("UploadLayerPart"):
        assert time.monotonic() < ends
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    while again and process.poll() is None:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (status, "")
    assert "Traceback" not in err
    assert ecr_client.list_images(repository_name="team/copy").image_ids == ()


@pytest.mark.slow
def test_closed_output(environment: None, tmp_path: Path) -> None:
    """A command whose stdout is closed runs as if its output were discarded."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -m ecr_client repos list >&-', sys.executable],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path[1:]))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_other_encodings(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Characters that the encoding of stdout lacks are escaped in JSON, and replaced in tables."""
    tags = [{"key": "owner", "value": "李"}]
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    words = ("repos", "list", "--query", f"`{json.dumps(tags)}`")
    document, _ = start(*words).communicate(timeout=60)
    table, _ = start(*words, "--output", "table").communicate(timeout=60)

    assert json.loads(document) == tags
    assert table == "key    value\nowner  ?\n"


def test_interrupt_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C, the shell's prompt is on its own line."""
    monkeypatch.setattr("ecr_client.cli.program.run", Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    assert main(["repos", "list"]) == 130
    assert capsys.readouterr().err == "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ([], ["Local ECR at http://127.0.0.1:.*", ".*", "export AWS_ENDPOINT_URL_ECR=.*"]),
        (
            [
                *("--region", "eu-west-1", "--output", "json"),
                *("--query", "[starts_with(endpoint, 'http://'), environment.AWS_REGION]"),
            ],
            [r"\[", " *true,", ' *"eu-west-1"', r"\]"],
        ),
    ],
    ids=["text", "document"],
)
def test_local(start: Any, words: list[str], lines: list[str]) -> None:
    """The local ECR runs until it is stopped, and prints exports that fit the global options."""
    process = start(*words, "local", "--port", "0")
    printed = [process.stdout.readline().rstrip() for _ in lines]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert all(map(re.fullmatch, lines, printed)), printed


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["re"], ["repos"]),
        (["images", "in"], ["inspect"]),
        (["scan", "findings", "--fail"], ["--fail-on"]),
        (["repos", "list", "--output", "j"], ["json"]),
        (["scan", "findings", "--fail-on", "H"], ["HIGH"]),
        (["push", "oci", ":", "ap"], ["oci:ap"]),  # bash splits words at a colon
        (["pull", "team/app", ":", "1.0", "fold"], ["fold"]),
    ],
)
def test_completion(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: list[str],
    expected: list[str],
) -> None:
    """Commands, options and their values are completed."""
    monkeypatch.setenv("_ECR_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["ecr", *typed]))
    monkeypatch.setenv("COMP_CWORD", str(len(typed)))
    main([])

    found = [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]
    assert found == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(ecr: Any, shell: str) -> None:
    """Each shell has a completion script, which queries the program."""
    assert f"_ECR_COMPLETE={shell}_complete" in ecr("completion", shell).out
