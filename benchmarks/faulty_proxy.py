"""A proxy that injects faults into some of the requests that it forwards, in its own process.

``python -m benchmarks.faulty_proxy --target PORT`` prints its port, and serves until its standard
input is closed. Then it prints, as JSON, how many requests it saw and which faults they met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections import Counter

HOST = "127.0.0.1"
#: The longest hang, in seconds; a client has to wait for longer than this.
LONGEST_HANG = 2.0
#: How many seconds a connection to the server may be idle: less than the server's five.
LONGEST_IDLE = 3.0
#: How many bytes a connection buffers; what is longer is read in pieces.
LIMIT = 2**20


def canned(status: int, body: bytes, headers: str = "") -> bytes:
    """Return a whole response."""
    head = f"HTTP/1.1 {status} Canned\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


THROTTLED = canned(400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')
TOO_MANY = canned(429, b"", "Retry-After: 0\r\n")
FAILED = canned(500, b'{"__type": "ServerException", "message": "Something broke"}')
UNAVAILABLE = canned(503, b"<html>Service Unavailable</html>", "Content-Type: text/html\r\n")
NO_JSON = canned(200, b"<html>Welcome to the captive portal</html>")


async def read_message(source: asyncio.StreamReader) -> bytes:
    """Return one request or response with a Content-Length, or nothing at the end."""
    try:
        head = await source.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = 0
    for line in head.split(b"\r\n"):
        name, _, text = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(text)
    return head + await source.readexactly(length)


class Exchange:
    """One request; each method is a fault, and returns whether the connection stays open."""

    def __init__(self, proxy: Proxy, request: bytes, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._request = request
        self._writer = writer

    async def none(self) -> bool:
        """Forward request and response as they are."""
        return await self._send(await self._proxy.forward(self._request))

    async def throttled(self) -> bool:
        """Refuse the request as throttled."""
        return await self._send(THROTTLED)

    async def too_many(self) -> bool:
        """Refuse it with status 429, as a rate-limiting proxy does."""
        return await self._send(TOO_MANY)

    async def failed(self) -> bool:
        """Fail before anything was done."""
        return await self._send(FAILED)

    async def failed_after(self) -> bool:
        """Fail although the work was done."""
        await self._proxy.forward(self._request)
        return await self._send(FAILED)

    async def unavailable_after(self) -> bool:
        """Replace the response to work that was done by an error page."""
        await self._proxy.forward(self._request)
        return await self._send(UNAVAILABLE)

    async def no_json_after(self) -> bool:
        """Replace the response to work that was done by a page with status 200."""
        await self._proxy.forward(self._request)
        return await self._send(NO_JSON)

    async def reset(self) -> bool:
        """Reset the connection before anything was done."""
        return self._reset()

    async def reset_after(self) -> bool:
        """Reset it after the work is done."""
        await self._proxy.forward(self._request)
        return self._reset()

    async def closed_after(self) -> bool:
        """Close it without a response after the work is done."""
        await self._proxy.forward(self._request)
        return False

    async def truncated(self) -> bool:
        """Close it in the middle of the response, headers included."""
        response = await self._proxy.forward(self._request)
        await self._send(response[: self._proxy.random.randrange(len(response))])
        return False

    async def garbage_after(self) -> bool:
        """Send bytes that are not HTTP, after the work is done."""
        await self._proxy.forward(self._request)
        await self._send(self._proxy.random.randbytes(300))
        return False

    async def hang(self) -> bool:
        """Make the client wait, but not for as long as its timeout."""
        await asyncio.sleep(self._proxy.random.uniform(0.1, LONGEST_HANG))
        return await self.none()

    async def hang_in_the_response(self) -> bool:
        """Make it wait in the middle of the response."""
        response = await self._proxy.forward(self._request)
        middle = self._proxy.random.randrange(len(response))
        await self._send(response[:middle])
        await asyncio.sleep(self._proxy.random.uniform(0.1, LONGEST_HANG))
        return await self._send(response[middle:])

    async def _send(self, data: bytes) -> bool:
        self._writer.write(data)
        await self._writer.drain()
        return bool(data)

    def _reset(self) -> bool:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        return False


FAULTS = [name for name in vars(Exchange) if not name.startswith("_") and name != "none"]


class Proxy:
    """Forwards requests to a port of this machine.

    Args:
        target: The port.
        rate: The share of requests that meet a fault, from 0 to 1.
        seed: Decides which request meets which fault, as far as the order of requests allows.

    Attributes:
        seen: How many requests met each fault, and none.
    """

    def __init__(self, target: int, rate: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._target = target
        self._rate = rate

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client to its end."""
        goes_on = True
        try:
            while goes_on:
                request = await read_message(reader)
                if not request:
                    break
                is_faulty = self.random.random() < self._rate
                name = self.random.choice(FAULTS) if is_faulty else "none"
                self.seen[name] += 1
                goes_on = await getattr(Exchange(self, request, writer), name)()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client, or the server, is gone.
        finally:
            writer.close()

    async def forward(self, request: bytes) -> bytes:
        """Return the server's response, over a connection that has not been idle for long."""
        reader, writer = await self._connection()
        try:
            writer.write(request)
            await writer.drain()
            response = await read_message(reader)
        except BaseException:
            writer.close()
            raise
        self._idle.append((time.monotonic(), reader, writer))
        return response

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            since, reader, writer = self._idle.pop()
            if time.monotonic() - since < LONGEST_IDLE and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(HOST, self._target, limit=LIMIT)


async def run(target: int, rate: float, seed: int) -> None:
    """Serve until standard input ends."""
    proxy = Proxy(target, rate, seed)
    server = await asyncio.start_server(proxy.serve, HOST, 0, limit=LIMIT, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    print(json.dumps(proxy.seen), flush=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faulty_proxy", description=__doc__)
    parser.add_argument("--target", type=int, required=True, help="the port to forward to")
    parser.add_argument("--rate", type=float, default=0.01, help="share of faults (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(run(options.target, options.rate, options.seed))


if __name__ == "__main__":
    main()
