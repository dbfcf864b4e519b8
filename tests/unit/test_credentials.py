from __future__ import annotations

import copy
import datetime
import functools
import json
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import ClientError

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client._credentials.sources import credentials_source, environment_credentials
from ecr_client.credentials import ANONYMOUS, Credentials
from ecr_client.exceptions import (
    CredentialRetrievalException,
    ExpiredTokenException,
    InvalidConfigurationException,
    NoCredentialsException,
)

if TYPE_CHECKING:
    import pathlib

SECRET = "s3cret"
KEYS = Credentials("AKIA", SECRET, "t0ken")

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


class Process:
    """The environment of the process, without AWS variables, and with files of the test's own."""

    def __init__(self, directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = directory / "config"
        self.credentials = directory / "credentials"
        self.monkeypatch = monkeypatch
        for name in list(os.environ):
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        self.set(
            HOME=str(directory),
            USERPROFILE=str(directory),
            BOTO_CONFIG=str(directory / "boto"),
            AWS_CONFIG_FILE=str(self.config),
            AWS_SHARED_CREDENTIALS_FILE=str(self.credentials),
            AWS_EC2_METADATA_DISABLED="true",
        )

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def write_files(self, process: str = "false") -> None:
        self.config.write_text(CONFIG.format(process=process))
        self.credentials.write_text(CREDENTIALS)


@pytest.fixture
def process(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(tmp_path, monkeypatch)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

    def __call__(self) -> datetime.datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += datetime.timedelta(**delta)


def refreshable(clock: Clock, refresh: Any = None) -> RefreshableCredentials:
    """Return credentials as those of an assumed role: good for an hour, then with new keys."""
    count = iter(range(1, 100))

    def next_keys() -> dict[str, str]:
        expiry = clock() + datetime.timedelta(hours=1)
        number = next(count)
        return {
            "access_key": f"AKIA{number}",
            "secret_key": f"{SECRET}{number}",
            "token": f"t0ken{number}",
            "expiry_time": expiry.isoformat(),
        }

    first = next_keys()
    return RefreshableCredentials(
        first["access_key"],
        first["secret_key"],
        first["token"],
        datetime.datetime.fromisoformat(first["expiry_time"]),
        refresh_using=refresh or next_keys,
        method="assume-role",
        time_fetcher=clock,
    )


# --- Credentials ---------------------------------------------------------------------------------


def test_credentials_by_position_and_by_name() -> None:
    """Keys may be given either way, and the token may be missing."""
    keys = Credentials("AKIA", SECRET)

    assert keys == Credentials(access_key="AKIA", secret_key=SECRET, token=None)
    assert keys != KEYS
    assert hash(keys) == hash(Credentials("AKIA", SECRET))


def test_credentials_hide_secrets() -> None:
    """Neither secret key nor token show in repr or text."""
    assert repr(KEYS) == "Credentials(access_key='AKIA')"
    assert str(KEYS) == repr(KEYS)


def test_credentials_are_frozen_and_pickle() -> None:
    """Keys cannot be changed, and survive pickling, for whoever gave them explicitly."""
    assert pickle.loads(pickle.dumps(KEYS)) == KEYS
    assert copy.deepcopy(KEYS) == KEYS
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        KEYS.token = None  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["", " ", "s3cret\n", " s3cret", "s3 cret", "s3crét", b"s3cret", 7])
@pytest.mark.parametrize("field", ["access_key", "secret_key", "token"])
def test_bad_keys(field: str, bad: Any) -> None:
    """A key that cannot be one is refused by the name of its field, without its value."""
    values = {"access_key": "AKIA", "secret_key": "secret", field: bad}

    with pytest.raises(InvalidConfigurationException, match=field) as caught:
        Credentials(**values)
    assert isinstance(caught.value, ValueError)
    assert "s3" not in str(caught.value)


@pytest.mark.parametrize("field", ["access_key", "secret_key"])
def test_missing_keys(field: str) -> None:
    """Access key and secret key are required."""
    with pytest.raises(InvalidConfigurationException, match=field):
        Credentials(**{"access_key": "a", "secret_key": "b", field: None})  # type: ignore[arg-type]


# --- what a caller may pass ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        KEYS,
        BotocoreCredentials("AKIA", SECRET, "t0ken"),
        ReadOnlyCredentials("AKIA", SECRET, "t0ken"),
        lambda: KEYS,
        lambda: BotocoreCredentials("AKIA", SECRET, "t0ken"),
        lambda: ReadOnlyCredentials("AKIA", SECRET, "t0ken"),
        functools.partial(Credentials, "AKIA", SECRET, token="t0ken"),
    ],
)
def test_given(given: Any) -> None:
    """Keys, botocore's credentials, and functions that give either all give the same keys."""
    assert credentials_source(credentials=given).resolve() == KEYS


