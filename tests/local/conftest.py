"""The command in a process of its own, a clock, and quick ways to push images by both protocols."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import urljoin

import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.local import LocalECR


class Command:
    """A running command, and what it has printed."""

    def __init__(self, *arguments: str, prefix: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "ecr_client.local", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.printed = [self.process.stdout.readline()]
        while self.printed[-1] and "docker login" not in self.printed[-1]:
            self.printed.append(self.process.stdout.readline())
        self.endpoint = self.printed[0].rpartition(" ")[2].strip()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it says to export."""
        exports = [shlex.split(line) for line in self.printed if line.startswith("export ")]
        return dict(words[1].split("=", 1) for words in exports)

    def client(self, **options: Any) -> ECRClient:
        """Return a client by what was printed, with further options of a configuration."""
        found = self.environment
        return ECRClient(
            region=found["AWS_REGION"],
            endpoint=found["AWS_ENDPOINT_URL_ECR"],
            credentials=Credentials(
                found["AWS_ACCESS_KEY_ID"],
                found["AWS_SECRET_ACCESS_KEY"],
                found.get("AWS_SESSION_TOKEN"),
            ),
            config=ClientConfiguration(proxies={}, verify=found.get("AWS_CA_BUNDLE"), **options),
        )

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; give exit status and what was printed."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors


NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = self._began = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)

    def reset(self) -> None:
        self.now = self._began


class Pusher:
    """Pushes images that differ from each other; each method gives the digest.

    Args:
        client: Pushes them.
        first: Pushers with the same number push the same images.
    """

    def __init__(self, client: ECRClient, first: int = 0) -> None:
        self._client = client
        self._numbers = itertools.count(first)

    def image(self, repository: str, *tags: str, **members: Any) -> str:
        """Push an image; `members` are added to its manifest."""
        config = json.dumps({"number": next(self._numbers)}).encode()
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": self.layer(repository, config),
                "size": len(config),
            },
            "layers": [],
            **members,
        }
        return self.manifest(repository, json.dumps(document), *tags)

    def artifact(self, repository: str, subject: str, **members: Any) -> str:
        """Push an artifact that refers to an image."""
        reference = {"mediaType": MANIFEST, "digest": subject, "size": 2}
        return self.image(repository, subject=reference, **members)

    def index(self, repository: str, *children: str, tag: str | None = None) -> str:
        """Push an index of images."""
        listed = [{"mediaType": MANIFEST, "digest": child, "size": 2} for child in children]
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": listed,
            "annotations": {"number": str(next(self._numbers))},
        }
        return self.manifest(repository, json.dumps(document), *([tag] if tag else []))

    def manifest(self, repository: str, manifest: str, *tags: str) -> str:
        """Push a manifest under tags."""
        for tag in tags or (None,):
            self._client.put_image(
                repository_name=repository, image_manifest=manifest, image_tag=tag
            )
        return self._digest(manifest.encode())

    def layer(self, repository: str, data: bytes) -> str:
        """Push a blob."""
        upload = self._client.initiate_layer_upload(repository_name=repository).upload_id
        assert upload is not None
        self._client.upload_layer_part(
            repository_name=repository,
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(data) - 1,
            layer_part_blob=data,
        )
        self._client.complete_layer_upload(
            repository_name=repository, upload_id=upload, layer_digests=[self._digest(data)]
        )
        return self._digest(data)

    @staticmethod
    def _digest(data: bytes) -> str:
        return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Pushed(NamedTuple):
    """A manifest that is in a repository."""

    digest: str
    manifest: bytes
    media_type: str
    layers: tuple[str, ...] = ()

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}


