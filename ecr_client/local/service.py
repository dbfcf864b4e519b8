"""The ECR API: from a request on the wire to its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

from ecr_client.local import sigv4, validation, wire
from ecr_client.local.context import Context
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.operations import HANDLERS
from ecr_client.local.policy_evaluation import Principal
from ecr_client.local.resource_exhaustion import log_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ecr_client.local.operations import Handler
    from ecr_client.local.permissions import Permissions
    from ecr_client.local.sigv4 import AccessKey, HttpRequest, Identity
    from ecr_client.local.store import Store
    from ecr_client.local.throttling import Throttle
    from ecr_client.local.tokens import Tokens

#: Whether the registry behaves as ECR, or as OCI specifies.
RegistryProtocol = Literal["ecr", "oci"]
PROTOCOLS: tuple[RegistryProtocol, ...] = ("ecr", "oci")

_PART = "layerPartBlob"


@attrs.frozen(kw_only=True)
class Service:
    """Handles requests of the ECR API, in any thread.

    Args:
        store: The store of the server.
        tokens: Issues and verifies authorization tokens and presigned URLs.
        clock: Returns the time as an aware UTC datetime.
        credentials: The keys that requests may be signed with, by their ids.
        auth: Whether signatures are checked.
        account: The account of an unsigned request.
        region: The region of an unsigned request.
        throttle: The rate quotas of the accounts.
        permissions: Evaluates the policies of other accounts.
        registry_protocol: Whether the registry protocol behaves as ECR or as OCI specifies, where
            they differ.
        handlers: The functions that handle the operations.
    """

    store: Store
    tokens: Tokens
    clock: Callable[[], datetime]
    credentials: Mapping[str, AccessKey]
    auth: bool
    account: str
    region: str
    throttle: Throttle
    permissions: Permissions
    registry_protocol: RegistryProtocol = "ecr"
    handlers: Mapping[str, Handler] = HANDLERS

    @property
    def follows_ecr(self) -> bool:
        """Whether the registry protocol behaves as ECR."""
        return self.registry_protocol == "ecr"

    def handle(self, request: HttpRequest, base_url: str, now: datetime) -> wire.ApiResponse:
        """Return the response to a request, also to an invalid one.

        Args:
            request: The request with its whole body.
            base_url: Scheme and host as the client reached them.
            now: The time by which the signature is judged.
        """
        try:
            return wire.encode(self._handle(request, base_url, now))
        except ServiceError as error:
            return wire.encode_error(error)
        except Exception as error:
            return failure(str(wire.operation_of(request.value("x-amz-target"))), error)

    def context(self, account: str, region: str, principal: Principal, base_url: str) -> Context:
        """Return the context of a request; see `Context`."""
        return Context(
            account=account,
            principal=principal,
            region=region,
            store=self.store,
            clock=self.clock,
            base_url=base_url,
            tokens=self.tokens,
            permissions=self.permissions,
        )

    def refuse_early(self, request: HttpRequest, now: datetime) -> None:
        """Check everything about a request that does not depend on its body.

        Raises:
            ServiceError: The error that `handle` would respond with.
        """
        if self.auth:
            sigv4.verify_headers(request, self.credentials, now)

    def _handle(self, request: HttpRequest, base_url: str, now: datetime) -> dict[str, object]:
        identity = self._identity(request, now)
        operation = wire.operation_of(request.value("x-amz-target"))
        if operation not in validation.operations():
            raise ServiceError(
                "UnknownOperationException", "X-Amz-Target names no operation of ECR."
            )
        handler = self.handlers.get(operation)
        if handler is None:
            raise ServiceError(
                "NotImplementedException",
                f"The local ECR does not implement {operation}.",
                status=501,
            )
        account, region = identity.account, identity.region
        self.throttle.acquire(account, region, operation)
        context = self.context(account, region, self._principal(identity), base_url)
        members = _members(operation, request.body)
        self.permissions.check_operation(context.principal, context.region, operation, members)
        return handler(context, members)

    def _principal(self, identity: Identity) -> Principal:
        key = self.credentials.get(identity.access_key)
        if key is not None and key.arn is not None:
            return Principal(key.arn)
        return Principal.of_account(identity.account, identity.region)

    def _identity(self, request: HttpRequest, now: datetime) -> Identity:
        if self.auth:
            return sigv4.verify(request, self.credentials, now)
        return sigv4.unverified(request, self.credentials, account=self.account, region=self.region)


def _members(operation: str, body: wire.Buffer) -> dict[str, Any]:
    """Return the validated members of a request."""
    if operation != "UploadLayerPart":
        return validation.validate(operation, wire.decode(body))
    members, blob = wire.extract_blob(body, _PART)
    checked = validation.validate(operation, members)
    if blob is not None:
        part = wire.EncodedBlob(blob, _PART)
        largest = validation.operations()[operation].input_shape.members[_PART].metadata["max"]
        if len(part) > largest:
            constraint = f"Member must have length less than or equal to {largest}"
            raise invalid_parameter(_PART, constraint)
        checked[_PART] = part
    return checked


def failure(operation: str, error: Exception) -> wire.ApiResponse:
    """Log an error of the server, and return the response that reports it."""
    exhausted = log_failure(operation, error)
    if exhausted is None:
        message = f"The local ECR failed in {operation}; its log has the traceback."
    else:
        message = f"The local ECR failed in {operation}: {exhausted.reason}"
    return wire.encode_error(ServiceError("ServerException", message, status=500))
