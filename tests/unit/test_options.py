"""Views of a client: what they share with it, and what their calls do differently."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.exceptions import ClientShutdownException, InvalidConfigurationException
from ecr_client.models import DescribeImagesRequest, ImageIdentifier

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
RESERVED = (
    "Accept-Encoding Authorization Connection Content-Encoding Content-Length Content-Type Expect "
    "Host Transfer-Encoding User-Agent X-Amz-Content-SHA256 X-Amz-Date X-Amz-Security-Token "
    "X-Amz-Target"
)
Calling = Callable[..., ECRClient]


def access_key(request: Any) -> str:
    return str(request.headers["authorization"]).partition("Credential=")[2].partition("/")[0]


def signed_headers(request: Any) -> str:
    found = re.search("SignedHeaders=([^,]+)", request.headers["authorization"])
    return found[1] if found else ""


def test_a_view_is_a_client_of_the_same_class(client: ECRClient) -> None:
    """A view has the class of its client, even if that is an application's own."""

    class Bespoke(ECRClient):
        def __init__(self, number: int, **options: Any) -> None:
            super().__init__(**options)
            self.number = number

    bespoke = Bespoke(7, region="eu-west-1", endpoint=client.endpoint)
    view = bespoke.with_options(timeout=50)

    assert type(view) is Bespoke
    assert (view.number, view.region, view.endpoint) == (7, "eu-west-1", client.endpoint)
    assert view is not bespoke


def test_views_share_the_state_of_their_client(server: Any, client: ECRClient) -> None:
    """A client and its views share their connections, quota and cache, and end together."""
    view = client.with_options(timeout=50)
    other = view.with_options(retry=RetryPolicy())
    request = DescribeImagesRequest(repository_name="app")
    metadata = other.describe_images(request).response_metadata

    assert client._shared is view._shared is other._shared
    assert client._shared.pipeline is not None
    for each in (client, view):
        assert each.get_cached_response_metadata(request) is metadata

    other.shutdown()
    for each in (client, view, other):
        with pytest.raises(ClientShutdownException):
            each.describe_registry()


def test_endpoints_are_independent(client: ECRClient) -> None:
    """A view begins with its client's endpoint; later changes to one do not affect the other."""
    view = client.with_options(timeout=50)
    client.set_region("us-west-2")
    later = client.with_options(timeout=50)
    view.set_endpoint("https://ecr.example.org")

    assert client.endpoint == later.endpoint == "https://api.ecr.us-west-2.amazonaws.com"
    assert (view.endpoint, view.region) == ("https://ecr.example.org", "eu-west-1")


def test_views_of_a_session(server: Any) -> None:
    """A client of a session, which cannot be pickled, has views like any other."""
    session = botocore.session.Session()
    session.set_credentials("AKIDSESSION", SECRET)
    with ECRClient(session=session, region="eu-west-1", endpoint=server.url) as client:
        client.with_options(timeout=50).describe_registry()

    assert access_key(server.requests[0]) == "AKIDSESSION"


