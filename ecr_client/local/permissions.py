"""What a principal may do in the registry of another account.

`RESOURCE_TYPES` and `REQUEST_ACTIONS` say which actions every operation of the API and every
request of the registry protocol needs, and `Permissions` evaluates the policies of the registry and
of the repository for them. Both policies apply to every action, as in the service's policy scope
V2.

Within an account everything is allowed: the local ECR has no policies of users and roles.

Sources: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.errors import ServiceError
from ecr_client.local.policy_evaluation import Decision, Principal, evaluate
from ecr_client.local.registry import RegistryKey, parse_repository_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_client.local.store import Store

#: The kind of the document with the policy of a registry, and its only key.
REGISTRY_POLICY = "registry-policy"
ONLY = ""
#: The kind of the documents with the policies of repositories.
REPOSITORY_POLICY = "repository/policy"


class ResourceType(Enum):
    """What an operation is about, which decides whose policies are evaluated."""

    #: The principal's own registry or identity: there is nothing to evaluate.
    OWN = "own"
    #: The registry that ``registryId`` names.
    REGISTRY = "registry"
    #: The repository that ``repositoryName`` names in that registry.
    REPOSITORY = "repository"
    #: The repositories of ``repositoryNames``, or the whole registry if there are none.
    REPOSITORIES = "repositories"
    #: The repository whose ARN is ``resourceArn``.
    ARN = "arn"


#: What every operation is about. It needs the action with its own name; see `actions_of`.
RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "BatchCheckLayerAvailability": ResourceType.REPOSITORY,
    "BatchDeleteImage": ResourceType.REPOSITORY,
    "BatchGetImage": ResourceType.REPOSITORY,
    "BatchGetRepositoryScanningConfiguration": ResourceType.OWN,
    "CompleteLayerUpload": ResourceType.REPOSITORY,
    "CreatePullThroughCacheRule": ResourceType.REGISTRY,
    "CreateRepository": ResourceType.REPOSITORY,
    "CreateRepositoryCreationTemplate": ResourceType.OWN,
    "DeleteLifecyclePolicy": ResourceType.REPOSITORY,
    "DeletePullThroughCacheRule": ResourceType.REGISTRY,
    "DeleteRegistryPolicy": ResourceType.OWN,
    "DeleteRepository": ResourceType.REPOSITORY,
    "DeleteRepositoryCreationTemplate": ResourceType.OWN,
    "DeleteRepositoryPolicy": ResourceType.REPOSITORY,
    "DeleteSigningConfiguration": ResourceType.OWN,
    "DeregisterPullTimeUpdateExclusion": ResourceType.OWN,
    "DescribeImageReplicationStatus": ResourceType.REPOSITORY,
    "DescribeImageScanFindings": ResourceType.REPOSITORY,
    "DescribeImageSigningStatus": ResourceType.REPOSITORY,
    "DescribeImages": ResourceType.REPOSITORY,
    "DescribePullThroughCacheRules": ResourceType.REGISTRY,
    "DescribeRegistry": ResourceType.OWN,
    "DescribeReplicationBackfillResults": ResourceType.REGISTRY,
    "DescribeRepositories": ResourceType.REPOSITORIES,
    "DescribeRepositoryCreationTemplates": ResourceType.OWN,
    "GetAccountSetting": ResourceType.OWN,
    # A token stands for the principal that requested it, whatever registries it names.
    "GetAuthorizationToken": ResourceType.OWN,
    "GetDownloadUrlForLayer": ResourceType.REPOSITORY,
    "GetLifecyclePolicy": ResourceType.REPOSITORY,
    "GetLifecyclePolicyPreview": ResourceType.REPOSITORY,
    "GetRegistryPolicy": ResourceType.OWN,
    "GetRegistryScanningConfiguration": ResourceType.OWN,
    "GetRepositoryPolicy": ResourceType.REPOSITORY,
    "GetSigningConfiguration": ResourceType.OWN,
    "InitiateLayerUpload": ResourceType.REPOSITORY,
    "ListImageReferrers": ResourceType.REPOSITORY,
    "ListImages": ResourceType.REPOSITORY,
    "ListPullTimeUpdateExclusions": ResourceType.OWN,
    "ListReplicationBackfills": ResourceType.REGISTRY,
    "ListTagsForResource": ResourceType.ARN,
    "PutAccountSetting": ResourceType.OWN,
    "PutImage": ResourceType.REPOSITORY,
    "PutImageScanningConfiguration": ResourceType.REPOSITORY,
    "PutImageTagMutability": ResourceType.REPOSITORY,
    "PutLifecyclePolicy": ResourceType.REPOSITORY,
    "PutRegistryPolicy": ResourceType.OWN,
    "PutRegistryScanningConfiguration": ResourceType.OWN,
    "PutReplicationConfiguration": ResourceType.OWN,
    "PutSigningConfiguration": ResourceType.OWN,
    "RegisterPullTimeUpdateExclusion": ResourceType.OWN,
    "SetRepositoryPolicy": ResourceType.REPOSITORY,
    "StartImageScan": ResourceType.REPOSITORY,
    "StartLifecyclePolicyPreview": ResourceType.REPOSITORY,
    "StartReplicationBackfill": ResourceType.REGISTRY,
    "StopReplicationBackfill": ResourceType.REGISTRY,
    "TagResource": ResourceType.ARN,
    "UntagResource": ResourceType.ARN,
    "UpdateImageStorageClass": ResourceType.REPOSITORY,
    "UpdatePullThroughCacheRule": ResourceType.REGISTRY,
    "UpdateRepositoryCreationTemplate": ResourceType.OWN,
    "UploadLayerPart": ResourceType.REPOSITORY,
    "ValidatePullThroughCacheRule": ResourceType.REGISTRY,
}

_START = "/v2/{name:path}/blobs/uploads"
_UPLOAD = "/v2/{name:path}/blobs/uploads/{upload}"
_BLOB = "/v2/{name:path}/blobs/{digest}"
_MANIFEST = "/v2/{name:path}/manifests/{reference}"
#: A POST that brings a whole layer.
_AT_ONCE = "POST ?digest="

#: The actions that every request of the registry protocol needs, by path and method. A HEAD without
#: an entry of its own needs those of a GET.
REQUEST_ACTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
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
#: The action that mounting a layer needs on the repository that it comes from.
MOUNT_FROM = "GetDownloadUrlForLayer"


def actions_of(operation: str, members: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the actions that an operation needs."""
    if operation == "CreateRepository" and members.get("tags"):
        return operation, "TagResource"
    return (operation,)