@pytest.mark.parametrize("token", [None, ""])
def test_given_without_token(token: str | None) -> None:
    """Credentials without a token have none."""
    given = BotocoreCredentials("AKIA", SECRET, token)

    assert credentials_source(credentials=given).resolve() == Credentials("AKIA", SECRET)


def test_refreshable_credentials_refresh_between_calls() -> None:
    """Credentials of an assumed role give new keys as soon as the old ones are about to expire."""
    clock = Clock()
    source = credentials_source(credentials=refreshable(clock))

    assert source.resolve().access_key == "AKIA1"
    clock.forward(minutes=30)
    assert source.resolve().access_key == "AKIA1"
    clock.forward(minutes=25)
    assert source.resolve() == Credentials("AKIA2", f"{SECRET}2", "t0ken2")


def test_making_a_source_reads_nothing() -> None:
    """Neither a provider nor refreshable credentials are asked before the first call."""
    clock = Clock()
    asked: list[int] = []
    credentials = refreshable(clock, refresh=lambda: asked.append(1))
    clock.forward(hours=2)

    credentials_source(credentials=credentials)
    credentials_source(credentials=lambda: asked.append(2))  # type: ignore[arg-type]

    assert asked == []


def test_provider_is_asked_every_time() -> None:
    """A provider function is called for every call, so that it can change its mind."""
    keys = iter([Credentials("AKIA1", "a"), Credentials("AKIA2", "b")])
    source = credentials_source(credentials=lambda: next(keys))

    assert [source.resolve().access_key for _ in range(2)] == ["AKIA1", "AKIA2"]


@pytest.mark.parametrize("given", ["AKIA", ("AKIA", SECRET), {"access_key": SECRET}, 7, object()])
def test_what_is_no_credentials(given: Any) -> None:
    """Anything else is refused at once, by its type and not by its value."""
    with pytest.raises(InvalidConfigurationException, match=type(given).__name__) as caught:
        credentials_source(credentials=given)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"credentials": KEYS, "profile": "p"}, "credentials and profile"),
        ({"credentials": KEYS, "session": object()}, "credentials and session"),
        ({"credentials": ANONYMOUS, "profile": "p"}, "credentials and profile"),
        ({"profile": "p", "session": object()}, "profile and session"),
        (
            {"credentials": KEYS, "profile": "p", "session": 1},
            "credentials and profile and session",
        ),
    ],
)
def test_conflicting_arguments(arguments: dict[str, Any], names: str) -> None:
    """More than one place for credentials is a mistake, not a question of precedence."""
    with pytest.raises(InvalidConfigurationException, match=f"may be given, got {names}$"):
        credentials_source(**arguments)


# --- anonymous calls ------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["client", "view", "session"])
def test_anonymous_calls(server: Any, process: Process, given: str) -> None:
    """Calls without a signature hold none of its headers, and look for no credentials."""
    process.set(AWS_ACCESS_KEY_ID="AKIA")  # half of the keys, which would be an error
    unsigned = botocore.session.Session()
    unsigned.set_default_client_config(Config(signature_version=UNSIGNED))
    by: dict[str, Any] = {"client": {"credentials": ANONYMOUS}, "session": {"session": unsigned}}
    with ECRClient(endpoint=server.url, **by.get(given, {})) as client:
        caller = client.with_options(credentials=ANONYMOUS) if given == "view" else client
        caller.describe_registry()
    headers = server.requests[0].headers

    assert headers["x-amz-target"].endswith(".DescribeRegistry")
    assert headers.keys().isdisjoint({"authorization", "x-amz-date", "x-amz-security-token"})


def test_anonymous_calls_are_not_renewed(server: Any) -> None:
    """A service that calls credentials expired where there are none is asked once."""
    server.answers = [(400, {}, b'{"__type": "ExpiredTokenException"}')]
    config = ClientConfiguration(retry=RetryPolicy(sleep=lambda _: None))
    client = ECRClient(endpoint=server.url, credentials=ANONYMOUS, config=config)
    with client, pytest.raises(ExpiredTokenException):
        client.describe_registry()

    assert len(server.requests) == 1


