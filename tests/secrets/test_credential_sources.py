"""No source of credentials that fails shows what it read, sent or received."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import CredentialRetrievalException, InvalidConfigurationException

KEY, TOKEN, OUTPUT = "canary/key+of/a/file", "canary-token-of-a-file", "canary output 91"
ROLE = "role_arn = arn:aws:iam::123456789012:role/example"
BASE = f"[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = {KEY}\n"
PYTHON = f"credential_process = {sys.executable} -c"
KEYS = f'{{"AccessKeyId": "AKIA", "SecretAccessKey": "{KEY}", "Token": "{TOKEN}"}}'
URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/token", "AWS_ROLE_ARN": ROLE[11:]}
BAD_KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_SESSION_TOKEN": f"{TOKEN}\n",
}
#: What is in the configuration file and in the environment, and what the server responds.
SOURCES: dict[str, tuple[str, dict[str, str], tuple[int, str]]] = {
    "file": (f"[default]\n{KEY}\n", {}, (200, "")),
    "block": (f"[default]\nrole_arn =\n  x = {KEY}\nsource_profile = base\n{BASE}", {}, (200, "")),
    "process": (f"[default]\n{PYTHON} 'import sys; sys.exit(\"{OUTPUT}\")'\n", {}, (200, "")),
    "output": (f"[default]\n{PYTHON} 'print(\"{OUTPUT}\")' --password {KEY}\n", {}, (200, "")),
    "role": (f"[default]\n{ROLE}\nsource_profile = base\n{BASE}", {}, (200, f"<a>{KEYS}</b>")),
    "role, page": (f"[default]\n{ROLE}\nsource_profile = base\n{BASE}", {}, (403, f"{{{KEYS}")),
    "environment": ("", BAD_KEYS, (200, "")),
    "web identity": ("", WEB, (500, KEYS)),
    "container": ("", {URI: "{url}/canary-token-of-a-file"}, (500, KEYS)),
    "container, truncated": ("", {URI: "{url}/canary-token-of-a-file"}, (200, KEYS[:-1])),
    "container, expiry": ("", {URI: "{url}/"}, (200, f'{KEYS[:-1]}, "Expiration": "{TOKEN}"}}')),
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources(
    evidence: Any, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Keys, tokens, output and responses of a source are in no message, log or exception chain."""
    from botocore.utils import ContainerMetadataFetcher

    config, environ, (status, body) = SOURCES[name]
    evidence.secrets |= {"key": KEY, "file": TOKEN, "output": OUTPUT}
    (tmp_path / "config").write_text(config)
    (tmp_path / "token").write_text(TOKEN)
    variables = {"AWS_CONFIG_FILE": "{dir}/config", "AWS_ENDPOINT_URL_STS": "{url}", **environ}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value.format(dir=tmp_path, url=server.url))
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    server.responses = [(status, {}, body.encode())]
    kinds = (CredentialRetrievalException, InvalidConfigurationException)
    evidence.fails(lambda: ECRClient(region="eu-west-1").describe_registry(), kinds)

    assert evidence.leaks() == []
