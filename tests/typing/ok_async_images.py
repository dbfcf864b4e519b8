"""Images with the asynchronous client as type checkers see them."""

from __future__ import annotations

import threading
from pathlib import Path

from typing_extensions import assert_type

from ecr_client import AsyncECRClient, ECRClient
from ecr_client.images import InspectedImage, TransferEvent, TransferResult, TransferStarted
from ecr_client.images.aio import copy_image, inspect_image, pull_image, push_image


def progress(event: TransferEvent) -> None:
    """Take an event in a blocking callback."""


async def async_progress(event: TransferEvent) -> None:
    """Take an event in an asynchronous callback."""
    if isinstance(event, TransferStarted):
        assert_type(event.blobs, int)


async def transfers(client: AsyncECRClient, other: AsyncECRClient, folder: Path) -> None:
    """The functions have the parameters and results of the blocking ones."""
    assert_type(await push_image(client, folder, "app:1", tags=["2"], create=True), TransferResult)
    assert_type(await pull_image(client, "app:1", folder, progress=progress), TransferResult)
    assert_type(
        await copy_image(client, "app:1", other, "mirror", progress=async_progress), TransferResult
    )
    assert_type(await inspect_image(client, "app:1"), InspectedImage)
    await push_image(client=client, source="oci:app", reference="app:1", cancel=threading.Event())


async def mistakes(client: AsyncECRClient, blocking: ECRClient) -> None:
    """The blocking client and unknown parameters are refused."""
    await inspect_image(blocking, "app:1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await inspect_image(client, "app:1", tags=[])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
