"""The asynchronous functions for images are equivalent to the blocking ones."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import re
import tarfile
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client import AsyncECRClient, ECRClient, images
from ecr_client.docker import docker_login
from ecr_client.exceptions import TransferCancelledException
from ecr_client.images import aio, references, sources
from ecr_client.images import inspect as inspect_module
from ecr_client.local import LocalECR
from ecr_client.oci import Layout
from ecr_client.testing import RandomImage, assert_image_valid, random_image
from ecr_client.transport import AsyncStreamingResponse, AsyncTransport, Deadline, HTTPRequest

#: Long enough for a slow machine, and only reached if something is wrong.
PATIENCE = 20
MIB = 1024 * 1024
TIMEOUT: Any = getattr(asyncio, "timeout", None)

Work = Callable[[AsyncECRClient], Awaitable[Any]]


def run(ecr: LocalECR, work: Work) -> Any:
    """Return the result of a function of a client, and check that no thread or task is left."""

    async def main() -> Any:
        async with ecr.async_client() as client:
            try:
                return await work(client)
            finally:
                assert left_over() == []

    return asyncio.run(main())


async def push(client: AsyncECRClient, image: RandomImage, **options: Any) -> Any:
    """Push an image, creating its repository."""
    return await aio.push_image(client, image.path, "team/app:1", create=True, **options)


def left_over() -> list[str]:
    """Return the threads of transfers, and all tasks except the current one."""
    threads = [each.name for each in threading.enumerate() if each.name.startswith("ecr-client")]
    current = asyncio.current_task()
    return threads + [repr(task) for task in asyncio.all_tasks() if task is not current]


# Sources of different kinds; each function returns an argument for a push.


def single(path: Path, _: Any) -> str:
    return str(random_image(path, seed=1, size=20_000).path)


def index(path: Path, _: Any = None) -> str:
    return str(random_image(path, seed=2, platforms=["linux/amd64", "linux/arm64"]).path)


def saved(path: Path, _: Any) -> str:
    """Write what ``docker save`` writes, with uncompressed layers."""
    layer = b"layer" * 20_000
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]}
    config = {"os": "linux", "architecture": "amd64", "rootfs": rootfs}
    listing = [{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["1/layer.tar"]}]
    files = {
        "config.json": json.dumps(config).encode(),
        "1/layer.tar": layer,
        "manifest.json": json.dumps(listing).encode(),
    }
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return f"docker-archive:{path}"


def signed(path: Path, make_layout: Any) -> str:
    """Write an artifact and a signature that refers to it."""
    layout, kind = make_layout(path), "application/vnd.example"
    subject = layout.add(("text/plain", b"image"), name="app", artifact_type=f"{kind}.image")
    layout.add(("text/plain", b"sign"), artifact_type=f"{kind}.signature", subject=subject)
    return f"oci:{path}:app"


@pytest.mark.parametrize("name", aio.__all__)
def test_signatures(name: str) -> None:
    """Each function is a coroutine function with the parameters of the blocking one."""
    functions = [getattr(module, name) for module in (images, aio)]
    blocking, asynchronous = (
        [(each.name, each.kind, each.default, each.annotation) for each in parameters.values()]
        for parameters in (inspect.signature(function).parameters for function in functions)
    )

    assert inspect.iscoroutinefunction(functions[1])
    assert asynchronous == [
        (*rest, "AsyncECRClient" if annotation == "ECRClient" else annotation)
        for *rest, annotation in blocking
    ]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (single, {}),
        (index, {"concurrency": 1}),
        (index, {"platforms": ["linux/arm64"]}),
        (saved, {}),
        (signed, {"referrers": True}),
    ],
)
def test_round_trips(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    tmp_path: Path,
    make_layout: Any,
    make: Callable[[Path, Any], str],
    options: dict[str, Any],
    contents: Any,
) -> None:
    """A push, a pull, a copy and an inspection have the same results as the blocking functions."""
    source = make(tmp_path / "in", make_layout)

    async def all_of_them(client: AsyncECRClient) -> list[Any]:
        return [
            await aio.push_image(client, source, "a/app:1", tags=["2"], create=True, **options),
            await aio.push_image(client, source, "a/app:1", **options),
            await aio.copy_image(client, "a/app:2", client, "a/copy:1", create=True),
            await aio.pull_image(client, "a/app:1", tmp_path / "a"),
            await aio.inspect_image(client, "a/copy:1"),
        ]

    wanted = [
        images.push_image(ecr_client, source, "b/app:1", tags=["2"], create=True, **options),
        images.push_image(ecr_client, source, "b/app:1", **options),
        images.copy_image(ecr_client, "b/app:2", ecr_client, "b/copy:1", create=True),
        images.pull_image(ecr_client, "b/app:1", tmp_path / "b"),
        images.inspect_image(ecr_client, "b/copy:1"),
    ]
    found = run(local_ecr, all_of_them)

    for one, other in zip(found, wanted, strict=True):
        assert comparable(one) == comparable(other)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert_image_valid(ecr_client, "a/copy:1")


def comparable(result: Any) -> str:
    """Return a result without its duration, and with the same name for the places of both."""
    if isinstance(result, images.TransferResult):
        result = attrs.evolve(result, duration=0)
    return re.sub(r"'\S*?(a|b)(/\w+:\d)?'", r"'place\2'", repr(result))


def test_mounting(ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path) -> None:
    """Within a registry, no byte is moved if layers can be mounted."""
    ecr_client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    images.push_image(ecr_client, index(tmp_path), "team/app:1", create=True)
    result = run(
        local_ecr,
        lambda client: aio.copy_image(client, "team/app:1", client, "mirror/app", create=True),
    )

    assert (result.bytes_moved, result.bytes_skipped > 0) == (0, True)
    assert_image_valid(ecr_client, "mirror/app:1")


class Stuck(AsyncTransport):
    """A transport that cancels a task at a request, which then gets no response.

    Args:
        below: The transport that sends the requests.
        step: The purpose of the request.
        is_sent: Whether the service receives it.
    """

    def __init__(self, below: AsyncTransport, step: str, *, is_sent: bool = False) -> None:
        self._below = below
        self._step = step
        self._is_sent = is_sent
        self.victim: asyncio.Task[Any] | None = None

    async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
        if request.purpose != self._step:
            return await self._below.send(request, deadline)
        if self._is_sent:
            async with await self._below.send(request, deadline) as response:
                await response.read(MIB, deadline)
        assert self.victim is not None
        self.victim.cancel()
        await asyncio.Event().wait()
        raise AssertionError("never reached")


READING = ("BatchGetImage", "GetDownloadUrlForLayer", "DownloadLayer")
WRITING = (
    *("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart"),
    *("CompleteLayerUpload", "PutImage"),
)
TRANSFERS: dict[str, tuple[tuple[str, ...], Callable[[AsyncECRClient, Path], Awaitable[Any]]]] = {
    "push": (
        ("BatchGetImage", *WRITING),
        lambda client, path: aio.push_image(client, path / "in", "team/target:1"),
    ),
    "pull": (READING, lambda client, path: aio.pull_image(client, "team/app:1", path / "out")),
    "copy": (
        (*READING, *WRITING, "MountBlob"),
        lambda client, path: aio.copy_image(client, "team/app:1", client, "team/target"),
    ),
}


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize(
    ("name", "step"), [(name, step) for name, (steps, _) in TRANSFERS.items() for step in steps]
)
def test_cancelling(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    tmp_path: Path,
    name: str,
    step: str,
    is_sent: bool,
    tags: Any,
    contents: Any,
) -> None:
    """A transfer that is cancelled during a call can be repeated, and leaves nothing half done."""
    image = random_image(tmp_path / "in", platforms=["linux/amd64", "linux/arm64"])
    images.push_image(ecr_client, image.path, "team/app:1", create=True)
    ecr_client.create_repository(repository_name="team/target")
    if step == "MountBlob":
        ecr_client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")

    async def cancelled_and_repeated(client: AsyncECRClient) -> None:
        below = client.transport
        client.transport = stuck = Stuck(below, step, is_sent=is_sent)
        stuck.victim = asyncio.ensure_future(TRANSFERS[name][1](client, tmp_path))
        with pytest.raises(asyncio.CancelledError):
            await stuck.victim

        assert left_over() == []
        if name == "pull":
            out = tmp_path / "out"
            assert not out.exists() or Layout(out).read_index().manifests == ()
            assert not [path for path in contents(tmp_path) if "/." in path]
        elif tags(ecr_client, "team/target"):  # only the response to the last call was lost
            assert (step, is_sent) == ("PutImage", True)
            assert_image_valid(ecr_client, "team/target:1")
        client.transport = below
        await TRANSFERS[name][1](client, tmp_path)

    run(local_ecr, cancelled_and_repeated)

    if name == "pull":
        pulled = contents(tmp_path / "out/blobs")
        assert pulled
        assert pulled.items() <= contents(image.path / "blobs").items()
    else:
        assert_image_valid(ecr_client, "team/target:1")


def test_cancelling_between_calls(local_ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transfer that is cancelled while a thread works makes no further call."""

    async def inspect_it(client: AsyncECRClient) -> None:
        loop = asyncio.get_running_loop()

        def located(*arguments: Any) -> Any:
            over = threading.Event()

            def wait(rounds: int) -> None:
                if rounds:
                    loop.call_soon(wait, rounds - 1)
                else:
                    over.set()

            loop.call_soon_threadsafe(task.cancel)
            loop.call_soon_threadsafe(wait, 5)
            assert over.wait(PATIENCE)
            return references.locate(*arguments)

        monkeypatch.setattr(inspect_module, "locate", located)
        task = asyncio.ensure_future(aio.inspect_image(client, "team/app:1"))
        with pytest.raises(asyncio.CancelledError):
            await task

    local_ecr.requests.clear()
    run(local_ecr, inspect_it)

    assert list(local_ecr.requests) == []


