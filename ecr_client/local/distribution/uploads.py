"""Pushing layers: at once, in chunks, or by mounting what another repository has."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response

from ecr_client.local.api.registry import account_setting
from ecr_client.local.distribution.call import checked_digest
from ecr_client.local.distribution.creation import ensure_repository
from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.distribution.receiving import Turns, has_body, progress, receive, settled
from ecr_client.local.errors import ServiceError
from ecr_client.local.permissions import MOUNT_FROM
from ecr_client.local.store.blobs import DIGEST

if TYPE_CHECKING:
    from ecr_client.local.distribution.call import Call
    from ecr_client.local.store import Stream


#: Of how many uploads the end of the first chunk is known.
_REMEMBERED = 10_000


class Uploads:
    """The handlers of uploads, which keep out of each other's way."""

    def __init__(self) -> None:
        self._turns = Turns()
        #: The size that each upload had after its first chunk; see `append`.
        self._began: OrderedDict[str, int] = OrderedDict()

    async def start(self, call: Call) -> Response:
        """Begin an upload; with a digest and a body it is also the end of it."""
        await call.run(ensure_repository, call)
        mounted = call.query("mount")
        if mounted is not None and await call.run(_mount, call, mounted):
            return _created(call, mounted)
        digest = call.query("digest")
        if digest is None or not has_body(call):
            upload_id = await call.run(call.store.uploads.begin, call.scope, call.name)
            return Response(status_code=202, headers=progress(call, upload_id, 0))
        checked_digest(digest)
        upload_id = await call.run(call.store.uploads.begin, call.scope, call.name)
        try:
            return await self._complete(call, upload_id, digest)
        except BaseException:
            # Nobody else knows of the upload, so nobody could go on with it.
            with suppress(ServiceError, RuntimeError):
                await call.run(call.store.uploads.abort, call.scope, call.name, upload_id)
            raise

    async def append(self, call: Call) -> Response:
        """Take a chunk, or the whole layer as it is being made.

        ECR answers with another status than the specification wants, and goes on naming the end of
        the first chunk as that of the upload.
        """
        upload_id = call.path("upload").lower()
        async with self._turns.of(upload_id) as turn:
            stream = await receive(call, upload_id, turn)
            async with settled(call, stream):
                size = await call.run(call.store.uploads.keep, stream, _least(call))
        if not call.service.follows_ecr:
            return Response(status_code=202, headers=progress(call, upload_id, size))
        if size:
            size = self._began.setdefault(upload_id, size)
        if len(self._began) > _REMEMBERED:
            self._began.popitem(last=False)
        return Response(status_code=201, headers=progress(call, upload_id, size))

    async def finish(self, call: Call) -> Response:
        """Make an upload a layer, after appending the body if there is one."""
        upload_id, digest = call.path("upload").lower(), checked_digest(call.query("digest"))
        return await self._complete(call, upload_id, digest)

    async def cancel(self, call: Call) -> Response:
        """Drop an upload."""
        upload_id = call.path("upload").lower()
        await call.run(call.store.uploads.abort, call.scope, call.name, upload_id)
        return Response(status_code=204)

    async def _complete(self, call: Call, upload_id: str, digest: str) -> Response:
        if has_body(call):
            async with self._turns.of(upload_id) as turn:
                stream = await receive(call, upload_id, turn)
                async with settled(call, stream):
                    await call.run(_finish, call, upload_id, digest, stream)
        else:
            await call.run(_finish, call, upload_id, digest)
        return _created(call, digest)


def status(call: Call) -> Response:
    """Tell how far an upload has come."""
    upload_id = call.path("upload").lower()
    received = call.store.uploads.received(call.scope, call.name, upload_id)
    return Response(status_code=204, headers=progress(call, upload_id, received))


def _finish(call: Call, upload_id: str, digest: str, stream: Stream | None = None) -> None:
    uploads = call.store.uploads
    received = uploads.received(call.scope, call.name, upload_id)
    if not received and (stream is None or not stream.size):
        raise RegistryError(
            "BLOB_UPLOAD_INVALID",
            f"The upload with id '{upload_id}' in the repository with name '{call.name}' in"
            f" registry with id '{call.scope.account}' cannot be completed because it does not"
            " have any parts",
        )
    least = _least(call)
    uploads.finish(call.scope, call.name, upload_id, digest, stream=stream, least=least)


def _least(call: Call) -> int:
    """Return how many bytes a chunk has that another one follows."""
    return call.store.limits.smallest_part if call.service.follows_ecr else 0


def _mount(call: Call, digest: str) -> bool:
    """Take a layer from another repository, and tell whether that was possible.

    Whatever stands in the way, the caller is told to upload: that is what the specification wants.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
    """
    store, scope, source = call.store, call.scope, call.query("from")
    if source is None or not DIGEST.fullmatch(digest):
        return False
    if account_setting(store, scope, "BLOB_MOUNTING") != "ENABLED":
        return False
    if not call.service.permissions.allows(call.principal, scope, source, MOUNT_FROM):
        return False
    with store.write():
        giver = store.repositories.get(scope, source)
        taker = store.repositories.require(scope, call.name)
        if giver is None:
            return False
        if (giver.encryption_type, giver.kms_key) != (taker.encryption_type, taker.kms_key):
            return False
        return store.layers.mount(scope, source, call.name, digest)


def _created(call: Call, digest: str) -> Response:
    headers = {
        "Location": f"/v2/{call.name}/blobs/{digest}",
        "Docker-Content-Digest": digest,
    }
    return Response(status_code=201, headers=headers)
