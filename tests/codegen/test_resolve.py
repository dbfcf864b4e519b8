from __future__ import annotations

from typing import Any

import pytest

from codegen.resolve.shapes import constraints, python_type


def _structure(service: Any, name: str) -> Any:
    found = [s for module in service.modules.values() for s in module.structures if s.name == name]
    assert len(found) == 1, name
    return found[0]


def _members(service: Any, name: str) -> dict[str, Any]:
    return {member.name: member for member in _structure(service, name).members}


def test_sample_has_no_problems(sample: Any) -> None:
    """Descriptions and customizations that fit the model leave no problems and no gaps."""
    service = sample.resolve()

    assert (service.problems, service.gaps) == ([], [])


def test_required_members_first(sample: Any) -> None:
    """Required members come first, and otherwise the order is the model's."""
    members = _structure(sample.resolve(), "ListThingsRequest").members

    assert [(member.name, member.required) for member in members] == [
        ("registry", True),
        ("next_token", False),
        ("max_results", False),
        ("filter", False),
    ]


@pytest.mark.parametrize(
    ("structure", "member", "hint", "default", "minima"),
    [
        ("ListThingsRequest", "registry", "str", None, (12, None)),
        ("ListThingsRequest", "max_results", "int", "None", (1, None)),
        ("ListThingsRequest", "filter", "ThingFilter", "None", (None, None)),
        ("ListThingsRequest", "next_token", "str", "None", (None, None)),
        ("DeleteThingsRequest", "force", "bool", "None", (None, None)),
        ("DeleteThingsRequest", "thing_ids", "Sequence[ThingId]", None, (1, None)),
        ("DeleteThingsResult", "thing_ids", "Sequence[ThingId]", "()", (None, None)),
        ("PutBlobRequest", "blob", "bytes | bytearray | memoryview", None, (None, None)),
        ("PutBlobRequest", "at", "datetime", "None", (None, None)),
        ("PutBlobRequest", "codes", "Sequence[str]", "None", (None, 1)),
        ("PutBlobResult", "labels", "Mapping[str, str]", "NO_ENTRIES", (None, None)),
        ("PutBlobResult", "size", "int", "None", (None, None)),
        ("PutBlobResult", "share", "float", "None", (None, None)),
        ("Thing", "kind", "Kind | str", "None", (None, None)),
        ("Part", "codes", "Sequence[str]", "()", (None, None)),
        ("ThingFilter", "codes", "Sequence[str]", "None", (None, 1)),
        ("ListThingsResult", "things", "Sequence[Thing]", "()", (None, None)),
    ],
)
def test_members(
    sample: Any, structure: str, member: str, hint: str, default: str | None, minima: Any
) -> None:
    """A member has a type, bounds if it is sent, and is None or empty where it is absent."""
    found = _members(sample.resolve(), structure)[member]

    assert found.type == hint
    assert (found.minimum, found.item_minimum) == minima
    assert found.required or found.default == default


def test_type_of_a_list_of_responses(sample: Any) -> None:
    """A type inside another has the name of its class, not of its shape."""
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlobResponse"
    shape = sample.resolve().model.service.shape_for("ThingList")

    assert python_type(shape) == "Sequence[PutBlobResult]"


def test_minimum_of_a_number_may_be_zero(sample: Any) -> None:
    """Zero is a bound for a number, since a number may be negative, but not for a length."""
    sample.shapes["PageSize"]["min"] = 0
    sample.shapes["ThingIdList"]["min"] = 0
    service = sample.resolve()

    assert _members(service, "ListThingsRequest")["max_results"].minimum == 0
    assert _members(service, "DeleteThingsRequest")["thing_ids"].minimum is None


def test_minimum_in_a_structure_that_is_sent(sample: Any) -> None:
    """A structure that occurs in a request is checked, even if it occurs in results too."""
    sample.shapes["ThingFilter"]["members"]["child"] = {"shape": "Part"}

    assert _members(sample.resolve(), "Part")["codes"].item_minimum == 1


@pytest.mark.parametrize(
    ("structure", "base"),
    [
        ("ListThingsRequest", "AmazonWebServiceRequest"),
        ("ListThingsResult", "AmazonWebServiceResult"),
        ("DeleteThingsResult", "ResultWithFailures"),
        ("Thing", "Structure"),
    ],
)
def test_bases(sample: Any, structure: str, base: str) -> None:
    """The base tells requests, results, results that may fail in part, and data apart."""
    assert _structure(sample.resolve(), structure).base == base


