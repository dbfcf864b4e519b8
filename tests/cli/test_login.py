"""``ecr login`` and ``ecr token``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ecr_client.local import LocalECR


def opens(local_ecr: LocalECR, password: str) -> bool:
    """Return whether the registry accepts a password."""
    with requests.Session() as session:
        session.trust_env = False
        found = session.get(f"{local_ecr.endpoint}/v2/", auth=("AWS", password), timeout=60)
    return found.status_code == 200


def test_login(
    ecr: Any, local_ecr: LocalECR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is written to Docker's configuration, and never printed."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    ended = ecr("login")
    auths = json.loads((tmp_path / "config.json").read_text())["auths"]
    (entry,) = auths.values()
    password = base64.b64decode(entry["auth"]).decode().partition(":")[2]

    assert list(auths) == [urlsplit(local_ecr.endpoint).netloc]
    assert opens(local_ecr, password)
    assert password not in ended.out + ended.err
    assert entry["auth"] not in ended.out + ended.err


def test_print(ecr: Any, local_ecr: LocalECR) -> None:
    """With ``--print``, a configuration with the password is printed instead."""
    (entry,) = ecr("login", "--print").json["auths"].values()

    assert opens(local_ecr, base64.b64decode(entry["auth"]).decode().partition(":")[2])


def test_token(ecr: Any, local_ecr: LocalECR) -> None:
    """Only the password is printed, or a document with everything about it."""
    password = ecr("token").out.removesuffix("\n")
    document = ecr("token", "--output", "json").json

    assert opens(local_ecr, password)
    assert opens(local_ecr, document["password"])
    assert document["username"] == "AWS"


@pytest.mark.parametrize("command", ["login", "token"])
def test_other_registries(ecr: Any, command: str) -> None:
    """A host that is not a registry of Amazon ECR is refused."""
    assert ecr(command, "registry.example.org").status == 2
