"""Credentials: what may be passed, where others are found, and how long keys are used."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client._credentials.sources import credentials_source, environment_credentials
from ecr_client.credentials import ANONYMOUS, Credentials
from ecr_client.exceptions import (
    CredentialRetrievalException,
    ExpiredTokenException,
    InvalidConfigurationException,
    NoCredentialsException,
)

SECRET = "s3cret"
KEYS = Credentials("AKIA", SECRET, "t0ken")
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": SECRET}
CONFIG = """
[profile role]
role_arn = arn:aws:iam::123456789012:role/example
source_profile = base
[profile process]
credential_process = {process}
[profile empty]
region = eu-west-1
"""
CREDENTIALS = f"""
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = {SECRET}
[base]
aws_access_key_id = AKIABASE
aws_secret_access_key = {SECRET}
aws_session_token = t0ken
"""


@pytest.fixture
def files(own_files: Path) -> Path:
    """Return the directory of the files of the process, which define some profiles."""
    write(own_files)
    return own_files


def write(directory: Path, process: str = "false") -> None:
    (directory / "config").write_text(CONFIG.format(process=process))
    (directory / "credentials").write_text(CREDENTIALS)


def refreshable(fake: Any, refresh: Any = None) -> RefreshableCredentials:
    """Return credentials like those of an assumed role: valid for an hour, then refreshed."""
    count = iter(range(1, 100))

    def next_keys() -> dict[str, str]:
        number, expiry = next(count), fake.utc() + timedelta(hours=1)
        keys = {"access_key": f"AKIA{number}", "secret_key": SECRET, "token": f"t0ken{number}"}
        return {**keys, "expiry_time": expiry.isoformat()}

    first = next_keys()
    return RefreshableCredentials(
        *(first["access_key"], first["secret_key"], first["token"]),
        datetime.fromisoformat(first["expiry_time"]),
        refresh_using=refresh or next_keys,
        method="assume-role",
        time_fetcher=fake.utc,
    )


def soon() -> str:
    """Return an expiry that is so near that botocore refreshes the keys."""
    return (datetime.now(timezone.utc) + timedelta(minutes=5)).isoformat()


def test_values() -> None:
    """Keys are immutable values, whose repr shows neither secret key nor token."""
    keys = Credentials("AKIA", SECRET)

    assert keys == Credentials(access_key="AKIA", secret_key=SECRET, token=None)
    assert keys != KEYS
    assert hash(keys) == hash(Credentials("AKIA", SECRET))
    assert repr(KEYS) == str(KEYS) == "Credentials(access_key='AKIA')"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        KEYS.token = None  # type: ignore[misc]


@pytest.mark.parametrize("field", ["access_key", "secret_key", "token"])
def test_bad_keys(field: str) -> None:
    """An invalid key is refused by the name of its field, without its value."""
    bad: list[Any] = ["", " ", "s3cret\n", " s3cret", "s3 cret", "s3crét", b"s3cret", 7]
    for each in bad if field == "token" else [*bad, None]:
        values: dict[str, Any] = {"access_key": "AKIA", "secret_key": "secret", field: each}
        with pytest.raises(InvalidConfigurationException, match=field) as caught:
            Credentials(**values)

        assert isinstance(caught.value, ValueError)
        assert "s3" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        KEYS,
        BotocoreCredentials("AKIA", SECRET, "t0ken"),
        ReadOnlyCredentials("AKIA", SECRET, "t0ken"),
        lambda: KEYS,
        lambda: ReadOnlyCredentials("AKIA", SECRET, "t0ken"),
        functools.partial(Credentials, "AKIA", SECRET, token="t0ken"),
    ],
)
def test_given(given: Any) -> None:
    """Our credentials, botocore's, and functions that return either all yield the same keys."""
    without = credentials_source(credentials=BotocoreCredentials("AKIA", SECRET, ""))

    assert credentials_source(credentials=given).resolve() == KEYS
    assert without.resolve() == Credentials("AKIA", SECRET)


@pytest.mark.parametrize("as_session", [False, True])
def test_refreshable_credentials(fake: Any, as_session: bool) -> None:
    """Keys are refreshed at the first call, not earlier, and whenever they are about to expire."""
    session = botocore.session.Session()
    session._credentials = given = refreshable(fake)
    fake.passed = 3601
    source = credentials_source(**({"session": session} if as_session else {"credentials": given}))

    assert given._access_key == "AKIA1"
    assert source.resolve().access_key == "AKIA2"
    fake.passed += 30 * 60
    assert source.resolve().access_key == "AKIA2"
    fake.passed += 25 * 60
    assert source.resolve() == Credentials("AKIA3", SECRET, "t0ken3")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"credentials": "AKIA"}, "str"),
        ({"credentials": ("AKIA", SECRET)}, "tuple"),
        ({"credentials": {"access_key": SECRET}}, "dict"),
        ({"credentials": 7}, "int"),
        ({"credentials": object()}, "object"),
        ({"session": object()}, "botocore or boto3 session"),
        ({"session": "session"}, "botocore or boto3 session"),
        ({"credentials": KEYS, "profile": "p"}, "given, got credentials and profile$"),
        ({"credentials": ANONYMOUS, "profile": "p"}, "given, got credentials and profile$"),
        ({"credentials": KEYS, "session": object()}, "given, got credentials and session$"),
        ({"profile": "p", "session": object()}, "given, got profile and session$"),
        ({"credentials": KEYS, "profile": "p", "session": 1}, "credentials and profile and ses"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], problem: str) -> None:
    """A value that is no source is refused by its type, and so is more than one source."""
    with pytest.raises(InvalidConfigurationException, match=problem) as caught:
        credentials_source(**arguments)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("given", ["client", "view", "session"])
