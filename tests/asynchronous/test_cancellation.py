"""Cancellation at every await: nothing is lost or left behind, and the client remains usable."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from ecr_client import AsyncECRClient, Credentials, RetryPolicy
from ecr_client._engine.retry import RetryQuota
from ecr_client._transport.tls import tls_context
from ecr_client.exceptions import ClientShutdownException, TotalTimeoutException
from ecr_client.models import ImageIdentifier

pytest.importorskip("aiohttp")

FULL = RetryQuota().left
#: The most that one retry acquires from the quota.
COST = 10
EMPTY: tuple[int, dict[str, str], bytes] = (200, {}, b'{"repositories": []}')
BUSY: tuple[int, dict[str, str], bytes] = (500, {}, b"{}")
MISSING = (400, {}, b'{"__type": "ImageNotFoundException"}')


class Cancelled:
    """An awaitable that awaits another one, and is cancelled when that suspends for the nth time.

    Attributes:
        reached: Whether the other one suspended that often.
    """

    def __init__(self, awaited: Coroutine[Any, Any, Any], number: int) -> None:
        self._awaited, self._number = awaited, number
        self.reached = False

    def __await__(self) -> Generator[Any, Any, Any]:
        error: BaseException | None = None
        for number in range(1, 10_000):
            try:
                step = self._awaited
                waits_for = step.send(None) if error is None else step.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            cancels = number == self._number
            # Like a task: what it waits for is cancelled, which then resumes it.
            if cancels and waits_for is not None:
                waits_for.cancel()
            try:
                yield waits_for
            except BaseException as raised:
                error = raised
            if cancels:
                self.reached = True
                error = error or asyncio.CancelledError()
        raise AssertionError("the coroutine does not end")


async def cancel_everywhere(
    client: AsyncECRClient, server: Any, start: Callable[[], Coroutine[Any, Any, Any]]
) -> int:
    """Cancel a coroutine at each of its awaits in turn, and return how many there are.

    After each cancellation, no task is left, no connection is in use, and calls still work.
    """
    before = asyncio.all_tasks()
    for number in range(1, 1000):
        attempt = Cancelled(start(), number)
        try:
            await attempt
        except asyncio.CancelledError:
            assert attempt.reached
        else:
            assert not attempt.reached
        await wait_until_idle(client, before)
        pipeline: Any = client._shared.pipeline
        if pipeline is not None:
            assert pipeline.quota.left >= FULL - COST
            pipeline.quota = RetryQuota()
        server.responses = [EMPTY]
        await client.describe_registry()
        await wait_until_idle(client, before)
        if not attempt.reached:
            return number - 1
    raise AssertionError("the coroutine suspends too often")


async def wait_until_idle(client: Any, before: set[Any]) -> None:
    """Wait until no other task is left and no connection is in use."""
    while asyncio.all_tasks() != before or any(
        session.connector._acquired for session in client.transport._sessions.values()
    ):
        await asyncio.sleep(0)


def responses(server: Any, *scripted: Any) -> Callable[[], None]:
    """Return a function that resets the responses of the server."""

    def reset() -> None:
        server.responses = [*scripted, EMPTY]

    return reset


def test_call(run: Any, server: Any) -> None:
    """A call can be cancelled at any point, also while it waits for one of two retries."""

    async def test(client: AsyncECRClient) -> None:
        script = responses(server, BUSY, BUSY)

        async def call() -> Any:
            script()
            return await client.describe_repositories()

        assert await cancel_everywhere(client, server, call) >= 5

    run(test)


def test_credentials(run: Any, server: Any, credentials: Credentials) -> None:
    """A lookup in a thread or in the loop survives the cancellation of the task that awaits it."""
    threads = set()

    def look_up() -> Credentials:
        threads.add(threading.current_thread())
        return credentials

    async def provide() -> Credentials:
        await asyncio.sleep(0)
        return credentials

    async def test(client: AsyncECRClient) -> None:
        assert await cancel_everywhere(client, server, client.describe_repositories) >= 2

    for each in (look_up, provide):
        run(test, credentials=each)
    assert threading.current_thread() not in threads
    assert threads


def test_upload(run: Any, server: Any) -> None:
    """A large part is encoded and signed in threads, which end by themselves."""
    part = bytes(512 * 1024)
    upload = "12345678-1234-1234-1234-123456789012"
    members = f'"registryId": "1", "uploadId": "{upload}", "lastByteReceived": {len(part) - 1}'
    done = f'{{"repositoryName": "app", {members}}}'.encode()

    async def test(client: AsyncECRClient) -> None:
        async def call() -> Any:
            server.responses = [(200, {}, done)]
            return await client.upload_layer_part(
                repository_name="app",
                upload_id=upload,
                part_first_byte=0,
                part_last_byte=len(part) - 1,
                layer_part_blob=part,
            )

        assert await cancel_everywhere(client, server, call) >= 3

    run(test)


def test_download(run: Any, server: Any, peer: Any) -> None:
    """A download or an iterator that is cancelled at any point releases its connection."""
    content = bytes(range(256)) * 1024
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"

    def serve(visit: Any) -> None:
        while asked := visit.request():
            url = f'{{"downloadUrl": "{storage.url}layer", "layerDigest": "{digest}"}}'
            visit.respond(content if asked.method == "GET" else url.encode())

    storage = peer(serve)

    async def test(client: AsyncECRClient) -> None:
        view = client.with_options()
        view.set_endpoint(storage.url)

        async def download() -> None:
            async with view.download_layer(repository_name="app", layer_digest=digest) as layer:
                received = b"".join([piece async for piece in layer.iter_bytes(65_536)])

                assert received == content

        assert await cancel_everywhere(client, server, download) >= 4

    run(test)


def test_pages_waiters_and_batches(run: Any, server: Any) -> None:
    """Paginators, waiters and batches can be cancelled within and between their calls."""
    page = (200, {}, b'{"repositories": [], "nextToken": "t"}')

    async def test(client: AsyncECRClient) -> None:
        async def pages() -> None:
            responses(server, page)()
            assert [each async for each in client.paginate_describe_repositories()] == []

        async def wait() -> None:
            responses(server, MISSING, (200, {}, b'{"imageDetails": []}'))()
            await client.wait_until_image_exists(
                repository_name="app", image_ids=[ImageIdentifier(image_tag="v")], delay=0.001
            )

        async def batch() -> None:
            responses(server)()
            await client.batch_get_image_all(
                repository_name="app", image_ids=[ImageIdentifier(image_tag="v")] * 101
            )

        for several in (pages, wait, batch):
            assert await cancel_everywhere(client, server, several) >= 2

    run(test)


def test_shared_lookup(run: Any, credentials: Credentials) -> None:
    """Tasks that await the same lookup share it, and cancelling one does not affect the others."""
    asked, found = [], asyncio.Event()

    async def provide() -> Credentials:
        asked.append(1)
        await found.wait()
        return credentials

    async def test(client: AsyncECRClient) -> None:
        tasks = [asyncio.ensure_future(client.describe_registry()) for _ in range(20)]
        while not asked:
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        found.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

        assert isinstance(results[0], asyncio.CancelledError)
        assert not any(isinstance(each, BaseException) for each in results[1:])
        assert len(asked) == 1

    run(test, credentials=provide)


def test_context_of_a_lookup(run: Any, credentials: Credentials) -> None:
    """A function for credentials sees the context variables of the call, also in a thread."""
    variable, seen = ContextVar("variable", default=0), []

    def look_up() -> Credentials:
        seen.append(variable.get())
        return credentials

    async def provide() -> Credentials:
        return look_up()

    async def test(client: AsyncECRClient) -> None:
        variable.set(1)
        await client.describe_registry()

    for each in (look_up, provide):
        run(test, credentials=each)
    assert seen == [1, 1]


def test_shutdown_by_a_lookup(run: Any, credentials: Credentials) -> None:
    """An asynchronous function for credentials that closes the client does not wait for itself."""

    async def test(client: AsyncECRClient) -> None:
        async def give_up() -> Credentials:
            await client.aclose()
            return credentials

        hopeless = client.with_options(credentials=give_up)
        with pytest.raises(ClientShutdownException):
            await asyncio.wait_for(hopeless.describe_registry(), 5)

    run(test)


def test_errors_of_a_shared_lookup(run: Any) -> None:
    """Each task gets its own exception, which the others do not change."""

    async def provide() -> Credentials:
        await asyncio.sleep(0)
        raise OSError("no keys today")

    async def test(client: AsyncECRClient) -> None:
        calls = (client.describe_registry() for _ in range(3))
        errors: list[Any] = await asyncio.gather(*calls, return_exceptions=True)

        assert {type(each).__name__ for each in errors} == {"CredentialRetrievalException"}
        assert len(set(map(id, errors))) == 3
        assert all("provide failed: OSError" in str(each) for each in errors)

    run(test, credentials=provide)


def test_timeouts(run: Any, peer: Any) -> None:
    """``total_timeout`` and the user's own timeout both end a call that hangs."""
    silent = peer(lambda visit: visit.wait_for_the_end())

    async def test(client: AsyncECRClient) -> None:
        client.set_endpoint(silent.url)
        with pytest.raises(TotalTimeoutException, match=r"did not finish within 0.05 s"):
            await client.with_options(timeout=0.05).describe_registry()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.describe_registry(), 0.05)
        if sys.version_info >= (3, 11):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.describe_registry()
        await wait_until_idle(client, asyncio.all_tasks())

    run(test)


