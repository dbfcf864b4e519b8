"""The reference has an example of each operation, whose output is as in its comments."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from ecr_client import ECRClient
from ecr_client.local import LocalECR
from ecr_client.local.validation import operations

PATH = Path(__file__).resolve().parents[2] / "docs" / "_ext" / "operation_examples.py"
#: A comment after a `print`, or on a separate line below it.
COMMENT = re.compile(r"print\(.*\)(?:\n\s*|\s*)# (.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def examples() -> ModuleType:
    """Return the module, which is not part of the installed package."""
    spec = importlib.util.spec_from_file_location("operation_examples", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def snake(name: str) -> str:
    """Return the name of an operation's method."""
    return re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", name).lstrip("_")


def test_all_operations(examples: ModuleType) -> None:
    """There is exactly one function for each operation."""
    functions = {name for name, _ in inspect.getmembers(examples, inspect.isfunction)}

    assert functions - {"prepare"} == {snake(name) for name in operations()}


@pytest.mark.slow
def test_examples(examples: ModuleType, aws: LocalECR, capsys: pytest.CaptureFixture[str]) -> None:
    """Each example calls its operation, succeeds, and prints what its comments say."""
    for operation in sorted(operations()):
        example = getattr(examples, snake(operation))
        with ECRClient(region="eu-west-1") as client:
            aws.reset()
            examples.prepare(client)
            aws.requests.clear()
            example(client)
            printed = capsys.readouterr().out.splitlines()

        assert printed == COMMENT.findall(inspect.getsource(example)), operation
        assert operation in aws.requests.operations(), operation
