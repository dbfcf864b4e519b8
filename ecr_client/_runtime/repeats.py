"""What a repeat makes of an error that its own earlier attempt may have brought about.

An attempt whose answer is lost may have done the work. Most operations can be repeated without
harm: those that read, and those that set something to a value. The others are here. Their repeat
fails with an error which says that the work is done already. That error is settled, and the caller
gets the result that was lost; but only if an earlier attempt of the same call may have worked, and
only if what is there is what the call asked for. In every other case the error is raised.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client import models
from ecr_client._exceptions import (
    AmazonClientException,
    AmazonServiceException,
    ResponseParseException,
    TotalTimeoutException,
)
from ecr_client._runtime.operation import operation
from ecr_client._runtime.retry import http_date
from ecr_client._shapes import Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_client._runtime.call import Call

#: How much earlier than the call something may have been made and still be the work of the call:
#: the ``Date`` of an answer counts whole seconds.
ROUNDING = timedelta(seconds=2)
#: The states of a scan that has begun and has not ended.
_RUNNING = ("ACTIVE", "IN_PROGRESS", "PENDING")


@attrs.frozen(kw_only=True)
class Repeat:
    """A repeated call that failed because, it seems, the attempt before has worked.

    Attributes:
        make_call: Makes the calls that find out.
        call: The call.
        error: What the repeat failed with.
    """

    make_call: Callable[..., Any]
    call: Call
    error: AmazonServiceException

    @property
    def request(self) -> Any:
        """What was asked."""
        return self.call.request

    def asked(self, *names: str) -> dict[str, Any]:
        """Return some members of the request, as members of the result."""
        return {name: getattr(self.request, name) for name in names}

    def ask(self, name: str, **members: Any) -> Any:
        """Return the result of another call, which has the time that is left of this one.

        It only reads, so it is made once more if its answer is spoilt.
        """
        try:
            return self._ask(name, members)
        except ResponseParseException:
            return self._ask(name, members)

    def _ask(self, name: str, members: dict[str, Any]) -> Any:
        found = operation(name)
        options = self.call.options
        if self.call.deadline is not None:
            left = self.call.deadline.left()
            if left <= 0:
                raise TotalTimeoutException("no time is left to find out what was done", name)
            options = options.with_total_timeout(left)
        request = found.request_class(**members)
        return self.make_call(found, request, self.call.endpoint, options)

    def ours(self, found: Sequence[Any], *names: str) -> Any:
        """Return the one thing that was found, or ``None`` if the call has not made it so."""
        if len(found) != 1 or not self.is_recent(found[0].created_at):
            return None
        wanted = self.asked(*names)
        as_asked = all(_agrees(value, getattr(found[0], name)) for name, value in wanted.items())
        return found[0] if as_asked else None

    def is_recent(self, moment: datetime | None) -> bool:
        """Whether something happened while the call ran, by the service's clock."""
        now = http_date(self.error.response_metadata.http_headers.get("Date"))
        if moment is None or now is None:
            return False
        return moment >= now - timedelta(seconds=self.call.seconds()) - ROUNDING


def _agrees(wanted: Any, found: Any) -> bool:
    """Whether all that was asked for is there; the service may have added what was left open."""
    if wanted is None or wanted == ():
        return True
    kind: Any = type(wanted)
    if isinstance(wanted, Structure) and type(found) is kind:
        names = [each.name for each in attrs.fields(kind)]
        return all(_agrees(getattr(wanted, name), getattr(found, name)) for name in names)
    if isinstance(wanted, tuple) and isinstance(found, tuple):
        return set(wanted) == set(found)  # of tags and uses, whose order means nothing
    return bool(wanted == found)


def settle(make_call: Callable[..., Any], call: Call, error: AmazonServiceException) -> Any:
    """Return the result of a repeated call whose error says that its work is done, or ``None``."""
    codes, find = _SETTLED.get(call.operation.name, ((), None))
    if find is None or error.error_code not in codes:
        return None
    try:
        result = find(Repeat(make_call=make_call, call=call, error=error))
    except (AmazonClientException, IndexError):
        return None  # Nothing is found, or not now: what the repeat failed with says more.
    if result is not None:
        object.__setattr__(result, "response_metadata", error.response_metadata)
    return result


