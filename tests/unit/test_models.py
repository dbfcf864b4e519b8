"""The generated types: each one is immutable data that can be compared, copied and pickled."""

from __future__ import annotations

import collections.abc
import copy
import datetime
import enum
import inspect
import json
import pickle
import types
import typing
from typing import Any

import attrs
import pytest

from ecr_client import ResponseMetadata, models
from ecr_client.testing import example

TYPES: dict[str, type[Any]] = {name: getattr(models, name) for name in models.__all__}
STRUCTURES = {name: cls for name, cls in TYPES.items() if attrs.has(cls)}
ENUMS = {name: cls for name, cls in TYPES.items() if issubclass(cls, enum.Enum)}
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
SCALARS: dict[Any, tuple[Any, Any]] = {
    str: ("some text", "other text"),
    bool: (True, False),
    int: (7, 8),
    float: (7.5, 8.5),
    bytes: (b"layer", b"other"),
    datetime.datetime: (NOW, NOW + datetime.timedelta(days=1)),
}
SECRET = "s3cret"


def parts(annotation: Any) -> list[Any]:
    """Return the alternatives of a type, without None."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    found = typing.get_args(annotation) if is_union else (annotation,)
    return [part for part in found if part is not type(None)]


def value(annotation: Any, which: int = 0) -> Any:
    """Return one of two values of a type, as a user would write it."""
    kind = parts(annotation)[0]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is collections.abc.Sequence:
        return [value(arguments[0], which)]
    if origin is collections.abc.Mapping:
        return {value(arguments[0], which): value(arguments[1], which)}
    if attrs.has(kind):
        return full(kind, which)
    if issubclass(kind, enum.Enum):
        return list(kind)[which % len(list(kind))]
    return SCALARS[kind][which]


def full(cls: type[Any], which: int = 0) -> Any:
    """Return an instance with every member set."""
    return cls(**{field.name: value(field.type, which) for field in members(cls)})


def members(cls: type[Any]) -> list[Any]:
    return [field for field in attrs.fields(cls) if field.name != "response_metadata"]


def members_of_kind(origin: Any) -> list[tuple[Any, str]]:
    """Return each class and member whose type is this container."""
    found = [
        (cls, field.name)
        for cls in STRUCTURES.values()
        for field in members(cls)
        if typing.get_origin(parts(field.type)[0]) is origin
    ]
    assert found
    return found


def test_there_are_types_of_each_kind() -> None:
    """The tests below cover the whole model: requests, results, data types and enums."""
    assert len(operations()) == 62
    assert sum(name.endswith("Result") for name in STRUCTURES) >= 62
    assert len(STRUCTURES) >= 172
    assert len(ENUMS) >= 28
    # The only other type is the base of the requests, which has no members.
    assert TYPES.keys() - STRUCTURES.keys() - ENUMS.keys() == {"AmazonWebServiceRequest"}
    for name, cls in TYPES.items():
        assert (cls.__module__, cls.__qualname__) == ("ecr_client.models", name)
        assert inspect.getdoc(cls)


def test_unknown_name() -> None:
    """An unknown name is an AttributeError that names it."""
    with pytest.raises(AttributeError, match=r"'ecr_client\.models' has no attribute 'Nonsense'"):
        _ = models.Nonsense


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(name: str) -> None:
    """A structure has typed, keyword-only members; required ones are named when they are absent."""
    cls = STRUCTURES[name]
    fields = attrs.fields(cls)
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    hints = typing.get_type_hints(cls)

    assert {field.name for field in fields} <= hints.keys()
    assert hints.get("response_metadata", ResponseMetadata) is ResponseMetadata
    assert all(field.kw_only for field in fields)
    with pytest.raises(TypeError, match="positional"):
        cls("value")
    if required:
        with pytest.raises(TypeError, match="missing") as caught:
            cls()

        assert all(repr(member) in str(caught.value) for member in required)
    else:
        assert all(getattr(cls(), field.name) in (None, (), {}) for field in members(cls))


@pytest.mark.parametrize("name", STRUCTURES)
def test_values(name: str) -> None:
    """An instance is immutable, equals its copies and pickles, and compares every member."""
    cls = STRUCTURES[name]
    made, other = full(cls), full(cls, 1)
    pickles = [pickle.dumps(made, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    evolved = attrs.evolve(made, **{each.name: getattr(other, each.name) for each in members(cls)})

    assert evolved == other
    assert made != object()
    for each in (full(cls), copy.copy(made), copy.deepcopy(made), *map(pickle.loads, pickles)):
        assert (type(each), each, repr(each), hash(each)) == (cls, made, repr(made), hash(made))
    for field in members(cls):
        assert attrs.evolve(made, **{field.name: None}) != made, field.name
    for member in [*(field.name for field in attrs.fields(cls)), "misspelt"]:
        for change in (lambda name: setattr(made, name, None), lambda name: delattr(made, name)):
            with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
                change(member)
    assert not hasattr(made, "__dict__")


def test_metadata_is_not_compared() -> None:
    """Every result has metadata, which repr, equality and hash ignore."""
    metadata = ResponseMetadata(request_id="id-1")
    results = [cls for name, cls in TYPES.items() if name in {f"{o}Result" for o in operations()}]

    assert len(results) == 62
    for cls in results:
        plain, received = full(cls), attrs.evolve(full(cls), response_metadata=metadata)

        assert received.response_metadata is metadata
        assert received == plain
        assert (repr(received), hash(received)) == (repr(plain), hash(plain))
        assert pickle.loads(pickle.dumps(received)).response_metadata == metadata


def operations() -> list[str]:
    return [name.removesuffix("Request") for name in STRUCTURES if name.endswith("Request")]


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (
            models.DescribeRepositoriesResult(),
            "; did you mean client.paginate_describe_repositories(...) or its repositories?",
        ),
        (models.BatchGetImageResult(), "; did you mean its images or failures?"),
        (example(models.PutImageResult), ""),
    ],
)
def test_results_are_not_sequences(made: Any, meant: str) -> None:
    """Iterating over a result, or taking its length, is an error that says where the items are."""
    name = type(made).__name__
    with pytest.raises(TypeError) as iterated:
        list(made)
    with pytest.raises(TypeError) as measured:
        len(made)

    assert str(iterated.value) == f"{name!r} object is not iterable{meant}"
    assert str(measured.value) == f"object of type {name!r} has no len(){meant}"
    assert made


def test_lists() -> None:
    """A list is copied to a tuple, so that later changes to the list have no effect."""
    for cls, member in members_of_kind(collections.abc.Sequence):
        given = value(attrs.fields_dict(cls)[member].type)
        made = attrs.evolve(full(cls), **{member: given})
        expected = tuple(given)
        given.append("later")

        assert type(getattr(made, member)) is tuple
        assert getattr(made, member) == expected
        for text in ("ab", b"ab", bytearray(b"ab"), memoryview(b"ab")):
            assert getattr(attrs.evolve(made, **{member: text}), member) is text


def test_maps() -> None:
    """A map is copied to a read-only one, so that later changes to the map have no effect."""
    for cls, member in members_of_kind(collections.abc.Mapping):
        given = value(attrs.fields_dict(cls)[member].type)
        kept, expected = getattr(attrs.evolve(full(cls), **{member: given}), member), dict(given)
        given["later"] = "value"
        changes: list[tuple[str, Any]] = [
            *((name, ("later", "value")) for name in ("__setitem__", "setdefault")),
            *((name, (next(iter(kept)),)) for name in ("__delitem__", "pop")),
            *((name, ({"later": "value"},)) for name in ("update", "__ior__")),
            *((name, ()) for name in ("popitem", "clear")),
        ]
        for name, arguments in changes:
            with pytest.raises(TypeError, match="read-only"):
                getattr(kept, name)(*arguments)

        assert kept == expected
        assert json.loads(json.dumps(kept)) == expected


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (
            example(models.AuthorizationData, authorization_token=SECRET),
            "authorization_token='<hidden>'",
        ),
        (
            models.GetDownloadUrlForLayerResult(download_url=f"https://s3.example/l?Sig={SECRET}"),
            "download_url='https://s3.example/l?<hidden>'",
        ),
        *(
            (
                example(models.UploadLayerPartRequest, layer_part_blob=kind(SECRET.encode())),
                "layer_part_blob=<6 bytes>",
            )
            for kind in (bytes, bytearray, memoryview)
        ),
    ],
)
def test_reprs_hide_secrets(made: Any, shown: str) -> None:
    """A repr shows that there is a secret but not what it is, and so do reprs around it."""
    around = models.GetAuthorizationTokenResult(authorization_data=[made])

    assert shown in repr(made)
    for text in (repr(made), str(made), f"{around}", repr([made])):
        assert SECRET not in text


@pytest.mark.parametrize("name", ENUMS)
def test_enums_are_strings(name: str) -> None:
    """Each member acts as the service's string everywhere: in str(), format, JSON and keys."""
    for member in ENUMS[name]:
        text = member.value

        assert isinstance(member, str)
        assert (str(member), f"{member}", f"{member:>40}") == (text, text, text.rjust(40))
        assert "%s" % member == text  # noqa: UP031
        assert json.dumps([member, {member: 1}]) == json.dumps([text, {text: 1}])
        assert member == text
        assert {text: 1}[member] == 1
        assert ENUMS[name](text) is member
        assert pickle.loads(pickle.dumps(member)) is member
        assert copy.deepcopy(member) is member


def test_enum_members_accept_strings() -> None:
    """Every member that is typed as an enum also accepts a plain string; every enum is used."""
    used = set()
    for cls in STRUCTURES.values():
        for field in members(cls):
            found = set(flat(field.type)) & set(ENUMS.values())
            used |= found

            assert not found or str in flat(field.type), field
    assert used == set(ENUMS.values())


def flat(annotation: Any) -> list[Any]:
    """Return all types that occur in a type."""
    return [annotation, *(part for arg in typing.get_args(annotation) for part in flat(arg))]
