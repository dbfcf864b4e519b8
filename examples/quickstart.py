"""Push an image, inspect it, pull it back, and delete everything, on this machine only.

    python -m pip install ".[local]" && python examples/quickstart.py

No AWS account is needed: the calls go to a local ECR, which runs in this process.

Permissions on AWS: ecr:DescribeRepositories, ecr:CreateRepository, ecr:InitiateLayerUpload,
ecr:BatchCheckLayerAvailability, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage,
ecr:BatchGetImage, ecr:GetDownloadUrlForLayer, ecr:SetRepositoryPolicy, ecr:GetRepositoryPolicy,
ecr:DeleteRepository
"""

import json
import tempfile

from ecr_client import ECRClient
from ecr_client.exceptions import RepositoryNotFoundException
from ecr_client.images import inspect_image, pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.testing import random_image

REPOSITORY = "quickstart/hello"
ACTIONS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": ACTIONS}


def main(client: ECRClient) -> None:
    """Run all steps, and print what happens at each."""
    print(f"connected    {client.endpoint} in {client.region}")
    try:
        client.describe_repositories(repository_names=[REPOSITORY])
    except RepositoryNotFoundException as error:
        print(f"caught       {error.error_code}, request id {error.request_id}")
    created = client.create_repository(repository_name=REPOSITORY).repository
    print(f"created      {created.repository_uri}")
    with tempfile.TemporaryDirectory() as folder:
        built = random_image(f"{folder}/hello")
        print(f"built        {built.digest}")
        pushed = push_image(client, built.path, f"{REPOSITORY}:1.0", tags=["latest"])
        print(f"pushed       {pushed.digest} as {', '.join(pushed.tags)}")
        again = push_image(client, built.path, f"{REPOSITORY}:1.0")
        print(f"pushed again {again.bytes_moved} bytes moved, {again.bytes_skipped} skipped")
        for layer in inspect_image(client, f"{REPOSITORY}:1.0").manifests[0].layers:
            print(f"layer        {layer.digest}, {layer.size} bytes")
        pulled = pull_image(client, f"{REPOSITORY}:1.0", f"docker-archive:{folder}/hello.tar")
        print(f"pulled       {pulled.digest}")

    policy = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
    client.set_repository_policy(repository_name=REPOSITORY, policy_text=policy)
    found = client.get_repository_policy(repository_name=REPOSITORY)
    print(f"policy       {found.policy_text}")
    client.delete_repository(repository_name=REPOSITORY, force=True)
    print(f"deleted      {REPOSITORY}; {len(list(client.paginate_describe_repositories()))} left")


if __name__ == "__main__":
    # For AWS itself: with ECRClient(region="us-east-1") as client
    with LocalECR() as ecr, ecr.client() as client:
        main(client)