def settle_result(call: Call, result: Any) -> Any:
    """Return the result of a repeat, without failures that the attempt before has brought about."""
    if call.operation.name != "BatchDeleteImage":
        return result
    gone = [each for each in result.failures if each.failure_code == "ImageNotFound"]
    left = tuple(each for each in result.failures if each not in gone)
    ids = (*result.image_ids, *(each.image_id for each in gone if each.image_id is not None))
    return attrs.evolve(result, image_ids=ids, failures=left)


# --- what was made ------------------------------------------------------------------------------


def _repository(repeat: Repeat) -> Any:
    request = repeat.request
    answer = repeat.ask(
        "DescribeRepositories",
        registry_id=request.registry_id,
        repository_names=[request.repository_name],
    )
    members = (
        "image_tag_mutability",
        "image_tag_mutability_exclusion_filters",
        "image_scanning_configuration",
        "encryption_configuration",
    )
    found = repeat.ours(answer.repositories, *members)
    if found is None:
        return None
    if request.tags:
        tagged = repeat.ask("ListTagsForResource", resource_arn=found.repository_arn)
        if not _agrees(request.tags, tagged.tags):
            return None
    return models.CreateRepositoryResult(repository=found)


def _pull_through_cache_rule(repeat: Repeat) -> Any:
    request = repeat.request
    answer = repeat.ask(
        "DescribePullThroughCacheRules",
        registry_id=request.registry_id,
        ecr_repository_prefixes=[request.ecr_repository_prefix],
    )
    members = (
        "upstream_registry_url",
        "upstream_registry",
        "upstream_repository_prefix",
        "credential_arn",
        "custom_role_arn",
    )
    found = repeat.ours(answer.pull_through_cache_rules, *members)
    if found is None:
        return None
    fields = attrs.fields(models.CreatePullThroughCacheRuleResult)
    names = [each.name for each in fields if each.name != "response_metadata"]
    return models.CreatePullThroughCacheRuleResult(**{each: getattr(found, each) for each in names})


def _creation_template(repeat: Repeat) -> Any:
    answer = repeat.ask("DescribeRepositoryCreationTemplates", prefixes=[repeat.request.prefix])
    members = (
        "applied_for",
        "description",
        "encryption_configuration",
        "resource_tags",
        "image_tag_mutability",
        "image_tag_mutability_exclusion_filters",
        "repository_policy",
        "lifecycle_policy",
        "custom_role_arn",
    )
    found = repeat.ours(answer.repository_creation_templates, *members)
    return found and models.CreateRepositoryCreationTemplateResult(
        registry_id=answer.registry_id, repository_creation_template=found
    )


def _exclusion(repeat: Repeat) -> Any:
    return models.RegisterPullTimeUpdateExclusionResult(**repeat.asked("principal_arn"))


# --- what was uploaded --------------------------------------------------------------------------


def _part(repeat: Repeat) -> Any:
    last = repeat.request.part_last_byte
    if getattr(repeat.error, "last_valid_byte_received", None) != last:
        return None
    names = ("registry_id", "repository_name", "upload_id")
    return models.UploadLayerPartResult(last_byte_received=last, **repeat.asked(*names))


def _layer(repeat: Repeat) -> Any:
    request = repeat.request
    digests = [each for each in request.layer_digests if each.startswith("sha256:")]
    if len(digests) != 1:
        return None
    answer = repeat.ask(
        "BatchCheckLayerAvailability",
        registry_id=request.registry_id,
        repository_name=request.repository_name,
        layer_digests=digests,
    )
    if [each.layer_availability for each in answer.layers] != ["AVAILABLE"]:
        return None
    names = ("registry_id", "repository_name", "upload_id")
    return models.CompleteLayerUploadResult(layer_digest=digests[0], **repeat.asked(*names))


def _image(repeat: Repeat) -> Any:
    request = repeat.request
    tag, digest = request.image_tag, request.image_digest
    wanted = models.ImageIdentifier(image_tag=tag, image_digest=None if tag else digest)
    if tag is None and digest is None:
        import hashlib

        digest = f"sha256:{hashlib.sha256(request.image_manifest.encode()).hexdigest()}"
        wanted = models.ImageIdentifier(image_digest=digest)
    kind = request.image_manifest_media_type
    answer = repeat.ask(
        "BatchGetImage",
        registry_id=request.registry_id,
        repository_name=request.repository_name,
        image_ids=[wanted],
        accepted_media_types=[kind] if kind else None,
    )
    if [each.image_manifest for each in answer.images] != [request.image_manifest]:
        return None
    return models.PutImageResult(image=answer.images[0])


