"""Which images a lifecycle policy affects."""

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
    Rule,
    StorageClass,
    TagStatus,
    evaluate,
    parse_policy,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
EXPIRE = {"type": "expire"}
COUNT = "imageCountMoreThan"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def image(name: str, days: float, *tags: str, **more: Any) -> Candidate:
    """Return an image that was pushed a number of days ago."""
    return Candidate(digest=name, pushed_at=ago(days), tags=tags, **more)


def rule(
    priority: int,
    count_type: str,
    number: int,
    *prefixes: str,
    action: dict[str, str] = EXPIRE,
    **selection: Any,
) -> dict[str, Any]:
    """Return a rule for tagged images if there are prefixes, else for all."""
    status = (
        {"tagStatus": "tagged", "tagPrefixList": prefixes} if prefixes else {"tagStatus": "any"}
    )
    unit = {} if count_type == COUNT else {"countUnit": "days"}
    counting = {"countType": count_type, "countNumber": number, **unit}
    return {
        "rulePriority": priority,
        "selection": {**status, **counting, **selection},
        "action": action,
    }


def affected(images: list[Candidate], *rules: dict[str, Any]) -> dict[str, int]:
    """Return the names of the affected images, oldest first, with their rules."""
    marks = evaluate(parse_policy(json.dumps({"rules": rules})), images, NOW)
    return {mark.image.digest: mark.rule.priority for mark in marks}


BETA_AND_PROD = [
    image("A", 10, "beta-1", "prod-1"),
    image("B", 9, "beta-2", "prod-2"),
    image("C", 8, "beta-3"),
]


@pytest.mark.parametrize(
    ("images", "rules", "expected"),
    [
        pytest.param(
            BETA_AND_PROD,
            [rule(1, COUNT, 1, "prod"), rule(2, COUNT, 1, "beta")],
            {"A": 1},
            id="multiple rules A",
        ),
        pytest.param(
            BETA_AND_PROD,
            [rule(1, COUNT, 1, "beta"), rule(2, COUNT, 1, "prod")],
            {"A": 1, "B": 1},
            id="multiple rules B",
        ),
        pytest.param(
            [
                *(image("A", 12, "alpha-1"), image("B", 11, "beta-1")),
                *(image("C", 10, "alpha-2", "beta-2"), image("D", 4, "alpha-3")),
                *(image("E", 3, "beta-3"), image("F", 2, "alpha-4", "beta-4")),
            ],
            [rule(1, "sinceImagePushed", 5, "alpha", "beta")],
            {"C": 1},
            id="multiple tags A",
        ),
        pytest.param(
            [
                image("A", 10, "alpha-1", "beta-1", "gamma-1"),
                image("B", 9, "alpha-2", "beta-2"),
                image("C", 8, "alpha-3", "beta-3", "gamma-2"),
            ],
            [rule(1, COUNT, 1, "alpha", "beta")],
            {"A": 1, "B": 1},
            id="multiple tags B",
        ),
        pytest.param(
            [image("A", 4, "alpha-1"), image("B", 3, "beta-1"), image("C", 2), image("D", 1, "a")],
            [rule(1, COUNT, 1)],
            {"A": 1, "B": 1, "C": 1},
            id="all images A",
        ),
        pytest.param(
            [
                *(image("A", 4, "alpha-1", "beta-1"), image("B", 3), image("C", 2, "alpha-2")),
                *(image("D", 1.0001, "git hash"), image("E", 1)),
            ],
            [
                rule(1, COUNT, 1, "alpha"),
                rule(2, "sinceImagePushed", 1, tagStatus="untagged"),
                rule(3, COUNT, 1),
            ],
            {"A": 1, "B": 2, "D": 3},
            id="all images B",
        ),
    ],
)
def test_examples_of_the_guide(
    images: list[Candidate], rules: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    """The examples of the user guide have the results that it documents."""
    assert affected(images, *rules) == expected


@pytest.mark.parametrize(("days", "taken"), [(13.99, False), (14, False), (14.00001, True)])
def test_age_is_older_than(days: float, taken: bool) -> None:
    """An image is affected once it is older than the number of days, not at that age."""
    assert bool(affected([image("A", days)], rule(1, "sinceImagePushed", 14))) is taken


def test_more_days_than_time_has() -> None:
    """The largest number that a policy may have affects nothing and breaks nothing."""
    assert affected([image("A", 3000)], rule(1, "sinceImagePushed", 2**31 - 1)) == {}


def test_ties_are_broken_alike() -> None:
    """Of images pushed at the same moment the same ones go, in whatever order they are given."""
    images = [image(name, 5) for name in "ABCD"]
    results = {
        tuple(affected(list(order), rule(1, COUNT, 2))) for order in itertools.permutations(images)
    }

    assert len(results) == 1


def oracle(policy: Policy, images: list[Candidate]) -> dict[str, int]:
    """Evaluate a policy sentence by sentence as the guide says, without regard to speed."""

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
def test_agrees_with_the_plain_reading_of_the_guide(seed: int) -> None:
    """On random repositories and policies, the images and rules are those of the slow evaluator."""
    chance = random.Random(seed)

    for _ in range(100):
        policy, images = some_policy(chance), some_images(chance)
        marks = evaluate(policy, images, NOW)
        times = [mark.image.archived_at or mark.image.active_since for mark in marks]

        assert {mark.image.digest: mark.rule.priority for mark in marks} == oracle(policy, images)
        assert times == sorted(times)
