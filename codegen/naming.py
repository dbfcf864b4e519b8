"""From the model's names to Python's."""

from __future__ import annotations

import keyword
import re

from botocore import xform_name

RESPONSE = "Response"
RESULT = "Result"


def method_name(operation: str) -> str:
    """Return ``describe_images`` for ``DescribeImages``: the name that boto3 uses, too."""
    return _checked(xform_name(operation))


def member_name(wire_name: str) -> str:
    """Return ``repository_name`` for ``repositoryName``."""
    return _checked(xform_name(wire_name))


def wire_name(member: str) -> str:
    """Return ``repositoryName`` for ``repository_name``: the rule for names on the wire."""
    return re.sub("_([a-z0-9])", lambda match: match[1].upper(), member)


def module_name(type_name: str) -> str:
    """Return ``image_identifier`` for ``ImageIdentifier``: the module named after a type."""
    return _checked(xform_name(type_name))


def class_name(shape: str) -> str:
    """Return the model's name, except that results end in ``Result``, as in the interface."""
    return shape.removesuffix(RESPONSE) + RESULT if shape.endswith(RESPONSE) else shape


def enum_member(value: str) -> str:
    """Return ``IMAGE_NOT_FOUND`` for ``ImageNotFound``, and ``DOCKER_HUB`` for ``docker-hub``."""
    words = value if value.isupper() else xform_name(value)
    name = re.sub("[^A-Za-z0-9]+", "_", words).strip("_").upper()
    if not name or name[0].isdigit():
        name = f"VALUE_{name}"
    return _checked(name)


def _checked(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is not a name in Python; add a rule to codegen/naming.py")
    return name