def test_anonymous_travels() -> None:
    """The constant stays the same object, and a client that has it pickles."""
    client = pickle.loads(pickle.dumps(ECRClient(endpoint="h", credentials=ANONYMOUS)))

    assert client._credentials.resolve() is None
    assert copy.deepcopy(ANONYMOUS) is pickle.loads(pickle.dumps(ANONYMOUS)) is ANONYMOUS
    assert repr(ANONYMOUS) == "ANONYMOUS"


# --- failures ------------------------------------------------------------------------------------


def failing(error: Exception) -> Any:
    def provider() -> Any:
        raise error

    return provider


@pytest.mark.parametrize(
    "error", [RuntimeError(SECRET), KeyError(SECRET), NoCredentialsException("x")]
)
def test_provider_that_fails(error: Exception) -> None:
    """Whatever a provider raises becomes our error, with its name, its cause, and no secret."""
    source = credentials_source(credentials=failing(error))

    with pytest.raises(CredentialRetrievalException, match=type(error).__name__) as caught:
        source.resolve()
    assert "failing.<locals>.provider" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("result", [None, "AKIA", ("AKIA", SECRET), {"access_key": SECRET}])
def test_provider_with_a_wrong_result(result: Any) -> None:
    """A provider that gives something else is named together with the type of its result."""
    source = credentials_source(credentials=lambda: result)

    with pytest.raises(CredentialRetrievalException) as caught:
        source.resolve()
    assert f"got {type(result).__name__}" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_provider_with_bad_keys() -> None:
    """A provider whose keys cannot be keys is an error that names the field."""
    source = credentials_source(credentials=lambda: BotocoreCredentials("AKIA", f"{SECRET}\n"))

    with pytest.raises(
        CredentialRetrievalException, match="secret_key must consist of visible ASCII"
    ) as caught:
        source.resolve()
    assert SECRET not in str(caught.value)


def test_provider_with_secret_arguments() -> None:
    """The arguments of a functools.partial are not shown."""
    source = credentials_source(credentials=functools.partial(lambda secret: secret, SECRET))

    with pytest.raises(CredentialRetrievalException, match="provider partial failed") as caught:
        source.resolve()
    assert SECRET not in str(caught.value)


def test_refresh_that_fails() -> None:
    """A refresh that fails says why, as far as botocore's words for it can hold no secret."""
    clock = Clock()
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
    source = credentials_source(credentials=refreshable(clock, refresh=failing(denied)))
    clock.forward(hours=2)

    with pytest.raises(CredentialRetrievalException, match=r"AccessDenied.*AssumeRole") as caught:
        source.resolve()
    assert caught.value.__cause__ is denied


# --- the environment -----------------------------------------------------------------------------

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.mark.parametrize(
    ("variables", "token"),
    [
        ({}, None),
        ({"AWS_SESSION_TOKEN": "t0ken"}, "t0ken"),
        ({"AWS_SECURITY_TOKEN": "t0ken"}, "t0ken"),
        ({"AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"}, "old"),
        ({"AWS_SESSION_TOKEN": "t0ken", "AWS_SECURITY_TOKEN": ""}, "t0ken"),
        ({"AWS_SESSION_TOKEN": ""}, None),
        ({"AWS_PROFILE": "no-such-profile"}, None),
    ],
)
def test_environment(variables: dict[str, str], token: str | None) -> None:
    """Keys in the environment are used, before any profile that is named there."""
    source = credentials_source(environ={**ENVIRONMENT, **variables})

    assert source.resolve() == Credentials("AKIA", SECRET, token)


@pytest.mark.parametrize("secret", [{}, {"AWS_SECRET_ACCESS_KEY": ""}])
def test_access_key_without_secret(secret: dict[str, str]) -> None:
    """An access key alone is an error that names what is missing."""
    source = credentials_source(environ={"AWS_ACCESS_KEY_ID": "AKIA", **secret})

    with pytest.raises(CredentialRetrievalException, match="AWS_SECRET_ACCESS_KEY is not"):
        source.resolve()


def test_environment_is_read_on_the_first_call_and_once() -> None:
    """Keys are those at the time of the first call: a client does not change its identity."""
    environ: dict[str, str] = {}
    source = credentials_source(environ=environ)
    environ.update(ENVIRONMENT)
    first = source.resolve()
    environ["AWS_ACCESS_KEY_ID"] = "AKIAOTHER"

    assert first.access_key == "AKIA"
    assert source.resolve() is first


