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
from ecr_client.local.wildcards import matches

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
COUNT = "imageCountMoreThan"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def image(name: str, days: float, *tags: str, **more: Any) -> Candidate:
    """Give an image that was pushed so many days ago."""
    return Candidate(digest=name, pushed_at=ago(days), tags=tags, **more)


def rule(
    priority: int,
    count_type: str,
    number: int,
    *prefixes: str,
    action: dict[str, str] = EXPIRE,
    **selection: Any,
) -> dict[str, Any]:
    """Give a rule for tagged images if there are prefixes, else for all."""
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
    """Give the names of the affected images, oldest first, with the rules that affect them."""
    marks = evaluate(parse_policy(json.dumps({"rules": rules})), images, NOW)
    return {mark.image.digest: mark.rule.priority for mark in marks}


BETA_AND_PROD = [
    image("A", 10, "beta-1", "prod-1"),
    image("B", 9, "beta-2", "prod-2"),
    image("C", 8, "beta-3"),
]


def test_guide_multiple_rules_a() -> None:
    """The user guide's example: what rule 1 keeps, rule 2 may not take, though it counts it."""
    result = affected(BETA_AND_PROD, rule(1, COUNT, 1, "prod"), rule(2, COUNT, 1, "beta"))

    assert result == {"A": 1}


def test_guide_multiple_rules_b() -> None:
    """The user guide's example: the same rules in the other order take two images."""
    result = affected(BETA_AND_PROD, rule(1, COUNT, 1, "beta"), rule(2, COUNT, 1, "prod"))

    assert result == {"A": 1, "B": 1}


def test_guide_multiple_tags_a() -> None:
    """The user guide's example: an image has to match all prefixes of a rule."""
    images = [
        image("A", 12, "alpha-1"),
        image("B", 11, "beta-1"),
        image("C", 10, "alpha-2", "beta-2"),
        image("D", 4, "alpha-3"),
        image("E", 3, "beta-3"),
        image("F", 2, "alpha-4", "beta-4"),
    ]

    result = affected(images, rule(1, "sinceImagePushed", 5, "alpha", "beta"))

    assert result == {"C": 1}


def test_guide_multiple_tags_b() -> None:
    """The user guide's example: further tags of an image do not matter."""
    images = [
        image("A", 10, "alpha-1", "beta-1", "gamma-1"),
        image("B", 9, "alpha-2", "beta-2"),
        image("C", 8, "alpha-3", "beta-3", "gamma-2"),
    ]

    result = affected(images, rule(1, COUNT, 1, "alpha", "beta"))

    assert result == {"A": 1, "B": 1}


def test_guide_all_images_a() -> None:
    """The user guide's example: a rule for any image keeps the newest one."""
    images = [image("A", 4, "alpha-1"), image("B", 3, "beta-1"), image("C", 2), image("D", 1, "a")]

    result = affected(images, rule(1, COUNT, 1))

    assert result == {"A": 1, "B": 1, "C": 1}


def test_guide_all_images_b() -> None:
    """The user guide's example: tagged, untagged and any in one policy."""
    images = [
        image("A", 4, "alpha-1", "beta-1"),
        image("B", 3),
        image("C", 2, "alpha-2"),
        image("D", 1.0001, "git hash"),
        image("E", 1),
    ]

    result = affected(
        images,
        rule(1, COUNT, 1, "alpha"),
        rule(2, "sinceImagePushed", 1, tagStatus="untagged"),
        rule(3, COUNT, 1),
    )

    assert result == {"A": 1, "B": 2, "D": 3}


def test_priority_is_the_number_not_the_place() -> None:
    """Rules apply by their numbers, whatever their order in the document."""
    result = affected(BETA_AND_PROD, rule(20, COUNT, 1, "beta"), rule(3, COUNT, 1, "prod"))

    assert result == {"A": 3}


def test_a_rule_that_keeps_everything_protects() -> None:
    """Images that a rule looks at and leaves alone are safe from all lower rules."""
    images = [image("A", 400, "release-1"), image("B", 300, "build-1")]

    result = affected(images, rule(1, COUNT, 1000, "release-"), rule(2, "sinceImagePushed", 30))

    assert result == {"B": 2}


@pytest.mark.parametrize(("days", "taken"), [(13.99, False), (14, False), (14.00001, True)])
def test_age_is_older_than(days: float, taken: bool) -> None:
    """An image is affected once it is older than the number of days, not at that age."""
    result = affected([image("A", days)], rule(1, "sinceImagePushed", 14))

    assert bool(result) is taken


def test_more_days_than_time_has() -> None:
    """The largest number that a policy may have affects nothing and breaks nothing."""
    assert affected([image("A", 3000)], rule(1, "sinceImagePushed", 2**31 - 1)) == {}


