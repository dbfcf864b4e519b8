"""The part that both clients share: construction, endpoint, options, pickling and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ecr_client._common.forks import Lock
from ecr_client._common.hints import hint
from ecr_client._common.redact import keeps_arguments_secret
from ecr_client._coroutines import maybe_await
from ecr_client._settings import Settings
from ecr_client._shapes import Hidden
from ecr_client._transport.base import shut_down
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
    from typing_extensions import Self

    from ecr_client._call import Call
    from ecr_client._credentials.asynchronous import AsyncCredentialsSource
    from ecr_client._credentials.sources import CredentialsSource
    from ecr_client._lifetime import AsyncLifetime, Lifetime
    from ecr_client._operation import Operation, Request, Result
    from ecr_client._options import CallOptions
    from ecr_client._pipeline import Offload, Pipeline
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client._transport.base import AsyncTransport, Transport
    from ecr_client.config import ClientConfiguration
    from ecr_client.downloads import AsyncLayerDownload, LayerDownload
    from ecr_client.endpoints import Endpoint

Client = TypeVar("Client", bound="ClientBase")
Download = TypeVar("Download", "LayerDownload", "AsyncLayerDownload")

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


class Shared:
    """The state that a client shares with all its views.

    Args:
        config: The configuration of the client.
        settings: The settings of the environment and the profile.
        lifetime: Ends when the client is shut down.
        transport: Sends the requests; it may be replaced.
    """

    def __init__(
        self,
        config: ClientConfiguration,
        settings: Settings,
        lifetime: Lifetime | AsyncLifetime,
        transport: Transport | AsyncTransport,
    ) -> None:
        self.lifetime: Any = lifetime
        self.transport: Any = transport
        self.cache = ResponseMetadataCache(config.response_metadata_cache_size)
        # With a policy, the retry settings are not read, and may even be malformed.
        self.retry = {} if config.retry is not None else settings.retry
        self.pipeline: Pipeline | None = None
        self._lock = Lock()

    def keep(self, pipeline: Pipeline) -> Pipeline:
        """Set the pipeline unless another thread has set one already; return the one in use."""
        with self._lock.held:
            if self.pipeline is None:
                self.pipeline = pipeline
            return self.pipeline


class ClientBase:
    """The part of a client that does not depend on how it waits."""

    _offload: Offload | None = None

    if TYPE_CHECKING:

        def invoke(self, operation: Operation[Any, Any], request: Any) -> Any:
            """Make one call; each client implements it in its own way."""

    def _build(self, **arguments: Any) -> None:
        """Initialize the client from the arguments of its constructor."""
        config = with_defaults(arguments["config"], {})
        region, endpoint, credentials, profile, session = (
            arguments[name] for name in ("region", "endpoint", "credentials", "profile", "session")
        )
        # A client that was given all three needs nothing from the shared files.
        is_complete = all(each is not None for each in (region, endpoint, credentials))
        self._settings = Settings(profile=profile, session=session, lenient=is_complete)
        if session is not None:
            from ecr_client._session import with_session_defaults

            config = with_session_defaults(config, self._settings.session)
        self._arguments = {**arguments, "credentials": Hidden(credentials), "config": config}
        self._config = config
        self._endpoint = choose_endpoint(
            region=region, endpoint=endpoint, config=config, settings=self._settings
        )
        self._shared = self._share(config, self._settings)
        self._credentials = self._source(
            credentials=credentials,
            profile=profile,
            session=session,
            region=self._endpoint.signing_region,
        )
        self._overrides: dict[str, Any] = {}
        self._options: CallOptions | None = None
        warn_if_unsafe(self._endpoint.url, config.verify)

    def _source(self, **arguments: Any) -> CredentialsSource | AsyncCredentialsSource:
        raise NotImplementedError

    def _share(self, config: ClientConfiguration, settings: Settings) -> Shared:
        raise NotImplementedError

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, for example ``https://api.ecr.eu-west-1.amazonaws.com``."""
        return self._endpoint.url

    @property
    def region(self) -> str:
        """The region for which calls are signed, for example ``eu-west-1``."""
        return self._endpoint.signing_region

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

    def _view(self, **given: Any) -> Self:
        """Return a view of this client; options that are ``None`` stay as they are."""
        from ecr_client._options import checked_overrides

        # Not copy.copy, which would create an independent client by means of __reduce__.
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._overrides = checked_overrides(self._overrides, given, self._source)
        view._options = None
        return view

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

    def _sleep(self, seconds: float) -> Any:
        # Unlike those of its base, it ends when the client is shut down.
        return self._shared.lifetime.wait(seconds)

    async def _call(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Make one call, and remember the metadata of its response."""
        shared = self._shared
        # Read once: a call keeps the endpoint and the transport that it started with.
        endpoint, transport = self._endpoint, shared.transport
        if shared.lifetime.over:
            raise shut_down(operation.name)
        with Guarded(operation.name):
            pipeline = shared.pipeline or self._make_pipeline()
            options = self._options or self._make_options()
            result = await pipeline.call(operation, request, endpoint, options, transport)
        shared.cache.put(request, result.response_metadata)
        return result

    def _download(
        self,
        kind: type[Download],
        repository_name: str,
        layer_digest: str,
        registry_id: str | None,
        start: int,
    ) -> Download:
        """Return a download, after checking the arguments."""
        from ecr_client._engine.download import PURPOSE, DownloadState
        from ecr_client._engine.prepare import encode
        from ecr_client._generated.operations import GET_DOWNLOAD_URL_FOR_LAYER
        from ecr_client.endpoints import Endpoint

        request = GET_DOWNLOAD_URL_FOR_LAYER.request_class(
            repository_name=repository_name, layer_digest=layer_digest, registry_id=registry_id
        )
        state = DownloadState(layer_digest, start)
        # Checked here rather than only when the ``with`` block is entered.
        encode(GET_DOWNLOAD_URL_FOR_LAYER, request)
        pipeline = self._shared.pipeline or self._make_pipeline()
        options = self._options or self._make_options()
        shared, region = self._shared, self._endpoint.signing_region

        def new_call(url: Hidden[str]) -> Call:
            # The query of a presigned URL is a secret.
            endpoint = Endpoint(url.value.partition("?")[0], region)
            # A download starts when it is read, with the transport that is set by then.
            return pipeline.new_call(PURPOSE, endpoint, options, shared.transport)

        async def find_url() -> str:
            result = await maybe_await(self.invoke(GET_DOWNLOAD_URL_FOR_LAYER, request))
            return str(result.download_url)

        return kind(pipeline, new_call, find_url, state)

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
            offload=self._offload,
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
            credentials=self._credentials if own is None else self._source(credentials=own),
            retry=retry,
            total_timeout=given.get("timeout", self._config.total_timeout),
            headers=given.get("headers", Hidden({})).value,
        )
        return self._options


def _restore(
    client_class: type[Client],
    arguments: dict[str, Any],
    endpoint: Endpoint,
    overrides: dict[str, Any],
) -> Client:
    """Return a client like the one that was pickled, with its current endpoint."""
    # Not with the constructor of a subclass, which may have other parameters; its attributes are
    # restored from the pickled state.
    client = object.__new__(client_class)
    client._build(**{**arguments, "credentials": arguments["credentials"].value})
    client._endpoint = endpoint
    client._overrides = overrides
    return client
