"""Places where one resource's module adds to what another one does, without being imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecr_client.local.context import Context
from ecr_client.local.store import Scope, StoredImage

#: Called after an image was stored, with the registry and repository that it went to.
PushHook = Callable[[Context, Scope, str, StoredImage], None]
#: Called after an image or some of its tags were deleted, with digest and tag of each line of
#: ListImages that is gone.
DeleteHook = Callable[[Context, Scope, str, list[tuple[str, str | None]]], None]
#: Gives members to add to the image's entry in the answer of DescribeImages.
DetailHook = Callable[[Context, Scope, str, StoredImage], dict[str, Any]]

_pushed: list[PushHook] = []
_deleted: list[DeleteHook] = []
_details: list[DetailHook] = []


def on_push(hook: PushHook) -> PushHook:
    """Have `hook` called after every push, through the API or through the registry protocol."""
    _pushed.append(hook)
    return hook


def on_delete(hook: DeleteHook) -> DeleteHook:
    """Have `hook` called after a caller has deleted an image or a tag."""
    _deleted.append(hook)
    return hook


def image_details(hook: DetailHook) -> DetailHook:
    """Have `hook` add members to what DescribeImages says about an image."""
    _details.append(hook)
    return hook


def pushed(context: Context, scope: Scope, repository: str, image: StoredImage) -> None:
    """Call every hook that waits for pushes; whoever stores an image for a caller calls this."""
    for hook in _pushed:
        hook(context, scope, repository, image)


def deleted(
    context: Context, scope: Scope, repository: str, gone: list[tuple[str, str | None]]
) -> None:
    """Call every hook that waits for deletions; whoever deletes for a caller calls this."""
    for hook in _deleted:
        hook(context, scope, repository, gone)


def details(context: Context, scope: Scope, repository: str, image: StoredImage) -> dict[str, Any]:
    """Give the members that the hooks add to an image's description."""
    found: dict[str, Any] = {}
    for hook in _details:
        found.update(hook(context, scope, repository, image))
    return found
