"""The sides of every comparison, each with the same few calls.

They import what they need when they are made, so that a cold start counts it. What only a download
needs is imported by the first download.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any, BinaryIO

REGION = "eu-west-1"
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
REPOSITORY = "team/application"
PIECE = 1024 * 1024


def save(pieces: Iterable[bytes], file: BinaryIO, digest: str) -> None:
    """Write a layer to a file and verify its digest."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
        file.write(piece)
    if f"sha256:{found.hexdigest()}" != digest:
        raise ValueError(f"layer has digest sha256:{found.hexdigest()}, not {digest}")


class Ours:
    """``ecr_client``."""

    def __init__(self, url: str, *, explicit: bool = True) -> None:
        from ecr_client import Credentials, ECRClient

        if explicit:
            self.client = ECRClient(region=REGION, endpoint=url, credentials=Credentials(*KEYS))
        else:
            self.client = ECRClient(endpoint=url)

    def describe_repositories(self) -> Any:
        return self.client.describe_repositories().repositories

    def describe_images(self) -> Any:
        return self.client.describe_images(repository_name=REPOSITORY).image_details

    def count_images(self) -> int:
        return sum(1 for _ in self.client.paginate_list_images(repository_name=REPOSITORY))

    def get_manifests(self) -> Any:
        from ecr_client.models import ImageIdentifier

        ids = [ImageIdentifier(image_tag=f"v{number}") for number in range(100)]
        return self.client.batch_get_image(repository_name=REPOSITORY, image_ids=ids).images

    def upload(self, part: bytes) -> Any:
        return self.client.upload_layer_part(
            repository_name=REPOSITORY,
            upload_id="upload",
            part_first_byte=0,
            part_last_byte=len(part) - 1,
            layer_part_blob=part,
        )

    def download(self, digest: str, file: BinaryIO) -> None:
        with self.client.download_layer(repository_name=REPOSITORY, layer_digest=digest) as layer:
            for piece in layer.iter_bytes():
                file.write(piece)


class Boto3:
    """boto3, with a session of its own, as it is when an application makes its first client."""

    def __init__(self, url: str, *, explicit: bool = True) -> None:
        import boto3
        from botocore.config import Config

        keys = (
            {"aws_access_key_id": KEYS[0], "aws_secret_access_key": KEYS[1], "region_name": REGION}
            if explicit
            else {}
        )
        self.client = boto3.session.Session().client(
            "ecr", endpoint_url=url, config=Config(max_pool_connections=50), **keys
        )

    def describe_repositories(self) -> Any:
        return self.client.describe_repositories()["repositories"]

    def describe_images(self) -> Any:
        return self.client.describe_images(repositoryName=REPOSITORY)["imageDetails"]

    def count_images(self) -> int:
        pages = self.client.get_paginator("list_images").paginate(repositoryName=REPOSITORY)
        return sum(1 for page in pages for _ in page["imageIds"])

    def get_manifests(self) -> Any:
        ids = [{"imageTag": f"v{number}"} for number in range(100)]
        return self.client.batch_get_image(repositoryName=REPOSITORY, imageIds=ids)["images"]

    def upload(self, part: bytes) -> Any:
        return self.client.upload_layer_part(
            repositoryName=REPOSITORY,
            uploadId="upload",
            partFirstByte=0,
            partLastByte=len(part) - 1,
            layerPartBlob=part,
        )

    @cached_property
    def session(self) -> Any:
        """Return the session that downloads: boto3 has no call for it."""
        import requests

        return requests.Session()

    def download(self, digest: str, file: BinaryIO) -> None:
        found = self.client.get_download_url_for_layer(
            repositoryName=REPOSITORY, layerDigest=digest
        )
        with self.session.get(found["downloadUrl"], stream=True) as response:
            response.raise_for_status()
            save(response.iter_content(PIECE), file, digest)


