"""List all images of a registry with their sizes, as CSV, the largest first.

    python examples/inventory.py > images.csv

The sizes are those that the service states: compressed, and with layers that several images share
counted for each of them. ``ecr usage`` counts every layer once.

Permissions: ecr:DescribeRepositories, ecr:DescribeImages
"""

import csv
import sys

from ecr_client import ECRClient

TITLES = ("repository", "tags", "digest", "bytes", "pushed", "last pulled")


def main(client: ECRClient) -> int:
    """Print a row for each image, and return their total size in bytes."""
    images = [
        image
        for repository in client.paginate_describe_repositories()
        for image in client.paginate_describe_images(repository_name=repository.repository_name)
    ]
    images.sort(key=lambda image: image.image_size_in_bytes or 0, reverse=True)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(TITLES)
    for image in images:
        pulled = image.last_recorded_pull_time
        rows.writerow(
            [
                image.repository_name,
                " ".join(image.image_tags),
                image.image_digest,
                image.image_size_in_bytes or 0,
                f"{image.image_pushed_at:%Y-%m-%d}",
                f"{pulled:%Y-%m-%d}" if pulled else "",
            ]
        )
    total = sum(image.image_size_in_bytes or 0 for image in images)
    print(f"{len(images)} images, {total / 2**20:.1f} MiB", file=sys.stderr)
    return total


if __name__ == "__main__":
    with ECRClient() as client:
        main(client)
