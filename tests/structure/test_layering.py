"""The rules of the house about imports and sizes, read from the source.

Imports below ``if TYPE_CHECKING:`` do not count, because they do not happen: annotations may
mention what a module must not load. Each rule is also shown to find what it forbids.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import ecr_client

PACKAGE = Path(ecr_client.__file__).parent
CODEGEN = Path(__file__).parents[2] / "codegen"

MAX_FUNCTION = 60
GENERATED_MAY_IMPORT = (
    "ecr_client._exceptions",
    "ecr_client._generated",
    "ecr_client._operation",
    "ecr_client._shapes",
    "ecr_client._signatures",
)
#: What does I/O, waits or starts threads, and the parts of the package that do.
DRIVERS = (
    *("asyncio", "http.client", "requests", "select", "selectors", "socket", "ssl", "subprocess"),
    *("threading", "time.sleep", "urllib.request", "urllib3"),
    *("ecr_client._pipeline", "ecr_client._settings", "ecr_client._transport"),
    *("ecr_client.client", "ecr_client.ECRClient", "ecr_client.downloads"),
)
#: What only the engine knows.
KNOWLEDGE = tuple(f"ecr_client._engine.{name}" for name in ("parse", "prepare", "retry", "codec"))
#: What is built on top of the client, and what the client must therefore not know.
ABOVE = ("testing", "local", "cli")

Rule = Callable[[Path], list[str]]


def imports(path: Path, root: Path, *, for_types: bool = False) -> Iterator[str]:
    """Yield what a module imports: ``from a import b`` is ``a.b``, whatever b may be.

    Args:
        path: The module.
        root: The folder of the package ``ecr_client``.
        for_types: Whether to count the imports that only type checkers see.
    """
    below = path.relative_to(root).with_suffix("").parts
    package = ("ecr_client", *below)[:-1]
    for node in _walk(ast.parse(path.read_text(encoding="utf-8")), for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _walk(node: ast.AST, for_types: bool) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not for_types and isinstance(child, ast.If) and _is_type_checking(child.test):
            for other in child.orelse:
                yield from _walk(other, for_types)
        else:
            yield from _walk(child, for_types)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _files(root: Path, *folders: str) -> list[Path]:
    found = (sorted((root / folder).rglob("*.py")) for folder in folders or (".",))
    return [path for paths in found for path in paths]


def _within(name: str, modules: Iterable[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _found(root: Path, path: Path, names: Iterable[str]) -> list[str]:
    place = path.relative_to(root).as_posix()
    return [f"{place} imports {name}" for name in names]


def generated_imports(root: Path) -> list[str]:
    """``_generated/`` imports only the standard library, attrs, and what it is made of."""
    return [
        line
        for path in _files(root, "_generated")
        for line in _found(
            root,
            path,
            (
                name
                for name in imports(path, root)
                if name.partition(".")[0] not in (*sys.stdlib_module_names, "attrs")
                and not _within(name, GENERATED_MAY_IMPORT)
            ),
        )
    ]


def engine_imports(root: Path) -> list[str]:
    """``_engine/`` imports nothing that does I/O, waits or starts threads, and no driver."""
    return [
        line
        for path in _files(root, "_engine")
        for line in _found(root, path, (n for n in imports(path, root) if _within(n, DRIVERS)))
    ]


def transport_imports(root: Path) -> list[str]:
    """``_transport/`` knows neither operations nor retries, and not what drives it."""
    above = ("ecr_client.client", "ecr_client.ECRClient", "ecr_client._pipeline", *KNOWLEDGE)
    return [
        line
        for path in _files(root, "_transport")
        for line in _found(root, path, (n for n in imports(path, root) if _within(n, above)))
    ]


def common_imports(root: Path) -> list[str]:
    """``_common/`` imports nothing of the package but itself."""
    return [
        line
        for path in _files(root, "_common")
        for line in _found(
            root,
            path,
            (
                name
                for name in imports(path, root)
                if _within(name, ["ecr_client"]) and not _within(name, ["ecr_client._common"])
            ),
        )
    ]


def oci_imports(root: Path) -> list[str]:
    """``oci/`` is data: of the package it imports only itself and the regions."""
    return [
        line
        for path in _files(root, "oci")
        for line in _found(
            root,
            path,
            (
                name
                for name in imports(path, root)
                if _within(name, ["ecr_client"])
                and not _within(name, ["ecr_client.oci", "ecr_client.regions"])
            ),
        )
    ]


def user_imports(root: Path) -> list[str]:
    """``images/``, ``docker/`` and ``cli/`` import nothing private of the rest of the package."""
    return [
        line
        for folder in ("images", "docker", "cli")
        for path in _files(root, folder)
        for line in _found(
            root,
            path,
            (
                name
                for name in imports(path, root)
                if _within(name, ["ecr_client"])
                and not _within(name, [f"ecr_client.{folder}"])
                and any(_is_private(part) for part in name.split("."))
            ),
        )
    ]


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def client_imports(root: Path) -> list[str]:
    """Nothing outside of ``testing``, ``local`` and ``cli`` imports any of them.

    ``python -m ecr_client`` is ``cli``.
    """
    above = [f"ecr_client.{name}" for name in ABOVE]
    return [
        line
        for path in _files(root)
        if path.relative_to(root).parts[0].removesuffix(".py") not in (*ABOVE, "__main__")
        for line in _found(root, path, (n for n in imports(path, root) if _within(n, above)))
    ]


def boto3_imports(root: Path) -> list[str]:
    """No module imports boto3, not even for its types."""
    return [
        line
        for path in _files(root)
        for line in _found(
            root,
            path,
            (name for name in imports(path, root, for_types=True) if _within(name, ["boto3"])),
        )
    ]


def sizes(root: Path) -> list[str]:
    """A hand-written function fits on a screen: it has fewer than 60 lines below its docstring."""
    found = []
    for path in _files(root):
        place = path.relative_to(root)
        if place.parts[0] == "_generated":
            continue
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    lines -= (node.body[0].end_lineno or 0) - node.lineno
                if lines >= MAX_FUNCTION:
                    found.append(f"{place.as_posix()}: {node.name} has {lines} lines")
    return found


@pytest.mark.parametrize(
    "rule",
    [
        generated_imports,
        engine_imports,
        transport_imports,
        common_imports,
        oci_imports,
        user_imports,
        client_imports,
        boto3_imports,
        sizes,
    ],
)
def test_package_follows_the_rule(rule: Rule) -> None:
    """The package as it is installed follows each rule."""
    assert rule(PACKAGE) == []


def test_generator_follows_the_rule_of_sizes() -> None:
    """The generator is hand-written, too."""
    assert sizes(CODEGEN) == []


def test_rules_look_at_something() -> None:
    """The folders that the rules are about have modules in them, and these import something."""
    for folder in ("_generated", "_engine", "_transport", "_common"):
        names = [name for path in _files(PACKAGE, folder) for name in imports(path, PACKAGE)]
        assert len(names) > 5, folder

    assert len(_files(CODEGEN)) > 10


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return root


FUNCTION = "def f():\n" + "    pass\n" * 58


@pytest.mark.parametrize(
    ("rule", "file", "source", "found"),
    [
        (generated_imports, "_generated/a.py", "import cattrs", "cattrs"),
        (
            generated_imports,
            "_generated/m/a.py",
            "from botocore import session",
            "botocore.session",
        ),
        (
            generated_imports,
            "_generated/a.py",
            "from ecr_client import config",
            "ecr_client.config",
        ),
        (generated_imports, "_generated/m/a.py", "from ...config import X", "ecr_client.config.X"),
        (
            generated_imports,
            "_generated/a.py",
            "from ecr_client import operations",
            "ecr_client.operations",
        ),
        (generated_imports, "_generated/a.py", "def f():\n    import requests", "requests"),
        (engine_imports, "_engine/a.py", "import ecr_client.client", "ecr_client.client"),
        (engine_imports, "_engine/a.py", "from ..client import C", "ecr_client.client.C"),
        (engine_imports, "_engine/a.py", "from .. import client as c", "ecr_client.client"),
        (
            engine_imports,
            "_engine/a.py",
            "from ecr_client import ECRClient",
            "ecr_client.ECRClient",
        ),
        (engine_imports, "_engine/a.py", "import socket", "socket"),
        (engine_imports, "_engine/a.py", "def f():\n    from time import sleep", "time.sleep"),
        (engine_imports, "_engine/a.py", "import urllib3.util", "urllib3.util"),
        (engine_imports, "_engine/a.py", "from http import client", "http.client"),
        (
            transport_imports,
            "_transport/a.py",
            "from ecr_client._engine.retry import decide",
            "ecr_client._engine.retry.decide",
        ),
        (common_imports, "_common/a.py", "from ..config import X", "ecr_client.config.X"),
        (oci_imports, "oci/a.py", "from ecr_client import models", "ecr_client.models"),
        (user_imports, "images/a.py", "from ecr_client._shapes import U", "ecr_client._shapes.U"),
        (
            user_imports,
            "docker/a.py",
            "import ecr_client._engine.codec",
            "ecr_client._engine.codec",
        ),
        (user_imports, "cli/m/a.py", "from ecr_client import _shapes", "ecr_client._shapes"),
        (user_imports, "cli/a.py", "from ecr_client.images import _x", "ecr_client.images._x"),
        (client_imports, "client.py", "from ecr_client import local", "ecr_client.local"),
        (client_imports, "_engine/a.py", "import ecr_client.testing.x", "ecr_client.testing.x"),
        (client_imports, "images/a.py", "from ..cli import main", "ecr_client.cli.main"),
        (boto3_imports, "a.py", "try:\n    import boto3\nexcept ImportError: pass", "boto3"),
        (
            boto3_imports,
            "cli/a.py",
            "if TYPE_CHECKING:\n    from boto3.session import Session",
            "boto3.session.Session",
        ),
    ],
)
def test_forbidden_import_is_found(
    rule: Rule, file: str, source: str, found: str, tmp_path: Path
) -> None:
    """What a rule forbids is found, in whatever form and place it is imported."""
    assert rule(_tree(tmp_path, {file: source})) == [f"{file} imports {found}"]


@pytest.mark.parametrize(
    ("rule", "file", "source"),
    [
        (generated_imports, "_generated/a.py", "from __future__ import annotations\nimport attrs"),
        (generated_imports, "_generated/a.py", "from collections.abc import Mapping"),
        (generated_imports, "_generated/a.py", "from ecr_client._shapes import OpenEnum"),
        (generated_imports, "_generated/a.py", "from ecr_client._exceptions import Root"),
        (generated_imports, "_generated/a.py", "from ecr_client._operation import Operation"),
        (generated_imports, "_generated/m/a.py", "from ..enums import Kind"),
        (generated_imports, "a.py", "import cattrs"),
        (engine_imports, "_engine/a.py", "from ecr_client.client_side import C"),
        (engine_imports, "_engine/a.py", "if TYPE_CHECKING:\n    import ecr_client.client"),
        (engine_imports, "_engine/a.py", "from http import HTTPStatus\nimport time"),
        (engine_imports, "regions.py", "import ecr_client.client"),
        (transport_imports, "_transport/a.py", "import socket, requests, threading"),
        (common_imports, "_common/a.py", "import threading\nfrom ecr_client._common import x"),
        (user_imports, "images/a.py", "from ecr_client import ECRClient, __version__, models"),
        (user_imports, "images/a.py", "from . import _layout\nimport _thread"),
        (user_imports, "testing/a.py", "import ecr_client._shapes"),
        (client_imports, "cli/a.py", "from ecr_client import local, testing"),
        (client_imports, "testing/a.py", "from ecr_client.local import Server"),
        (client_imports, "__main__.py", "from ecr_client.cli import main"),
        (client_imports, "client.py", "import ecr_client.localities, local"),
        (boto3_imports, "a.py", "import botocore.session\nNAME = 'import boto3'"),
        (sizes, "_generated/a.py", FUNCTION + "    pass\n"),
        (sizes, "a.py", "\n" * 999),
        (sizes, "a.py", FUNCTION),
        (sizes, "a.py", FUNCTION.replace(":", f":\n    '''{'text' + chr(10) * 50}'''")),
    ],
)
def test_permitted_source_is_not_found(rule: Rule, file: str, source: str, tmp_path: Path) -> None:
    """What a rule permits, or is not about, is not found."""
    assert rule(_tree(tmp_path, {file: source})) == []


def test_only_the_branch_for_type_checkers_is_left_out(tmp_path: Path) -> None:
    """The other branch of a test for type checkers happens, and counts."""
    source = "if typing.TYPE_CHECKING:\n    import a\nelse:\n    import b\nif x:\n    import c\n"
    path = _tree(tmp_path, {"m.py": source}) / "m.py"

    assert list(imports(path, tmp_path)) == ["b", "c"]
    assert list(imports(path, tmp_path, for_types=True)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (FUNCTION + "    pass\n", "m/a.py: f has 60 lines"),
        (f"async {FUNCTION}    pass\n", "m/a.py: f has 60 lines"),
    ],
)
def test_size_is_found(source: str, found: str, tmp_path: Path) -> None:
    """A function that has grown too long is found."""
    assert sizes(_tree(tmp_path, {"m/a.py": source})) == [found]
