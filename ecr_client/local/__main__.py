"""``python -m ecr_client.local`` runs a local ECR until it is told to stop."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading

from ecr_client.local.errors import DataFolderError, ServerStartError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    if (options.access_key is None) != (options.secret_key is None):
        return _fail("--access-key and --secret-key go together")
    from ecr_client import AmazonClientException, Credentials
    from ecr_client.local.server import LocalECR

    # Before the server starts, so that no signal ends the process in the middle of it.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        keys = Credentials(options.access_key, options.secret_key) if options.access_key else None
        server = LocalECR(
            options.data,
            host=options.host,
            port=options.port,
            credentials=keys,
            auth=options.auth,
            account=options.account,
            region=options.region,
        )
    except (AmazonClientException, DataFolderError, ServerStartError) as error:
        return _fail(str(error))
    with server:
        print(f"Local ECR at {server.endpoint}", flush=True)
        for name, value in server.environment().items():
            print(f"export {name}={shlex.quote(value)}")
        host = server.endpoint.removeprefix("http://")
        print("# with these set, for docker:")
        print(
            f"# aws ecr get-login-password | docker login --username AWS --password-stdin {host}",
            flush=True,
        )
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ecr_client.local", description=__doc__)
    parser.add_argument("--port", type=int, default=5001, help="0 takes a free one (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument("--data", help="the folder that keeps everything; none: nothing is kept")
    parser.add_argument("--account", default="123456789012", help="the account id (%(default)s)")
    parser.add_argument("--region", default="us-east-1", help="the region (%(default)s)")
    parser.add_argument("--access-key", help="the access key id; made up if it is not given")
    parser.add_argument("--secret-key", help="the secret access key that goes with it")
    parser.add_argument(
        "--no-auth", dest="auth", action="store_false", help="check no signatures and passwords"
    )
    return parser


def _fail(message: str) -> int:
    print(f"python -m ecr_client.local: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
