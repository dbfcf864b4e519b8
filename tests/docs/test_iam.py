"""The policies of the guide allow exactly what the code next to them needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException
from ecr_client.local import LocalECR
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import HANDLERS
from ecr_client.local.permissions import (
    REQUEST_ACTIONS,
    RESOURCE_TYPES,
    Permissions,
    ResourceType,
    actions_of,
)
from ecr_client.local.policy_evaluation import Decision, Principal, evaluate
from ecr_client.local.registry import RegistryKey

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "iam.md").read_text("utf-8")
ROLE = "arn:aws:iam::123456789012:role/task"
#: The clients in the code of the tasks, with their regions.
CLIENTS = {"client": "eu-west-1", "central": "eu-central-1"}


def between(start: str, end: str) -> str:
    """Return the part of the page between two lines."""
    return TEXT.partition(f"\n{start}\n")[2].partition(f"\n{end}")[0]


def code(text: str) -> str:
    """Return the Python code in a part of the page."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


SETUP = code(TEXT.partition("\n## Tasks\n")[0])
#: The code and the policy of each task, by its heading.
TASKS: dict[str, tuple[str, Any]] = {
    part.partition("\n")[0]: (
        code(part),
        json.loads(part.partition("```json\n")[2].partition("```\n")[0]),
    )
    for part in between("## Tasks", "## ").split("\n### ")[1:]
}
OPTIONS = re.findall(r"^\| `(.*)` \| `ecr:(\w+)` \|$", TEXT, re.MULTILINE)
#: The task whose policy an option adds to.
TASK_OF = {"push_image": "Push", "pull_image": "Pull", "copy_image": "Copy to another region"}


class IdentityPolicy:
    """Evaluates the role's policy for each action, also within its own account."""

    def __init__(self) -> None:
        self.policy: Any = None
        self.needed: set[tuple[str, str]] = set()
        self.refused: set[str] = set()

    def check(self, principal: Principal, action: str, resource: str) -> None:
        """Raise an error if the role's policy does not allow an action."""
        if principal.arn != ROLE or self.policy is None:
            return
        self.needed.add((action, resource))
        if not self.allows(action, resource):
            self.refused.add(action)
            raise ServiceError("AccessDeniedException", f"the policy does not allow {action}")

    def allows(self, action: str, resource: str) -> bool:
        """Return whether the policy allows an action, by evaluating it as a resource policy."""
        statements = [{**each, "Principal": "*"} for each in self.policy["Statement"]]
        decision = evaluate(
            [json.dumps({**self.policy, "Statement": statements})],
            principal=Principal(ROLE),
            action=action,
            resource=resource,
        )
        return decision is Decision.ALLOWED

    @property
    def actions(self) -> set[str]:
        """The actions that were needed."""
        return {action for action, _ in self.needed}


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> IdentityPolicy:
    """Make the next local ECR evaluate a policy of the role."""
    found = IdentityPolicy()

    class Evaluated(Permissions):
        def check_operation(
            self, principal: Principal, region: str, operation: str, members: Mapping[str, Any]
        ) -> None:
            if RESOURCE_TYPES[operation] is ResourceType.OWN:
                for action in actions_of(operation, members):
                    found.check(principal, f"ecr:{action}", "*")
            super().check_operation(principal, region, operation, members)

        def check(
            self, principal: Principal, registry: RegistryKey, repository: str | None, *actions: str
        ) -> None:
            for action in actions:
                found.check(principal, f"ecr:{action}", registry.repository_arn(repository or "*"))
            super().check(principal, registry, repository, *actions)

    monkeypatch.setattr("ecr_client.local.server.Permissions", Evaluated)
    return found


def run(aws: LocalECR, identity: IdentityPolicy, task: str, policy: Any) -> None:
    """Run the code of a task as the role, on resources that the account has created."""
    aws.reset()
    identity.policy = None
    namespace: dict[str, Any] = {}
    exec(SETUP, namespace)
    for other, _ in TASKS.values():  # the tasks import these functions
        exec("\n".join(re.findall(r"^from .*$", other, re.MULTILINE)), namespace)
    for name, region in CLIENTS.items():
        namespace[name] = ECRClient(region=region, credentials=aws.credentials[ROLE])
    identity.policy = policy
    identity.needed.clear()
    identity.refused.clear()
    exec(task, namespace)


