"""The client: what it is made of, where it calls, and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._exceptions import (
    ClientShutdownException,
    InvalidConfigurationException,
    ParamValidationException,
)
from ecr_client._generated.batches import Batches
from ecr_client._generated.operations import AmazonECR
from ecr_client._generated.paginators import Paginators
from ecr_client._generated.waiters import ACCEPTORS, Waiters
from ecr_client._runtime.settings import Settings
from ecr_client._shapes import UNSET
from ecr_client.config import ClientConfiguration
from ecr_client.credentials import credentials_source
from ecr_client.endpoints import (
    choose_endpoint,
    parse_endpoint,
    resolve_endpoint,
    wanted_variant,
)
from ecr_client.metadata import ResponseMetadata, ResponseMetadataCache
from ecr_client.regions import Region, supported_region

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client._runtime.call import Caller
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.credentials import CredentialsLike
    from ecr_client.endpoints import Endpoint


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
        from ecr_client._runtime.transport import Transport

        if config is None:
            config = ClientConfiguration()
        elif not isinstance(config, ClientConfiguration):
            raise InvalidConfigurationException(
                f"config must be a ClientConfiguration, not {type(config).__name__}"
            )
        self._arguments = {
            "region": region,
            "endpoint": endpoint,
            "credentials": credentials,
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
        self._transport = Transport(config, self._settings)
        self._cache = ResponseMetadataCache(config.response_metadata_cache_size)
        self._caller: Caller | None = None

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, for example ``https://api.ecr.eu-west-1.amazonaws.com``."""
        return self._endpoint.url

    @property
    def region(self) -> str:
        """The region that calls are signed for, for example ``eu-west-1``."""
        return self._endpoint.signing_region

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
        return self._cache.get(request)

    def shutdown(self) -> None:
        """Close all connections. A call after it raises; calling it again does nothing."""
        self._transport.close()

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
        return _restore, (type(self), self._arguments, self._endpoint)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint} ({self.region})>"

    # --- what the generated methods call ----------------------------------------------------

    def _invoke(self, operation: str, request: object, members: dict[str, object]) -> Any:
        if self._transport.closed:
            raise ClientShutdownException(
                f"{operation}: the client was shut down; make a new one to go on"
            )
        endpoint = self._endpoint
        caller = self._caller or self._make_caller()
        from ecr_client._runtime.operation import operation as find

        found = find(operation)
        made = _request(found.name, found.request_class, request, members)
        result = caller.call(found, made, endpoint)
        if request is made:
            self._cache.put(made, result.response_metadata)
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
        from ecr_client._runtime.call import Caller
        from ecr_client._runtime.user_agent import user_agent

        app_id = self._config.user_agent_appid or self._settings.user_agent_appid
        self._caller = Caller(
            transport=self._transport,
            credentials=self._credentials,
            user_agent=user_agent(app_id),
        )
        return self._caller


def _restore(
    client_class: type[ECRClient], arguments: dict[str, Any], endpoint: Endpoint
) -> ECRClient:
    """Return a client like the one that was pickled, calling where that one called."""
    client = client_class(**arguments)
    client._endpoint = endpoint
    return client


def _request(
    operation: str, request_class: type[Any], request: object, members: dict[str, object]
) -> Any:
    """Return the request of a call: the object that was passed, or one made of the keywords."""
    if request is UNSET:
        return request_class(**members)
    if not isinstance(request, request_class):
        raise ParamValidationException(
            f"request must be a {request_class.__name__}, not {type(request).__name__}", operation
        )
    given = [name for name, value in members.items() if value is not None]
    if given:
        raise ParamValidationException(
            f"takes a request object or keywords, not both: {', '.join(given)}", operation
        )
    return request
