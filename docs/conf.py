"""How Sphinx builds the documentation: ``sphinx-build -W docs <output>``."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
# The extension lives here. The package itself is the installed one, or that of PYTHONPATH.
sys.path.insert(0, str(DOCS / "_ext"))
sys.path.append(str(DOCS.parent))  # for the benchmarks

from benchmarks import report  # noqa: E402
from ecr_client import __version__  # noqa: E402

# Drawn at each build, so that only the figures are in the repository.
report.write(DOCS / "performance")

project = "ecr-client"
author = "The ecr_client developers"
copyright = author  # noqa: A001  # the name that Sphinx wants
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "ecr_reference",
]
# The last two are parts that pages include.
exclude_patterns = ["_build", "_ext", "performance/*", "reliability/*"]
# A name in single backticks in a docstring is a reference.
default_role = "py:obj"
nitpicky = True

myst_enable_extensions = ["attrs_inline", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = False
napoleon_attr_annotations = False  # the extension of this folder does it

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["ecr.css"]
html_title = f"ecr-client {release}"
html_copy_source = False
html_show_sphinx = False
pygments_dark_style = "a11y-high-contrast-dark"  # furo's own underlines modules like links
# The contents of a page name what it has without the class or module.
toc_object_entries_show_parents = "hide"
# Code has a button, which copies the commands of a session; what is output as a whole has none.
copybutton_selector = "div:not(.highlight-text) > div.highlight pre"
copybutton_prompt_text = "$ "

# Types of others, whose documentation this one does not link to, and type variables.
nitpick_ignore = [
    ("py:class", name)
    for name in (
        *("Buffer", "datetime", "timedelta", "Path", "Self", "Mock", "BaseResponse"),
        *(
            "Item",
            "Page",
            "Request",
            "Result",
            "Client",
            "Damage",
            "TransferEvent",
            "Action",
            "Executor",
            "When",
            "RegistryProtocol",
        ),
        *("ecr_client._operation.Request", "ecr_client._operation.Result"),
        "ecr_client.pagination.Page",
        *("ecr_client._shapes.Structure", "ecr_client.conversion.Model", "Names"),
        "ecr_client.testing.examples.Data",
    )
]
# ``type[...]`` is Python's own, although some types have a member of that name.
suppress_warnings = ["ref.python"]
nitpick_ignore_regex = [
    ("py:.*", r"(botocore|cattrs|collections\.abc|datetime|hashlib|os|pathlib|re)\..*"),
    ("py:.*", r"(threading|types|typing)\..*"),
    ("py:class", r"ecr_client\.local\.faults\.(Fault|Damage|When)"),
]
