"""Keep images in a folder, and use what is there when the service cannot be reached.

    python examples/offline_cache.py ./cache team/app:1.0 team/web:latest
    skopeo copy oci:cache:team/app:1.0 docker-daemon:team/app:1.0

The folder is an OCI layout: layers that several images share are stored once, only what has changed
is pulled, and every digest is verified.

Permissions: ecr:BatchGetImage, ecr:GetDownloadUrlForLayer
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from ecr_client import ECRClient
from ecr_client.exceptions import TransportException
from ecr_client.images import pull_image
from ecr_client.oci import Layout

#: The annotation with the name of an image in a layout.
NAME = "org.opencontainers.image.ref.name"


def main(client: ECRClient, folder: Path, references: Sequence[str]) -> dict[str, str]:
    """Return the digest of each image in the folder after bringing it up to date if possible."""
    found = {}
    for reference in references:
        try:
            pulled = pull_image(client, reference, f"oci:{folder}:{reference}")
            found[reference] = pulled.digest
            print(f"{reference}: {pulled.digest}, {pulled.bytes_moved} bytes pulled")
        except TransportException as error:
            cached = cached_images(folder)
            if reference not in cached:
                raise
            found[reference] = cached[reference]
            print(f"{reference}: {cached[reference]} from the cache ({type(error).__name__})")
    return found


def cached_images(folder: Path) -> dict[str, str]:
    """Return the digests of the images in a folder by their names."""
    if not folder.exists():
        return {}
    index = Layout(folder).read_index()
    return {each.annotations[NAME]: each.digest for each in index.manifests}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("references", nargs="+")
    given = parser.parse_args()
    with ECRClient() as client:
        main(client, given.folder, given.references)
