"""Directives that list what the package has, so that the reference is complete by itself.

``.. ecr-methods:: images`` documents the methods of ``ECRClient`` whose request belongs to that
resource, ``.. ecr-types:: images`` the structures of that resource, ``.. ecr-enums::`` all enums,
``.. ecr-errors:: modeled`` and ``.. ecr-errors:: unmodeled`` the errors of the service, and
``.. ecr-index::`` links every method. ``.. ecr-commands::`` shows the help of the command line.

The search finds a method by the name of its operation too, and long names get places to break at.
"""

from __future__ import annotations

import enum
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Iterator
from typing import Any

import attrs
import click
import operation_examples
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import GoogleDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature

from ecr_client import AmazonECR, ECRClient, exceptions, models, operations
from ecr_client._generated.exceptions import MODELED
from ecr_client._generated.resources import RESOURCE_OF
from ecr_client.cli.options import Command, Group
from ecr_client.cli.program import ecr as program
from ecr_client.models import (
    AmazonWebServiceRequest,
    AmazonWebServiceResult,
    ResultWithFailures,
)

CLIENT = "ecr_client.ECRClient"
#: The errors that the page of the exceptions shows one by one.
ROOTS = ("AmazonClientException", "AmazonServiceException", "AmazonECRException")
#: The bases that a page of types shows.
PUBLIC_BASES = (AmazonWebServiceRequest, AmazonWebServiceResult, ResultWithFailures)
#: The modules in which a name without a module may be documented.
PUBLIC_MODULES = (
    "ecr_client",
    "ecr_client.models",
    "ecr_client.exceptions",
    "ecr_client.credentials",
    "ecr_client.pagination",
    "ecr_client.local.server",
    "ecr_client.testing.images",
)
#: A line that is a link to the API reference, and what that page is about.
API_LINK = re.compile(r"^(https://docs\.aws\.amazon\.com/.*/(?:API_)?(\w+)\.html)$")
#: What may be too long for its column: a piece of code, a name, the text of a cell or of a link.
PIECE = re.compile(r'(<span class="pre">|<strong>(?=\S+</strong>)|<td><p>|API_\w+\.html">)([^<]+)')
#: Where it may be broken: after a punctuation mark, and before a capital in camel case.
BREAK = re.compile(r"(?<=[_.,:=/(|])(?=[a-zA-Z])|(?<=[a-z0-9])(?=[A-Z])")
#: Code of at most this many characters is never broken.
SHORT = 10


# --- what there is ------------------------------------------------------------------------------


def resources() -> list[str]:
    """Return all resources, for example ``images``."""
    return sorted(set(RESOURCE_OF.values()) - {"common"})


def methods_of(resource: str) -> list[str]:
    """Return the methods that belong to a resource: operations first, helpers after them."""
    found = [
        name
        for name, method in inspect.getmembers(ECRClient, inspect.isfunction)
        if not name.startswith("_") and resource_of(method) == resource
    ]
    return sorted(found, key=lambda name: (name not in vars(AmazonECR), name))


def resource_of(method: Any) -> str:
    """Return the resource of a method, by the type of its request; empty if it takes none."""
    request = inspect.signature(method).parameters.get("request")
    if request is None:
        return ""
    # Hand-written methods that take a request are annotated with strings.
    return RESOURCE_OF.get(getattr(request.annotation, "__name__", ""), "")


def types_of(resource: str) -> list[str]:
    """Return the structures of a resource, or the common ones, by name."""
    return sorted(name for name in RESOURCE_OF.keys() - enums() if RESOURCE_OF[name] == resource)


def enums() -> set[str]:
    """Return the enums of all resources."""
    return {name for name in RESOURCE_OF if issubclass(getattr(models, name), enum.Enum)}


def errors_of(kind: str) -> list[str]:
    """Return the names of the errors of a kind: ``modeled``, ``unmodeled`` or ``client``."""
    kinds: dict[str, list[str]] = {"modeled": [], "unmodeled": [], "client": []}
    for name in sorted(exceptions.__all__):
        from_service = issubclass(getattr(exceptions, name), exceptions.AmazonServiceException)
        kinds["modeled" if name in MODELED else "unmodeled" if from_service else "client"] += [name]
    return [name for name in kinds[kind] if name not in ROOTS]


def example_of(method: str) -> list[str]:
    """Return the example of an operation; nothing for the methods that help to call them."""
    example = getattr(operation_examples, method, None)
    if example is None:
        return []
    body = textwrap.dedent(inspect.getsource(example).partition("\n")[2])
    code = [f"   {line}" if line else "" for line in body.splitlines()]
    return [".. code-block:: python", "", *code]


