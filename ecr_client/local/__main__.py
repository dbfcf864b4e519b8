"""``python -m ecr_client.local`` runs a local ECR until it is stopped."""

from __future__ import annotations

import argparse
import shlex
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from ecr_client.local.errors import DataFolderError, ServerStartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ecr_client.local import LocalECR

#: The variables that name the CA to trust: of tools in Go and Python's ssl, of requests, of curl.
_TRUSTING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
NAME = "python -m ecr_client.local"


def _print(document: Mapping[str, Any], text: str) -> None:
    print(text, flush=True)


def main(
    arguments: list[str] | None = None,
    name: str = NAME,
    *,
    login: str = "",
    epilog: str | None = None,
    show: Callable[[Mapping[str, Any], str], None] = _print,
) -> int:
    """Run the command; return its exit status.

    Args:
        arguments: What comes after the name; ``None`` takes those of the process.
        name: What the command is called in messages.
        login: The command that logs docker in, as it is printed; that of the AWS CLI by default.
        epilog: What its help says below the options.
        show: Prints how to use the server: as a document with the endpoint and the variables to
            set, or as a text.
    """
    parser = _parser(name, epilog)
    options = parser.parse_args(arguments)
    if (options.access_key is None) != (options.secret_key is None):
        parser.error("--access-key and --secret-key must be given together")
    if options.session_token is not None and options.access_key is None:
        parser.error("--session-token needs --access-key and --secret-key")
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key must be given together")
    if options.tls_ca is not None and options.tls_cert is None:
        parser.error("--tls-ca needs --tls-cert and --tls-key")
    from ecr_client import Credentials

    try:
        from ecr_client.local import Certificate, LocalECR
    except ImportError as error:
        return _fail(name, str(error))
    # Before the server starts, so that no signal interrupts its start.
    with _signals() as wait:
        try:
            keys = (options.access_key, options.secret_key, options.session_token)
            files = (options.tls_cert, options.tls_key, options.tls_ca)
            server = LocalECR(
                options.data,
                host=options.host,
                port=options.port,
                credentials=None if options.access_key is None else Credentials(*keys),
                auth=options.auth,
                account=options.account,
                region=options.region,
                throttle=options.throttle,
                open_accounts=options.open_accounts,
                registry_protocol=options.registry_protocol,
                tls=options.tls if options.tls_cert is None else Certificate(*files),
                allow_hosts=options.allow_hosts,
                trust_forwarded=options.trust_forwarded,
            )
        except (ValueError, DataFolderError, ServerStartError) as error:
            return _fail(name, str(error))
        with server:
            document = {"endpoint": server.endpoint, "environment": server._connection_variables()}
            show(document, _announcement(server, options.session_token is not None, login))
            wait()
    return 0


def _announcement(server: LocalECR, keeps_token: bool, login: str) -> str:
    """Return the endpoint and the settings that point clients at it, as lines for a shell."""
    lines = [f"Local ECR at {server.endpoint}"]
    if not keeps_token:
        # A token of another account would be sent with the keys.
        lines.append("unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN")
    for name, value in server._connection_variables().items():
        lines.append(f"export {name}={shlex.quote(value)}")
    if server.ca_file is not None:
        ca = shlex.quote(str(server.ca_file))
        lines.append(
            f"# clients must trust the CA in {ca}; for tools other than those of AWS, one of these:"
        )
        lines += [f"# export {name}={ca}" for name in _TRUSTING]
    host = urlsplit(server.endpoint).netloc
    aws = f"aws ecr get-login-password | docker login --username AWS --password-stdin {host}"
    return "\n".join([*lines, "# with these set, for docker:", f"# {login or aws}"])


@contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """Yield a function that waits until the process is asked to stop.

    A signal may reach any thread, while Python runs handlers in the main thread alone, which would
    keep sleeping. So the main thread waits for the byte that Python sends from any thread.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            for number in numbers:
                signal.signal(number, lambda *_: None)

            def wait() -> None:
                while reader.recv(1)[0] not in numbers:
                    pass

            yield wait
        finally:
            signal.set_wakeup_fd(before)


class _Parser(argparse.ArgumentParser):
    """A parser that reports a wrong argument in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help lists the options\n")


def _parser(name: str, epilog: str | None) -> argparse.ArgumentParser:
    about = "Run a local Amazon ECR until it is stopped."
    parser = _Parser(prog=name, description=about, epilog=epilog, allow_abbrev=False)
    parser.add_argument("--port", type=_port, default=5001, help="0 picks a free one (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument(
        "--data", help="the folder for all data; without it, data is lost at the end"
    )
    parser.add_argument("--account", default="123456789012", help="the account id (%(default)s)")
    parser.add_argument("--region", default="us-east-1", help="the region (%(default)s)")
    parser.add_argument("--access-key", help="the access key id; generated by default")
    parser.add_argument("--secret-key", help="the secret access key that goes with it")
    parser.add_argument("--session-token", help="the session token that requests must have")
    parser.add_argument(
        "--no-auth", dest="auth", action="store_false", help="do not check signatures and passwords"
    )
    parser.add_argument(
        "--throttle", action="store_true", help="refuse calls that exceed the service's rate quotas"
    )
    parser.add_argument(
        "--open-accounts",
        action="store_true",
        help="let accounts use each other's registries without a policy",
    )
    parser.add_argument(
        "--tls", action="store_true", help="serve HTTPS with a generated certificate"
    )
    parser.add_argument("--tls-cert", help="serve HTTPS with the certificate in this file (PEM)")
    parser.add_argument("--tls-key", help="the file with its private key (PEM)")
    parser.add_argument(
        "--tls-ca", help="the file that clients must trust; the certificate itself by default"
    )
    parser.add_argument(
        "--registry-protocol",
        choices=("ecr", "oci"),
        default="ecr",
        help="where they differ, behave as ECR or as OCI specifies (%(default)s)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        dest="allow_hosts",
        metavar="NAME",
        help="a host name of the server besides the loopback and --host; '*' for any",
    )
    parser.add_argument(
        "--trust-forwarded",
        action="store_true",
        help="trust X-Forwarded-Proto and X-Forwarded-Host, which a proxy must set",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, got {text!r}")
    return int(text)


def _fail(name: str, message: str) -> int:
    print(f"{name}: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
