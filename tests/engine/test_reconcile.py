"""What the error of a retry means: proofs, disproofs, and everything that proves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from ecr_client import models, operations
from ecr_client._engine.reconcile import Lookup, reconcile
from ecr_client._generated.exceptions import MODELED
from ecr_client._unmodeled import UNMODELED
from ecr_client.exceptions import AmazonECRException
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example

DIGEST, OTHER = (f"sha256:{hashlib.sha256(each).hexdigest()}" for each in (b"layer", b"other"))
DIGEST_512 = "sha512:" + "0" * 128
MANIFEST = '{"schemaVersion": 2}'
MANIFEST_DIGEST = f"sha256:{hashlib.sha256(MANIFEST.encode()).hexdigest()}"
#: By operation: the errors that may mean that its work is done.
RECONCILED = {
    "UploadLayerPart": {"InvalidLayerPartException"},
    "CompleteLayerUpload": {"LayerAlreadyExistsException", "UploadNotFoundException"},
    "PutImage": {"ImageAlreadyExistsException"},
}
UPLOAD: Any = {"registry_id": "123456789012", "repository_name": "app", "upload_id": "u"}
PART = models.UploadLayerPartRequest(
    **UPLOAD, part_first_byte=5, part_last_byte=9, layer_part_blob=b"layer"
)
LAYER = models.CompleteLayerUploadRequest(**UPLOAD, layer_digests=[DIGEST])
IMAGE = models.PutImageRequest(repository_name="app", image_manifest=MANIFEST)


def error(code: str, **members: Any) -> AmazonECRException:
    """Return the exception for a code, as a response would cause it."""
    error_class = MODELED.get(code) or UNMODELED.get(code) or AmazonECRException
    return error_class("no", error_code=code, **members)


def lookup(request: object, code: str) -> Lookup:
    """Return the lookup that decides what an error means."""
    found = reconcile(request, error(code))
    assert isinstance(found, Lookup)
    return found


def test_every_other_error_is_raised(made: Callable[..., Any]) -> None:
    """No other operation, and no other error of these three, is reconciled."""
    assert set(RECONCILED) < set(OPERATIONS)
    assert set.union(*RECONCILED.values()) < set(MODELED)
    for name, operation in OPERATIONS.items():
        request = made(operation.request_class)
        codes = {*MODELED, *UNMODELED, "SomethingNew", "400"} - RECONCILED.get(name, set())

        assert len(codes) > 80
        assert {reconcile(request, error(code)) for code in codes} == {None}, name


def test_parts() -> None:
    """A part has arrived if the last byte of the upload is its own; no lookup is needed."""
    found = reconcile(PART, error("InvalidLayerPartException", last_valid_byte_received=9))

    assert found == models.UploadLayerPartResult(**UPLOAD, last_byte_received=9)
    for last in (None, -1, 0, 4, 8, 10):
        refused = error("InvalidLayerPartException", last_valid_byte_received=last)
        assert reconcile(PART, refused) is None


@pytest.mark.parametrize("code", sorted(RECONCILED["CompleteLayerUpload"]))
def test_layers(code: str) -> None:
    """An upload is complete if its layer, looked up by its digest, is available."""
    found = lookup(LAYER, code)

    def proven(*states: Any) -> Any:
        layers = [models.Layer(layer_digest=DIGEST, layer_availability=state) for state in states]
        return found.prove(models.BatchCheckLayerAvailabilityResult(layers=layers))

    assert found.operation is operations.BATCH_CHECK_LAYER_AVAILABILITY
    assert found.request == models.BatchCheckLayerAvailabilityRequest(
        registry_id="123456789012", repository_name="app", layer_digests=[DIGEST]
    )
    assert proven("AVAILABLE") == models.CompleteLayerUploadResult(**UPLOAD, layer_digest=DIGEST)
    for states in ([], ["UNAVAILABLE"], [None], ["SOMETHING_NEW"], ["AVAILABLE"] * 2):
        assert proven(*states) is None


def test_digests_of_layers() -> None:
    """Without exactly one SHA-256 digest, it is unknown which layer it was."""
    for digests in ([], [DIGEST_512], ["tarsum.v1+sha256:" + "0" * 64], [DIGEST, OTHER]):
        request = attrs.evolve(LAYER, layer_digests=digests)
        assert reconcile(request, error("UploadNotFoundException")) is None
    among = attrs.evolve(LAYER, layer_digests=[DIGEST_512, DIGEST])
    found: Any = lookup(among, "UploadNotFoundException").request

    assert found.layer_digests == (DIGEST,)


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"image_tag": "1"}, {"image_tag": "1"}),
        ({"image_tag": "1", "image_digest": MANIFEST_DIGEST}, {"image_tag": "1"}),
        ({"image_digest": OTHER}, {"image_digest": OTHER}),
        ({}, {"image_digest": MANIFEST_DIGEST}),
    ],
)
@pytest.mark.parametrize("kind", [None, "a/b"])
def test_lookups_of_images(
    members: dict[str, str], wanted: dict[str, str], kind: str | None
) -> None:
    """An image is looked up by its tag, else its digest, which is computed if it is not given."""
    request = attrs.evolve(
        IMAGE, registry_id="123456789012", image_manifest_media_type=kind, **members
    )
    found = lookup(request, "ImageAlreadyExistsException")

    assert found.operation is operations.BATCH_GET_IMAGE
    assert found.request == models.BatchGetImageRequest(
        registry_id="123456789012",
        repository_name="app",
        image_ids=[models.ImageIdentifier(**wanted)],
        accepted_media_types=None if kind is None else [kind],
    )


def test_images() -> None:
    """An image exists if its only manifest is that of the call, byte by byte."""
    there = example(models.Image, image_manifest=MANIFEST)
    other = example(models.Image, image_manifest=MANIFEST.replace(" ", ""))
    prove = lookup(IMAGE, "ImageAlreadyExistsException").prove

    assert prove(models.BatchGetImageResult(images=[there])) == models.PutImageResult(image=there)
    for images in ([], [other], [there, there]):
        assert prove(models.BatchGetImageResult(images=images)) is None
