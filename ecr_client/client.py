"""The client: what it is made of, where it calls, and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._common.forks import Lock
from ecr_client._common.hints import explains_keywords, hint
from ecr_client._common.redact import keeps_arguments_secret
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
from ecr_client.credentials import credentials_source
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

#: The attributes that each client makes for itself; those that a subclass adds are copied.
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
    """What a client and all its views have in common."""

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        self.lifetime = Lifetime()
        self.transport: Transport = RequestsTransport(config, settings)
        self.cache = ResponseMetadataCache(config.response_metadata_cache_size)
        # A policy that is given beats the settings, which then may be whatever they are.
        self.retry = {} if config.retry is not None else settings.retry
        self.pipeline: Pipeline | None = None
        self._lock = Lock()

    def keep(self, pipeline: Pipeline) -> Pipeline:
        """Use a pipeline from now on, unless another thread was faster; return the one in use."""
        with self._lock.held:
            if self.pipeline is None:
                self.pipeline = pipeline
            return self.pipeline


class ECRClient(Batches, Paginators, Waiters, AmazonECR):
    """A client of Amazon ECR, safe to share between threads.

    Every operation takes a request object or its members as keywords, and returns a typed result.
    Building a client sends nothing and looks up no credentials; the first call does.

    Args:
        region: A region or its name. ``None`` takes ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the
            profile's; without any of them the endpoint is ``https://ecr.us-east-1.amazonaws.com``.
        endpoint: A host or a URL to call instead of the region's. ``None`` takes
            ``AWS_ENDPOINT_URL_ECR``, ``AWS_ENDPOINT_URL`` or the profile's, if there is one.
        credentials: `Credentials`, credentials of botocore, a function that returns either, or
            `ANONYMOUS` for calls that are not signed. ``None`` takes botocore's default chain.
        profile: A profile of the shared configuration files, for settings and credentials.
        session: A botocore or boto3 session to take region, settings, credentials and what its
            default client config says from.
        config: Timeouts, connections, proxies and the rest.

    Raises:
        InvalidConfigurationException: Arguments contradict each other, or a setting of the
            environment or the profile cannot work.
        InvalidRegionException: The region is not one.
        InvalidEndpointException: The endpoint is not one.
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
        # Then nothing that is really needed can come from a file.
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
        """The region that calls are signed for, for example ``eu-west-1``."""
        return self._endpoint.signing_region

    @property
    def transport(self) -> Transport:
        """What sends the requests of this client and all its views; it may be replaced.

        Derive from `ecr_client.transport.Transport` to put something in the place of HTTP. Calls
        that have begun end with the transport that they began with. `shutdown` closes the one that
        is set then.
        """
        return self._shared.transport

    @transport.setter
    def transport(self, transport: Transport) -> None:
        self._shared.transport = transport

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Make one call and return its result.

        Everything that calls the service comes here: each method of an operation, each page of a
        paginator, each poll of a waiter, each call of a batch, and the search for the URL of a
        layer. Override it to observe, to change or to replace calls.

        Args:
            operation: One of `ecr_client.operations`.
            request: A request of that operation.

        Raises:
            ParamValidationException: The request is not one of the operation; nothing was sent.
            ClientShutdownException: The client was shut down, or the interpreter is about to end.
            AmazonClientException: The call failed; see the method of the operation.
        """
        shared = self._shared
        # Taken once: the call ends with the endpoint and the transport that it began with.
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

        The service is asked for a presigned URL, and the URL is read through the proxies, with the
        certificates and timeouts of this client, but without its credentials. A broken connection
        is resumed, an expired URL replaced, and the digest verified at the end::

            with client.download_layer(repository_name="app", layer_digest=digest) as layer:
                for chunk in layer.iter_bytes():
                    file.write(chunk)

        Args:
            repository_name: The repository that has the layer.
            layer_digest: The digest of the layer, ``sha256:...`` or ``sha512:...``. A manifest or
                a configuration can be downloaded likewise.
            registry_id: The AWS account id of the registry; ``None`` for the caller's own.
            start: How many bytes at the beginning of the layer to leave out, at least 0. Their
                digest cannot be verified then, only the size.

        Raises:
            ParamValidationException: An argument cannot be right; nothing was sent.
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
        # Or what is wrong would be found where the block is entered.
        encode(GET_DOWNLOAD_URL_FOR_LAYER, request)
        pipeline = self._shared.pipeline or self._make_pipeline()
        options = self._options or self._make_options()
        shared, region = self._shared, self._endpoint.signing_region

        def begin(url: Hidden[str]) -> Call:
            # The query of a presigned URL is a secret.
            endpoint = Endpoint(url.value.partition("?")[0], region)
            # A download begins when it is read: the transport is the one that is set then.
            return pipeline.begin(PURPOSE, endpoint, options, shared.transport)

        return LayerDownload(
            pipeline,
            begin,
            lambda: self.invoke(GET_DOWNLOAD_URL_FOR_LAYER, request).download_url,
            transfer,
        )

    @keeps_arguments_secret
    def set_endpoint(self, endpoint: str) -> None:
        """Send the calls that begin from now on to another endpoint.

        Args:
            endpoint: A host, which takes the configured protocol, or a URL, taken as it is.
                The signing region follows the host name of an AWS endpoint; otherwise it stays.

        Raises:
            InvalidEndpointException: It is not an endpoint.
            InvalidConfigurationException: FIPS or dual-stack endpoints were asked for.
        """
        refuse_variant(*wanted_variant(self._config, self._settings), "set_endpoint")
        self._endpoint = parse_endpoint(
            endpoint, protocol=self._config.protocol, signing_region=self._endpoint.signing_region
        )
        warn_if_unsafe(self._endpoint.url, self._config.verify)

    @keeps_arguments_secret
    def set_region(self, region: Region | str) -> None:
        """Send the calls that begin from now on to the endpoint of another region.

        Args:
            region: A region that offers Amazon ECR, or its name.

        Raises:
            InvalidRegionException: It is not a region, or one without Amazon ECR.
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
        """Return the metadata of the latest successful call with this very request object.

        Only the latest calls are remembered (``ClientConfiguration.response_metadata_cache_size``,
        50 by default), and only while the request object lives. The metadata is also on every
        result, as ``result.response_metadata``.

        Args:
            request: The object that was passed to the call; an equal one is not the same.

        Returns:
            The metadata, or ``None`` if it is not, or no longer, remembered.
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
        """Return a view of this client whose calls differ in what is given here.

        It costs nothing to make and needs no shutdown: connections, retry quota and remembered
        metadata are those of this client, and `shutdown` of either ends both. Its endpoint is the
        one that this client has now; later changes of one do not change the other.

        Args:
            timeout: Seconds that each call may take as a whole, in place of ``total_timeout``.
            retry: How failed calls are retried.
            headers: Further headers to send, added to those of this view; the client's own cannot
                be replaced. Those that begin with ``x-amz-`` are signed.
            credentials: Whose calls they are.

        Raises:
            InvalidConfigurationException: A value has the wrong type or is out of range.
        """
        from ecr_client._options import checked_overrides

        # Not copy.copy, which makes a client of its own out of what is pickled.
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        given = {"timeout": timeout, "retry": retry, "headers": headers, "credentials": credentials}
        view._overrides = checked_overrides(self._overrides, given)
        view._options = None
        return view

    def close(self) -> None:
        """Do the same as `shutdown`, which is the name in Java."""
        self.shutdown()

    def shutdown(self) -> None:
        """Close all connections. A call after it raises; calling it again does nothing.

        Calls that other threads are making end with their response, or with a
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
        # The configuration travels; connections, and credentials that were found, do not.
        if self._arguments["session"] is not None:
            raise TypeError("a client of a session does not pickle; give it a profile instead")
        state = self.__getstate__()
        if isinstance(state, dict):
            state = {name: value for name, value in state.items() if name not in _OWN}
        return _restore, (type(self), self._arguments, self._endpoint, self._overrides), state

    def __getstate__(self) -> Any:
        # As every object has it from Python 3.11 on. A subclass leaves out what does not travel.
        return dict(vars(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint} ({self.region})>"

    # Hidden from type checkers, for which every misspelt name would be ``Any``.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            error = f"{type(self).__name__!r} object has no attribute {name!r}"
            meant = "" if name.startswith("_") else hint(name, dir(type(self)), "client")
            if meant:
                raise AttributeError(error + meant)
            # With these two, Python itself looks for a name that is spelled alike.
            raise AttributeError(error, name=name, obj=self)

    def _make_pipeline(self) -> Pipeline:
        # Only here, at the first call, are the signer, the codec and the types loaded.
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
    """Return a client like the one that was pickled, calling where that one called."""
    # As Python does it for all objects: not by the constructor of a subclass, which may take
    # other arguments, and whose attributes come along.
    client = object.__new__(client_class)
    ECRClient.__init__(client, **{**arguments, "credentials": arguments["credentials"].value})
    client._endpoint = endpoint
    client._overrides = overrides
    return client
