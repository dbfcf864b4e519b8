from __future__ import annotations

from typing import Any

import pytest

from codegen.facts import constraints, python_type


def _structure(plan: Any, name: str) -> Any:
    found = [s for module in plan.modules.values() for s in module.structures if s.name == name]
    assert len(found) == 1, name
    return found[0]


def _members(plan: Any, name: str) -> dict[str, Any]:
    return {member.name: member for member in _structure(plan, name).members}


def test_sample_has_no_problems(sample: Any) -> None:
    """Words and customizations that fit the model make a plan without problems."""
    assert sample.plan().problems == []


def test_required_members_first(sample: Any) -> None:
    """Required members come first, and otherwise the order is the model's."""
    members = _structure(sample.plan(), "ListThingsRequest").members

    assert [(member.name, member.required) for member in members] == [
        ("registry", True),
        ("next_token", False),
        ("max_results", False),
        ("filter", False),
    ]


@pytest.mark.parametrize(
    ("structure", "member", "hint"),
    [
        ("ListThingsRequest", "registry", "str"),
        ("ListThingsRequest", "max_results", "int"),
        ("ListThingsRequest", "filter", "ThingFilter"),
        ("DeleteThingsRequest", "force", "bool"),
        ("DeleteThingsRequest", "thing_ids", "Sequence[ThingId]"),
        ("PutBlobRequest", "blob", "bytes | bytearray | memoryview"),
        ("PutBlobRequest", "at", "datetime"),
        ("PutBlobRequest", "codes", "Sequence[str]"),
        ("PutBlobResult", "labels", "Mapping[str, str]"),
        ("PutBlobResult", "size", "int"),
        ("PutBlobResult", "share", "float"),
        ("Thing", "kind", "Kind | str"),
        ("ListThingsResult", "things", "Sequence[Thing]"),
    ],
)
def test_types(sample: Any, structure: str, member: str, hint: str) -> None:
    """Every kind of shape has its type in Python; an enum takes any text as well."""
    assert _members(sample.plan(), structure)[member].type == hint


def test_type_of_a_list_of_responses(sample: Any) -> None:
    """A type inside another has the name of its class, not of its shape."""
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlobResponse"
    shape = sample.plan().model.service.shape_for("ThingList")

    assert python_type(shape) == "Sequence[PutBlobResult]"


@pytest.mark.parametrize(
    ("structure", "member", "default"),
    [
        ("PutBlobRequest", "codes", "None"),
        ("ListThingsRequest", "filter", "None"),
        ("ThingFilter", "codes", "None"),
        ("PutBlobResult", "labels", "NO_ENTRIES"),
        ("PutBlobResult", "size", "None"),
        ("ListThingsResult", "things", "()"),
        ("Part", "codes", "()"),
    ],
)
def test_defaults(sample: Any, structure: str, member: str, default: str) -> None:
    """What is absent is None, but an absent list or map is empty in what is received."""
    assert _members(sample.plan(), structure)[member].default == default


@pytest.mark.parametrize(
    ("structure", "member", "minimum"),
    [
        ("ListThingsRequest", "registry", 12),
        ("ListThingsRequest", "max_results", 1),
        ("DeleteThingsRequest", "thing_ids", 1),
        ("PutBlobRequest", "blob", None),
        ("ListThingsRequest", "next_token", None),
        ("DeleteThingsResult", "thing_ids", None),
        ("PutBlobResult", "size", None),
    ],
)
def test_minima(sample: Any, structure: str, member: str, minimum: int | None) -> None:
    """A lower bound is checked where it says something, and only in what is sent."""
    assert _members(sample.plan(), structure)[member].minimum == minimum


def test_minimum_of_a_number_may_be_zero(sample: Any) -> None:
    """Zero is a bound for a number, since a number may be negative, but not for a length."""
    sample.shapes["PageSize"]["min"] = 0
    sample.shapes["ThingIdList"]["min"] = 0
    plan = sample.plan()

    assert _members(plan, "ListThingsRequest")["max_results"].minimum == 0
    assert _members(plan, "DeleteThingsRequest")["thing_ids"].minimum is None


def test_item_minimum(sample: Any) -> None:
    """The lower bound of the items of a list is checked in what is sent, also deep inside."""
    plan = sample.plan()

    assert _members(plan, "PutBlobRequest")["codes"].item_minimum == 1
    assert _members(plan, "DeleteThingsRequest")["thing_ids"].item_minimum is None
    assert _members(plan, "Part")["codes"].item_minimum is None


def test_minimum_in_a_structure_that_is_sent(sample: Any) -> None:
    """A structure that occurs in a request is checked, even if it occurs in results too."""
    sample.shapes["ThingFilter"]["members"]["child"] = {"shape": "Part"}

    assert _members(sample.plan(), "Part")["codes"].item_minimum == 1


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
    assert _structure(sample.plan(), structure).base == base


