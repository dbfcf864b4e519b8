"""Write the code in each document as a module for the type checkers.

``python tests/typing/documents.py FOLDER``
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Blocks below ``<!-- not run -->`` need packages that are not installed.
BLOCK = re.compile(r"(?<!<!-- not run -->\n)^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def module(text: str) -> str:
    """Return the blocks of a document, each at its line in the document."""
    code = ""
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        code += "\n" * (line - code.count("\n")) + block[1]
    return code


def main(folder: Path) -> None:
    """Write the modules, and pyright's settings for them, into a new folder."""
    folder.mkdir(parents=True)
    pages = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
    for document in [*ROOT.glob("*.md"), *pages]:
        if code := module(document.read_text(encoding="utf-8")):
            name = "_".join(document.relative_to(ROOT).with_suffix("").parts).replace("-", "_")
            (folder / f"{name}.py").write_text(code, encoding="utf-8")
    # The examples of the reference are a module already.
    examples = ROOT / "docs" / "_ext" / "operation_examples.py"
    (folder / examples.name).write_text(examples.read_text(encoding="utf-8"), encoding="utf-8")
    settings = (Path(__file__).parent / "pyrightconfig.json").read_text(encoding="utf-8")
    (folder / "pyrightconfig.json").write_text(settings, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
