"""Generated files are current, and the command that writes and checks them works."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest

from codegen import __main__ as command
from codegen import diff
from codegen.__main__ import GenerationError, write
from codegen.docs import load_toml
from codegen.model import read
from codegen.naming import class_name
from codegen.render import FOLDERS, GENERATED
from codegen.resolve import CUSTOMIZATIONS, walk

#: Prints the hash of everything that is rendered, not yet formatted.
RENDER = """
import hashlib
from codegen import model, render, resolve
files = render.render(resolve.resolve(model.read()))
print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def generated(pinned_model: str) -> dict[str, str]:
    """Return what the generator writes, made once because formatting takes a second."""
    return command.generate()[0]


def test_generated_code_is_current(generated: dict[str, str]) -> None:
    """The files on disk are what the generator writes; `python -m codegen` corrects them."""
    assert diff.files(generated, command.ROOT) == []


def test_check_succeeds(
    generated: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check succeeds, and prints nothing, if everything is current and described."""
    monkeypatch.setattr(command, "generate", lambda: (generated, []))
    status = command.main(["--check", "--release"])

    assert status == 0
    assert capsys.readouterr() == ("", "")


def test_check_fails(
    generated: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check fails if a file differs, and prints the file and what is new in the model."""
    changed = dict(generated)
    changed[f"{GENERATED}/resources.py"] += "# more\n"
    changed[command.INVENTORY] += "type Zebra\n"
    monkeypatch.setattr(command, "generate", lambda: (changed, []))
    status = command.main(["--check"])

    assert status == 1
    assert capsys.readouterr() == (
        "added: type Zebra\n",
        f"{command.INVENTORY} differs\n{GENERATED}/resources.py differs\n",
    )


@pytest.mark.parametrize(
    ("arguments", "status", "kind"),
    [
        ([], 0, "warning"),
        (["--check"], 0, "warning"),
        (["--release"], 1, "error"),
        (["--check", "--release"], 1, "error"),
    ],
)
def test_gaps(
    sample: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    kind: str,
) -> None:
    """A new member is a warning and is generated all the same, but a release fails on it."""
    sample.shapes["Part"]["members"]["weight"] = {"shape": "Size"}
    service = sample.resolve()
    monkeypatch.setattr(command.model, "read", lambda: None)
    monkeypatch.setattr(command.resolve, "resolve", lambda _: service)
    monkeypatch.setattr(command, "format_python", lambda text: text)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    write(command.generate()[0], tmp_path)
    found = command.main(arguments)

    assert found == status
    assert capsys.readouterr().err == (
        f"{kind}: descriptions/members.toml: no description of Part.weight\n"
    )
    assert "weight: ``weight`` of the API." in (
        tmp_path / f"{GENERATED}/models/list_things.py"
    ).read_text(encoding="utf-8")


def test_problems_stop_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entries that contradict the model are printed, and nothing is written."""

    def fail() -> tuple[dict[str, str], list[str]]:
        raise GenerationError("descriptions/errors.toml: BadPartException is not in the model")

    monkeypatch.setattr(command, "generate", fail)
    status = command.main([])

    assert status == 1
    assert capsys.readouterr() == (
        "",
        "descriptions/errors.toml: BadPartException is not in the model\n",
    )


def test_all_problems_at_once(sample: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every problem is reported at once, a line for each."""
    for name in ("GetThing", "AddThing"):
        sample.descriptions["operations"][name] = {"summary": "Do it."}
    service = sample.resolve()
    monkeypatch.setattr(command.resolve, "resolve", lambda _: service)
    with pytest.raises(GenerationError) as caught:
        command.generate()

    assert str(caught.value).splitlines() == [
        "descriptions/operations.toml: AddThing is not in the model; delete the entry",
        "descriptions/operations.toml: GetThing is not in the model; delete the entry",
    ]


@pytest.mark.slow
def test_two_runs_are_equal(pinned_model: str) -> None:
    """The same model gives the same bytes in two processes, whatever the order of their sets."""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", RENDER],
            env={**os.environ, "PYTHONPATH": str(command.ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(hashes) == 1


def test_evidence(pinned_model: str) -> None:
    """Every example output that is named as evidence for a member has that member."""
    service = read().service
    path = Path(botocore.__file__).parent / "data/ecr/2015-09-21/examples-1.json"
    outputs: dict[str, list[tuple[str, set[str]]]] = {
        operation: [
            each
            for example in examples
            for each in _structures(
                service.operation_model(operation).output_shape, example.get("output", {})
            )
        ]
        for operation, examples in json.loads(path.read_text())["examples"].items()
    }
    for key, evidence in load_toml(CUSTOMIZATIONS)["always_sent"].items():
        shape, member = key.split(".")
        for operation in evidence.partition("sdk ")[2].split(",")[0].split():
            found = [members for name, members in outputs[operation] if name == shape]

            assert found, f"{key}: {operation} has none"
            assert all(member in members for members in found), f"{key}: {operation}"


def _structures(shape: Any, value: Any) -> Iterator[tuple[str, set[str]]]:
    """Yield the shape of each structure in a value, and the members that it has there."""
    if shape.type_name == "list":
        for item in value:
            yield from _structures(shape.member, item)
    elif shape.type_name == "structure":
        yield shape.name, set(value)
        for name, member in value.items():
            yield from _structures(shape.members[name], member)


def test_banner_names_the_model(generated: dict[str, str], pinned_model: str) -> None:
    """The banner of every generated module names the installed botocore and the model's hash."""
    line = f"# Model: ecr of botocore {pinned_model}, SHA-256 {read().sha256}\n"
    without = [path for path, source in generated.items() if line not in source]

    assert sorted(without) == [command.INVENTORY, *(f"{each}/__init__.py" for each in FOLDERS)]


def test_an_operation_loads_only_its_types(generated: dict[str, str]) -> None:
    """The module of an operation declares and imports exactly the types that it needs."""
    service = command.resolve.resolve(command.model.read())
    declared: dict[str, set[str]] = {}
    imported: dict[str, set[str]] = {}
    for name in service.modules:
        body = ast.parse(generated[f"{GENERATED}/models/{name}.py"]).body
        declared[name] = {node.name for node in body if isinstance(node, ast.ClassDef)}
        imported[name] = {
            node.module.rpartition(".")[2]
            for node in body
            if isinstance(node, ast.ImportFrom) and node.module and "models." in node.module
        }

    def loaded(name: str) -> set[str]:
        return declared[name].union(*map(loaded, imported[name]))

    for op in service.operations:
        shapes = service.model.service.operation_model(op.name)
        needed = {
            class_name(shape.name)
            for top in (shapes.input_shape, shapes.output_shape)
            for shape in walk(top)
            if shape.type_name == "structure" or getattr(shape, "enum", None)
        }
        assert loaded(op.method) == needed, op.name


def test_invalid_code() -> None:
    """Invalid Python is an error of the formatter."""
    with pytest.raises(GenerationError):
        command.format_python("def broken(:\n")


def test_formatting() -> None:
    """Imports are sorted and lines have the width of the project's own code."""
    source = "import sys\nimport ast\nx = {'a': 1}\n"

    assert command.format_python(source) == 'import ast\nimport sys\n\nx = {"a": 1}\n'


def test_differences(tmp_path: Path) -> None:
    """Differing, missing and stale files are distinguished, and other files are ignored."""
    same = {f"{GENERATED}/same.py": "1\n"}
    write({**same, f"{GENERATED}/other.py": "2\n", f"{GENERATED}/models/s.py": ""}, tmp_path)
    (tmp_path / "ecr_client/client.py").write_text("by hand\n", encoding="utf-8")
    wanted = {**same, f"{GENERATED}/other.py": "3\n", "inventory.txt": "x\n"}

    assert diff.files(wanted, tmp_path) == [
        f"{GENERATED}/other.py differs",
        "inventory.txt is missing",
        f"{GENERATED}/models/s.py is no longer generated",
    ]


def test_write(tmp_path: Path) -> None:
    """Writing creates folders, replaces files, deletes stale ones, and leaves other files."""
    by_hand = tmp_path / "ecr_client/client.py"
    by_hand.parent.mkdir()
    by_hand.write_text("by hand\n", encoding="utf-8")
    write({f"{GENERATED}/a.py": "1\n", f"{GENERATED}/models/stale.py": "2\n"}, tmp_path)
    files = {f"{GENERATED}/a.py": "é\n", f"{GENERATED}/models/b.py": "3\n", "inventory.txt": "4\n"}
    write(files, tmp_path)
    found = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes().decode()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }

    assert found == {**files, "ecr_client/client.py": "by hand\n"}
    assert diff.files(files, tmp_path) == []


INVENTORY = """\
enum Kind SMALL
error BadPartException
member Thing.id ThingId required
operation ListThings -> ListThingsResult
operation ListThings raises BadPartException
paginator ListThings (('things',),)
type Thing
"""


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("type Thing", "type Thing", []),
        ("type Thing\n", "type Thing\ntype Part\n", ["added: type Part"]),
        (
            "enum Kind SMALL",
            "enum Kind SMALLER",
            ["added: enum Kind SMALLER", "removed: enum Kind SMALL"],
        ),
        (
            "Thing.id ThingId required",
            "Thing.id ThingId",
            ["changed: member Thing.id ThingId required => member Thing.id ThingId"],
        ),
        (
            "error BadPartException",
            "error BadPartException (server fault)",
            ["changed: error BadPartException => error BadPartException (server fault)"],
        ),
        (
            "operation ListThings raises BadPartException\n",
            "",
            ["removed: operation ListThings raises BadPartException"],
        ),
        (
            "(('things',),)",
            "(('all',),)",
            ["changed: paginator ListThings (('things',),) => paginator ListThings (('all',),)"],
        ),
    ],
)
def test_changes_of_the_model(before: str, after: str, lines: list[str]) -> None:
    """What a new model adds, changes and removes is reported, a line for each fact."""
    assert diff.inventories(INVENTORY, INVENTORY.replace(before, after)) == lines


def test_first_inventory() -> None:
    """Without an inventory, everything is new."""
    assert diff.inventories("", INVENTORY) == [f"added: {line}" for line in INVENTORY.splitlines()]