def test_name_that_only_looks_like_a_request(sample: Any) -> None:
    """A structure is a request because an operation takes it, not because of how it ends."""
    sample.shapes["PullRequest"] = sample.shapes.pop("Part")
    sample.shapes["Thing"]["members"]["child"]["shape"] = "PullRequest"
    structures = sample.descriptions["types"]["structures"]
    structures["PullRequest"] = structures.pop("Part")
    service = sample.resolve()

    assert _structure(service, "PullRequest").base == "Structure"
    assert _members(service, "PullRequest")["codes"].default == "()"
    assert service.problems == []


def test_modules(sample: Any) -> None:
    """Types that exactly the same operations need share a module, and no others do."""
    modules = sample.resolve().modules

    assert {name: (module.operations, set(module.types)) for name, module in modules.items()} == {
        "delete_things": (
            ("DeleteThings",),
            {"DeleteThingsRequest", "DeleteThingsResult", "Failure"},
        ),
        "list_things": (
            ("ListThings",),
            {
                "Kind",
                "ListThingsRequest",
                "ListThingsResult",
                "Part",
                "State",
                "Thing",
                "ThingFilter",
            },
        ),
        "put_blob": (("PutBlob",), {"PutBlobRequest", "PutBlobResult"}),
        "thing_id": (("DeleteThings", "ListThings", "PutBlob"), {"ThingId"}),
    }


@pytest.mark.parametrize(
    ("shape", "types", "name"),
    [
        # A structure is what the enum is for, and the outer structure what the inner one is for.
        ("ThingFilter", {"Kind", "ThingFilter"}, "thing_filter"),
        ("Thing", {"Kind", "Part", "Thing"}, "thing"),
        # Nothing of the group refers to an enum that is alone.
        ("State", {"State"}, "state"),
    ],
)
def test_name_of_a_shared_module(sample: Any, shape: str, types: set[str], name: str) -> None:
    """The module of several operations is named after the type that the others are made for."""
    if shape == "ThingFilter":
        del sample.shapes["Thing"]["members"]["kind"]
    if shape == "Thing":
        del sample.shapes["ThingFilter"]["members"]["kind"]
    sample.shapes["PutBlobResponse"]["members"]["state"] = {"shape": shape}
    service = sample.resolve()

    assert service.problems == []
    assert set(service.modules[name].types) == types
    assert service.modules[name].operations == ("ListThings", "PutBlob")


def test_first_of_several_names(sample: Any) -> None:
    """Of several structures that no other refers to, the first by name gives the module its."""
    members = sample.shapes["PutBlobResponse"]["members"]
    members |= {"state": {"shape": "ThingFilter"}, "filter": {"shape": "Thing"}}
    service = sample.resolve()

    assert service.problems == []
    assert service.modules["thing"].types == ("Kind", "Part", "Thing", "ThingFilter")


def test_modules_of_one_name(sample: Any) -> None:
    """Two groups of types that would share a file are reported, and both are named."""
    sample.shapes["PutBlob"] = sample.shapes.pop("Thing")
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlob"
    structures = sample.descriptions["types"]["structures"]
    structures["PutBlob"] = structures.pop("Thing")
    sample.shapes["DeleteThingsResponse"]["members"]["state"] = {"shape": "PutBlob"}

    assert sample.resolve().problems == [
        "models/put_blob.py would hold the types of both DeleteThings, ListThings and PutBlob"
    ]


def test_response_that_is_used_elsewhere(sample: Any) -> None:
    """An operation looks for both of its types in one module; if it could not, that is reported."""
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlobResponse"
    problems = sample.resolve().problems

    assert "PutBlob: its request and its response are used by different operations" in problems


def test_resources(sample: Any) -> None:
    """Types have the resource of the operations that need them, or none of their own."""
    modules = sample.resolve().modules
    resources = {name: module.resource for name, module in modules.items()}

    assert resources == {
        "delete_things": "things",
        "list_things": "things",
        "put_blob": "blobs",
        "thing_id": "common",
    }


def test_resource_of_shared_types(sample: Any) -> None:
    """Types of several operations have a resource as well if all of these belong to it."""
    del sample.shapes["PutBlobResponse"]["members"]["owner"]
    del sample.descriptions["members"]["common"]["owner"]
    module = sample.resolve().modules["thing_id"]

    assert (module.operations, module.resource) == (("DeleteThings", "ListThings"), "things")