class Registry:
    """Sends requests below ``/v2/`` as the caller that a client's token stands for."""

    def __init__(self, client: ECRClient) -> None:
        self.client = client
        self.url = client.endpoint
        data = client.get_authorization_token().authorization_data[0]
        assert data.authorization_token is not None
        user, _, self.password = base64.b64decode(data.authorization_token).decode().partition(":")
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (user, self.password)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request to a path below ``/v2/``, or to a URL of a response."""
        address = path if path.startswith(("/", "http")) else f"/v2/{path}"
        return self.session.request(method, urljoin(self.url, address), timeout=60, **options)

    def start(self, name: str) -> str:
        """Begin an upload and give its address."""
        response = self.send("POST", f"{name}/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def blob(self, name: str, data: bytes) -> str:
        """Push a blob and give its digest."""
        digest = self.digest(data)
        response = self.send("PUT", self.start(name), params={"digest": digest}, data=data)
        assert response.status_code == 201, response.text
        return digest

    def image(
        self, name: str, reference: str | None = None, layer: bytes = b"layer", **members: Any
    ) -> Pushed:
        """Push an image with one layer under a tag or, without one, under its digest.

        Args:
            name: The repository.
            reference: The tag.
            layer: The bytes of its layer.
            members: Members of the manifest to add or to replace.
        """
        config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
        layers = [self._descriptor(name, layer, LAYER)]
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._descriptor(name, config, CONFIG),
            "layers": layers,
            **members,
        }
        pushed = self.manifest(name, document, reference)
        return pushed._replace(layers=(layers[0]["digest"],))

    def index(self, name: str, reference: str, *images: Pushed) -> Pushed:
        """Push an index of images that are in the repository."""
        listed = [image.descriptor for image in images]
        return self.manifest(
            name, {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, reference
        )

    def manifest(self, name: str, document: dict[str, Any], reference: str | None = None) -> Pushed:
        """Push a manifest or an index."""
        data = json.dumps(document).encode()
        digest, media_type = self.digest(data), document["mediaType"]
        response = self.put(name, reference or digest, data, media_type)
        assert response.status_code == 201, response.text
        return Pushed(digest, data, media_type)

    def put(
        self, name: str, reference: str, data: bytes, media_type: str | None = MANIFEST
    ) -> requests.Response:
        """Send a manifest and return the response."""
        headers = {} if media_type is None else {"Content-Type": media_type}
        return self.send("PUT", f"{name}/manifests/{reference}", data=data, headers=headers)

    @staticmethod
    def digest(data: bytes) -> str:
        """Return the digest of some bytes."""
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    @staticmethod
    def code(response: requests.Response) -> tuple[int, str]:
        """Return status and code of an error."""
        (error,) = response.json()["errors"]
        assert isinstance(error["message"], str)
        assert response.headers["Content-Type"] == "application/json"
        return response.status_code, error["code"]

    def _descriptor(self, name: str, data: bytes, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.blob(name, data), "size": len(data)}


@pytest.fixture(scope="session")
def clocks() -> type[Clock]:
    """Return the class of clocks that tests set, which they cannot import."""
    return Clock


@pytest.fixture(scope="session")
def pushers() -> type[Pusher]:
    """Return the class of what pushes images, which tests cannot import."""
    return Pusher


@pytest.fixture
def registries() -> Iterator[Callable[[ECRClient], Registry]]:
    """Yield a function that makes callers of registries."""
    with ExitStack() as stack:

        def make(client: ECRClient) -> Registry:
            made = Registry(client)
            stack.enter_context(made.session)
            return made

        yield make


@pytest.fixture(scope="session")
def login() -> Callable[[ECRClient], tuple[str, str]]:
    """Return a function that returns the user and the password of a client's token."""

    def login(client: ECRClient) -> tuple[str, str]:
        (data,) = client.get_authorization_token().authorization_data
        user, _, password = base64.b64decode(str(data.authorization_token)).decode().partition(":")
        return user, password

    return login


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    """Yield a server of its own, which most folders and files replace."""
    with LocalECR() as running:
        yield running


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Yield a function that starts the command with some arguments, perhaps by another command."""
    started: list[Command] = []

    def start(*arguments: str, prefix: Sequence[str] = ()) -> Command:
        started.append(Command(*arguments, prefix=prefix))
        return started[-1]

    yield start
    for command in started:
        # Not killed: it would leave its temporary folder behind.
        command.stop(signal.SIGTERM)
