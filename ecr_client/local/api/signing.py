"""Managed signing: which profiles sign pushed images, and the statuses of the signatures.

Nothing is signed and no signature is stored: there is no AWS Signer here. An image that a rule
applies to when it is pushed is IN_PROGRESS for a second of the server's clock, and then COMPLETE,
or FAILED if `set_signing_failure` says so.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecr_client.local.api.image_ids import require_image, response_image_id
from ecr_client.local.errors import ServiceError
from ecr_client.local.store import image_key
from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import Store, StoredImage

_KIND = "signing-configuration"
_ONLY = ""
_FAILURE = "signing-failure"
#: The signatures of an image, by the ARNs of their profiles.
_SIGNATURES = "image/signatures"
#: How long a signature takes, which the service does not document.
SIGNING_TIME = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


def set_signing_failure(
    store: Store,
    registry: RegistryKey,
    profile_arn: str,
    code: str | None,
    reason: str | None = None,
) -> None:
    """Make the signatures of a profile fail from now on, or succeed again.

    Args:
        store: The store that keeps it.
        registry: The registry.
        profile_arn: The ARN of the signing profile.
        code: The failure code; None to let them succeed.
        reason: The failure reason.
    """
    if code is None:
        store.documents.delete(registry, _FAILURE, profile_arn)
    else:
        failure = {"failureCode": code, "failureReason": reason or f"Signing failed: {code}"}
        store.documents.put(registry, _FAILURE, profile_arn, failure)


def put_signing_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set how images pushed to the principal's registry from now on are signed."""
    configuration = members["signingConfiguration"]
    context.store.documents.put(context.registry({}), _KIND, _ONLY, configuration)
    return {"signingConfiguration": configuration}


def get_signing_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return how images pushed to the principal's registry are signed."""
    registry = context.registry({})
    return {
        "registryId": registry.account,
        "signingConfiguration": _require_configuration(context.store, registry),
    }


def delete_signing_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Stop signing images; the statuses of pushed images remain."""
    registry = context.registry({})
    with context.store.database.write():
        configuration = _require_configuration(context.store, registry)
        context.store.documents.delete(registry, _KIND, _ONLY)
    return {"registryId": registry.account, "signingConfiguration": configuration}


def describe_image_signing_status(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the status of each profile whose rule applied when the image was pushed."""
    registry, name = context.registry(members), members["repositoryName"]
    image = require_image(context, registry, members)
    now = _now(context)
    return {
        "repositoryName": name,
        "imageId": response_image_id(image, members),
        "registryId": registry.account,
        "signingStatuses": [
            {"signingProfileArn": profile, **_status(signature, now)}
            for profile, signature in _signatures(context.store, registry, name, image).items()
        ],
    }


def sign(context: Context, registry: RegistryKey, repository: str, image: StoredImage) -> None:
    """Start to sign a pushed image, once with every profile whose rule applies."""
    store = context.store
    configuration = store.documents.get(registry, _KIND, _ONLY) or {"rules": []}
    profiles = [
        rule["signingProfileArn"] for rule in configuration["rules"] if _applies(rule, repository)
    ]
    # An artifact that refers to an image, such as a signature, is not signed.
    if not profiles or image.subject is not None:
        return
    now = _now(context)
    signatures = _signatures(store, registry, repository, image)
    for profile in profiles:
        if "failureCode" in signatures.get(profile, {"failureCode": None}):
            failure = store.documents.get(registry, _FAILURE, profile) or {}
            signatures[profile] = {"startedAt": now, **failure}
    store.documents.put(registry, _SIGNATURES, image_key(repository, image.digest), signatures)


def _require_configuration(store: Store, registry: RegistryKey) -> dict[str, Any]:
    found: dict[str, Any] | None = store.documents.get(registry, _KIND, _ONLY)
    if found is None:
        raise ServiceError(
            "SigningConfigurationNotFoundException",
            f"There is no signing configuration in the registry with id '{registry.account}'",
        )
    return found


def _signatures(
    store: Store, registry: RegistryKey, repository: str, image: StoredImage
) -> dict[str, dict[str, Any]]:
    return store.documents.get(registry, _SIGNATURES, image_key(repository, image.digest)) or {}


def _status(signature: dict[str, Any], now: int) -> dict[str, str]:
    if now < signature["startedAt"] + SIGNING_TIME // _MICROSECOND:
        return {"status": "IN_PROGRESS"}
    failure = {name: text for name, text in signature.items() if name.startswith("failure")}
    return {"status": "FAILED" if failure else "COMPLETE", **failure}


def _applies(rule: dict[str, Any], repository: str) -> bool:
    filters = rule.get("repositoryFilters")
    return not filters or any(matches(each["filter"], repository) for each in filters)


def _now(context: Context) -> int:
    """Return the time in microseconds since 1970, whose sums are exact."""
    return round(context.clock().timestamp() * 1_000_000)
