"""The check of stored images finds whatever is missing or wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ecr_client import AmazonECR
from ecr_client.exceptions import LayersNotFoundException
from ecr_client.models import (
    BatchGetImageResult,
    GetDownloadUrlForLayerResult,
    Image,
    ImageFailure,
    ImageIdentifier,
)
from ecr_client.testing import RandomImage, assert_image_valid, random_image


class Stored(AmazonECR):
    """A service with one repository, which holds an image in which a test may break things.

    Attributes:
        root: The digest of what the tag names.
        manifests: The text of each, by digest.
        blobs: The bytes of each, by digest.
        told: What the service says is the digest of a manifest, where that is not true.
        status: Of downloads.
        asked: The digests that were asked for, in turn.
        downloads: Where downloads are.
    """

    def __init__(self, image: RandomImage) -> None:
        self.root = image.digest
        self.blobs = {
            blob.digest: image.blob_path(blob.digest).read_bytes() for blob in image.blobs
        }
        self.manifests = {
            digest: image.blob_path(digest).read_text()
            for digest in {image.digest, *(each.descriptor.digest for each in image.manifests)}
        }
        self.told: dict[str, str] = {}
        self.status = 200
        self.asked: list[str] = []
        self.downloads = ""

    def invoke(self, operation: Any, request: Any) -> Any:
        assert request.repository_name == "team/app"
        if operation.name == "GetDownloadUrlForLayer":
            digest = request.layer_digest
            if digest not in self.blobs:
                raise LayersNotFoundException(f"no {digest}")
            return GetDownloadUrlForLayerResult(
                download_url=f"{self.downloads}/{digest}?signature=1"
            )
        (identifier,) = request.image_ids
        assert identifier.image_tag in (None, "1.0")
        digest = identifier.image_digest or self.root
        if digest not in self.manifests:
            failure = ImageFailure(failure_code="ImageNotFound", failure_reason="no image")
            return BatchGetImageResult(failures=[failure])
        self.asked.append(digest)
        image_id = ImageIdentifier(image_digest=self.told.get(digest, digest))
        image = Image(image_id=image_id, image_manifest=self.manifests[digest])
        return BatchGetImageResult(images=[image])

    def download(self, path: str, headers: set[str]) -> tuple[int, bytes]:
        """Answer a download; a second signature would not be taken."""
        assert headers.isdisjoint({"authorization", "x-amz-date"})
        digest = path.strip("/").partition("?")[0]
        self.asked.append(digest)
        return self.status, self.blobs[digest]


@contextlib.contextmanager
def served(service: Stored) -> Iterator[Stored]:
    """Let a service have a server for downloads."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = service.download(self.path, set(map(str.lower, self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.downloads = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield service
        server.shutdown()
        thread.join()


@pytest.fixture
def image(tmp_path: Path) -> RandomImage:
    """Give an image of two platforms."""
    return random_image(tmp_path / "image", platforms=["linux/amd64", "linux/arm64/v8"])


@pytest.fixture
def stored(image: RandomImage) -> Iterator[Stored]:
    """Give a service that holds the image."""
    with served(Stored(image)) as service:
        yield service


def problems(stored: Stored, reference: str = "team/app:1.0") -> list[str]:
    """Return what is wrong with the image."""
    with pytest.raises(AssertionError) as raised:
        assert_image_valid(stored, reference)
    head, *lines = str(raised.value).splitlines()
    assert head == f"{reference} is not valid:"
    assert "signature" not in str(raised.value)
    return [line.strip() for line in lines]


def test_a_whole_image_is_valid(stored: Stored, image: RandomImage) -> None:
    """All manifests, configurations and layers are looked at, and each of them once."""
    assert_image_valid(stored, "team/app:1.0")
    asked, stored.asked = stored.asked, []
    assert_image_valid(stored, f"team/app@{image.digest}")

    assert sorted(asked) == sorted([*stored.manifests, *stored.blobs])
    assert stored.asked == asked


def test_a_single_manifest_is_valid(tmp_path: Path) -> None:
    """An image without an index is as good as one with it."""
    with served(Stored(random_image(tmp_path))) as service:
        assert_image_valid(service, "team/app:1.0")

    assert len(service.asked) == 4


def test_altered_content_is_found(stored: Stored, image: RandomImage) -> None:
    """A blob with another content of the same length is not the blob."""
    layer, config = image.manifests[0].layers[0], image.manifests[1].config
    for digest in (layer.digest, config.digest):
        stored.blobs[digest] = bytes(len(stored.blobs[digest]))

    assert problems(stored) == [
        f"blob {digest} has the content of sha256:{sha256(bytes(size)).hexdigest()}"
        for digest, size in ((layer.digest, layer.size), (config.digest, config.size))
    ]


