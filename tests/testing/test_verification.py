"""The verification of stored images finds everything that is missing or wrong."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient, Operation
from ecr_client._operation import Request, Result
from ecr_client.exceptions import AccessDeniedException, LayersNotFoundException
from ecr_client.models import (
    BatchGetImageRequest,
    BatchGetImageResult,
    GetDownloadUrlForLayerRequest,
    GetDownloadUrlForLayerResult,
    Image,
    ImageFailure,
    ImageIdentifier,
)
from ecr_client.testing import RandomImage, assert_image_valid, example, random_image
from ecr_client.transport import Deadline, HTTPRequest, InMemory, StreamingResponse, Transport

MIB = 1024 * 1024


class Stored(ECRClient):
    """A client of a repository with one image, which tests may break.

    Attributes:
        root: The digest that the tag refers to.
        manifests: Each manifest as a string, by digest.
        blobs: The bytes of each blob, by digest.
        listed: Wrong digests that the service returns with a manifest, by digest.
        status: The status of downloads.
        requested: The digests that were requested, in order.
        downloads: The base URL of downloads.
    """

    def __init__(self, image: RandomImage) -> None:
        super().__init__(region="eu-west-1")
        self.root = image.digest
        self.blobs = {
            blob.digest: image.blob_path(blob.digest).read_bytes() for blob in image.blobs
        }
        self.manifests = {
            digest: image.blob_path(digest).read_text()
            for digest in {image.digest, *(each.descriptor.digest for each in image.manifests)}
        }
        self.listed: dict[str, str] = {}
        self.status = 200
        self.requested: list[str] = []
        self.downloads = "https://storage.example"
        self.transport = Storage(self)

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        result: Any
        if isinstance(request, GetDownloadUrlForLayerRequest):
            result = self.url_of(request)
        else:
            assert isinstance(request, BatchGetImageRequest)
            result = self.image_of(request)
        assert isinstance(result, operation.result_class)
        return result

    def url_of(self, request: GetDownloadUrlForLayerRequest) -> GetDownloadUrlForLayerResult:
        assert request.repository_name == "team/app"
        digest = request.layer_digest
        if digest not in self.blobs:
            raise LayersNotFoundException(f"no {digest}")
        return GetDownloadUrlForLayerResult(download_url=f"{self.downloads}/{digest}?signature=1")

    def image_of(self, request: BatchGetImageRequest) -> BatchGetImageResult:
        assert request.repository_name == "team/app"
        (identifier,) = request.image_ids
        assert identifier.image_tag in (None, "1.0")
        digest = identifier.image_digest or self.root
        if digest not in self.manifests:
            failure = ImageFailure(failure_code="ImageNotFound", failure_reason="no image")
            return BatchGetImageResult(failures=[failure])
        self.requested.append(digest)
        image_id = ImageIdentifier(image_digest=self.listed.get(digest, digest))
        image = example(Image, image_id=image_id, image_manifest=self.manifests[digest])
        return BatchGetImageResult(images=[image])


class Storage(Transport):
    """The storage of a `Stored` client."""

    simulated = True

    def __init__(self, stored: Stored) -> None:
        self.stored = stored

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        assert {"authorization", "x-amz-date"}.isdisjoint(map(str.lower, request.headers))
        digest = request.url.rpartition("/")[2].partition("?")[0]
        self.stored.requested.append(digest)
        body = self.stored.blobs[digest]
        headers = {"Content-Length": str(len(body))}
        return StreamingResponse(request, self.stored.status, headers, InMemory(body))


def differs(digest: str, content: bytes) -> str:
    """Return the client's error message for other content."""
    found = sha256(content).hexdigest()
    return (
        f"layer {digest}: the downloaded content differs: the content has the digest sha256:{found}"
    )


@pytest.fixture
def image(tmp_path: Path) -> RandomImage:
    """Return an image for two platforms."""
    return random_image(tmp_path / "image", platforms=["linux/amd64", "linux/arm64/v8"])


@pytest.fixture
def stored(image: RandomImage) -> Iterator[Stored]:
    """Yield a client of a repository that holds the image."""
    with Stored(image) as client:
        yield client


