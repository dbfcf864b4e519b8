"""What is sent to a storage, where redirects lead, and what others see of it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from ecr_client import CallEvent, Hooks, RetryPolicy
from ecr_client.exceptions import (
    AmazonClientException,
    LayerDownloadException,
    ParamValidationException,
)

TESTS = str(Path(__file__).parent)


def test_the_storage_gets_no_credentials(client: Any, storage: Any) -> None:
    """A request to the storage has only the headers that it needs."""
    view = client.with_options(headers={"X-Team": "build", "x-amz-meta": "1"})
    storage.script = [storage.cut(9)]
    view.content()
    first, second = storage.requests

    assert first.headers.keys() == {"host", "user-agent", "accept-encoding"}
    assert second.headers.keys() == {"host", "user-agent", "accept-encoding", "range"}
    assert first.headers["accept-encoding"] == "identity"
    assert first.headers["user-agent"].startswith("ecr-client/")
    assert first.path == f"/layers/1?X-Amz-Signature={storage.secret}&number=1"


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
@pytest.mark.parametrize(
    ("status", "location", "path"),
    [
        (301, "{origin}/elsewhere?X-Amz-Signature={secret}", "/elsewhere"),
        (302, "//{host}/elsewhere?X-Amz-Signature={secret}", "/elsewhere"),
        (303, "/elsewhere?X-Amz-Signature={secret}", "/elsewhere"),
        (307, "2?X-Amz-Signature={secret}", "/layers/2"),
        (308, "2?X-Amz-Signature={secret}", "/layers/2"),
    ],
    ids=["absolute", "without scheme", "path", "relative", "relative, permanent"],
)
def test_redirects_are_followed(
    client: Any, storage: Any, status: int, location: str, path: str
) -> None:
    """A redirect is followed without credentials, and a download resumes at its target."""
    host = storage.origin.partition("//")[2]
    target = location.format(origin=storage.origin, host=host, secret=storage.secret)
    storage.script = [storage.redirect(target, status), storage.cut(9)]

    assert client.content() == storage.content
    assert [each.path.partition("?")[0] for each in storage.requests] == ["/layers/1", path, path]
    assert storage.requests[1].path.endswith(f"?X-Amz-Signature={storage.secret}")
    assert storage.requests[1].headers.keys() == {"host", "user-agent", "accept-encoding"}
    assert storage.ranges_seen() == [None, None, "bytes=9-"]


def test_redirects_have_an_end(client: Any, storage: Any) -> None:
    """Five redirects are followed, and the sixth is an error with its status."""
    storage.script = [storage.redirect("/layers/1?x")] * 5
    followed = client.content()
    storage.requests.clear()
    storage.script = [storage.redirect("/layers/1?x")] * 9
    with pytest.raises(LayerDownloadException, match=r"responded with status 307$") as raised:
        client.content()

    assert followed == storage.content
    assert raised.value.status_code == 307
    assert len(storage.requests) == 6


def test_a_redirect_that_has_expired(client: Any, storage: Any) -> None:
    """If the target of a redirect refuses the request, a fresh URL is requested."""
    storage.script = [storage.redirect("/2?expired"), storage.refuse(403)]

    assert client.content() == storage.content
    assert len(client.urls) == 2


@pytest.mark.parametrize(
    "location",
    [
        "",
        "file:///etc/hostname?{secret}",
        "data:text/plain,{secret}",
        "http://[::1/?{secret}",
        "http://127.0.0.1:99999/?{secret}",
        "http://user:{secret}@127.0.0.1/",
        "http://127.0.0.1 /?{secret}",
        "http://h\u00e4user.invalid/?{secret}",
    ],
)
def test_redirects_to_nowhere_are_refused(client: Any, storage: Any, location: str) -> None:
    """A redirect to anything but a plain HTTP URL is refused, and its location is not shown."""
    redirect = storage.redirect(location.format(secret=storage.secret))
    storage.script = [redirect if location else storage.send(307, {"Content-Length": "0"})]
    with pytest.raises(LayerDownloadException, match="something other than an HTTP URL") as raised:
        client.content()

    assert raised.value.status_code == 307
    assert storage.secret not in everything_of(raised.value)


@pytest.mark.parametrize("url", [None, "", "file:///layer", "layers/1", "http://"])
def test_urls_of_the_service_are_checked(client: Any, url: str | None) -> None:
    """A URL from the service that is not an HTTP URL is refused."""
    layer = client.layer()
    layer._find_url = lambda: url
    with pytest.raises(LayerDownloadException, match=r"returned no HTTP URL for it$"):
        layer.read()


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"repository_name": "a"}, "repository_name must have at least 2 characters, got 'a'"),
        ({"repository_name": None}, "repository_name is required"),
        ({"registry_id": 12}, "registry_id must be a str, got int 12; did you mean '12'?"),
    ],
)
def test_members_are_checked_at_once(client: Any, members: Any, problem: str) -> None:
    """Arguments that GetDownloadUrlForLayer would refuse are refused before the block."""
    with pytest.raises(ParamValidationException) as caught:
        client.layer(**members)

    assert str(caught.value) == f"GetDownloadUrlForLayer: {problem}"


def test_downloads_go_through_the_proxy(make_client: Any, storage: Any) -> None:
    """A download goes through the proxies of the client."""
    proxied = make_client(proxies={"http": storage.origin})
    storage.url = "http://storage.example/layers/1"

    assert proxied.content() == storage.content
    assert storage.requests[0].path.startswith("http://storage.example/layers/1?X-Amz-")


def test_hooks_see_a_download(make_client: Any, storage: Any) -> None:
    """A download is one call for hooks: a request for each attempt, with no query in sight."""
    events: list[tuple[str, CallEvent]] = []
    kinds = ("request", "response", "retry", "error")
    hooks = Hooks(**{kind: lambda event, kind=kind: events.append((kind, event)) for kind in kinds})
    client = make_client(hooks=hooks, retry=RetryPolicy(max_attempts=2, sleep=lambda _: None))
    storage.script = [storage.refuse(503), storage.cut(9), storage.refuse(404)]
    with pytest.raises(LayerDownloadException):
        client.content()

    assert [(kind, event.attempt, event.status_code) for kind, event in events] == [
        ("request", 1, None),
        ("response", 1, 503),
        ("retry", 1, None),
        ("request", 2, None),
        ("response", 2, 200),
        ("retry", 1, None),
        ("request", 2, None),
        ("response", 2, 404),
        ("error", 2, None),
    ]
    assert {(event.operation, event.endpoint, event.region) for _, event in events} == {
        ("DownloadLayer", storage.url, "eu-west-1")
    }
    assert len({id(event.context) for _, event in events}) == 1
    assert isinstance(events[-1][1].error, LayerDownloadException)
    assert storage.secret not in repr(events)


def everything_of(error: BaseException) -> str:
    """Return an exception, its causes, and the variables in their frames but those of tests."""
    shown = [str(error), repr(error), repr(vars(error))]
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if not frame.f_code.co_filename.startswith(TESTS):
            shown += [frame.f_code.co_name, *map(repr, frame.f_locals.values())]
    shown += [everything_of(cause) for cause in (error.__cause__, error.__context__) if cause]
    return "\n".join(shown)


@pytest.mark.parametrize("fail", ["host", "content", "refused", "cut", "silent", "no HTTP", "loop"])
def test_errors_show_neither_queries_nor_content(make_client: Any, storage: Any, fail: str) -> None:
    """Tools that print tracebacks with local variables see no signature and no byte of a layer."""
    client = make_client(retry=RetryPolicy(max_attempts=1), read_timeout=0.2)
    storage.script = {
        "refused": [storage.refuse(403)] * 2,
        "cut": [storage.cut(9)] * 3,
        "silent": [storage.stall(9)],
        "no HTTP": [storage.send(0, {}, b"HTTP/1.1 2o0 OK\r\n\r\n")],
        "loop": [storage.redirect(f"/2?{storage.secret}")] * 9,
    }.get(fail, [])
    if fail == "host":
        storage.url = "http://no-such-host.invalid/layers/1"
    if fail == "content":
        storage.content = bytes(range(74, 114))
    with pytest.raises(AmazonClientException) as raised:
        client.content()
    shown = everything_of(raised.value)

    assert "_receive" in shown or "_request" in shown
    assert storage.secret not in shown
    assert storage.content[:9].decode() not in shown
