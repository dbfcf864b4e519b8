"""Lifecycle policy documents: what is accepted and returned, and which images they affect."""

from __future__ import annotations

import itertools
import json
import random
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecr_client.local.lifecycle import (
    Action,
    Candidate,
    CountType,
    Policy,
    PolicyError,
    Rule,
    StorageClass,
    TagStatus,
    evaluate,
    parse_policy,
)

EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


def rule(priority: object = 1, action: object = None, **selection: object) -> dict[str, Any]:
    """Return a rule for all images with some members changed; None removes a member."""
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
    """A rule has everything that the document specifies."""
    text = document(
        {
            **rule(7, ARCHIVE, **patterns("v*", "*-rc"), **days("sinceImagePulled", 30)),
            "description": "Archive what nobody pulls",
        }
    )

    [read] = parse_policy(text).rules

    assert (read.priority, read.count) == (7, 30)
    assert read.description == "Archive what nobody pulls"
    assert read.tag_status is TagStatus.TAGGED
    assert (read.tags, read.by_pattern) == (("v*", "*-rc"), True)
    assert read.count_type is CountType.SINCE_IMAGE_PULLED
    assert read.storage_class is StorageClass.STANDARD
    assert read.action is Action.TRANSITION


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
    """Everything that the user guide allows is accepted, also in the form that is returned."""
    policy = parse_policy(document(*rules))

    assert len(policy.rules) == len(rules)
    assert parse_policy(policy.text()) == policy


@pytest.mark.parametrize(
    "text",
    [
        *("", "not json", "[]", '"rules"', "7", "null", '{"rules": [}', '{"rules": NaN}'),
        *("[" * 30_000, '{"rules":' * 3_000, '{"rules": ' + "9" * 5_000 + "}"),
    ],
    ids=lambda text: text[:15],
)
def test_refuses_other_documents(text: str) -> None:
    """A string that is not a JSON object is refused, however deep or long it is."""
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
    """An object that does not have the shape of a policy is refused, naming the wrong member."""
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
                (rule(action={**ARCHIVE, **EXPIRE}), "match exactly one schema"),
                (rule(action={**EXPIRE, "why": "x"}), r'\(\["why"\]\)'),
                (rule(action={"type": "transition"}), "Could not map"),
                (rule(action={**ARCHIVE, "targetStorageClass": "standard"}), "not found in enum"),
                (rule(storageClass="archive"), "STANDARD storage class only"),
                (rule(storageClass="glacier"), "not found in enum"),
                (rule(**days("sinceImagePushed", 1, storageClass="archive")), "STANDARD"),
                (rule(**days("sinceImageTransitioned", 90)), "ARCHIVE storage class only"),
                (rule(**{**ARCHIVED, "storageClass": "standard"}), "ARCHIVE storage class only"),
                (rule(**{**ARCHIVED, "countNumber": 89}), "at least 90 days"),
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
                ({**patterns("a"), "tagStatus": "untagged"}, "tagPatternList .* UNTAGGED"),
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


def test_normal_form() -> None:
    """The document is returned compact, sorted by priority, and with members in a fixed order."""
    first = {**rule(2, ARCHIVE, **prefixes("ä")), "description": "first"}
    policy = parse_policy(json.dumps({"rules": [rule(9, **ARCHIVED), first]}, indent=4))

    assert [one.priority for one in policy.rules] == [2, 9]
    assert policy.text() == (
        '{"rules":[{"rulePriority":2,"description":"first","selection":{"tagStatus":"tagged",'
        '"tagPrefixList":["ä"],"countType":"imageCountMoreThan","countNumber":5},'
        '"action":{"type":"transition","targetStorageClass":"archive"}},'
        '{"rulePriority":9,"selection":{"tagStatus":"any","storageClass":"archive",'
        '"countType":"sinceImageTransitioned","countUnit":"days","countNumber":90},'
        '"action":{"type":"expire"}}]}'
    )


# --- which images are affected --------------------------------------------------------------------

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
COUNT = "imageCountMoreThan"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def image(name: str, days: float, *tags: str, **more: Any) -> Candidate:
    """Return an image that was pushed a number of days ago."""
    return Candidate(digest=name, pushed_at=ago(days), tags=tags, **more)


