"""What is sent to a storage, where redirects lead, and what others see of it."""

from __future__ import annotations

import logging
import socket
import traceback
from pathlib import Path
from typing import Any

import pytest

from ecr_client import CallEvent, Hooks, RetryPolicy
from ecr_client.exceptions import (
    AmazonClientException,
    LayerDownloadException,
    LayerVerificationException,
)

TESTS = str(Path(__file__).parent)


def test_the_storage_gets_no_credentials(client: Any, storage: Any) -> None:
    """A request to the storage has no header but those that it needs."""
    view = client.with_options(headers={"X-Team": "build", "x-amz-meta": "1"})
    storage.script = [storage.cut(9)]
    view.content()
    first, second = storage.requests

    assert first.headers.keys() == {"host", "user-agent", "accept-encoding"}
    assert second.headers.keys() == {"host", "user-agent", "accept-encoding", "range"}
    assert first.headers["accept-encoding"] == "identity"
    assert first.headers["user-agent"].startswith("ecr-client/")
    assert first.path == f"/layers/1?X-Amz-Signature={storage.secret}&number=1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("{origin}/elsewhere?X-Amz-Signature={secret}", "/elsewhere"),
        ("//{host}/elsewhere?X-Amz-Signature={secret}", "/elsewhere"),
        ("/elsewhere?X-Amz-Signature={secret}", "/elsewhere"),
        ("2?X-Amz-Signature={secret}", "/layers/2"),
    ],
    ids=["absolute", "without scheme", "path", "relative"],
)
def test_redirects_are_followed(
    client: Any, storage: Any, status: int, location: str, path: str
) -> None:
    """A redirect is followed with its query and without credentials, and resumed where it led."""
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
    """If the place that a redirect led to refuses, a fresh URL is asked for."""
    storage.script = [storage.redirect("/2?expired"), storage.refuse(403)]

    assert client.content() == storage.content
    assert len(client.urls) == 2


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/hostname?{secret}",
        "ftp://127.0.0.1/?{secret}",
        "data:text/plain,{secret}",
        "http://[::1/?{secret}",
        "http://127.0.0.1:99999/?{secret}",
        "http://127.0.0.1:0/?{secret}",
        "http://user:{secret}@127.0.0.1/",
        "http://127.0.0.1 /?{secret}",
        "http://h\u00e4user.invalid/?{secret}",
    ],
)
def test_redirects_to_nowhere_are_refused(client: Any, storage: Any, location: str) -> None:
    """A redirect to anything but a plain HTTP URL is not followed, and not shown."""
    storage.script = [storage.redirect(location.format(secret=storage.secret))]
    with pytest.raises(LayerDownloadException, match="something other than an HTTP URL") as raised:
        client.content()

    assert raised.value.status_code == 307
    assert storage.secret not in everything_of(raised.value)


def test_a_redirect_without_a_location(client: Any, storage: Any) -> None:
    """A redirect that does not say where it leads is refused."""
    storage.script = [storage.send(302, {"Content-Length": "0"})]
    with pytest.raises(LayerDownloadException, match="something other than an HTTP URL"):
        client.content()


@pytest.mark.parametrize("storage", ["http"], indirect=True)
@pytest.mark.parametrize("url", [None, "", "file:///layer", "layers/1", "http://"])
def test_urls_of_the_service_are_checked(client: Any, url: str | None) -> None:
    """Only an HTTP URL of the service is read."""
    layer = client.layer()
    layer._find_url = lambda: url
    with pytest.raises(LayerDownloadException, match=r"returned no HTTP URL for it$"):
        layer.read()


@pytest.mark.parametrize("storage", ["http"], indirect=True)
def test_downloads_go_through_the_proxy(make_client: Any, storage: Any) -> None:
    """A storage is read through the proxies of the client."""
    proxied = make_client(proxies={"http": storage.origin})
    storage.url = "http://storage.example/layers/1"

    assert proxied.content() == storage.content
    assert storage.requests[0].path.startswith("http://storage.example/layers/1?X-Amz-")


