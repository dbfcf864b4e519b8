"""The command in a process, a clock, and shortcuts for calls and pushes by either protocol."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import attrs
import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient, from_dict
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier
from ecr_client.operations import OPERATIONS


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
        """The variables that the printed ``export`` lines set."""
        exports = [shlex.split(line) for line in self.printed if line.startswith("export ")]
        return dict(words[1].split("=", 1) for words in exports)

    def client(self, **options: Any) -> ECRClient:
        """Return a client for the printed endpoint and credentials, with further options."""
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
        """Send a signal, and return the exit status and what was printed."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors


NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
TARGET = "AmazonEC2ContainerRegistry_V20150921"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest_of(config: bytes, *layers: bytes, **members: Any) -> dict[str, Any]:
    """Return the manifest of an image with these blobs; `members` are added or replace others."""
    first, *others = [
        {"mediaType": LAYER if number else CONFIG, "digest": digest_of(blob), "size": len(blob)}
        for number, blob in enumerate((config, *layers))
    ]
    named = {"schemaVersion": 2, "mediaType": MANIFEST, "config": first, "layers": others}
    return {**named, **members}


class Clock:
    """A clock that stands still until `advance` is called."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = self._began = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)

    def reset(self) -> None:
        self.now = self._began


class Plain:
    """The operations of a client, taking dicts for models; ``app`` is the default repository."""

    def __init__(self, client: ECRClient) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        operation = OPERATIONS.get(name.removeprefix("paginate_").title().replace("_", ""))
        if operation is None:
            return found

        def call(**members: Any) -> Any:
            if "repository_name" in attrs.fields_dict(operation.request_class):
                members = {"repository_name": "app", **members}
            return found(from_dict(operation.request_class, members))

        return call


class Upload:
    """An upload through the API, which is initiated if no id is passed."""

    def __init__(self, client: Any, repository: str = "app", upload_id: str | None = None) -> None:
        self.client, self.part_size = client, 0
        if upload_id is None:
            begun = client.initiate_layer_upload(repository_name=repository)
            upload_id, self.part_size = str(begun.upload_id), begun.part_size
        self.id = upload_id
        self.common: Any = {"repository_name": repository, "upload_id": upload_id}

    def part(self, data: bytes, first: int = 0, last: int | None = None) -> Any:
        """Send a part, and return the last byte received."""
        return self.client.upload_layer_part(
            **self.common,
            part_first_byte=first,
            part_last_byte=first + len(data) - 1 if last is None else last,
            layer_part_blob=data,
        ).last_byte_received

    def complete(self, *digests: str) -> Any:
        return self.client.complete_layer_upload(**self.common, layer_digests=digests).layer_digest


class Pusher:
    """Pushes images that all differ; each method returns a digest.

    Args:
        client: The client to push with.
        first: The number of the first image; pushers with the same number push the same images.
    """

    def __init__(self, client: Any, first: int = 0) -> None:
        self._client, self._numbers = client, itertools.count(first)

    def image(self, repository: str, *tags: str, **members: Any) -> str:
        """Push an image; `members` are added to its manifest."""
        config = json.dumps({"number": next(self._numbers)}).encode()
        self.layer(repository, config)
        return self.manifest(repository, json.dumps(manifest_of(config, **members)), *tags)

    def artifact(self, repository: str, subject: str, **members: Any) -> str:
        """Push an artifact that refers to an image."""
        reference = {"mediaType": MANIFEST, "digest": subject, "size": 2}
        return self.image(repository, subject=reference, **members)

    def index(self, repository: str, *children: str, tag: str | None = None) -> str:
        """Push an index of images."""
        listed = [{"mediaType": MANIFEST, "digest": child, "size": 2} for child in children]
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
        text = json.dumps({**document, "annotations": {"number": str(next(self._numbers))}})
        return self.manifest(repository, text, *([tag] if tag else []))

    def manifest(self, repository: str, manifest: str, *tags: str) -> str:
        """Push a manifest under tags."""
        for tag in tags or (None,):
            self._client.put_image(
                repository_name=repository, image_manifest=manifest, image_tag=tag
            )
        return digest_of(manifest.encode())

    def again(self, repository: str, tag: str, *tags: str) -> str:
        """Push the image that `tag` names again, under other tags."""
        (image,) = self._client.batch_get_image(
            repository_name=repository, image_ids=[ImageIdentifier(image_tag=tag)]
        ).images
        return self.manifest(repository, str(image.image_manifest), *tags)

    def layer(self, repository: str, data: bytes) -> str:
        """Push a blob."""
        upload = Upload(self._client, repository)
        upload.part(data)
        return str(upload.complete(digest_of(data)))


def login_of(client: Any) -> tuple[str, str]:
    """Return the user name and the password in a client's authorization token."""
    (data,) = client.get_authorization_token().authorization_data
    user, _, password = base64.b64decode(str(data.authorization_token)).decode().partition(":")
    return user, password