def test_environment_without_keys() -> None:
    """An environment without an access key has no credentials, which is not an error."""
    assert environment_credentials({"AWS_SECRET_ACCESS_KEY": SECRET}) is None
    assert environment_credentials({"AWS_ACCESS_KEY_ID": ""}) is None


def test_environment_loads_no_session() -> None:
    """Explicit keys, and keys in the environment, load nothing of botocore's session."""
    script = (
        "import sys\n"
        "from ecr_client._credentials.sources import credentials_source\n"
        "from ecr_client.credentials import Credentials\n"
        "assert credentials_source().resolve().access_key == 'AKIA'\n"
        "assert credentials_source(credentials=Credentials('a', 'b')).resolve()\n"
        "print(sorted(name for name in sys.modules if name.startswith('boto')\n"
        "    and name.split('.')[-1] in ('session', 'client', 'model', 'credentials')))\n"
    )
    path = ":".join(entry for entry in sys.path if entry)
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout == "[]\n"


# --- profiles and the chain ----------------------------------------------------------------------


def test_default_profile(process: Process) -> None:
    """Without keys in the environment, the default profile is used."""
    process.write_files()

    assert credentials_source().resolve() == Credentials("AKIADEFAULT", SECRET)


def test_profile_of_the_environment(process: Process) -> None:
    """A profile that the environment names is used if the environment has no keys."""
    process.write_files()
    process.set(AWS_PROFILE="base")

    assert credentials_source().resolve() == Credentials("AKIABASE", SECRET, "t0ken")


def test_profile_named_in_code_beats_keys_in_the_environment(process: Process) -> None:
    """A profile that the caller names is what the caller wants."""
    process.write_files()
    process.set(**ENVIRONMENT)

    assert credentials_source(profile="base").resolve().access_key == "AKIABASE"


