"""What a principal may do in the registry of another account.

`OPERATIONS` and `REQUESTS` say which actions every operation of the API and every request of the
registry protocol needs, and `Permissions` asks the policies of the registry and of the repository
about them. Both kinds of policy count for every action, as in the service's policy scope V2.

Within an account everything is allowed: the local ECR knows no policies of users and roles.

Sources: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.errors import ServiceError
from ecr_client.local.policy_evaluation import Decision, Principal, evaluate
from ecr_client.local.repository_templates import REPOSITORY_POLICY
from ecr_client.local.store import Scope
from ecr_client.local.store.repositories import parse_repository_arn, repository_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_client.local.store import Store

#: The kind of document that holds the policy of a registry, and its only key.
REGISTRY_POLICY = "registry-policy"
ONLY = ""


class Target(Enum):
    """What an operation is about, and so whose policies are asked."""

    #: The principal's own registry or identity: there is nothing to ask.
    OWN = "own"
    #: The registry that ``registryId`` names.
    REGISTRY = "registry"
    #: The repository that ``repositoryName`` names in that registry.
    REPOSITORY = "repository"
    #: Those of ``repositoryNames``, or the whole registry if there are none.
    REPOSITORIES = "repositories"
    #: The repository whose ARN is ``resourceArn``.
    ARN = "arn"


#: What every operation is about. It needs the action of its own name; see `actions_of`.
OPERATIONS: Mapping[str, Target] = {
    "BatchCheckLayerAvailability": Target.REPOSITORY,
    "BatchDeleteImage": Target.REPOSITORY,
    "BatchGetImage": Target.REPOSITORY,
    "BatchGetRepositoryScanningConfiguration": Target.OWN,
    "CompleteLayerUpload": Target.REPOSITORY,
    "CreatePullThroughCacheRule": Target.REGISTRY,
    "CreateRepository": Target.REPOSITORY,
    "CreateRepositoryCreationTemplate": Target.OWN,
    "DeleteLifecyclePolicy": Target.REPOSITORY,
    "DeletePullThroughCacheRule": Target.REGISTRY,
    "DeleteRegistryPolicy": Target.OWN,
    "DeleteRepository": Target.REPOSITORY,
    "DeleteRepositoryCreationTemplate": Target.OWN,
    "DeleteRepositoryPolicy": Target.REPOSITORY,
    "DeleteSigningConfiguration": Target.OWN,
    "DeregisterPullTimeUpdateExclusion": Target.OWN,
    "DescribeImageReplicationStatus": Target.REPOSITORY,
    "DescribeImageScanFindings": Target.REPOSITORY,
    "DescribeImageSigningStatus": Target.REPOSITORY,
    "DescribeImages": Target.REPOSITORY,
    "DescribePullThroughCacheRules": Target.REGISTRY,
    "DescribeRegistry": Target.OWN,
    "DescribeReplicationBackfillResults": Target.REGISTRY,
    "DescribeRepositories": Target.REPOSITORIES,
    "DescribeRepositoryCreationTemplates": Target.OWN,
    "GetAccountSetting": Target.OWN,
    # A token stands for the principal that asked for it, whatever registries it names.
    "GetAuthorizationToken": Target.OWN,
    "GetDownloadUrlForLayer": Target.REPOSITORY,
    "GetLifecyclePolicy": Target.REPOSITORY,
    "GetLifecyclePolicyPreview": Target.REPOSITORY,
    "GetRegistryPolicy": Target.OWN,
    "GetRegistryScanningConfiguration": Target.OWN,
    "GetRepositoryPolicy": Target.REPOSITORY,
    "GetSigningConfiguration": Target.OWN,
    "InitiateLayerUpload": Target.REPOSITORY,
    "ListImageReferrers": Target.REPOSITORY,
    "ListImages": Target.REPOSITORY,
    "ListPullTimeUpdateExclusions": Target.OWN,
    "ListReplicationBackfills": Target.REGISTRY,
    "ListTagsForResource": Target.ARN,
    "PutAccountSetting": Target.OWN,
    "PutImage": Target.REPOSITORY,
    "PutImageScanningConfiguration": Target.REPOSITORY,
    "PutImageTagMutability": Target.REPOSITORY,
    "PutLifecyclePolicy": Target.REPOSITORY,
    "PutRegistryPolicy": Target.OWN,
    "PutRegistryScanningConfiguration": Target.OWN,
    "PutReplicationConfiguration": Target.OWN,
    "PutSigningConfiguration": Target.OWN,
    "RegisterPullTimeUpdateExclusion": Target.OWN,
    "SetRepositoryPolicy": Target.REPOSITORY,
    "StartImageScan": Target.REPOSITORY,
    "StartLifecyclePolicyPreview": Target.REPOSITORY,
    "StartReplicationBackfill": Target.REGISTRY,
    "StopReplicationBackfill": Target.REGISTRY,
    "TagResource": Target.ARN,
    "UntagResource": Target.ARN,
    "UpdateImageStorageClass": Target.REPOSITORY,
    "UpdatePullThroughCacheRule": Target.REGISTRY,
    "UpdateRepositoryCreationTemplate": Target.OWN,
    "UploadLayerPart": Target.REPOSITORY,
    "ValidatePullThroughCacheRule": Target.REGISTRY,
}

_START = "/v2/{name:path}/blobs/uploads"
_UPLOAD = "/v2/{name:path}/blobs/uploads/{upload}"
_BLOB = "/v2/{name:path}/blobs/{digest}"
_MANIFEST = "/v2/{name:path}/manifests/{reference}"
#: A whole layer in the request that begins its upload.
_AT_ONCE = "POST ?digest="

#: The actions that every request of the registry protocol needs, by path and method. A HEAD without
#: an entry of its own needs what a GET needs.
REQUESTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("/v2", "GET"): (),
    ("/v2/", "GET"): (),
    ("/v2/_catalog", "GET"): ("DescribeRepositories",),
    (_START, "POST"): ("InitiateLayerUpload",),
    (_START, _AT_ONCE): ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"),
    (_UPLOAD, "GET"): ("UploadLayerPart",),
    (_UPLOAD, "PATCH"): ("UploadLayerPart",),
    (_UPLOAD, "PUT"): ("UploadLayerPart", "CompleteLayerUpload"),
    (_UPLOAD, "DELETE"): ("UploadLayerPart",),
    (_BLOB, "HEAD"): ("BatchCheckLayerAvailability",),
    (_BLOB, "GET"): ("GetDownloadUrlForLayer",),
    (_BLOB, "DELETE"): (),  # refused to everybody
    (_MANIFEST, "GET"): ("BatchGetImage",),
    (_MANIFEST, "PUT"): ("PutImage",),
    (_MANIFEST, "DELETE"): ("BatchDeleteImage",),
    ("/v2/{name:path}/tags/list", "GET"): ("ListImages",),
    ("/v2/{name:path}/referrers/{digest}", "GET"): ("ListImageReferrers",),
}
#: Mounting a layer needs this of the repository that it comes from.
MOUNT_FROM = "GetDownloadUrlForLayer"
#: Pushing to a repository that a creation template makes needs this besides.
CREATE_ON_PUSH = "CreateRepository"


def actions_of(operation: str, members: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the actions that an operation needs: its own, and that of what it does besides."""
    if operation == "CreateRepository" and members.get("tags"):
        return operation, "TagResource"
    return (operation,)


