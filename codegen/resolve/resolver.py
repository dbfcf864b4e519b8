"""Resolves everything that is generated, so that rendering only writes it down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from codegen import naming
from codegen.docs import Descriptions, load_toml
from codegen.ir import Enum, Error, Member, Module, Operation, Service, Structure
from codegen.model import Model
from codegen.resolve.methods import Methods, known
from codegen.resolve.modules import group
from codegen.resolve.shapes import constraints, python_type, walk

CUSTOMIZATIONS = Path(__file__).parents[1] / "customizations.toml"


def resolve(
    model: Model,
    descriptions: Descriptions | None = None,
    customizations: dict[str, Any] | None = None,
) -> Service:
    """Return the intermediate representation of a model, with its problems and its gaps."""
    return _Resolver(
        model,
        descriptions or Descriptions.load(),
        customizations or load_toml(CUSTOMIZATIONS),
    ).service()


class _Resolver:
    def __init__(
        self, model: Model, descriptions: Descriptions, customizations: dict[str, Any]
    ) -> None:
        self.model = model
        self.descriptions = descriptions
        self.custom = customizations
        self.problems: list[str] = []
        self.gaps: list[str] = []
        self.reprs_used: set[str] = set()
        self.sent_used: set[str] = set()
        service = model.service
        self.operation_models: dict[str, OperationModel] = {
            name: service.operation_model(name) for name in sorted(service.operation_names)
        }
        operations = self.operation_models.values()
        self.users: dict[str, set[str]] = {}
        for name, op in self.operation_models.items():
            for top in (op.input_shape, op.output_shape):
                for shape in walk(top):
                    self.users.setdefault(shape.name, set()).add(name)
        self.sent = {shape.name for op in operations for shape in walk(op.input_shape)}
        self.received = {shape.name for op in operations for shape in walk(op.output_shape)}

    def service(self) -> Service:
        structures = self._structures()
        enums = self._enums()
        errors = {
            name: self._error(shape)
            for name in sorted(self.model.service.shape_names)
            if (shape := self.model.service.shape_for(name)).metadata.get("exception")
        }
        operations = {
            name: Operation(
                name=name,
                method=naming.method_name(name),
                description=self.descriptions.operation(name),
                request=structures[op.input_shape.name],
                result=naming.class_name(op.output_shape.name),
                errors=tuple(errors[shape.name] for shape in op.error_shapes),
            )
            for name, op in self.operation_models.items()
        }
        methods = Methods(self.model, self.custom, self.descriptions, operations)
        service = Service(
            model=self.model,
            modules=self._modules(structures, enums),
            enums=enums,
            errors=tuple(errors.values()),
            operations=tuple(operations.values()),
            paginators=methods.paginators(),
            waiters=methods.waiters(),
            batches=methods.batches(),
        )
        for unused in sorted(set(self.custom["repr"]) - self.reprs_used):
            self.problems.append(f"customizations.toml: repr.{unused!r} is not in the model")
        for unused in sorted(set(self.custom["always_sent"]) - self.sent_used):
            self.problems.append(f"customizations.toml: always_sent.{unused!r} is in no result")
        service.problems = self.problems + methods.problems + self.descriptions.unused()
        service.gaps = self.gaps + methods.gaps + self.descriptions.gaps
        return service

    def _structures(self) -> dict[str, Structure]:
        shapes: dict[str, StructureShape] = {}
        for op in self.operation_models.values():
            for top in (op.input_shape, op.output_shape):
                shapes |= {s.name: s for s in walk(top) if s.type_name == "structure"}
        return {name: self._structure(shape) for name, shape in sorted(shapes.items())}

    def _structure(self, shape: StructureShape) -> Structure:
        operation, kind = self._operation_of(shape.name)
        members = tuple(self._member(shape, wire, part) for wire, part in shape.members.items())
        base = {"Request": "AmazonWebServiceRequest", "Response": "AmazonWebServiceResult"}.get(
            kind, "Structure"
        )
        if kind == "Response" and "failures" in shape.members:
            base = "ResultWithFailures"
        if kind:
            summary = {
                "Request": f"Request of ``{naming.method_name(operation)}``.",
                "Response": f"Result of ``{naming.method_name(operation)}``.",
            }[kind]
        else:
            summary = self.descriptions.type("structures", shape.name)
        references = {
            part.name for part in walk(shape) if part is not shape and part.type_name == "structure"
        }
        return Structure(
            name=naming.class_name(shape.name),
            shape=shape.name,
            base=base,
            summary=summary,
            # Members without a default come first, as attrs requires and readers expect.
            members=tuple(sorted(members, key=lambda member: not member.required)),
            references=tuple(sorted(references)),
        )

    def _operation_of(self, shape: str) -> tuple[str, str]:
        for kind in ("Request", "Response"):
            operation = shape.removesuffix(kind)
            if shape.endswith(kind) and operation in self.operation_models:
                return operation, kind
        return "", ""

    def _member(self, owner: StructureShape, wire: str, shape: Shape) -> Member:
        name = naming.member_name(wire)
        key = f"{owner.name}.{wire}"
        required = self._always_sent(owner, wire, shape) or wire in owner.required_members
        hidden = self.custom["repr"].get(key)
        if hidden:
            self.reprs_used.add(key)
        default = "None"
        if shape.type_name in ("list", "map") and owner.name in self.received:
            default = "()" if shape.type_name == "list" else "NO_ENTRIES"
        checked = owner.name in self.sent
        item = shape.member.metadata.get("min") if shape.type_name == "list" else None
        return Member(
            name=name,
            wire_name=wire,
            type=python_type(shape),
            required=required,
            description=self.descriptions.member(owner.name, name, wire),
            constraints=constraints(shape),
            default=default,
            minimum=self._minimum(shape) if checked else None,
            item_minimum=(item or None) if checked else None,
            repr=hidden,
        )

    def _always_sent(self, owner: StructureShape, wire: str, shape: Shape) -> bool:
        """Return whether every response has a member that the model does not require."""
        key = f"{owner.name}.{wire}"
        if owner.name not in self.received or key not in self.custom["always_sent"]:
            return False
        self.sent_used.add(key)
        wrong = {
            "has no evidence": not self.custom["always_sent"][key].strip(),
            "is not needed: the model requires it": wire in owner.required_members,
            "is not needed: absent lists and maps are empty": shape.type_name in ("list", "map"),
            "is also in requests, where it is optional": owner.name in self.sent,
        }
        self.problems += [
            f"customizations.toml: always_sent.{key!r} {problem}"
            for problem, found in wrong.items()
            if found
        ]
        return not any(wrong.values())

    @staticmethod
    def _minimum(shape: Shape) -> int | None:
        """Return the lower bound that is checked; that of a length only if it is above 0."""
        bound = shape.metadata.get("min")
        numeric = shape.type_name in ("integer", "long")
        return bound if bound or (numeric and bound is not None) else None

    def _enums(self) -> tuple[Enum, ...]:
        enums: dict[str, Shape] = {}
        for op in self.operation_models.values():
            for top in (op.input_shape, op.output_shape):
                enums |= {s.name: s for s in walk(top) if getattr(s, "enum", None)}
        return tuple(
            Enum(
                name=name,
                summary=self.descriptions.type("enums", name),
                members=tuple((naming.enum_member(value), value) for value in shape.enum),
            )
            for name, shape in sorted(enums.items())
        )

    def _error(self, shape: StructureShape) -> Error:
        return Error(
            name=shape.name,
            description=self.descriptions.error(shape.name),
            members=tuple(
                self._member(shape, wire, part)
                for wire, part in shape.members.items()
                if wire.lower() != "message"
            ),
            # Not in the shape's metadata: botocore leaves it to its error parser.
            server_fault=bool(shape._shape_model.get("fault")),
        )

    def _modules(
        self, structures: dict[str, Structure], enums: tuple[Enum, ...]
    ) -> dict[str, Module]:
        found, clashes = group(structures.values(), enums, self.users, self._resources())
        self.problems += clashes
        for name, op in self.operation_models.items():
            # An operation looks for both of its types in one module.
            if self.users[op.input_shape.name] != self.users[op.output_shape.name]:
                self.problems.append(
                    f"{name}: its request and its response are used by different operations"
                )
        return found

    def _resources(self) -> dict[str, str]:
        """Return the resource of each operation that has one."""
        tables: dict[str, list[str]] = self.custom["resources"]
        places = [(name, table) for table, names in tables.items() for name in names]
        names, unknown = known("resources", dict(places), self.operation_models)
        self.problems += unknown
        self.problems += [
            f"customizations.toml: resources: {name} is listed {count} times"
            for name in names
            if (count := sum(name == other for other, _ in places)) > 1
        ]
        self.gaps += [
            f"customizations.toml: resources: no resource of {name}"
            for name in self.operation_models
            if name not in names
        ]
        return dict(places)
