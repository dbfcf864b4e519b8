"""The local ECR as an object: a server that runs in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from ecr_client.local import validation
from ecr_client.local.api.scanning import set_findings
from ecr_client.local.api.signing import set_signing_failure
from ecr_client.local.app import create_app
from ecr_client.local.connections import Connection, ConnectionLimits, Connections
from ecr_client.local.environment import connection_variables, isolated_variables
from ecr_client.local.errors import ServerStartError
from ecr_client.local.event_loop import EventLoop
from ecr_client.local.fault_middleware import FaultMiddleware
from ecr_client.local.faults import Faults
from ecr_client.local.hosts import Hosts
from ecr_client.local.keys import access_keys, checked_account, keys_by_account
from ecr_client.local.permissions import Permissions
from ecr_client.local.registry import RegistryKey
from ecr_client.local.request_bodies import RequestBodies
from ecr_client.local.request_log import RequestLog
from ecr_client.local.run_lifecycle import run_lifecycle
from ecr_client.local.service import PROTOCOLS, RegistryProtocol, Service
from ecr_client.local.sigv4 import checked_region
from ecr_client.local.store import Limits, Store
from ecr_client.local.throttling import CALLS_PER_SECOND, Throttle
from ecr_client.local.tls import Certificate, certificate_for
from ecr_client.local.tokens import Tokens

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client import AsyncECRClient, Credentials, ECRClient
    from ecr_client.local.run_lifecycle import Affected

#: How many requests are handled at once; others wait.
WORKERS = 32
#: How many seconds a request in progress may take when the server stops, and how many its
#: cancellation may take.
GRACE = 1.0
LAST_GRACE = 0.5

_ALL_ADDRESSES = ("", "0.0.0.0", "::")


class LocalECR:
    """A local Amazon ECR, which runs from its construction until `close`.

    Args:
        data: The folder that keeps everything; ``None`` for a temporary one that is deleted with
            the server.
        host: The address to listen on.
        port: The port; 0 picks a free one.
        credentials: The keys that requests are signed with: those of ``account``, or a mapping from
            account ids, or the ARNs of users and roles, to keys. ``None`` derives keys from
            ``data``: the same folder always has the same ones.
        auth: Whether signatures and passwords are checked.
        account: The id, 12 digits, of the server's own account.
        region: The server's own region.
        clock: Returns the time as an aware UTC datetime.
        limits: The quotas; a test can pass smaller ones.
        throttle: Whether to refuse calls that exceed the service's rate quotas, such as more than
            10 calls of PutImage in a second.
        open_accounts: Whether accounts may use each other's registries without a policy that
            allows it.
        registry_protocol: How the registry below ``/v2/`` behaves where ECR departs from the OCI
            distribution specification: ``"ecr"`` as ECR, so that a tool that breaks there breaks
            here, or ``"oci"`` as the specification says.
        tls: Whether to serve HTTPS with a certificate that trustme (the extra ``tls``) generates
            and the data folder keeps; or the certificate to use.
        allow_hosts: Host names of the server besides the loopback and ``host``; ``"*"`` for any.
            Web pages of these hosts may call it, and without ``auth`` it refuses requests to other
            hosts.
        trust_forwarded: Whether to trust the headers X-Forwarded-Proto and X-Forwarded-Host, for a
            server behind a proxy that sets them.

    Raises:
        ServerStartError: The port is in use, the address is not one of this machine, the
            certificate cannot be used, or trustme is missing.
        DataFolderError: The data folder cannot be used.
        ValueError: An account id, the ARN of a user or role, the region, a name of ``allow_hosts``
            or the registry protocol is malformed.

    Attributes:
        endpoint: The URL of the API, and of the registry below ``/v2/``, on this machine.
        credentials: The keys of each account, and of each user and role that was given keys.
        ca_file: The file with the certificate authority that clients must trust; ``None`` without
            TLS.
        faults: The faults to inject.
        requests: The log of the requests that the server has received.

    Example:
        >>> with LocalECR() as ecr, ecr.client() as client:
        ...     client.create_repository(repository_name="team/app")
        ...     client.describe_repositories().repositories[0].repository_name
        CreateRepositoryResult(...)
        'team/app'
    """

    #: The limits of connections; tests replace it.
    _connection_limits: ConnectionLimits | None = None

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Credentials | Mapping[str, Credentials] | None = None,
        auth: bool = True,
        account: str = "123456789012",
        region: str = "us-east-1",
        clock: Callable[[], datetime] | None = None,
        limits: Limits | None = None,
        throttle: bool = False,
        open_accounts: bool = False,
        registry_protocol: RegistryProtocol = "ecr",
        tls: bool | Certificate = False,
        allow_hosts: Iterable[str] = (),
        trust_forwarded: bool = False,
    ) -> None:
        if registry_protocol not in PROTOCOLS:
            raise ValueError(
                f"registry_protocol must be one of {PROTOCOLS}, got {registry_protocol!r}"
            )
        clock = clock or _utc_now
        hosts = _hosts(host, allow_hosts, auth, trust_forwarded)
        self.account: str = checked_account(account)
        self.region: str = checked_region(region)
        self.faults: Faults = Faults(validation.operations)
        self.requests: RequestLog = RequestLog()
        self._store = Store(None if data is None else Path(data), clock, limits=limits)
        try:
            self.credentials: dict[str, Credentials] = keys_by_account(
                credentials, account, self._store.secret("keys")
            )
            certificate = certificate_for(tls, self._store.root, host)
            self._socket = _listen(host, port)
        except BaseException:
            self._store.close()
            raise
        self.ca_file: Path | None = None if certificate is None else certificate.trusted
        self.endpoint: str = _address("https" if certificate else "http", self._socket)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="local-ecr")
        self._bodies = RequestBodies(self._workers, self._store.root)
        service = Service(
            store=self._store,
            tokens=Tokens(self._store.secret("tokens"), clock),
            clock=clock,
            credentials=access_keys(self.credentials),
            auth=auth,
            account=account,
            region=region,
            throttle=Throttle(CALLS_PER_SECOND if throttle else {}, clock),
            permissions=Permissions(store=self._store, open_accounts=open_accounts),
            registry_protocol=registry_protocol,
        )
        self._server = self._create_server(service, hosts, certificate)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="local-ecr", daemon=True
        )
        self._thread.start()
        self._server.ready.wait()
        # A server that nobody closes should not leave a temporary folder behind.
        atexit.register(self.close)

    def client(
        self, *, account: str | None = None, region: str | None = None, **options: Any
    ) -> ECRClient:
        """Return a client of this server; close it like any other.

        It ignores the settings of the machine, variables as well as files: what ``options`` leave
        open has its default.

        Args:
            account: The account id or the ARN whose keys sign requests; ``None`` for the server's
                own account.
            region: The region to sign for; ``None`` for the server's own.
            options: Further arguments of `ecr_client.ECRClient`.
        """
        from ecr_client import ECRClient

        return ECRClient(**self._arguments(account, region, options))

    def async_client(
        self, *, account: str | None = None, region: str | None = None, **options: Any
    ) -> AsyncECRClient:
        """Return an asynchronous client of this server, like `client`.

        Args:
            account: The account id or the ARN whose keys sign requests; ``None`` for the server's
                own account.
            region: The region to sign for; ``None`` for the server's own.
            options: Further arguments of `ecr_client.AsyncECRClient`.
        """
        from ecr_client import AsyncECRClient

        return AsyncECRClient(**self._arguments(account, region, options))

    def _arguments(
        self, account: str | None, region: str | None, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments of a client of this server."""
        from ecr_client import RetryPolicy
        from ecr_client.config import with_defaults

        stated = {
            "proxies": {},
            "retry": RetryPolicy(),
            "use_dualstack_endpoint": False,
            "use_fips_endpoint": False,
            "user_agent_appid": "",
            "verify": self.ca_file or True,
        }
        return {
            "region": region or self.region,
            "endpoint": self.endpoint,
            "credentials": self.credentials[account or self.account],
            **options,
            "config": with_defaults(options.get("config"), stated),
        }

    def environment(self) -> dict[str, str]:
        """Return the variables that make boto3, the AWS CLI and ``ecr_client`` call this server.

        They override all other AWS settings of the machine. To let a program see some of those,
        add them: ``{**ecr.environment(), "AWS_MAX_ATTEMPTS": "1"}``.
        """
        return isolated_variables(self._connection_variables())

    def _connection_variables(self) -> dict[str, str]:
        keys = self.credentials[self.account]
        return connection_variables(self.endpoint, keys, self.region, self.ca_file)

    def run_lifecycle(self) -> list[Affected]:
        """Apply all lifecycle policies now, and return the images that they affect."""
        return run_lifecycle(self._store)

    def set_findings(
        self,
        repository: str,
        digest: str,
        findings: Sequence[Mapping[str, Any]] = (),
        *,
        enhanced: Sequence[Mapping[str, Any]] = (),
        status: str | None = None,
        description: str | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> None:
        """Set what scans of an image find, past scans included; this starts no scan.

        Args:
            repository: The repository's name.
            digest: The image's digest; the image may be pushed later.
            findings: The findings of basic scanning, in the form of the API:
                ``{"name": "CVE-2024-1", "severity": "HIGH"}``.
            enhanced: The findings of enhanced scanning, in the form of the API; datetimes have a
                time zone.
            status: The status that scans end with, such as ``FAILED``; ``None`` for success.
            description: The description of the status.
            account: The account of the registry; ``None`` for the server's own.
            region: The region of the registry; ``None`` for the server's own.
        """
        set_findings(
            self._store,
            RegistryKey(account or self.account, region or self.region),
            repository,
            digest,
            findings,
            enhanced=enhanced,
            status=status,
            description=description,
        )

    def set_signing_failure(
        self,
        signing_profile_arn: str,
        code: str | None,
        reason: str | None = None,
        *,
        account: str | None = None,
        region: str | None = None,
    ) -> None:
        """Make the signatures of a profile fail for images that are pushed from now on.

        Args:
            signing_profile_arn: The ARN of the profile, as in the signing configuration.
            code: The failure code, such as ``AccessDenied``; ``None`` to let them succeed again.
            reason: The failure reason.
            account: The account of the registry; ``None`` for the server's own.
            region: The region of the registry; ``None`` for the server's own.
        """
        set_signing_failure(
            self._store,
            RegistryKey(account or self.account, region or self.region),
            signing_profile_arn,
            code,
            reason,
        )

    def reset(self) -> None:
        """Delete everything: repositories, settings, faults, and the log of requests."""
        self._store.clear()
        self.faults.clear()
        self.requests.clear()

    def close(self) -> None:
        """Stop the server, and delete a temporary data folder. A second call does nothing."""
        atexit.unregister(self.close)
        self._server.should_exit = True
        self._thread.join()
        self._workers.shutdown()
        self._bodies.close()
        self._socket.close()
        self._store.close()

    def _create_server(
        self, service: Service, hosts: Hosts, certificate: Certificate | None
    ) -> _Server:
        """Return the server with the application and its middleware."""
        connections = Connections(self._connection_limits)
        application = FaultMiddleware(
            create_app(service, self._bodies, hosts),
            faults=self.faults,
            requests=self.requests,
            connections=connections,
            clock=service.clock,
            sleep=asyncio.sleep,
        )
        return _Server(application, connections, certificate)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint}>"