def test_role_of_a_profile(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile with a role asks STS in the client's region, once if it has nothing better."""
    from botocore.awsrequest import AWSResponse
    from botocore.httpsession import URLLib3Session

    process.write_files()
    sent: list[str] = []

    def send(_: Any, request: Any) -> Any:
        sent.append(request.url)
        # Always within the time in which botocore refreshes before it uses the keys again.
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{len(sent)}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>t0ken</SessionToken><Expiration>{soon.isoformat()}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()
        return response

    monkeypatch.setattr(URLLib3Session, "send", send)
    source = credentials_source(profile="role", region="cn-north-1")

    assert [source.resolve().access_key for _ in range(2)] == ["ASIA1", "ASIA1"]
    assert sent == ["https://sts.cn-north-1.amazonaws.com.cn/"]


def test_nothing_found(process: Process) -> None:
    """Where nothing is found, the error says where was looked and what to do."""
    with pytest.raises(NoCredentialsException) as caught:
        credentials_source().resolve()

    text = str(caught.value)
    for place in (
        "AWS_ACCESS_KEY_ID",
        str(process.config),
        str(process.credentials),
        "profile 'default'",
        "SSO",
        "container",
        "EC2 instance (not asked, because of AWS_EC2_METADATA_DISABLED)",
        "credentials=Credentials(",
    ):
        assert place in text


def test_nothing_found_in_a_profile(process: Process) -> None:
    """The error of a profile without credentials names it, and not the environment's keys."""
    process.write_files()

    with pytest.raises(NoCredentialsException, match="Searched: profile 'empty' in"):
        credentials_source(profile="empty").resolve()


def test_nothing_found_is_not_remembered(process: Process) -> None:
    """After a failed look-up the next call looks again."""
    source = credentials_source()
    with pytest.raises(NoCredentialsException):
        source.resolve()
    process.write_files()

    assert source.resolve().access_key == "AKIADEFAULT"


def test_many_threads_look_up_once(process: Process) -> None:
    """Threads that start together share one look-up."""

    class Session:
        looked_up = 0

        def get_config_variable(self, name: str) -> None: ...

        def get_credentials(self) -> BotocoreCredentials:
            self.looked_up += 1
            return BotocoreCredentials("AKIA", SECRET)

    session = Session()
    source = credentials_source(session=session)
    barrier, found = threading.Barrier(8), []

    def call() -> None:
        barrier.wait()
        found.append(source.resolve())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert session.looked_up == 1
    assert found == [Credentials("AKIA", SECRET)] * 8


# --- sessions ------------------------------------------------------------------------------------


def test_botocore_session(process: Process) -> None:
    """The credentials of a botocore session are used, whatever the environment says."""
    process.write_files()
    process.set(**ENVIRONMENT)
    session = botocore.session.Session(profile="base")

    assert credentials_source(session=session).resolve().access_key == "AKIABASE"


def test_boto3_session(process: Process) -> None:
    """The credentials of a boto3 session are used."""
    boto3 = pytest.importorskip("boto3")
    session = boto3.Session("AKIA", SECRET, "t0ken")

    assert credentials_source(session=session).resolve() == KEYS


def test_session_with_refreshable_credentials(process: Process) -> None:
    """Credentials of a session refresh themselves between calls."""
    clock = Clock()
    session = botocore.session.Session()
    session._credentials = refreshable(clock)
    source = credentials_source(session=session)

    assert source.resolve().access_key == "AKIA1"
    clock.forward(minutes=55)
    assert source.resolve().access_key == "AKIA2"


def test_session_without_credentials(process: Process) -> None:
    """A session without credentials is an error that says so."""
    source = credentials_source(session=botocore.session.Session())

    with pytest.raises(NoCredentialsException, match="The session has no AWS credentials"):
        source.resolve()


@pytest.mark.parametrize("session", [object(), "session", 7])
def test_what_is_no_session(session: Any) -> None:
    """Anything else than a session is refused at once."""
    with pytest.raises(InvalidConfigurationException, match="botocore or boto3 session"):
        credentials_source(session=session)


# --- pickling ------------------------------------------------------------------------------------


def test_found_keys_are_not_pickled(process: Process) -> None:
    """A pickled source has none of the keys it found, and looks them up anew."""
    process.write_files()
    source = credentials_source(profile="base", region="eu-west-1")
    found = source.resolve()
    data = pickle.dumps(source)

    assert SECRET.encode() not in data
    assert b"AKIABASE" not in data
    assert pickle.loads(data).resolve() == found


def test_environment_is_not_pickled(process: Process) -> None:
    """A pickled source has nothing of the environment, and reads that of its new process."""
    source = credentials_source(environ=ENVIRONMENT)
    source.resolve()
    data = pickle.dumps(source)
    process.set(AWS_ACCESS_KEY_ID="AKIAOTHER", AWS_SECRET_ACCESS_KEY="other")

    assert SECRET.encode() not in data
    assert pickle.loads(data).resolve().access_key == "AKIAOTHER"


def test_given_keys_are_pickled() -> None:
    """What the caller gave explicitly is what a pickled source uses."""
    source = credentials_source(credentials=KEYS)

    assert pickle.loads(pickle.dumps(source)).resolve() == KEYS


def test_session_does_not_pickle(process: Process) -> None:
    """A source with a session says why it cannot be pickled."""
    source = credentials_source(session=botocore.session.Session())

    with pytest.raises(TypeError, match="use profile= or credentials="):
        pickle.dumps(source)


# --- renewal -------------------------------------------------------------------------------------


def test_one_renewal_for_all_threads(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads whose keys are called expired look for others once, and not again at once."""
    process.set(AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY=SECRET)
    source = credentials_source()
    keys = source.resolve()
    looks: list[None] = []
    look_up = source._look_up  # type: ignore[attr-defined]

    def counted() -> object:
        looks.append(None)
        return look_up()

    monkeypatch.setattr(source, "_look_up", counted)
    with ThreadPoolExecutor(50) as pool:
        renewed = list(pool.map(lambda _: source.refresh(keys), range(200)))

    assert renewed == [False] * 200
    assert len(looks) == 1


def test_a_process_runs_once(process: Process, tmp_path: pathlib.Path) -> None:
    """A credential process whose keys end soon runs once for some calls in a row."""
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
    script, runs = tmp_path / "process.py", tmp_path / "runs"
    keys = {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": SECRET, "SessionToken": "t"}
    told = json.dumps({**keys, "Expiration": soon.isoformat()})
    script.write_text(f"open({str(runs)!r}, 'a').write('x')\nprint({told!r})\n")
    process.write_files(f'"{sys.executable}" "{script}"')
    source = credentials_source(profile="process")

    assert [source.resolve().access_key for _ in range(3)] == ["AKIA"] * 3
    assert runs.read_text() == "x"
