"""The client: construction, endpoint, calls and shutdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._common.forks import Lock
from ecr_client._common.hints import explains_keywords, hint
from ecr_client._common.redact import keeps_arguments_secret
from ecr_client._credentials.sources import credentials_source
from ecr_client._generated.batches import Batches
from ecr_client._generated.interface import AmazonECR
from ecr_client._generated.paginators import Paginators
from ecr_client._generated.waiters import Waiters
from ecr_client._lifetime import Lifetime
from ecr_client._settings import Settings
from ecr_client._shapes import Hidden
from ecr_client._transport.base import shut_down
from ecr_client._transport.requests_transport import RequestsTransport
from ecr_client._unavailable import Guarded
from ecr_client.config import with_defaults
from ecr_client.endpoints import (
    choose_endpoint,
    parse_endpoint,
    refuse_variant,
    resolve_endpoint,
    wanted_variant,
    warn_if_unsafe,
)
from ecr_client.metadata import ResponseMetadata, ResponseMetadataCache
from ecr_client.regions import Region, supported_region

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._operation import Operation, Request, Result
    from ecr_client._options import CallOptions
    from ecr_client._pipeline import Call, Pipeline
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client._transport.base import Transport
    from ecr_client.config import ClientConfiguration
    from ecr_client.credentials import CredentialsLike
    from ecr_client.downloads import LayerDownload
    from ecr_client.endpoints import Endpoint
    from ecr_client.retry import RetryPolicy

#: The attributes that every client creates for itself; those of subclasses are copied.
_OWN = frozenset(
    {
        "_arguments",
        "_config",
        "_credentials",
        "_endpoint",
        "_options",
        "_overrides",
        "_settings",
        "_shared",
    }
)


class _Shared:
    """The state that a client shares with all its views."""

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        self.lifetime = Lifetime()
        self.transport: Transport = RequestsTransport(config, settings)
        self.cache = ResponseMetadataCache(config.response_metadata_cache_size)
        # With a policy, the settings are not read, so that they may be malformed.
        self.retry = {} if config.retry is not None else settings.retry
        self.pipeline: Pipeline | None = None
        self._lock = Lock()

    def keep(self, pipeline: Pipeline) -> Pipeline:
        """Set the pipeline unless another thread has set one already; return the one in use."""
        with self._lock.held:
            if self.pipeline is None:
                self.pipeline = pipeline
            return self.pipeline


class ECRClient(Batches, Paginators, Waiters, AmazonECR):
    """A client of Amazon ECR, safe to share between threads.

    Every operation takes a request object or its members as keywords, and returns a typed result.
    Building a client sends nothing and looks up no credentials; the first call does.

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
        config = with_defaults(config, {})
        # Then no setting of the shared files is needed.
        is_complete = all(each is not None for each in (region, endpoint, credentials))
        self._settings = Settings(profile=profile, session=session, lenient=is_complete)
        if session is not None:
            from ecr_client._session import with_session_defaults

            config = with_session_defaults(config, self._settings.session)
        self._arguments = {
            "region": region,
            "endpoint": endpoint,
            "credentials": Hidden(credentials),
            "profile": profile,
            "session": session,
            "config": config,
        }
        self._config = config
        self._endpoint = choose_endpoint(
            region=region, endpoint=endpoint, config=config, settings=self._settings
        )
        self._credentials = credentials_source(
            credentials=credentials,
            profile=profile,
            session=session,
            region=self._endpoint.signing_region,
        )
        self._overrides: dict[str, Any] = {}
        self._options: CallOptions | None = None
        self._shared = _Shared(config, self._settings)
        warn_if_unsafe(self._endpoint.url, config.verify)

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, for example ``https://api.ecr.eu-west-1.amazonaws.com``."""
        return self._endpoint.url

    @property
    def region(self) -> str:
        """The region for which calls are signed, for example ``eu-west-1``."""
        return self._endpoint.signing_region

    @property
    def transport(self) -> Transport:
        """The transport of this client and all its views, which may be replaced.

        Derive from `ecr_client.transport.Transport` to replace HTTP. Calls in progress keep the
        transport that they started with. `shutdown` closes the current one.
        """
        return self._shared.transport

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
            ParamValidationException: The request is not one of the operation; nothing was sent.
            ClientShutdownException: The client was shut down, or the interpreter is shutting down.
            AmazonClientException: The call failed; see the method of the operation.
        """
        shared = self._shared
        # Read once: a call keeps the endpoint and the transport that it started with.
        endpoint, transport = self._endpoint, shared.transport
        if shared.lifetime.over:
            raise shut_down(operation.name)
        with Guarded(operation.name):
            pipeline = shared.pipeline or self._make_pipeline()
            options = self._options or self._make_options()
            result = pipeline.call(operation, request, endpoint, options, transport)
        shared.cache.put(request, result.response_metadata)
        return result

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
                a configuration can be downloaded likewise.
            registry_id: The AWS account id of the registry; ``None`` for that of the principal.
            start: How many bytes to skip at the beginning of the layer, at least 0. If there are
                any, only the size can be verified, not the digest.

        Raises:
            ParamValidationException: An argument is invalid; nothing was sent.
        """
        from ecr_client._engine.download import PURPOSE, Transfer
        from ecr_client._engine.prepare import encode
        from ecr_client._generated.operations import GET_DOWNLOAD_URL_FOR_LAYER
        from ecr_client.downloads import LayerDownload
        from ecr_client.endpoints import Endpoint

        request = GET_DOWNLOAD_URL_FOR_LAYER.request_class(
            repository_name=repository_name, layer_digest=layer_digest, registry_id=registry_id
        )
        transfer = Transfer(layer_digest, start)
        # Checked here, not only when the block is entered.
        encode(GET_DOWNLOAD_URL_FOR_LAYER, request)
        pipeline = self._shared.pipeline or self._make_pipeline()
        options = self._options or self._make_options()
        shared, region = self._shared, self._endpoint.signing_region

        def begin(url: Hidden[str]) -> Call:
            # The query of a presigned URL is a secret.
            endpoint = Endpoint(url.value.partition("?")[0], region)
            # A download starts when it is read, with the transport that is set by then.
            return pipeline.begin(PURPOSE, endpoint, options, shared.transport)

        return LayerDownload(
            pipeline,
            begin,
            lambda: self.invoke(GET_DOWNLOAD_URL_FOR_LAYER, request).download_url,
            transfer,
        )

    @keeps_arguments_secret
    def set_endpoint(self, endpoint: str) -> None:
        """Send all later calls to another endpoint.

        Args:
            endpoint: A host, which is called by the configured protocol, or a URL. The host name
                of an AWS endpoint also sets the signing region, which otherwise stays the same.

        Raises:
            InvalidEndpointException: The endpoint is invalid.
            InvalidConfigurationException: FIPS or dual-stack endpoints are configured.
        """
        refuse_variant(*wanted_variant(self._config, self._settings), "set_endpoint")
        self._endpoint = parse_endpoint(
            endpoint, protocol=self._config.protocol, signing_region=self._endpoint.signing_region
        )
        warn_if_unsafe(self._endpoint.url, self._config.verify)

    @keeps_arguments_secret
    def set_region(self, region: Region | str) -> None:
        """Send all later calls to the endpoint of another region.

        Args:
            region: A region that offers Amazon ECR, or its name.

        Raises:
            InvalidRegionException: The region is invalid, or does not offer Amazon ECR.
        """
        use_fips, use_dualstack = wanted_variant(self._config, self._settings)
        self._endpoint = resolve_endpoint(
            supported_region(region),
            use_fips=use_fips,
            use_dualstack=use_dualstack,
            protocol=self._config.protocol,
        )
        warn_if_unsafe(self._endpoint.url, self._config.verify)

    def get_cached_response_metadata(
        self, request: AmazonWebServiceRequest
    ) -> ResponseMetadata | None:
        """Return the metadata of the latest successful call with a request object.

        Only the latest calls are remembered (``ClientConfiguration.response_metadata_cache_size``,
        50 by default), and only while the request object lives. The metadata is also on every
        result, as ``result.response_metadata``.

        Args:
            request: The object that was passed to the call; an equal object does not count.

        Returns:
            The metadata, or ``None`` if it is not or no longer remembered.
        """
        return self._shared.cache.get(request)

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
        from ecr_client._options import checked_overrides

        # Not copy.copy, which would create an independent client by means of __reduce__.
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        given = {"timeout": timeout, "retry": retry, "headers": headers, "credentials": credentials}
        view._overrides = checked_overrides(self._overrides, given)
        view._options = None
        return view

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

    def __reduce__(self) -> tuple[Any, ...]:
        # The arguments are pickled; connections and retrieved credentials are not.
        if self._arguments["session"] is not None:
            raise TypeError(
                "a client with a session cannot be pickled; pass profile= or credentials= instead"
            )
        state = self.__getstate__()
        if isinstance(state, dict):
            state = {name: value for name, value in state.items() if name not in _OWN}
        return _restore, (type(self), self._arguments, self._endpoint, self._overrides), state

    def __getstate__(self) -> Any:
        # Python 3.11 adds it to every object. Subclasses may leave out what cannot be pickled.
        return dict(vars(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint} ({self.region})>"

    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            error = f"{type(self).__name__!r} object has no attribute {name!r}"
            meant = "" if name.startswith("_") else hint(name, dir(type(self)), "client")
            if meant:
                raise AttributeError(error + meant)
            # With these two arguments, Python itself suggests a similar name.
            raise AttributeError(error, name=name, obj=self)

    def _make_pipeline(self) -> Pipeline:
        # The signer, the codec and the types are loaded only here, at the first call.
        from ecr_client._engine.user_agent import user_agent
        from ecr_client._observer import Observer
        from ecr_client._pipeline import Pipeline

        app_id = self._config.user_agent_appid
        agent = user_agent(self._settings.user_agent_appid if app_id is None else app_id)
        if self._settings.session is not None:
            from ecr_client._session import session_user_agent

            agent = session_user_agent(self._settings.session, agent)
        made = Pipeline(
            lifetime=self._shared.lifetime,
            user_agent=agent,
            observer=Observer(self._config.hooks),
            max_response_size=self._config.max_response_size,
        )
        return self._shared.keep(made)

    def _make_options(self) -> CallOptions:
        from ecr_client._options import CallOptions
        from ecr_client.retry import RetryPolicy

        given = self._overrides
        retry = given.get("retry") or self._config.retry
        if retry is None:
            retry = RetryPolicy(**self._shared.retry)
        own = given.get("credentials", Hidden(None)).value
        self._options = CallOptions(
            credentials=self._credentials if own is None else credentials_source(credentials=own),
            retry=retry,
            total_timeout=given.get("timeout", self._config.total_timeout),
            headers=given.get("headers", Hidden({})).value,
        )
        return self._options


def _restore(
    client_class: type[ECRClient],
    arguments: dict[str, Any],
    endpoint: Endpoint,
    overrides: dict[str, Any],
) -> ECRClient:
    """Return a client like the one that was pickled, with its current endpoint."""
    # Not by the constructor of a subclass, which may have other parameters; its attributes are
    # restored from the pickled state.
    client = object.__new__(client_class)
    ECRClient.__init__(client, **{**arguments, "credentials": arguments["credentials"].value})
    client._endpoint = endpoint
    client._overrides = overrides
    return client
