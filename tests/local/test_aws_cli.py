"""The AWS CLI against the local ECR, led there by nothing but the variables that it prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_client.local import LocalECR

# Installed by .ci/run, in an environment of its own, since it wants another botocore.
AWS = shutil.which("aws")
pytestmark = pytest.mark.skipif(AWS is None, reason="the AWS CLI is not installed")

Run = Callable[..., Any]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Run]:
    """Give a function that runs ``aws ecr`` and reads its JSON."""
    with LocalECR() as ecr:

        def run(*arguments: str, text: bool = False) -> Any:
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "AWS_PAGER": "",
                "AWS_EC2_METADATA_DISABLED": "true",
                **ecr.environment(),
            }
            done = subprocess.run(
                [str(AWS), "ecr", *arguments],
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout if text else json.loads(done.stdout or "{}")

        yield run


def test_repositories_policies_and_lifecycle(aws: Run) -> None:
    """Repositories, policies, tags and lifecycle previews make a round trip through the CLI."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "ecr:BatchGetImage",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    created = aws("create-repository", "--repository-name", "app", "--tags", "Key=team,Value=a")
    arn = created["repository"]["repositoryArn"]
    aws("set-repository-policy", "--repository-name", "app", "--policy-text", policy)
    read = aws("get-repository-policy", "--repository-name", "app")
    text = json.dumps({"rules": [rule]})
    aws("put-lifecycle-policy", "--repository-name", "app", "--lifecycle-policy-text", text)
    aws("start-lifecycle-policy-preview", "--repository-name", "app")
    preview = aws("get-lifecycle-policy-preview", "--repository-name", "app")
    tags = aws("list-tags-for-resource", "--resource-arn", arn)["tags"]
    listed = aws("describe-repositories")["repositories"]
    deleted = aws("delete-repository", "--repository-name", "app")

    assert json.loads(read["policyText"]) == json.loads(policy)
    assert (preview["status"], preview["previewResults"]) == ("COMPLETE", [])
    assert tags == [{"Key": "team", "Value": "a"}]
    assert [each["repositoryArn"] for each in listed] == [arn]
    assert deleted["repository"]["repositoryArn"] == arn


def test_login_password(aws: Run) -> None:
    """``get-login-password`` prints what ``docker login`` takes on its standard input."""
    password = aws("get-login-password", text=True).strip()

    assert len(password) > 20
    assert ":" not in password