@pytest.mark.parametrize("after", [0, 1, 3])
def test_cancel_events(
    ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path, after: int, tags: Any
) -> None:
    """A user's event ends its transfer, and is not set when another transfer is cancelled."""
    image = random_image(tmp_path / "in", layers=5)
    cancel, moved = threading.Event(), 0

    def progress(event: object) -> None:
        nonlocal moved
        moved += isinstance(event, images.BytesMoved)
        if moved == after:
            cancel.set()

    async def both(client: AsyncECRClient) -> None:
        loop_task: asyncio.Task[Any] = asyncio.ensure_future(
            push(client, image, cancel=cancel, progress=lambda _: loop_task.cancel())
        )
        with pytest.raises(asyncio.CancelledError):
            await loop_task
        assert not cancel.is_set()
        with pytest.raises(TransferCancelledException):
            await push(client, image, cancel=cancel, progress=progress)

    run(local_ecr, both)

    assert tags(ecr_client) == {}


def test_repeated_cancellation(local_ecr: LocalECR, tmp_path: Path) -> None:
    """A task that is cancelled again still waits for its threads."""
    image = random_image(tmp_path)

    async def cancelled(client: AsyncECRClient) -> None:
        async def progress(_: object) -> None:
            task.cancel()
            try:
                await asyncio.Event().wait()
            finally:
                task.cancel()

        task = asyncio.ensure_future(push(client, image, progress=progress))
        with pytest.raises(asyncio.CancelledError):
            await task

    run(local_ecr, cancelled)


