"""Copy an image with its signatures to other regions, so that it can be pulled from nearby.

Layers stream from one region to the next; nothing is stored in between, and what a region has
already is not sent again.

    python examples/copy_to_regions.py team/app:1.0 eu-west-1 ap-southeast-2

Permissions where the image is: ecr:BatchGetImage, ecr:GetDownloadUrlForLayer,
ecr:ListImageReferrers. Where it goes to: ecr:CreateRepository, ecr:BatchCheckLayerAvailability,
ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import ExitStack

from ecr_client import ECRClient
from ecr_client.images import TransferResult, copy_image


def main(
    client: ECRClient, reference: str, targets: Sequence[ECRClient]
) -> dict[str, TransferResult]:
    """Copy an image from a client's registry to those of others; return what went where."""
    copied = {}
    for target in targets:
        result = copy_image(client, reference, target, reference, referrers=True, create=True)
        copied[target.region] = result
        moved, skipped = result.bytes_moved, result.bytes_skipped
        print(f"{target.region}: {result.digest}, {moved} bytes moved, {skipped} already present")
    return copied


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("reference", help="the image, such as team/app:1.0")
    parser.add_argument("regions", nargs="+", help="where it goes to")
    given = parser.parse_args()
    with ExitStack() as stack:
        source = stack.enter_context(ECRClient())
        targets = [stack.enter_context(ECRClient(region=region)) for region in given.regions]
        main(source, given.reference, targets)
