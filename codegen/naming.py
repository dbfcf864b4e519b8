"""From the model's names to Python's."""

from __future__ import annotations

import keyword
import re

from botocore import xform_name

RESPONSE = "Response"
RESULT = "Result"


def method_name(operation: str) -> str:
    """``DescribeImages`` -> ``describe_images``, the name that boto3 uses as well."""
    return _checked(xform_name(operation))


def member_name(wire_name: str) -> str:
    """``repositoryName`` -> ``repository_name``."""
    return _checked(xform_name(wire_name))


def wire_name(member: str) -> str:
    """``repository_name`` -> ``repositoryName``, the rule for names on the wire."""
    return re.sub("_([a-z0-9])", lambda match: match[1].upper(), member)


def module_name(type_name: str) -> str:
    """``ImageIdentifier`` -> ``image_identifier``, the module that is named after a type."""
    return _checked(xform_name(type_name))


def class_name(shape: str) -> str:
    """The model's name, except that results end in ``Result``, as in the interface."""
    return shape.removesuffix(RESPONSE) + RESULT if shape.endswith(RESPONSE) else shape


def enum_member(value: str) -> str:
    """``ImageNotFound`` -> ``IMAGE_NOT_FOUND``, ``docker-hub`` -> ``DOCKER_HUB``."""
    words = value if value.isupper() else xform_name(value)
    name = re.sub("[^A-Za-z0-9]+", "_", words).strip("_").upper()
    if not name or name[0].isdigit():
        name = f"VALUE_{name}"
    return _checked(name)


def _checked(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is not a name in Python; add a rule to codegen/naming.py")
    return name