@pytest.mark.skipif(TIMEOUT is None, reason="asyncio.timeout needs Python 3.11")
def test_timeouts(ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path, tags: Any) -> None:
    """An ``asyncio.timeout`` ends a transfer."""
    image = random_image(tmp_path)

    async def late(client: AsyncECRClient) -> None:
        with pytest.raises(TimeoutError):
            async with TIMEOUT(None) as timeout:
                await push(client, image, progress=lambda _: timeout.reschedule(0))

    run(local_ecr, late)

    assert tags(ecr_client) == {}


def test_progress(ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path) -> None:
    """Events arrive in the event loop, in the task's context, in order and one at a time."""
    image = random_image(tmp_path, layers=4)
    variable: ContextVar[str] = ContextVar("variable")
    events: list[object] = []
    running = 0

    async def progress(event: object) -> None:
        nonlocal running
        running += 1
        await asyncio.sleep(0)
        events.append((event, running, variable.get(), threading.current_thread()))
        running -= 1

    async def both(client: AsyncECRClient) -> None:
        variable.set("of the task")
        await aio.push_image(client, image.path, "team/a:1", create=True, progress=progress)
        await aio.push_image(
            client, image.path, "team/b:1", create=True, progress=events.append, concurrency=1
        )

    wanted: list[object] = []
    run(local_ecr, both)
    images.push_image(
        ecr_client, image.path, "team/c:1", create=True, progress=wanted.append, concurrency=1
    )
    first, second = events[: len(wanted)], events[len(wanted) :]

    assert second == wanted
    assert [each[1:] for each in first] == [  # type: ignore[index]
        (1, "of the task", threading.main_thread())
    ] * len(wanted)
    assert sorted(map(repr, (each[0] for each in first))) == sorted(map(repr, wanted))  # type: ignore[index]