def summary_of(thing: Any) -> str:
    """Return the first sentence of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


# --- the directives -----------------------------------------------------------------------------


class Generated(SphinxDirective):
    """Parses the lines that stand for its argument."""

    optional_arguments = 1

    def lines(self, argument: str) -> list[str]:
        """Return reStructuredText."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return what the lines become."""
        argument = self.arguments[0] if self.arguments else ""
        lines = StringList(self.lines(argument), source=f"{self.name} {argument}".strip())
        parent = nodes.container()
        self.state.nested_parse(lines, self.content_offset, parent)
        return parent.children


class Methods(Generated):
    """Documents the methods of a resource, with both of their signatures."""

    def lines(self, argument: str) -> list[str]:
        """Return one ``py:method`` each; autodoc knows no overloads of inherited methods."""
        lines = []
        for name in methods_of(argument):
            first, *others = (f"ECRClient.{name}{form}" for form in overloads_of(name))
            lines += [f".. py:method:: {first}", *(f"               {form}" for form in others)]
            lines += ["   :module: ecr_client", ""]
            method = getattr(ECRClient, name)
            read = GoogleDocstring(
                inspect.getdoc(method) or "", self.config, self.env.app, "method", name, method
            )
            described = [name_link(line) for line in read.lines()]
            lines += [f"   {line}" for line in [*described, "", *example_of(name)]] + [""]
        return lines

    def run(self) -> list[nodes.Node]:
        """Add each operation to the search index under the service's name for it."""
        found = super().run()
        for index in (each for each in found if isinstance(each, addnodes.index)):
            target = index["entries"][0][2]
            name = target.rpartition(".")[2].upper()
            if name in operations.__all__:
                entry = ("single", getattr(operations, name).name, target, "main", None)
                index["entries"].append(entry)
        return found


class Types(Generated):
    """Documents the structures of a resource."""

    def lines(self, argument: str) -> list[str]:
        """Return one ``autoclass`` each; the attributes are in the docstrings."""
        lines = []
        for name in types_of(argument):
            lines += [f".. autoclass:: ecr_client.models.{name}", "   :show-inheritance:", ""]
        return lines


class Enums(Generated):
    """Documents all enums."""

    def lines(self, argument: str) -> list[str]:
        """Return one ``autoclass`` each, with the members."""
        lines = []
        for name in sorted(enums()):
            lines += [f".. autoclass:: ecr_client.models.{name}"]
            lines += ["   :members:", "   :undoc-members:", ""]
        return lines


class Errors(Generated):
    """Documents the errors of one kind."""

    def lines(self, argument: str) -> list[str]:
        """Return one ``autoexception`` each."""
        lines = []
        for name in errors_of(argument):
            lines += [f".. autoexception:: ecr_client.exceptions.{name}"]
            lines += ["   :show-inheritance:", ""] if argument == "client" else [""]
        return lines


class Index(Generated):
    """Lists every method of every resource in a table."""

    def lines(self, argument: str) -> list[str]:
        """Return a table for each resource."""
        lines = []
        for resource in resources():
            title = resource.replace("_", " ").capitalize()
            lines += [f".. list-table:: {title}", "   :widths: 45 55", ""]
            for name in methods_of(resource):
                summary = summary_of(getattr(ECRClient, name))
                lines += [f"   * - :py:meth:`~{CLIENT}.{name}`", f"     - {summary}"]
            lines += [""]
        return lines


class Commands(Generated):
    """Shows the help of every command of the command line."""

    def lines(self, argument: str) -> list[str]:
        """Return a heading and the help for each command."""
        lines: list[str] = []
        for name, text in helps(program):
            lines += [f".. rubric:: {name}", "", ".. code-block:: text", ""]
            lines += [f"   {line}" for line in text.splitlines()] + [""]
        return lines


