"""Delete old images of a repository: those without a tag, and all but the newest builds.

Nothing is deleted without ``--yes``. Images that an index lists stay as long as the index
does, and signatures as long as their image.

    python examples/clean_up.py team/app --days 30 --keep 20 --protect 'v*'

Permissions: ecr:DescribeImages, ecr:BatchGetImage, ecr:BatchDeleteImage
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta

from ecr_client import ECRClient
from ecr_client.images import plan_deletion
from ecr_client.images.selectors import beyond_newest, older_than, tagged, untagged


def main(
    client: ECRClient, repository: str, *, days: int, keep: int, protect: str, is_dry_run: bool
) -> tuple[str, ...]:
    """Print a line for each image, and return the digests of those that were deleted."""
    old = older_than(timedelta(days=days))
    plan = plan_deletion(
        client, repository, old & ~tagged(protect) & (untagged() | beyond_newest(keep))
    )
    print(plan)
    if is_dry_run:
        return ()
    result = plan.execute().raise_for_failures()
    print(f"deleted {len(result.deleted)} images, {plan.size / 2**20:.1f} MiB")
    return result.deleted


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--days", type=int, default=30, help="only images older than that")
    parser.add_argument("--keep", type=int, default=20, help="how many of the newest stay")
    parser.add_argument("--protect", default="v*", help="a pattern of tags whose images stay")
    parser.add_argument("--yes", action="store_true", help="delete, instead of printing the plan")
    given = parser.parse_args()
    with ECRClient() as client:
        main(
            client,
            given.repository,
            days=given.days,
            keep=given.keep,
            protect=given.protect,
            is_dry_run=not given.yes,
        )
