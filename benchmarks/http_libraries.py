"""``python -m benchmarks.http_libraries`` measures libraries that ``AsyncECRClient`` could use.

Each library sends a small POST, with the headers of a signed request, over one connection that is
kept alive, to the same server, in fresh processes that take turns. The command prints the median
CPU of a request, and that of a process which does nothing but import the library. It needs an
environment of its own, since urllib3-future, which niquests requires, replaces the files of
urllib3::

    python -m pip install --group benchmarks-http
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from typing import Any

from benchmarks.process import environment, server

TARGET = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": TARGET,
    "X-Amz-Date": "20231114T221320Z",
    "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, Signature={0:064}",
}
BODY = b"{}"
COUNT = 2000


async def aiohttp(url: str) -> float:
    import aiohttp

    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=jar) as session:

        async def request() -> bytes:
            async with session.post(url, data=BODY, headers=HEADERS) as response:
                return await response.read()

        return await cost(request)


async def httpx2(url: str) -> float:
    import httpx2

    async with httpx2.AsyncClient() as client:

        async def request() -> bytes:
            return (await client.post(url, content=BODY, headers=HEADERS)).content

        return await cost(request)


async def niquests(url: str) -> float:
    import niquests

    async with niquests.AsyncSession() as session:

        async def request() -> bytes | None:
            return (await session.post(url, data=BODY, headers=HEADERS)).content

        return await cost(request)


async def urllib3_future(url: str) -> float:
    import urllib3_future

    async with urllib3_future.AsyncPoolManager() as pool:

        async def request() -> Any:
            return await (await pool.urlopen("POST", url, body=BODY, headers=HEADERS)).data

        return await cost(request)


LIBRARIES = {
    "aiohttp": aiohttp,
    "httpx2": httpx2,
    "niquests": niquests,
    "urllib3_future": urllib3_future,
}


async def cost(request: Any) -> float:
    """Return the CPU seconds of a request, when connection and code are warm."""
    for _ in range(COUNT // 10):
        assert b"repositories" in await request()
    began = time.process_time()
    for _ in range(COUNT):
        await request()
    return (time.process_time() - began) / COUNT


def measured(*arguments: str) -> str:
    """Return what a fresh Python prints."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=environment(), check=True
    ).stdout


def imported(statement: str) -> float:
    """Return the CPU seconds of a process that only imports something."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured("-c", statement)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run the command, or one library in its process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_libraries")
    parser.add_argument("--rounds", type=int, default=7, help="processes of each library (7)")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        library, url = chosen.one
        print(asyncio.run(LIBRARIES[library](url)))
        return
    requests: dict[str, list[float]] = {name: [] for name in LIBRARIES}
    imports: dict[str, list[float]] = {name: [] for name in ("asyncio", *LIBRARIES)}
    with server() as address:
        for _ in range(chosen.rounds):
            for name, found in requests.items():
                found.append(
                    float(
                        measured("-m", "benchmarks.http_libraries", "--one", name, f"{address}/1")
                    )
                )
            for name, found in imports.items():
                found.append(imported(f"import asyncio, {name}"))
    for name, found in imports.items():
        print(f"{name:16} import {statistics.median(found) * 1000:4.0f} ms", end="")
        if name in requests:
            each = f"{statistics.median(requests[name]) * 1e6:5.0f} us"
            print(f", request {each}, version {version(name)}", end="")
        print()


if __name__ == "__main__":
    main()