def test_order_in_a_module(sample: Any) -> None:
    """Enums come first, then each structure after those that it mentions, otherwise by name."""
    assert sample.resolve().modules["list_things"].types == (
        "Kind",
        "State",
        "ThingFilter",
        "ListThingsRequest",
        "Part",
        "Thing",
        "ListThingsResult",
    )


def test_references(sample: Any) -> None:
    """A structure refers to all structures inside it, at any depth."""
    assert _structure(sample.resolve(), "ListThingsResult").references == (
        "Part",
        "Thing",
        "ThingId",
    )


def test_enums(sample: Any) -> None:
    """Each enum in use has a constant for each value, in the order of the model."""
    enums = {enum.name: enum.members for enum in sample.resolve().enums}

    assert enums == {
        "Kind": (("BIG_ONE", "big-one"), ("SMALL", "SMALL"), ("MIDDLE_SIZED", "MiddleSized")),
        "State": (("ACTIVE", "ACTIVE"), ("GONE", "GONE")),
    }


def test_enum_that_occurs_only_as_a_key(sample: Any) -> None:
    """An enum that is only the key of a map is generated as well, since annotations mention it."""
    sample.shapes["Colour"] = {"type": "string", "enum": ["RED"]}
    sample.shapes["LabelMap"]["key"]["shape"] = "Colour"
    sample.descriptions["types"]["enums"]["Colour"] = "A colour."
    service = sample.resolve()

    assert "Colour" in {enum.name for enum in service.enums}
    assert service.problems == []


def test_errors(sample: Any) -> None:
    """An error has its members beyond the message, and its fault is as the model says."""
    errors = {error.name: error for error in sample.resolve().errors}

    assert list(errors) == ["BadPartException", "ServerException", "ThingNotFoundException"]
    assert [member.name for member in errors["BadPartException"].members] == [
        "last_byte",
        "upload_id",
    ]
    assert [error.server_fault for error in errors.values()] == [False, True, False]
    assert errors["ServerException"].members == ()
    assert errors["BadPartException"].description.details == "Try *again*."


def test_operations(sample: Any) -> None:
    """An operation has its method, its types and its errors in the order of the model."""
    operations = {op.name: op for op in sample.resolve().operations}
    found = operations["ListThings"]

    assert list(operations) == ["DeleteThings", "ListThings", "PutBlob"]
    assert (found.method, found.request.name, found.result) == (
        "list_things",
        "ListThingsRequest",
        "ListThingsResult",
    )
    assert [error.name for error in found.errors] == ["ThingNotFoundException", "BadPartException"]


@pytest.mark.parametrize(
    ("shape", "facts"),
    [
        ("ThingIdList", "1 to 100 items."),
        ("CodeList", "At most 5 items. Each: 1 to 9 characters. Pattern: ``[a-z]+``."),
        ("LabelMap", "At most 50 entries."),
        ("Registry", "Exactly 12 characters."),
        ("Digest", r"Pattern: ``sha256:\d+``."),
        ("PageSize", "1 to 1,000."),
        ("Blob", "At most 2,048 bytes."),
        ("Size", ""),
        ("Kind", ""),
        ("Token", ""),
    ],
)
def test_constraints(sample: Any, shape: str, facts: str) -> None:
    """The bounds and patterns of the model become sentences, with a unit where there is one."""
    assert constraints(sample.resolve().model.service.shape_for(shape)) == facts


@pytest.mark.parametrize(
    ("shape", "facts"),
    [
        ({"type": "string", "min": 3}, "At least 3 characters."),
        ({"type": "string", "min": 0}, ""),
        (
            {"type": "string", "min": 0, "max": 7, "pattern": "x"},
            "At most 7 characters. Pattern: ``x``.",
        ),
        (
            {"type": "integer", "min": 5, "deprecated": True},
            "At least 5. Deprecated by the service.",
        ),
        ({"type": "string", "enum": ["A"], "min": 1}, ""),
    ],
)
def test_rare_constraints(sample: Any, shape: dict[str, Any], facts: str) -> None:
    """A bound that says nothing is left out, and so are the bounds of an enum."""
    sample.shapes["Token"] = shape
    service = sample.resolve().model.service

    assert constraints(service.shape_for("Token")) == facts


def test_paginator(sample: Any) -> None:
    """A paginator knows where a result keeps its items, and what they are."""
    (paginator,) = sample.resolve().paginators

    assert paginator.operation.name == "ListThings"
    assert paginator.items == (("things",),)
    assert paginator.item_type == "Thing"
    assert paginator.item_description == "Some words."


