"""The ECR API: from a request as it came from the wire to its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

from ecr_client.local import sigv4, validation, wire
from ecr_client.local.context import Context
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.exhaustion import log_failure
from ecr_client.local.operations import HANDLERS
from ecr_client.local.policy_evaluation import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ecr_client.local.operations import Handler
    from ecr_client.local.permissions import Permissions
    from ecr_client.local.rates import Rates
    from ecr_client.local.sigv4 import AccessKey, Caller, HttpRequest
    from ecr_client.local.store import Store
    from ecr_client.local.tokens import Tokens

#: Whether the registry behaves as ECR does, or as the specification of OCI wants it.
RegistryProtocol = Literal["ecr", "oci"]
PROTOCOLS: tuple[RegistryProtocol, ...] = ("ecr", "oci")

_PART = "layerPartBlob"


@attrs.frozen(kw_only=True)
class Service:
    """Answers requests of the ECR API, in any thread.

    Args:
        store: Where everything is kept.
        tokens: Makes and checks authorization tokens and download addresses.
        clock: Gives the time as an aware UTC datetime.
        credentials: The keys that requests may be signed with, by their id.
        auth: Whether signatures are checked.
        account: Whose registry a request is about that nobody signed.
        region: The region of such a request.
        rates: How many calls each account may make.
        permissions: Asks the policies of other accounts.
        registry_protocol: Whose behaviour the registry protocol has where ECR's is another one
            than the specification's.
        handlers: The functions that answer operations.
    """

    store: Store
    tokens: Tokens
    clock: Callable[[], datetime]
    credentials: Mapping[str, AccessKey]
    auth: bool
    account: str
    region: str
    rates: Rates
    permissions: Permissions
    registry_protocol: RegistryProtocol = "ecr"
    handlers: Mapping[str, Handler] = HANDLERS

    @property
    def follows_ecr(self) -> bool:
        """Whether the registry protocol is that of ECR."""
        return self.registry_protocol == "ecr"

    def answer(self, request: HttpRequest, base_url: str, now: datetime) -> wire.Answer:
        """Give the answer to a request, whatever it is.

        Args:
            request: The request with its whole body.
            base_url: Scheme and host as the caller reached them.
            now: The time by which its signature is judged.
        """
        try:
            return wire.encode(self._answer(request, base_url, now))
        except ServiceError as error:
            return wire.encode_error(error)
        except Exception as error:
            return failure(str(wire.operation_of(request.value("x-amz-target"))), error)

    def refuse_early(self, request: HttpRequest, now: datetime) -> None:
        """Check what can be checked of a request whose body has not arrived.

        Raises:
            ServiceError: What `answer` would say when the body is there.
        """
        if self.auth:
            sigv4.verify_headers(request, self.credentials, now)

    def _answer(self, request: HttpRequest, base_url: str, now: datetime) -> dict[str, object]:
        caller = self._caller(request, now)
        operation = wire.operation_of(request.value("x-amz-target"))
        if operation not in validation.operations():
            raise ServiceError("UnknownOperationException", "The operation is not one of ECR.")
        handler = self.handlers.get(operation)
        if handler is None:
            raise ServiceError(
                "NotImplementedException",
                f"The local ECR does not implement {operation}.",
                status=501,
            )
        self.rates.use(caller.account, caller.region, operation)
        context = Context(
            account=caller.account,
            principal=self._principal(caller),
            region=caller.region,
            store=self.store,
            clock=self.clock,
            base_url=base_url,
            tokens=self.tokens,
            permissions=self.permissions,
        )
        members = _members(operation, request.body)
        self.permissions.check_operation(context.principal, context.region, operation, members)
        return handler(context, members)

    def _principal(self, caller: Caller) -> Principal:
        key = self.credentials.get(caller.access_key)
        if key is not None and key.arn is not None:
            return Principal(key.arn)
        return Principal.of_account(caller.account, caller.region)

    def _caller(self, request: HttpRequest, now: datetime) -> Caller:
        if self.auth:
            return sigv4.verify(request, self.credentials, now)
        return sigv4.unverified(request, self.credentials, account=self.account, region=self.region)


def _members(operation: str, body: wire.Buffer) -> dict[str, Any]:
    """Return the checked members of a request."""
    if operation != "UploadLayerPart":
        return validation.validate(operation, wire.decode(body))
    members, blob = wire.cut_blob(body, _PART)
    checked = validation.validate(operation, members)
    if blob is not None:
        part = wire.decode_blob(blob, _PART)
        largest = validation.operations()[operation].input_shape.members[_PART].metadata["max"]
        if len(part) > largest:
            constraint = f"Member must have length less than or equal to {largest}"
            raise invalid_parameter(_PART, constraint)
        checked[_PART] = part
    return checked


def failure(operation: str, error: Exception) -> wire.Answer:
    """Log why the server failed in an operation, and return the response that says so."""
    exhausted = log_failure(operation, error)
    if exhausted is None:
        message = f"The local ECR failed in {operation}; its log has the traceback."
    else:
        message = f"The local ECR failed in {operation}: {exhausted.reason}"
    return wire.encode_error(ServiceError("ServerException", message, status=500))
