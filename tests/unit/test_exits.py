"""Calls while the interpreter exits work, or raise an exception of the package."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

#: Makes calls when the code after it arranges that, and prints one word for each.
SCRIPT = """
import atexit, builtins, os, sys, threading
from ecr_client import ECRClient, Credentials
from ecr_client.exceptions import AmazonClientException, ClientShutdownException

url = sys.argv[1]

def new(ECRClient=ECRClient, url=url, keys=Credentials("AKIDEXAMPLE", "secret")):
    return ECRClient(region="eu-west-1", endpoint=url, credentials=keys)

client = new()

def call(
    client=client, new=new, write=os.write, ours=AmazonClientException, over=ClientShutdownException
):
    for function in (client.describe_registry, lambda: new().describe_registry(), client.shutdown):
        try:
            function()
            write(1, b"worked ")
        except ours as error:
            is_late = isinstance(error, over) and "interpreter is shutting down" in str(error)
            write(1, b"late " if is_late else b"unclear ")

class Late:
    def __del__(self, call=call):
        call()
"""
WARM = "client.describe_registry()"


@pytest.mark.parametrize(
    ("arrange", "word"),
    [
        ("atexit.register(call)", "worked"),
        ("threading.Thread(target=call).start()", "worked"),
        ("late = Late()", "late"),
        (f"{WARM}; late = Late()", "late"),
        (f"{WARM}; late = Late(); late.self = late", "late"),
        (f"{WARM}; builtins.late = Late()", "late"),
    ],
)
def test_exits(server: Any, arrange: str, word: str) -> None:
    """A call at exit works while modules can be imported, and later says that it is too late."""
    server.responses = [(200, {}, b'{"registryId": "123456789012"}')]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{SCRIPT}\n{arrange}", server.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.stderr == ""
    assert result.stdout.split() == [word, word, "worked"]
