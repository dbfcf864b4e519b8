"""Push an image from a CI job, without a Docker daemon and without ``docker login``.

The image is what buildah, kaniko, bazel, nix or ``docker save`` has written. It is tagged with the
commit and the branch or tag, as GitHub Actions and GitLab name them, and the digest becomes an
output of the step (GitHub).

    buildah build --tag app . && buildah push app oci-archive:app.tar
    python examples/push_from_ci.py app.tar team/app

Permissions: ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart,
ecr:CompleteLayerUpload, ecr:PutImage, ecr:BatchGetImage
"""

import os
import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping

from ecr_client import ECRClient
from ecr_client.images import TransferResult, push_image


def main(
    client: ECRClient, source: str, repository: str, environment: Mapping[str, str]
) -> TransferResult:
    """Push an image under the tags of a job, and report its digest."""
    pushed = push_image(client, source, repository, tags=tags_of(environment))
    print(f"{repository}@{pushed.digest} as {', '.join(pushed.tags)}")
    if output := environment.get("GITHUB_OUTPUT"):
        with open(output, "a", encoding="utf-8") as file:
            file.write(f"digest={pushed.digest}\n")
    return pushed


def tags_of(environment: Mapping[str, str]) -> list[str]:
    """Return the tags for the commit and the branch or tag of a job."""
    commit = environment.get("GITHUB_SHA") or environment["CI_COMMIT_SHA"]
    name = environment.get("GITHUB_REF_NAME") or environment["CI_COMMIT_REF_NAME"]
    # A branch such as feature/x has characters that a tag cannot have.
    return [f"commit-{commit[:12]}", re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)]


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("source", help="an OCI layout, or an OCI or Docker archive")
    parser.add_argument("repository")
    given = parser.parse_args()
    with ECRClient() as client:
        main(client, given.source, given.repository, os.environ)