def problems(stored: Stored, reference: str = "team/app:1.0") -> list[str]:
    """Return the problems of the image, one per line of the error message."""
    with pytest.raises(AssertionError) as raised:
        assert_image_valid(stored, reference)
    head, *lines = str(raised.value).splitlines()
    assert head == f"{reference} is not valid:"
    assert "signature" not in str(raised.value)
    return [line.strip() for line in lines]


def test_valid_images(stored: Stored, image: RandomImage) -> None:
    """All manifests, configurations and layers are verified once each."""
    assert_image_valid(stored, "team/app:1.0")
    requested, stored.requested = stored.requested, []
    assert_image_valid(stored, f"team/app@{image.digest}")

    assert sorted(requested) == sorted([*stored.manifests, *stored.blobs])
    assert stored.requested == requested


def test_altered_content(stored: Stored, image: RandomImage) -> None:
    """A blob with other content of the same length is detected."""
    layer, config = image.manifests[0].layers[0], image.manifests[1].config
    for digest in (layer.digest, config.digest):
        stored.blobs[digest] = bytes(len(stored.blobs[digest]))

    assert problems(stored) == [
        f"blob {digest} is corrupt ({differs(digest, bytes(size))})"
        for digest, size in ((layer.digest, layer.size), (config.digest, config.size))
    ]


def test_truncated_content(stored: Stored, image: RandomImage) -> None:
    """A truncated blob has a wrong size as well as a wrong digest."""
    layer = image.manifests[0].layers[1]
    cut = stored.blobs[layer.digest] = stored.blobs[layer.digest][:-1]

    assert problems(stored) == [
        f"blob {layer.digest} is corrupt ({differs(layer.digest, cut)})",
        f"blob {layer.digest} has {layer.size - 1} bytes instead of {layer.size}",
    ]


def test_missing_content(stored: Stored, image: RandomImage) -> None:
    """A missing layer, or a missing manifest of a platform, is detected."""
    layer = image.manifests[0].layers[0].digest
    manifest = image.manifests[1].descriptor.digest
    del stored.blobs[layer], stored.manifests[manifest]
    missing = problems(stored)

    assert len(missing) == 2
    assert f"manifest {manifest} is missing (ImageNotFound: no image)" in missing
    assert any(line.startswith(f"blob {layer} is missing (no {layer}") for line in missing)


def test_altered_manifest(stored: Stored, image: RandomImage) -> None:
    """A manifest with the same meaning but other bytes is detected."""
    digest, size = image.manifests[0].descriptor.digest, image.manifests[0].descriptor.size
    altered = stored.manifests[digest] = stored.manifests[digest] + " "
    found = f"sha256:{sha256(altered.encode()).hexdigest()}"

    assert problems(stored) == [
        f"manifest {digest} has the digest {found}, but is listed as {digest}",
        f"manifest {digest} has {size + 1} bytes instead of {size}",
        f"manifest {digest} has the content of {found}",
    ]


def test_wrong_response(stored: Stored, image: RandomImage) -> None:
    """A digest in a response that is not that of the manifest is detected."""
    stored.listed[image.digest] = "sha256:0"

    assert problems(stored) == [
        f"manifest 1.0 has the digest {image.digest}, but is listed as sha256:0"
    ]


def store(stored: Stored, text: str) -> None:
    """Let the tag refer to a manifest with this content."""
    stored.root = f"sha256:{sha256(text.encode()).hexdigest()}"
    stored.manifests[stored.root] = text