@attrs.frozen(kw_only=True)
class Permissions:
    """Refuses what the policies of another account do not allow.

    Args:
        store: Where the policies are.
        open_accounts: Whether every principal may do everything in every account.
    """

    store: Store
    open_accounts: bool = False

    def check_operation(
        self, principal: Principal, region: str, operation: str, members: Mapping[str, Any]
    ) -> None:
        """Check a request of the API.

        Args:
            principal: Who signed it.
            region: The region that it was signed for.
            operation: The operation.
            members: The members of the request, validated.

        Raises:
            ServiceError: AccessDeniedException.
        """
        for scope, repository in _targets(principal, region, operation, members):
            self.check(principal, scope, repository, *actions_of(operation, members))

    def check_request(
        self,
        principal: Principal,
        scope: Scope,
        path: str,
        method: str,
        *,
        repository: str | None,
        at_once: bool = False,
    ) -> None:
        """Check a request of the registry protocol.

        Args:
            principal: Whom its password was given to.
            scope: The registry.
            path: The form of its path, as `REQUESTS` has it.
            method: Its method.
            repository: The repository that the path names, or None.
            at_once: Whether it names the digest of a layer that it brings.

        Raises:
            ServiceError: AccessDeniedException.
        """
        path = path.rstrip("/") if path.startswith(_START) else path
        if method == "POST" and at_once:
            method = _AT_ONCE
        actions = REQUESTS.get((path, method))
        if actions is None and method == "HEAD":
            actions = REQUESTS.get((path, "GET"))
        if actions is None:
            raise LookupError(f"no actions are known for {method} {path}")
        self.check(principal, scope, repository, *actions)

    def check_replication(
        self, source: Scope, destination: Scope, repository: str, *actions: str
    ) -> None:
        """Check a copy to another registry, which that registry's policy alone decides on.

        Raises:
            ServiceError: AccessDeniedException.
        """
        principal = Principal.of_account(source.account, source.region)
        self._check(principal, destination, repository, actions, of_repository=False)

    def check(
        self, principal: Principal, scope: Scope, repository: str | None, *actions: str
    ) -> None:
        """Check actions on a repository, or on a whole registry if `repository` is None.

        Raises:
            ServiceError: AccessDeniedException.
        """
        self._check(principal, scope, repository, actions, of_repository=True)

    def allows(self, principal: Principal, scope: Scope, repository: str, action: str) -> bool:
        """Tell whether a principal may do something to a repository."""
        try:
            self.check(principal, scope, repository, action)
        except ServiceError:
            return False
        return True

    def _check(
        self,
        principal: Principal,
        scope: Scope,
        repository: str | None,
        actions: tuple[str, ...],
        *,
        of_repository: bool,
    ) -> None:
        if self.open_accounts or principal.account == scope.account:
            return
        policies = self._policies(scope, repository if of_repository else None)
        resource = repository_arn(scope, repository or "*")
        for name in actions:
            action = f"ecr:{name}"
            decision = evaluate(policies, principal=principal, action=action, resource=resource)
            if decision is not Decision.ALLOWED:
                raise _refused(principal, action, resource, decision)

    def _policies(self, scope: Scope, repository: str | None) -> list[str]:
        documents = self.store.documents
        with self.store.read():
            found = [documents.get(scope, REGISTRY_POLICY, ONLY)]
            if repository is not None:
                found.append(documents.get(scope, REPOSITORY_POLICY, repository))
        return [str(policy) for policy in found if policy is not None]


def _targets(
    principal: Principal, region: str, operation: str, members: Mapping[str, Any]
) -> Iterator[tuple[Scope, str | None]]:
    """Yield the registries and repositories that a request is about, but for the own registry."""
    target = OPERATIONS[operation]
    scope = Scope(members.get("registryId") or principal.account, region)
    if target is Target.REGISTRY:
        yield scope, None
    elif target is Target.REPOSITORY:
        yield scope, members["repositoryName"]
    elif target is Target.REPOSITORIES:
        for name in members.get("repositoryNames") or [None]:
            yield scope, name
    elif target is Target.ARN:
        found = parse_repository_arn(members["resourceArn"], region)
        # The handler refuses an ARN that is not one of a repository.
        yield from [found] if found else []


def _refused(principal: Principal, action: str, resource: str, decision: Decision) -> ServiceError:
    if decision is Decision.EXPLICITLY_DENIED:
        why = "with an explicit deny in a resource-based policy"
    else:
        why = f"because no resource-based policy allows the {action} action"
    return ServiceError(
        "AccessDeniedException",
        f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
        f" {why}",
    )