def test_anonymous_calls(server: Any, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """Unsigned calls have none of the signature's headers, and neither find nor refresh keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")  # without a secret key, which would be an error
    unsigned = botocore.session.Session()
    unsigned.set_default_client_config(Config(signature_version=UNSIGNED))
    by: dict[str, Any] = {"client": {"credentials": ANONYMOUS}, "session": {"session": unsigned}}
    config = ClientConfiguration(retry=RetryPolicy(sleep=lambda _: None))
    server.responses = [(400, {}, b'{"__type": "ExpiredTokenException"}')]
    with ECRClient(endpoint=server.url, config=config, **by.get(given, {})) as client:
        anonymous = client.with_options(credentials=ANONYMOUS) if given == "view" else client
        with pytest.raises(ExpiredTokenException):
            anonymous.describe_registry()
    (request,) = server.requests

    assert request.headers["x-amz-target"].endswith(".DescribeRegistry")
    assert request.headers.keys().isdisjoint(
        {"authorization", "x-amz-date", "x-amz-security-token"}
    )


def test_anonymous_pickles() -> None:
    """ANONYMOUS stays the same object when copied or pickled, and a client with it pickles."""
    client = pickle.loads(pickle.dumps(ECRClient(endpoint="h", credentials=ANONYMOUS)))

    assert client._credentials.resolve() is None
    assert copy.deepcopy(ANONYMOUS) is pickle.loads(pickle.dumps(ANONYMOUS)) is ANONYMOUS
    assert repr(ANONYMOUS) == "ANONYMOUS"


def raising(error: Exception) -> Any:
    def provider() -> Any:
        raise error

    return provider


def retrieval(source: Any, match: str) -> BaseException | None:
    """Return the cause of the error that a source must raise."""
    with pytest.raises(CredentialRetrievalException, match=match) as caught:
        source.resolve()

    assert SECRET not in str(caught.value)
    return caught.value.__cause__


async def coroutine() -> None:
    """Do nothing; nobody awaits it."""


@pytest.mark.parametrize(
    ("provider", "match"),
    [
        (raising(RuntimeError(SECRET)), r"raising\.<locals>\.provider.*RuntimeError"),
        (raising(KeyError(SECRET)), r"raising\.<locals>\.provider.*KeyError"),
        (raising(NoCredentialsException("x")), "provider.*NoCredentialsException"),
        (lambda: None, "got NoneType"),
        (lambda: ("AKIA", SECRET), "got tuple"),
        (lambda: {"access_key": SECRET}, "got dict"),
        (lambda: coroutine(), "got coroutine; AsyncECRClient takes the asynchronous function"),
        (lambda: BotocoreCredentials("AKIA", f"{SECRET}\n"), "secret_key must consist of visible"),
        # The arguments of a functools.partial are not shown.
        (functools.partial(lambda secret: secret, SECRET), "provider partial failed"),
    ],
)
def test_providers(provider: Callable[[], Any], match: str) -> None:
    """A provider that fails, or returns something else, is named together with the problem."""
    retrieval(credentials_source(credentials=provider), match)


def test_refresh_that_fails(fake: Any) -> None:
    """The error of a failed refresh has botocore's reason, if that cannot hold a secret."""
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
    source = credentials_source(credentials=refreshable(fake, refresh=raising(denied)))
    fake.passed = 7200

    assert retrieval(source, r"AccessDenied.*AssumeRole") is denied


@pytest.mark.parametrize(
    ("variables", "token"),
    [
        ({}, None),
        ({"AWS_SECURITY_TOKEN": "t0ken"}, "t0ken"),
        ({"AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"}, "old"),
        ({"AWS_SESSION_TOKEN": "t0ken", "AWS_SECURITY_TOKEN": ""}, "t0ken"),
        ({"AWS_SESSION_TOKEN": ""}, None),
        ({"AWS_PROFILE": "no-such-profile"}, None),
    ],
)
def test_environment(variables: dict[str, str], token: str | None) -> None:
    """Keys in the environment take precedence over a profile that is named there."""
    source = credentials_source(environ={**ENVIRONMENT, **variables})

    assert source.resolve() == Credentials("AKIA", SECRET, token)


def test_environment_without_keys() -> None:
    """Without an access key nothing is found; an access key without a secret key is an error."""
    assert environment_credentials({"AWS_SECRET_ACCESS_KEY": SECRET}) is None
    assert environment_credentials({"AWS_ACCESS_KEY_ID": ""}) is None
    for secret in ({}, {"AWS_SECRET_ACCESS_KEY": ""}):
        source = credentials_source(environ={"AWS_ACCESS_KEY_ID": "AKIA", **secret})
        retrieval(source, "AWS_SECRET_ACCESS_KEY is not")


def test_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read at the first call and not again; a pickled source starts anew."""
    environ: dict[str, str] = {}
    source = credentials_source(environ=environ)
    environ.update(ENVIRONMENT)
    first, data = source.resolve(), pickle.dumps(source)
    environ["AWS_ACCESS_KEY_ID"] = "AKIAOTHER"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    assert first.access_key == "AKIA"
    assert source.resolve() is first
    assert SECRET.encode() not in data
    assert pickle.loads(data).resolve().access_key == "AKIAOTHER"


@pytest.mark.parametrize(
    ("arguments", "variables", "keys"),
    [
        ({}, {}, Credentials("AKIADEFAULT", SECRET)),
        ({}, {"AWS_PROFILE": "base"}, Credentials("AKIABASE", SECRET, "t0ken")),
        ({"profile": "base"}, ENVIRONMENT, Credentials("AKIABASE", SECRET, "t0ken")),
    ],
)
def test_profiles(
    files: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, variables: Any, keys: Credentials
) -> None:
    """A profile named in code precedes keys in the environment, which precede other profiles.

    A pickled source has none of the keys that were found, and looks them up again.
    """
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    source = credentials_source(**arguments, region="eu-west-1")
    found, data = source.resolve(), pickle.dumps(source)

    assert found == keys == pickle.loads(data).resolve()
    assert SECRET.encode() not in data
    assert b"AKIA" not in data


def test_role_of_a_profile(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role is assumed in the client's region, and only once though its keys expire soon."""
    sent: list[str] = []

    def send(_: Any, request: Any) -> Any:
        sent.append(request.url)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{len(sent)}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>t0ken</SessionToken><Expiration>{soon()}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()
        return response

    monkeypatch.setattr(URLLib3Session, "send", send)
    source = credentials_source(profile="role", region="cn-north-1")

    assert [source.resolve().access_key for _ in range(2)] == ["ASIA1", "ASIA1"]
    assert sent == ["https://sts.cn-north-1.amazonaws.com.cn/"]


def test_a_process_runs_once(files: Path) -> None:
    """A credential process whose keys expire soon runs once for several calls in a row."""
    script, runs = files / "process.py", files / "runs"
    keys = {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": SECRET, "SessionToken": "t"}
    output = json.dumps({**keys, "Expiration": soon()})
    script.write_text(f"open({str(runs)!r}, 'a').write('x')\nprint({output!r})\n")
    write(files, f'"{sys.executable}" "{script}"')
    source = credentials_source(profile="process")

    assert [source.resolve().access_key for _ in range(3)] == ["AKIA"] * 3
    assert runs.read_text() == "x"


def test_nothing_found(own_files: Path) -> None:
    """The error lists the places searched and what to do, and the next call searches again."""
    source = credentials_source()
    with pytest.raises(NoCredentialsException) as caught:
        source.resolve()
    write(own_files)

    for place in (
        *("AWS_ACCESS_KEY_ID", str(own_files / "config"), str(own_files / "credentials")),
        *("profile 'default'", "SSO", "container", "credentials=Credentials("),
        "EC2 instance (not queried, because of AWS_EC2_METADATA_DISABLED)",
    ):
        assert place in str(caught.value)
    assert source.resolve().access_key == "AKIADEFAULT"
    with pytest.raises(NoCredentialsException, match="Searched: profile 'empty' in"):
        credentials_source(profile="empty").resolve()


def test_sessions(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session's credentials are used whatever the environment says; they do not pickle."""
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    source = credentials_source(session=botocore.session.Session(profile="base"))
    given = credentials_source(session=boto3.Session("AKIA", SECRET, "t0ken"))
    without = credentials_source(session=botocore.session.Session(profile="empty"))

    assert source.resolve().access_key == "AKIABASE"
    assert given.resolve() == KEYS
    with pytest.raises(TypeError, match="use profile= or credentials="):
        pickle.dumps(source)
    with pytest.raises(NoCredentialsException, match="The session has no AWS credentials"):
        without.resolve()


def test_threads_share_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that start together search once, and so do threads whose keys have expired."""
    source = credentials_source(environ=ENVIRONMENT)
    looks, barrier = [], threading.Barrier(8)
    look_up = source._look_up  # type: ignore[attr-defined]

    def counted() -> object:
        looks.append(len(looks))
        return look_up()

    def call(_: int) -> Credentials | None:
        barrier.wait()
        return source.resolve()

    monkeypatch.setattr(source, "_look_up", counted)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(call, range(8)))
        renewed = list(pool.map(lambda _: source.refresh(found[0] or KEYS), range(200)))

    assert found == [Credentials("AKIA", SECRET)] * 8
    assert renewed == [False] * 200
    assert looks == [0, 1]