@pytest.mark.parametrize(("keep", "taken"), [(1, "CBA"), (2, "CB"), (3, "C"), (4, ""), (9, "")])
def test_count_keeps_the_newest(keep: int, taken: str) -> None:
    """The newest images stay; the marks come oldest first."""
    images = [image("A", 2), image("D", 1), image("C", 4), image("B", 3)]

    assert "".join(affected(images, rule(1, COUNT, keep))) == taken


def test_same_moment_is_settled() -> None:
    """Of images pushed at the same moment always the same ones go, in whatever order they come."""
    images = [image(name, 5) for name in "ABCD"]

    results = {
        tuple(affected(list(order), rule(1, COUNT, 2))) for order in itertools.permutations(images)
    }

    assert len(results) == 1


@pytest.mark.parametrize(
    ("pattern", "tag", "expected"),
    [
        ("prod*", "prod", True),
        ("prod*", "production-team1", True),
        ("prod*", "repo-prod", False),
        ("*prod*", "repo-production", True),
        ("*prod*", "prod-team", True),
        ("prod", "prod", True),
        ("prod", "prod1", False),
        ("*", "anything", True),
        ("*", "", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a.b.c", True),
        ("a*b*c", "acb", False),
        ("*ab*ab", "ab", False),
        ("*ab*ab", "abab", True),
        ("v1.*", "v1x2", False),
        ("v[0-9]*", "v1", False),
        ("a?c", "abc", False),
        ("**", "x", True),
    ],
)
def test_wildcards(pattern: str, tag: str, expected: bool) -> None:
    """An asterisk stands for any text, and nothing else is special."""
    assert matches(pattern, tag) is expected


def test_wildcards_agree_with_regular_expressions() -> None:
    """Over a small alphabet, patterns match what the regular expression for them matches."""
    alphabet = ["".join(letters) for n in range(5) for letters in itertools.product("ab", repeat=n)]
    patterns = ["".join(letters) for letters in itertools.product("a*b", repeat=5)]

    wrong = [
        (pattern, text)
        for pattern in patterns
        for text in alphabet
        if matches(pattern, text) != bool(re.fullmatch(pattern.replace("*", ".*"), text))
    ]

    assert wrong == []


def test_patterns_all_have_to_match() -> None:
    """Every pattern has to match some tag of the image, and one tag may match several."""
    images = [
        image("A", 9, "v1-rc"),
        image("B", 8, "v1", "x-rc"),
        image("C", 7, "v1"),
        image("D", 6),
    ]
    selection: dict[str, Any] = {"tagStatus": "tagged", "tagPatternList": ["v*", "*-rc"]}

    result = affected(images, rule(1, "sinceImagePushed", 1, **selection))

    assert result == {"A": 1, "B": 1}


def test_prefixes_take_an_asterisk_as_it_is() -> None:
    """A prefix has no wildcards."""
    assert affected([image("A", 9, "v1")], rule(1, "sinceImagePushed", 1, "*")) == {}


PULLED = rule(1, "sinceImagePulled", 30, action=ARCHIVE)


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ({}, True),
        ({"pulled_at": ago(31)}, True),
        ({"pulled_at": ago(29)}, False),
        ({"activated_at": ago(29)}, False),
        ({"activated_at": ago(31)}, True),
        ({"pulled_at": ago(31), "activated_at": ago(29)}, False),
        ({"pulled_at": ago(29), "activated_at": ago(31)}, False),
        ({"pulled_at": ago(90), "activated_at": ago(31)}, True),
    ],
)
def test_since_pulled(times: dict[str, datetime], taken: bool) -> None:
    """The last pull counts, or the push if there was none, or a restoration after either."""
    assert bool(affected([image("A", 200, **times)], PULLED)) is taken


def test_restored_images_are_young() -> None:
    """An image that was restored from the archive is as old as its restoration."""
    images = [image("A", 300, activated_at=ago(1)), image("B", 5), image("C", 2)]

    assert affected(images, rule(1, COUNT, 1)) == {"B": 1, "C": 1}
    assert affected(images, rule(1, "sinceImagePushed", 3)) == {"B": 1}


TRANSITIONED = rule(5, "sinceImageTransitioned", 90, storageClass="archive")


def test_since_transitioned() -> None:
    """Archived images expire by the time in the archive, not by their age."""
    images = [
        image("A", 500),
        image("B", 500, archived_at=ago(91)),
        image("C", 500, archived_at=ago(89)),
    ]

    assert affected(images, TRANSITIONED) == {"B": 5}