def test_paginator_with_several_lists(sample: Any) -> None:
    """A paginator with several lists, some of them nested, gives items of either type."""
    sample.shapes["Thing"]["members"]["all"] = {"shape": "FailureList"}
    sample.shapes["ListThingsResponse"]["members"]["one"] = {"shape": "Thing"}
    sample.descriptions["members"]["common"] |= {"one": "One.", "all": "All."}
    sample.paginators["ListThings"]["result_key"] = ["things", "one.all"]
    (paginator,) = sample.resolve().paginators

    assert paginator.items == (("things",), ("one", "all"))
    assert paginator.item_type == "Thing | Failure"
    assert paginator.item_description == "Some words. All."


def test_paginator_of_our_own(sample: Any) -> None:
    """A paginator that botocore lacks may come from the customizations."""
    entry = sample.paginators.pop("ListThings")
    sample.customizations["paginators"] = {"ListThings": {"reason": "It pages.", **entry}}
    service = sample.resolve()

    assert [paginator.operation.name for paginator in service.paginators] == ["ListThings"]
    assert service.problems == []


def test_waiter(sample: Any) -> None:
    """A waiter knows its method, its times in seconds, and what each acceptor looks for."""
    (waiter,) = sample.resolve().waiters

    assert (waiter.method, waiter.summary) == ("wait_until_things_active", "the things are active")
    assert (waiter.operation.name, waiter.delay, waiter.max_wait) == ("ListThings", 5, 100)
    assert vars(waiter.acceptors) == {
        "states": {"ACTIVE": "success", "GONE": "retry"},
        "path": ("state",),
        "description": (),
        "errors": {"ThingNotFoundException": "retry"},
        "statuses": {},
    }


@pytest.mark.parametrize(
    ("decisions", "acceptor", "problem"),
    [
        ({"GONE": "retry", "NEW": "failure"}, {}, "NEW is not a state of the model"),
        (
            {"GONE": "retry", "ACTIVE": "success"},
            {},
            "botocore decides on ACTIVE itself; delete the entry",
        ),
        (
            {"GONE": "end"},
            {},
            "GONE must be one of success, failure, retry, got 'end'",
        ),
        (
            {"GONE": "retry"},
            {"expected": "OLD"},
            "botocore decides on OLD, which is not a state of the model",
        ),
        (
            {"GONE": "retry"},
            {"matcher": "error", "expected": "Misspelt"},
            "ListThings has no error Misspelt",
        ),
        ({"GONE": "retry"}, {"matcher": "pathAny"}, "unknown matcher pathAny"),
    ],
)
def test_states_of_a_waiter(
    sample: Any, decisions: dict[str, str], acceptor: dict[str, str], problem: str
) -> None:
    """A state has one decision at most, and each decision is on a state of the model."""
    sample.customizations["waiter_states"]["ThingsActive"] = decisions
    if acceptor:
        sample.waiters["ThingsActive"]["acceptors"] += [
            {"state": "retry", "argument": "state", "expected": "X", **acceptor}
            | {"matcher": acceptor.get("matcher", "path")}
        ]

    assert sample.resolve().problems == [
        f"customizations.toml: waiter_states.ThingsActive: {problem}"
    ]


def test_a_new_state_of_the_model(sample: Any) -> None:
    """A state without a decision is a gap, and keeps the waiter waiting."""
    sample.shapes["State"]["enum"].append("PAUSED")
    service = sample.resolve()

    assert service.problems == []
    assert service.gaps == [
        "customizations.toml: waiter_states.ThingsActive: no decision on the state PAUSED"
    ]
    assert service.waiters[0].acceptors.states["PAUSED"] == "retry"


def test_batch(sample: Any) -> None:
    """A batch helper knows which list it splits, and the model's bound of one call."""
    (batch,) = sample.resolve().batches

    assert (batch.operation.name, batch.member, batch.size) == ("DeleteThings", "thing_ids", 100)


def test_custom_repr(sample: Any) -> None:
    """A member whose value is not to be shown knows what is shown instead."""
    service = sample.resolve()

    assert _members(service, "PutBlobRequest")["blob"].repr == "show_size"
    assert _members(service, "PutBlobRequest")["at"].repr is None


def test_always_sent(sample: Any) -> None:
    """What responses always have is required, and stands before what they may lack."""
    members = _structure(sample.resolve(), "PutBlobResult").members

    assert [(each.name, each.required) for each in members[:2]] == [
        ("size", True),
        ("labels", False),
    ]


