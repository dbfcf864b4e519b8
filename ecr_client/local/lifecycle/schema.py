"""The shape of a lifecycle policy document: which members, of which types, with which values.

The messages are those of the service where they are known from reports of its users.
"""

from __future__ import annotations

import json
from typing import Any

RULES = "rules"
RULE_REQUIRED = ("action", "rulePriority", "selection")
RULE_MEMBERS = frozenset({*RULE_REQUIRED, "description"})
SELECTION_REQUIRED = ("countNumber", "countType", "tagStatus")
SELECTION_MEMBERS = frozenset(
    {*SELECTION_REQUIRED, "countUnit", "storageClass", "tagPatternList", "tagPrefixList"}
)
ACTION_REQUIRED = ("type",)
ACTION_MEMBERS = frozenset({*ACTION_REQUIRED, "targetStorageClass"})

#: The quota "Rules per lifecycle policy" of the service.
MOST_RULES = 50
#: The service's integers have 32 bits.
LARGEST = 2**31 - 1

NOT_A_POLICY = "Could not map policyString into LifecyclePolicy"


class PolicyError(ValueError):
    """A document that is not a valid lifecycle policy; the message says why."""


def as_object(value: object, required: tuple[str, ...], allowed: frozenset[str]) -> dict[str, Any]:
    """Return the value, which must be an object with all required members and only allowed ones."""
    if not isinstance(value, dict):
        raise _wrong_type(value, "object")
    missing = sorted(set(required) - set(value))
    if missing:
        raise PolicyError(f"object has missing required properties ({json.dumps(missing)})")
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise PolicyError(
            "object instance has properties which are not allowed by the schema: "
            f"({json.dumps(unknown)})"
        )
    return value


def as_list(value: object, least: int, most: int) -> list[Any]:
    """Return the value, which must be an array with a length in the range."""
    if not isinstance(value, list):
        raise _wrong_type(value, "array")
    if len(value) < least:
        raise PolicyError(
            f"array is too short: must have at least {least} elements but instance has "
            f"{len(value)} elements"
        )
    if len(value) > most:
        raise PolicyError(
            f"array is too long: must have at most {most} elements but instance has "
            f"{len(value)} elements"
        )
    return value


def as_string(value: object) -> str:
    """Return the value, which must be a string."""
    if not isinstance(value, str):
        raise _wrong_type(value, "string")
    return value


def as_strings(value: object) -> tuple[str, ...]:
    """Return the value, which must be an array of strings that are not empty."""
    strings = tuple(as_string(one) for one in as_list(value, 0, LARGEST))
    if "" in strings:
        raise PolicyError('string "" is too short (length: 0, required minimum: 1)')
    return strings


def as_number(value: object) -> int:
    """Return the value, which must be an integer above zero."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(value, "integer")
    if value < 1:
        raise PolicyError(
            f"numeric instance is lower than the required minimum (minimum: 1, found: {value})"
        )
    if value > LARGEST:
        raise PolicyError(NOT_A_POLICY)
    return value


def as_choice(value: object, choices: tuple[str, ...]) -> str:
    """Return the value, which must be one of the strings."""
    text = as_string(value)
    if text not in choices:
        raise PolicyError(
            f"instance value ({json.dumps(text)}) not found in enum "
            f"(possible values: {json.dumps(choices)})"
        )
    return text


def _wrong_type(value: object, allowed: str) -> PolicyError:
    return PolicyError(
        f"instance type ({_type_name(value)}) does not match any allowed primitive type "
        f'(allowed: ["{allowed}"])'
    )


def _type_name(value: object) -> str:
    if value is None:
        return "null"
    for types, name in (
        (bool, "boolean"),
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (list, "array"),
    ):
        if isinstance(value, types):
            return name
    return "object"
