"""Repositories that a push makes, where a creation template says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client.local.permissions import CREATE_ON_PUSH
from ecr_client.local.repository_templates import repository_for, template_for

if TYPE_CHECKING:
    from ecr_client.local.distribution.call import Call

_REASON = "CREATE_ON_PUSH"


def ensure_repository(call: Call) -> None:
    """Make the repository if it is not there and a template for pushes fits its name.

    Raises:
        ServiceError: RepositoryNotFoundException, LimitExceededException, AccessDeniedException.
    """
    store, scope, name = call.store, call.scope, call.name
    if store.repositories.get(scope, name) is not None:
        return
    with store.write():
        # Another push may have made it, or somebody taken the template away.
        missing = store.repositories.get(scope, name) is None
        if missing and template_for(store, scope, name, _REASON) is not None:
            call.service.permissions.check(call.principal, scope, name, CREATE_ON_PUSH)
            repository_for(store, scope, name, _REASON)
    store.repositories.require(scope, name)
