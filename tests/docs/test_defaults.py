"""Numbers in documents and docstrings are those of the code."""

from __future__ import annotations

import ast
import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy, downloads
from ecr_client._engine import clock, retry
from ecr_client.exceptions import InvalidConfigurationException
from ecr_client.local import pages, tokens
from ecr_client.models import LifecyclePolicyPreviewStatus, ScanStatus

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
WORDS = {"a": 1, "one": 1, "twice": 2, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10}
MIB = 1024 * 1024


def entries(documented: Any) -> dict[str, str]:
    """Return the entry of each argument in the section "Args" of a docstring."""
    section = (inspect.getdoc(documented) or "").split("\nArgs:\n", 1)[1].split("\n\n", 1)[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def methods(prefix: str, suffix: str) -> list[str]:
    """Return the names of the client's methods with this prefix and suffix."""
    return [name for name in dir(ECRClient) if name.startswith(prefix) and name.endswith(suffix)]


def number(text: str) -> float:
    """Return the number that a word or digits stand for."""
    return WORDS[text] if text in WORDS else float(text.replace(",", ""))


CLASSES = (ClientConfiguration, RetryPolicy)
FIELDS = [(cls, field) for cls in CLASSES for field in attrs.fields(cls)]
#: Fields whose default is a function, which the docstring describes.
DESCRIBED = {"random"}


@pytest.mark.parametrize("cls", CLASSES)
def test_each_field_is_documented(cls: type) -> None:
    """The docstring of a settings class has its fields in order."""
    assert list(entries(cls)) == [field.name for field in attrs.fields(cls)]


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=lambda value: getattr(value, "name", ""))
def test_defaults_of_fields(cls: type, field: Any) -> None:
    """A field has the default that the docstring states."""
    text = entries(cls)[field.name]
    named = re.search(r"\bDefault ([\w,.]*\w)|\bDefault ``([^`]+)``|``([^`]+)``, the default", text)
    if field.name in DESCRIBED:
        assert named is None
        return

    assert named is not None
    assert ast.literal_eval((named[1] or named[2] or named[3]).replace(",", "")) == field.default
    if named[1] and "which is" in text:
        assert number(re.search(r"which is (\d+) MiB", text)[1]) * MIB == field.default  # type: ignore[index]


#: How docstrings name the ends of a range: the values within and beyond it, from the number.
BOUNDS = {
    r"above ([\d,]+)": (0.001, 0),
    r"(?:at least|from) ([\d,]+)": (0, -1),
    r"at most ([\d,]+)": (0, 1),
}


def takes(cls: type, name: str, value: float) -> bool:
    """Return whether a settings class accepts a value."""
    try:
        cls(**{name: value})
    except InvalidConfigurationException:
        return False
    return True


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=lambda value: getattr(value, "name", ""))
def test_bounds_of_fields(cls: type, field: Any) -> None:
    """The ends of a range in a docstring are accepted, and values beyond them are not."""
    if field.name == "user_agent_appid":  # Its range is one of lengths.
        return
    numeric = isinstance(field.default, (int, float)) and not isinstance(field.default, bool)
    found = [
        (number(bound[1]), inside, outside)
        for pattern, (inside, outside) in BOUNDS.items()
        if (bound := re.search(pattern, entries(cls)[field.name]))
    ]

    assert bool(found) == (numeric or field.name in ("total_timeout", *DESCRIBED))
    for bound, inside, outside in found if field.name not in DESCRIBED else ():
        whole = int if field.type in ("int", int) else float
        assert takes(cls, field.name, whole(bound + inside)), bound
        assert not takes(cls, field.name, whole(bound + outside)), bound


def default(name: str) -> Any:
    return attrs.fields_dict(ClientConfiguration)[name].default


def policy(name: str) -> Any:
    return attrs.fields_dict(RetryPolicy)[name].default


def hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