def test_name_that_only_looks_like_a_request(sample: Any) -> None:
    """A structure is a request because an operation takes it, not because of how it ends."""
    sample.shapes["PullRequest"] = sample.shapes.pop("Part")
    sample.shapes["Thing"]["members"]["child"]["shape"] = "PullRequest"
    structures = sample.words["types"]["structures"]
    structures["PullRequest"] = structures.pop("Part")
    plan = sample.plan()

    assert _structure(plan, "PullRequest").base == "Structure"
    assert _members(plan, "PullRequest")["codes"].default == "()"
    assert plan.problems == []


def test_modules(sample: Any) -> None:
    """Types that exactly the same operations need share a module, and no others do."""
    modules = sample.plan().modules

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
    plan = sample.plan()

    assert plan.problems == []
    assert set(plan.modules[name].types) == types
    assert plan.modules[name].operations == ("ListThings", "PutBlob")


def test_first_of_several_names(sample: Any) -> None:
    """Of several structures that no other refers to, the first by name gives the module its."""
    members = sample.shapes["PutBlobResponse"]["members"]
    members |= {"state": {"shape": "ThingFilter"}, "filter": {"shape": "Thing"}}
    plan = sample.plan()

    assert plan.problems == []
    assert plan.modules["thing"].types == ("Kind", "Part", "Thing", "ThingFilter")


def test_modules_of_one_name(sample: Any) -> None:
    """Two groups of types that would share a file are reported, and both are named."""
    sample.shapes["PutBlob"] = sample.shapes.pop("Thing")
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlob"
    structures = sample.words["types"]["structures"]
    structures["PutBlob"] = structures.pop("Thing")
    sample.shapes["DeleteThingsResponse"]["members"]["state"] = {"shape": "PutBlob"}

    assert sample.plan().problems == [
        "models/put_blob.py would hold both the types of DeleteThings, ListThings and those of "
        "PutBlob"
    ]


def test_response_that_is_used_elsewhere(sample: Any) -> None:
    """An operation looks for both of its types in one module; if it could not, that is reported."""
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlobResponse"
    problems = sample.plan().problems

    assert "PutBlob: its request and its response are not used alike" in problems


def test_resources(sample: Any) -> None:
    """Types have the resource of the operations that need them, or none of their own."""
    modules = sample.plan().modules
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
    del sample.words["members"]["common"]["owner"]
    module = sample.plan().modules["thing_id"]

    assert (module.operations, module.resource) == (("DeleteThings", "ListThings"), "things")


def test_order_in_a_module(sample: Any) -> None:
    """Enums come first, then each structure after those that it mentions, otherwise by name."""
    assert sample.plan().modules["list_things"].types == (
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
    assert _structure(sample.plan(), "ListThingsResult").references == ("Part", "Thing", "ThingId")


def test_enums(sample: Any) -> None:
    """Each enum in use has a constant for each value, in the order of the model."""
    enums = {enum.name: enum.members for enum in sample.plan().enums}

    assert enums == {
        "Kind": (("BIG_ONE", "big-one"), ("SMALL", "SMALL"), ("MIDDLE_SIZED", "MiddleSized")),
        "State": (("ACTIVE", "ACTIVE"), ("GONE", "GONE")),
    }


def test_enum_that_occurs_only_as_a_key(sample: Any) -> None:
    """An enum that is only the key of a map is generated as well, since annotations mention it."""
    sample.shapes["Colour"] = {"type": "string", "enum": ["RED"]}
    sample.shapes["LabelMap"]["key"]["shape"] = "Colour"
    sample.words["types"]["enums"]["Colour"] = "A colour."
    plan = sample.plan()

    assert "Colour" in {enum.name for enum in plan.enums}
    assert plan.problems == []


def test_errors(sample: Any) -> None:
    """An error has its members beyond the message, and its fault is as the model says."""
    errors = {error.name: error for error in sample.plan().errors}

    assert list(errors) == ["BadPartException", "ServerException", "ThingNotFoundException"]
    assert [member.name for member in errors["BadPartException"].members] == [
        "last_byte",
        "upload_id",
    ]
    assert [error.server_fault for error in errors.values()] == [False, True, False]
    assert errors["ServerException"].members == ()
    assert errors["BadPartException"].text.details == "Try *again*."


def test_operations(sample: Any) -> None:
    """An operation has its method, its types and its errors in the order of the model."""
    operations = {op.name: op for op in sample.plan().operations}
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
    assert constraints(sample.plan().model.service.shape_for(shape)) == facts


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
    service = sample.plan().model.service

    assert constraints(service.shape_for("Token")) == facts


def test_paginator(sample: Any) -> None:
    """A paginator knows where a result keeps its items, and what they are."""
    (paginator,) = sample.plan().paginators

    assert paginator.operation.name == "ListThings"
    assert paginator.items == (("things",),)
    assert paginator.item_type == "Thing"
    assert paginator.item_words == "Some words."


def test_paginator_with_several_lists(sample: Any) -> None:
    """A paginator with several lists, some of them nested, gives items of either type."""
    sample.shapes["Thing"]["members"]["all"] = {"shape": "FailureList"}
    sample.shapes["ListThingsResponse"]["members"]["one"] = {"shape": "Thing"}
    sample.words["members"]["common"] |= {"one": "One.", "all": "All."}
    sample.paginators["ListThings"]["result_key"] = ["things", "one.all"]
    (paginator,) = sample.plan().paginators

    assert paginator.items == (("things",), ("one", "all"))
    assert paginator.item_type == "Thing | Failure"
    assert paginator.item_words == "Some words. All."


def test_paginator_of_our_own(sample: Any) -> None:
    """A paginator that botocore lacks may come from the customizations."""
    entry = sample.paginators.pop("ListThings")
    sample.customizations["paginators"] = {"ListThings": {"reason": "It pages.", **entry}}
    plan = sample.plan()

    assert [paginator.operation.name for paginator in plan.paginators] == ["ListThings"]
    assert plan.problems == []


def test_waiter(sample: Any) -> None:
    """A waiter knows its method, its times in seconds, and what each acceptor looks for."""
    (waiter,) = sample.plan().waiters

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
        ({}, {}, "no decision on the state GONE"),
        ({"GONE": "retry", "NEW": "failure"}, {}, "NEW is no state"),
        ({"GONE": "retry", "ACTIVE": "success"}, {}, "botocore now decides on ACTIVE itself"),
        (
            {"GONE": "end"},
            {},
            "GONE must be one of success, failure, retry, got 'end'",
        ),
        ({"GONE": "retry"}, {"expected": "OLD"}, "botocore decides on OLD, which is no state"),
        (
            {"GONE": "retry"},
            {"matcher": "error", "expected": "Misspelt"},
            "ListThings has no error Misspelt",
        ),
        ({"GONE": "retry"}, {"matcher": "pathAny"}, "no such matcher is known: pathAny"),
    ],
)
def test_states_of_a_waiter(
    sample: Any, decisions: dict[str, str], acceptor: dict[str, str], problem: str
) -> None:
    """Each state of the model has exactly one decision, and each decision is on such a state."""
    sample.customizations["waiter_states"]["ThingsActive"] = decisions
    if acceptor:
        sample.waiters["ThingsActive"]["acceptors"] += [
            {"state": "retry", "argument": "state", "expected": "X", **acceptor}
            | {"matcher": acceptor.get("matcher", "path")}
        ]

    assert sample.plan().problems == [f"customizations.toml: the waiter ThingsActive: {problem}"]


