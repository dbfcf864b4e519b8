"""Many callers at once."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ecr_client.exceptions import LayerAlreadyExistsException
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier

THREADS = 32
LAYERS = [f"layer {number}".encode() * 1000 for number in range(6)]
CONFIG = b'{"architecture": "amd64", "os": "linux"}'


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_nothing_is_lost_and_nothing_fails() -> None:
    """32 threads push images of the same layers at once: every tag is there, nothing was 5xx."""
    with LocalECR() as ecr, ecr.client() as client, ThreadPoolExecutor(THREADS) as pool:
        client.create_repository(repository_name="app")

        def upload(data: bytes) -> None:
            upload_id = str(client.initiate_layer_upload(repository_name="app").upload_id)
            client.upload_layer_part(
                repository_name="app",
                upload_id=upload_id,
                part_first_byte=0,
                part_last_byte=len(data) - 1,
                layer_part_blob=data,
            )
            with suppress(LayerAlreadyExistsException):  # Another thread was faster.
                client.complete_layer_upload(
                    repository_name="app", upload_id=upload_id, layer_digests=[digest(data)]
                )

        def push(number: int) -> str:
            for data in (CONFIG, *LAYERS):
                upload(data)
            manifest = json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": {
                        "mediaType": "application/vnd.oci.image.config.v1+json",
                        "digest": digest(CONFIG),
                        "size": len(CONFIG),
                    },
                    "layers": [
                        {
                            "mediaType": "application/vnd.oci.image.layer.v1.tar",
                            "digest": digest(data),
                            "size": len(data),
                        }
                        for data in LAYERS
                    ],
                    "annotations": {"number": str(number)},
                }
            )
            client.put_image(
                repository_name="app", image_manifest=manifest, image_tag=f"tag-{number}"
            )
            client.describe_repositories()
            client.tag_resource(
                resource_arn=str(client.describe_repositories().repositories[0].repository_arn),
                tags=[],
            )
            found = client.batch_get_image(
                repository_name="app", image_ids=[ImageIdentifier(image_tag=f"tag-{number}")]
            )
            return f"tag-{number}" if found.images[0].image_manifest == manifest else ""

        tags = list(pool.map(push, range(2 * THREADS)))
        listed = {image.image_tag for image in client.paginate_list_images(repository_name="app")}
        statuses = {request.status for request in ecr.requests}

    assert listed == set(tags) == {f"tag-{number}" for number in range(2 * THREADS)}
    assert statuses <= {200, 400}
