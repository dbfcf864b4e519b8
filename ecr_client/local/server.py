"""The local ECR as an object: a server in a thread of its own, from start to stop."""

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
from ecr_client.local.connections import Bounds, Connection, Connections
from ecr_client.local.environment import complete_variables, leading_variables
from ecr_client.local.errors import ServerStartError
from ecr_client.local.faults import Faults
from ecr_client.local.hosts import Hosts
from ecr_client.local.interference import Interference
from ecr_client.local.keys import access_keys, checked_account, keys_by_account
from ecr_client.local.loop import Loop
from ecr_client.local.permissions import Permissions
from ecr_client.local.rates import CALLS_PER_SECOND, Rates
from ecr_client.local.record import Requests
from ecr_client.local.run_lifecycle import run_lifecycle
from ecr_client.local.service import PROTOCOLS, RegistryProtocol, Service
from ecr_client.local.sigv4 import checked_region
from ecr_client.local.store import Limits, Scope, Store
from ecr_client.local.tls import Certificate, certificate_for
from ecr_client.local.tokens import Tokens

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from ecr_client import Credentials, ECRClient
    from ecr_client.local.run_lifecycle import Affected

#: How many requests are worked on at once; more wait.
WORKERS = 32
#: How many seconds a request in progress may take when the server stops, and how many then go by
#: until it is no longer waited for.
GRACE = 1.0
LAST_GRACE = 0.5

_ALL_ADDRESSES = ("", "0.0.0.0", "::")


