"""A caller of the registry protocol, with a password and a repository."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urljoin

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


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

    def __init__(self, ecr: LocalECR, client: ECRClient) -> None:
        self.client = client
        self.url = ecr.endpoint
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
def _server() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture(scope="session")
def _oci_server() -> Iterator[LocalECR]:
    with LocalECR(registry_protocol="oci") as running:
        yield running


@pytest.fixture
def ecr(_server: LocalECR) -> LocalECR:
    """Return a server without any repositories."""
    _server.reset()
    return _server


@pytest.fixture
def oci(_oci_server: LocalECR) -> LocalECR:
    """Return the same with the registry protocol as OCI specifies it."""
    _oci_server.reset()
    return _oci_server


@pytest.fixture
def oci_registry(oci: LocalECR) -> Iterator[Registry]:
    """Yield a caller of that registry, which has the repository ``team/app``."""
    with oci.client() as client:
        client.create_repository(repository_name="team/app")
        caller = Registry(oci, client)
        yield caller
        caller.session.close()


@pytest.fixture
def api(ecr: LocalECR) -> Iterator[ECRClient]:
    """Yield a client of the server's API, in whose registry is the repository ``team/app``."""
    with ecr.client() as client:
        client.create_repository(repository_name="team/app")
        yield client


@pytest.fixture
def registry(ecr: LocalECR, api: ECRClient) -> Iterator[Registry]:
    """Yield a caller of the registry protocol whose registry the client's is."""
    caller = Registry(ecr, api)
    yield caller
    caller.session.close()