class _Server(uvicorn.Server):
    """uvicorn without signal handlers and logs, which sets `ready` once it accepts connections."""

    def __init__(
        self, application: Any, connections: Connections, certificate: Certificate | None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                ws="none",
                loop=f"{EventLoop.__module__}:{EventLoop.__qualname__}",
                lifespan="off",
                log_config=None,
                log_level="error",  # or probes for TLS would be reported on stderr
                access_log=False,
                workers=1,  # or WEB_CONCURRENCY would be read
                server_header=False,
                date_header=False,
                # They would replace the address that a connection is found by.
                proxy_headers=False,
                ssl_certfile=None if certificate is None else certificate.cert,
                ssl_keyfile=None if certificate is None else certificate.key,
            )
        )
        self.ready = threading.Event()
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        for listening in sockets or []:
            self._connections.start(listening, self._protocol, self.config.ssl)
        self.ready.set()

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            self._connections.close_stalled()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish, but do not wait for clients.

        Requests are cancelled last, after those without a client have had time to end by
        themselves: uvicorn reports a cancelled request with a traceback.
        """
        await self._connections.stop()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        await self._wait(GRACE)
        self._connections.abort()
        await self._wait(LAST_GRACE)
        for task in self.server_state.tasks:
            task.cancel()
        await self._wait(LAST_GRACE)

    async def _wait(self, seconds: float) -> None:
        """Wait until all requests and connections have ended, for a number of seconds at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.server_state.tasks or self.server_state.connections:
            if loop.time() >= end:
                break
            await asyncio.sleep(0.01)

    def _protocol(self) -> Connection:
        return Connection(
            self._connections,
            config=self.config,
            server_state=self.server_state,
            app_state={},
            _loop=asyncio.get_running_loop(),
        )


def _hosts(host: str, allowed: Iterable[str], auth: bool, trust_forwarded: bool) -> Hosts:
    """Return the host names of a server: the allowed ones, and the one that it listens on."""
    names = [*allowed, *([] if host in _ALL_ADDRESSES else [host])]
    return Hosts(names, check_host=not auth, trust_forwarded=trust_forwarded)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerStartError(f"cannot listen on {host} port {port}: {reason}") from error


def _address(scheme: str, listening: socket.socket) -> str:
    """Return the URL of a socket, with the loopback for one on all addresses."""
    address, port = listening.getsockname()[:2]
    if address == "0.0.0.0":
        address = "127.0.0.1"
    elif address == "::":
        address = "::1"
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
