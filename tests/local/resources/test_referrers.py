"""Artifacts that refer to an image."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import InvalidParameterException, RepositoryNotFoundException
from ecr_client.models import ImageIdentifier, ListImageReferrersFilter, SubjectIdentifier

SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.cncf.notary.signature"


def referrers(client: ECRClient, subject: str, **asked: Any) -> Any:
    return client.list_image_referrers(
        repository_name="app", subject_id=SubjectIdentifier(image_digest=subject), **asked
    )


def digests(response: Any) -> list[str]:
    return [one.digest for one in response.referrers]


def test_lists_artifacts(client: ECRClient, push: Any) -> None:
    """An artifact is listed with its type, size and annotations."""
    image = push.image("app", "v1")
    sbom = push.artifact("app", image, artifactType=SBOM, annotations={"by": "test"})
    push.artifact("app", sbom)
    [found] = referrers(client, image).referrers

    manifest = client.batch_get_image(
        repository_name="app", image_ids=[ImageIdentifier(image_digest=sbom)]
    ).images[0]

    assert (found.digest, found.artifact_type) == (sbom, SBOM)
    assert found.media_type == manifest.image_manifest_media_type
    assert found.size == len(str(manifest.image_manifest))
    assert (found.annotations, found.artifact_status) == ({"by": "test"}, "ACTIVE")


def test_filters(client: ECRClient, push: Any) -> None:
    """Artifacts are filtered by type, which may be that of the configuration, and by status."""
    image = push.image("app")
    sbom = push.artifact("app", image, artifactType=SBOM)
    plain = push.artifact("app", image)
    archived = push.artifact("app", image, artifactType=SIGNATURE)
    client.update_image_storage_class(
        repository_name="app",
        image_id=ImageIdentifier(image_digest=archived),
        target_storage_class="ARCHIVE",
    )

    def of(**members: Any) -> list[str]:
        return digests(referrers(client, image, filter=ListImageReferrersFilter(**members)))

    assert digests(referrers(client, image)) == of(artifact_types=[]) == [sbom, plain]
    assert of(artifact_types=[SBOM]) == [sbom]
    assert of(artifact_types=["application/vnd.oci.image.config.v1+json"]) == [plain]
    assert of(artifact_types=["text/plain"]) == of(artifact_status="ACTIVATING") == []
    assert of(artifact_status="ARCHIVED") == [archived]
    assert of(artifact_types=[SBOM, SIGNATURE], artifact_status="ANY") == [sbom, archived]


def test_comes_in_pages(client: ECRClient, push: Any) -> None:
    """A page has 20 referrers unless the request says otherwise, and 50 at most."""
    image = push.image("app")
    artifacts = [push.artifact("app", image) for _ in range(21)]

    first = referrers(client, image)
    second = referrers(client, image, next_token=first.next_token)
    whole = referrers(client, image, max_results=50)

    assert [len(first.referrers), len(second.referrers)] == [20, 1]
    assert digests(first) + digests(second) == digests(whole) == artifacts
    assert whole.next_token is None
    with pytest.raises(InvalidParameterException, match="maxResults"):
        referrers(client, image, max_results=51)
    with pytest.raises(InvalidParameterException, match="nextToken"):
        referrers(client, artifacts[0], next_token=first.next_token)


def test_the_subject_may_be_missing(client: ECRClient, push: Any) -> None:
    """Artifacts of an image that is not there are listed too; the repository has to be there."""
    subject = f"sha256:{'0' * 64}"
    artifact = push.artifact("app", subject)

    assert digests(referrers(client, subject)) == [artifact]
    with pytest.raises(RepositoryNotFoundException):
        client.list_image_referrers(
            repository_name="other", subject_id=SubjectIdentifier(image_digest=subject)
        )
