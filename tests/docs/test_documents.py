"""What the documents say is true: tables match the code, and links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re
from importlib.metadata import metadata
from pathlib import Path

import attrs
import pytest
from botocore.config import Config

import ecr_client
from ecr_client import ClientConfiguration, ECRClient
from ecr_client._engine.reconcile import _PROOFS
from ecr_client._generated.models import MODULE_OF
from ecr_client._generated.resources import RESOURCE_OF
from ecr_client.cli.images import delete
from ecr_client.cli.options import GLOBAL
from ecr_client.images import selectors
from ecr_client.local.operations import HANDLERS
from ecr_client.local.validation import operations

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
#: A file or a folder of the repository.
PATH = re.compile(r"`((?:benchmarks|codegen|docs|ecr_client|examples|tests)/[\w./-]*)`")


def documents() -> list[Path]:
    """Return the files that users read."""
    pages = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
    return [*sorted(ROOT.glob("*.md")), *sorted(pages)]


def rows(heading: str, document: Path = README) -> list[list[str]]:
    """Return the rows of the first table below a heading of a document, without its header."""
    below = document.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1]
    lines = below[below.index("\n|") + 1 :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_configuration() -> None:
    """The table of the configuration has exactly the fields, with their defaults."""
    listed = {
        name.strip("`"): ast.literal_eval(default.strip("`"))
        for name, _, default, _ in rows("## Configuration")
    }
    fields = {field.name: field.default for field in attrs.fields(ClientConfiguration)}

    assert listed == fields


def test_environment() -> None:
    """The table of the environment has exactly the AWS variables that the client reads."""
    package = Path(ecr_client.__file__).parent
    read = {
        name
        for module in package.rglob("*.py")
        if not {"local", "testing"} & set(module.relative_to(package).parts)
        for name in re.findall(r'"(AWS_[A-Z0-9_]+)"', module.read_text(encoding="utf-8"))
    }
    listed = {
        name for cells in rows("### Environment") for name in re.findall(r"`(AWS_\w+)`", cells[0])
    }

    assert listed == read


def test_session_options() -> None:
    """The table of the default client config has exactly the options of botocore, once each."""
    guide = ROOT / "docs" / "guide" / "configuration.md"
    table = rows("## The default client config of a session", guide)

    assert sorted(re.findall(r"`(\w+)`", " ".join(cells[0] for cells in table))) == sorted(
        Config.OPTION_DEFAULTS
    )


def test_helpers() -> None:
    """The tables of the guide have each helper of the client, and the defaults of the waiters."""
    paging = ROOT / "docs" / "guide" / "paging.md"
    tables = [rows(heading, paging) for heading in ("## Pagination", "## Waiters", "## Batches")]
    listed = {cells[0].strip("`") for table in tables for cells in table}
    helpers = {
        name
        for name in dir(ECRClient)
        if name.startswith(("paginate_", "wait_until_")) or name.endswith("_all")
    }

    assert listed == helpers - {"_invoke_all"}
    for waiter, delay, max_wait in tables[1]:
        parameters = inspect.signature(getattr(ECRClient, waiter.strip("`"))).parameters
        assert float(delay) == parameters["delay"].default
        assert float(max_wait) == parameters["max_wait"].default


def test_local_operations() -> None:
    """Each operation of the service is in the table, and has a handler."""
    text = (ROOT / "docs" / "guide" / "local-ecr.md").read_text(encoding="utf-8")
    section = text.split("\n## Operations\n", 1)[1].split("\n## ", 1)[0]
    there = re.findall(r"`([A-Z]\w+)`", section)

    assert sorted(there) == sorted(HANDLERS) == sorted(operations())


def test_selectors() -> None:
    """The guide to cleaning up lists each selector, with its option if it has one."""
    table = rows("## Choose", ROOT / "docs" / "guide" / "clean-up.md")
    listed = {cells[0].partition("(")[0].strip("`") for cells in table}
    options = {option for cells in table for option in re.findall(r"--[\w-]+", cells[1])}
    functions = inspect.getmembers(selectors, inspect.isfunction)
    public = {name for name, function in functions if function.__module__ == selectors.__name__}
    selecting = {parameter.opts[0] for parameter in delete.params if parameter.opts[0][:2] == "--"}

    assert listed == {name for name in public if name[0] != "_"} - {"newest_first"}
    assert options == selecting - {each.opts[0] for each in GLOBAL} - {"--yes", "--dry-run"}


def test_extras() -> None:
    """The page lists each extra of the package."""
    (row,) = (
        cells
        for cells in rows("## What is public", ROOT / "docs" / "versioning.md")
        if cells[0] == "extras"
    )
    extras = metadata("ecr-client").get_all("Provides-Extra")

    assert re.findall(r"`(\w+)`", row[1]) == sorted(extras or ())


def test_reference_pages() -> None:
    """Each type is in the reference, so a new resource cannot be left without a page."""
    for resource in sorted({"enums", *RESOURCE_OF.values()}):
        page = (ROOT / "docs" / "reference" / f"{resource}.md").read_text(encoding="utf-8")
        expected = ["enums::"] if resource == "enums" else [f"types:: {resource}"]
        if resource not in ("enums", "common"):
            expected.append(f"methods:: {resource}")

        assert all(f".. ecr-{directive}\n" in page for directive in expected), resource
    assert RESOURCE_OF.keys() == MODULE_OF.keys()


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub and MyST make them."""
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,3} (.*)$", text, re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_links(document: Path) -> None:
    """A link leads to an existing file and heading, and an external link uses TLS."""
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        # Plots of the measured results are drawn when the documentation is built.
        if target.startswith(("https://", "performance/")):
            continue
        found = document.parent / path if path else document

        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), target


def test_reconciled() -> None:
    """The table of reconciled operations and errors is that of the engine."""
    page = ROOT / "docs" / "reliability.md"
    table = rows("## Calls that may have succeeded already", page)
    told = {
        (operation.strip("`"), code)
        for operation, codes, _ in table
        for code in re.findall(r"`(\w+)`", codes)
    }

    assert told == {(name.removesuffix("Request"), code) for name, code in _PROOFS}


def test_paths() -> None:
    """Every file and folder that a document names exists."""
    named = {path for document in documents() for path in PATH.findall(document.read_text("utf-8"))}

    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
