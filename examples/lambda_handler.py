"""AWS Lambda function: copy each pushed release to another region.

Set ``TARGET_REGION``, and let an EventBridge rule with this pattern invoke it::

    {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"],
     "detail": {"action-type": ["PUSH"], "result": ["SUCCESS"]}}

Permissions where the image is: ecr:BatchGetImage, ecr:GetDownloadUrlForLayer. Where it goes to:
ecr:CreateRepository, ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart,
ecr:CompleteLayerUpload, ecr:PutImage
"""

import os
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from ecr_client import ECRClient
from ecr_client.images import copy_image

RELEASES = "v*"


def main(client: ECRClient, target: ECRClient, event: dict[str, Any]) -> str | None:
    """Copy the image of an event if its tag is that of a release, and return its digest."""
    detail = event["detail"]
    # Untagged images, such as the platforms of an index, have no tag.
    tag = detail.get("image-tag", "")
    if (detail["action-type"], detail["result"]) != ("PUSH", "SUCCESS"):
        return None
    if not fnmatchcase(tag, RELEASES):
        return None
    repository, digest = detail["repository-name"], detail["image-digest"]
    # By digest: the tag may have moved on since the event.
    copied = copy_image(
        client, f"{repository}@{digest}", target, f"{repository}:{tag}", create=True
    )
    print(f"copied {repository}:{tag} to {target.region}: {copied.digest}")
    return copied.digest


@cache
def client_of(region: str) -> ECRClient:
    """Return a client, one for all invocations: its connections stay open between them."""
    return ECRClient(region=region)


def handler(event: dict[str, Any], context: object) -> str | None:
    """Handle an event of EventBridge; Lambda calls this."""
    return main(client_of(event["region"]), client_of(os.environ["TARGET_REGION"]), event)