def test_standard_rules_do_not_see_archived_images() -> None:
    """Archived images are neither counted nor taken by rules of the standard storage class."""
    images = [image("A", 1, archived_at=ago(0.5)), image("B", 3), image("C", 2)]

    assert affected(images, rule(1, COUNT, 2)) == {}
    assert affected(images, rule(1, COUNT, 1)) == {"B": 1}


def test_rules_of_another_storage_class_do_not_protect() -> None:
    """A rule for any standard image does not shield archived ones from a rule below it."""
    images = [image("A", 500), image("B", 500, archived_at=ago(100))]

    result = affected(images, rule(1, COUNT, 10), TRANSITIONED)

    assert result == {"B": 5}


UNTAGGED = rule(1, "sinceImagePushed", 7, tagStatus="untagged")


def test_referenced_images_stay() -> None:
    """What a manifest list references does not expire while the list stays."""
    images = [
        image("list", 20, "v1", references=("amd64", "arm64")),
        image("amd64", 20),
        image("arm64", 20),
        image("other", 20),
    ]

    assert affected(images, UNTAGGED) == {"other": 1}


def test_referenced_images_go_with_their_list() -> None:
    """What a manifest list references expires with it, if a rule takes it."""
    images = [image("list", 20, references=("child",)), image("child", 20)]

    assert affected(images, UNTAGGED) == {"child": 1, "list": 1}


def test_referenced_images_need_a_rule_of_their_own() -> None:
    """That a manifest list goes is no reason for its images to go."""
    images = [image("list", 20, "v1", references=("child",)), image("child", 20)]

    assert affected(images, rule(1, "sinceImagePushed", 7, "v")) == {"list": 1}


def test_every_list_protects() -> None:
    """An image stays as long as one of its manifest lists stays, through lists of lists."""
    images = [
        image("top", 20, "v1", references=("middle",)),
        image("middle", 20, references=("child",)),
        image("gone", 20, references=("child",)),
        image("child", 20),
    ]

    assert affected(images, UNTAGGED) == {"gone": 1}


def test_archiving_a_list_does_not_expire_its_images() -> None:
    """A list that is archived can be restored, so its images may be archived but not deleted."""
    images = [image("list", 20, "v1", references=("child",)), image("child", 20)]
    archive_list = rule(1, "sinceImagePushed", 7, "v", action=ARCHIVE)
    archived = [
        image("list", 20, "v1", references=("child",), archived_at=ago(3)),
        image("child", 20),
    ]
    expire_rest = rule(2, "sinceImagePushed", 7)
    archive_rest = rule(2, "sinceImagePushed", 7, action=ARCHIVE)

    assert affected(images, archive_list, expire_rest) == {"list": 1}
    assert affected(images, archive_list, archive_rest) == {"child": 2, "list": 1}
    assert affected(archived, expire_rest) == {}
    assert affected(archived, archive_rest) == {"child": 2}


def test_rules_leave_artifacts_to_their_subject() -> None:
    """Signatures are not taken while their subject is there."""
    images = [
        image("app", 9, "v1"),
        image("signature", 8, subject="app"),
        image("orphan", 7, subject="gone"),
        image("plain", 6),
    ]

    assert affected(images, rule(1, COUNT, 1)) == {"app": 1, "orphan": 1}


SIGNED = [
    image("app1", 9, "v1"),
    image("signature1", 8, subject="app1"),
    image("app2", 7, "v2"),
    image("signature2", 6, subject="app2"),
]


@pytest.mark.parametrize(
    ("keep", "taken"),
    [(1, {"app1", "app2"}), (2, {"app1"}), (3, {"app1"}), (4, set())],
)
def test_rules_count_artifacts(keep: int, taken: set[str]) -> None:
    """A rule that keeps a number of images of any tag counts their signatures as well."""
    assert set(affected(SIGNED, rule(1, COUNT, keep))) == taken


def test_rules_count_what_they_select() -> None:
    """A rule for tagged images counts no signatures, and one for untagged images counts only such.

    What such a rule counts too many is left to its subject.
    """
    untagged = {**rule(1, COUNT, 1)["selection"], "tagStatus": "untagged"}

    assert affected(SIGNED, rule(1, COUNT, 1, "v")) == {"app1": 1}
    assert affected(SIGNED, {**rule(1, COUNT, 1), "selection": untagged}) == {}
    assert affected(
        [*SIGNED, image("plain", 10)],
        {**rule(1, COUNT, 2), "selection": {**untagged, "countNumber": 2}},
    ) == {"plain": 1}


def test_nothing_to_do() -> None:
    """An empty repository has nothing to affect."""
    assert affected([], rule(1, COUNT, 1)) == {}


# What follows compares with a second evaluator, which is written from the guide's sentences one by
# one, without regard to speed.


def oracle(policy: Policy, images: list[Candidate]) -> dict[str, int]:
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
