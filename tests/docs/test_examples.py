"""The examples do what they say, started as a user starts them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_quickstart_does_the_whole_job() -> None:
    """It creates, pushes, pulls and deletes, and prints what happened at each step."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / "quickstart.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = [line.strip() for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        r"caught +RepositoryNotFoundException: .+",
        r"created +127\.0\.0\.1:\d+/quickstart/hello",
        r"request id +[\w-]+ .+",
        r"pushed +sha256:[0-9a-f]{64}  \d+ bytes as 1\.0, latest",
        r"again +0 bytes, \d+ were there",
        r"platform +linux/amd64",
        r"hello\.txt +Hello from ecr-client!",
        r"policy +AllowPull: .+",
        r"deleted +the policy, 2 tags, and quickstart/hello",
        r"left +0 repositories",
    ):
        assert any(re.fullmatch(expected, line) for line in lines), expected


def test_the_quickstart_pulls_the_digest_that_it_built() -> None:
    """The digest of the manifest is the same when it is built, pushed and pulled."""
    command = [sys.executable, str(EXAMPLES / "quickstart.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.findall(r"^  (built|pushed|pulled) .*(sha256:\w+)", done.stdout, re.MULTILINE)

    assert [label for label, _ in found] == ["built", "pushed", "pulled"]
    assert len({digest for _, digest in found}) == 1
