"""What the message of a failing credentials source must contain, and what it must not."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any

import attrs
import botocore.credentials
import pytest
from botocore.credentials import AssumeRoleProvider, SSOProvider
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
    RefreshWithMFAUnsupportedError,
)
from botocore.httpsession import URLLib3Session
from botocore.tokens import SSOTokenProvider
from botocore.utils import ContainerMetadataFetcher

from ecr_client import _config_files
from ecr_client._credentials.failures import explain
from ecr_client._credentials.sources import CredentialsSource, credentials_source
from ecr_client._exceptions import (
    AmazonClientException,
    CredentialRetrievalException,
    NoCredentialsException,
)

#: Strings in files, variables, responses and the output of processes, but never in a message.
SECRETS = ("s3cret", "t0ken", "pr1nted", "b0dy", "gu1d", "passw0rd")
NOWHERE = "http://127.0.0.1:1"
DEFAULT = "profile 'default' in {dir}/config"
URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
ROLE = "arn:aws:iam::123456789012:role/example"
BASE = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s3cret\n"
ALONE = f"[default]\nrole_arn = {ROLE}\n"
ROLE_PROFILE = f"{ALONE}source_profile = base\n"
SSO = """
[default]
sso_session = work
sso_account_id = 123456789012
sso_role_name = Reader
[sso-session work]
sso_region = eu-west-1
sso_start_url = https://example.awsapps.com/start
"""
LEGACY_SSO = SSO.replace("sso_session = work\n", "").replace("[sso-session work]\n", "")
UNAUTHORIZED = (401, {"x-amzn-ErrorType": "UnauthorizedException"}, b'{"message": "no"}')
PAGE = (200, {"Content-Type": "text/html"}, b"<html>b0dy s3cret</html>")
FULL_URI = {URI: "{url}/gu1d"}
KEYS = {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s3cret", "SessionToken": "t0ken"}
INSTANCE = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}/"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/token", "AWS_ROLE_ARN": ROLE}
STS = {"AWS_ENDPOINT_URL_STS": "{url}"}


def sts_error(code: str, message: str) -> tuple[int, Mapping[str, str], bytes]:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return 403, {}, f"<ErrorResponse>{text}<RequestId>1</RequestId></ErrorResponse>".encode()


@attrs.frozen
class Case:
    """A source that fails: its configuration, the server's response, and the expected message."""

    facts: tuple[str, ...]
    config: str = ""
    credentials: str = ""
    environ: Mapping[str, str] = attrs.field(factory=dict)
    response: Any = None
    raises: Callable[[str], BaseException] | None = None
    token: str | None = None
    is_nowhere: bool = False


def variables(*facts: str, **environ: str) -> Case:
    return Case(facts, environ=environ)


def process(command: str, *facts: str) -> Case:
    return Case(
        (f"credential_process of {DEFAULT}", *facts), f"[default]\ncredential_process = {command}\n"
    )


def prints(output: str, *facts: str) -> Case:
    return process(f'{{python}} -c \'print("""{output}""")\' passw0rd', "'{python}'", *facts)


def expiring(when: str, *facts: str) -> Case:
    text = json.dumps({**KEYS, "Expiration": when}).replace('"', '\\"')
    return process(f'{{python}} -c \'print("""{{{text}}}""")\'', *facts)


def sso(*facts: str, config: str = SSO, **more: Any) -> Case:
    return Case(facts, config, **more)


def role(*facts: str, config: str = ROLE_PROFILE, credentials: str = BASE, **more: Any) -> Case:
    return Case(facts, config, credentials, **{"environ": STS, **more})


def container(*facts: str, **more: Any) -> Case:
    return Case(("the container's credentials", *facts), **{"environ": FULL_URI, **more})


def instance(*facts: str, **more: Any) -> Case:
    outcome = (f"the metadata of the EC2 instance ({fact}" for fact in facts)
    return Case(tuple(outcome), **{"environ": INSTANCE, "is_nowhere": True, **more})


def timeout(kind: Any) -> Callable[[str], BaseException]:
    return lambda url: kind(endpoint_url=url)


