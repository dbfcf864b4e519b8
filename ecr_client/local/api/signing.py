"""Managed signing: which profiles sign the images that are pushed, and how far that has come.

Nothing is signed and no signature is stored: there is no AWS Signer here. An image that a rule
applies to when it is pushed is IN_PROGRESS for a second of the server's clock, and COMPLETE then,
or FAILED if `set_signing_failure` says so.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecr_client.local import hooks
from ecr_client.local.api.image_ids import answered_id, require_image
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation
from ecr_client.local.store.documents import image_key
from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope, Store, StoredImage

_KIND = "signing-configuration"
_ONLY = ""
_FAILURE = "signing-failure"
#: What is known of an image's signatures, by the ARNs of their profiles.
_SIGNATURES = "image/signatures"
#: How long a signature takes. The service does not say how long its own do.
SIGNING_TIME = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


def set_signing_failure(
    store: Store, scope: Scope, profile_arn: str, code: str | None, reason: str | None = None
) -> None:
    """Have signatures fail that a profile makes from now on, or succeed again.

    Args:
        store: Where it is kept.
        scope: The registry.
        profile_arn: The ARN of the signing profile.
        code: The failure code; None to let them succeed.
        reason: The text that goes with the code.
    """
    if code is None:
        store.documents.delete(scope, _FAILURE, profile_arn)
    else:
        failure = {"failureCode": code, "failureReason": reason or f"Signing failed: {code}"}
        store.documents.put(scope, _FAILURE, profile_arn, failure)


@operation("PutSigningConfiguration")
def put_signing_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Say how images are signed that are pushed to the caller's registry from now on."""
    configuration = members["signingConfiguration"]
    context.store.documents.put(context.registry({}), _KIND, _ONLY, configuration)
    return {"signingConfiguration": configuration}


@operation("GetSigningConfiguration")
def get_signing_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return how images are signed that are pushed to the caller's registry."""
    scope = context.registry({})
    return {
        "registryId": scope.account,
        "signingConfiguration": _require_configuration(context.store, scope),
    }


@operation("DeleteSigningConfiguration")
def delete_signing_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Have no more images signed; the statuses of those that were pushed remain."""
    scope = context.registry({})
    with context.store.write():
        configuration = _require_configuration(context.store, scope)
        context.store.documents.delete(scope, _KIND, _ONLY)
    return {"registryId": scope.account, "signingConfiguration": configuration}


@operation("DescribeImageSigningStatus")
def describe_image_signing_status(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the status of each profile that a rule had for the image when it was pushed."""
    scope, name = context.registry(members), members["repositoryName"]
    image = require_image(context, scope, members)
    now = _now(context)
    return {
        "repositoryName": name,
        "imageId": answered_id(image, members),
        "registryId": scope.account,
        "signingStatuses": [
            {"signingProfileArn": profile, **_status(signature, now)}
            for profile, signature in _signatures(context.store, scope, name, image).items()
        ],
    }


@hooks.on_push
def sign(context: Context, scope: Scope, repository: str, image: StoredImage) -> None:
    """Begin to sign an image that was pushed, once with every profile whose rule applies."""
    store = context.store
    configuration = store.documents.get(scope, _KIND, _ONLY) or {"rules": []}
    profiles = [
        rule["signingProfileArn"] for rule in configuration["rules"] if _applies(rule, repository)
    ]
    # What refers to an image, such as a signature, is not an image to sign.
    if not profiles or image.subject is not None:
        return
    now = _now(context)
    signatures = _signatures(store, scope, repository, image)
    for profile in profiles:
        if "failureCode" in signatures.get(profile, {"failureCode": None}):
            failure = store.documents.get(scope, _FAILURE, profile) or {}
            signatures[profile] = {"startedAt": now, **failure}
    store.documents.put(scope, _SIGNATURES, image_key(repository, image.digest), signatures)


def _require_configuration(store: Store, scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] | None = store.documents.get(scope, _KIND, _ONLY)
    if found is None:
        raise ServiceError(
            "SigningConfigurationNotFoundException",
            f"There is no signing configuration in the registry with id '{scope.account}'",
        )
    return found


def _signatures(
    store: Store, scope: Scope, repository: str, image: StoredImage
) -> dict[str, dict[str, Any]]:
    return store.documents.get(scope, _SIGNATURES, image_key(repository, image.digest)) or {}


def _status(signature: dict[str, Any], now: int) -> dict[str, str]:
    if now < signature["startedAt"] + SIGNING_TIME // _MICROSECOND:
        return {"status": "IN_PROGRESS"}
    failure = {name: text for name, text in signature.items() if name.startswith("failure")}
    return {"status": "FAILED" if failure else "COMPLETE", **failure}


def _applies(rule: dict[str, Any], repository: str) -> bool:
    filters = rule.get("repositoryFilters")
    return not filters or any(matches(each["filter"], repository) for each in filters)


def _now(context: Context) -> int:
    """Return the time in microseconds since 1970, sums of which are exact."""
    return round(context.clock().timestamp() * 1_000_000)