@pytest.mark.parametrize("is_asynchronous", [False, True])
def test_failing_progress(
    ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path, is_asynchronous: bool, tags: Any
) -> None:
    """An exception of a callback ends the transfer and is raised."""
    image = random_image(tmp_path)

    def failing(_: object) -> None:
        raise LookupError("of the callback")

    async def failing_later(_: object) -> None:
        failing(_)

    progress = failing_later if is_asynchronous else failing
    with pytest.raises(LookupError, match="of the callback"):
        run(local_ecr, lambda client: push(client, image, progress=progress))

    assert tags(ecr_client) == {}


def test_the_loop_is_not_blocked(
    local_ecr: LocalECR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_layout: Any
) -> None:
    """The event loop runs while a thread reads a piece of a layer."""
    layout = make_layout(tmp_path / "in")
    layout.add(("text/plain", bytes(64 * MIB)))
    rounds, turned = 0, threading.Event()
    readinto = sources.VerifyingReader.readinto

    def watched(self: sources.VerifyingReader, buffer: Any, /) -> int:
        for _ in range(3):
            turned.clear()
            assert turned.wait(PATIENCE), "the loop is blocked by a file"
        return readinto(self, buffer)

    monkeypatch.setattr(sources.VerifyingReader, "readinto", watched)

    async def tick() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1
            turned.set()

    async def push_and_tick(client: AsyncECRClient) -> Any:
        ticker = asyncio.ensure_future(tick())
        try:
            return await aio.push_image(client, layout.path, "team/a:1", create=True)
        finally:
            ticker.cancel()
            await asyncio.wait([ticker])

    result = run(local_ecr, push_and_tick)

    assert result.bytes_moved > 64 * MIB
    assert rounds >= 64 * 3