def helps(group: Group, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield what is typed for each command, and its help."""
    context = group.make_context(
        "ecr" if parent is None else group.name, [], parent=parent, resilient_parsing=True
    )
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, Group):
            yield from helps(command, context)
        elif isinstance(command, Command):
            own = command.make_context(name, [], parent=context, resilient_parsing=True)
            yield own.command_path, command.get_help(own)


# --- signatures and references ------------------------------------------------------------------


def show_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: Any, returns: Any
) -> tuple[str, str | None] | None:
    """Return a signature that says what a caller may write, where Python's own does not."""
    if what == "class" and attrs.has(obj) and name.startswith("ecr_client.models."):
        members = [field for field in attrs.fields(obj) if field.name != "response_metadata"]
        shown = [f"{field.name}: {type_text(field.type)}{default_text(field)}" for field in members]
        return (f"(*, {', '.join(shown)})" if shown else "()"), None
    if what == "exception" and signature and name.rpartition(".")[2] not in ROOTS:
        # The service's are made like AmazonServiceException, and all hardly ever by hand.
        return "", None
    return None


def show_attribute_types(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Add the types of the attributes that a docstring lists (after napoleon has read it)."""
    if what not in ("class", "exception"):
        return
    types = attribute_types(obj)
    for number in range(len(lines) - 1, -1, -1):
        directive, _, attribute = lines[number].partition(".. attribute:: ")
        if not directive and attribute in types:
            lines.insert(number + 1, f"   :type: {types[attribute]}")


def name_links(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Give a readable text to the links to the API reference of AWS."""
    lines[:] = map(name_link, lines)


def name_link(line: str) -> str:
    """Return a line, with a name if it is a link to the API reference."""
    return API_LINK.sub(r"`\2 in the API reference of AWS <\1>`__", line)


def keep_whole(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep napoleon (which reads after this) from taking ``Words: more words`` for a type."""
    if what == "property":
        lines[:0] = ["..", ""]


def hide_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Leave out the bases that are not for users."""
    if name.startswith("ecr_client.models."):
        bases[:] = [base for base in bases if base in PUBLIC_BASES] or [object]


def attribute_types(cls: type) -> dict[str, str]:
    """Return the types of the attributes of a class, as strings."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= {
            name: type_text(annotation)
            for name, annotation in vars(base).get("__annotations__", {}).items()
        }
    # attrs keeps the types of a class that it has rebuilt with slots.
    if attrs.has(cls):
        found |= {field.name: type_text(field.type) for field in attrs.fields(cls)}
    return found


def overloads_of(method: str) -> list[str]:
    """Return the signatures of a generated method, as its source spells them."""
    function = getattr(ECRClient, method)
    analyzer = ModuleAnalyzer.for_module(function.__module__)
    analyzer.analyze()
    return [
        stringify_signature(form.replace(parameters=list(form.parameters.values())[1:]))
        for form in analyzer.overloads[function.__qualname__]
    ]


def type_text(annotation: Any) -> str:
    """Return an annotation as a user would write it."""
    if isinstance(annotation, str):
        return annotation
    if annotation is type(None):
        return "None"
    arguments = ", ".join(map(type_text, typing.get_args(annotation)))
    origin = typing.get_origin(annotation)
    if origin is types.UnionType:
        return arguments.replace(", ", " | ")
    if origin is not None:
        return f"{origin.__name__}[{arguments}]"
    return str(annotation.__name__)


def default_text(field: Any) -> str:
    """Return the default of a member, as in a signature."""
    if field.default is attrs.NOTHING:
        return ""
    return f" = {field.default!r}"


def resolve(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, content: nodes.Element
) -> nodes.Element | None:
    """Link a name that is written as the code writes it, without the module it is public in."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"].rpartition(".")[2]
    domain = env.get_domain("py")
    for module in PUBLIC_MODULES:
        target = f"{module}.{name}"
        if target in domain.objects:
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, "obj", target, node, content
            )
    return None


def show_breaks(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Say where long names and code may be broken, on the page and in its contents."""
    for part in ("body", "toc"):
        if part in context:
            context[part] = PIECE.sub(breakable, context[part])


def breakable(piece: re.Match[str]) -> str:
    """Return a piece of a line with places to break at, or as one that must not be broken."""
    tag, text = piece.groups()
    if tag.startswith("<span") and len(text) <= SHORT:
        return tag.replace("pre", "pre whole") + text
    return tag + BREAK.sub("<wbr>", text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything."""
    app.add_directive("ecr-methods", Methods)
    app.add_directive("ecr-types", Types)
    app.add_directive("ecr-enums", Enums)
    app.add_directive("ecr-errors", Errors)
    app.add_directive("ecr-index", Index)
    app.add_directive("ecr-commands", Commands)
    app.connect("autodoc-process-signature", show_signature)
    app.connect("autodoc-process-bases", hide_bases)
    app.connect("autodoc-process-docstring", keep_whole, priority=400)
    app.connect("autodoc-process-docstring", name_links)
    app.connect("autodoc-process-docstring", show_attribute_types, priority=600)
    app.connect("missing-reference", resolve)
    app.connect("html-page-context", show_breaks)
    return {"parallel_read_safe": True, "version": "1"}
