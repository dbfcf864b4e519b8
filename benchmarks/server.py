"""A server on the loopback that responds at once with constant data, in a process of its own.

``python -m benchmarks.server`` prints its port and serves until its standard input is closed. The
path of the URL says how large the responses are: ``/<records>`` for a page of that many records,
``/<records>/<pages>`` for that many pages; a request with ``maxResults`` gets as many as it asks
for. ``/blob/<digest>`` is a layer. ``/counts`` returns how often the server was reached.
"""

from __future__ import annotations

import hashlib
import json
import selectors
import socket
import sys
from functools import cache

CREATED = 1_700_000_000.123
SMALL_LAYER, LARGE_LAYER = 1024, 10 * 1024 * 1024
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
    "x-amzn-RequestId: 1b8b9a2e-0d1f-4c55-9d3f-0f5f7a7c2d11\r\n"
    "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: {}\r\n\r\n"
)
BLOB_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
    "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: {}\r\n\r\n"
)


def repository(number: int) -> dict[str, object]:
    """Return a record of DescribeRepositories, as long as real ones are."""
    name = f"team/application-{number:06}"
    return {
        "repositoryArn": f"arn:aws:ecr:eu-west-1:123456789012:repository/{name}",
        "registryId": "123456789012",
        "repositoryName": name,
        "repositoryUri": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}",
        "createdAt": CREATED,
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def digest(number: int) -> str:
    """Return a digest that looks like one."""
    return f"sha256:{number:064x}"


def image(number: int) -> dict[str, object]:
    """Return a record of DescribeImages."""
    return {
        "registryId": "123456789012",
        "repositoryName": "team/application",
        "imageDigest": digest(number),
        "imageTags": [f"v{number}", f"build-{number}"],
        "imageSizeInBytes": 123_456_789,
        "imagePushedAt": CREATED,
        "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
        "lastRecordedPullTime": CREATED,
    }


def manifest(number: int) -> dict[str, object]:
    """Return a record of BatchGetImage with a manifest of about 10 KiB."""
    layers = [
        {
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest(number * 100 + layer),
            "size": 10_000_000 + layer,
        }
        for layer in range(60)
    ]
    text = json.dumps({"schemaVersion": 2, "layers": layers})
    return {
        "registryId": "123456789012",
        "repositoryName": "team/application",
        "imageId": {"imageDigest": digest(number), "imageTag": f"v{number}"},
        "imageManifest": text,
        "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
    }


@cache
def content(operation: str, records: int) -> dict[str, object]:
    """Return the result of an operation, without the token of the next page."""
    if operation == "DescribeRepositories":
        return {"repositories": [repository(number) for number in range(records)]}
    if operation == "DescribeImages":
        return {"imageDetails": [image(number) for number in range(records)]}
    if operation == "ListImages":
        ids = [{"imageDigest": digest(n), "imageTag": f"v{n}"} for n in range(records)]
        return {"imageIds": ids}
    if operation == "BatchGetImage":
        return {"images": [manifest(number) for number in range(records)], "failures": []}
    return {
        "registryId": "123456789012",
        "repositoryName": "team/application",
        "uploadId": "upload",
        "lastByteReceived": 0,
    }


@cache
def response(operation: str, records: int, token: str | None) -> bytes:
    """Return the whole response as bytes."""
    body = dict(content(operation, records))
    if token is not None:
        body["nextToken"] = token
    text = json.dumps(body).encode()
    return HEAD.format(len(text)).encode() + text


def next_token(operation: str, path: str, body: bytes) -> str | None:
    """Return the token after this page; ``/<records>/<pages>`` says how many pages there are."""
    parts = path.strip("/").split("/")
    if operation != "ListImages" or len(parts) < 2:
        return None
    number = int(json.loads(body).get("nextToken") or 0) + 1
    return str(number) if number < int(parts[1]) else None


def records(path: str, body: bytes) -> int:
    """Return how many records a request gets."""
    if b'"maxResults"' in body:
        return int(json.loads(body)["maxResults"])
    return int(path.strip("/").split("/")[0] or 1)


def layer(size: int) -> bytes:
    """Return the content of the layer of this size."""
    return bytes(range(256)) * (size // 256)


def layer_digest(size: int) -> str:
    """Return the digest of the layer of this size."""
    return f"sha256:{hashlib.sha256(layer(size)).hexdigest()}"


@cache
def layers() -> dict[str, bytes]:
    """Return the content of every layer that can be downloaded, by digest."""
    return {layer_digest(size): layer(size) for size in (SMALL_LAYER, LARGE_LAYER)}


def download_url(host: str, body: bytes) -> bytes:
    """Return the response to GetDownloadUrlForLayer, as bytes: a URL of this server."""
    wanted = json.loads(body)["layerDigest"]
    url = f"http://{host}/blob/{wanted}?X-Amz-Signature={0:064}"
    text = json.dumps({"downloadUrl": url, "layerDigest": wanted}).encode()
    return HEAD.format(len(text)).encode() + text


#: The buffer that large bodies are read into.
SCRATCH = memoryview(bytearray(1 << 20))


class Counts:
    """How many connections were made, and how many requests came over them."""

    connections = 0
    requests = 0


def serve(connection: socket.socket) -> bool:
    """Respond to the next request of a connection, and return whether there may be another.

    A large body is read and thrown away.
    """
    pending = b""
    while b"\r\n\r\n" not in pending:
        received = connection.recv(1 << 16)
        if not received:
            return False
        pending += received
    head, _, body = pending.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    length, kept = int(headers.get("content-length", 0)), len(body)
    while kept < length:
        count = connection.recv_into(SCRATCH)
        if not count:
            return False
        if length < len(SCRATCH):
            body += SCRATCH[:count]
        kept += count
    path = lines[0].split(" ")[1]
    if path == "/counts":
        counts = {"connections": Counts.connections - 1, "requests": Counts.requests}
        text = json.dumps(counts)
        connection.sendall((HEAD.format(len(text)) + text).encode())
        return False
    Counts.requests += 1
    if path.startswith("/blob/"):
        blob = layers()[path.removeprefix("/blob/").partition("?")[0]]
        connection.sendall(BLOB_HEAD.format(len(blob)).encode())
        connection.sendall(blob)
        return True
    operation = headers["x-amz-target"].rpartition(".")[2]
    name = next(each for each in OPERATIONS if each.lower() == operation)
    if name == "GetDownloadUrlForLayer":
        connection.sendall(download_url(headers["host"], body))
        return True
    token = next_token(name, path, body)
    connection.sendall(response(name, records(path, body), token))
    return True


OPERATIONS = (
    "DescribeRepositories",
    "DescribeImages",
    "ListImages",
    "BatchGetImage",
    "GetDownloadUrlForLayer",
    "UploadLayerPart",
)


def main() -> None:
    """Serve until standard input ends.

    One thread serves all connections, one request after the other: threads would wait for each
    other, and the more of them the faster a client is.
    """
    layers()
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    ready.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.register(connection, selectors.EVENT_READ)
                Counts.connections += 1
            elif not served(key.fileobj):
                ready.unregister(key.fileobj)
                key.fileobj.close()


def served(connection: socket.socket) -> bool:
    """Return what `serve` returns, and false if the client has closed the connection meanwhile."""
    try:
        return serve(connection)
    except OSError:
        return False


if __name__ == "__main__":
    main()