def descriptor(digest: object = "sha256:" + "1" * 64, size: object = 1) -> dict[str, object]:
    return {"digest": digest, "size": size}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "."),
        ("[]", "it has neither manifests nor layers"),
        ("{}", "it has neither manifests nor layers"),
        ('{"layers": null}', "layers must be a list, got None"),
        ('{"manifests": 1}', "manifests must be a list, got 1"),
        ('{"layers": [], "config": 1}', "config must be an object, got 1"),
        ('{"layers": [[]]}', r"layers\[0\] must be an object, got \[\]"),
        ('{"layers": [{}]}', r"layers\[0\]\.digest must be sha256:... or sha512:..., got None"),
        *[
            (json.dumps({"layers": [descriptor(digest)]}), "digest must be sha256:... or sha512")
            for digest in (1, ["sha256:1"], "md5:1", "sha256:" + "A" * 64, "sha512:" + "1" * 64)
        ],
        *[
            (json.dumps({"manifests": [descriptor(size=size)]}), "size must be from 0 to 545259520")
            for size in (-1, 1.0, True, "1", None, 52_000 * MIB + 1, 10**30)
        ],
        (json.dumps({"layers": [{**descriptor(), "urls": "x"}]}), "urls must be a list, got 'x'"),
        ('{"layers": [], "layers": [{}]}', "an object has the member 'layers' twice"),
        ('{"layers": NaN}', "."),
        ('{"layers": "\\ud800"}', "."),
        (f'{{"layers": {"9" * 5000}}}', "."),
        ("[" * 10**6, "."),
        ("[" * 990 + "]" * 990, "[Rr]ecursion|neither"),
        (f'{{"layers": [{", ".join(["1"] * 10_001)}]}}', "more than 10000 manifests and blobs"),
    ],
    ids=lambda value: value[:30],
)
def test_malformed_manifests(stored: Stored, text: str, problem: str) -> None:
    """A malformed manifest is a problem of the image, with the reason."""
    store(stored, text)
    (found,) = problems(stored)

    assert re.fullmatch(rf"manifest 1\.0 cannot be read \(.*({problem}).*\)", found)


def test_lone_surrogates(stored: Stored) -> None:
    """A string that cannot be encoded as UTF-8 is not a manifest."""
    stored.manifests[stored.root] = '{"layers": [], "config": "\ud800"}'

    assert "surrogates not allowed" in problems(stored)[-1]


def test_long_manifest(stored: Stored) -> None:
    """The longest manifest that the service allows is accepted, and a longer one is not."""
    store(stored, '{"layers": []}'.ljust(4 * MIB))
    assert_image_valid(stored, "team/app:1.0")
    store(stored, '{"layers": []}'.ljust(4 * MIB + 1))

    assert problems(stored) == ["manifest 1.0 has 4194305 characters, more than 4194304"]


def test_several_problems(stored: Stored) -> None:
    """A malformed descriptor does not hide the problems of others."""
    store(stored, json.dumps({"layers": [1, descriptor()], "config": 2}))

    assert problems(stored) == [
        "manifest 1.0 cannot be read (layers[0] must be an object, got 1)",
        f"blob sha256:{'1' * 64} is missing (no sha256:{'1' * 64} (Service: AmazonECR; Error Code: "
        "LayersNotFoundException))",
        "manifest 1.0 cannot be read (config must be an object, got 2)",
    ]


def indexed(stored: Stored, levels: int) -> None:
    """Let the tag refer to nested indexes around a manifest without layers."""
    text = '{"layers": []}'
    for _ in range(levels):
        store(stored, text)
        text = json.dumps({"manifests": [descriptor(stored.root, len(text))]})
    store(stored, text)


def test_nested_indexes(stored: Stored) -> None:
    """Indexes may be nested up to eight levels deep."""
    indexed(stored, 8)
    assert_image_valid(stored, "team/app:1.0")
    indexed(stored, 9)
    (problem,) = problems(stored)

    assert re.fullmatch(r"manifest sha256:\w{64} is in more than 8 indexes", problem)