class Capo:
    """capo-ecr: typed dictionaries over an HTTP stack of its own, with its synchronous client.

    It accepts plain HTTP. Three settings are not its defaults; each is in its favour. They are made
    with classes of zapros, its HTTP client, which it has imported by then.

    - Its transport writes head and body separately and leaves Nagle's algorithm on, so the body of
      every request would wait about 40 ms for the server's delayed ACK.
    - Its transport loads the certificate authorities for plain HTTP too, which takes tens of
      milliseconds; the other sides would do that for HTTPS only.
    - Its connection pool holds 10 connections, fewer than there are threads.

    From the environment it takes ``AWS_REGION``, but not ``AWS_DEFAULT_REGION``.
    """

    def __init__(self, url: str, *, explicit: bool = True) -> None:
        import socket
        import ssl

        from capo_ecr import ECRClient
        from zapros import Client, StdNetworkHandler, SyncTransport

        class Transport(SyncTransport):
            def connect(self, *args: Any, **options: Any) -> Any:
                stream: Any = super().connect(*args, **options)
                stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return stream

        handler = StdNetworkHandler(
            transport=Transport(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
            http1={"max_connections_per_host": 50, "max_idle_connections_per_host": 50},
        )
        keys: dict[str, Any] = (
            {"credentials": {"access_key": KEYS[0], "secret_key": KEYS[1]}, "region": REGION}
            if explicit
            else {}
        )
        self.client = ECRClient(handler, endpoint=url, **keys)
        # It has no call for a download either.
        self.http = Client(handler)

    def describe_repositories(self) -> Any:
        return self.client.describe_repositories()["repositories"]

    def describe_images(self) -> Any:
        return self.client.describe_images(REPOSITORY)["image_details"]

    def count_images(self) -> int:
        return sum(1 for _ in self.client.iter_list_images(REPOSITORY))

    def get_manifests(self) -> Any:
        ids: list[Any] = [{"image_tag": f"v{number}"} for number in range(100)]
        return self.client.batch_get_image(REPOSITORY, ids)["images"]

    def upload(self, part: bytes) -> Any:
        return self.client.upload_layer_part(REPOSITORY, "upload", 0, len(part) - 1, part)

    def download(self, digest: str, file: BinaryIO) -> None:
        found = self.client.get_download_url_for_layer(REPOSITORY, digest)
        with self.http.stream("GET", found["download_url"]) as response:
            response.raise_for_status()
            save(response.iter_bytes(PIECE), file, digest)


class Bare:
    """The parts that any client needs, in a lean loop: requests, SigV4Auth, json. Nothing typed."""

    def __init__(self, url: str, *, explicit: bool = True) -> None:
        import os

        import requests
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        self.requests, self.sigv4, self.aws_request = requests, SigV4Auth, AWSRequest
        keys = (
            KEYS
            if explicit
            else (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        )
        self.credentials = Credentials(*keys)
        self.session = requests.Session()
        pool = requests.adapters.HTTPAdapter(pool_maxsize=50)
        self.session.mount("http://", pool)
        self.url = f"{url}/"

    def call(self, operation: str, body: bytes) -> Any:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
        }
        signed = self.aws_request("POST", self.url, headers=headers, data=body)
        self.sigv4(self.credentials, "ecr", REGION).add_auth(signed)
        request = self.requests.PreparedRequest()
        request.method, request.url, request.body = "POST", self.url, body
        request.headers = self.requests.structures.CaseInsensitiveDict(signed.headers.items())
        request.headers["Content-Length"] = str(len(body))
        request.hooks = {"response": []}
        request._cookies = self.requests.cookies.RequestsCookieJar()
        response = self.session.send(request, proxies={}, verify=True, cert=None, stream=False)
        return json.loads(response.content)

    def describe_repositories(self) -> Any:
        return self.call("DescribeRepositories", b"{}")["repositories"]

    def describe_images(self) -> Any:
        body = json.dumps({"repositoryName": REPOSITORY}).encode()
        return self.call("DescribeImages", body)["imageDetails"]

    def count_images(self) -> int:
        members: dict[str, Any] = {"repositoryName": REPOSITORY}
        count = 0
        while True:
            page = self.call("ListImages", json.dumps(members).encode())
            count += len(page["imageIds"])
            if "nextToken" not in page:
                return count
            members["nextToken"] = page["nextToken"]

    def get_manifests(self) -> Any:
        ids = [{"imageTag": f"v{number}"} for number in range(100)]
        body = json.dumps({"repositoryName": REPOSITORY, "imageIds": ids}).encode()
        return self.call("BatchGetImage", body)["images"]

    def upload(self, part: bytes) -> Any:
        members = {
            "repositoryName": REPOSITORY,
            "uploadId": "upload",
            "partFirstByte": 0,
            "partLastByte": len(part) - 1,
            "layerPartBlob": base64.b64encode(part).decode(),
        }
        return self.call("UploadLayerPart", json.dumps(members).encode())

    def download(self, digest: str, file: BinaryIO) -> None:
        members = {"repositoryName": REPOSITORY, "layerDigest": digest}
        found = self.call("GetDownloadUrlForLayer", json.dumps(members).encode())
        with self.session.get(found["downloadUrl"], stream=True) as response:
            response.raise_for_status()
            save(response.iter_content(PIECE), file, digest)


class Bound:
    """The least that moving a layer can cost, without any client.

    An upload: SIMD base64, one SHA-256, one sendall. A download: one buffer that is received into
    and hashed, with neither a call for the URL nor a file.
    """

    def __init__(self, url: str, *, explicit: bool = True) -> None:
        import socket
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.path = parts.path or "/"
        self.buffer = bytearray(PIECE)

    def upload(self, part: bytes) -> Any:
        import pybase64

        encoded = pybase64.b64encode(part)
        digest = hashlib.sha256(encoded).hexdigest()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(encoded)}\r\n"
            f"X-Amz-Target: x.UploadLayerPart\r\nX-Digest: {digest}\r\n\r\n"
        )
        self.socket.sendall(head.encode())
        self.socket.sendall(encoded)
        return self.socket.recv(65536)

    def download(self, digest: str, file: BinaryIO) -> None:
        self.socket.sendall(f"GET /blob/{digest} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        buffer = memoryview(self.buffer)
        head, _, rest = self.received_head().partition(b"\r\n\r\n")
        left = int(head.rpartition(b"Content-Length: ")[2]) - len(rest)
        found = hashlib.sha256(rest)
        while left:
            count = self.socket.recv_into(buffer)
            found.update(buffer[:count])
            left -= count
        if f"sha256:{found.hexdigest()}" != digest:
            raise ValueError(f"layer has digest sha256:{found.hexdigest()}, not {digest}")

    def received_head(self) -> bytes:
        """Return the head of a response and what was received with it."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.socket.recv(65536)
        return received


SIDES: dict[str, Any] = {
    "ecr_client": Ours,
    "boto3": Boto3,
    "capo": Capo,
    "bare": Bare,
    "bound": Bound,
}
