"""The three sides of every comparison, each with the same few calls.

They import what they need when they are made, so that a cold start counts it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

REGION = "eu-west-1"
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
REPOSITORY = "team/application"


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


class Bound:
    """The least that an upload can cost: SIMD base64, one SHA-256, one sendall."""

    def __init__(self, url: str, *, explicit: bool = True) -> None:
        import socket
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.path = parts.path or "/"

    def upload(self, part: bytes) -> Any:
        import hashlib

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


SIDES: dict[str, Any] = {"ecr_client": Ours, "boto3": Boto3, "bare": Bare, "bound": Bound}
