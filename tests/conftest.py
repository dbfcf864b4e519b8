"""What all tests share: an environment of their own, a client, and servers on the loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from ecr_client import Credentials, ECRClient

#: What a user's machine may set and a test must not see.
FOREIGN = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Received(NamedTuple):
    """A request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer:
    """Answers with what it was told to, in that order; the last answer is repeated.

    An answer is (status, headers, body), or bytes to be written to the socket as they are, after
    which the connection is closed.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: list[Any] = [(200, {}, b"{}")]
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Or the body of each answer would wait for 40 ms.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): text for name, text in self.headers.items()}
                owner.requests.append(Received(self.command, self.path, headers, body))
                answer = owner.answers.pop(0) if len(owner.answers) > 1 else owner.answers[0]
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                    self.close_connection = True
                    return
                status, headers, content = answer
                self.send_response_only(status)  # without a Date and a Server of its own
                for name, text in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    """Keep the settings, proxies and credentials of the machine out of every test."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper().endswith("_PROXY") or name in FOREIGN:
            monkeypatch.delenv(name)
    nothing = tmp_path_factory.getbasetemp() / "nothing"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nothing / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nothing / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # A failure is to be seen as it is; tests of repeats say how often they want a call sent.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def credentials() -> Credentials:
    """Give credentials that nobody would take for real ones."""
    return Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Give a server that answers as it is told and remembers what it was asked."""
    running = ScriptedServer()
    yield running
    running.close()


@pytest.fixture
def client(server: ScriptedServer, credentials: Credentials) -> Iterator[ECRClient]:
    """Give a client of the scripted server."""
    with ECRClient(region="eu-west-1", endpoint=server.url, credentials=credentials) as made:
        yield made


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Give the address of one moto server for the whole run; state is reset by who needs it."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def moto_client(moto_url: str, credentials: Credentials) -> Iterator[ECRClient]:
    """Give a client of a moto server without any state."""
    import requests

    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    with ECRClient(region="us-east-1", endpoint=moto_url, credentials=credentials) as made:
        yield made
