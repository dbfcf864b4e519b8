"""Shapes of the model: what they consist of, their types in Python, their constraints in words."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.model import Shape

from codegen import naming

SCALARS = {
    "string": "str",
    "boolean": "bool",
    "integer": "int",
    "long": "int",
    "double": "float",
    "float": "float",
    "timestamp": "datetime",
    "blob": "bytes | bytearray | memoryview",
}


def walk(shape: Shape) -> Iterator[Shape]:
    """Yield a shape and everything that it consists of; the ECR model has no cycles."""
    yield shape
    if shape.type_name == "structure":
        for member in shape.members.values():
            yield from walk(member)
    elif shape.type_name == "list":
        yield from walk(shape.member)
    elif shape.type_name == "map":
        yield from walk(shape.key)
        yield from walk(shape.value)


def python_type(shape: Shape) -> str:
    """Return the annotation of a shape, without ``None``."""
    if shape.type_name == "structure":
        return naming.class_name(shape.name)
    if shape.type_name == "list":
        return f"Sequence[{python_type(shape.member)}]"
    if shape.type_name == "map":
        return f"Mapping[{python_type(shape.key)}, {python_type(shape.value)}]"
    if getattr(shape, "enum", None):
        return f"{shape.name} | str"
    return SCALARS[shape.type_name]


def constraints(shape: Shape) -> str:
    """Return the constraints of the model as sentences."""
    sentences = []
    if shape.type_name == "list":
        sentences.append(_range(shape, "items"))
        sentences.append(_of_each(shape.member))
    elif shape.type_name == "map":
        sentences.append(_range(shape, "entries"))
    elif shape.type_name == "string" and not getattr(shape, "enum", None):
        sentences.append(_range(shape, "characters"))
        sentences.append(_pattern(shape))
    elif shape.type_name == "blob":
        sentences.append(_range(shape, "bytes"))
    elif shape.type_name in ("integer", "long"):
        sentences.append(_range(shape, ""))
    if shape._shape_model.get("deprecated"):  # not in the shape's metadata
        sentences.append("Deprecated by the service.")
    return " ".join(sentence for sentence in sentences if sentence)


def _of_each(shape: Shape) -> str:
    if shape.type_name != "string" or getattr(shape, "enum", None):
        return ""
    inner = " ".join(part for part in (_range(shape, "characters"), _pattern(shape)) if part)
    return f"Each: {inner[0].lower()}{inner[1:]}" if inner else ""


def _range(shape: Shape, unit: str) -> str:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is None and high is None:
        return ""
    if high is None:
        text = f"At least {low:,}" if low else ""
    elif low == high:
        text = f"Exactly {low:,}"
    else:
        text = f"{low:,} to {high:,}" if low else f"At most {high:,}"
    return f"{text} {unit}".strip() + "." if text else ""


def _pattern(shape: Shape) -> str:
    pattern = shape.metadata.get("pattern")
    return f"Pattern: ``{pattern}``." if pattern else ""
