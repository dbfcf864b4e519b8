"""Calls over the transport: which headers are sent, and which tools can see them.

tests/transport covers what happens on the wire, and tests/faults what breaks there.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient, __version__

KEYS = Credentials("AKID", "s3cret")


def test_headers(server: Any, client: ECRClient, monkeypatch: Any, tmp_path: Any) -> None:
    """A call has exactly these headers; neither a library nor a .netrc adds another."""
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(path))
    client.describe_repositories()
    headers = server.requests[0].headers

    assert " ".join(sorted(headers)) == (
        "accept-encoding authorization content-length content-type host user-agent x-amz-date "
        "x-amz-target"
    )
    assert headers["accept-encoding"] == "identity"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert headers["host"] == server.url.removeprefix("http://")


@pytest.mark.parametrize(
    ("config", "environment", "app"),
    [
        (None, None, ""),
        ("my-app", "from-env", " app/my-app"),
        (None, "white space/slash", " app/white-space-slash"),
    ],
)
def test_user_agent(server: Any, monkeypatch: Any, config: str, environment: str, app: str) -> None:
    """The User-Agent has the form of AWS's SDKs, with the application's id at its end."""
    if environment:
        monkeypatch.setenv("AWS_SDK_UA_APP_ID", environment)
    settings = ClientConfiguration(user_agent_appid=config)
    with ECRClient(endpoint=server.url, credentials=KEYS, config=settings) as client:
        client.describe_repositories()
    token = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    form = rf"ecr-client/{re.escape(__version__)} ua/2\.1 os/{token}#{token} md/arch#{token} "
    form += rf"lang/python#\d+\.\d+\.\d+\S* md/pyimpl#{token}{re.escape(app)}"

    assert re.fullmatch(form, server.requests[0].headers["user-agent"])


def test_a_wrapped_send_sees_the_calls(server: Any, client: ECRClient, monkeypatch: Any) -> None:
    """A wrapper of requests.Session.send, as tracing tools use, sees request and response."""
    seen = []
    original = requests.Session.send

    def send(session: Any, request: Any, **options: Any) -> requests.Response:
        request.headers["x-trace"] = "7"
        response = original(session, request, **options)
        seen.append((request.method, request.url, response.status_code))
        return response

    monkeypatch.setattr(requests.Session, "send", send)
    client.describe_repositories()

    assert seen == [("POST", f"{server.url}/", 200)]
    assert server.requests[0].headers["x-trace"] == "7"