def test_cut_content_is_found(stored: Stored, image: RandomImage) -> None:
    """A blob that has lost its end has a wrong size as well as a wrong digest."""
    layer = image.manifests[0].layers[1]
    cut = stored.blobs[layer.digest] = stored.blobs[layer.digest][:-1]

    assert problems(stored) == [
        f"blob {layer.digest} has {layer.size - 1} bytes instead of {layer.size}",
        f"blob {layer.digest} has the content of sha256:{sha256(cut).hexdigest()}",
    ]


def test_missing_parts_are_found(stored: Stored, image: RandomImage) -> None:
    """A layer, or the manifest of a platform, may be missing although the index is there."""
    layer = image.manifests[0].layers[0].digest
    manifest = image.manifests[1].descriptor.digest
    del stored.blobs[layer], stored.manifests[manifest]
    missing = problems(stored)

    assert len(missing) == 2
    assert f"manifest {manifest} is missing (ImageNotFound: no image)" in missing
    assert any(line.startswith(f"blob {layer} is missing (no {layer}") for line in missing)


def test_a_missing_image_is_found(stored: Stored) -> None:
    """A reference to nothing is no valid image."""
    nothing = f"sha256:{'0' * 64}"

    assert problems(stored, f"team/app@{nothing}") == [
        f"manifest {nothing} is missing (ImageNotFound: no image)"
    ]


def test_an_altered_manifest_is_found(stored: Stored, image: RandomImage) -> None:
    """A manifest that means the same, but is written otherwise, is not the same."""
    digest, size = image.manifests[0].descriptor.digest, image.manifests[0].descriptor.size
    altered = stored.manifests[digest] = stored.manifests[digest] + " "
    found = f"sha256:{sha256(altered.encode()).hexdigest()}"

    assert problems(stored) == [
        f"manifest {digest} has the digest {found}, but is listed as {digest}",
        f"manifest {digest} has {size + 1} bytes instead of {size}",
        f"manifest {digest} has the content of {found}",
    ]


def test_a_wrong_answer_is_found(stored: Stored, image: RandomImage) -> None:
    """The digest that the service says has to be that of the manifest that it gives."""
    stored.told[image.digest] = "sha256:0"

    assert problems(stored) == [
        f"manifest 1.0 has the digest {image.digest}, but is listed as sha256:0"
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"layers": [{}]}', '{"manifests": 1}', "{"])
def test_an_unreadable_manifest_is_found(stored: Stored, text: str) -> None:
    """A text that is no manifest is a problem of the image, not an error of the check."""
    stored.root = f"sha256:{sha256(text.encode()).hexdigest()}"
    stored.manifests[stored.root] = text

    assert [line.partition("(")[0] for line in problems(stored)] == ["manifest 1.0 cannot be read "]


def test_a_failing_download_is_found(stored: Stored) -> None:
    """An answer that is not the content, or no answer, is told without the signed URL."""
    stored.status = 403
    refused = problems(stored)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        stored.downloads = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    unanswered = problems(stored)
    stored.downloads = "file:///"
    nowhere = problems(stored)

    assert all(line.endswith("cannot be downloaded (status 403)") for line in refused)
    assert all(
        line.endswith("cannot be downloaded (ConnectionRefusedError)") for line in unanswered
    )
    assert all(line.endswith("cannot be downloaded (not a URL)") for line in nowhere)
    assert len(refused) == len(unanswered) == len(stored.blobs)


def test_layers_that_are_kept_elsewhere_are_left_out(stored: Stored) -> None:
    """A layer with addresses of its own is not the registry's to give."""
    foreign = {"digest": "sha256:1", "size": 1, "urls": ["https://elsewhere.example/1"]}
    text = json.dumps({"schemaVersion": 2, "layers": [foreign]})
    stored.root = f"sha256:{sha256(text.encode()).hexdigest()}"
    stored.manifests[stored.root] = text
    assert_image_valid(stored, "team/app:1.0")

    assert stored.asked == [stored.root]


@pytest.mark.parametrize(
    "reference", ["app", "app:", ":1.0", "app@", "app@1.0", "@sha256:0", "app@sha512:0", ""]
)
def test_references_are_checked(stored: Stored, reference: str) -> None:
    """What names neither a tag nor a digest of a repository is refused."""
    with pytest.raises(ValueError, match="not repository:tag or repository@sha256"):
        assert_image_valid(stored, reference)
