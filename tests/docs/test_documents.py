"""What the documents say is true: their code runs, and their tables are those of the code."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import attrs
import pytest
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from requests.adapters import HTTPAdapter

import ecr_client
from ecr_client import AmazonECR, ClientConfiguration, Credentials, ECRClient
from ecr_client._engine.reconcile import _PROOFS
from ecr_client._generated.models import MODULE_OF
from ecr_client._generated.resources import RESOURCE_OF
from ecr_client.local import LocalECR
from ecr_client.local.operations import HANDLERS
from ecr_client.local.validation import operations

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
#: A block of Python, and the text that it prints if such a block follows.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
NOT_RUN = "<!-- not run -->"
#: The blocks that are not run: the AWS X-Ray SDK is not a dependency of the tests.
NOT_RUN_IN = {"guide/images.md": 3, "guide/tools.md": 1}


class Block(NamedTuple):
    """Some code of a document, where it is, and what it should print (`None`: anything)."""

    code: str
    line: int
    printed: str | None


def documents() -> list[Path]:
    """Return the files that users read."""
    pages = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
    return [*sorted(ROOT.glob("*.md")), *sorted(pages)]


def blocks(document: Path) -> list[Block]:
    """Return the code of a document in its order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(found[1], text.count("\n", 0, found.start()) + 1, found[2])
        for found in BLOCK.finditer(text)
        if not text[: found.start()].rstrip().endswith(NOT_RUN)
    ]


def rows(heading: str, document: Path = README) -> list[list[str]]:
    """Return the cells of the first table below a heading of a document, without its head."""
    below = document.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1]
    lines = below[below.index("\n|") + 1 :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


WITH_CODE = [document for document in documents() if blocks(document)]


#: The keys in the environment, and temporary ones of another account.
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials(
    "ASIDEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", "a-session-token"
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Give a local ECR in the place of AWS, keys that it takes, and a profile.

    Whatever calls a host of AWS reaches it, and so does boto3; its checks are all switched on.
    """
    config = tmp_path / "config"
    config.write_text("[profile build]\nregion = eu-central-1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")  # which readers have not set
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_key)
    with LocalECR(credentials={"123456789012": KEYS, "210987654321": TEMPORARY}) as ecr:
        for sender in (HTTPAdapter, URLLib3Session):
            monkeypatch.setattr(sender, "send", _redirected(sender.send, ecr.endpoint))
        yield


def _redirected(send: Any, endpoint: str) -> Any:
    def redirected(sender: Any, request: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        if parts.netloc.endswith((".amazonaws.com", ".amazonaws.com.cn")):
            # The signature is about the host that was called, and still names it.
            request.headers["Host"] = parts.netloc
            request.url = endpoint + urlunsplit(("", "", *parts[2:]))
        return send(sender, request, **options)

    return redirected


@pytest.mark.parametrize(
    "document", WITH_CODE, ids=lambda document: str(document.relative_to(ROOT))
)
@pytest.mark.usefixtures("aws")
def test_the_code_of_a_document_runs(
    document: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """Each block runs after those before it, and prints what the document says it prints."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(document):
        # The empty lines make a traceback point into the document.
        code = compile("\n" * block.line + block.code, str(document), "exec")
        exec(code, namespace)
        # A test in a document is a test, and has the fixtures that it asks for.
        for name in [name for name in namespace if name.startswith("test_")]:
            test: Any = namespace.pop(name)
            fixtures = inspect.signature(test).parameters
            request.getfixturevalue("local_ecr").reset()
            test(**{each: request.getfixturevalue(each) for each in fixtures})
        printed = capsys.readouterr().out

        assert block.printed in (None, printed), f"{document.name}:{block.line}"


def test_all_code_is_run() -> None:
    """No document has a block of Python that the test above would leave out, but those listed."""
    for document in documents():
        text = document.read_text(encoding="utf-8")
        left_out = NOT_RUN_IN.get(f"{document.parent.name}/{document.name}", 0)

        assert text.count(f"{NOT_RUN}\n```python") == left_out, document.name
        assert len(blocks(document)) == text.count("```python") - left_out, document.name


def test_the_readme_lists_the_interface() -> None:
    """The table of the interface has its twenty members, and each is a method of the client."""
    names = [(java.strip("`"), python.strip("`")) for java, python, _ in rows("## The interface")]

    assert len(names) == 20
    for java, python in names:
        assert callable(getattr(ECRClient, python))
        assert python == re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", java)
    assert AmazonECR.ENDPOINT_PREFIX == "ecr"


def test_the_readme_lists_the_configuration() -> None:
    """The table of the configuration has each field with its default, and no others."""
    listed = {
        name.strip("`"): ast.literal_eval(default.strip("`"))
        for name, _, default, _ in rows("## Configuration")
    }
    fields = {field.name: field.default for field in attrs.fields(ClientConfiguration)}

    assert listed == fields


def test_the_readme_lists_the_environment_variables() -> None:
    """The table of the environment has each variable of AWS that the client reads, no others."""
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


def test_the_guide_lists_the_options_of_a_session() -> None:
    """The table of the default client config has each option of botocore once, and no others."""
    guide = ROOT / "docs" / "guide" / "configuration.md"
    table = rows("## The default client config of a session", guide)

    assert sorted(re.findall(r"`(\w+)`", " ".join(cells[0] for cells in table))) == sorted(
        Config.OPTION_DEFAULTS
    )


def test_the_guide_lists_paginators_waiters_and_batches() -> None:
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


def test_the_guide_lists_the_operations_of_the_local_ecr() -> None:
    """Each operation of the service is in the table, and has a handler."""
    text = (ROOT / "docs" / "guide" / "local-ecr.md").read_text(encoding="utf-8")
    section = text.split("\n## Operations\n", 1)[1].split("\n## ", 1)[0]
    there = re.findall(r"`([A-Z]\w+)`", section)

    assert sorted(there) == sorted(HANDLERS) == sorted(operations())


def test_the_reference_has_a_page_for_each_resource() -> None:
    """No type is left out of the reference because a new resource has no page."""
    for resource in sorted({"enums", *RESOURCE_OF.values()}):
        page = (ROOT / "docs" / "reference" / f"{resource}.md").read_text(encoding="utf-8")
        expected = ["enums::"] if resource == "enums" else [f"types:: {resource}"]
        if resource not in ("enums", "common"):
            expected.append(f"methods:: {resource}")

        assert all(f".. ecr-{directive}\n" in page for directive in expected), resource
    assert RESOURCE_OF.keys() == MODULE_OF.keys()


def test_links_between_documents_lead_somewhere() -> None:
    """A link from one document to another names a file that exists."""
    for document in documents():
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            # What is drawn of the measured results is made when the documents are built.
            if not target.startswith("performance/"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_page_on_reliability_says_what_is_reconciled() -> None:
    """The table of reconciled operations and errors is that of the engine."""
    page = ROOT / "docs" / "reliability.md"
    table = rows("## Calls that may have succeeded already", page)
    told = {
        (operation.strip("`"), code)
        for operation, codes, _ in table
        for code in re.findall(r"`(\w+)`", codes)
    }

    assert told == {(name.removesuffix("Request"), code) for name, code in _PROOFS}
