"""Settings from the environment, from the shared files, and from sessions."""

from __future__ import annotations

import pathlib
import string
from typing import Any

import botocore.session
import pytest

from ecr_client._common.display import redact_url
from ecr_client._engine.user_agent import user_agent
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client._settings import Settings

CONFIG = """
[default]
region = eu-north-1

[profile work]
region = eu-west-1
use_fips_endpoint = true
use_dualstack_endpoint = TRUE
sdk_ua_app_id = from profile
services = local
endpoint_url = http://profile.example.org

[profile plain]
endpoint_url = http://plain.example.org

[profile deaf]
ignore_configured_endpoint_urls = true
endpoint_url = http://deaf.example.org

[profile broken]
services = missing
use_fips_endpoint = yes

[services local]
ecr =
  endpoint_url = http://services.example.org
"""


class Files:
    """The two shared files, and an environment that names them."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.config = directory / "config"
        self.credentials = directory / "credentials"
        self.config.write_text(CONFIG)

    def environ(self, **variables: str) -> dict[str, str]:
        return {
            "AWS_CONFIG_FILE": str(self.config),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials),
            **variables,
        }

    def settings(self, profile: str | None = None, **variables: str) -> Settings:
        return Settings(profile=profile, environ=self.environ(**variables))


@pytest.fixture
def files(tmp_path: pathlib.Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def process(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Make the files those of the process, for sessions, which read nothing else."""
    for name, value in files.environ().items():
        monkeypatch.setenv(name, value)
    return files


NOWHERE = {"AWS_CONFIG_FILE": "/no/config", "AWS_SHARED_CREDENTIALS_FILE": "/no/credentials"}


def test_nothing_configured() -> None:
    """Without variables and files, nothing is set, and that is not an error."""
    settings = Settings(environ=NOWHERE)
    unset = ("region", "endpoint_url", "ca_bundle", "user_agent_appid")

    assert [getattr(settings, name) for name in unset] == [None] * 4
    assert (settings.use_fips, settings.use_dualstack) == (False, False)


def test_environment_beats_profile(files: Files) -> None:
    """A variable takes precedence over the same setting of the profile."""
    settings = files.settings(
        "work", AWS_REGION="us-west-2", AWS_USE_FIPS_ENDPOINT="false", AWS_SDK_UA_APP_ID="env"
    )
    profile = files.settings("work")

    assert (settings.region, settings.use_fips) == ("us-west-2", False)
    assert (settings.use_dualstack, settings.user_agent_appid) == (True, "env")
    assert (profile.region, profile.use_fips, profile.use_dualstack) == ("eu-west-1", True, True)


BOTH = {"AWS_REGION": "us-west-1", "AWS_DEFAULT_REGION": "us-west-2"}


@pytest.mark.parametrize(
    ("profile", "variables", "region"),
    [
        (None, {}, "eu-north-1"),
        (None, BOTH, "us-west-1"),
        (None, {**BOTH, "AWS_REGION": ""}, "us-west-2"),
        (None, {"AWS_PROFILE": "work"}, "eu-west-1"),
        (None, {"AWS_DEFAULT_PROFILE": "work", "AWS_PROFILE": "default"}, "eu-west-1"),
        (None, {"AWS_PROFILE": ""}, "eu-north-1"),
        ("work", {"AWS_PROFILE": "missing"}, "eu-west-1"),
    ],
)
def test_region(files: Files, profile: str | None, variables: Any, region: str) -> None:
    """Region and profile may be named in code or by variables, in botocore's order."""
    assert files.settings(profile, **variables).region == region


def test_profile_of_the_credentials_file(files: Files) -> None:
    """Sections of the credentials file are profiles that take precedence; keys are not kept."""
    files.credentials.write_text(
        "[work]\naws_secret_access_key = s3cret\nregion = sa-east-1\n[other]\nregion = ca-west-1\n"
    )
    settings = files.settings("work")

    assert settings.region == "sa-east-1"
    assert "s3cret" not in repr(settings.__dict__)
    assert files.settings("other").region == "ca-west-1"


