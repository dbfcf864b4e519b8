"""The client: what it is made of, where it calls, and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._exceptions import (
    InvalidConfigurationException,
    ParamValidationException,
)
from ecr_client._generated.batches import Batches
from ecr_client._generated.operations import AmazonECR
from ecr_client._generated.paginators import Paginators
from ecr_client._generated.waiters import ACCEPTORS, Waiters
from ecr_client._runtime.redact import keeps_arguments_secret
from ecr_client._runtime.settings import Settings
from ecr_client._runtime.shared import Shared
from ecr_client._runtime.transport import Transport, shut_down
from ecr_client._shapes import UNSET, Hidden
from ecr_client.config import ClientConfiguration
from ecr_client.credentials import credentials_source
from ecr_client.endpoints import (
    choose_endpoint,
    parse_endpoint,
    resolve_endpoint,
    wanted_variant,
    warn_if_unsafe,
)
from ecr_client.metadata import ResponseMetadata, ResponseMetadataCache
from ecr_client.regions import Region, supported_region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._runtime.caller import Caller
    from ecr_client._runtime.options import CallOptions
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.credentials import CredentialsLike
    from ecr_client.endpoints import Endpoint
    from ecr_client.retry import RetryPolicy


class ECRClient(Batches, Paginators, Waiters, AmazonECR):
    """A client of Amazon ECR, safe to share between threads.

    Every operation takes a request object or its members as keywords, and returns a typed result.
    Building a client sends nothing and looks up no credentials; the first call does.

    Args:
        region: A region or its name. ``None`` takes ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the
            profile's; without any of them the endpoint is ``https://ecr.us-east-1.amazonaws.com``.
        endpoint: A host or a URL to call instead of the region's. ``None`` takes
            ``AWS_ENDPOINT_URL_ECR``, ``AWS_ENDPOINT_URL`` or the profile's, if there is one.
        credentials: `Credentials`, credentials of botocore, or a function that returns either.
            ``None`` takes botocore's default chain.
        profile: A profile of the shared configuration files, for settings and credentials.
        session: A botocore or boto3 session to take region, settings and credentials from.
        config: Time-outs, connections, proxies and the rest.

    Raises:
        InvalidConfigurationException: Arguments contradict each other, or a setting of the
            environment or the profile cannot work.
        InvalidRegionException: The region is not one.
        InvalidEndpointException: The endpoint is not one.
    """

    @keeps_arguments_secret
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
        if config is None:
            config = ClientConfiguration()
        elif not isinstance(config, ClientConfiguration):
            raise InvalidConfigurationException(
                f"config must be a ClientConfiguration, not {type(config).__name__}"
            )
        self._arguments = {
            "region": region,
            "endpoint": endpoint,
            "credentials": Hidden(credentials),
            "profile": profile,
            "session": session,
            "config": config,
        }
        self._config = config
        self._settings = Settings(profile=profile, session=session)
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
        # What all views of the client have in common.
        self._shared = Shared(
            transport=Transport(config, self._settings),
            cache=ResponseMetadataCache(config.response_metadata_cache_size),
            # A policy that is given beats the settings, which then may be whatever they are.
            retry={} if config.retry is not None else self._settings.retry,
        )
        warn_if_unsafe(self._endpoint.url, config.verify)

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, for example ``https://api.ecr.eu-west-1.amazonaws.com``."""
        return self._endpoint.url

    @property
    def region(self) -> str:
        """The region that calls are signed for, for example ``eu-west-1``."""
        return self._endpoint.signing_region

    @keeps_arguments_secret
    def set_endpoint(self, endpoint: str) -> None:
        """Send the calls that begin from now on to another endpoint.

        Args:
            endpoint: A host, which takes the configured protocol, or a URL, taken as it is.
                The signing region follows the host name of an AWS endpoint; otherwise it stays.

        Raises:
            InvalidEndpointException: It is not an endpoint.
        """
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
        50 by default), and only those that were made with a request object. The metadata is also on
        every result, as ``result.response_metadata``.

        Args:
            request: The object that was passed to the call; an equal one is not the same.

        Returns:
            The metadata, or ``None`` if it is not, or no longer, remembered.
        """
        return self._shared.cache.get(request)

    @keeps_arguments_secret
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
            retry: How failed calls are repeated.
            headers: Further headers to send, added to those of this view; the client's own cannot
                be replaced. Those that begin with ``x-amz-`` are signed.
            credentials: Whose calls they are.

        Raises:
            InvalidConfigurationException: A value has the wrong type or is out of range.
        """
        from ecr_client._runtime.options import checked_overrides

        # Not copy.copy, which makes a client of its own out of what is pickled.
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        given = {"timeout": timeout, "retry": retry, "headers": headers, "credentials": credentials}
        view._overrides = checked_overrides(self._overrides, given)
        view._options = None
        return view

    def shutdown(self) -> None:
        """Close all connections. A call after it raises; calling it again does nothing.

        Calls that other threads are making end with their answer, or with a
        ``ClientShutdownException`` if they are waiting to be repeated.
        """
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
        return _restore, (type(self), self._arguments, self._endpoint, self._overrides)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint} ({self.region})>"

    # --- what the generated methods call ----------------------------------------------------

    def _invoke(self, operation: str, request: object, members: dict[str, object]) -> Any:
        shared = self._shared
        if shared.transport.closed:
            raise shut_down(operation)
        endpoint = self._endpoint
        caller = shared.caller or self._make_caller()
        from ecr_client._runtime.operation import operation as find

        found = find(operation)
        made = _request(found.name, found.request_class, request, members)
        result = caller.call(found, made, endpoint, self._options or self._make_options())
        if request is made:
            shared.cache.put(made, result.response_metadata)
        return result

    def _paginate(
        self,
        operation: str,
        request: object,
        members: dict[str, object],
        items: tuple[tuple[str, ...], ...],
    ) -> Any:
        from ecr_client.pagination import Paginator

        call, made = self._bind(operation, request, members)
        return Paginator(call, made, items, operation)

    def _wait(
        self,
        waiter: str,
        operation: str,
        request: object,
        members: dict[str, object],
        delay: float,
        max_wait: float,
        sleep: Callable[[float], object],
    ) -> Any:
        from ecr_client.waiters import wait

        call, made = self._bind(operation, request, members)
        return wait(
            waiter,
            ACCEPTORS[waiter],
            lambda: call(made),
            delay=delay,
            max_wait=max_wait,
            sleep=sleep,
        )

    def _invoke_all(
        self, operation: str, request: object, members: dict[str, object], member: str, size: int
    ) -> Any:
        from ecr_client._runtime.call import encode
        from ecr_client._runtime.operation import operation as find
        from ecr_client.batches import call_all

        call, made = self._bind(operation, request, members)
        # Or a wrong item of the last call would be found after the others have done their work.
        encode(find(operation), made)
        return call_all(call, made, member, size)

    def _bind(
        self, operation: str, request: object, members: dict[str, object]
    ) -> tuple[Callable[[Any], Any], Any]:
        """Return what makes a call with a request object, and the first such object."""
        from ecr_client._runtime.operation import operation as find

        found = find(operation)
        made = _request(operation, found.request_class, request, members)
        return lambda each: self._invoke(operation, each, {}), made

    def _make_caller(self) -> Caller:
        # Only here, at the first call, are the signer, the codec and the types loaded.
        from ecr_client._runtime.caller import Caller
        from ecr_client._runtime.observer import Observer
        from ecr_client._runtime.user_agent import user_agent

        app_id = self._config.user_agent_appid or self._settings.user_agent_appid
        made = Caller(
            transport=self._shared.transport,
            user_agent=user_agent(app_id),
            observer=Observer(self._config.hooks),
        )
        return self._shared.use(made)

    def _make_options(self) -> CallOptions:
        from ecr_client._runtime.options import CallOptions
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
    client = client_class(**{**arguments, "credentials": arguments["credentials"].value})
    client._endpoint = endpoint
    client._overrides = overrides
    return client


def _request(
    operation: str, request_class: type[Any], request: object, members: dict[str, object]
) -> Any:
    """Return the request of a call: the object that was passed, or one made of the keywords."""
    if request is UNSET:
        return request_class(
            **{name: each.value if type(each) is Hidden else each for name, each in members.items()}
        )
    if not isinstance(request, request_class):
        raise ParamValidationException(
            f"request must be a {request_class.__name__}, not {type(request).__name__}", operation
        )
    given = [
        name
        for name, each in members.items()
        if each is not None and not (type(each) is Hidden and each.value is None)
    ]
    if given:
        raise ParamValidationException(
            f"takes a request object or keywords, not both: {', '.join(given)}", operation
        )
    return request
