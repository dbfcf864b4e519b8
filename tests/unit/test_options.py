"""Views of a client: what they share with it, and what their calls do otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.exceptions import (
    ClientShutdownException,
    InvalidConfigurationException,
    ThrottlingException,
)
from ecr_client.models import DescribeImagesRequest, ImageIdentifier
from ecr_client.testing import ECRStub

if TYPE_CHECKING:
    from ecr_client.local import LocalECR

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
RESERVED = [
    "Accept-Encoding",
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Host",
    "Transfer-Encoding",
    "User-Agent",
    "X-Amz-Content-SHA256",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Target",
]
Calling = Callable[..., ECRClient]


def access_key(request: Any) -> str:
    return str(request.headers["authorization"]).partition("Credential=")[2].partition("/")[0]


def signed_headers(request: Any) -> list[str]:
    found = re.search("SignedHeaders=([^,]+)", request.headers["authorization"])
    assert found
    return found[1].split(";")


# --- what is shared -------------------------------------------------------------------------------


def test_a_view_is_a_client_of_the_same_class(client: ECRClient) -> None:
    """A view has the class of its client, also where that is an application's own."""

    class Bespoke(ECRClient):
        def __init__(self, number: int, **options: Any) -> None:
            super().__init__(**options)
            self.number = number

    bespoke = Bespoke(7, region="eu-west-1", endpoint=client.endpoint)
    view = bespoke.with_options(timeout=50)

    assert type(view) is Bespoke
    assert (view.number, view.region, view.endpoint) == (7, "eu-west-1", client.endpoint)
    assert view is not bespoke


def test_views_share_connections_quota_and_metadata(server: Any, client: ECRClient) -> None:
    """What a client and its views have in common is one object each."""
    view = client.with_options(timeout=50)
    other = view.with_options(retry=RetryPolicy())
    request = DescribeImagesRequest(repository_name="app")
    result = other.describe_images(request)

    assert client.get_cached_response_metadata(request) is result.response_metadata
    assert view.get_cached_response_metadata(request) is result.response_metadata
    assert client._shared is view._shared is other._shared
    assert client._shared.pipeline is not None


def test_shutdown_ends_all(server: Any, client: ECRClient) -> None:
    """Shutting down a view shuts down its client and the other views."""
    views = [client.with_options(timeout=50), client.with_options(timeout=60)]
    views[0].shutdown()

    for each in (client, *views):
        with pytest.raises(ClientShutdownException):
            each.describe_registry()


def test_endpoints_are_independent(client: ECRClient) -> None:
    """A view begins where its client calls; later changes of one do not change the other."""
    view = client.with_options(timeout=50)
    client.set_region("us-west-2")
    later = client.with_options(timeout=50)
    view.set_endpoint("https://ecr.example.org")

    assert client.endpoint == later.endpoint == "https://api.ecr.us-west-2.amazonaws.com"
    assert (view.endpoint, view.region) == ("https://ecr.example.org", "eu-west-1")


def test_views_of_a_session(server: Any) -> None:
    """A client of a session, which cannot be pickled, has views as any other."""
    session = botocore.session.Session()
    session.set_credentials("AKIDSESSION", SECRET)
    with ECRClient(session=session, region="eu-west-1", endpoint=server.url) as client:
        client.with_options(timeout=50).describe_registry()

    assert access_key(server.requests[0]) == "AKIDSESSION"