def test_count_of_descriptors(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maximum number of manifests and blobs applies to the whole image."""
    monkeypatch.setattr("ecr_client.testing.verification.MAX_DESCRIPTORS", 5)
    (problem,) = problems(stored)

    assert "the image has more than 5 manifests and blobs" in problem


def test_index_of_itself(stored: Stored) -> None:
    """If a registry keeps returning the same index, each digest is requested only once."""
    digest = f"sha256:{'1' * 64}"
    text = json.dumps({"manifests": [descriptor(digest), descriptor(digest, 7)]})
    stored.root, stored.manifests[digest] = digest, text
    lines = problems(stored)

    assert stored.requested == [digest, digest]
    assert f"manifest {digest} has {len(text)} bytes instead of 7" in lines
    assert len(lines) == 7


def test_blob_named_twice(stored: Stored, image: RandomImage) -> None:
    """A blob is downloaded once, and compared with the size in each descriptor."""
    layer = image.manifests[0].layers[0]
    sizes = [layer.size, layer.size, layer.size + 1]
    store(stored, json.dumps({"layers": [descriptor(layer.digest, size) for size in sizes]}))

    assert problems(stored) == [
        f"blob {layer.digest} has {layer.size} bytes instead of {layer.size + 1}"
    ]
    assert stored.requested == [stored.root, layer.digest]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_both_algorithms(stored: Stored, algorithm: str) -> None:
    """Digests of manifests and blobs may be SHA-512, too."""
    layer, text = b"layer", '{"layers": []}'
    hashes = [hashlib.new(algorithm, each) for each in (layer, text.encode())]
    digests = [f"{algorithm}:{each.hexdigest()}" for each in hashes]
    stored.blobs[digests[0]], stored.manifests[digests[1]] = layer, text
    root = {"layers": [descriptor(digests[0], 5)], "manifests": [descriptor(digests[1], len(text))]}
    store(stored, json.dumps(root))
    assert_image_valid(stored, "team/app:1.0")
    stored.blobs[digests[0]], stored.manifests[digests[1]] = b"LAYER", text.upper()

    assert len(problems(stored)) == 4


class Endless(Transport):
    """A storage that sends bytes for ever, without a Content-Length."""

    simulated = True

    def __init__(self) -> None:
        self.sent = 0

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        return StreamingResponse(request, 200, {}, self)

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        self.sent += size
        return bytes(size)


def test_endless_blobs(stored: Stored, image: RandomImage) -> None:
    """Not much more of a blob is read than its size in the manifest."""
    storage = stored.transport = Endless()

    assert problems(stored) == [
        f"blob {blob.digest} has more than {blob.size} bytes"
        for each in image.manifests
        for blob in (*each.layers, each.config)
    ]
    assert storage.sent <= len(image.blobs) * MIB


def test_failing_downloads(stored: Stored) -> None:
    """A storage that refuses, or an invalid URL, is a problem of each blob."""
    stored.status = 403
    refused = problems(stored)
    stored.downloads = "file:///"
    nowhere = problems(stored)

    for lines, reason in (
        (refused, "the storage responded with status 403)"),
        (nowhere, "the service returned no HTTP URL for it)"),
    ):
        assert len(lines) == len(stored.blobs)
        assert all("cannot be downloaded (" in line for line in lines)
        assert all(line.endswith(reason) for line in lines)


def test_refusals(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the service that denies access is raised as it is."""

    def refuse(_: object) -> None:
        raise AccessDeniedException("not yours")

    monkeypatch.setattr(stored, "url_of", refuse)
    with pytest.raises(AccessDeniedException):
        assert_image_valid(stored, "team/app:1.0")


@pytest.mark.slow
def test_memory(tmp_path: Path) -> None:
    """The memory of a verification does not depend on the size of the layers."""
    image = random_image(tmp_path, layers=1, size=24 * MIB)
    with Stored(image) as client:
        # The storage in this test holds the layers, which are not counted.
        tracemalloc.start()
        try:
            assert_image_valid(client, "team/app:1.0")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 6 * MIB


def test_foreign_layers(stored: Stored) -> None:
    """A layer with URLs of its own is not expected in the registry."""
    foreign = {**descriptor(), "urls": ["https://elsewhere.example/1"]}
    store(stored, json.dumps({"schemaVersion": 2, "layers": [foreign]}))
    assert_image_valid(stored, "team/app:1.0")

    assert stored.requested == [stored.root]


@pytest.mark.parametrize(
    "reference",
    [
        "app",
        "app:",
        ":1.0",
        "app@",
        "app@1.0",
        "@sha256:0",
        "app@sha512:0",
        "",
        "localhost:1/app:1",
    ],
)
def test_wrong_references(stored: Stored, reference: str) -> None:
    """A reference without a tag or digest, or without a repository, is refused."""
    with pytest.raises(ValueError, match=r"not a reference|must be repository:tag or"):
        assert_image_valid(stored, reference)