# --- what was started ---------------------------------------------------------------------------


def _scan(repeat: Repeat) -> Any:
    names = ("registry_id", "repository_name", "image_id")
    answer = repeat.ask("DescribeImageScanFindings", **repeat.asked(*names))
    status, findings = answer.image_scan_status, answer.image_scan_findings
    ended = findings.image_scan_completed_at if findings else None
    runs = status is not None and status.status in _RUNNING
    if not runs and not repeat.is_recent(ended):
        return None
    return models.StartImageScanResult(
        registry_id=answer.registry_id,
        repository_name=answer.repository_name,
        image_id=answer.image_id,
        image_scan_status=status,
    )


def _preview(repeat: Repeat) -> Any:
    request = repeat.request
    answer = repeat.ask(
        "GetLifecyclePolicyPreview", **repeat.asked("registry_id", "repository_name")
    )
    if request.lifecycle_policy_text not in (None, answer.lifecycle_policy_text):
        return None
    return models.StartLifecyclePolicyPreviewResult(
        registry_id=answer.registry_id,
        repository_name=answer.repository_name,
        lifecycle_policy_text=answer.lifecycle_policy_text,
        status=answer.status,
    )


# --- what was deleted ---------------------------------------------------------------------------


def _deleted(*names: str) -> Callable[[Repeat], Any]:
    """Return what makes a result that has no more than was asked; the rest is deleted."""

    def result(repeat: Repeat) -> Any:
        return repeat.call.operation.result_class(**repeat.asked(*names))

    return result


def _deleted_repository(repeat: Repeat) -> Any:
    members = repeat.asked("registry_id", "repository_name")
    return models.DeleteRepositoryResult(repository=models.Repository(**members))


def _deleted_template(repeat: Repeat) -> Any:
    return models.DeleteRepositoryCreationTemplateResult(
        repository_creation_template=models.RepositoryCreationTemplate(**repeat.asked("prefix"))
    )


#: Which errors of which operation are settled, and how.
_SETTLED: dict[str, tuple[tuple[str, ...], Callable[[Repeat], Any]]] = {
    "CompleteLayerUpload": (("LayerAlreadyExistsException", "UploadNotFoundException"), _layer),
    "CreatePullThroughCacheRule": (
        ("PullThroughCacheRuleAlreadyExistsException",),
        _pull_through_cache_rule,
    ),
    "CreateRepository": (("RepositoryAlreadyExistsException",), _repository),
    "CreateRepositoryCreationTemplate": (("TemplateAlreadyExistsException",), _creation_template),
    "DeleteLifecyclePolicy": (
        ("LifecyclePolicyNotFoundException",),
        _deleted("registry_id", "repository_name"),
    ),
    "DeletePullThroughCacheRule": (
        ("PullThroughCacheRuleNotFoundException",),
        _deleted("registry_id", "ecr_repository_prefix"),
    ),
    "DeleteRegistryPolicy": (("RegistryPolicyNotFoundException",), _deleted()),
    "DeleteRepository": (("RepositoryNotFoundException",), _deleted_repository),
    "DeleteRepositoryCreationTemplate": (("TemplateNotFoundException",), _deleted_template),
    "DeleteRepositoryPolicy": (
        ("RepositoryPolicyNotFoundException",),
        _deleted("registry_id", "repository_name"),
    ),
    "DeleteSigningConfiguration": (("SigningConfigurationNotFoundException",), _deleted()),
    "DeregisterPullTimeUpdateExclusion": (
        ("ExclusionNotFoundException",),
        _deleted("principal_arn"),
    ),
    "PutImage": (("ImageAlreadyExistsException",), _image),
    "RegisterPullTimeUpdateExclusion": (("ExclusionAlreadyExistsException",), _exclusion),
    "StartImageScan": (("LimitExceededException",), _scan),
    "StartLifecyclePolicyPreview": (("LifecyclePolicyPreviewInProgressException",), _preview),
    "UploadLayerPart": (("InvalidLayerPartException",), _part),
}
