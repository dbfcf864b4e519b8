"""Users' code with the local ECR and the test kit."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import ANY

from typing_extensions import assert_type

from ecr_client import Credentials, ECRClient
from ecr_client.exceptions import ImageNotFoundException
from ecr_client.local import (
    Affected,
    DataFolderError,
    Limits,
    LocalECR,
    SeenRequest,
    ServerStartError,
)
from ecr_client.models import (
    DescribeImagesRequest,
    DescribeImagesResult,
    ImageIdentifier,
    PutImageRequest,
)
from ecr_client.testing import ECRStub, RandomImage, assert_image_valid, matching, random_image


def servers(folder: Path) -> None:
    """A server can be configured, used and closed."""
    try:
        with LocalECR(
            folder,
            credentials={"123456789012": Credentials("AKIDEXAMPLE", "secret")},
            clock=lambda: datetime.now(timezone.utc),
            limits=Limits(parts=3),
            throttle=True,
        ) as ecr:
            assert_type(ecr, LocalECR)
            assert_type(ecr.client(region="eu-west-1"), ECRClient)
            assert_type(ecr.environment(), dict[str, str])
            assert_type(ecr.run_lifecycle(), list[Affected])
            assert_type(ecr.requests[0], SeenRequest)
            ecr.set_findings("app", "sha256:0", [{"name": "CVE-2026-1", "severity": "HIGH"}])
            ecr.faults.add("PutImage", error="ServerException", latency=0.1, when="after")
            ecr.faults.add(body="cut", count=None)
            ecr.faults.add(clock_skew=timedelta(hours=1))
    except (DataFolderError, ServerStartError) as error:
        print(error)


def misspelt_faults(ecr: LocalECR) -> None:
    """An unknown kind of damage or point in time is an error."""
    ecr.faults.add(body="gone")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ecr.faults.add(drop=True, when="now")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def kits(client: ECRClient, folder: Path) -> None:
    """The test kit accepts any client."""
    assert_type(random_image(folder, seed=1, platforms=["linux/amd64"]), RandomImage)
    assert_image_valid(client, "app:1.0")
    with ECRStub(client) as stub:
        stub.expect("DescribeImages", result=DescribeImagesResult())
        stub.expect("DescribeImages", error=ImageNotFoundException)


def open_members(stub: ECRStub, images: list[ImageIdentifier]) -> None:
    """Members of an expected request can be matchers, at any depth."""
    stub.expect("PutImage", request=PutImageRequest(repository_name="app", image_manifest=ANY))
    request = DescribeImagesRequest(
        repository_name=matching(lambda name: name.startswith("app")),
        image_ids=[ImageIdentifier(image_tag=matching(str.isdigit)), *images, ANY],
        max_results=matching(bool),
    )
    stub.expect("DescribeImages", request=request)
    matching("app")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
