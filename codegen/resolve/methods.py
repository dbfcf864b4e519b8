"""The methods of a client beyond its operations: paginators, waiters and batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from botocore.model import OperationModel, Shape

from codegen import naming
from codegen.docs import Descriptions
from codegen.ir import Acceptors, Batch, Operation, Paginator, Waiter
from codegen.model import Model
from codegen.resolve.acceptors import decide
from codegen.resolve.shapes import python_type


class Methods:
    """Resolves the paginators, waiters and batches of a model and of our customizations.

    Attributes:
        problems: What is wrong with the customizations.
        gaps: What is missing in them.
    """

    def __init__(
        self,
        model: Model,
        custom: dict[str, Any],
        descriptions: Descriptions,
        operations: dict[str, Operation],
    ) -> None:
        self._model = model
        self._custom = custom
        self._descriptions = descriptions
        self._operations = operations
        self.problems: list[str] = []
        self.gaps: list[str] = []

    def paginators(self) -> tuple[Paginator, ...]:
        """Return the paginators, by the names of their operations."""
        entries = self._with_own("paginators", self._model.paginators)
        names, problems = known("paginators", entries, self._operations)
        self.problems += problems
        return tuple(self._paginator(name, entries[name]["result_key"]) for name in names)

    def _paginator(self, operation: str, result_key: str | list[str]) -> Paginator:
        paths = [result_key] if isinstance(result_key, str) else result_key
        types, descriptions = [], []
        for path in paths:
            owner: Any = None
            shape: Shape = self._operation_model(operation).output_shape
            for part in path.split("."):
                owner, shape = shape, shape.members[part]
            types.append(python_type(shape.member))
            descriptions.append(
                self._descriptions.member(owner.name, naming.member_name(part), part)
            )
        return Paginator(
            operation=self._operations[operation],
            items=tuple(
                tuple(naming.member_name(part) for part in path.split(".")) for path in paths
            ),
            item_type=" | ".join(types),
            item_description=" ".join(descriptions),
        )

    def waiters(self) -> tuple[Waiter, ...]:
        """Return the waiters, by name."""
        entries = self._with_own("waiters", self._model.waiters)
        summaries = self._custom["waiter_summaries"]
        self.gaps += [
            f"customizations.toml: waiter_summaries: no summary of {name}"
            for name in sorted(set(entries) - set(summaries))
        ]
        self.problems += [
            f"customizations.toml: {table}: no waiter {name}"
            for table in ("waiter_summaries", "waiter_states")
            for name in sorted(set(self._custom[table]) - set(entries))
        ]
        return tuple(
            Waiter(
                name=name,
                method=f"wait_until_{naming.method_name(name)}",
                summary=summaries.get(name, f"``{name}`` holds"),
                operation=self._operations[entry["operation"]],
                delay=entry["delay"],
                max_wait=entry["delay"] * entry["maxAttempts"],
                acceptors=self._acceptors(name, entry),
            )
            for name, entry in sorted(entries.items())
        )

    def _acceptors(self, name: str, entry: dict[str, Any]) -> Acceptors:
        found, problems, gaps = decide(
            name,
            entry["acceptors"],
            self._operation_model(entry["operation"]),
            self._custom["waiter_states"].get(name, {}),
        )
        self.problems += problems
        self.gaps += gaps
        return found

    def batches(self) -> tuple[Batch, ...]:
        """Return the batch operations, by name."""
        entries = self._custom["batches"]
        names, problems = known("batches", entries, self._operations)
        self.problems += problems
        return tuple(self._batch(name, entries[name]["member"]) for name in names)

    def _batch(self, operation: str, member: str) -> Batch:
        shape: Shape = self._operation_model(operation).input_shape.members[member]
        return Batch(
            operation=self._operations[operation],
            member=naming.member_name(member),
            size=shape.metadata["max"],
        )

    def _operation_model(self, name: str) -> OperationModel:
        return self._model.service.operation_model(name)

    def _with_own(self, table: str, modeled: dict[str, Any]) -> dict[str, Any]:
        """Return the entries of the model and of our customizations."""
        own: dict[str, Any] = self._custom[table]
        self.problems += [
            f"customizations.toml: {table}: botocore has {name} itself; delete the entry"
            for name in own
            if name in modeled
        ]
        return {**modeled, **own}


def known(
    table: str, entries: Iterable[str], operations: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return the names that are operations, and a problem for each of the others."""
    unknown = sorted(set(entries) - set(operations))
    problems = [f"customizations.toml: {table}: no operation {name}" for name in unknown]
    return sorted(set(entries) - set(unknown)), problems
