"""Lifecycle policy documents: what is accepted, what is refused, and what is given back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client.local.lifecycle import (
    Action,
    CountType,
    PolicyError,
    StorageClass,
    TagStatus,
    parse_policy,
)

EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


def rule(priority: object = 1, action: object = None, **selection: object) -> dict[str, Any]:
    """Return a rule for all images, with what is said differently; None takes a member away."""
    given = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5, **selection}
    return {
        "rulePriority": priority,
        "selection": {name: value for name, value in given.items() if value is not None},
        "action": EXPIRE if action is None else action,
    }


def prefixes(*texts: str, **more: object) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPrefixList": list(texts), **more}


def patterns(*texts: str, **more: object) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": list(texts), **more}


def days(count_type: str, number: int, **more: object) -> dict[str, Any]:
    return {"countType": count_type, "countUnit": "days", "countNumber": number, **more}


def document(*rules: object) -> str:
    return json.dumps({"rules": list(rules)})


ARCHIVED = days("sinceImageTransitioned", 90, storageClass="archive")


def test_reads_all_members() -> None:
    """A rule keeps everything that the document says."""
    text = document(
        {
            **rule(7, ARCHIVE, **patterns("v*", "*-rc"), **days("sinceImagePulled", 30)),
            "description": "Put what nobody pulls away",
        }
    )

    [read] = parse_policy(text).rules

    assert (read.priority, read.count) == (7, 30)
    assert read.description == "Put what nobody pulls away"
    assert read.tag_status is TagStatus.TAGGED
    assert (read.tags, read.by_pattern) == (("v*", "*-rc"), True)
    assert read.count_type is CountType.SINCE_IMAGE_PULLED
    assert read.storage_class is StorageClass.STANDARD
    assert read.action is Action.TRANSITION


def test_orders_rules_by_priority() -> None:
    """Rules come highest priority first, whatever their order in the document."""
    policy = parse_policy(
        document(rule(30), rule(4, tagStatus="untagged"), rule(11, **prefixes("v")))
    )

    assert [one.priority for one in policy.rules] == [4, 11, 30]


@pytest.mark.parametrize(
    "rules",
    [
        [rule()],
        [rule(countNumber=2**31 - 1)],
        [rule(storageClass="standard")],
        [rule(**days("sinceImagePushed", 14))],
        [rule(action=ARCHIVE)],
        [rule(action=ARCHIVE, **days("sinceImagePulled", 1))],
        [rule(**ARCHIVED)],
        [rule(**patterns("*test*1*2*3", "test*1*2*3*"))],
        [rule(1, **prefixes("a")), rule(2, **prefixes("a", "b")), rule(3, **patterns("a"))],
        [rule(1, **prefixes("a")), rule(2, **prefixes("a"), **ARCHIVED)],
        [rule(1, tagStatus="untagged"), rule(2, tagStatus="untagged", **ARCHIVED)],
        [rule(1), rule(2, **ARCHIVED)],
        [rule(1, **ARCHIVED), rule(2, tagStatus="untagged")],
        [rule(number, **prefixes(f"v{number}")) for number in range(1, 51)],
    ],
)
def test_accepts(rules: list[dict[str, Any]]) -> None:
    """What the user guide allows is accepted, also in the form that is returned."""
    policy = parse_policy(document(*rules))

    assert len(policy.rules) == len(rules)
    assert parse_policy(policy.text()) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '"rules"',
        "7",
        "null",
        '{"rules": [}',
        '{"rules": NaN}',
        "[" * 30_000,
        '{"rules":' * 3_000,
        '{"rules": ' + "9" * 5_000 + "}",
    ],
)
def test_refuses_other_documents(text: str) -> None:
    """A text that is no JSON object is refused, however deep or long it is."""
    with pytest.raises(PolicyError, match="Could not map policyString into LifecyclePolicy"):
        parse_policy(text)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, r'missing required properties \(\["rules"\]\)'),
        ({"rules": [], "more": 1}, r'not allowed by the schema: \(\["more"\]\)'),
        ({"rules": {}}, r'type \(object\) does not match .* \["array"\]'),
        ({"rules": None}, r'type \(null\) does not match .* \["array"\]'),
        ({"rules": []}, "array is too short"),
        ({"rules": [rule(n, **prefixes(str(n))) for n in range(1, 52)]}, "array is too long"),
        ({"rules": ["x"]}, r'type \(string\) does not match .* \["object"\]'),
        ({"rules": [[]]}, r"type \(array\)"),
        ({"rules": [True]}, r"type \(boolean\)"),
        ({"rules": [1]}, r"type \(integer\)"),
        ({"rules": [1.5]}, r"type \(number\)"),
        ({"rules": [{}]}, r'\(\["action", "rulePriority", "selection"\]\)'),
    ],
)
def test_refuses_other_shapes(value: object, message: str) -> None:
    """An object that is not shaped like a policy is refused with the wrong member."""
    with pytest.raises(PolicyError, match=message):
        parse_policy(json.dumps(value))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([rule(3, **prefixes("a")), rule(3, **prefixes("b"))], "Duplicate priority"),
        ([rule(3, **prefixes("a")), rule(3, **prefixes("a"), **ARCHIVED)], "Duplicate priority"),
        ([rule(1), rule(2)], "Only one rule can specify tagStatus=ANY"),
        ([rule(1, tagStatus="untagged"), rule(2, tagStatus="untagged")], "Only one .* Untagged"),
        ([rule(1), rule(2, tagStatus="untagged")], "must have the lowest priority"),
        ([rule(1, **prefixes("a")), rule(2, **prefixes("a"))], "unique"),
        ([rule(1, **prefixes("a", "b")), rule(2, **prefixes("b", "a"))], "unique"),
        ([rule(1, **patterns("a*")), rule(2, **patterns("a*"))], "unique"),
        *(
            ([value], message)
            for value, message in [
                ({**rule(), "name": "x"}, r'\(\["name"\]\)'),
                ({**rule(), "description": 5}, r'\["string"\]'),
                ({**rule(), "selection": None}, r"type \(null\)"),
                (rule(0), "lower than the required minimum"),
                (rule(-3), "lower than the required minimum"),
                (rule("1"), r'type \(string\) .* \["integer"\]'),
                (rule(1.0), r'type \(number\) .* \["integer"\]'),
                (rule(True), r"type \(boolean\)"),
                (rule(2**31), "Could not map"),
                (rule(countNumber=0), "lower than the required minimum"),
                (rule(countNumber=None), r'\(\["countNumber"\]\)'),
                (rule(countNumber="5"), r'\["integer"\]'),
                (rule(countType="imageCountLessThan"), "not found in enum"),
                (rule(countType=7), r'\["string"\]'),
                (rule(tagStatus="TAGGED"), "not found in enum"),
                (rule(unknown=1), r'\(\["unknown"\]\)'),
                (rule(countUnit="days"), "match exactly one schema"),
                (rule(countType="sinceImagePushed"), "match exactly one schema"),
                (rule(**days("sinceImagePushed", 1) | {"countUnit": "hours"}), "not found in enum"),
                (rule(action={"type": "delete"}), "not found in enum"),
                (rule(action={}), r'\(\["type"\]\)'),
                (
                    rule(action={**EXPIRE, "targetStorageClass": "archive"}),
                    "match exactly one schema",
                ),
                (rule(action={**EXPIRE, "why": "x"}), r'\(\["why"\]\)'),
                (rule(action={"type": "transition"}), "Could not map"),
                (rule(action={**ARCHIVE, "targetStorageClass": "standard"}), "not found in enum"),
                (rule(storageClass="archive"), "STANDARD storage class only"),
                (rule(storageClass="glacier"), "not found in enum"),
                (rule(**days("sinceImagePushed", 1, storageClass="archive")), "STANDARD"),
                (rule(**days("sinceImageTransitioned", 90)), "ARCHIVE storage class only"),
                (
                    rule(**days("sinceImageTransitioned", 90, storageClass="standard")),
                    "ARCHIVE storage class only",
                ),
                (
                    rule(**days("sinceImageTransitioned", 89, storageClass="archive")),
                    "at least 90 days",
                ),
                (rule(action=ARCHIVE, **ARCHIVED), "EXPIRE action only"),
                (rule(**days("sinceImagePulled", 90)), "TRANSITION action only"),
            ]
        ),
        *(
            ([rule(**selection)], message)
            for selection, message in [
                ({"tagStatus": "tagged"}, "Must specify tagPrefixList or tagPatternList"),
                (prefixes(), "Must specify tagPrefixList or tagPatternList"),
                ({**prefixes("a"), "tagPatternList": ["a*"]}, "only one of tagPrefixList or"),
                ({**prefixes("a"), "tagStatus": "any"}, "Cannot specify tagPrefixList .* ANY"),
                (
                    {**patterns("a"), "tagStatus": "untagged"},
                    "Cannot specify tagPatternList .* UNTAGGED",
                ),
                ({**prefixes(), "tagStatus": "untagged"}, "Cannot specify tagPrefixList"),
                (patterns("test*1*2*3*4*5*6"), "Invalid tag pattern"),
                (patterns("*****"), "Invalid tag pattern"),
                (prefixes("a", ""), "too short"),
                ({"tagStatus": "tagged", "tagPrefixList": "a"}, r'\["array"\]'),
                ({"tagStatus": "tagged", "tagPrefixList": [1]}, r'\["string"\]'),
                ({"tagStatus": "tagged", "tagPrefixList": None}, "Must specify"),
            ]
        ),
    ],
)
def test_refuses_rules(rules: list[Any], message: str) -> None:
    """Members with a wrong type or value, and rules that contradict each other, are refused."""
    with pytest.raises(PolicyError, match=message):
        parse_policy(document(*rules))


def test_gives_the_document_back_in_one_form() -> None:
    """The text is compact, in the order of the priorities, with members in a fixed order."""
    text = parse_policy(
        json.dumps(
            {
                "rules": [
                    rule(9, **ARCHIVED),
                    {**rule(2, ARCHIVE, **prefixes("ä")), "description": "first"},
                ]
            },
            indent=4,
        )
    ).text()

    assert text == (
        '{"rules":[{"rulePriority":2,"description":"first","selection":{"tagStatus":"tagged",'
        '"tagPrefixList":["ä"],"countType":"imageCountMoreThan","countNumber":5},'
        '"action":{"type":"transition","targetStorageClass":"archive"}},'
        '{"rulePriority":9,"selection":{"tagStatus":"any","storageClass":"archive",'
        '"countType":"sinceImageTransitioned","countUnit":"days","countNumber":90},'
        '"action":{"type":"expire"}}]}'
    )
