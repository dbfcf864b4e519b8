"""The asynchronous client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ecr_client._client_base import ClientBase, Shared
from ecr_client._common.hints import explains_keywords
from ecr_client._common.redact import keeps_arguments_secret
from ecr_client._coroutines import in_thread
from ecr_client._credentials.asynchronous import AsyncCredentialsSource
from ecr_client._lifetime import AsyncLifetime
from ecr_client._methods.asynchronous import (
    AsyncAmazonECR,
    AsyncBatches,
    AsyncPaginators,
    AsyncWaiters,
)
from ecr_client._signatures import documented_by
from ecr_client.client import ECRClient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._operation import Operation, Request, Result
    from ecr_client._settings import Settings
    from ecr_client._transport.base import AsyncTransport
    from ecr_client.config import ClientConfiguration
    from ecr_client.credentials import AsyncCredentialsLike
    from ecr_client.downloads import AsyncLayerDownload
    from ecr_client.regions import Region
    from ecr_client.retry import RetryPolicy


class _AsyncShared(Shared):
    """The state that an asynchronous client shares with all its views."""

    loop: asyncio.AbstractEventLoop | None = None

    def enter(self) -> None:
        """Bind the client to the running event loop.

        Raises:
            RuntimeError: The client is bound to another event loop.
        """
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            if self.loop is not None:
                raise RuntimeError(
                    "this AsyncECRClient is bound to another event loop, which owns its "
                    "connections; create one client for each event loop"
                )
            self.loop = loop


@documented_by(ECRClient)
class AsyncECRClient(ClientBase, AsyncBatches, AsyncPaginators, AsyncWaiters, AsyncAmazonECR):
    """A client of Amazon ECR for asyncio, with the operations and arguments of `ECRClient`.

    It is used in an ``async with`` block, in one event loop, by any number of its tasks::

        async with AsyncECRClient(region="eu-west-1") as client:
            result = await client.describe_repositories()
            async for image in client.paginate_describe_images(repository_name="app"):
                ...

    API calls share ``max_pool_connections`` connections, and wait for a free one. Credentials that
    have to be looked up are looked up in a worker thread, once for all waiting tasks.

    Args:
        region: A region or its name; see `ECRClient`.
        endpoint: A host or a URL to call instead of the region's; see `ECRClient`.
        credentials: As for `ECRClient`, or an asynchronous function that returns credentials. A
            function that is not asynchronous is called in a worker thread.
        profile: A profile of the shared configuration files, for settings and credentials.
        session: A botocore or boto3 session, for region, settings, credentials and its default
            client config.
        config: Timeouts, connections, proxies and the rest. ``proxies_config`` and SOCKS proxies
            are not supported.

    Raises:
        InvalidConfigurationException: Arguments contradict each other, or a setting of the
            environment or the profile is unusable.
        InvalidRegionException: The region is invalid.
        InvalidEndpointException: The endpoint is invalid.
    """

    _shared: _AsyncShared
    _offload = staticmethod(in_thread)

    @keeps_arguments_secret
    @explains_keywords
    def __init__(
        self,
        *,
        region: Region | str | None = None,
        endpoint: str | None = None,
        credentials: AsyncCredentialsLike | None = None,
        profile: str | None = None,
        session: Any = None,
        config: ClientConfiguration | None = None,
    ) -> None:
        self._build(
            region=region,
            endpoint=endpoint,
            credentials=credentials,
            profile=profile,
            session=session,
            config=config,
        )

    def _source(self, **arguments: Any) -> AsyncCredentialsSource:
        return AsyncCredentialsSource(self._shared.lifetime, **arguments)

    def _share(self, config: ClientConfiguration, settings: Settings) -> Shared:
        try:
            from ecr_client._transport.aiohttp_transport import AiohttpTransport
        except ImportError as error:
            raise ImportError(
                f"AsyncECRClient needs aiohttp: pip install 'ecr-client[async]' ({error})",
                name=error.name,
            ) from error
        return _AsyncShared(config, settings, AsyncLifetime(), AiohttpTransport(config, settings))

    @property
    def transport(self) -> AsyncTransport:
        """The transport of this client and all its views, which may be replaced.

        Derive from `ecr_client.transport.AsyncTransport` to replace HTTP. Calls in progress keep
        the transport that they started with. `aclose` closes the current one.
        """
        return self._shared.transport  # type: ignore[no-any-return]

    @transport.setter
    def transport(self, transport: AsyncTransport) -> None:
        self._shared.transport = transport

    async def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        self._shared.enter()
        return await self._call(operation, request)

    @keeps_arguments_secret
    @explains_keywords
    def with_options(
        self,
        *,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: AsyncCredentialsLike | None = None,
    ) -> Self:
        return self._view(timeout=timeout, retry=retry, headers=headers, credentials=credentials)

    @explains_keywords
    def download_layer(
        self,
        *,
        repository_name: str,
        layer_digest: str,
        registry_id: str | None = None,
        start: int = 0,
    ) -> AsyncLayerDownload:
        """Return a stream of the bytes of a layer, to be used in an ``async with`` block.

        It does what `ECRClient.download_layer` does::

            async with client.download_layer(repository_name="app", layer_digest=digest) as layer:
                async for chunk in layer.iter_bytes():
                    file.write(chunk)

        Args:
            repository_name: The repository that has the layer.
            layer_digest: The digest of the layer, ``sha256:...`` or ``sha512:...``. A manifest or
                a configuration can be downloaded in the same way.
            registry_id: The AWS account id of the registry; ``None`` for that of the principal.
            start: How many bytes to skip at the beginning of the layer, at least 0. If there are
                any, only the size can be verified, not the digest.

        Raises:
            ParamValidationException: An argument is invalid; nothing was sent.
        """
        from ecr_client.downloads import AsyncLayerDownload

        return self._download(AsyncLayerDownload, repository_name, layer_digest, registry_id, start)

    async def shutdown(self) -> None:
        """Close all connections. Later calls fail; shutting down again does nothing.

        Calls in progress in other tasks fail with a ``ClientShutdownException``.
        """
        shared = self._shared
        shared.enter()
        try:
            await shared.lifetime.end()
        finally:
            await shared.transport.close()  # even if this task is cancelled meanwhile

    async def aclose(self) -> None:
        """Close all connections, like `shutdown`."""
        await self.shutdown()

    async def __aenter__(self) -> Self:
        self._shared.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.shutdown()