def without(policy: Any, action: str) -> Any:
    """Return a policy without an action."""
    return {
        **policy,
        "Statement": [
            {**each, "Action": kept}
            for each in policy["Statement"]
            if (kept := [name for name in listed(each) if name != action])
        ],
    }


def listed(statement: Any) -> list[str]:
    """Return the actions of a statement."""
    found: str | list[str] = statement["Action"]
    return [found] if isinstance(found, str) else found


@pytest.mark.parametrize("task", TASKS)
def test_tasks(identity: IdentityPolicy, aws: LocalECR, task: str) -> None:
    """A task succeeds with its policy, and needs each action of each statement."""
    program, policy = TASKS[task]

    run(aws, identity, program, policy)

    assert identity.refused == set()
    for number, statement in enumerate(policy["Statement"]):
        others = [*policy["Statement"][:number], *policy["Statement"][number + 1 :]]
        rest = IdentityPolicy()
        rest.policy = {**policy, "Statement": others}
        only = {action for action, resource in identity.needed if not rest.allows(action, resource)}
        assert sorted(only) == listed(statement)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "action"),
    [
        (task, action)
        for task, (_, policy) in TASKS.items()
        for action in sorted({each for one in policy["Statement"] for each in listed(one)})
    ],
)
def test_missing_actions(identity: IdentityPolicy, aws: LocalECR, task: str, action: str) -> None:
    """Without one of its actions, a task is denied that action."""
    program, policy = TASKS[task]

    with suppress(AmazonClientException):
        run(aws, identity, program, without(policy, action))

    assert action in identity.refused


@pytest.mark.parametrize(("call", "action"), OPTIONS)
def test_options(identity: IdentityPolicy, aws: LocalECR, call: str, action: str) -> None:
    """A call needs the actions of its task, and the one of its option."""
    _, policy = TASKS[TASK_OF[call.partition("(")[0]]]
    wildcard = {"Effect": "Allow", "Action": f"ecr:{action}", "Resource": "*"}

    run(aws, identity, call, {**policy, "Statement": [*policy["Statement"], wildcard]})

    task = {each for one in policy["Statement"] for each in listed(one)}
    assert identity.refused == set()
    assert identity.actions - task == {f"ecr:{action}"}


def test_docker() -> None:
    """Docker's requests for a push and a pull need the actions of those tasks."""
    pushed = {
        action
        for (path, method), actions in REQUEST_ACTIONS.items()
        for action in actions
        if ("/blobs/" in path and (method, path.endswith("{digest}")) != ("GET", True))
        or ("/manifests/" in path and method in ("GET", "PUT"))
    }
    pulled = {
        action
        for (path, method), actions in REQUEST_ACTIONS.items()
        for action in actions
        if method == "GET"
        and path.endswith(("{digest}", "{reference}"))
        and "referrers" not in path
    }

    assert {f"ecr:{action}" for action in pushed} == set(listed(TASKS["Push"][1]["Statement"][0]))
    assert {f"ecr:{action}" for action in pulled} == set(listed(TASKS["Pull"][1]["Statement"][0]))


def test_narrow_policies() -> None:
    """All actions exist, and only those that are not about a repository apply to all resources."""
    for _, policy in TASKS.values():
        for statement in policy["Statement"]:
            for action in listed(statement):
                operation = action.removeprefix("ecr:")
                own = RESOURCE_TYPES[operation] is ResourceType.OWN

                assert operation in HANDLERS
                assert (statement["Resource"] == "*") == own, action


def test_number_of_tasks() -> None:
    """Each task has a policy, and each option that needs an action has one."""
    assert set(TASK_OF.values()) < TASKS.keys()
    assert len(TASKS) == 9
    assert len(OPTIONS) == 4
