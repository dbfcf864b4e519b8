"""The search for secrets finds them wherever they are planted; otherwise it would prove nothing."""

from __future__ import annotations

import base64
import logging
import types
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

SECRET = "canary/secret+key=4f2a91"


class Holder:
    """An object whose members are in slots."""

    __slots__ = ("held",)


def raiser(source: str) -> Callable[[], None]:
    """Return a function that is not part of the tests, so that its frames count."""
    scope: dict[str, Any] = {"SECRET": SECRET, "Holder": Holder}
    exec(compile(source, "<elsewhere>", "exec"), scope)
    made: Callable[[], None] = scope["fail"]
    return made


IN_TEXT = raiser("def fail():\n    raise ValueError(SECRET)")
IN_FRAME = raiser("def fail():\n    local = SECRET\n    raise ValueError()")
IN_CONTEXT = raiser(
    "def fail():\n"
    "    try:\n"
    "        inner = SECRET\n"
    "        raise KeyError()\n"
    "    except KeyError:\n"
    "        pass\n"
    "    inner = None\n"
    "    def deeper():\n"
    "        local = SECRET\n"
    "        raise KeyError()\n"
    "    try:\n"
    "        deeper()\n"
    "    except KeyError:\n"
    "        raise ValueError() from None"
)
IN_MEMBERS = raiser(
    "def fail():\n"
    "    error, holder = ValueError(), Holder()\n"
    "    holder.held = [{'deep': (SECRET.encode(),)}]\n"
    "    error.holder = holder\n"
    "    raise error"
)


@pytest.mark.parametrize(
    ("fail", "sink"),
    [
        (IN_TEXT, "text"),
        (IN_TEXT, "traceback"),
        (IN_TEXT, "pickle"),
        (IN_FRAME, "traceback with locals"),
        (IN_FRAME, "rich"),
        (IN_FRAME, "frames"),
        (IN_CONTEXT, "frames"),
        (IN_MEMBERS, "members"),
    ],
)
def test_exceptions(evidence: Any, fail: Callable[[], None], sink: str) -> None:
    """A secret in an exception, its frames or its members is found by the tool that shows it."""
    evidence.fails(fail)

    assert f"secret key in error ValueError, {sink}" in evidence.leaks()


@pytest.mark.parametrize(
    "planted",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"AWS:" + SECRET.encode() + b" and more").decode(),
        base64.urlsafe_b64encode(b"x" + SECRET.encode()).decode(),
        SECRET.encode().hex(),
    ],
)
def test_forms(evidence: Any, planted: str) -> None:
    """A secret is found in every form in which it may be written."""
    evidence.value(types.SimpleNamespace(member=planted))

    assert evidence.leaks() == ["secret key in value SimpleNamespace"]


def test_bytes(evidence: Any) -> None:
    """Bytes are found even though a repr escapes them."""
    evidence.value({"member": b"<" + evidence.secrets["bytes of the layer"] + b">"})

    assert evidence.leaks() == ["bytes of the layer in value dict"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([SECRET], {}),
        (["%s", SECRET], {}),
        (["nothing"], {"extra": {"member": [SECRET]}}),
        (["nothing"], {"exc_info": ValueError(SECRET)}),
    ],
    ids=["message", "argument", "extra", "exception"],
)
def test_logs(evidence: Any, arguments: list[str], options: dict[str, Any]) -> None:
    """A secret is found in every part of a record, of any logger, at the lowest level."""
    logging.getLogger("urllib3.connectionpool").debug(*arguments, **options)

    assert any("log of urllib3.connectionpool" in each for each in evidence.leaks())


def test_nothing(evidence: Any) -> None:
    """A value without a secret is not a leak."""
    evidence.value("canary")
    evidence.fails(raiser("def fail():\n    raise ValueError('canary')"))

    assert evidence.leaks() == []