def test_credentials_that_were_found_are_shared(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view looks up no credentials that its client has found already."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FIRST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with ECRClient(region="eu-west-1", endpoint=server.url) as client:
        client.describe_registry()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SECOND")
        client.with_options(timeout=50).describe_registry()

    assert [access_key(request) for request in server.requests] == ["FIRST", "FIRST"]


def test_the_client_stays_as_it_is(server: Any, client: ECRClient) -> None:
    """What a view does otherwise is not done by its client, nor by views that it had before."""
    before = client.with_options(timeout=50)
    client.with_options(headers={"x-test": "1"}, credentials=Credentials("OTHER", SECRET))
    for each in (client, before):
        each.describe_registry()

    assert [request.headers.get("x-test") for request in server.requests] == [None, None]
    assert {access_key(request) for request in server.requests} == {"AKIDEXAMPLE"}


# --- headers --------------------------------------------------------------------------------------


def test_headers_are_sent(server: Any, client: ECRClient) -> None:
    """Further headers are sent as they are; those of AWS are signed, others are not."""
    headers = {"X-Amzn-Trace-Id": "Root=1-2;Sampled=1", "x-amz-source-account": "1", "Via": "me"}
    client.with_options(headers=headers).describe_registry()
    request = server.requests[0]

    assert {name: request.headers[name.lower()] for name in headers} == headers
    assert signed_headers(request) == [
        "content-type",
        "host",
        "x-amz-date",
        "x-amz-source-account",
        "x-amz-target",
    ]


@pytest.mark.parametrize("value", ["1", "a b", "a  b   c", "a=b, c;d", '"!~', "x" * 5000])
def test_signed_headers_are_accepted(ecr: LocalECR, fake: Any, value: str) -> None:
    """A service that checks signatures accepts calls with any headers that may be given."""
    headers = {"X-Amz-Meta": value, "x-amzn-trace-id": value}
    with ecr.client() as client:
        fake.rules(client)
        client.with_options(headers=headers).create_repository(repository_name="app")

    assert ecr.requests[0].status == 200


def test_views_of_views_add_headers(server: Any, client: ECRClient) -> None:
    """A view adds headers to those of the view that it was made of, and replaces its own."""
    first = client.with_options(headers={"x-test": "1", "x-kept": "k"})
    second = first.with_options(headers={"X-Test": "2"})
    third = second.with_options(headers={"x-test": "3"}).with_options(timeout=50)
    for each in (first, second, third):
        each.describe_registry()

    assert [request.headers["x-test"] for request in server.requests] == ["1", "2", "3"]
    assert {request.headers["x-kept"] for request in server.requests} == {"k"}


def test_headers_are_copied(server: Any, client: ECRClient) -> None:
    """A dict that changes after a view was made does not change the view."""
    headers = {"x-test": "1"}
    view = client.with_options(headers=headers)
    headers["x-test"] = "2"
    headers["Host"] = "elsewhere"
    view.describe_registry()

    assert server.requests[0].headers["x-test"] == "1"


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
@pytest.mark.parametrize("name", RESERVED)
def test_reserved_headers(client: ECRClient, name: str, change: Callable[[str], str]) -> None:
    """What the client sets itself cannot be replaced, however it is capitalized."""
    with pytest.raises(
        InvalidConfigurationException, match="cannot be replaced: the client sets it"
    ) as e:
        client.with_options(headers={change(name): "s3cret"})

    assert "s3cret" not in str(e.value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " s3cret",
        "s3cret ",
        "s3cret\n",
        "s3cret\r\nX: 1",
        "s3\tcret",
        "s3cret\0",
        "s3crét",
        b"s3cret",
        None,
        5,
    ],
)
def test_bad_values(client: ECRClient, value: Any) -> None:
    """A value that no header can hold is refused, by the name, and without being shown."""
    with pytest.raises(InvalidConfigurationException, match="value of the header x-test") as e:
        client.with_options(headers={"x-test": value})

    assert "s3c" not in str(e.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\n", "ä", b"x", None, 5, "a\0"])
def test_bad_names(client: ECRClient, name: Any) -> None:
    """A name that no header can have is refused."""
    with pytest.raises(InvalidConfigurationException, match="name of a header") as e:
        client.with_options(headers={name: "s3cret"})

    assert "s3cret" not in str(e.value)


@pytest.mark.parametrize("headers", ["x-test: 1", [("x-test", "1")], 5, {"a"}])
def test_what_is_no_mapping(client: ECRClient, headers: Any) -> None:
    """Headers have to be a mapping."""
    with pytest.raises(InvalidConfigurationException, match="must be a mapping"):
        client.with_options(headers=headers)


# --- the rest -------------------------------------------------------------------------------------


def test_credentials_of_a_view(server: Any, client: ECRClient) -> None:
    """The calls of a view are signed with its credentials, whatever form these have."""
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
        ({"timeout": 0}, "timeout must be a number of seconds"),
        ({"timeout": -1}, "timeout must be"),
        ({"timeout": "5"}, "timeout must be"),
        ({"timeout": True}, "timeout must be"),
        ({"timeout": float("nan")}, "timeout must be"),
        ({"timeout": float("inf")}, "timeout must be"),
        ({"retry": 3}, "retry must be a RetryPolicy, got int"),
        ({"retry": RetryPolicy}, "retry must be a RetryPolicy, got type"),
        ({"credentials": "AKID"}, "credentials must be Credentials"),
    ],
)
def test_bad_options(client: ECRClient, options: dict[str, Any], text: str) -> None:
    """An option that cannot work is refused when the view is made."""
    with pytest.raises(InvalidConfigurationException, match=text):
        client.with_options(**options)


