"""What a plan is made of: one class for each kind of thing that is generated."""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.model import Model
from codegen.words import Text


@dataclass(frozen=True)
class Member:
    """One member of a structure, an error, a request."""

    name: str
    wire_name: str
    type: str
    required: bool
    words: str
    facts: str
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
    """One attrs class."""

    name: str
    shape: str
    base: str
    summary: str
    members: tuple[Member, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class EnumPlan:
    """One enum: members are (name, value)."""

    name: str
    summary: str
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Module:
    """One module of types: those that exactly these operations need.

    Attributes:
        resource: The resource that all of the operations belong to, or ``common``.
    """

    name: str
    operations: tuple[str, ...]
    resource: str
    enums: tuple[EnumPlan, ...]
    structures: tuple[Structure, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The names of its types, in the order in which it declares them."""
        return (*(enum.name for enum in self.enums), *(each.name for each in self.structures))


@dataclass(frozen=True)
class ErrorPlan:
    """One modeled exception."""

    name: str
    text: Text
    members: tuple[Member, ...]
    server_fault: bool


@dataclass(frozen=True)
class Operation:
    """One method of the client."""

    name: str
    method: str
    text: Text
    request: Structure
    result: str
    errors: tuple[ErrorPlan, ...]

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
    item_words: str


@dataclass(frozen=True)
class Acceptors:
    """What the responses to a waiter's calls mean: ``success``, ``failure`` or ``retry``.

    Attributes:
        states: By the value of a member of the result.
        path: Of that member; empty if the waiter looks at none.
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
    """A waiter: what it calls, how often, and what ends it."""

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
class Plan:
    """Everything that will be rendered, in the order in which it is rendered."""

    model: Model
    modules: dict[str, Module] = field(default_factory=dict)
    enums: tuple[EnumPlan, ...] = ()
    errors: tuple[ErrorPlan, ...] = ()
    operations: tuple[Operation, ...] = ()
    paginators: tuple[Paginator, ...] = ()
    waiters: tuple[Waiter, ...] = ()
    batches: tuple[Batch, ...] = ()
    problems: list[str] = field(default_factory=list)

    @property
    def module_of(self) -> dict[str, Module]:
        """The module of each type, by the type's name."""
        return {name: module for module in self.modules.values() for name in module.types}