def test_concurrent_transfers(
    ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path, tags: Any
) -> None:
    """Transfers can share a client, and need no thread of the event loop's executor."""
    made = [random_image(tmp_path / str(number), seed=number) for number in range(3)]

    async def all_of_them(client: AsyncECRClient) -> None:
        release = threading.Event()
        with ThreadPoolExecutor(1) as busy:
            asyncio.get_running_loop().set_default_executor(busy)
            busy.submit(release.wait)
            try:
                await asyncio.gather(
                    *(
                        aio.push_image(client, image.path, f"team/app:{number}", create=True)
                        for number, image in enumerate(made)
                    )
                )
                await asyncio.gather(
                    aio.pull_image(client, "team/app:0", tmp_path / "out"),
                    aio.copy_image(client, "team/app:1", client, "mirror/app", create=True),
                    aio.inspect_image(client, "team/app:2"),
                )
            finally:
                release.set()

    run(local_ecr, all_of_them)

    assert tags(ecr_client) == {str(number): image.digest for number, image in enumerate(made)}


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("push_image", ("{path}/nothing", "team/app:1"), {}),
        ("push_image", ("{path}/in", "team/app:1"), {}),
        ("push_image", ("{path}/in", "team/app@sha256:" + "0" * 64), {}),
        ("push_image", ("{path}/in", "TEAM"), {}),
        ("push_image", ("{path}/in", "team/app"), {"tags": "1"}),
        ("push_image", ("{path}/in", "team/app"), {"concurrency": 0}),
        ("push_image", ("{path}/in", "team/app"), {"platforms": ["linux/arm64"]}),
        ("pull_image", ("team/app:1", "{path}/out"), {}),
        ("pull_image", ("team/app", "{path}/out"), {}),
        ("inspect_image", ("team/app:1",), {}),
    ],
)
def test_errors(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    tmp_path: Path,
    name: str,
    arguments: tuple[str, ...],
    options: dict[str, Any],
) -> None:
    """A transfer raises the same exception as the blocking function."""
    random_image(tmp_path / "in")
    given = [each.format(path=tmp_path) for each in arguments]
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        getattr(images, name)(ecr_client, *given, **options)
    with pytest.raises(type(wanted.value)) as raised:
        run(local_ecr, lambda client: getattr(aio, name)(client, *given, **options))

    assert without_id(raised.value) == without_id(wanted.value)


def without_id(error: Exception) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id", f"{type(error)} {error}")


def test_wrong_clients(ecr_client: ECRClient, local_ecr: LocalECR) -> None:
    """A client of the other kind is refused with a hint at the right function."""
    with pytest.raises(TypeError, match=r"use ecr_client\.images with ECRClient"):
        asyncio.run(aio.inspect_image(ecr_client, "team/app:1"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"are in ecr_client\.images\.aio"):
        images.inspect_image(local_ecr.async_client(), "team/app:1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"AsyncECRClient is asynchronous: pass an ECRClient"):
        docker_login(local_ecr.async_client())  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"progress": 3}, {"cancel": True}])
def test_wrong_callbacks(local_ecr: LocalECR, tmp_path: Path, options: dict[str, Any]) -> None:
    """An invalid callback or event is refused by name."""
    (name,) = options

    async def push() -> None:
        async with local_ecr.async_client() as client:
            await aio.push_image(client, tmp_path, "team/app:1", **options)

    with pytest.raises(ValueError, match=f"{name} must be a .* or None, got"):
        asyncio.run(push())
    with pytest.raises(TypeError, match="must be an AsyncECRClient, got NoneType"):
        asyncio.run(aio.inspect_image(None, "team/app:1"))  # type: ignore[arg-type]


def test_closed_loops(local_ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads of a transfer end even if its loop is closed without waiting for them."""
    monkeypatch.setattr(aio, "_CHECK_INTERVAL", 0.01)
    loop = asyncio.new_event_loop()
    reached = loop.create_future()

    class Silent(AsyncTransport):
        async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
            reached.set_result(None)
            await asyncio.Event().wait()
            raise AssertionError("never reached")

    async def start() -> asyncio.Task[Any]:
        client = local_ecr.async_client()
        client.transport = Silent()
        task = asyncio.ensure_future(aio.inspect_image(client, "team/app:1"))
        await reached
        return task

    loop.set_exception_handler(lambda *_: None)  # for tasks that are never done
    task = loop.run_until_complete(start())
    threads = [each for each in threading.enumerate() if each.name.startswith("ecr-client")]
    loop.close()
    for thread in threads:
        thread.join(PATIENCE)

    assert len(threads) == 1
    assert not threads[0].is_alive()
    assert not task.done()
