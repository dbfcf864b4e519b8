"""Any model becomes plain data and comes back as it was."""

from __future__ import annotations

import collections.abc
import json
import typing
from datetime import datetime, timezone
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client import from_dict, models, to_dict
from ecr_client._shapes import OpenEnum, Structure, type_parts

CLASSES = [cls for name in models.__all__ if attrs.has(cls := getattr(models, name))]
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bytes: st.binary(max_size=5),
    datetime: st.datetimes(timezones=st.just(timezone.utc)),
}


@cache
def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Return what makes values of a type."""
    parts = type_parts(annotation)
    kind = bytes if bytes in parts else parts[0]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is collections.abc.Sequence:
        return st.lists(values(arguments[0]), max_size=2)
    if typing.get_origin(kind) is collections.abc.Mapping:
        return st.dictionaries(*map(values, arguments), max_size=2)
    if issubclass(kind, Structure):
        return st.deferred(lambda: instances(kind))
    return st.sampled_from(kind) | SCALARS[str] if issubclass(kind, OpenEnum) else SCALARS[kind]


@cache
def instances(cls: Any) -> st.SearchStrategy[Any]:
    """Return what makes instances of a class with some of its members."""
    required, optional = {}, {}
    for field in attrs.fields(cls):
        if field.name != "response_metadata":
            members = required if field.default is attrs.NOTHING else optional
            members[field.name] = values(field.type)
    members = st.fixed_dictionaries(required, optional=optional)
    return members.map(lambda given: cls(**given))


@pytest.mark.parametrize("names", ["python", "wire"])
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=10)
@given(st.data())
def test_there_and_back(cls: Any, names: Any, data: st.DataObject) -> None:
    """Plain data goes through JSON, and makes an equal model by either style of names."""
    made = data.draw(instances(cls))
    plain = json.loads(json.dumps(to_dict(made, names, include_secrets=True), allow_nan=False))

    assert from_dict(cls, plain) == made
