"""Find policies that let accounts other than the trusted ones use the registry or a repository.

    python examples/policy_audit.py 123456789012 210987654321

Each such statement is printed, and the exit status is 1 if there is one. Statements with a
condition are printed as well: whether it is strict enough is for you to judge.

Permissions: ecr:GetRegistryPolicy, ecr:DescribeRepositories, ecr:GetRepositoryPolicy
"""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ecr_client import ECRClient
from ecr_client.exceptions import RegistryPolicyNotFoundException, RepositoryPolicyNotFoundException


def main(client: ECRClient, trusted: set[str]) -> list[str]:
    """Return a line for each statement that allows something to an account that is not trusted."""
    found = []
    for name, text in policies(client):
        for statement in listed(json.loads(text).get("Statement", [])):
            if statement["Effect"] == "Allow" and strangers(statement, trusted):
                found.append(f"{name}: {json.dumps(statement)}")
    print("\n".join(found) or "no policy lets a stranger in")
    return found


def policies(client: ECRClient) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each policy."""
    with suppress(RegistryPolicyNotFoundException):
        yield "the registry", client.get_registry_policy().policy_text or "{}"
    for each in client.paginate_describe_repositories():
        name = each.repository_name
        with suppress(RepositoryPolicyNotFoundException):
            yield name, client.get_repository_policy(repository_name=name).policy_text or "{}"


def strangers(statement: dict[str, Any], trusted: set[str]) -> list[str]:
    """Return the principals of a statement that belong to none of the accounts."""
    principal = statement.get("Principal", "*")  # with NotPrincipal, everybody else
    kinds = principal.values() if isinstance(principal, dict) else [principal]
    return [name for kind in kinds for name in listed(kind) if not trusted & {*name.split(":")}]


def listed(value: Any) -> list[Any]:
    """Return a value as a list; a policy may have a single one alone."""
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("accounts", nargs="+", help="the ids of the accounts that are trusted")
    with ECRClient() as client:
        sys.exit(1 if main(client, {*parser.parse_args().accounts}) else 0)
