"""Printing the result of a command: as a table, as JSON or as YAML."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from ecr_client.cli.errors import USAGE, CommandError
from ecr_client.cli.tables import Column, Table, render_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import attrs


def render(
    document: Any, table: Callable[[], Table | str], output: str | None, query: str | None
) -> str:
    """Return a result as a string to print.

    Args:
        document: The result in JSON's types.
        table: Returns the table of the whole result.
        output: ``table``, ``json`` or ``yaml``; ``None`` for a table, or for JSON with a query.
        query: A JMESPath expression.

    Raises:
        CommandError: The query is invalid, or the library for a format is missing.
    """
    if query is not None:
        document = _search(query, document)
    if output is None:
        output = "table" if query is None else "json"
    if output == "json":
        return json.dumps(document, indent=4, ensure_ascii=not _has_unicode())
    if output == "yaml":
        return _yaml(document)
    found = table() if query is None else _as_table(document)
    return found if isinstance(found, str) else render_table(found)


def plain(value: Any) -> Any:
    """Return a value as types of JSON: members by the service's names, without absent ones.

    Empty lists and maps below the outermost members may have been absent, and are left out, too;
    so are secrets, which a repr does not show either.
    """
    if type(value).__module__ == "ecr_client.models" and not isinstance(value, str):
        from ecr_client import to_dict

        return to_dict(value, "wire")
    fields: tuple[attrs.Attribute[Any], ...] | None
    fields = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:  # A result of this package's own, which the service has no names for.
        return {
            _camel_case(field.name): _without_empty(plain(member))
            for field in fields
            if field.repr is True and (member := getattr(value, field.name)) is not None
        }
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_without_empty(plain(each)) for each in value]
    return str(value)


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: member for name, member in value.items() if member not in ([], {})}


def merged(pages: Iterable[Any]) -> dict[str, Any]:
    """Return the pages of a result as one document."""
    document: dict[str, Any] = {}
    for page in pages:
        _merge(document, plain(page))
    document.pop("nextToken", None)
    return document


def _merge(document: dict[str, Any], page: dict[str, Any]) -> None:
    for name, value in page.items():
        earlier = document.get(name)
        if isinstance(earlier, list):
            earlier.extend(value)
        elif isinstance(earlier, dict):
            _merge(earlier, value)
        else:
            document[name] = value


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _search(query: str, document: Any) -> Any:
    from jmespath import exceptions, search  # type: ignore[import-untyped]

    try:
        return search(query, document)
    except exceptions.JMESPathError as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise CommandError(
            f"--query must be a JMESPath expression, got {query!r}: {reason}", USAGE
        ) from None


def _yaml(document: Any) -> str:
    try:
        import yaml  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise CommandError(
            "PyYAML is missing; install it with: python -m pip install 'ecr-client[cli]'"
        ) from None
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=_has_unicode())
    return text.removesuffix("\n").removesuffix("\n...")


def _has_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().startswith("utf")


def _as_table(found: Any) -> Table | str:
    """Return what a query selected: objects by their members, anything else line by line."""
    if isinstance(found, dict):
        found = [[name, value] for name, value in found.items()]
    if not isinstance(found, list):
        return _cell(found)
    if found and all(isinstance(each, dict) for each in found):
        names = list(dict.fromkeys(name for each in found for name in each))
        rows = [tuple(_cell(each.get(name)) for name in names) for each in found]
        return Table([Column(name) for name in names], rows)
    lists = [each if isinstance(each, list) else [each] for each in found]
    width = max(map(len, lists), default=0)
    rows = [tuple(map(_cell, [*each, *[None] * (width - len(each))])) for each in lists]
    return Table([Column("") for _ in range(width)], rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