class Pushed(NamedTuple):
    """A manifest that was pushed to a repository."""

    digest: str
    manifest: bytes
    media_type: str
    layers: tuple[str, ...] = ()

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}


class Registry:
    """Sends requests below ``/v2/``, authenticated with a client's token."""

    def __init__(self, client: ECRClient) -> None:
        self.client = client
        self.url = client.endpoint
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = login_of(client)
        self.password = self.session.auth[1]

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request to a path below ``/v2/``, or to a URL from a response."""
        address = path if path.startswith(("/", "http")) else f"/v2/{path}"
        return self.session.request(method, urljoin(self.url, address), timeout=60, **options)

    def start(self, name: str) -> str:
        """Start an upload, and return its address."""
        response = self.send("POST", f"{name}/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def blob(self, name: str, data: bytes) -> str:
        """Push a blob, and return its digest."""
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
            reference: The tag, if any.
            layer: The bytes of its layer.
            members: Members of the manifest to add or to replace.
        """
        config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
        for data in (config, layer):
            self.blob(name, data)
        pushed = self.manifest(name, manifest_of(config, layer, **members), reference)
        return pushed._replace(layers=(self.digest(layer),))

    def index(self, name: str, reference: str, *images: Pushed) -> Pushed:
        """Push an index of images that the repository holds."""
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

    digest = staticmethod(digest_of)

    @staticmethod
    def code(response: requests.Response) -> tuple[int, str]:
        """Return the status and the code of an error."""
        (error,) = response.json()["errors"]
        assert isinstance(error["message"], str)
        assert response.headers["Content-Type"] == "application/json"
        return response.status_code, error["code"]


def _shared(value: Any) -> Any:
    """Return a fixture for a value that the tests cannot import."""
    return pytest.fixture(scope="session")(lambda: value)


clocks = _shared(Clock)
plain = _shared(Plain)
manifests = _shared(manifest_of)
pushers = _shared(Pusher)
uploads = _shared(Upload)
login = _shared(login_of)


@_shared
def execute(
    *command: object, stdin: str | None = None, check: bool = True, **environment: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with only these variables and PATH if any are passed."""
    own = {"PATH": os.environ["PATH"], **{name: str(text) for name, text in environment.items()}}
    done = subprocess.run(
        [*map(str, command)],
        input=stdin,
        env=own if environment else None,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stderr
    return done


@_shared
def dial(url: str, data: bytes = b"") -> socket.socket:
    """Open a connection to a server, and send some bytes."""
    place = urlsplit(url)
    opened = socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=60)
    opened.sendall(data)
    return opened


@_shared
def post(url: str, operation: str, body: Any = b"{}", **headers: str) -> requests.Response:
    """Send the body of a call without a signature, encoding it as JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    target = {"X-Amz-Target": f"{TARGET}.{operation}", **headers}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{url}/", data=data, headers=target, timeout=60)


@pytest.fixture
def registries() -> Iterator[Callable[[ECRClient], Registry]]:
    """Yield a function that makes a Registry for a client."""
    with ExitStack() as stack:

        def make(client: ECRClient) -> Registry:
            made = Registry(client)
            stack.enter_context(made.session)
            return made

        yield make


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    """Yield a new server; most folders and files override this."""
    with LocalECR() as running:
        yield running


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Yield a function that starts the command with some arguments, optionally through a prefix."""
    started: list[Command] = []

    def start(*arguments: str, prefix: Sequence[str] = ()) -> Command:
        started.append(Command(*arguments, prefix=prefix))
        return started[-1]

    yield start
    for command in started:
        # Not killed, because it would leave its temporary folder behind.
        command.stop(signal.SIGTERM)
