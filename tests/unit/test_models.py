"""The generated types: every one of them is immutable data that can be compared and sent on."""

from __future__ import annotations

import collections.abc
import copy
import datetime
import enum
import inspect
import json
import pathlib
import pickle
import types
import typing
from typing import Any

import attrs
import pytest

from ecr_client import ResponseMetadata, models
from ecr_client._generated import models as generated
from ecr_client.testing import example

TYPES: dict[str, type[Any]] = {name: getattr(models, name) for name in models.__all__}
STRUCTURES = {name: cls for name, cls in TYPES.items() if attrs.has(cls)}
ENUMS = {name: cls for name, cls in TYPES.items() if issubclass(cls, enum.Enum)}
REQUIRED = {
    name: cls
    for name, cls in STRUCTURES.items()
    if any(field.default is attrs.NOTHING for field in attrs.fields(cls))
}
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
    """Return one of two values of a type, both as a caller would write it."""
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


def members_of_kind(origin: Any) -> list[Any]:
    """Return each class and member whose type is this container."""
    return [
        pytest.param(cls, field.name, id=f"{name}.{field.name}")
        for name, cls in STRUCTURES.items()
        for field in members(cls)
        if typing.get_origin(parts(field.type)[0]) is origin
    ]


# --- the module -----------------------------------------------------------------------------------


def test_there_are_types_of_each_kind() -> None:
    """The tests below see the whole model: requests, results, data types and enums."""
    assert sum(name.endswith("Request") for name in STRUCTURES) == 62
    assert sum(name.endswith("Result") for name in STRUCTURES) >= 62
    assert len(STRUCTURES) >= 172
    assert len(ENUMS) >= 28
    # All that is neither is the base of the requests, which has no members.
    assert TYPES.keys() - STRUCTURES.keys() - ENUMS.keys() == {"AmazonWebServiceRequest"}


@pytest.mark.parametrize("name", TYPES)
def test_public_module_and_description(name: str) -> None:
    """Each type says that it lives where it is imported from, and what it is."""
    cls = TYPES[name]

    assert (cls.__module__, cls.__qualname__) == ("ecr_client.models", name)
    assert inspect.getdoc(cls)


def test_dir_and_star_import() -> None:
    """dir() shows every type before it is used, and a star import gives exactly these."""
    namespace: dict[str, Any] = {}
    exec("from ecr_client.models import *", namespace)
    del namespace["__builtins__"]

    assert set(models.__all__) <= set(dir(models))
    assert namespace == TYPES
    assert list(models.__all__) == sorted(set(models.__all__))


def test_unknown_name() -> None:
    """A name that is no type is an AttributeError that says which, and an ImportError on import."""
    with pytest.raises(AttributeError, match=r"'ecr_client\.models' has no attribute 'Nonsense'"):
        _ = models.Nonsense
    with pytest.raises(ImportError, match="Nonsense"):
        exec("from ecr_client.models import Nonsense")

    assert not hasattr(models, "Nonsense")


def test_modules_are_short() -> None:
    """No module of types has more than 500 lines, so that each can be read."""
    directory = pathlib.Path(inspect.getfile(generated)).parent
    lines = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in directory.glob("*.py")
        if path.name != "__init__.py"
    }

    assert len(lines) >= 10
    assert {name: count for name, count in lines.items() if count > 500} == {}


# --- every structure ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRUCTURES)
def test_type_hints_resolve(name: str) -> None:
    """typing.get_type_hints, which many libraries call, knows a type for every member."""
    cls = STRUCTURES[name]
    hints = typing.get_type_hints(cls)

    assert {field.name for field in attrs.fields(cls)} <= hints.keys()
    if "response_metadata" in hints:
        assert hints["response_metadata"] is ResponseMetadata


@pytest.mark.parametrize("name", STRUCTURES)
def test_members_are_keyword_only(name: str) -> None:
    """A value without a name is refused, so that a new member never shifts another."""
    with pytest.raises(TypeError, match="positional"):
        STRUCTURES[name]("value")

    assert all(field.kw_only for field in attrs.fields(STRUCTURES[name]))