def test_missing_profile(files: Files) -> None:
    """A misspelt profile is refused, with its name and the files.

    If a variable names it, that happens when a setting is looked up in it, and not before.
    """
    with pytest.raises(InvalidConfigurationException) as caught:
        files.settings("wrok", AWS_REGION="us-east-1")
    assert "'wrok' (named by the profile argument)" in str(caught.value)
    assert str(files.config) in str(caught.value)

    settings = files.settings(AWS_PROFILE="wrok", AWS_REGION="us-east-1")
    assert settings.region == "us-east-1"
    with pytest.raises(InvalidConfigurationException, match=r"'wrok' \(named by AWS_PROFILE\)"):
        _ = settings.use_fips


@pytest.mark.parametrize("profile", ["", " ", 7])
def test_bad_profile_argument(profile: Any) -> None:
    """The profile argument must be a name."""
    with pytest.raises(InvalidConfigurationException, match="profile must be"):
        Settings(profile=profile, environ=NOWHERE)


def test_malformed_files(files: Files) -> None:
    """A malformed file is named, but its content is not shown, which may be a secret."""
    files.credentials.write_text("s3cret without a section\n")
    with pytest.raises(InvalidConfigurationException) as caught:
        _ = files.settings().region
    assert str(files.credentials) in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None

    files.config.write_bytes(b"\xff\xfe\x00[default]")
    with pytest.raises(InvalidConfigurationException, match="is malformed: line 1 is not"):
        _ = files.settings().region


@pytest.mark.parametrize("profile", ["missing", "broken"])
def test_lenient(files: Files, caplog: pytest.LogCaptureFixture, profile: str) -> None:
    """Invalid settings in files may be skipped with a warning; invalid variables never are."""
    environ = files.environ(AWS_PROFILE=profile, AWS_USE_DUALSTACK_ENDPOINT="yes")
    settings = Settings(environ=environ, lenient=True)

    assert settings.use_fips is False
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert f"'{profile}'" in caplog.text
    with pytest.raises(InvalidConfigurationException, match="AWS_USE_DUALSTACK_ENDPOINT"):
        _ = settings.use_dualstack