def counted(
    priority: int, count_type: str, number: int, *texts: str, **selection: Any
) -> dict[str, Any]:
    """Return a rule that expires images, only tagged ones if there are prefixes."""
    unit = {} if count_type == COUNT else {"countUnit": "days"}
    chosen = {**(prefixes(*texts) if texts else {}), **unit, **selection}
    return rule(priority, countType=count_type, countNumber=number, **chosen)


def affected(images: list[Candidate], *rules: dict[str, Any]) -> dict[str, int]:
    """Return the names of the affected images, oldest first, with the priorities of their rules."""
    marks = evaluate(parse_policy(document(*rules)), images, NOW)
    return {mark.image.digest: mark.rule.priority for mark in marks}


BETA_AND_PROD = [
    image("A", 10, "beta-1", "prod-1"),
    image("B", 9, "beta-2", "prod-2"),
    image("C", 8, "beta-3"),
]
#: From the user guide: images, rules, and the rule that affects each image.
EXAMPLES: dict[str, tuple[list[Candidate], list[dict[str, Any]], dict[str, int]]] = {
    "multiple rules A": (
        BETA_AND_PROD,
        [counted(1, COUNT, 1, "prod"), counted(2, COUNT, 1, "beta")],
        {"A": 1},
    ),
    "multiple rules B": (
        BETA_AND_PROD,
        [counted(1, COUNT, 1, "beta"), counted(2, COUNT, 1, "prod")],
        {"A": 1, "B": 1},
    ),
    "multiple tags A": (
        [
            *(image("A", 12, "alpha-1"), image("B", 11, "beta-1")),
            *(image("C", 10, "alpha-2", "beta-2"), image("D", 4, "alpha-3")),
            *(image("E", 3, "beta-3"), image("F", 2, "alpha-4", "beta-4")),
        ],
        [counted(1, "sinceImagePushed", 5, "alpha", "beta")],
        {"C": 1},
    ),
    "multiple tags B": (
        [
            *(image("A", 10, "alpha-1", "beta-1", "gamma-1"), image("B", 9, "alpha-2", "beta-2")),
            image("C", 8, "alpha-3", "beta-3", "gamma-2"),
        ],
        [counted(1, COUNT, 1, "alpha", "beta")],
        {"A": 1, "B": 1},
    ),
    "all images A": (
        [image("A", 4, "alpha-1"), image("B", 3, "beta-1"), image("C", 2), image("D", 1, "a")],
        [counted(1, COUNT, 1)],
        {"A": 1, "B": 1, "C": 1},
    ),
    "all images B": (
        [
            *(image("A", 4, "alpha-1", "beta-1"), image("B", 3), image("C", 2, "alpha-2")),
            *(image("D", 1.0001, "git hash"), image("E", 1)),
        ],
        [
            counted(1, COUNT, 1, "alpha"),
            counted(2, "sinceImagePushed", 1, tagStatus="untagged"),
            counted(3, COUNT, 1),
        ],
        {"A": 1, "B": 2, "D": 3},
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_guide(name: str) -> None:
    """The examples of the user guide have the results that it documents."""
    images, rules, expected = EXAMPLES[name]

    assert affected(images, *rules) == expected


@pytest.mark.parametrize(("days", "taken"), [(13.99, False), (14, False), (14.00001, True)])
def test_age_is_older_than(days: float, taken: bool) -> None:
    """An image is affected once it is older than the number of days, however large that is."""
    images = [image("A", days)]

    assert bool(affected(images, counted(1, "sinceImagePushed", 14))) is taken
    assert affected(images, counted(1, "sinceImagePushed", 2**31 - 1)) == {}


def test_ties_are_deterministic() -> None:
    """Of images pushed at the same moment, the same ones are affected in any input order."""
    images = [image(name, 5) for name in "ABCD"]
    results = {
        tuple(affected(list(order), counted(1, COUNT, 2)))
        for order in itertools.permutations(images)
    }

    assert len(results) == 1


def oracle(policy: Policy, images: list[Candidate]) -> dict[str, int]:
    """Evaluate a policy literally, sentence by sentence as in the guide, at any cost."""

    def identifies(one: Rule, it: Candidate) -> bool:
        if (it.archived_at is not None) != (one.storage_class is StorageClass.ARCHIVE):
            return False
        if one.tag_status is TagStatus.ANY:
            return True
        if one.tag_status is TagStatus.UNTAGGED:
            return len(it.tags) == 0
        for wanted in one.tags:
            text = (
                re.escape(wanted).replace(r"\*", ".*")
                if one.by_pattern
                else re.escape(wanted) + ".*"
            )
            if not [tag for tag in it.tags if re.fullmatch(text, tag)]:
                return False
        return True

    def age(it: Candidate) -> tuple[datetime, str]:
        return (it.archived_at or it.activated_at or it.pushed_at, it.digest)

    def would_mark(one: Rule, it: Candidate) -> bool:
        if one.count_type is CountType.IMAGE_COUNT_MORE_THAN:
            newer = [o for o in images if identifies(one, o) and age(o) > age(it)]
            return len(newer) >= one.count
        since = age(it)[0]
        if one.count_type is CountType.SINCE_IMAGE_PULLED and it.pulled_at:
            since = max(it.pulled_at, it.activated_at or it.pulled_at)
        return since < NOW - timedelta(days=one.count)

    by_digest = {it.digest: it for it in images}
    result: dict[str, Rule] = {}
    for it in images:
        if it.subject in by_digest:
            continue
        rules = [one for one in policy.rules if identifies(one, it)]
        if rules:
            first = min(rules, key=lambda one: one.priority)
            if would_mark(first, it):
                result[it.digest] = first

    def blocked(digest: str) -> bool:
        expires = result[digest].action is Action.EXPIRE
        for other in images:
            if digest in other.references:
                mark = result.get(other.digest)
                if expires and (mark is None or mark.action is not Action.EXPIRE):
                    return True
                if not expires and mark is None and by_digest[other.digest].archived_at is None:
                    return True
        return False

    while any(blocked(digest) for digest in result):
        del result[next(digest for digest in result if blocked(digest))]
    return {digest: one.priority for digest, one in result.items()}


TAGS = ["a", "ab", "b", "ba", "abc", "prod", "prod-a"]


def some_images(chance: random.Random) -> list[Candidate]:
    names = [f"i{number}" for number in range(chance.randrange(12))]
    return [
        image(
            name,
            chance.choice([1, 2, 3, 5, 8, 40, 100, 200]),
            *chance.sample(TAGS, chance.choice([0, 0, 1, 2])),
            pulled_at=chance.choice([None, None, ago(1), ago(50)]),
            activated_at=chance.choice([None, None, None, ago(2), ago(60)]),
            archived_at=chance.choice([None, None, None, ago(1), ago(95), ago(150)]),
            references=tuple(chance.sample(names[:number], min(number, chance.choice([0, 0, 2])))),
            subject=chance.choice([None, None, None, "i0", "elsewhere"]) if number else None,
        )
        for number, name in enumerate(names)
    ]


def some_policy(chance: random.Random) -> Policy:
    rules = []
    for priority in range(1, chance.randrange(2, 7)):
        tags = tuple(chance.sample(["a", "b", "a*", "*b", "prod", "*"], chance.choice([1, 1, 2])))
        status = chance.choice(list(TagStatus))
        count_type = chance.choice(list(CountType))
        archive = count_type is CountType.SINCE_IMAGE_TRANSITIONED
        rules.append(
            Rule(
                priority=priority,
                description=None,
                tag_status=status,
                tags=tags if status is TagStatus.TAGGED else (),
                by_pattern=chance.random() < 0.5,
                storage_class=StorageClass.ARCHIVE if archive else StorageClass.STANDARD,
                count_type=count_type,
                count=chance.choice([1, 2, 4, 30, 90]),
                action=Action.EXPIRE if archive else chance.choice(list(Action)),
            )
        )
    return Policy(tuple(rules))


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_the_oracle(seed: int) -> None:
    """On random repositories and policies, images and rules are those of the literal evaluation."""
    chance = random.Random(seed)

    for _ in range(100):
        policy, images = some_policy(chance), some_images(chance)
        marks = evaluate(policy, images, NOW)
        times = [mark.image.archived_at or mark.image.active_since for mark in marks]

        assert {mark.image.digest: mark.rule.priority for mark in marks} == oracle(policy, images)
        assert times == sorted(times)
