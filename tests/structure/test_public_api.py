"""The public interface as text, so that any change to it is visible in ``tests/public_api.txt``.

``PYTHONPATH=. python tests/structure/test_public_api.py`` rewrites that file.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ecr_client

RECORD = Path(__file__).parents[1] / "public_api.txt"
UPDATE = "PYTHONPATH=. python tests/structure/test_public_api.py"

#: The modules that users import from, and their public names if these are not in ``__all__``.
MODULES: dict[str, list[str]] = {
    "ecr_client": [],
    "ecr_client.cli": [],
    "ecr_client.conversion": [],
    "ecr_client.docker": [],
    "ecr_client.downloads": ["AsyncLayerDownload", "LayerDownload"],
    "ecr_client.exceptions": [],
    "ecr_client.images": [],
    "ecr_client.images.aio": [],
    "ecr_client.images.selectors": [
        *("beyond_newest", "everything", "named", "not_pulled_for", "older_than", "tagged"),
        "untagged",
    ],
    "ecr_client.local": [],
    "ecr_client.models": [],
    "ecr_client.oci": [],
    "ecr_client.operations": [],
    "ecr_client.pagination": [
        *("AsyncItemIterator", "AsyncPageIterator", "AsyncPaginator"),
        *("ItemIterator", "PageIterator", "Paginator"),
    ],
    "ecr_client.testing": [],
    "ecr_client.transport": [],
}
SPECIAL = (
    *("__init__", "__iter__", "__enter__", "__exit__"),
    *("__aiter__", "__anext__", "__aenter__", "__aexit__"),
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def public_api() -> list[str]:
    """Return a line for each public name, and an indented one for each member of a class.

    Everything is read from the source, so that it is the same for every version of Python.
    """
    lines = []
    for module, name in _public_names():
        found = getattr(importlib.import_module(module), name)
        if inspect.isfunction(found) and not module.endswith("exceptions"):
            prefix = "async " if inspect.iscoroutinefunction(found) else ""
            lines.append(f"{prefix}{module}.{name}{inspect.signature(found)}")
            continue
        if isinstance(found, ecr_client.Operation):
            types = f"{found.request_class.__name__}, {found.result_class.__name__}"
            lines.append(f"{module}.{name}: Operation[{types}]")
            continue
        if not inspect.isclass(found):
            lines.append(f"{module}.{name}: {type(found).__name__}")
            continue
        bases = ", ".join(map(ast.unparse, _definition(found).bases))
        lines.append(f"{module}.{name}({bases})")
        lines += dict.fromkeys(  # a class's own member hides an inherited one
            f"    {line}"
            for cls in found.__mro__
            if cls is found or _is_hidden(cls)
            for line in _members(_definition(cls))
        )
    return lines


def _public_names() -> Iterator[tuple[str, str]]:
    for module, names in MODULES.items():
        for name in sorted(names or importlib.import_module(module).__all__):
            yield module, name


def _is_hidden(cls: type) -> bool:
    """Return whether a class of ours is not public, so that its subclasses list its members."""
    is_ours = cls.__module__.partition(".")[0] == "ecr_client"
    return is_ours and cls.__name__ not in {name for _, name in _public_names()}


@functools.cache
def _definition(cls: type) -> ast.ClassDef:
    # ``__module__`` is where users find a class; the module that defines it has it as well.
    modules = [each for name, each in sys.modules.items() if name.startswith("ecr_client.")]
    (found,) = [
        node
        for module in modules
        if vars(module).get(cls.__name__) is cls
        for node in _tree(module.__file__ or "").body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    ]
    return found


@functools.cache
def _tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _members(cls: ast.ClassDef) -> Iterator[str]:
    overloaded = {node.name for node in cls.body if _is_overload(node)}
    for node in cls.body:
        if isinstance(node, FUNCTIONS):
            is_body = node.name in overloaded and not _is_overload(node)
            if _is_public(node.name) and not is_body:
                yield _method(node)
        elif isinstance(node, ast.AnnAssign) and _is_public(ast.unparse(node.target)):
            yield f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}{_default(node)}"
        elif isinstance(node, ast.Assign) and _is_public(ast.unparse(node.targets[0])):
            yield ast.unparse(node)


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name in SPECIAL


def _is_overload(node: ast.stmt) -> bool:
    decorators = node.decorator_list if isinstance(node, FUNCTIONS) else []
    return "overload" in map(ast.unparse, decorators)


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    kinds = [ast.unparse(decorator) for decorator in node.decorator_list]
    prefix = "".join(f"@{kind} " for kind in kinds if kind != "overload")
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    prefix += "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{prefix}{node.name}({ast.unparse(node.args)}){returns}"


def _default(node: ast.AnnAssign) -> str:
    """Return the default of a member, without other arguments of ``attrs.field``."""
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "attrs.field":
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        value = given.get("default", given.get("factory"))
    return "" if value is None else f" = {ast.unparse(value)}"


def test_public_api() -> None:
    """The public interface is the recorded one."""
    recorded = RECORD.read_text(encoding="utf-8").splitlines()
    difference = difflib.unified_diff(recorded, public_api(), "recorded", "found", lineterm="")
    changes = "\n".join(difference)

    assert not changes, f"If the change is intended, run `{UPDATE}`.\n{changes}"


def test_modules_of_classes() -> None:
    """A class whose ``__module__`` is public can be found there, even if it is only a base."""
    classes = {
        cls
        for module, name in _public_names()
        if inspect.isclass(found := getattr(importlib.import_module(module), name))
        for cls in found.__mro__
        if cls.__module__ in MODULES
    }
    lost = [
        f"{cls.__module__}.{cls.__qualname__}"
        for cls in classes
        if getattr(importlib.import_module(cls.__module__), cls.__qualname__, None) is not cls
    ]

    assert sorted(lost) == []


def test_star_imports() -> None:
    """A star import of a public module gives exactly its public names."""
    for name in [name for name, names in MODULES.items() if not names]:
        scope: dict[str, Any] = {}
        exec(f"from {name} import *", scope)
        listed = importlib.import_module(name).__all__

        assert scope.keys() - {"__builtins__"} == set(listed), name
        assert len(listed) == len(set(listed)), name


def test_dir() -> None:
    """The names of a public module are listed even before they are used."""
    missing = [
        f"{module}.{name}"
        for module, name in _public_names()
        if name not in dir(importlib.import_module(module))
    ]

    assert missing == []


if __name__ == "__main__":
    RECORD.write_text("\n".join(public_api()) + "\n", encoding="utf-8")
    print(f"wrote {RECORD}")
