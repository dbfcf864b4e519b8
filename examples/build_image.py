"""Build an image from a folder of files in pure Python, and push it.

    python examples/build_image.py ./site team/site:1.0 --entrypoint /server

The image has one layer and no base, as with ``FROM scratch``. The same files with the same modes
always result in the same digest, whoever owns them and whenever they were written.

Permissions: ecr:CreateRepository, ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload,
ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage, ecr:BatchGetImage
"""

import gzip
import io
import json
import tarfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from tempfile import TemporaryDirectory

from ecr_client import ECRClient
from ecr_client.images import push_image
from ecr_client.oci import Digest, Index, Layout, Manifest, media_types


def main(client: ECRClient, folder: str, reference: str, entrypoint: list[str]) -> str:
    """Push an image of the files in a folder, and return its digest."""
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w") as writer:
        writer.add(folder, ".", filter=without_origin)
    tar = files.getvalue()
    rootfs = {"type": "layers", "diff_ids": [Digest.of(tar)]}  # as before compression
    settings = {"Entrypoint": entrypoint}
    config = {"architecture": "amd64", "os": "linux", "config": settings, "rootfs": rootfs}
    with TemporaryDirectory() as scratch:
        layout = Layout(f"{scratch}/image")
        layout.create()
        layer = layout.write_blob(media_types.OCI_LAYER_GZIP, gzip.compress(tar, mtime=0))
        configuration = layout.write_blob(media_types.OCI_CONFIG, json.dumps(config).encode())
        manifest = Manifest(config=configuration, layers=(layer,))
        written = layout.write_blob(manifest.media_type, manifest.to_bytes())
        layout.write_index(Index(manifests=(written,)))
        pushed = push_image(client, layout.path, reference, create=True)
    print(f"{reference}: {pushed.digest}, {pushed.bytes_moved} bytes moved")
    return pushed.digest


def without_origin(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return an entry of an archive without owner and time."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("reference")
    parser.add_argument("--entrypoint", nargs="+", default=[])
    with ECRClient() as client:
        main(client, **vars(parser.parse_args()))