def test_a_new_state_of_the_model(sample: Any) -> None:
    """A state that a newer model has is a problem that names the waiter and the state."""
    sample.shapes["State"]["enum"].append("PAUSED")

    assert sample.plan().problems == [
        "customizations.toml: the waiter ThingsActive: no decision on the state PAUSED"
    ]


def test_batch(sample: Any) -> None:
    """A batch helper knows which list it splits, and the model's bound of one call."""
    (batch,) = sample.plan().batches

    assert (batch.operation.name, batch.member, batch.size) == ("DeleteThings", "thing_ids", 100)


def test_custom_repr(sample: Any) -> None:
    """A member whose value is not to be shown knows what is shown instead."""
    plan = sample.plan()

    assert _members(plan, "PutBlobRequest")["blob"].repr == "show_size"
    assert _members(plan, "PutBlobRequest")["at"].repr is None


def test_always_sent(sample: Any) -> None:
    """What responses always have is required, and stands before what they may lack."""
    members = _structure(sample.plan(), "PutBlobResult").members

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
    (found,) = sample.plan().problems

    assert found.startswith(f"customizations.toml: always_sent.{member!r} ")
    assert found.endswith(problem)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (("words", "operations", "PutBlob"), "docs/operations.toml says nothing of PutBlob"),
        (
            ("words", "errors", "ServerException"),
            "docs/errors.toml says nothing of ServerException",
        ),
        (
            ("words", "types", "structures", "Part"),
            "docs/types.toml says nothing of structures.Part",
        ),
        (("words", "types", "enums", "Kind"), "docs/types.toml says nothing of enums.Kind"),
        (
            ("words", "members", "common", "force"),
            "docs/members.toml says nothing of DeleteThingsRequest.force",
        ),
        (
            ("customizations", "waiter_summaries", "ThingsActive"),
            "customizations.toml: waiter_summaries and the waiters differ in ThingsActive",
        ),
        (
            ("customizations", "resources", "blobs"),
            "customizations.toml: no resource for PutBlob",
        ),
        (("shapes", "PutBlobRequest", "members", "blob"), "repr.'PutBlobRequest.blob'"),
        (("waiters", "ThingsActive"), "waiter_summaries and the waiters differ in ThingsActive"),
    ],
)
def test_missing_entry(sample: Any, path: tuple[str, ...], problem: str) -> None:
    """What has lost its counterpart, in the words, the customizations or the model, is reported."""
    *parents, last = path
    table = vars(sample)
    for parent in parents:
        table = table[parent]
    del table[last]

    assert any(problem in each for each in sample.plan().problems)


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
    """A customization that changes nothing, or what botocore models by now, is reported."""
    sample.customizations[table][name] = entry or sample.waiters[name]
    problems = sample.plan().problems

    assert len(problems) == 1
    assert problems[0].startswith("customizations.toml: ")
    assert (entry[0] if isinstance(entry, list) else name) in problems[0]