def test_shutdown(run: Any, server: Any, peer: Any) -> None:
    """Calls in progress fail when the client is shut down, wherever they wait; no task is left."""
    silent = peer(lambda visit: visit.wait_for_the_end())

    async def never() -> Credentials:
        return await asyncio.get_running_loop().create_future()

    async def test(client: AsyncECRClient) -> None:
        before = asyncio.all_tasks()
        server.responses = [MISSING]
        waiting = client.with_options()
        refused = client.with_options(retry=RetryPolicy(base_delay=600, max_delay=3000))
        refused.set_endpoint("http://127.0.0.1:1")
        client.set_endpoint(silent.url)
        keyless = client.with_options(credentials=never)
        calls = [each.describe_registry() for each in (client, refused, keyless)]
        calls.append(
            waiting.wait_until_image_exists(repository_name="app", delay=3600, max_wait=3600)
        )
        tasks = [asyncio.ensure_future(each) for each in calls]
        while not (silent.visits and server.requests):
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        await client.aclose()
        errors = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(each) for each in errors] == [ClientShutdownException] * 4
        assert asyncio.all_tasks() == before
        await client.aclose()

    run(test)


def test_iterator_in_two_tasks(run: Any, server: Any) -> None:
    """Two tasks cannot await the same page, and the iterator remains usable."""

    async def test(client: AsyncECRClient) -> None:
        server.responses = [(200, {}, b'{"repositories": [], "nextToken": "2"}'), EMPTY]
        pages = client.paginate_describe_repositories().pages()

        first, second = await asyncio.gather(anext(pages), anext(pages), return_exceptions=True)

        assert first.next_token == "2"
        assert isinstance(second, RuntimeError), second
        assert [page.next_token async for page in pages] == [None]

    run(test)