@pytest.mark.parametrize("name", REQUIRED)
def test_required_members_have_no_default(name: str) -> None:
    """Leaving out the required members is a TypeError that names each of them."""
    required = [f.name for f in attrs.fields(REQUIRED[name]) if f.default is attrs.NOTHING]

    with pytest.raises(TypeError, match="missing") as caught:
        REQUIRED[name]()

    assert all(repr(member) in str(caught.value) for member in required)


@pytest.mark.parametrize("name", sorted(STRUCTURES.keys() - REQUIRED.keys()))
def test_optional_members_are_absent(name: str) -> None:
    """A member that is not set is None, or an empty list or map in what the service answers."""
    cls = STRUCTURES[name]
    found = {field.name: getattr(cls(), field.name) for field in members(cls)}

    assert all(member is None or member in ((), {}) for member in found.values()), found


@pytest.mark.parametrize("name", STRUCTURES)
def test_slots_and_immutable(name: str) -> None:
    """An instance has no dict; setting, adding and deleting a member are refused."""
    made = full(STRUCTURES[name])
    names = [field.name for field in attrs.fields(type(made))]

    assert not hasattr(made, "__dict__")
    for member in [*names, "misspelt"]:
        with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
            setattr(made, member, None)
    for member in names:
        with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
            delattr(made, member)


@pytest.mark.parametrize("name", STRUCTURES)
def test_equality_and_hash(name: str) -> None:
    """Equal members make equal objects with one hash; each member makes a difference."""
    cls = STRUCTURES[name]
    made, same = full(cls), full(cls)

    assert made == same
    assert hash(made) == hash(same)
    assert made != object()
    for field in members(cls):
        other = attrs.evolve(made, **{field.name: None})

        assert other != made, field.name


@pytest.mark.parametrize("name", STRUCTURES)
def test_pickle_and_copies(name: str) -> None:
    """A pickle, a copy and a deep copy are equal to the original, members and metadata included."""
    made = full(STRUCTURES[name])
    pickles = [pickle.dumps(made, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    copies = [copy.copy(made), copy.deepcopy(made), *map(pickle.loads, pickles)]

    assert all(each == made and type(each) is type(made) for each in copies)
    assert all(repr(each) == repr(made) for each in copies)


@pytest.mark.parametrize("name", STRUCTURES)
def test_evolve(name: str) -> None:
    """attrs.evolve gives a changed copy and leaves the original as it was."""
    cls = STRUCTURES[name]
    made, goal = full(cls), full(cls, 1)
    changes = {field.name: getattr(goal, field.name) for field in members(cls)}
    evolved = attrs.evolve(made, **changes)

    assert evolved == goal
    assert made == full(cls)


def test_results_carry_metadata_out_of_comparisons() -> None:
    """Every result has metadata that neither repr, equality nor hash looks at."""
    metadata = ResponseMetadata(request_id="id-1")
    results = [cls for name, cls in TYPES.items() if name in {f"{o}Result" for o in operations()}]

    assert len(results) == 62
    for cls in results:
        plain, answered = full(cls), attrs.evolve(full(cls), response_metadata=metadata)

        assert answered.response_metadata is metadata
        assert answered == plain
        assert (repr(answered), hash(answered)) == (repr(plain), hash(plain))
        assert pickle.loads(pickle.dumps(answered)).response_metadata == metadata


def operations() -> list[str]:
    return [name.removesuffix("Request") for name in STRUCTURES if name.endswith("Request")]


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (
            models.DescribeRepositoriesResult(),
            "; did you mean client.paginate_describe_repositories(...) or its repositories?",
        ),
        (
            models.DescribeImageScanFindingsResult(),
            "; did you mean client.paginate_describe_image_scan_findings(...)?",
        ),
        (models.BatchGetImageResult(), "; did you mean its images or failures?"),
        (example(models.PutImageResult), ""),
    ],
)
def test_results_are_no_sequences(made: Any, meant: str) -> None:
    """Who iterates over a result, or asks for its length, is told where the items are."""
    name = type(made).__name__
    with pytest.raises(TypeError) as iterated:
        list(made)
    with pytest.raises(TypeError) as measured:
        len(made)

    assert str(iterated.value) == f"{name!r} object is not iterable{meant}"
    assert str(measured.value) == f"object of type {name!r} has no len(){meant}"
    assert made


