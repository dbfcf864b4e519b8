"""The intermediate representation: one class for each kind of thing that is generated."""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.docs import Description
from codegen.model import Model


@dataclass(frozen=True)
class Member:
    """A member of a structure or an error.

    Attributes:
        constraints: The bounds and patterns of the model, as sentences.
        minimum: The lower bound that is checked before a request is sent.
        item_minimum: The same for the items of a list.
        repr: The function that makes its repr, if its value must not appear there.
    """

    name: str
    wire_name: str
    type: str
    required: bool
    description: str
    constraints: str
    default: str = "None"
    minimum: int | None = None
    item_minimum: int | None = None
    repr: str | None = None

    @property
    def optional_type(self) -> str:
        """The type with ``None``, for a parameter that may be left out."""
        return f"{self.type} | None"


@dataclass(frozen=True)
class Structure:
    """An attrs class."""

    name: str
    shape: str
    base: str
    summary: str
    members: tuple[Member, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Enum:
    """An enum; its members are pairs of name and value."""

    name: str
    summary: str
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Module:
    """A module of types: those that exactly these operations need.

    Attributes:
        resource: The resource that all of the operations belong to, or ``common``.
    """

    name: str
    operations: tuple[str, ...]
    resource: str
    enums: tuple[Enum, ...]
    structures: tuple[Structure, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The names of its types, in the order in which it declares them."""
        return (*(enum.name for enum in self.enums), *(each.name for each in self.structures))


@dataclass(frozen=True)
class Error:
    """A modeled exception."""

    name: str
    description: Description
    members: tuple[Member, ...]
    server_fault: bool


@dataclass(frozen=True)
class Operation:
    """A method of the client."""

    name: str
    method: str
    description: Description
    request: Structure
    result: str
    errors: tuple[Error, ...]

    @property
    def constant(self) -> str:
        """The name of the operation as an object."""
        return self.method.upper()


@dataclass(frozen=True)
class Paginator:
    """A paginated operation: where its items are, and what they are."""

    operation: Operation
    items: tuple[tuple[str, ...], ...]
    item_type: str
    item_description: str


@dataclass(frozen=True)
class Acceptors:
    """What each response means to a waiter: ``success``, ``failure`` or ``retry``.

    Attributes:
        states: By the value of a member of the result.
        path: The path of that member; empty if the waiter reads none.
        description: The path of the member that explains the state; empty if there is none.
        errors: By error code.
        statuses: By HTTP status.
    """

    states: dict[str, str]
    path: tuple[str, ...]
    description: tuple[str, ...]
    errors: dict[str, str]
    statuses: dict[int, str]


@dataclass(frozen=True)
class Waiter:
    """A waiter: what it calls, how often, and what ends it; times are in seconds."""

    name: str
    method: str
    summary: str
    operation: Operation
    delay: int
    max_wait: int
    acceptors: Acceptors


@dataclass(frozen=True)
class Batch:
    """A batch operation whose list member is split over calls of at most ``size`` items."""

    operation: Operation
    member: str
    size: int


@dataclass
class Service:
    """Everything that is rendered, in the order in which it is rendered.

    Attributes:
        problems: What contradicts the model; nothing is generated until it is corrected.
        gaps: What is new in the model and not described yet; facts of the model stand in for it.
    """

    model: Model
    modules: dict[str, Module] = field(default_factory=dict)
    enums: tuple[Enum, ...] = ()
    errors: tuple[Error, ...] = ()
    operations: tuple[Operation, ...] = ()
    paginators: tuple[Paginator, ...] = ()
    waiters: tuple[Waiter, ...] = ()
    batches: tuple[Batch, ...] = ()
    problems: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    @property
    def module_of(self) -> dict[str, Module]:
        """The module of each type, by the type's name."""
        return {name: module for module in self.modules.values() for name in module.types}