@pytest.mark.parametrize(
    ("member", "evidence", "problem"),
    [
        ("PutBlobResponse.share", " ", "has no evidence"),
        ("PutBlobResponse.nothing", "cli put-blob", "is in no result"),
        ("PutBlobRequest.at", "cli put-blob", "is in no result"),
        ("PutBlobResponse.labels", "cli put-blob", "absent lists and maps are empty"),
        ("Thing.id", "cli list-things", "the model requires it"),
        ("ThingId.digest", "cli list-things", "is also in requests, where it is optional"),
    ],
)
def test_always_sent_that_is_not(sample: Any, member: str, evidence: str, problem: str) -> None:
    """An entry that is wrong, or that changes nothing, is reported."""
    sample.customizations["always_sent"][member] = evidence
    (found,) = sample.resolve().problems

    assert found.startswith(f"customizations.toml: always_sent.{member!r} ")
    assert found.endswith(problem)


@pytest.mark.parametrize(
    ("path", "gap", "file", "line"),
    [
        (
            "descriptions operations PutBlob",
            "descriptions/operations.toml: no description of PutBlob",
            "interface.py",
            '"""Call ``PutBlob``.',
        ),
        (
            "descriptions errors ServerException",
            "descriptions/errors.toml: no description of ServerException",
            "exceptions.py",
            '"""The service reported ``ServerException``.',
        ),
        (
            "descriptions types structures Part",
            "descriptions/types.toml: no description of structures.Part",
            "models/list_things.py",
            '"""``Part`` of the service\'s model.',
        ),
        (
            "descriptions types enums Kind",
            "descriptions/types.toml: no description of enums.Kind",
            "models/list_things.py",
            '"""``Kind`` of the service\'s model."""',
        ),
        (
            "descriptions members common_request max_results",
            "descriptions/members.toml: no description of ListThingsRequest.max_results",
            "interface.py",
            "max_results: ``maxResults`` of the API. 1 to 1,000.",
        ),
        (
            "customizations waiter_summaries ThingsActive",
            "customizations.toml: waiter_summaries: no summary of ThingsActive",
            "waiters.py",
            '"""Wait until ``ThingsActive`` holds, and return the last result.',
        ),
        (
            "customizations resources blobs",
            "customizations.toml: resources: no resource of PutBlob",
            "resources.py",
            "'PutBlobRequest': 'common',",
        ),
    ],
)
def test_gap(sample: Any, path: str, gap: str, file: str, line: str) -> None:
    """What is missing is no problem but a gap, and a fact of the model stands in for it."""
    *parents, last = path.split()
    table = vars(sample)
    for parent in parents:
        table = table[parent]
    del table[last]

    assert sample.resolve().gaps == [gap]
    assert line in sample.render()[f"ecr_client/_generated/{file}"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("shapes PutBlobRequest members blob", "repr.'PutBlobRequest.blob'"),
        ("waiters ThingsActive", "waiter_summaries: no waiter ThingsActive"),
        ("operations PutBlob", "descriptions/operations.toml: PutBlob is not in the model"),
    ],
)
def test_removed_from_the_model(sample: Any, path: str, problem: str) -> None:
    """What the model no longer has, but an entry still mentions, is a problem."""
    *parents, last = path.split()
    table = vars(sample)
    for parent in parents:
        table = table[parent]
    del table[last]

    assert any(problem in each for each in sample.resolve().problems)


@pytest.mark.parametrize(
    ("table", "name", "entry"),
    [
        ("resources", "nowhere", ["GetNothing"]),
        ("resources", "elsewhere", ["PutBlob"]),
        ("repr", "Thing.nothing", "hide"),
        ("waiter_summaries", "NothingExists", "nothing exists"),
        ("waiter_states", "NothingExists", {"GONE": "failure"}),
        ("paginators", "GetNothing", {"result_key": "things"}),
        ("waiters", "ThingsActive", {}),
        ("paginators", "ListThings", {"result_key": "things"}),
        ("batches", "GetNothing", {"member": "things"}),
    ],
)
def test_customization_without_use(sample: Any, table: str, name: str, entry: Any) -> None:
    """A customization that changes nothing, or that botocore models itself, is reported."""
    sample.customizations[table][name] = entry or sample.waiters[name]
    problems = sample.resolve().problems

    assert len(problems) == 1
    assert problems[0].startswith("customizations.toml: ")
    assert (entry[0] if isinstance(entry, list) else name) in problems[0]
