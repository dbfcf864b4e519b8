"""What the error of a retry means: proofs, disproofs, and everything that proves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import models, operations
from ecr_client._engine.reconcile import Lookup, reconcile
from ecr_client._generated.exceptions import MODELED
from ecr_client._unmodeled import UNMODELED
from ecr_client.exceptions import AmazonECRException
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example

DIGEST = f"sha256:{hashlib.sha256(b'layer').hexdigest()}"
OTHER = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
MANIFEST = '{"schemaVersion": 2}'
MANIFEST_DIGEST = f"sha256:{hashlib.sha256(MANIFEST.encode()).hexdigest()}"
#: By operation: the errors that may mean that its work is done.
RECONCILED = {
    "UploadLayerPart": {"InvalidLayerPartException"},
    "CompleteLayerUpload": {"LayerAlreadyExistsException", "UploadNotFoundException"},
    "PutImage": {"ImageAlreadyExistsException"},
}
PART = models.UploadLayerPartRequest(
    registry_id="123456789012",
    repository_name="app",
    upload_id="u",
    part_first_byte=5,
    part_last_byte=9,
    layer_part_blob=b"layer",
)
LAYER = models.CompleteLayerUploadRequest(
    registry_id="123456789012", repository_name="app", upload_id="u", layer_digests=[DIGEST]
)


def error(code: str, **members: Any) -> AmazonECRException:
    """Return the exception of a code, as a response would have given it."""
    error_class = MODELED.get(code) or UNMODELED.get(code) or AmazonECRException
    return error_class("no", error_code=code, **members)


def image(**members: Any) -> models.PutImageRequest:
    return models.PutImageRequest(
        **{"repository_name": "app", "image_manifest": MANIFEST, **members}
    )


def lookup(request: object, code: str) -> Lookup:
    """Return what has to be asked before it is known what an error means."""
    found = reconcile(request, error(code))
    assert isinstance(found, Lookup)
    return found


# --- what proves nothing --------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_other_error_is_raised(name: str, made: Callable[..., Any]) -> None:
    """No other operation, and no other error of these three, is reconciled."""
    request = made(OPERATIONS[name].request_class)
    codes = {*MODELED, *UNMODELED, "SomethingNew", "400"} - RECONCILED.get(name, set())

    assert len(codes) > 80
    for code in codes:
        assert reconcile(request, error(code)) is None


def test_the_three_are_known() -> None:
    """The three operations, and the errors that may mean that their work is done, exist."""
    assert set(RECONCILED) < set(OPERATIONS)
    assert set.union(*RECONCILED.values()) < set(MODELED)


# --- UploadLayerPart ------------------------------------------------------------------------------


def test_a_part_that_has_arrived() -> None:
    """A part has arrived if the last byte of the upload is its own; nobody has to be asked."""
    found = reconcile(PART, error("InvalidLayerPartException", last_valid_byte_received=9))

    assert found == models.UploadLayerPartResult(
        registry_id="123456789012", repository_name="app", upload_id="u", last_byte_received=9
    )


@pytest.mark.parametrize("last", [None, -1, 0, 4, 8, 10])
def test_a_part_that_has_not_arrived(last: int | None) -> None:
    """A part whose last byte is not that of the upload has not arrived."""
    refused = error("InvalidLayerPartException", last_valid_byte_received=last)

    assert reconcile(PART, refused) is None


# --- CompleteLayerUpload --------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(RECONCILED["CompleteLayerUpload"]))
def test_a_layer_is_looked_for(code: str) -> None:
    """A layer is looked for by its digest, in the repository and the registry of the upload."""
    found = lookup(LAYER, code)

    assert found.operation is operations.BATCH_CHECK_LAYER_AVAILABILITY
    assert found.request == models.BatchCheckLayerAvailabilityRequest(
        registry_id="123456789012", repository_name="app", layer_digests=[DIGEST]
    )


@pytest.mark.parametrize("code", sorted(RECONCILED["CompleteLayerUpload"]))
def test_a_layer_that_is_there(code: str) -> None:
    """An upload is complete if its layer is available."""
    layer = models.Layer(layer_digest=DIGEST, layer_availability="AVAILABLE")
    result = models.BatchCheckLayerAvailabilityResult(layers=[layer])

    assert lookup(LAYER, code).prove(result) == models.CompleteLayerUploadResult(
        registry_id="123456789012", repository_name="app", upload_id="u", layer_digest=DIGEST
    )


@pytest.mark.parametrize(
    "states", [[], ["UNAVAILABLE"], [None], ["SOMETHING_NEW"], ["AVAILABLE"] * 2]
)
def test_a_layer_that_is_not_there(states: list[Any]) -> None:
    """An upload is not complete if its layer is not there, or archived."""
    layers = [models.Layer(layer_digest=DIGEST, layer_availability=state) for state in states]
    result = models.BatchCheckLayerAvailabilityResult(layers=layers)

    assert lookup(LAYER, "UploadNotFoundException").prove(result) is None


@pytest.mark.parametrize(
    "digests", [[], ["sha512:" + "0" * 128], ["tarsum.v1+sha256:" + "0" * 64], [DIGEST, OTHER]]
)
def test_digests_that_name_no_layer(digests: list[str]) -> None:
    """Without exactly one SHA-256 digest, nobody knows which layer it was."""
    request = models.CompleteLayerUploadRequest(
        repository_name="app", upload_id="u", layer_digests=digests
    )

    assert reconcile(request, error("UploadNotFoundException")) is None


def test_one_digest_among_others() -> None:
    """Digests of other algorithms do not matter."""
    request = models.CompleteLayerUploadRequest(
        repository_name="app", upload_id="u", layer_digests=["sha512:" + "0" * 128, DIGEST]
    )

    assert lookup(request, "UploadNotFoundException").request.layer_digests == (DIGEST,)  # type: ignore[attr-defined]


# --- PutImage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        ({"image_tag": "1"}, {"image_tag": "1"}),
        ({"image_tag": "1", "image_digest": MANIFEST_DIGEST}, {"image_tag": "1"}),
        ({"image_digest": OTHER}, {"image_digest": OTHER}),
        ({}, {"image_digest": MANIFEST_DIGEST}),
    ],
)
def test_an_image_is_looked_for(members: dict[str, str], asked: dict[str, str]) -> None:
    """An image is looked for by its tag, else its digest, which is computed if it is not given."""
    request = image(registry_id="123456789012", image_manifest_media_type="a/b", **members)
    found = lookup(request, "ImageAlreadyExistsException")

    assert found.operation is operations.BATCH_GET_IMAGE
    assert found.request == models.BatchGetImageRequest(
        registry_id="123456789012",
        repository_name="app",
        image_ids=[models.ImageIdentifier(**asked)],
        accepted_media_types=["a/b"],
    )


def test_a_media_type_that_is_not_given() -> None:
    """Where the call names no media type, the lookup accepts what the service accepts."""
    found: Any = lookup(image(), "ImageAlreadyExistsException").request

    assert found.accepted_media_types is None


def test_an_image_that_is_there() -> None:
    """An image is there if its manifest is the one of the call, byte by byte."""
    there = example(models.Image, image_manifest=MANIFEST)
    found = lookup(image(image_tag="1"), "ImageAlreadyExistsException")

    assert found.prove(models.BatchGetImageResult(images=[there])) == models.PutImageResult(
        image=there
    )


@pytest.mark.parametrize("manifests", [[], ['{"schemaVersion":2}'], [MANIFEST] * 2])
def test_another_image(manifests: list[Any]) -> None:
    """Another manifest, however alike, or none is not the image that was put."""
    there = [example(models.Image, image_manifest=manifest) for manifest in manifests]
    found = lookup(image(image_tag="1"), "ImageAlreadyExistsException")

    assert found.prove(models.BatchGetImageResult(images=there)) is None
