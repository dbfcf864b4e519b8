"""Reading a lifecycle policy document and checking it as the service does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from ecr_client.local.lifecycle import schema
from ecr_client.local.lifecycle.policy import (
    Action,
    CountType,
    Policy,
    Rule,
    StorageClass,
    TagStatus,
)
from ecr_client.local.lifecycle.schema import PolicyError

#: "There is a maximum limit of four wildcards (*) per string."
MOST_WILDCARDS = 4
#: "Archived images have a minimum storage duration of 90 days. You cannot configure lifecycle
#: policies that delete images that have been in archive for less than 90 days."
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
LEAST_DAYS_ARCHIVED = 90


def parse_policy(text: str) -> Policy:
    """Return the policy that a document expresses.

    Raises:
        PolicyError: The document is not JSON, or not a valid policy.
    """
    document = schema.as_object(_json(text), (schema.RULES,), frozenset({schema.RULES}))
    rules = [_rule(one) for one in schema.as_list(document[schema.RULES], 1, schema.MOST_RULES)]
    if len({rule.priority for rule in rules}) < len(rules):
        raise PolicyError("Duplicate priority in multiple rules")
    for storage_class in StorageClass:
        _check_together([rule for rule in rules if rule.storage_class is storage_class])
    return Policy(tuple(sorted(rules, key=lambda rule: rule.priority)))


def _json(text: str) -> Any:
    try:
        value = orjson.loads(text)
    except ValueError:
        raise PolicyError(schema.NOT_A_POLICY) from None
    if not isinstance(value, dict):
        raise PolicyError(schema.NOT_A_POLICY)
    return value


def _rule(value: object) -> Rule:
    members = schema.as_object(value, schema.RULE_REQUIRED, schema.RULE_MEMBERS)
    selection = schema.as_object(
        members["selection"], schema.SELECTION_REQUIRED, schema.SELECTION_MEMBERS
    )
    tag_status = TagStatus(schema.as_choice(selection["tagStatus"], _values(TagStatus)))
    count_type = CountType(schema.as_choice(selection["countType"], _values(CountType)))
    tags, by_pattern = _tags(selection, tag_status)
    rule = Rule(
        priority=schema.as_number(members["rulePriority"]),
        description=schema.as_string(members["description"]) if "description" in members else None,
        tag_status=tag_status,
        tags=tags,
        by_pattern=by_pattern,
        storage_class=_storage_class(selection, count_type),
        count_type=count_type,
        count=schema.as_number(selection["countNumber"]),
        action=_action(members["action"]),
    )
    _check_unit(selection, count_type)
    _check_action(rule)
    return rule


def _values(enum: type[TagStatus | CountType | StorageClass | Action]) -> tuple[str, ...]:
    return tuple(member.value for member in enum)


def _tags(selection: dict[str, Any], status: TagStatus) -> tuple[tuple[str, ...], bool]:
    given = {
        name: schema.as_strings(selection[name])
        for name in ("tagPrefixList", "tagPatternList")
        if name in selection
    }
    if status is not TagStatus.TAGGED:
        if given:
            raise PolicyError(
                f"Cannot specify {next(iter(given))} with tagStatus {status.value.upper()}"
            )
        return (), False
    if len(given) > 1:
        raise PolicyError(
            "If policy has a tagged rule, it must specify only one of tagPrefixList or "
            "tagPatternList"
        )
    name, strings = next(iter(given.items()), ("", ()))
    if not strings:
        raise PolicyError("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED")
    by_pattern = name == "tagPatternList"
    if by_pattern and any(text.count("*") > MOST_WILDCARDS for text in strings):
        raise PolicyError("Invalid tag pattern provided")
    return strings, by_pattern


def _storage_class(selection: dict[str, Any], count_type: CountType) -> StorageClass:
    given = selection.get("storageClass", StorageClass.STANDARD.value)
    chosen = StorageClass(schema.as_choice(given, _values(StorageClass)))
    transitioned = count_type is CountType.SINCE_IMAGE_TRANSITIONED
    if transitioned and chosen is not StorageClass.ARCHIVE:
        raise PolicyError("SINCE_IMAGE_TRANSITIONED supports the ARCHIVE storage class only")
    if not transitioned and chosen is not StorageClass.STANDARD:
        raise PolicyError(
            "SINCE_IMAGE_PUSHED, SINCE_IMAGE_PULLED and IMAGE_COUNT_MORE_THAN support the "
            "STANDARD storage class only"
        )
    return chosen


def _check_unit(selection: dict[str, Any], count_type: CountType) -> None:
    counts_images = count_type is CountType.IMAGE_COUNT_MORE_THAN
    if "countUnit" in selection:
        schema.as_choice(selection["countUnit"], ("days",))
    # The service has two schemas, with and without a unit, and its message says no more.
    if counts_images == ("countUnit" in selection):
        raise PolicyError("instance failed to match exactly one schema (matched 0 out of 2)")


def _action(value: object) -> Action:
    members = schema.as_object(value, schema.ACTION_REQUIRED, schema.ACTION_MEMBERS)
    action = Action(schema.as_choice(members["type"], _values(Action)))
    if action is Action.EXPIRE and "targetStorageClass" in members:
        raise PolicyError("instance failed to match exactly one schema (matched 0 out of 2)")
    if action is Action.TRANSITION:
        if "targetStorageClass" not in members:
            raise PolicyError(schema.NOT_A_POLICY)
        schema.as_choice(members["targetStorageClass"], (StorageClass.ARCHIVE.value,))
    return action


def _check_action(rule: Rule) -> None:
    # By the evaluation rules, sinceImagePulled archives and sinceImageTransitioned expires.
    if rule.count_type is CountType.SINCE_IMAGE_PULLED and rule.action is Action.EXPIRE:
        raise PolicyError("SINCE_IMAGE_PULLED supports the TRANSITION action only")
    if rule.count_type is CountType.SINCE_IMAGE_TRANSITIONED:
        if rule.action is not Action.EXPIRE:
            raise PolicyError("SINCE_IMAGE_TRANSITIONED supports the EXPIRE action only")
        if rule.count < LEAST_DAYS_ARCHIVED:
            raise PolicyError(
                "countNumber of SINCE_IMAGE_TRANSITIONED must be at least "
                f"{LEAST_DAYS_ARCHIVED} days"
            )


def _check_together(rules: list[Rule]) -> None:
    """Check that rules of one storage class do not contradict each other."""
    statuses = Counter(rule.tag_status for rule in rules)
    if statuses[TagStatus.ANY] > 1:
        raise PolicyError("Only one rule can specify tagStatus=ANY per storage class")
    if statuses[TagStatus.UNTAGGED] > 1:
        raise PolicyError("Only one rule can select Untagged images per storage class")
    lowest = max((rule.priority for rule in rules), default=0)
    if any(rule.tag_status is TagStatus.ANY and rule.priority != lowest for rule in rules):
        raise PolicyError("Rule for tagStatus=ANY must have the lowest priority per storage class")
    # "The set of all rules selecting a specific storage class must contain a unique set of
    # prefixes": two rules may share a prefix, but not all of them.
    selected = Counter((rule.by_pattern, frozenset(rule.tags)) for rule in rules if rule.tags)
    if any(times > 1 for times in selected.values()):
        raise PolicyError("Rules must have unique tagPrefixList or tagPatternList values")
