"""Find all tagged images that run as root, many at a time.

    python examples/bulk_audit.py --workers 16

The executor may be of threads or processes, or one that Dask or Ray offers: a client can be
pickled, and is thread-safe. Keep the number of workers below what the quotas of the account allow.

Permissions: ecr:DescribeRepositories, ecr:DescribeImages, ecr:BatchGetImage,
ecr:GetDownloadUrlForLayer
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import repeat

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException
from ecr_client.images import inspect_image


def main(client: ECRClient, executor: Executor) -> list[str]:
    """Print what was found for each image, and return the images that run as root."""
    references = list(tagged_images(client))
    users = executor.map(user_of, repeat(client), references)
    found = dict(zip(references, users, strict=True))
    for reference, user in found.items():
        print(f"{reference}: {user}")
    return [reference for reference, user in found.items() if user in ("root", "0")]


def tagged_images(client: ECRClient) -> Iterator[str]:
    """Yield a reference to each image that has a tag."""
    for repository in client.paginate_describe_repositories():
        name = repository.repository_name
        for image in client.paginate_describe_images(repository_name=name):
            if image.image_tags:
                yield f"{name}@{image.image_digest}"


def user_of(client: ECRClient, reference: str) -> str:
    """Return the user that an image runs as; one that cannot be read does not end the others."""
    try:
        configs = [each.config for each in inspect_image(client, reference).manifests]
    except AmazonClientException as error:
        return f"failed: {error}"
    users = {str(config.get("config", {}).get("User") or "root") for config in configs if config}
    return "root" if "root" in users else ", ".join(sorted(users))


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    given = parser.parse_args()
    with ECRClient() as client, ThreadPoolExecutor(given.workers) as executor:
        main(client, executor)