def test_hooks_see_a_download(make_client: Any, storage: Any) -> None:
    """A download is one call for hooks: a request for each attempt, with no query in sight."""
    events: list[tuple[str, CallEvent]] = []
    hooks = Hooks(
        request=lambda event: events.append(("request", event)),
        response=lambda event: events.append(("response", event)),
        retry=lambda event: events.append(("retry", event)),
        error=lambda event: events.append(("error", event)),
    )
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
    assert {event.operation for _, event in events} == {"DownloadLayer"}
    assert {event.endpoint for _, event in events} == {storage.url}
    assert {event.region for _, event in events} == {"eu-west-1"}
    assert len({id(event.context) for _, event in events}) == 1
    assert isinstance(events[-1][1].error, LayerDownloadException)
    assert storage.secret not in repr(events)


def test_hooks_learn_that_the_content_is_wrong(make_client: Any, storage: Any) -> None:
    """A layer that is not the right one is a call that failed."""
    events: list[CallEvent] = []
    client = make_client(hooks=Hooks(error=events.append))
    storage.content = bytes(40)
    with pytest.raises(LayerVerificationException) as raised:
        client.content()

    assert [event.error for event in events] == [raised.value]


def test_logs_show_no_query(client: Any, storage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """No logger of the client or of the libraries below it tells the query of a URL."""
    storage.script = [
        storage.redirect(f"/2?{storage.secret}"),
        storage.cut(9),
        storage.refuse(503),
        storage.refuse(403),
    ]
    with caplog.at_level(logging.DEBUG):
        client.content()
    ours = [record for record in caplog.records if record.name == "ecr_client"]

    assert {record.name for record in caplog.records} >= {"ecr_client", "urllib3.connectionpool"}
    assert {record.operation for record in ours} == {"DownloadLayer"}  # type: ignore[attr-defined]
    assert storage.secret not in caplog.text
    assert not any(storage.secret in repr(vars(record)) for record in caplog.records)


def everything_of(error: BaseException) -> str:
    """Return an exception, its causes, and the variables in their frames but those of tests."""
    shown = [str(error), repr(error), repr(vars(error))]
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if not frame.f_code.co_filename.startswith(TESTS):
            shown += [frame.f_code.co_name, *map(repr, frame.f_locals.values())]
    shown += [everything_of(cause) for cause in (error.__cause__, error.__context__) if cause]
    return "\n".join(shown)


def unreachable(storage: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        storage.url = f"http://127.0.0.1:{free.getsockname()[1]}/layers/1"


def no_such_host(storage: Any) -> None:
    storage.url = "http://no-such-host.invalid/layers/1"


def wrong(storage: Any) -> None:
    storage.content = bytes(range(74, 114))


def refused(storage: Any) -> None:
    storage.script = [storage.refuse(403)] * 2


def cut(storage: Any) -> None:
    storage.script = [storage.cut(9)] * 3


def silent(storage: Any) -> None:
    storage.script = [storage.stall(9)]


def malformed(storage: Any) -> None:
    storage.script = [storage.send(0, {}, b"HTTP/1.1 2o0 OK\r\n\r\n")]


def endless(storage: Any) -> None:
    storage.script = [storage.redirect(f"/2?{storage.secret}")] * 9


@pytest.mark.parametrize(
    "fail",
    [unreachable, no_such_host, wrong, refused, cut, silent, malformed, endless],
)
def test_errors_show_neither_queries_nor_content(make_client: Any, storage: Any, fail: Any) -> None:
    """Tools that print tracebacks with local variables see no signature and no byte of a layer."""
    client = make_client(retry=RetryPolicy(max_attempts=1), read_timeout=0.2)
    fail(storage)
    with pytest.raises(AmazonClientException) as raised:
        client.content()
    shown = everything_of(raised.value)

    assert "_receive" in shown or "_request" in shown
    assert storage.secret not in shown
    assert storage.content[:9].decode() not in shown
