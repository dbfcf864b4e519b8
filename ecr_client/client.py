"""The blocking client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._client_base import ClientBase, Shared
from ecr_client._common.hints import explains_keywords
from ecr_client._common.redact import keeps_arguments_secret
from ecr_client._coroutines import run
from ecr_client._credentials.sources import credentials_source
from ecr_client._lifetime import Lifetime
from ecr_client._methods.batches import Batches
from ecr_client._methods.interface import AmazonECR
from ecr_client._methods.paginators import Paginators
from ecr_client._methods.waiters import Waiters
from ecr_client._transport.requests_transport import RequestsTransport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._credentials.sources import CredentialsSource
    from ecr_client._operation import Operation, Request, Result
    from ecr_client._settings import Settings
    from ecr_client._transport.base import Transport
    from ecr_client.config import ClientConfiguration
    from ecr_client.credentials import CredentialsLike
    from ecr_client.downloads import LayerDownload
    from ecr_client.regions import Region
    from ecr_client.retry import RetryPolicy


class ECRClient(ClientBase, Batches, Paginators, Waiters, AmazonECR):
    """A client of Amazon ECR, safe to share between threads.

    Every operation takes a request object or its members as keywords, and returns a typed result.
    Building a client sends nothing and looks up no credentials; the first call does::

        with ECRClient(region="eu-west-1") as client:
            for repository in client.paginate_describe_repositories():
                print(repository.repository_uri)

    Args:
        region: A region or its name. ``None`` uses ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the
            profile's; without any of them the endpoint is ``https://ecr.us-east-1.amazonaws.com``.
        endpoint: A host or a URL to call instead of the region's. ``None`` uses
            ``AWS_ENDPOINT_URL_ECR``, ``AWS_ENDPOINT_URL`` or the profile's, if there is one.
        credentials: `Credentials`, credentials of botocore, a function that returns either, or
            `ANONYMOUS` to send calls unsigned. ``None`` uses botocore's default chain.
        profile: A profile of the shared configuration files, for settings and credentials.
        session: A botocore or boto3 session, for region, settings, credentials and its default
            client config.
        config: Timeouts, connections, proxies and the rest.

    Raises:
        InvalidConfigurationException: Arguments contradict each other, or a setting of the
            environment or the profile is unusable.
        InvalidRegionException: The region is invalid.
        InvalidEndpointException: The endpoint is invalid.
    """

    @keeps_arguments_secret
    @explains_keywords
    def __init__(
        self,
        *,
        region: Region | str | None = None,
        endpoint: str | None = None,
        credentials: CredentialsLike | None = None,
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

    def _source(self, **arguments: Any) -> CredentialsSource:
        return credentials_source(**arguments)

    def _share(self, config: ClientConfiguration, settings: Settings) -> Shared:
        return Shared(config, settings, Lifetime(), RequestsTransport(config, settings))

    @property
    def transport(self) -> Transport:
        """The transport of this client and all its views, which may be replaced.

        Derive from `ecr_client.transport.Transport` to replace HTTP. Calls in progress keep the
        transport that they started with. `shutdown` closes the current one.
        """
        return self._shared.transport  # type: ignore[no-any-return]

    @transport.setter
    def transport(self, transport: Transport) -> None:
        self._shared.transport = transport

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Make one call and return its result.

        Every call goes through this method: each operation, each page of a paginator, each poll of
        a waiter, each call of a batch, and the lookup of the URL of a layer. Override it to
        observe, change or replace calls.

        Args:
            operation: One of `ecr_client.operations`.
            request: A request of that operation.

        Raises:
            ParamValidationException: The request does not fit the operation; nothing was sent.
            ClientShutdownException: The client was shut down, or the interpreter is shutting down.
            AmazonClientException: The call failed; see the method of the operation.
        """
        return run(self._call(operation, request))

    @keeps_arguments_secret
    @explains_keywords
    def with_options(
        self,
        *,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: CredentialsLike | None = None,
    ) -> Self:
        """Return a view of this client with other options for its calls.

        A view is cheap and needs no shutdown: it shares connections, retry quota and remembered
        metadata with this client, and `shutdown` of either shuts both down. It starts with the
        current endpoint of this client; later changes of one do not affect the other.

        Args:
            timeout: Seconds that each call may take as a whole, instead of ``total_timeout``.
            retry: The retry policy.
            headers: Headers to send in addition to those of this client or view; the headers that
                the client sets itself cannot be replaced. Those that begin with ``x-amz-`` are
                signed.
            credentials: The credentials that sign the calls.

        Raises:
            InvalidConfigurationException: A value has the wrong type or is out of range.
        """
        return self._view(timeout=timeout, retry=retry, headers=headers, credentials=credentials)

    @explains_keywords
    def download_layer(
        self,
        *,
        repository_name: str,
        layer_digest: str,
        registry_id: str | None = None,
        start: int = 0,
    ) -> LayerDownload:
        """Return a stream of the bytes of a layer, to be used in a ``with`` block.

        The client requests a presigned URL from the service, and reads it with its own proxies,
        certificates and timeouts, but without its credentials. After a broken connection the
        download is resumed, an expired URL is replaced, and the digest is verified at the end::

            with client.download_layer(repository_name="app", layer_digest=digest) as layer:
                for chunk in layer.iter_bytes():
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
        from ecr_client.downloads import LayerDownload

        return self._download(LayerDownload, repository_name, layer_digest, registry_id, start)

    def close(self) -> None:
        """Close all connections, like `shutdown`."""
        self.shutdown()

    def shutdown(self) -> None:
        """Close all connections. Later calls fail; shutting down again does nothing.

        Calls in progress in other threads end with their response, or with a
        ``ClientShutdownException`` if they are waiting to be retried.
        """
        self._shared.lifetime.end()
        self._shared.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()
