"""The main job of a registry client from beginning to end, on this machine only.

It builds a small image, pushes it with the operations of Amazon ECR, reads it back, and cleans up::

    pip install ".[local]"
    python examples/quickstart.py

No AWS account is needed: the calls go to the local ECR, which runs in this process.
"""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass

from ecr_client import ECRClient, __version__
from ecr_client.exceptions import RepositoryNotFoundException
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier, PutImageRequest

REPOSITORY = "quickstart/hello"
TAG = "1.0"

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AllowPull",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
    ],
}


def main() -> None:
    """Run all steps, each with a heading."""
    print(f"ecr-client {__version__}: a small image, pushed and pulled back")
    # For AWS itself: ECRClient(region="us-east-1")
    with LocalECR() as ecr, ecr.client() as client:
        step("Connect")
        show("endpoint", f"{client.endpoint} (the local ECR, in this process)")
        show("region", client.region)

        step("Create a repository")
        find_or_create(client)

        step("Build an image")
        image = build_image()

        step("Push it")
        for blob in (image.config, image.layer):
            push_blob(client, blob)
        put_manifest(client, image.manifest)

        step("Read it back")
        list_tags(client)
        get_manifest(client, image.manifest)

        step("Let another account pull it")
        set_policy(client)

        step("Delete everything")
        delete_everything(client)


# --- a small image ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blob:
    """Some bytes of an image, with the media type that says what they are."""

    kind: str
    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """The name of these bytes in a registry."""
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"

    @property
    def descriptor(self) -> dict[str, object]:
        """What a manifest says of a blob."""
        return {"mediaType": self.media_type, "size": len(self.data), "digest": self.digest}


@dataclass(frozen=True)
class BuiltImage:
    """The three parts of an image with one layer."""

    config: Blob
    layer: Blob
    manifest: Blob


def build_image() -> BuiltImage:
    """Return an OCI image with one file in one layer."""
    files = tar({"hello.txt": b"Hello from ecr-client!\n"})
    layer = Blob("layer", LAYER_TYPE, gzip.compress(files, mtime=0))
    config = Blob("config", CONFIG_TYPE, as_json(config_of(files)))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.descriptor,
        "layers": [layer.descriptor],
    }
    image = BuiltImage(config, layer, Blob("manifest", MANIFEST_TYPE, as_json(manifest)))
    for blob in (image.config, image.layer, image.manifest):
        show(blob.kind, f"{blob.digest}  {len(blob.data)} bytes")
    return image


def tar(files: dict[str, bytes]) -> bytes:
    """Return an archive of some files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as writer:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            writer.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def config_of(files: bytes) -> dict[str, object]:
    """Return the configuration of an image; it names its layers before they were compressed."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(files).hexdigest()}"]},
    }


def as_json(content: object) -> bytes:
    """Return the bytes that are stored; a digest is always that of exact bytes."""
    return json.dumps(content, separators=(",", ":")).encode()


# --- the calls ----------------------------------------------------------------------------------


def find_or_create(client: ECRClient) -> None:
    """Create the repository unless it exists, which an exception with a name tells."""
    try:
        client.describe_repositories(repository_names=[REPOSITORY])
    except RepositoryNotFoundException as error:
        show("caught", f"{type(error).__name__}: there is no {REPOSITORY} yet")
        show("request id", f"{error.request_id} (of the call that failed)")
        created = client.create_repository(repository_name=REPOSITORY)
        show("created", created.repository.repository_uri)
        show("request id", f"{created.response_metadata.request_id} (of the call that created it)")


def push_blob(client: ECRClient, blob: Blob) -> None:
    """Upload a blob in parts, unless the repository has it."""
    answer = client.batch_check_layer_availability(
        repository_name=REPOSITORY, layer_digests=[blob.digest]
    )
    if any(layer.layer_availability == "AVAILABLE" for layer in answer.layers):
        show(blob.kind, "is in the repository already")
        return
    upload = client.initiate_layer_upload(repository_name=REPOSITORY)
    for start in range(0, len(blob.data), upload.part_size):
        part = memoryview(blob.data)[start : start + upload.part_size]
        client.upload_layer_part(
            repository_name=REPOSITORY,
            upload_id=upload.upload_id,
            part_first_byte=start,
            part_last_byte=start + len(part) - 1,
            layer_part_blob=part,
        )
    completed = client.complete_layer_upload(
        repository_name=REPOSITORY, upload_id=upload.upload_id, layer_digests=[blob.digest]
    )
    check(completed.layer_digest == blob.digest, "the registry has other bytes than were sent")
    show(blob.kind, f"was missing; uploaded {len(blob.data)} bytes, and the digests agree")


def put_manifest(client: ECRClient, manifest: Blob) -> None:
    """Store the manifest under a tag, with a request object instead of keywords."""
    request = PutImageRequest(
        repository_name=REPOSITORY,
        image_manifest=manifest.data.decode(),
        image_manifest_media_type=manifest.media_type,
        image_digest=manifest.digest,
        image_tag=TAG,
    )
    client.put_image(request)
    show(manifest.kind, f"stored as {REPOSITORY}:{TAG}")
    metadata = client.get_cached_response_metadata(request)
    assert metadata is not None
    show("request id", f"{metadata.request_id} (looked up by the request object)")


def list_tags(client: ECRClient) -> None:
    """List the images; the paginator asks for the next page when it is needed."""
    for image in client.paginate_list_images(repository_name=REPOSITORY):
        show("listed", f"{image.image_tag} = {image.image_digest}")


def get_manifest(client: ECRClient, expected: Blob) -> None:
    """Read the manifest by its tag, and compare its digest with the one that was pushed."""
    answer = client.batch_get_image(
        repository_name=REPOSITORY,
        image_ids=[ImageIdentifier(image_tag=TAG)],
        accepted_media_types=[MANIFEST_TYPE],
    ).raise_for_failures()
    received = Blob("manifest", MANIFEST_TYPE, answer.images[0].image_manifest.encode())
    check(received.digest == expected.digest, "the manifest is not the one that was pushed")
    show("received", f"{len(received.data)} bytes of manifest; the digest is {received.digest}")


def set_policy(client: ECRClient) -> None:
    """Set the policy of the repository and read it back."""
    client.set_repository_policy(repository_name=REPOSITORY, policy_text=json.dumps(POLICY))
    answer = client.get_repository_policy(repository_name=REPOSITORY)
    for statement in json.loads(answer.policy_text or "{}").get("Statement", []):
        show("policy", f"{statement['Sid']}: {', '.join(statement['Action'])}")


def delete_everything(client: ECRClient) -> None:
    """Delete policy, images and repository, and make sure that nothing is left."""
    client.delete_repository_policy(repository_name=REPOSITORY)
    images = list(client.paginate_list_images(repository_name=REPOSITORY))
    client.batch_delete_image(repository_name=REPOSITORY, image_ids=images).raise_for_failures()
    client.delete_repository(repository_name=REPOSITORY)
    show("deleted", f"the policy, {len(images)} image, and {REPOSITORY}")
    left = list(client.paginate_describe_repositories())
    show("left", f"{len(left)} repositories")


# --- what is printed ----------------------------------------------------------------------------


def step(title: str) -> None:
    """Print a heading."""
    print(f"\n{title}")


def show(label: str, value: object) -> None:
    """Print one line below a heading."""
    print(f"  {label:<10}  {value}")


def check(holds: bool, otherwise: str) -> None:
    """End the program with a sentence if something does not hold."""
    if not holds:
        raise SystemExit(f"error: {otherwise}")


if __name__ == "__main__":
    main()