#: Sentences with numbers in the documents: the page, a pattern, and the values in the code.
SENTENCES: list[tuple[str, str, tuple[Any, ...]]] = [
    ("reliability.md", r"A call is sent up to (\w+) times", (policy("max_attempts"),)),
    (
        "reliability.md",
        r"share a quota of (\d+)\. A retry acquires (\d+) of it, or (\d+) after a timeout",
        (retry.QUOTA, retry.COST, retry.COST_OF_TIMEOUT),
    ),
    ("reliability.md", r"more than (\w+) minutes away", (clock.TOLERANCE / timedelta(minutes=1),)),
    (
        "reliability.md",
        r"`connection_max_idle_time`, (\d+) seconds",
        (default("connection_max_idle_time"),),
    ),
    (
        "reliability.md",
        r"`max_response_size` bytes, (\d+) MiB",
        (default("max_response_size") / MIB,),
    ),
    ("reliability.md", r"storage of layers are, up to (\w+) times", (downloads.MAX_REDIRECTS,)),
    ("guide/downloads.md", r"At most (\d+) MiB of the layer is in", (downloads.CHUNK / MIB,)),
    (
        "guide/calls.md",
        r"metadata of the latest (\d+) successful calls",
        (default("response_metadata_cache_size"),),
    ),
    ("guide/from-boto3.md", r"A failed call is sent up to (\w+) times", (policy("max_attempts"),)),
    ("guide/from-java.md", r"failed call is retried at most (\w+);", (policy("max_attempts") - 1,)),
    (
        "guide/local-ecr.md",
        r"authorization tokens expire after (\d+) hours, and presigned URLs after (\w+)",
        (hours(tokens.TOKEN_LIFETIME), hours(tokens.DOWNLOAD_LIFETIME)),
    ),
    (
        "guide/local-ecr.md",
        r"valid for one listing, and expire after (a) day",
        (hours(pages.LIFETIME) / 24,),
    ),
]


@pytest.mark.parametrize(("page", "pattern", "actual"), SENTENCES)
def test_sentences_with_numbers(page: str, pattern: str, actual: tuple[Any, ...]) -> None:
    """A number in a sentence of the documents is that of the code."""
    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())
    found = re.search(pattern, text)

    assert found is not None
    assert tuple(number(each) for each in found.groups()) == actual


def test_sentences_of_docstrings() -> None:
    """The numbers in the prose of docstrings are those of the code."""
    text = " ".join((inspect.getdoc(RetryPolicy) or "").split())
    quota = re.search(r"quota of (\d+): a retry acquires (\d+), or (\d+) after a timeout", text)
    piece = re.search(
        r"No piece is longer than (\d+) MiB", downloads.LayerDownload.iter_bytes.__doc__ or ""
    )

    assert quota is not None
    assert [*map(int, quota.groups())] == [retry.QUOTA, retry.COST, retry.COST_OF_TIMEOUT]
    assert piece is not None
    assert int(piece[1]) * MIB == downloads.CHUNK


@pytest.mark.parametrize(
    ("waiter", "name", "states"),
    [
        ("wait_until_image_scan_complete", "ImageScanComplete", ScanStatus),
        (
            "wait_until_lifecycle_policy_preview_complete",
            "LifecyclePolicyPreviewComplete",
            LifecyclePolicyPreviewStatus,
        ),
    ],
)
def test_states_of_waiters(waiter: str, name: str, states: Any) -> None:
    """The guide, the design page and the docstring list each state of a waiter alike."""
    text = " ".join((getattr(ECRClient, waiter).__doc__ or "").split())
    docstring = re.search(r"decides\. Success: (.*?)\. Failure: (.*?)\. Not yet: (.*?)\.", text)

    assert docstring is not None
    stated = [re.findall(r"[A-Z_]{4,}", part) for part in docstring.groups()]
    assert sorted(state for part in stated for state in part) == sorted(states)
    for page, title in ((GUIDE / "paging.md", waiter), (ROOT / "docs/design/waiters.md", name)):
        (row,) = re.findall(rf"^\| `{title}` (\|.*`.*)$", page.read_text(encoding="utf-8"), re.M)
        assert [re.findall(r"[A-Z_]{4,}", cell) for cell in row.split("|")[1:-1]] == stated


@pytest.mark.parametrize("name", methods("wait_until_", ""))
def test_bounds_of_waiters(name: str) -> None:
    """The docstring of a waiter has the units and bounds of its times."""
    found = entries(getattr(ECRClient, name))

    assert found["delay"] == "Seconds between two calls, above 0 and at most 3,600."
    assert found["max_wait"].startswith("Seconds to wait in total, ")
    assert found["max_wait"].endswith("; 0 makes one call.")


@pytest.mark.parametrize(
    "name", sorted(n for n in dir(ECRClient) if n.endswith("_all") and n[0] != "_")
)
def test_sizes_of_batches(name: str) -> None:
    """The guide and the docstring state how many items a batch helper sends in one call."""
    method = getattr(ECRClient, name)
    plain = " ".join(entries(getattr(ECRClient, name.removesuffix("_all"))).values())
    stated = re.search(r"in calls of up to (\d+)\.", method.__doc__ or "")
    guide = (GUIDE / "paging.md").read_text(encoding="utf-8")

    assert stated is not None
    assert f"1 to {stated[1]} items." in plain
    assert f"| `{name}` | {stated[1]} |" in guide
