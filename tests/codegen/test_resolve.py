"""How the generator handles models and entries that do not occur at present."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.resolve.shapes import constraints, python_type


def test_sample_has_no_problems(sample: Any) -> None:
    """Descriptions and customizations that fit the model leave no problems and no gaps."""
    service = sample.resolve()

    assert (service.problems, service.gaps) == ([], [])


def test_type_of_a_list_of_responses(sample: Any) -> None:
    """A type inside another has the name of its class, not of its shape."""
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlobResponse"
    shape = sample.resolve().model.service.shape_for("ThingList")

    assert python_type(shape) == "Sequence[PutBlobResult]"


def test_name_that_only_looks_like_a_request(sample: Any) -> None:
    """A structure is a request because an operation takes it, not because of its name."""
    sample.rename("Part", "PullRequest")
    sample.shapes["Thing"]["members"]["child"]["shape"] = "PullRequest"
    service = sample.resolve()

    (found,) = (
        each
        for module in service.modules.values()
        for each in module.structures
        if each.name == "PullRequest"
    )

    assert (found.base, found.members[0].default) == ("Structure", "()")
    assert service.problems == []


def test_modules_of_one_name(sample: Any) -> None:
    """Two groups of types that would share a file are reported, and both are named."""
    sample.rename("Thing", "PutBlob")
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlob"
    sample.shapes["DeleteThingsResponse"]["members"]["state"] = {"shape": "PutBlob"}

    assert sample.resolve().problems == [
        "models/put_blob.py would hold the types of both DeleteThings, ListThings and PutBlob"
    ]


def test_response_that_is_used_elsewhere(sample: Any) -> None:
    """An operation must find both of its types in one module; if it cannot, that is reported."""
    sample.shapes["ThingList"]["member"]["shape"] = "PutBlobResponse"
    problems = sample.resolve().problems

    assert "PutBlob: its request and its response are used by different operations" in problems


def test_enum_that_occurs_only_as_a_key(sample: Any) -> None:
    """An enum that is only the key of a map is generated as well, since annotations mention it."""
    sample.shapes["Color"] = {"type": "string", "enum": ["RED"]}
    sample.shapes["LabelMap"]["key"]["shape"] = "Color"
    sample.descriptions["types"]["enums"]["Color"] = "A color."
    service = sample.resolve()

    assert "Color" in {enum.name for enum in service.enums}
    assert service.problems == []


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
    """A bound that does not limit anything is left out, and so are the bounds of an enum."""
    sample.shapes["Token"] = shape
    service = sample.resolve().model.service

    assert constraints(service.shape_for("Token")) == facts


def test_paginator_of_our_own(sample: Any) -> None:
    """A paginator that botocore lacks may come from the customizations."""
    entry = sample.paginators.pop("ListThings")
    sample.customizations["paginators"] = {"ListThings": {"reason": "It pages.", **entry}}
    service = sample.resolve()

    assert [paginator.operation.name for paginator in service.paginators] == ["ListThings"]
    assert service.problems == []


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
    """A state has at most one decision, and each decision is on a state of the model."""
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
def test_bad_entries_of_always_sent(sample: Any, member: str, evidence: str, problem: str) -> None:
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
            "_methods/interface.py",
            '"""Call ``PutBlob``.',
        ),
        (
            "descriptions errors ServerException",
            "descriptions/errors.toml: no description of ServerException",
            "_generated/exceptions.py",
            '"""The service reported ``ServerException``.',
        ),
        (
            "descriptions types structures Part",
            "descriptions/types.toml: no description of structures.Part",
            "_generated/models/list_things.py",
            '"""``Part`` of the service\'s model.',
        ),
        (
            "descriptions types enums Kind",
            "descriptions/types.toml: no description of enums.Kind",
            "_generated/models/list_things.py",
            '"""``Kind`` of the service\'s model."""',
        ),
        (
            "descriptions members common_request max_results",
            "descriptions/members.toml: no description of ListThingsRequest.max_results",
            "_methods/interface.py",
            "max_results: ``maxResults`` of the API. 1 to 1,000.",
        ),
        (
            "customizations waiter_summaries ThingsActive",
            "customizations.toml: waiter_summaries: no summary of ThingsActive",
            "_methods/waiters.py",
            '"""Wait until ``ThingsActive`` holds, and return the last result.',
        ),
        (
            "customizations resources blobs",
            "customizations.toml: resources: no resource of PutBlob",
            "_generated/resources.py",
            "'PutBlobRequest': 'common',",
        ),
    ],
)
def test_gap(sample: Any, path: str, gap: str, file: str, line: str) -> None:
    """A missing entry is not a problem but a gap, and a fact of the model stands in for it."""
    sample.remove(path)

    assert sample.resolve().gaps == [gap]
    assert line in sample.render()[f"ecr_client/{file}"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("shapes PutBlobRequest members blob", "repr.'PutBlobRequest.blob'"),
        ("waiters ThingsActive", "waiter_summaries: no waiter ThingsActive"),
        ("operations PutBlob", "descriptions/operations.toml: PutBlob is not in the model"),
    ],
)
def test_removed_from_the_model(sample: Any, path: str, problem: str) -> None:
    """An entry that mentions something that the model no longer has is a problem."""
    sample.remove(path)

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