def test_home_directory_is_expanded(tmp_path: pathlib.Path, monkeypatch: Any) -> None:
    """The default files are in the home directory, and ~ is expanded in the variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = eu-west-3\n")
    (tmp_path / "elsewhere").write_text("[default]\nregion = eu-west-2\n")

    assert Settings(environ={}).region == "eu-west-3"
    assert Settings(environ={"AWS_CONFIG_FILE": "~/elsewhere"}).region == "eu-west-2"


@pytest.mark.parametrize("value", ["yes", "1", "true "])
def test_bad_flags(value: str) -> None:
    """A flag that is neither true nor false is an error; botocore would read it as false."""
    settings = Settings(environ={**NOWHERE, "AWS_USE_FIPS_ENDPOINT": value})

    with pytest.raises(InvalidConfigurationException, match="AWS_USE_FIPS_ENDPOINT must be true"):
        _ = settings.use_fips


def test_wrong_values_of_a_profile(files: Files) -> None:
    """The error names the profile, or the services section that it refers to, if that is read."""
    settings = files.settings("broken")

    with pytest.raises(InvalidConfigurationException, match="profile 'broken' must be true"):
        _ = settings.use_fips
    with pytest.raises(InvalidConfigurationException, match="services section 'missing'"):
        _ = settings.endpoint_url
    assert files.settings("broken", AWS_ENDPOINT_URL="http://all").endpoint_url == "http://all"


IGNORE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
ALL = {"AWS_ENDPOINT_URL": "http://all"}
ECR = {"AWS_ENDPOINT_URL_ECR": "http://ecr"}


@pytest.mark.parametrize(
    ("profile", "variables", "expected"),
    [
        ("default", {}, None),
        ("work", {}, "http://services.example.org"),
        ("plain", {}, "http://plain.example.org"),
        ("work", ALL, "http://all"),
        ("work", {**ALL, **ECR}, "http://ecr"),
        ("work", {"AWS_ENDPOINT_URL": ""}, "http://services.example.org"),
        ("work", {IGNORE: "true"}, None),
        ("default", {**ALL, IGNORE: "True"}, None),
        ("deaf", {}, None),
        ("deaf", ECR, None),
        ("deaf", {IGNORE: "false"}, "http://deaf.example.org"),
    ],
)
def test_endpoint_url(
    process: Files, monkeypatch: Any, profile: str, variables: dict[str, str], expected: str | None
) -> None:
    """The configured endpoint follows botocore's precedence, and its switch to ignore it."""
    assert process.settings(profile, **variables).endpoint_url == expected

    disabled = dict.fromkeys(("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"), "false")
    for name, value in {**variables, **disabled, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session(profile=profile)
    client = session.create_client("ecr", region_name="us-east-1")
    client.close()
    assert client.meta.endpoint_url == (expected or "https://api.ecr.us-east-1.amazonaws.com")


def test_ca_bundle_order(files: Files) -> None:
    """The CA bundle follows AWS_CA_BUNDLE, profile, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE."""
    names = ("AWS_CA_BUNDLE", "profile", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    paths = {name: str(files.config.parent / name) for name in names}
    for path in paths.values():
        pathlib.Path(path).touch()
    files.credentials.write_text(f"[bundle]\nca_bundle = {paths.pop('profile')}\n")
    for name in names:
        found = files.settings("bundle" if name in names[:2] else None, **paths).ca_bundle

        assert found == str(files.config.parent / name)
        paths.pop(name, None)


def test_ca_bundle_must_exist() -> None:
    """A missing CA bundle is an error that names its path and the variable."""
    settings = Settings(environ={**NOWHERE, "CURL_CA_BUNDLE": "/no/bundle"})

    with pytest.raises(InvalidConfigurationException, match="'/no/bundle' from CURL_CA_BUNDLE"):
        _ = settings.ca_bundle


def test_application_id_is_made_sendable(files: Files) -> None:
    """Characters that a User-Agent cannot hold become dashes, as in botocore."""
    wild = "".join(map(chr, range(1, 256)))
    allowed = set(string.ascii_letters + string.digits + "!$%&'*+-.^_`|~,#")
    settings = Settings(environ={**NOWHERE, "AWS_SDK_UA_APP_ID": wild})

    sent = user_agent(settings.user_agent_appid).partition(" app/")[2]
    assert sent == "".join(c if c in allowed else "-" for c in wild)
    assert files.settings("work").user_agent_appid == "from profile"


def test_nested_blocks(files: Files) -> None:
    """A nested block in place of a value counts as not set."""
    files.config.write_text("[default]\nregion =\n  a = b\nservices = s\n[services s]\necr = x\n")
    settings = files.settings()

    assert settings.region is None
    assert settings.endpoint_url is None


def test_session_comes_first(process: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A botocore session takes precedence over the environment, which supplies the rest."""
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    session = botocore.session.Session(profile="work")
    session.set_config_variable("region", "ap-south-1")
    settings = Settings(session=session)

    assert settings.region == "ap-south-1"
    assert settings.use_fips is True
    assert settings.use_dualstack is True
    assert settings.endpoint_url == "http://services.example.org"
    assert Settings(session=botocore.session.Session(profile="plain")).region == "us-west-2"


def test_boto3_session(process: Files) -> None:
    """A boto3 session is accepted as well, with its region and profile."""
    boto3 = pytest.importorskip("boto3")
    session = boto3.Session(region_name="ap-south-1", profile_name="plain")
    settings = Settings(session=session)

    assert settings.region == "ap-south-1"
    assert settings.endpoint_url == "http://plain.example.org"


@pytest.mark.parametrize("profile", ["wrok", None])
def test_sessions_that_fail(process: Files, profile: str | None) -> None:
    """A session with a missing profile or a malformed file is an InvalidConfigurationException."""
    if profile is None:
        process.credentials.write_text("s3cret without a section\n")
    settings = Settings(session=botocore.session.Session(profile=profile))

    with pytest.raises(InvalidConfigurationException, match=profile or "credentials") as caught:
        _ = settings.region
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:8080", "http://proxy:8080"),
        ("http://user:pw@proxy:8080/a", "http://***@proxy:8080/a"),
        ("https:/user:pw@proxy", "***@proxy"),
        ("https://user:p://w@proxy", "https://***@proxy"),
        ("https://user:p?w@proxy", "https://***"),
        ("https://host?token=pw@x&key=pw", "https://***"),
        ("https://host/a#pw", "https://host/a#***"),
        ("x" * 300, "x" * 200 + "..."),
        ("", ""),
    ],
)
def test_redact_url(url: str, shown: str) -> None:
    """User, password, query and fragment of a URL are not shown."""
    assert redact_url(url) == shown
