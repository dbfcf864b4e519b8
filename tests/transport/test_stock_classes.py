"""Requests use the libraries' own classes, since tools that replace those see no others."""

from __future__ import annotations

import ast
import http.client
import importlib
import inspect
import pkgutil
import queue
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

import ecr_client
from ecr_client._transport.adapter import Adapter, IdleConnections, Session

LIBRARIES = ("http", "queue", "requests", "urllib3")
#: The classes of the package that derive from a library's, each with an object of its base.
DERIVED: list[tuple[type[Any], Any]] = [
    (Adapter, HTTPAdapter()),
    (IdleConnections, queue.LifoQueue(1)),
    (Session, requests.Session()),
]


def classes() -> Iterator[type[Any]]:
    """Yield all classes of the package, apart from those of extras that are not installed."""
    for found in pkgutil.walk_packages(ecr_client.__path__, "ecr_client.", onerror=_ignore):
        if found.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError:
            continue
        for each in vars(module).values():
            if inspect.isclass(each) and each.__module__.startswith("ecr_client"):
                yield each


def _ignore(_: str) -> None:
    """Do nothing: the loop above handles what cannot be imported."""


def bases(cls: type[Any]) -> list[type[Any]]:
    """Return the classes of the libraries that a class derives from, exceptions apart."""
    return [
        each
        for each in cls.__mro__
        if each.__module__.partition(".")[0] in LIBRARIES and not issubclass(each, BaseException)
    ]


def names_set(cls: type[Any]) -> set[str]:
    """Return the names of what a class defines, and of what its methods set on their object."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return attributes | set(vars(cls))


def test_what_derives_from_others() -> None:
    """Only these classes derive from the libraries, whose classes are made for that."""
    found = list(classes())

    assert len(found) > 100
    assert {each for each in found if bases(each)} == {each for each, _ in DERIVED}


@pytest.mark.parametrize(("cls", "stock"), DERIVED)
def test_nothing_private_is_replaced(cls: type[Any], stock: Any) -> None:
    """Private members of the libraries are neither overridden nor set."""
    private = {each for each in names_set(cls) if each.startswith("_") and not each.endswith("__")}

    assert [each for each in private if hasattr(stock, each)] == []


def test_connections(peer: Any, connect: Any, tls: bool) -> None:
    """A request goes through classes of the libraries themselves."""
    server, transport = peer(tls=tls), connect()
    response = transport.get(server.url)
    (pool,) = transport.pools()
    raw = response._stream._response.raw
    used = [raw, raw.connection, raw._original_response, pool, response._stream._response]
    response.close()

    assert [type(each) for each in used] == [
        urllib3.HTTPResponse,
        HTTPSConnection if tls else HTTPConnection,
        http.client.HTTPResponse,
        urllib3.HTTPSConnectionPool if tls else urllib3.HTTPConnectionPool,
        requests.Response,
    ]
