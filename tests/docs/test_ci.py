"""The guide to CI: its documents are well-formed, and its commands work."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecr_client.cli import main
from ecr_client.local import LocalECR
from ecr_client.testing import random_image

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "ci.md").read_text("utf-8")
#: A variable that the CI system replaces.
VARIABLE = re.compile(r"\$\{\{ [\w.]+ \}\}|\$\w+")


def documents(language: str, loads: Any) -> list[Any]:
    """Return the parsed blocks of a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [document for block in found for document in loads(block)]


def values(document: Any) -> list[Any]:
    """Return all values in a document, inner ones after outer ones."""
    inner = document.values() if isinstance(document, dict) else document
    if not isinstance(document, (dict, list)):
        return [document]
    return [document, *(value for each in inner for value in values(each))]


CONFIGURATIONS = documents("yaml", yaml.safe_load_all)
COMMANDS = [
    VARIABLE.sub("abc", shlex.join(value) if isinstance(value, list) else value)
    for document in CONFIGURATIONS
    for value in values(document)
    if (isinstance(value, str) and value.startswith("ecr "))
    or (isinstance(value, list) and value[:1] == ["ecr"])
]


def test_commands_work(aws: LocalECR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of a job succeeds after those before it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    random_image(tmp_path / "image")

    assert [main(shlex.split(command)[1:]) for command in COMMANDS] == [0] * len(COMMANDS)
    assert len(COMMANDS) == 6


def test_jobs_assume_roles() -> None:
    """GitHub's job may request its token, and those of GitLab and EKS name a role."""
    workflow, job, account, cron = CONFIGURATIONS

    assert workflow["permissions"]["id-token"] == "write"
    assert {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION"} < set(
        job["push"]["variables"]
    )
    assert job["push"]["id_tokens"]["AWS_TOKEN"]["aud"] == "https://gitlab.com"
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]


def test_roles_trust_one_project() -> None:
    """Each trust policy allows the tokens of one audience and one project only."""
    policies = documents("json", lambda text: [json.loads(text)])

    assert len(policies) == 2
    for policy in policies:
        (statement,) = policy["Statement"]
        issuer = statement["Principal"]["Federated"].partition(":oidc-provider/")[2]
        trusted = statement["Condition"]["StringEquals"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert set(trusted) == {f"{issuer}:aud", f"{issuer}:sub"}
        assert "example/app" in trusted[f"{issuer}:sub"]
