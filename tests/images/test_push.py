"""Pushing images: what is sent, in which order, and what is refused before anything is tagged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs
import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    ImageSourceException,
    ImageTagAlreadyExistsException,
    RepositoryNotFoundException,
)
from ecr_client.images import BlobRetried, BlobSkipped, BytesMoved, copy_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Digest, Index, media_types
from ecr_client.testing import RandomImage, assert_image_valid, random_image

MIB = 1024 * 1024
SIGNATURE = "application/vnd.example.signature"
PLATFORMS = ["linux/amd64", "linux/arm64/v8"]


def test_push(ecr_client: ECRClient, image: RandomImage, tags: Any) -> None:
    """A pushed image is complete and has all its tags, and the result says what was moved."""
    result = push_image(ecr_client, image.path, "team/app:1", tags=["2", "1"], create=True)

    assert_image_valid(ecr_client, "team/app:2")
    assert tags(ecr_client) == {"1": image.digest, "2": image.digest}
    assert (result.digest, result.tags) == (image.digest, ("1", "2"))
    assert result.manifests == (*(each.descriptor.digest for each in image.manifests), image.digest)
    assert [layer.digest for layer in result.layers] == [
        layer.digest for each in image.manifests for layer in each.layers
    ]
    assert result.bytes_moved == sum(blob.size for blob in image.blobs)
    assert result.bytes_skipped == 0


def test_pushing_again(
    ecr_client: ECRClient, local_ecr: LocalECR, pushed: RandomImage, tags: Any
) -> None:
    """Pushing an existing image costs one call, and one more for a new tag."""
    local_ecr.requests.clear()
    push_image(ecr_client, pushed.path, "team/app:1")
    result = push_image(ecr_client, pushed.path, "team/app:2")

    assert local_ecr.requests.operations() == ["BatchGetImage", "BatchGetImage", "PutImage"]
    assert (result.bytes_moved, {layer.skipped for layer in result.layers}) == (0, {True})
    assert tags(ecr_client) == {"1": pushed.digest, "2": pushed.digest}


def test_missing_layers(ecr_client: ECRClient, pushed: RandomImage, make_layout: Any) -> None:
    """Layers that the repository has from another image are not sent again."""
    layout = make_layout(pushed.path)
    manifest = layout.read_manifest(pushed.manifests[0].descriptor)[1]
    added = layout.write_blob(media_types.OCI_LAYER, b"new")
    layout.replace(attrs.evolve(manifest, layers=(*manifest.layers, added)))
    events: list[object] = []

    result = push_image(ecr_client, pushed.path, "team/app:2", progress=events.append)

    assert result.bytes_moved == 3
    assert {e.digest for e in events if isinstance(e, BlobSkipped)} == {
        blob.digest for blob in manifest.blobs
    }


def test_order(ecr_client: ECRClient, local_ecr: LocalECR, image: RandomImage) -> None:
    """Layers precede manifests, manifests precede the index, and only the index has a tag."""
    push_image(ecr_client, image.path, "team/app:1", create=True)
    puts = [call.members for call in local_ecr.requests.of("PutImage")]
    operations = "".join(local_ecr.requests.operations())

    assert [put.get("imageTag") for put in puts] == [None, None, "1"]
    assert puts[-1]["imageDigest"] == image.digest
    assert operations.index("PutImage") > operations.rindex("CompleteLayerUpload")


def test_parts(ecr_client: ECRClient, tmp_path: Path) -> None:
    """A layer is sent in consecutive parts of the size that the service requests."""
    image = random_image(tmp_path / "large", layers=1, size=25 * MIB)
    size = image.manifests[0].layers[0].size
    with patch.object(
        ecr_client, "upload_layer_part", wraps=ecr_client.upload_layer_part
    ) as upload:
        push_image(ecr_client, image.path, "team/app", create=True)
    parts = [
        (call.kwargs["part_first_byte"], call.kwargs["part_last_byte"])
        for call in upload.call_args_list
        if len(call.kwargs["layer_part_blob"]) > 1000
    ]

    assert parts == [(start, min(start + 10 * MIB, size) - 1) for start in range(0, size, 10 * MIB)]


@pytest.mark.parametrize("reference", ["team/app", "team/app@{digest}"])
def test_without_a_tag(
    ecr_client: ECRClient, image: RandomImage, reference: str, tags: Any
) -> None:
    """A reference without a tag stores the image without one."""
    result = push_image(ecr_client, image.path, reference.format(digest=image.digest), create=True)

    assert (result.tags, tags(ecr_client)) == ((), {})
    assert_image_valid(ecr_client, f"team/app@{image.digest}")


def test_other_digest(ecr_client: ECRClient, image: RandomImage) -> None:
    """An image whose digest is not that of the reference is not pushed."""
    other = Digest.of(b"other")
    with pytest.raises(ImageSourceException, match=f"is the image {image.digest}, not {other}"):
        push_image(ecr_client, image.path, f"team/app@{other}", create=True)


@pytest.mark.parametrize(
    ("platforms", "manifests"),
    [
        (["linux/amd64"], [0]),
        (["linux/arm64"], [1]),
        (["linux/arm64", "linux/arm64/v8"], [1]),
        (["linux/amd64", "linux/amd64"], [0]),
        (PLATFORMS, [0, 1]),
    ],
)
def test_platforms(
    ecr_client: ECRClient, image: RandomImage, platforms: list[str], manifests: list[int]
) -> None:
    """One platform is pushed as its own manifest, several as an index."""
    result = push_image(ecr_client, image.path, "team/app:1", platforms=platforms, create=True)
    wanted = [image.manifests[at].descriptor.digest for at in manifests]

    assert list(result.manifests[: len(wanted)]) == wanted
    assert len(result.manifests) == len(wanted) + (len(wanted) > 1)
    assert_image_valid(ecr_client, "team/app:1")


@pytest.mark.parametrize(
    ("platforms", "problem"),
    [
        (["linux/s390x"], "no image for linux/s390x; it has: linux/amd64, linux/arm64/v8"),
        (["linux"], r"os/architecture\[/variant\]"),
        ([], "at least one platform"),
    ],
)
def test_wrong_platforms(
    ecr_client: ECRClient, image: RandomImage, platforms: list[str], problem: str
) -> None:
    """A platform that the image does not have is refused with a list of those that it has."""
    with pytest.raises(ValueError, match=problem):
        push_image(ecr_client, image.path, "team/app:1", platforms=platforms, create=True)


def test_nested_indexes(ecr_client: ECRClient, image: RandomImage, make_layout: Any) -> None:
    """Platforms are also found in nested indexes."""
    make_layout(image.path).replace(Index(manifests=(image.root,)))
    one = push_image(ecr_client, image.path, "team/a", platforms=PLATFORMS[:1], create=True)
    both = push_image(ecr_client, image.path, "team/a", platforms=PLATFORMS)

    assert one.digest == image.manifests[0].descriptor.digest
    assert both.manifests[:2] == tuple(each.descriptor.digest for each in image.manifests)


def test_ambiguous_platforms(ecr_client: ECRClient, image: RandomImage, make_layout: Any) -> None:
    """If two images have the chosen platform, neither is pushed."""
    first, second = (each.descriptor for each in image.manifests)
    twins = (first, attrs.evolve(second, platform=first.platform))
    make_layout(image.path).replace(Index(manifests=twins))

    with pytest.raises(ImageSourceException, match="2 images for linux/amd64"):
        push_image(ecr_client, image.path, "team/app:1", platforms=["linux/amd64"], create=True)


def test_referrers(ecr_client: ECRClient, tmp_path: Path, make_layout: Any) -> None:
    """Referrers such as signatures are pushed on request."""
    layout = make_layout(tmp_path)
    subject = layout.add(("text/plain", b"content"), name="app")
    signature = layout.add(("text/plain", b"signature"), subject=subject, artifact_type=SIGNATURE)

    without = push_image(ecr_client, f"oci:{tmp_path}:app", "team/app:1", create=True)
    with_them = push_image(ecr_client, f"oci:{tmp_path}:app", "team/app:1", referrers=True)

    assert without.manifests == (subject.digest,)
    assert set(with_them.manifests) == {subject.digest, signature.digest}
    assert_image_valid(ecr_client, f"team/app@{signature.digest}")


def test_foreign_layers(
    ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path, make_layout: Any
) -> None:
    """Layers of any media type are pushed, except those stored elsewhere."""
    layout = make_layout(tmp_path)
    layout.add(("application/vnd.example+json", b"{}"))
    (layer,) = layout.only.layers
    foreign = attrs.evolve(layer, digest=Digest.of(b"far"), urls=("https://example.com/far",))
    layout.replace(attrs.evolve(layout.only, layers=(layer, foreign)))

    result = push_image(ecr_client, tmp_path, "team/app:1", create=True)

    assert len(result.layers) == 1


def test_missing_repository(ecr_client: ECRClient, image: RandomImage) -> None:
    """A missing repository is an error that names the call to create it."""
    with pytest.raises(RepositoryNotFoundException, match="create_repository") as raised:
        push_image(ecr_client, image.path, "team/app:1")

    assert raised.value.operation_name == "BatchGetImage"
    assert "create=True" in str(raised.value)


def test_immutable_tags(ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path) -> None:
    """Pushing another image to an immutable tag is an error; pushing the same one is not."""
    ecr_client.put_image_tag_mutability(
        repository_name="team/app", image_tag_mutability="IMMUTABLE"
    )
    other = random_image(tmp_path / "other", seed=9)

    push_image(ecr_client, pushed.path, "team/app:1")
    with pytest.raises(ImageTagAlreadyExistsException):
        push_image(ecr_client, other.path, "team/app:1")


@pytest.mark.parametrize("change", ["corrupt", "short", "long", "missing"])
@pytest.mark.parametrize("which", ["layer", "config", "manifest"])
def test_corrupt_sources(
    ecr_client: ECRClient, image: RandomImage, change: str, which: str, tags: Any
) -> None:
    """Corruption of the source is detected before anything is tagged."""
    manifest = image.manifests[1]
    found = {
        "layer": manifest.layers[0],
        "config": manifest.config,
        "manifest": manifest.descriptor,
    }[which]
    path = image.blob_path(found.digest)
    content = path.read_bytes()
    path.unlink()
    if change != "missing":
        changed = {"corrupt": b"?" + content[1:], "short": content[:-1], "long": content + b"?"}
        path.write_bytes(changed[change])

    with pytest.raises(ImageSourceException):
        push_image(ecr_client, image.path, "team/app:1", create=True)

    if which == "manifest":  # which is read before anything is created
        assert not list(ecr_client.paginate_describe_repositories())
    else:
        assert not any(tags(ecr_client))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"reference": "Team/App:1"}, "must be lower case"),
        ({"reference": "docker.io/team/app:1"}, "not a registry of Amazon ECR"),
        ({"reference": "localhost:1/team/app:1"}, "not in the registry of the client"),
        ({"reference": "public.ecr.aws/a/b:1"}, "Amazon ECR Public"),
        (
            {"reference": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1"},
            r"in eu-west-1, but the client calls us-east-1; .*ECRClient\(region='eu-west-1'\)",
        ),
        ({"tags": "latest"}, "tags must be a sequence of strings, got the string 'latest'"),
        ({"tags": ["a b"]}, "a tag must have"),
        ({"tags": [None]}, "tags must be a sequence of strings, got None in it"),
        ({"tags": None}, "tags must be a sequence of strings, got None"),
        ({"platforms": 3}, "platforms must be a sequence of strings, got 3"),
        (
            {"platforms": "linux/amd64"},
            "platforms must be .*, got the string",
        ),
        ({"platforms": []}, "platforms must name at least one platform"),
        ({"referrers": "no"}, "referrers must be True or False, got 'no'"),
        ({"create": None}, "create must be True or False, got None"),
        ({"progress": 3}, "progress must be a function or None, got 3"),
        ({"cancel": True}, r"cancel must be a threading\.Event or None, got True"),
        ({"concurrency": 0}, "concurrency must be an int of at least 1, got 0"),
        ({"concurrency": True}, "concurrency must be an int of at least 1, got True"),
        ({"reference": None}, "reference must be a string such as 'team/app:1.0', got None"),
        ({"source": 3}, "source must be a string or a path, got 3"),
        ({"source": b"app.tar"}, "source must be a string or a path, got b'app.tar'"),
        ({"source": ""}, "source must not be an empty path"),
    ],
)
def test_wrong_arguments(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    image: RandomImage,
    arguments: dict[str, Any],
    problem: str,
) -> None:
    """An invalid argument is refused before anything is sent."""
    whole = {"source": image.path, "reference": "team/app:1", **arguments}
    with pytest.raises(ValueError, match=problem):
        push_image(ecr_client, whole.pop("source"), whole.pop("reference"), **whole)

    assert local_ecr.requests.operations() == []


@pytest.mark.parametrize("client", [None, "client", ECRClient])
def test_wrong_clients(ecr_client: ECRClient, client: Any, image: RandomImage) -> None:
    """An argument that is not a client is refused by name."""
    with pytest.raises(TypeError, match=r"^client must be an ECRClient, got "):
        push_image(client, image.path, "team/app:1")
    with pytest.raises(TypeError, match=r"^target_client must be an ECRClient, got "):
        copy_image(ecr_client, "team/app:1", client, "team/app:1")


def test_tags_from_a_generator(ecr_client: ECRClient, image: RandomImage, tags: Any) -> None:
    """Tags may come from a generator."""
    names = (name for name in ("2", "3"))
    push_image(ecr_client, image.path, "team/app:1", tags=names, create=True)  # type: ignore[arg-type]

    assert tags(ecr_client) == dict.fromkeys("123", image.digest)


def test_lost_uploads(local_ecr: LocalECR, tmp_path: Path) -> None:
    """An upload that the service has lost is restarted, and counted once."""
    image = random_image(tmp_path / "large", layers=1, size=11 * MIB)
    events: list[object] = []

    def progress(event: object) -> None:
        if isinstance(event, BytesMoved) and not any(isinstance(e, BytesMoved) for e in events):
            local_ecr.faults.add("UploadLayerPart", error="UploadNotFoundException")
        events.append(event)

    with local_ecr.client() as client:
        client.create_repository(repository_name="team/app")
        result = push_image(client, image.path, "team/app:1", progress=progress, concurrency=1)

        assert_image_valid(client, "team/app:1")
    assert len([event for event in events if isinstance(event, BlobRetried)]) == 1
    assert result.bytes_moved == sum(blob.size for blob in image.blobs)


def test_rest_of_a_part(local_ecr: LocalECR, image: RandomImage) -> None:
    """If the service has part of a part, only the rest is sent."""
    with local_ecr.client() as client:
        client.create_repository(repository_name="team/app")
        local_ecr.faults.add(
            "UploadLayerPart",
            error="InvalidLayerPartException",
            members={"lastValidByteReceived": 99},
        )
        # The service never got the beginning, so it refuses the rest, and the layer is sent again.
        push_image(client, image.path, "team/app:1", concurrency=1)
        parts = [call.members["partFirstByte"] for call in local_ecr.requests.of("UploadLayerPart")]

        assert parts[:3] == [0, 100, 0]
        assert_image_valid(client, "team/app:1")


def test_odd_manifests(
    ecr_client: ECRClient, local_ecr: LocalECR, tmp_path: Path, make_layout: Any
) -> None:
    """White space and unknown members of a manifest are preserved, and with them its digest."""
    layout = make_layout(tmp_path)
    content, document = layout.read_manifest(layout.add(("text/plain", b"x")))
    odd = json.dumps({**json.loads(content), "unknown": [1]}, indent=3).encode()
    layout.replace(document, odd)

    result = push_image(ecr_client, tmp_path, "team/app:1", create=True)

    assert result.digest == Digest.of(odd)