@attrs.frozen(kw_only=True)
class Permissions:
    """Refuses requests that the policies of another account do not allow.

    Args:
        store: The store that holds the policies.
        open_accounts: Whether every principal may do everything in every account.
    """

    store: Store
    open_accounts: bool = False

    def check_operation(
        self, principal: Principal, region: str, operation: str, members: Mapping[str, Any]
    ) -> None:
        """Check a request of the API.

        Args:
            principal: The principal that signed it.
            region: The region that it was signed for.
            operation: The operation.
            members: The validated members of the request.

        Raises:
            ServiceError: AccessDeniedException.
        """
        for registry, repository in _resources(principal, region, operation, members):
            self.check(principal, registry, repository, *actions_of(operation, members))

    def check_request(
        self,
        principal: Principal,
        registry: RegistryKey,
        path: str,
        method: str,
        *,
        repository: str | None,
        at_once: bool = False,
    ) -> None:
        """Check a request of the registry protocol.

        Args:
            principal: The principal of its password.
            registry: The registry.
            path: The pattern of its path, as in `REQUEST_ACTIONS`.
            method: Its method.
            repository: The repository in the path, or None.
            at_once: Whether it brings a whole layer, with its digest.

        Raises:
            ServiceError: AccessDeniedException.
        """
        path = path.rstrip("/") if path.startswith(_START) else path
        if method == "POST" and at_once:
            method = _AT_ONCE
        actions = REQUEST_ACTIONS.get((path, method))
        if actions is None and method == "HEAD":
            actions = REQUEST_ACTIONS.get((path, "GET"))
        if actions is None:
            raise LookupError(f"REQUEST_ACTIONS must have an entry for {method} {path}")
        self.check(principal, registry, repository, *actions)

    def check_replication(
        self, source: RegistryKey, destination: RegistryKey, repository: str, *actions: str
    ) -> None:
        """Check a copy to another registry, which that registry's policy alone decides.

        Raises:
            ServiceError: AccessDeniedException.
        """
        principal = Principal.of_account(source.account, source.region)
        self._check(principal, destination, repository, actions, of_repository=False)

    def check(
        self, principal: Principal, registry: RegistryKey, repository: str | None, *actions: str
    ) -> None:
        """Check actions on a repository, or on a whole registry if `repository` is None.

        Raises:
            ServiceError: AccessDeniedException.
        """
        self._check(principal, registry, repository, actions, of_repository=True)

    def allows(
        self, principal: Principal, registry: RegistryKey, repository: str, action: str
    ) -> bool:
        """Return whether a principal may perform an action on a repository."""
        try:
            self.check(principal, registry, repository, action)
        except ServiceError:
            return False
        return True

    def _check(
        self,
        principal: Principal,
        registry: RegistryKey,
        repository: str | None,
        actions: tuple[str, ...],
        *,
        of_repository: bool,
    ) -> None:
        if self.open_accounts or principal.account == registry.account:
            return
        policies = self._policies(registry, repository if of_repository else None)
        resource = registry.repository_arn(repository or "*")
        for name in actions:
            action = f"ecr:{name}"
            decision = evaluate(policies, principal=principal, action=action, resource=resource)
            if decision is not Decision.ALLOWED:
                raise _refused(principal, action, resource, decision)

    def _policies(self, registry: RegistryKey, repository: str | None) -> list[str]:
        documents = self.store.documents
        with self.store.database.read():
            found = [documents.get(registry, REGISTRY_POLICY, ONLY)]
            if repository is not None:
                found.append(documents.get(registry, REPOSITORY_POLICY, repository))
        return [str(policy) for policy in found if policy is not None]


def _resources(
    principal: Principal, region: str, operation: str, members: Mapping[str, Any]
) -> Iterator[tuple[RegistryKey, str | None]]:
    """Yield the registries and repositories that a request is about, if they need permission."""
    kind = RESOURCE_TYPES[operation]
    registry = RegistryKey(members.get("registryId") or principal.account, region)
    if kind is ResourceType.REGISTRY:
        yield registry, None
    elif kind is ResourceType.REPOSITORY:
        yield registry, members["repositoryName"]
    elif kind is ResourceType.REPOSITORIES:
        for name in members.get("repositoryNames") or [None]:
            yield registry, name
    elif kind is ResourceType.ARN:
        found = parse_repository_arn(members["resourceArn"], region)
        # The handler refuses an ARN that is not that of a repository.
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
