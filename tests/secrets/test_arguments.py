"""No secret shows when given arguments, or settings found elsewhere, cannot be used."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    CredentialRetrievalException,
    InvalidConfigurationException,
    ProxyConnectionException,
)

KEY = "canary/secret+key=4f2a91"
TOKEN = "canary~session/token+7bd03c=="
USER = f"user:{quote('canary/proxy+password 9c7e', safe='')}"
GIVEN = {"region": "eu-west-1", "endpoint": "http://127.0.0.1:1"}
HEADERS = {"x-good": "canary header <value> & 'quotes' 55e1"}
PROXY = {"https": f"http://{USER}@proxy:8080"}


class Tuple(tuple):  # type: ignore[type-arg]
    """Keys as botocore's ReadOnlyCredentials has them, whose repr shows all of them."""

    access_key = property(lambda self: self[0])
    secret_key = property(lambda self: self[1])
    token = property(lambda self: self[2])


KEYS = Tuple(("AKIDEXAMPLE", KEY, TOKEN))


def client(**arguments: Any) -> ECRClient:
    return ECRClient(
        **{**GIVEN, "credentials": Credentials("AKIDEXAMPLE", KEY, TOKEN), **arguments}
    )


#: What is refused because of a secret, or because of something beside one.
REFUSED: dict[str, Callable[[], object]] = {
    "a key with a line end": lambda: Credentials("AKIDEXAMPLE", f"{KEY}\n"),
    "a token that is not a string": lambda: Credentials("AKIDEXAMPLE", KEY, TOKEN.encode()),  # type: ignore[arg-type]
    "keys as a tuple": lambda: client(credentials=("AKIDEXAMPLE", KEY)),
    "keys as a dict": lambda: client(credentials={"secret_key": KEY}),
    "keys and a profile": lambda: client(credentials=KEYS, profile="missing"),
    "keys and a session": lambda: client(credentials=KEYS, session=object()),
    "bad region beside keys": lambda: client(credentials=KEYS, region="nowhere at all"),
    "bad endpoint beside keys": lambda: client(credentials=KEYS, endpoint="http://a b"),
    "keys in the endpoint": lambda: client(endpoint=f"https://{USER}@host"),
    "keys in the query": lambda: client(endpoint=f"https://host/?key={KEY}"),
    "unknown argument": lambda: client(secret_key=KEY),
    "another SDK's arguments": lambda: client(aws_access_key_id="AKID", aws_secret_access_key=KEY),
    "another SDK's keys": lambda: Credentials(aws_secret_access_key=KEY),  # type: ignore[call-arg]
    "another SDK's retries": lambda: ClientConfiguration(retries={}, proxies=PROXY),  # type: ignore[call-arg]
    "another SDK's options": lambda: client().with_options(retries=1, headers=HEADERS),  # type: ignore[call-arg]
    "another endpoint": lambda: client().set_endpoint(f"https://{USER}@host"),
    "config that is not one": lambda: client(config=PROXY),
    "header with a line end": lambda: client().with_options(headers={**HEADERS, "x-bad": "a\n"}),
    "header that is not a string": lambda: client().with_options(headers={"x": HEADERS}),  # type: ignore[dict-item]
    "headers that are not a mapping": lambda: client().with_options(headers=list(HEADERS.items())),  # type: ignore[arg-type]
    "other keys": lambda: client().with_options(credentials=("A", KEY)),  # type: ignore[arg-type]
    "bad timeout": lambda: client().with_options(timeout=-1, headers=HEADERS, credentials=KEYS),
    "setting beside a proxy": lambda: ClientConfiguration(read_timeout=-1, proxies=PROXY),
    "proxy of a wrong form": lambda: ClientConfiguration(proxies={"https": f"x://{USER}@proxy"}),
    "proxy with a space": lambda: ClientConfiguration(proxies={"https": f"http://{USER}@a b"}),
    "proxy as a key": lambda: ClientConfiguration(proxies={f"http://{USER}@proxy": "https"}),
    "proxies as a string": lambda: ClientConfiguration(proxies=PROXY["https"]),  # type: ignore[arg-type]
    "a change beside a proxy": lambda: attrs.evolve(
        ClientConfiguration(proxies=PROXY), read_timeout=0
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_arguments(evidence: Any, name: str) -> None:
    """An argument that is refused is not shown, and neither are those beside it."""
    evidence.fails(REFUSED[name], (AmazonClientException, TypeError))

    assert evidence.leaks() == []


#: Contents of the credentials file that cannot be used.
FILES = {
    "profile that is missing": f"[other]\naws_access_key_id=A\naws_secret_access_key={KEY}\n",
    "no file of its kind": f"aws_secret_access_key={KEY}\n",
    "line without a name": f"[default]\n{KEY}\n",
    "no secret": f"[named]\naws_access_key_id={KEY}\n",
    "bad region": f"[named]\nregion=no where\naws_secret_access_key={KEY}\n",
    "bad setting": f"[named]\nuse_fips_endpoint=x\naws_session_token={TOKEN}\n",
    "token with a space": f"[named]\naws_access_key_id=A\naws_secret_access_key={KEY} {TOKEN}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files(evidence: Any, tmp_path: Path, monkeypatch: Any, name: str) -> None:
    """No secret in an unusable credentials file is shown."""
    path = tmp_path / "credentials"
    path.write_text(FILES[name])
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))

    def call() -> None:
        ECRClient(profile="named", endpoint="http://127.0.0.1:1").describe_registry()

    evidence.fails(call, AmazonClientException)

    assert evidence.leaks() == []


def process(text: str, status: int) -> str:
    """Return a Python program that prints a string to both streams, and exits."""
    return f"import sys\nprint({text!r})\nprint({text!r}, file=sys.stderr)\nsys.exit({status})\n"


PROCESSES = {
    "failure": process(KEY, 1),
    "no JSON": process(f'{{"SecretAccessKey": "{KEY}"', 0),
    "other version": process(f'{{"Version": 7, "SecretAccessKey": "{KEY}"}}', 0),
    "missing keys": process(f'{{"Version": 1, "SecretAccessKey": "{KEY}"}}', 0),
    "no object": process(f'"{KEY}"', 0),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_credential_processes(evidence: Any, tmp_path: Path, monkeypatch: Any, name: str) -> None:
    """What a credential process prints is not shown when it cannot be used."""
    script, config = tmp_path / "process.py", tmp_path / "config"
    script.write_text(PROCESSES[name])
    config.write_text(f'[profile p]\ncredential_process = "{sys.executable}" "{script}"\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    made = ECRClient(profile="p", endpoint="http://127.0.0.1:1")
    evidence.fails(made.describe_registry, CredentialRetrievalException)

    assert evidence.leaks() == []


def broken() -> object:
    """Fail with a secret in the variables of the frame."""
    held = KEY
    raise LookupError(len(held))


@pytest.mark.parametrize(
    "provider", [broken, lambda: KEY, lambda: Tuple(("A", f"{KEY}\n", TOKEN)), lambda: (KEY, TOKEN)]
)
def test_providers(evidence: Any, provider: Any) -> None:
    """A function that returns no credentials is named, without what it returned."""
    evidence.fails(client(credentials=provider).describe_registry, AmazonClientException)

    assert evidence.leaks() == []


BAD_PROXIES = {
    "nobody there": f"http://{USER}@127.0.0.1:1",
    "no port": f"http://{USER}@127.0.0.1:port",
    "no host": f"http://{USER}@",
    "other scheme": f"socks9://{USER}@127.0.0.1:1",
    "no scheme": f"{USER}@127.0.0.1:1",
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", BAD_PROXIES)
def test_bad_proxies(evidence: Any, monkeypatch: Any, name: str, scheme: str) -> None:
    """The password of an unusable proxy in the environment is not shown."""
    monkeypatch.setenv(f"{scheme}_proxy", BAD_PROXIES[name])
    made = client(endpoint=f"{scheme}://ecr.example")
    error = evidence.fails(made.describe_registry)

    kinds = (ProxyConnectionException, InvalidConfigurationException)
    assert isinstance(error, kinds[0] if name == "nobody there" else kinds[1])
    assert evidence.leaks() == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status", [200, 302, 407, 502])
def test_responses_of_proxies(evidence: Any, server: Any, scheme: str, status: int) -> None:
    """Whatever a proxy responds, its password is not shown."""
    server.responses = [f"HTTP/1.1 {status} Fine\r\nContent-Length: 5\r\n\r\nhello".encode()]
    address = f"{USER}@{server.url.partition('://')[2]}"
    config = ClientConfiguration(proxies={scheme: f"http://{address}"})
    made = client(endpoint=f"{scheme}://ecr.example", config=config)
    evidence.value(config)
    evidence.value(made)
    evidence.fails(made.describe_registry, AmazonClientException)

    assert evidence.leaks() == []


def test_pickles_hold_no_found_credentials(
    evidence: Any, ecr: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    """A client is pickled without credentials that it found, before and after a call."""
    keys = ecr.credentials[ecr.account]
    path = tmp_path / "credentials"
    path.write_text(
        f"[named]\naws_access_key_id={keys.access_key}\naws_secret_access_key={keys.secret_key}\n"
        f"aws_session_token={keys.token}\n"
    )
    variables = {**ecr.environment(), "AWS_SHARED_CREDENTIALS_FILE": str(path)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    by_file = ECRClient(profile="named", region=ecr.region, endpoint=ecr.endpoint)
    by_environment = ECRClient()
    for each in (by_file, by_environment, by_file.with_options(timeout=5)):
        before = pickle.dumps(each)
        assert each.describe_repositories().repositories == ()
        for text in (before, pickle.dumps(each)):
            evidence.texts.append(("pickle", text.decode("latin-1")))
            arrived = pickle.loads(text)
            assert arrived.describe_repositories().repositories == ()

    assert evidence.leaks() == []


def test_pickles_of_given_credentials_hold_them(evidence: Any) -> None:
    """Given credentials are pickled, as the copy needs them: such a pickle is itself a secret."""
    evidence.texts.append(("pickle", pickle.dumps(client()).decode("latin-1")))

    assert evidence.leaks() == ["secret key in pickle", "session token in pickle"]


def test_attributes_of_clients(evidence: Any) -> None:
    """The attributes of clients and views hide keys whose own repr shows them."""
    made = client(credentials=KEYS).with_options(credentials=KEYS, headers=HEADERS)
    evidence.value(vars(made))
    evidence.value(vars(made._make_options().credentials))

    assert evidence.leaks() == []
