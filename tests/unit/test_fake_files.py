"""A client whose files are hidden works, or says which file it cannot read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.certs import where

from ecr_client import ClientConfiguration, Credentials, ECRClient, Region, regions
from ecr_client.exceptions import (
    AmazonClientException,
    CredentialRetrievalException,
    InvalidConfigurationException,
    NoCredentialsException,
    TLSException,
)

KEYS = Credentials("AKIDEXAMPLE", "secret")
MISSING = "ModuleNotFoundError(f'No module named {name}', name=name)"
BOTOCORE = Path(sys.modules["botocore"].__file__ or "").parent
PARTITIONS = str(BOTOCORE / "data/partitions.json")
ROLE = (
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/example\nsource_profile = base\n"
    "[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n"
)


def with_a_role() -> None:
    with open(os.environ["AWS_CONFIG_FILE"], "w") as file:
        file.write(ROLE)
    ECRClient(endpoint="https://127.0.0.1:1").describe_registry()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Yield a file system with nothing but an empty directory for the configuration."""
    fake = pytest.importorskip("pyfakefs.fake_filesystem_unittest")
    for cached in (regions._load_data, regions.partitions):
        monkeypatch.setattr(regions, cached.__name__, cached.__wrapped__)
    with fake.Patcher() as patcher:
        patcher.fs.create_dir(os.path.dirname(os.environ["AWS_CONFIG_FILE"]))
        yield patcher.fs


@pytest.mark.parametrize(
    ("attempt", "kind", "fact"),
    [
        (lambda: ECRClient(region="eu-west-1"), InvalidConfigurationException, PARTITIONS),
        (
            lambda: Region("eu-west-1").is_service_supported("ecr"),
            InvalidConfigurationException,
            PARTITIONS,
        ),
        (
            lambda: ECRClient(endpoint="http://127.0.0.1:1").describe_registry(),
            NoCredentialsException,
            "config (no such file)",
        ),
        (with_a_role, CredentialRetrievalException, str(BOTOCORE / "data")),
    ],
)
def test_hidden_files(files: Any, attempt: Any, kind: type[Exception], fact: str) -> None:
    """The error of a call that needs a hidden file names the file."""
    with pytest.raises(AmazonClientException) as caught:
        attempt()

    assert type(caught.value) is kind
    assert fact in str(caught.value)


@pytest.mark.skipif(
    hasattr(requests.adapters, "_preloaded_ssl_context"), reason="requests has loaded the bundle"
)
def test_hidden_certificates(files: Any) -> None:
    """The error of a call by HTTPS names the CA bundle that it needs."""
    client = ECRClient(endpoint="https://127.0.0.1:1", credentials=KEYS)

    with pytest.raises(InvalidConfigurationException, match=re.escape(where())):
        client.describe_registry()


def test_calls_without_files(server: Any, files: Any) -> None:
    """A client that is configured completely needs no file."""
    server.responses = [(200, {}, b'{"registryId": "123456789012"}')]
    with ECRClient(region="eu-west-1", endpoint=server.url, credentials=KEYS) as client:
        assert client.describe_registry().registry_id == "123456789012"


@pytest.mark.parametrize("content", ["nonsense", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_malformed_certificates(server: Any, tmp_path: Path, content: str) -> None:
    """A certificate file that cannot be loaded is named."""
    path = tmp_path / "file.pem"
    path.write_text(content)
    url = server.url.replace("http", "https")
    for config in (ClientConfiguration(verify=path), ClientConfiguration(client_cert=str(path))):
        client = ECRClient(endpoint=url, credentials=KEYS, config=config)
        with pytest.raises(TLSException, match=re.escape(str(path))):
            client.describe_registry()


#: Hides the modules whose names begin with an argument, as a directory that cannot be read does.
SCRIPT = """
import sys
from ecr_client import ECRClient, Credentials
from ecr_client.exceptions import InvalidConfigurationException

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(sys.argv[2]):
            raise {error}

sys.meta_path.insert(0, Hidden())
client = ECRClient(endpoint=sys.argv[1], credentials=Credentials("AKIDEXAMPLE", "secret"))
try:
    client.describe_registry()
except InvalidConfigurationException as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("ecr_client._pipeline", MISSING),
        ("requests", MISSING),
        ("botocore.auth", "PermissionError(13, 'Permission denied', name)"),
    ],
)
def test_hidden_modules(server: Any, module: str, error: str) -> None:
    """A module that cannot be imported in the middle of a call is named."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("{error}", error), server.url, module],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.stderr == ""
    assert result.stdout.startswith("DescribeRegistry: ")
    assert module in result.stdout
    assert "reinstall the package" in result.stdout
