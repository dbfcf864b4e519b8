"""The sides of the asynchronous comparison, each an asynchronous context manager with a few calls.

As in `benchmarks.sides`, they import what they need when they are made. All connection pools have
room for every task of a benchmark.
"""

from __future__ import annotations

from typing import Any

from benchmarks.sides import KEYS, REGION, REPOSITORY

CONNECTIONS = 100
#: Records of a page.
PAGE = 1000


class Side:
    """What all sides have in common: ``context`` opens the client, and closes it."""

    context: Any
    client: Any

    async def __aenter__(self) -> Any:
        self.client = await self.context.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.context.__aexit__(*error)


class Ours(Side):
    """``ecr_client``."""

    def __init__(self, url: str) -> None:
        from ecr_client import AsyncECRClient, ClientConfiguration, Credentials

        self.context = AsyncECRClient(
            region=REGION,
            endpoint=url,
            credentials=Credentials(*KEYS),
            config=ClientConfiguration(max_pool_connections=CONNECTIONS),
        )

    async def describe_repositories(self) -> Any:
        return (await self.client.describe_repositories()).repositories

    async def describe_images(self) -> Any:
        result = await self.client.describe_images(repository_name=REPOSITORY, max_results=PAGE)
        return result.image_details

    async def upload(self, part: bytes) -> Any:
        return await self.client.upload_layer_part(
            repository_name=REPOSITORY,
            upload_id="upload",
            part_first_byte=0,
            part_last_byte=len(part) - 1,
            layer_part_blob=part,
        )


class Aiobotocore(Side):
    """aiobotocore, over aiohttp like ours.

    ``verify`` is off, in its favour: it would load the certificate authorities for plain HTTP too,
    which the other sides would do for HTTPS only.
    """

    def __init__(self, url: str) -> None:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import AioSession

        self.context = AioSession().create_client(
            "ecr",
            region_name=REGION,
            endpoint_url=url,
            verify=False,
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            config=AioConfig(max_pool_connections=CONNECTIONS),
        )

    async def describe_repositories(self) -> Any:
        return (await self.client.describe_repositories())["repositories"]

    async def describe_images(self) -> Any:
        result = await self.client.describe_images(repositoryName=REPOSITORY, maxResults=PAGE)
        return result["imageDetails"]

    async def upload(self, part: bytes) -> Any:
        return await self.client.upload_layer_part(
            repositoryName=REPOSITORY,
            uploadId="upload",
            partFirstByte=0,
            partLastByte=len(part) - 1,
            layerPartBlob=part,
        )


class Capo(Side):
    """capo-ecr's asynchronous client, over asyncio.

    As for its synchronous one, certificate authorities are not loaded and the pool is as large as
    that of the others, both in its favour. asyncio itself sets ``TCP_NODELAY``.
    """

    def __init__(self, url: str) -> None:
        import ssl

        from capo_ecr import AsyncECRClient
        from zapros import AsyncIOTransport, AsyncStdNetworkHandler

        handler = AsyncStdNetworkHandler(
            transport=AsyncIOTransport(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
            http1={
                "max_connections_per_host": CONNECTIONS,
                "max_idle_connections_per_host": CONNECTIONS,
            },
        )
        self.context = AsyncECRClient(
            handler,
            endpoint=url,
            region=REGION,
            credentials={"access_key": KEYS[0], "secret_key": KEYS[1]},
        )

    async def describe_repositories(self) -> Any:
        return (await self.client.describe_repositories())["repositories"]

    async def describe_images(self) -> Any:
        return (await self.client.describe_images(REPOSITORY, max_results=PAGE))["image_details"]

    async def upload(self, part: bytes) -> Any:
        return await self.client.upload_layer_part(REPOSITORY, "upload", 0, len(part) - 1, part)


SIDES: dict[str, Any] = {"ecr_client": Ours, "aiobotocore": Aiobotocore, "capo": Capo}