GOOD_TOKEN: dict[str, Any] = {
    "token": '{"accessToken": "t0ken", "expiresAt": "2999-01-01T00:00:00Z"}',
    "environ": {"AWS_ENDPOINT_URL_SSO": "{url}"},
}
LOGIN = "aws sso login --sso-session work"
CASES = {
    # --- environment and files
    "environment, no secret": variables(
        "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", AWS_ACCESS_KEY_ID="AKIA"
    ),
    "environment, no access key": Case(
        ("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not",),
        environ={"AWS_SECRET_ACCESS_KEY": "s3cret"},
        is_nowhere=True,
    ),
    "credential_source, half an environment": Case(
        ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must both be set; AWS_SECRET_ACCESS_KEY",),
        f"[profile p]\nrole_arn = {ROLE}\ncredential_source = Environment\n",
        environ={"AWS_ACCESS_KEY_ID": "AKIA", "PROFILE": "p"},
    ),
    "a setting": variables("SERVICE_TIMEOUT", "is invalid", AWS_METADATA_SERVICE_TIMEOUT="soon"),
    "no section": Case(("{dir}/config", "line 1 comes before"), "key = s3cret\n"),
    "section twice": Case(("{dir}/credentials", "line 4 repeats a section"), "", BASE + BASE),
    "setting twice": Case(("line 3 repeats a setting",), "[default]\ns3cret = 1\ns3cret = 2\n"),
    "nested": Case(("{dir}/config", "line 4 is neither"), "[a]\ns3 =\n  x = 1\n  s3cret\n"),
    "encoding": Case(("{dir}/config", "line 2 is not"), "[default]\ns3cret = \udcff\n"),
    "no such profile": Case(
        ("profile 'bsae' (named by AWS_PROFILE)", "{dir}/config", "did you mean 'base'?"),
        credentials=BASE,
        environ={"AWS_PROFILE": "bsae"},
    ),
    "half a profile": Case(
        ("profile 'default' in {dir}/credentials has no aws_secret_access_key; add it",),
        credentials="[default]\naws_access_key_id = AKIA\n",
    ),
    "other half of a profile": Case(
        ("aws_secret_access_key is set, but aws_access_key_id is not",),
        credentials="[default]\naws_secret_access_key = s3cret\n",
        is_nowhere=True,
    ),
    "old file": variables("{dir}/none", "AWS_CREDENTIAL_FILE", AWS_CREDENTIAL_FILE="{dir}/none"),
    # --- processes
    "no program": process("{dir}/none passw0rd", "cannot run '{dir}/none': No such file"),
    "no words": process("x 'passw0rd", "must be a command, got"),
    "empty": process("", "must be a command, got"),
    "exit code": process(
        '{python} -c \'import sys; print("pr1nted"); print("b0dy", file=sys.stderr); sys.exit(3)\'',
        "'{python}' failed with exit code 3; run it in a terminal",
    ),
    "no JSON": prints("pr1nted", "printed something that is not a JSON object"),
    "a list": prints('[\\"pr1nted\\"]', "not a JSON object"),
    "version": prints('{{\\"Version\\": \\"pr1nted\\"}}', 'no "Version": 1'),
    "no keys": prints('{{\\"Version\\": 1}}', "no AccessKeyId and no Secret"),
    "expired": expiring("2020-01-01T00:00:00Z", "expired, even after a refresh"),
    "expires without a zone": expiring("2030-01-01T00:00:00", "with a time zone"),
    # --- SSO
    "SSO, no token": sso(DEFAULT, LOGIN),
    "SSO, token without members": sso(LOGIN, token="{}"),
    "SSO, truncated token": sso(LOGIN, token='{"accessToken": "t0'),
    "SSO, expired": sso(
        f"has expired; run '{LOGIN}'",
        token='{"accessToken": "t0ken", "expiresAt": "2020-01-01T00:00:00Z"}',
    ),
    "SSO, expired, of a source": sso(
        "profile 'work' in {dir}/config",
        "has expired; run 'aws sso login --profile work'",
        config=LEGACY_SSO.replace("default", "profile work")
        + ROLE_PROFILE.replace("= base", "= work"),
        response=UNAUTHORIZED,
        **GOOD_TOKEN,
    ),
    "SSO, forbidden": sso(
        "role 'Reader' of account '123456789012'",
        "ForbiddenException: No access",
        response=(403, {"x-amzn-ErrorType": "ForbiddenException"}, b'{"message": "No access"}'),
        **GOOD_TOKEN,
    ),
    "SSO, a page": sso("{url}", "captive portal", response=PAGE, **GOOD_TOKEN),
    "SSO, half a session": sso(
        "sso_region", "{dir}/config", config=SSO.replace("sso_region = eu-west-1\n", "")
    ),
    "SSO, two regions": sso(
        "differ in the value of sso_region",
        config=SSO.replace("sso_role", "sso_region = s3cret\nsso_role"),
    ),
    # --- roles
    "role, no source": role(f"{DEFAULT} has a role_arn, but no source_profile", config=ALONE),
    "role, no such source": role(
        f"profile 'bsae' (named by source_profile of {DEFAULT})",
        "did you mean 'base'?",
        config=ROLE_PROFILE.replace("base", "bsae"),
    ),
    "role, bad source": role(
        "Environment, Ec2InstanceMetadata or EcsContainer",
        config=f"{ALONE}credential_source = Env\n",
    ),
    "role, source without keys": role(
        f"credential_source 'Environment' of {DEFAULT} has no credentials",
        config=f"{ALONE}credential_source = Environment\n",
    ),
    "role, circle": role(
        *("Infinite loop", "default", "other"),
        config=ROLE_PROFILE.replace("base", "other")
        + ROLE_PROFILE.replace("default", "profile other").replace("base", "default"),
    ),
    "role, MFA": role(
        *(ROLE, "arn:aws:iam::1:mfa/me", "no terminal"),
        config=f"{ROLE_PROFILE}mfa_serial = arn:aws:iam::1:mfa/me\n",
    ),
    "role, denied": role(
        f"STS refused role {ROLE} of profile 'default'",
        *("AccessDenied: User is not authorized", "allow sts:AssumeRole"),
        response=sts_error("AccessDenied", "User is not authorized"),
    ),
    "role, a page": role(
        f"role {ROLE} of profile 'default': ", "{url}", "captive portal", response=PAGE
    ),
    "role, nowhere": role(
        f"role {ROLE} of profile 'default': no connection to {NOWHERE}",
        environ={"AWS_ENDPOINT_URL_STS": NOWHERE},
    ),
    "role, silence": role("{url} did not respond", raises=timeout(ReadTimeoutError)),
    "role, no ARN": role("the values of RoleArn", config=ROLE_PROFILE.replace(ROLE, "none")),
    # --- web identity
    "web identity, no file": variables(
        *("cannot read {dir}/token: No such file", "correct AWS_WEB_IDENTITY_TOKEN_FILE"), **WEB
    ),
    "web identity, no file of a profile": Case(
        ("{dir}/none", f"web_identity_token_file of {DEFAULT}"),
        f"{ALONE}web_identity_token_file = {{dir}}/none\n",
    ),
    "web identity, no role": variables(
        "set AWS_ROLE_ARN, or role_arn of profile", AWS_WEB_IDENTITY_TOKEN_FILE="{dir}/config"
    ),
    "web identity, expired": Case(
        (ROLE, "ExpiredTokenException: over", "refresh the token"),
        environ={**WEB, **STS, "AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/credentials"},
        credentials="[t0ken]",
        response=sts_error("ExpiredTokenException", "over"),
    ),
    # --- containers
    "container, refused": container(
        "{url} responded with status 403", response=(403, {}, b'{"b0dy": "s3cret"}')
    ),
    "container, a page": container("{url} is not a JSON object", response=PAGE),
    "container, no keys": container("has no AccessKeyId", response=(200, {}, b'{"x": "b0dy"}')),
    "container, silence": container(
        "http://169.254.170.2 did not respond",
        environ={"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/gu1d"},
        raises=timeout(ConnectTimeoutError),
    ),
    "container, foreign host": variables(
        f"{URI} has the host 'example.com'", **{URI: "http://example.com/gu1d"}
    ),
    "container, line end": Case(
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "line break"),
        environ={**FULL_URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t0ken\n"},
    ),
    "container, no token file": Case(
        ("cannot read {dir}/none", "correct AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        environ={**FULL_URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{dir}/none"},
    ),
    # --- instances
    "instance, disabled": instance(
        "not queried, because of AWS_EC2_METADATA_DISABLED",
        environ={"AWS_EC2_METADATA_DISABLED": "true"},
    ),
    "instance, no role": instance("{url} responded with status 404", response=(404, {}, b"b0dy")),
    "instance, bad request": instance("{url} responded with status 400", response=(400, {}, b"")),
    "instance, a page": instance("{url} responded with status 200", response=PAGE),
    "instance, nowhere": instance(
        f"no connection to {NOWHERE}",
        environ={**INSTANCE, "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE},
    ),
    "instance, silence": instance(
        "{url} did not respond within 1 s (AWS_METADATA_SERVICE_TIMEOUT)",
        raises=timeout(ConnectTimeoutError),
    ),
    "instance, no token": Case(
        ("AWS_EC2_METADATA_V1_DISABLED", "hop limit"),
        environ={**INSTANCE, "AWS_EC2_METADATA_V1_DISABLED": "true"},
        raises=timeout(ReadTimeoutError),
    ),
    "instance, no URL": Case(
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT must be a URL, got 'http://***@:x'",),
        environ={**INSTANCE, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://u:passw0rd@:x"},
    ),
}


class Sources:
    """The environment of the process, with files and a server of the test's own."""

    def __init__(self, directory: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names = {"dir": str(directory), "url": server.url, "python": sys.executable}
        self._directory, self._server, self._monkeypatch = directory, server, monkeypatch

    def fill(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        return text.replace("{{", "{").replace("}}", "}")

    def fails(self, case: Case) -> AmazonClientException:
        source = self.prepare(case)
        with pytest.raises(AmazonClientException) as caught:
            source.resolve()
        return caught.value

    def prepare(self, case: Case) -> CredentialsSource:
        for name in ("config", "credentials"):
            data = self.fill(getattr(case, name)).encode("utf-8", "surrogateescape")
            (self._directory / name).write_bytes(data)
        for name, value in case.environ.items():
            self._monkeypatch.setenv(name, self.fill(value))
        if case.response is not None:
            self._server.responses = [case.response]
        for name in ("work", "https://example.awsapps.com/start") if case.token else ():
            path = self._directory / f"{sha1(name.encode()).hexdigest()}.json"
            path.write_text(case.token or "")
        if case.raises is not None:
            raises = case.raises

            def send(_: object, request: Any) -> None:
                raise raises(request.url)

            self._monkeypatch.setattr(URLLib3Session, "send", send)
        return credentials_source(profile=os.environ.get("PROFILE"), region="eu-west-1")


def no_terminal(_: str) -> str:
    raise EOFError


@pytest.fixture
def sources(own_files: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> Sources:
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    for provider in (SSOProvider, SSOTokenProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(own_files))
    _, *others = AssumeRoleProvider.__init__.__defaults__
    monkeypatch.setattr(AssumeRoleProvider.__init__, "__defaults__", (no_terminal, *others))
    return Sources(own_files, server, monkeypatch)


@pytest.mark.parametrize("name", CASES)
def test_facts(sources: Sources, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """The message names what failed and what to do, and neither it nor a log shows a secret."""
    caplog.set_level(logging.DEBUG)
    case = CASES[name]
    error = sources.fails(case)
    shown = "".join(traceback.format_exception(error)) + caplog.text

    assert type(error) is (
        NoCredentialsException if case.is_nowhere else CredentialRetrievalException
    )
    assert [fact for fact in map(sources.fill, case.facts) if fact not in str(error)] == []
    assert [secret for secret in SECRETS if secret in shown] == []


def test_second_calls(sources: Sources) -> None:
    """A second call fails like the first, and an exception being handled is not its cause."""
    source = sources.prepare(CASES["role, denied"])
    try:
        json.loads("")
    except ValueError:
        for _ in range(2):
            with pytest.raises(CredentialRetrievalException, match="AccessDenied") as caught:
                source.resolve()
    expiring = sources.prepare(CASES["expires without a zone"])
    for _ in range(2):
        with pytest.raises(CredentialRetrievalException, match="with a time zone"):
            expiring.resolve()

    assert isinstance(caught.value.__cause__, ClientError)
    # If only a person can renew the keys, the message says so.
    text = explain(RefreshWithMFAUnsupportedError(), None, None, {})
    assert "Create a new client, which asks for a new code" in text


@pytest.mark.skipif(not hasattr(botocore.credentials, "LoginProvider"), reason="botocore is older")
@pytest.mark.parametrize(
    ("library", "fact"), [(None, "botocore[crt]"), (object(), "run 'aws login --profile default'")]
)
def test_login_session(
    sources: Sources, monkeypatch: pytest.MonkeyPatch, library: object, fact: str
) -> None:
    """The error of an unusable login session says what to install, or how to log in again."""
    monkeypatch.setattr(botocore.credentials, "EC", library)
    login = Case((), "[default]\nlogin_session = arn:aws:iam::123456789012:user/me\n")
    text = str(sources.fails(login))

    assert fact in text
    assert f"profile 'default' in {sources.names['dir']}/config" in text


def test_unreadable_files(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that may not be read are not reported as missing."""

    def refuse(path: object, *_: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    source = sources.prepare(CASES["instance, disabled"])
    monkeypatch.setattr(_config_files, "open", refuse, raising=False)
    with pytest.raises(NoCredentialsException) as caught:
        source.resolve()

    for name in ("config", "credentials"):
        assert f"{sources.names['dir']}/{name} (cannot be read: Permission" in str(caught.value)


def test_logged_failures(sources: Sources, caplog: pytest.LogCaptureFixture) -> None:
    """What botocore logs about a failed refresh says why, and quotes nothing."""
    sources.fails(CASES["role, a page"])
    (record,) = [each for each in caplog.records if each.name == "botocore.credentials"]

    assert "captive portal" in record.getMessage()
    assert record.exc_info is None