def test_shared_certificates(
    run: Any, peer: Any, trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks share the loading of certificates, and cancelling one does not affect the other."""
    secure, loaded, loads = peer(tls=True), threading.Event(), []

    def load(*arguments: Any) -> Any:
        loads.append(arguments)
        loaded.wait(20)
        return tls_context(*arguments)

    monkeypatch.setattr("ecr_client._transport.aiohttp_transport.tls_context", load)

    async def test(client: AsyncECRClient) -> None:
        client.set_endpoint(secure.url)
        first, second = (asyncio.ensure_future(client.describe_registry()) for _ in range(2))
        while not loads:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        loaded.set()
        await second

        assert first.cancelled()
        assert len(loads) == 1

    run(test, config={"verify": trusted})


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio cannot reschedule timeouts")
def test_shutdown_in_a_handshake(run: Any, peer: Any) -> None:
    """A call that waits for a TLS handshake fails when the client is shut down."""
    silent = peer(lambda visit: visit.over.wait())

    async def test(client: AsyncECRClient) -> None:
        client.set_endpoint(silent.url.replace("http:", "https:"))
        call = asyncio.ensure_future(client.describe_registry())
        while not silent.visits:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        await client.aclose()
        with pytest.raises(ClientShutdownException):
            await asyncio.wait_for(call, 5)

    run(test, config={"connect_timeout": 50})


@pytest.mark.parametrize("tls", [False, True])
def test_shutdown_in_an_upload(run: Any, peer: Any, trusted: str, *, tls: bool) -> None:
    """A shutdown does not wait until a peer that reads nothing has accepted a large part."""
    deaf = peer(lambda visit: visit.over.wait(), tls=tls)
    part = bytes(32 * 1024 * 1024)  # more than the buffers of the system hold

    async def test(client: AsyncECRClient) -> None:
        client.set_endpoint(deaf.url)
        call = asyncio.ensure_future(
            client.upload_layer_part(
                repository_name="app",
                upload_id="12345678-1234-1234-1234-123456789012",
                part_first_byte=0,
                part_last_byte=len(part) - 1,
                layer_part_blob=part,
            )
        )
        while not deaf.visits:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await asyncio.wait_for(client.aclose(), 5)
        with pytest.raises(ClientShutdownException):
            await call

    run(test, config={"verify": trusted})


def test_cancelled_shutdown(run: Any, server: Any) -> None:
    """A shutdown that is cancelled while it waits for a lookup still closes the connections."""

    async def stubborn() -> Credentials:
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(60)

    async def test(client: AsyncECRClient) -> None:
        server.responses = [EMPTY]
        await client.describe_registry()
        (session,) = client.transport._sessions.values()  # type: ignore[attr-defined]
        keyless = client.with_options(credentials=stubborn)
        call = asyncio.ensure_future(keyless.describe_registry())
        await asyncio.sleep(0.01)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.aclose(), 0.05)

        assert session.closed
        with pytest.raises(ClientShutdownException):
            await call

    run(test)


def test_one_loop(server: Any, credentials: Credentials) -> None:
    """A client is bound to the event loop of its first call, and refuses calls in another one."""
    client = AsyncECRClient(region="eu-west-1", endpoint=server.url, credentials=credentials)

    async def use() -> None:
        await client.describe_registry()
        await client.aclose()

    async def use_again() -> None:
        for call in (client.describe_registry, client.aclose):
            with pytest.raises(RuntimeError, match="is bound to another event loop"):
                await call()

    asyncio.run(use())
    asyncio.run(use_again())
