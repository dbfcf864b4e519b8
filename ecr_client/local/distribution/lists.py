"""Lists of tags and of repositories, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import JSONResponse

from ecr_client.local.distribution.errors import unsupported
from ecr_client.local.store.image import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from ecr_client.local.distribution.call import Call

#: The entries of a page if the caller does not say how many, and the most that it may ask for:
#: those of the API, which ECR keeps to here too.
DEFAULT = 100
MOST = 1_000


def tags(call: Call) -> Response:
    """Give the tags of a repository in alphabetical order, but for those of archived images."""

    def after(last: str, limit: int) -> list[str]:
        with call.store.read() as connection:
            owner = call.store.repositories.require(call.scope, call.name).id
            rows = connection.execute(
                "SELECT tag FROM tags JOIN images ON images.id = image"
                " WHERE tags.repository = ? AND tag > ? AND status = ? ORDER BY tag LIMIT ?",
                (owner, last, ACTIVE, limit),
            ).fetchall()
        return [row["tag"] for row in rows]

    return _page(call, after, lambda names: {"name": call.name, "tags": names})


def catalog(call: Call) -> Response:
    """Give the names of the repositories of the caller's registry in alphabetical order."""

    def after(last: str, limit: int) -> list[str]:
        found = call.store.repositories.list(call.scope, after=last, limit=limit)
        return [repository.name for repository in found]

    return _page(call, after, lambda names: {"repositories": names})


def _page(
    call: Call,
    after: Callable[[str, int], list[str]],
    body: Callable[[list[str]], dict[str, object]],
) -> Response:
    size = _size(call.query("n"))
    # One more than asked for tells whether that is all.
    names = after(call.query("last") or "", size + 1)
    headers = {}
    if size and len(names) > size:
        following = urlencode({"n": size, "last": names[size - 1]})
        headers["Link"] = f'<{call.request.scope["path"]}?{following}>; rel="next"'
    return JSONResponse(body(names[:size]), headers=headers)


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT
    if not (text.isascii() and text.isdigit()):
        raise unsupported(_refusal("Member must be a number"))
    if len(text) > len(str(MOST)) or int(text) > MOST:
        raise unsupported(_refusal(f"Member must have value less than or equal to {MOST}"))
    return int(text)


def _refusal(constraint: str) -> str:
    return f"Invalid parameter at 'maxResults' failed to satisfy constraint: '{constraint}'"