def test_options_are_kept_by_views_of_views(client: ECRClient) -> None:
    """What is not given is as in the view before; what is given replaces it."""
    policy = RetryPolicy(max_attempts=9)
    first = client.with_options(timeout=50, retry=policy, credentials=Credentials("A", "b"))
    same, other = first.with_options(), first.with_options(timeout=70)

    assert same._make_options().total_timeout == 50
    assert same._make_options().retry is policy
    assert other._make_options().total_timeout == 70
    assert other._make_options().retry is policy
    assert other._make_options().credentials.resolve() == Credentials("A", "b")


def test_a_stub_sees_the_calls_of_views(client: ECRClient) -> None:
    """Who stubs a client also stubs its views, those that are made later among them."""
    early = client.with_options(timeout=50)
    with ECRStub(client) as stub:
        stub.expect("DescribeRegistry", registry_id="1")
        stub.expect("DescribeRegistry", registry_id="2")
        found = [early.describe_registry(), client.with_options(timeout=60).describe_registry()]

    assert [each.registry_id for each in found] == ["1", "2"]


def test_pages_waits_and_batches_have_the_options(server: Any, calling: Calling) -> None:
    """Paginators, waiters and batches of a view make its calls."""
    view = calling(base_delay=0).with_options(
        headers={"x-test": "1"}, retry=RetryPolicy(max_attempts=2, base_delay=0)
    )
    server.answers = [
        (500, {}, b""),
        (200, {}, b'{"imageIds": [], "nextToken": "t"}'),
        (500, {}, b""),
        (200, {}, b'{"imageIds": []}'),
    ]
    list(view.paginate_list_images(repository_name="app"))
    server.answers = [(500, {}, b""), (200, {}, b'{"imageDetails": []}')]
    view.wait_until_image_exists(repository_name="app", image_ids=[ImageIdentifier(image_tag="1")])
    server.answers = [(500, {}, b""), (200, {}, b"{}")]
    view.batch_get_image_all(
        repository_name="app", image_ids=[ImageIdentifier(image_tag=str(n)) for n in range(101)]
    )

    assert len(server.requests) == 4 + 2 + 3
    assert {request.headers["x-test"] for request in server.requests} == {"1"}


def test_calls_of_a_waiter_are_retried(server: Any, calling: Calling) -> None:
    """An error that does not say what is waited for ends the wait, after the call's retries."""
    client = calling(base_delay=0, max_attempts=2)
    server.answers = [(400, {}, b'{"__type": "ThrottlingException"}')]
    image = ImageIdentifier(image_tag="1")
    with pytest.raises(ThrottlingException) as caught:
        client.wait_until_image_exists(repository_name="app", image_ids=[image])

    assert caught.value.attempts == 2


def test_configured_options(server: Any, credentials: Credentials, fake: Any) -> None:
    """What a view does not say is as it is configured."""
    policy = RetryPolicy(max_attempts=9)
    config = ClientConfiguration(total_timeout=30, retry=policy)
    with ECRClient(endpoint=server.url, credentials=credentials, config=config) as client:
        plain, view = client._make_options(), client.with_options(timeout=50)._make_options()

    assert (plain.total_timeout, plain.retry, plain.headers) == (30, policy, {})
    assert (view.total_timeout, view.retry) == (50, policy)