class LocalECR:
    """An Amazon ECR on this machine, which runs from its construction until `close`.

    Args:
        data: The folder that keeps everything; ``None`` for a temporary one that goes with the
            server.
        host: The address to listen on. Whoever can reach it can use it.
        port: The port; 0 takes a free one.
        credentials: The keys that requests are signed with: those of ``account``, or a mapping from
            account ids, or the ARNs of users and roles, to keys. ``None`` makes some up, the same
            ones for the same ``data``.
        auth: Whether signatures and passwords are checked.
        account: The account id, 12 digits, whose registry is used where nothing says otherwise.
        region: The region that is used where nothing says otherwise.
        clock: Gives the time as an aware UTC datetime.
        limits: The quotas; tests may want smaller ones.
        throttle: Whether to refuse calls that come faster than the service takes them, such as more
            than 10 PutImage in a second.
        open_accounts: Whether accounts may use each other's registries without a policy that says
            so.
        registry_protocol: How the registry below ``/v2/`` behaves where ECR departs from the
            specification of OCI: ``"ecr"`` as ECR does, so that a tool that breaks there breaks
            here, or ``"oci"`` as the specification says.
        tls: Whether to speak HTTPS, with a certificate that is made by trustme (the extra ``tls``)
            and kept in the data folder; or the certificate to show.
        allow_hosts: Names that the server goes by besides the loopback and ``host``; ``"*"`` for
            any. Web pages of these names may call it, and without ``auth`` it refuses requests to
            other names.
        trust_forwarded: Whether to believe the headers X-Forwarded-Proto and X-Forwarded-Host,
            which only makes sense behind a proxy that sets them.

    Raises:
        ServerStartError: The port is taken, the address is not one of this machine, the
            certificate cannot be used, or trustme is missing.
        DataFolderError: The data folder cannot be used.
        ValueError: An account id has not 12 digits, an ARN is not one of a user or role, the region
            cannot be one, a name of ``allow_hosts`` cannot be a host, or there is no such registry
            protocol.

    Attributes:
        endpoint: The URL of the API, and of the registry below ``/v2/``, for who is on this
            machine.
        credentials: The keys of each account, and of each user and role that was given keys.
        ca_file: The file with the authority that clients have to trust; ``None`` without TLS.
        faults: What goes wrong on demand.
        requests: What requests were seen.
    """

    #: What connections may take; tests replace it.
    _bounds: Bounds | None = None

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
            raise ValueError(f"registry_protocol is {registry_protocol!r}, not one of {PROTOCOLS}")
        clock = clock or _utc_now
        hosts = _hosts(host, allow_hosts, auth, trust_forwarded)
        self.account = checked_account(account)
        self.region = checked_region(region)
        self.faults = Faults(validation.operations)
        self.requests = Requests()
        self._store = Store(None if data is None else Path(data), clock, limits=limits)
        try:
            self.credentials = keys_by_account(credentials, account, self._store.secret("keys"))
            certificate = certificate_for(tls, self._store.root, host)
            self._socket = _listen(host, port)
        except BaseException:
            self._store.close()
            raise
        self.ca_file = None if certificate is None else certificate.trusted
        self.endpoint = _address("https" if certificate else "http", self._socket)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="local-ecr")
        service = Service(
            store=self._store,
            tokens=Tokens(self._store.secret("tokens"), clock),
            clock=clock,
            credentials=access_keys(self.credentials),
            auth=auth,
            account=account,
            region=region,
            rates=Rates(CALLS_PER_SECOND if throttle else {}, clock),
            permissions=Permissions(store=self._store, open_accounts=open_accounts),
            registry_protocol=registry_protocol,
        )
        self._server = self._serving(service, hosts, certificate)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="local-ecr", daemon=True
        )
        self._thread.start()
        self._server.ready.wait()
        # Who forgets to close it should not find temporary folders later.
        atexit.register(self.close)

    def client(
        self, *, account: str | None = None, region: str | None = None, **options: Any
    ) -> ECRClient:
        """Return a client of this server; close it as any other.

        Settings of the machine do not count for it, neither variables nor files: what ``options``
        leave open is as if there were none.

        Args:
            account: Whose keys it signs with: an account id, or an ARN that has keys of its own.
                ``None`` for those of the server's own account.
            region: The region it signs for; ``None`` for the server's own.
            options: Further arguments of `ecr_client.ECRClient`.
        """
        from ecr_client import ECRClient, RetryPolicy
        from ecr_client.config import with_defaults

        options.setdefault("credentials", self.credentials[account or self.account])
        stated = {
            "proxies": {},
            "retry": RetryPolicy(),
            "use_dualstack_endpoint": False,
            "use_fips_endpoint": False,
            "user_agent_appid": "",
            "verify": self.ca_file or True,
        }
        options["config"] = with_defaults(options.get("config"), stated)
        return ECRClient(region=region or self.region, endpoint=self.endpoint, **options)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead boto3, the AWS CLI and ``ecr_client`` to this server.

        They lead there whatever other variables and files say. A program that is to see some of
        those gets them in addition: ``{**ecr.environment(), "AWS_MAX_ATTEMPTS": "1"}``.
        """
        return complete_variables(self._leading_variables())

    def _leading_variables(self) -> dict[str, str]:
        keys = self.credentials[self.account]
        return leading_variables(self.endpoint, keys, self.region, self.ca_file)

    def run_lifecycle(self) -> list[Affected]:
        """Apply all lifecycle policies now, as the service does once a day; return what went."""
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
        """Say what scans of an image find, those that are over included; it starts no scan.

        Args:
            repository: The repository's name.
            digest: Of the image, which may be pushed later.
            findings: Of basic scanning, in the form of the API: ``{"name": "CVE-2024-1",
                "severity": "HIGH"}``.
            enhanced: Of enhanced scanning, in the form of the API; datetimes have a time zone.
            status: How scans end, such as ``FAILED``; ``None`` for success.
            description: The text that goes with the status.
            account: Whose registry; ``None`` for the server's own.
            region: Where; ``None`` for the server's own.
        """
        set_findings(
            self._store,
            Scope(account or self.account, region or self.region),
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
        """Have signatures fail that a profile makes of images pushed from now on.

        Args:
            signing_profile_arn: The ARN of the profile, as in the signing configuration.
            code: The failure code, such as ``AccessDenied``; ``None`` to let them succeed again.
            reason: The text that goes with the code.
            account: Whose registry; ``None`` for the server's own.
            region: Where; ``None`` for the server's own.
        """
        set_signing_failure(
            self._store,
            Scope(account or self.account, region or self.region),
            signing_profile_arn,
            code,
            reason,
        )

    def reset(self) -> None:
        """Forget everything: repositories, settings, faults, and the requests that were seen."""
        self._store.clear()
        self.faults.clear()
        self.requests.clear()

    def close(self) -> None:
        """Stop the server, and delete a temporary data folder. A second call does nothing."""
        atexit.unregister(self.close)
        self._server.should_exit = True
        self._thread.join()
        self._workers.shutdown()
        self._socket.close()
        self._store.close()

    def _serving(self, service: Service, hosts: Hosts, certificate: Certificate | None) -> _Server:
        """Return the server, whose application answers requests or fails as `faults` has it."""
        connections = Connections(self._bounds)
        application = Interference(
            create_app(service, self._workers, hosts),
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
    """uvicorn without its signals and logs, that says when it is ready and ends when it is told."""

    def __init__(
        self, application: Any, connections: Connections, certificate: Certificate | None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                ws="none",
                loop=f"{Loop.__module__}:{Loop.__qualname__}",
                lifespan="off",
                log_config=None,
                log_level="error",  # or probes for TLS would be reported on stderr
                access_log=False,
                workers=1,  # or WEB_CONCURRENCY would be read
                server_header=False,
                date_header=False,
                # They would replace the address by which a connection is found.
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
            self._connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests come to their end, but wait for no client.

        Requests are not cancelled as long as they can end by themselves, because their client is
        gone: uvicorn would report a cancelled one with a traceback.
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
        """Wait for the end of all requests and connections, but not longer than some seconds."""
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
    """Return the names of a server: those that were allowed, and the one that it listens on."""
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
    """Give the URL of a socket; of one on all addresses, that of the loopback."""
    address, port = listening.getsockname()[:2]
    if address == "0.0.0.0":
        address = "127.0.0.1"
    elif address == "::":
        address = "::1"
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
