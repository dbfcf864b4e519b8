"""The main job of a registry client from beginning to end, on this machine only.

It builds a small image, pushes it to Amazon ECR, looks at it, pulls it back, and cleans up::

    pip install ".[local]"
    python examples/quickstart.py

No AWS account is needed: the calls go to the local ECR, which runs in this process.
"""

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

from ecr_client import ECRClient, __version__
from ecr_client.exceptions import RepositoryNotFoundException
from ecr_client.images import inspect_image, pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Index, Layout, Manifest, media_types

REPOSITORY = "quickstart/hello"
IMAGE = f"{REPOSITORY}:1.0"

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
    with LocalECR() as ecr, ecr.client() as client, tempfile.TemporaryDirectory() as folder:
        step("Connect")
        show("endpoint", f"{client.endpoint} (the local ECR, in this process)")
        show("region", client.region)

        step("Create a repository")
        find_or_create(client)

        step("Build an image")
        layout = build_image(Path(folder) / "hello")

        step("Push it")
        push(client, layout)

        step("Look at it")
        inspect(client)

        step("Pull it back")
        pull(client, Path(folder) / "hello.tar")

        step("Let another account pull it")
        set_policy(client)

        step("Delete everything")
        delete_everything(client)


def find_or_create(client: ECRClient) -> None:
    """Create the repository unless it exists, which an exception with a name tells."""
    try:
        client.describe_repositories(repository_names=[REPOSITORY])
    except RepositoryNotFoundException as error:
        show("caught", f"{type(error).__name__}: there is no {REPOSITORY} yet")
        show("request id", f"{error.request_id} (of the call that failed)")
        created = client.create_repository(repository_name=REPOSITORY)
        # A service may leave out any member of a result, so their types include None.
        assert created.repository is not None
        show("created", created.repository.repository_uri)
        show("request id", f"{created.response_metadata.request_id} (of the call that created it)")


def build_image(folder: Path) -> Layout:
    """Write an image with one file in one layer, in the form that buildah and skopeo write, too."""
    files = tar({"hello.txt": b"Hello from ecr-client!\n"})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        # A configuration names its layers before they were compressed.
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(files).hexdigest()}"]},
    }
    layout = Layout(folder)
    layout.create()
    manifest = Manifest(
        config=layout.write_blob(media_types.OCI_CONFIG, json.dumps(config).encode()),
        layers=(layout.write_blob(media_types.OCI_LAYER_GZIP, gzip.compress(files, mtime=0)),),
    )
    written = layout.write_blob(manifest.media_type, manifest.to_bytes())
    layout.write_index(Index(manifests=(written,)))
    show("built", f"{written.digest}  in {folder.name}")
    return layout


def tar(files: dict[str, bytes]) -> bytes:
    """Return an archive of some files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as writer:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            writer.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def push(client: ECRClient, layout: Layout) -> None:
    """Push the image, and once more, which finds that nothing is missing."""
    pushed = push_image(client, layout.path, IMAGE, tags=["latest"])
    show("pushed", f"{pushed.digest}  {pushed.bytes_moved} bytes as {', '.join(pushed.tags)}")
    again = push_image(client, layout.path, IMAGE)
    show("again", f"{again.bytes_moved} bytes, {again.bytes_skipped} were there")


def inspect(client: ECRClient) -> None:
    """Show what is in the image; no layer is downloaded for that."""
    found = inspect_image(client, IMAGE)
    for manifest in found.manifests:
        show("platform", manifest.platform)
        for layer in manifest.layers:
            show("layer", f"{layer.digest}  {layer.size} bytes")


def pull(client: ECRClient, archive: Path) -> None:
    """Pull the image into an archive for ``docker load``, and read the file in it."""
    pulled = pull_image(client, IMAGE, f"docker-archive:{archive}")
    show("pulled", f"{pulled.digest}  into {archive.name}")
    with tarfile.open(archive) as outer:
        (name,) = json.load(outer.extractfile("manifest.json") or io.BytesIO())[0]["Layers"]
        with tarfile.open(fileobj=outer.extractfile(name)) as layer:
            file = layer.extractfile("hello.txt")
            assert file is not None
            show("hello.txt", file.read().decode().strip())


def set_policy(client: ECRClient) -> None:
    """Set the policy of the repository and read it back."""
    client.set_repository_policy(repository_name=REPOSITORY, policy_text=json.dumps(POLICY))
    result = client.get_repository_policy(repository_name=REPOSITORY)
    for statement in json.loads(result.policy_text or "{}").get("Statement", []):
        show("policy", f"{statement['Sid']}: {', '.join(statement['Action'])}")


def delete_everything(client: ECRClient) -> None:
    """Delete policy, images and repository, and make sure that nothing is left."""
    client.delete_repository_policy(repository_name=REPOSITORY)
    tagged = list(client.paginate_list_images(repository_name=REPOSITORY))
    client.batch_delete_image(repository_name=REPOSITORY, image_ids=tagged).raise_for_failures()
    client.delete_repository(repository_name=REPOSITORY)
    show("deleted", f"the policy, {len(tagged)} tags, and {REPOSITORY}")
    left = list(client.paginate_describe_repositories())
    show("left", f"{len(left)} repositories")


def step(title: str) -> None:
    """Print a heading."""
    print(f"\n{title}")


def show(label: str, value: object) -> None:
    """Print one line below a heading."""
    print(f"  {label:<10}  {value}")


if __name__ == "__main__":
    main()