def test_credentials_that_were_found_are_shared(server: Any, monkeypatch: Any) -> None:
    """A view does not search for credentials that its client has already found."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FIRST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with ECRClient(region="eu-west-1", endpoint=server.url) as client:
        client.describe_registry()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SECOND")
        client.with_options(timeout=50).describe_registry()

    assert [access_key(request) for request in server.requests] == ["FIRST", "FIRST"]


def test_the_client_stays_as_it_is(server: Any, client: ECRClient) -> None:
    """The options of a view affect neither its client nor earlier views."""
    before = client.with_options(timeout=50)
    client.with_options(headers={"x-test": "1"}, credentials=Credentials("OTHER", SECRET))
    for each in (client, before):
        each.describe_registry()

    assert [request.headers.get("x-test") for request in server.requests] == [None, None]
    assert {access_key(request) for request in server.requests} == {"AKIDEXAMPLE"}


def test_headers_are_sent(server: Any, client: ECRClient) -> None:
    """Additional headers are sent as given; those of AWS are signed, others are not."""
    headers = {"X-Amzn-Trace-Id": "Root=1-2;Sampled=1", "x-amz-source-account": "1", "Via": "me"}
    given = dict(headers)
    view = client.with_options(headers=given)
    given.update({"Via": "others", "Host": "elsewhere"})
    view.describe_registry()
    request = server.requests[0]

    assert {name: request.headers[name.lower()] for name in headers} == headers
    assert signed_headers(request) == (
        "content-type;host;x-amz-date;x-amz-source-account;x-amz-target"
    )


def test_views_of_views_add_headers(server: Any, client: ECRClient) -> None:
    """A view adds headers to those of the view it was made from, and replaces equal names."""
    first = client.with_options(headers={"x-test": "1", "x-kept": "k"})
    second = first.with_options(headers={"X-Test": "2"})
    third = second.with_options(headers={"x-test": "3"}).with_options(timeout=50)
    for each in (first, second, third):
        each.describe_registry()

    assert [request.headers["x-test"] for request in server.requests] == ["1", "2", "3"]
    assert {request.headers["x-kept"] for request in server.requests} == {"k"}


@pytest.mark.parametrize("name", RESERVED.split())
def test_reserved_headers(client: ECRClient, name: str) -> None:
    """A header that the client sets itself cannot be replaced, however it is capitalized."""
    for each in (name, name.lower(), name.upper()):
        with pytest.raises(
            InvalidConfigurationException, match="cannot be replaced: the client sets it"
        ) as e:
            client.with_options(headers={each: "s3cret"})

        assert "s3cret" not in str(e.value)


NO_TIMEOUTS = (0, -1, "5", True, float("nan"), float("inf"))
BAD_VALUES = (
    "",
    " s3cret",
    "s3cret ",
    "s3cret\n",
    "s3cret\r\nX: 1",
    "s3\tcret",
    "s3cret\0",
    "s3crét",
)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        *(({"x-test": each}, "value of the header x-test") for each in BAD_VALUES),
        *(({"x-test": each}, "value of the header x-test") for each in (b"s3cret", None, 5)),
        *(({each: "s3cret"}, "name of a header") for each in ("", "a b", "a:", "a\n", "ä", "a\0")),
        *(({each: "s3cret"}, "name of a header") for each in (b"x", None, 5)),
        *((each, "must be a mapping") for each in ("x-test: 1", [("x-test", "1")], 5, {"a"})),
    ],
)
def test_bad_headers(client: ECRClient, headers: Any, problem: str) -> None:
    """An invalid header is refused, and its value is not shown."""
    with pytest.raises(InvalidConfigurationException, match=problem) as e:
        client.with_options(headers=headers)

    assert "s3c" not in str(e.value)


def test_credentials_of_a_view(server: Any, client: ECRClient) -> None:
    """The calls of a view are signed with its credentials, in whatever form they are given."""
    keys = Credentials("VIEW", SECRET, "t0ken")
    client.describe_registry()
    for given in (keys, lambda: keys):
        client.with_options(credentials=given).describe_registry()
    client.describe_registry()
    keys_used = [access_key(request) for request in server.requests]

    assert keys_used == ["AKIDEXAMPLE", "VIEW", "VIEW", "AKIDEXAMPLE"]
    assert server.requests[1].headers["x-amz-security-token"] == "t0ken"
    assert "x-amz-security-token" not in server.requests[3].headers


@pytest.mark.parametrize(
    ("options", "text"),
    [
        *(({"timeout": each}, "timeout must be a number of seconds") for each in NO_TIMEOUTS),
        ({"retry": 3}, "retry must be a RetryPolicy, got int"),
        ({"retry": RetryPolicy}, "retry must be a RetryPolicy, got type"),
        ({"credentials": "AKID"}, "credentials must be Credentials"),
    ],
)
def test_bad_options(client: ECRClient, options: dict[str, Any], text: str) -> None:
    """An invalid option is refused when the view is made."""
    with pytest.raises(InvalidConfigurationException, match=text):
        client.with_options(**options)


def test_inherited_options(server: Any, credentials: Credentials) -> None:
    """An option that is not given comes from the view before it, or from the configuration."""

    def found(client: ECRClient) -> tuple[object, ...]:
        options = client._make_options()
        keys = options.credentials.resolve()
        return options.total_timeout, options.retry, keys and keys.access_key, options.headers

    configured, policy = RetryPolicy(max_attempts=8), RetryPolicy(max_attempts=9)
    config = ClientConfiguration(total_timeout=30, retry=configured)
    with ECRClient(endpoint=server.url, credentials=credentials, config=config) as client:
        first = client.with_options(timeout=50, retry=policy, credentials=Credentials("A", "b"))

        assert found(client) == (30, configured, "AKIDEXAMPLE", {})
        assert found(client.with_options(timeout=50)) == (50, configured, "AKIDEXAMPLE", {})
        assert found(first.with_options()) == (50, policy, "A", {})
        assert found(first.with_options(timeout=70)) == (70, policy, "A", {})


def test_helpers_have_the_options(server: Any, calling: Calling) -> None:
    """Paginators, waiters and batches of a view use its options."""
    view = calling(base_delay=0).with_options(
        headers={"x-test": "1"}, retry=RetryPolicy(max_attempts=2, base_delay=0)
    )
    server.responses = [
        (500, {}, b""),
        (200, {}, b'{"imageIds": [], "nextToken": "t"}'),
        (500, {}, b""),
        (200, {}, b'{"imageIds": []}'),
    ]
    list(view.paginate_list_images(repository_name="app"))
    server.responses = [(500, {}, b""), (200, {}, b'{"imageDetails": []}')]
    view.wait_until_image_exists(repository_name="app", image_ids=[ImageIdentifier(image_tag="1")])
    server.responses = [(500, {}, b""), (200, {}, b"{}")]
    view.batch_get_image_all(
        repository_name="app", image_ids=[ImageIdentifier(image_tag=str(n)) for n in range(101)]
    )

    assert len(server.requests) == 4 + 2 + 3
    assert {request.headers["x-test"] for request in server.requests} == {"1"}
