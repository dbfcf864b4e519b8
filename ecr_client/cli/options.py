"""The part that all commands share: the global options, and the clients built from them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ecr_client.cli.errors import NOT_CONFIRMED, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from click.shell_completion import CompletionItem

    from ecr_client import ECRClient
    from ecr_client.cli.tables import Table
    from ecr_client.oci import Reference

    Found = tuple[ECRClient, Reference]

Function = TypeVar("Function", bound="Callable[..., Any] | click.Command")


class Options:
    """The global options, wherever on the command line they were given."""

    output: str | None = None
    query: str | None = None
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    ca_bundle: str | None = None
    no_verify_ssl: bool = False
    debug: bool = False

    def client(self, region: str | None = None, profile: str | None = None) -> ECRClient:
        """Return a client, which the caller has to shut down.

        Args:
            region: The region; ``None`` for the one of the options.
            profile: The profile; ``None`` for the one of the options.
        """
        from ecr_client import ClientConfiguration, ECRClient

        if self.no_verify_ssl:
            import warnings

            # urllib3 would warn at each call; the client logs it once.
            warnings.filterwarnings("ignore", "Unverified HTTPS request")
        return ECRClient(
            region=region or self.region,
            endpoint=self.endpoint_url,
            profile=profile or self.profile,
            config=ClientConfiguration(verify=False if self.no_verify_ssl else self.ca_bundle),
        )

    @contextmanager
    def find(self, text: str, *, profile: str | None = None) -> Iterator[Found]:
        """Yield a client of the registry that a reference is in, and the reference.

        A host or an ARN in the reference decides on the region; the options are for those without.

        Args:
            text: A reference; it may begin with ``docker://``, as skopeo writes it.
            profile: The profile; ``None`` for the one of the options.

        Raises:
            ValueError: The string is not a reference, or one of Amazon ECR Public.
        """
        from ecr_client.images.references import reference_for

        text = without_scheme(text)
        with self.client(_region_of(text), profile) as client:
            yield client, reference_for(client, text)

    def show(self, document: Any, table: Callable[[], Table | str]) -> None:
        """Print the result of a command, in the requested format.

        Args:
            document: The result in JSON's types, with the service's names.
            table: Returns what is printed if neither a format nor a query is given.
        """
        from ecr_client.cli.output import render

        click.echo(render(document, table, self.output, self.query))


def without_scheme(text: str) -> str:
    """Return a reference as docker writes it."""
    return text.removeprefix("docker://")


def _region_of(text: str) -> str | None:
    from ecr_client.oci import Reference, Registry

    if text.startswith("arn:"):
        found = Reference.parse(text).registry
    else:
        found = Registry.find(text.partition("/")[0])
    return None if found is None else found.region


def registry_id(reference: Reference) -> str | None:
    """Return the account id that a reference names."""
    return None if reference.registry is None else reference.registry.account


def repository_members(reference: Reference) -> dict[str, Any]:
    """Return the members of a request about a repository.

    Raises:
        ValueError: The reference names an image.
    """
    if reference.tag is not None or reference.digest is not None:
        raise ValueError(f"{str(reference)!r} must name a repository, without a tag or a digest")
    return {"repository_name": reference.repository, "registry_id": registry_id(reference)}


def image_members(reference: Reference) -> dict[str, Any]:
    """Return the members of a request about one image, a tag of ``latest`` by default."""
    from ecr_client.models import ImageIdentifier

    if reference.digest is not None:
        image = ImageIdentifier(image_digest=reference.digest)
    else:
        image = ImageIdentifier(image_tag=reference.tag or "latest")
    return {
        "repository_name": reference.repository,
        "registry_id": registry_id(reference),
        "image_id": image,
    }


def confirm(question: str, yes: bool) -> None:
    """Ask for confirmation.

    Args:
        question: What is going to happen.
        yes: Whether it was confirmed already.

    Raises:
        CommandError: The user declined, or there is no terminal.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError(
            f"{question}? There is no terminal to ask on; run it again with --yes", NOT_CONFIRMED
        )
    print(f"{question}? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print(file=sys.stderr)  # Ctrl-D has not ended the line.
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was done", NOT_CONFIRMED)


@contextmanager
def _log() -> Iterator[None]:
    """Print the log of the package, in which there are no secrets."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    logger = logging.getLogger("ecr_client")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    options = context.ensure_object(Options)
    # An option that is not given here may have been given before the command.
    if value:
        setattr(options, parameter.name or "", value)
        if parameter.name == "debug":
            context.find_root().with_resource(_log())


def _global(name: str, text: str, **details: Any) -> click.Option:
    return click.Option([name], expose_value=False, callback=_remember, help=text, **details)


GLOBAL: list[click.Parameter] = [
    _global(
        "--output",
        "The output format; 'table' by default, 'json' with a query.",
        type=click.Choice(["table", "json", "yaml"]),
    ),
    _global("--query", "Print only what this JMESPath expression selects.", metavar="JMESPATH"),
    _global("--region", "The AWS region.", metavar="REGION"),
    _global("--profile", "The profile in the shared AWS configuration files.", metavar="NAME"),
    _global("--endpoint-url", "The URL to call instead of the region's endpoint.", metavar="URL"),
    _global("--no-verify-ssl", "Do not verify TLS certificates.", is_flag=True),
    _global("--ca-bundle", "The CA certificates to trust.", type=click.Path(exists=True)),
    _global("--debug", "Print the log and tracebacks to stderr.", is_flag=True),
]


def complete_path(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete the path of a file or a folder."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def timeout_option(function: Function) -> Function:
    """Add the option ``--timeout`` to a command."""
    add = click.option(
        "--timeout",
        type=click.FloatRange(0),
        default=300,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait.",
    )
    return add(function)


def yes_option(function: Function) -> Function:
    """Add the option ``--yes`` to a command."""
    add = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
    return add(function)


def dry_run_option(function: Function) -> Function:
    """Add the option ``--dry-run`` to a command."""
    add = click.option(
        "--dry-run", is_flag=True, help="Print what would happen, without changing anything."
    )
    return add(function)


class Command(click.Command):
    """A command that takes the global options as well."""

    def __init__(self, *arguments: Any, **details: Any) -> None:
        if details.get("help"):
            # Raw docstrings spell out the character that keeps click from wrapping a paragraph.
            details["help"] = details["help"].replace("\\b\n", "\b\n")
        super().__init__(*arguments, **details)
        self.params.extend(GLOBAL)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the command, and name the global ones."""
        own = [each for each in self.get_params(ctx) if each not in GLOBAL]
        # Arguments are in the usage, and some versions of click have them here as well.
        found = [each.get_help_record(ctx) for each in own if isinstance(each, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in found if record is not None])
        names = ", ".join(each.opts[0] for each in GLOBAL)
        with formatter.section("Global options, see 'ecr --help'"):
            formatter.write_text(names)


class Group(click.Group):
    """Commands whose modules are loaded when they are needed.

    Attributes:
        modules: The module of each command; the command is its attribute ``command``, or the one
            named after a colon.
    """

    command_class: type[click.Command] | None = Command

    def __init__(
        self, *arguments: Any, modules: Mapping[str, str] | None = None, **details: Any
    ) -> None:
        super().__init__(*arguments, **details)
        self.modules: dict[str, str] = dict(modules or {})
        self.params.extend(GLOBAL)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their definition."""
        return [*self.modules, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loading its module."""
        place = self.modules.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        found: click.Command = getattr(import_module(module), attribute or "command")
        return found


def group(name: str, help_text: str) -> Group:
    """Return a group to which its module adds the commands."""
    return Group(name, help=help_text)


def some_of(texts: Sequence[str]) -> str:
    """Return a shortened list: ``'a', 'b', 'c' and 3 more``."""
    shown = ", ".join(repr(each) for each in texts[:3])
    return f"{shown} and {len(texts) - 3} more" if len(texts) > 3 else shown