# --- lists and maps -------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "member"), members_of_kind(collections.abc.Sequence))
def test_lists_are_copied_and_immutable(cls: type[Any], member: str) -> None:
    """A list becomes a tuple of its items, so that a change of the list changes nothing."""
    given = value(attrs.fields_dict(cls)[member].type)
    made = attrs.evolve(full(cls), **{member: given})
    expected = tuple(given)
    given.append("later")

    assert type(getattr(made, member)) is tuple
    assert getattr(made, member) == expected
    for text in ("ab", b"ab", bytearray(b"ab"), memoryview(b"ab")):
        assert getattr(attrs.evolve(made, **{member: text}), member) is text


@pytest.mark.parametrize(("cls", "member"), members_of_kind(collections.abc.Mapping))
def test_maps_are_copied_and_immutable(cls: type[Any], member: str) -> None:
    """A map becomes one that refuses every change, and a change of the given one is not seen."""
    given = value(attrs.fields_dict(cls)[member].type)
    made = attrs.evolve(full(cls), **{member: given})
    kept, expected = getattr(made, member), dict(given)
    given["later"] = "value"
    changes = [
        lambda: kept.update(later="value"),
        lambda: kept.__setitem__("later", "value"),
        lambda: kept.__delitem__(next(iter(kept))),
        lambda: kept.setdefault("later", "value"),
        lambda: kept.pop(next(iter(kept))),
        lambda: kept.popitem(),
        lambda: kept.clear(),
        lambda: kept.__ior__({"later": "value"}),
    ]

    for change in changes:
        with pytest.raises(TypeError, match="read-only"):
            change()
    assert kept == expected
    assert json.loads(json.dumps(kept)) == expected


# --- secrets --------------------------------------------------------------------------------------


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
        (
            models.GetDownloadUrlForLayerResult(download_url="https://s3.example/l"),
            "download_url='https://s3.example/l'",
        ),
        *(
            (
                models.UploadLayerPartRequest(
                    repository_name="app",
                    upload_id="u",
                    part_first_byte=0,
                    part_last_byte=5,
                    layer_part_blob=kind(SECRET.encode()),
                ),
                "layer_part_blob=<6 bytes>",
            )
            for kind in (bytes, bytearray, memoryview)
        ),
    ],
)
def test_reprs_hide_secrets(made: Any, shown: str) -> None:
    """A repr shows that there is a secret, but not what it is; nor do reprs around it."""
    around = models.GetAuthorizationTokenResult(authorization_data=[made])

    assert shown in repr(made)
    for text in (repr(made), str(made), f"{around}", repr([made])):
        assert SECRET not in text


# --- enums ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENUMS)
def test_enums_are_texts(name: str) -> None:
    """Each member is the service's text wherever a text goes: str(), format, JSON, keys."""
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


@pytest.mark.parametrize("name", ENUMS)
def test_enum_members_accept_unknown_texts(name: str) -> None:
    """Every member that is typed as this enum may also be a plain text."""
    cls = ENUMS[name]
    uses = [
        (structure, field.name)
        for structure, declared in STRUCTURES.items()
        for field in members(declared)
        if cls in flat(field.type)
    ]

    assert uses
    for structure, member in uses:
        assert str in flat(attrs.fields_dict(STRUCTURES[structure])[member].type)


def flat(annotation: Any) -> list[Any]:
    """Return all types that occur in a type."""
    return [annotation, *(part for arg in typing.get_args(annotation) for part in flat(arg))]
