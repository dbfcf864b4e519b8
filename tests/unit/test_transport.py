"""Calls over the transport: what is sent, who may look at it, and errors without a response.

What happens on the wire is in tests/transport; what breaks there, in tests/faults.
"""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest
import requests
import responses

from ecr_client import ClientConfiguration, Credentials, ECRClient, __version__
from ecr_client.exceptions import (
    AmazonClientException,
    ConnectTimeoutException,
    EndpointConnectionException,
    NameResolutionException,
    RepositoryNotFoundException,
)


def failure(
    url: str, expected: type[AmazonClientException], **config: Any
) -> AmazonClientException:
    """Return the error of a call to a URL, which has to be exactly this one."""
    keys, settings = Credentials("AKID", "s3cret"), ClientConfiguration(**config)
    client = ECRClient(endpoint=url, credentials=keys, config=settings)
    with client, pytest.raises(expected) as caught:
        client.set_repository_policy(repository_name="app", policy_text="private")
    text = str(caught.value)

    assert type(caught.value) is expected
    assert text.startswith("SetRepositoryPolicy: ")
    assert isinstance(caught.value.__cause__, requests.RequestException)
    assert [secret for secret in ("s3cret", "AKID", "private") if secret in text] == []
    return caught.value


def test_refused() -> None:
    """A port where nobody listens is named as such, with its URL, and may be retried."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = failure(url, EndpointConnectionException)

    assert f"no connection to {url}/: ConnectionRefusedError" in str(error)
    assert not error.request_sent  # type: ignore[attr-defined]
    assert error.retryable  # type: ignore[attr-defined]
    assert not isinstance(error, TimeoutError)


def test_unresolvable() -> None:
    """A host name that does not exist is an error of its own that names the host."""
    error = failure("http://nowhere.invalid", NameResolutionException, connect_timeout=20)

    assert "nowhere.invalid" in str(error)
    assert isinstance(error, ConnectionError)


def test_connect_timeout(credentials: Credentials) -> None:
    """A connection that is not made in time is a connect timeout, named by its setting."""
    config = ClientConfiguration(connect_timeout=0.25)
    with responses.RequestsMock() as mocked:
        mocked.post("https://ecr.example.org/", body=requests.ConnectTimeout("slow"))
        with (
            ECRClient(endpoint="ecr.example.org", credentials=credentials, config=config) as client,
            pytest.raises(ConnectTimeoutException, match=r"within 0.25 s \(connect_timeout\)") as e,
        ):
            client.describe_repositories()

    assert isinstance(e.value, TimeoutError)
    assert e.value.retryable
    assert isinstance(e.value.__cause__, requests.ConnectTimeout)


# --- what is sent ---------------------------------------------------------------------------------


def test_headers(server: Any, client: ECRClient) -> None:
    """A call has exactly these headers, and no other is slipped in by a library below."""
    client.describe_repositories()
    headers = server.requests[0].headers

    assert set(headers) == {
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-target",
    }
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == server.url.removeprefix("http://")


def test_netrc_is_not_used(server: Any, client: ECRClient, monkeypatch: Any, tmp_path: Any) -> None:
    """A .netrc file with an entry for the host does not replace the signature."""
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(path))
    client.describe_repositories()

    assert server.requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


@pytest.mark.parametrize(
    ("config", "environment", "app"),
    [
        (None, None, ""),
        ("my-app", None, " app/my-app"),
        (None, "from-env", " app/from-env"),
        ("my-app", "from-env", " app/my-app"),
        (None, "white space/slash", " app/white-space-slash"),
    ],
)
def test_user_agent(
    server: Any,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    config: str | None,
    environment: str | None,
    app: str,
) -> None:
    """The User-Agent has the form of AWS's SDKs, with the application's id at its end."""
    if environment:
        monkeypatch.setenv("AWS_SDK_UA_APP_ID", environment)
    settings = ClientConfiguration(user_agent_appid=config)
    with ECRClient(endpoint=server.url, credentials=credentials, config=settings) as client:
        client.describe_repositories()
    token = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    form = rf"ecr-client/{re.escape(__version__)} ua/2\.1 os/{token}#{token} md/arch#{token} "
    form += rf"lang/python#\d+\.\d+\.\d+\S* md/pyimpl#{token}{re.escape(app)}"

    assert re.fullmatch(form, server.requests[0].headers["user-agent"])


# --- who may look at it ---------------------------------------------------------------------------


def test_responses_sees_the_calls(credentials: Credentials) -> None:
    """The library "responses" answers calls and can check what they sent."""
    body = {"__type": "RepositoryNotFoundException"}
    with responses.RequestsMock() as mocked:
        mocked.post("https://api.ecr.eu-west-1.amazonaws.com/", json={})
        mocked.post("https://api.ecr.eu-west-1.amazonaws.com/", json=body, status=400)
        with ECRClient(region="eu-west-1", credentials=credentials) as client:
            client.describe_repositories(max_results=7)
            with pytest.raises(RepositoryNotFoundException):
                client.describe_repositories()
        request = mocked.calls[0].request

    assert request.body == b'{"maxResults": 7}'
    assert request.headers["X-Amz-Target"].endswith(".DescribeRepositories")


def test_a_wrapped_send_sees_the_calls(
    server: Any, client: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What wraps requests.Session.send, as tracing tools do, sees request and response."""
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
