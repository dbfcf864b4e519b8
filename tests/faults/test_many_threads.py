"""Many threads share a client while all kinds of things go wrong: their work gets done."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client.exceptions import (
    AmazonECRException,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
)
from ecr_client.models import ImageIdentifier

THREADS, PATIENCE = 64, 120
CONFIG = b"{}"
DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": DIGEST, "size": len(CONFIG)},
        "layers": [],
    }
)


def done(call: Callable[[], Any], already: type[AmazonECRException]) -> Any:
    """Return the result of a call, or None if an earlier attempt may have done its work."""
    try:
        return call()
    except already as error:
        if not error.earlier_attempt_may_have_succeeded:
            raise
        return None


def use(client: ECRClient, name: str) -> None:
    """Let a repository live from its creation to its end, and look at what comes back."""
    created = done(
        lambda: client.create_repository(repository_name=name), RepositoryAlreadyExistsException
    )
    upload = client.initiate_layer_upload(repository_name=name).upload_id
    part = client.upload_layer_part(
        repository_name=name,
        upload_id=upload,
        part_first_byte=0,
        part_last_byte=len(CONFIG) - 1,
        layer_part_blob=CONFIG,
    )
    layer = client.complete_layer_upload(
        repository_name=name, upload_id=upload, layer_digests=[DIGEST]
    )
    image = client.put_image(repository_name=name, image_manifest=MANIFEST, image_tag="v1").image
    listed = client.list_images(repository_name=name).image_ids
    ids = [ImageIdentifier(image_tag="v1")]
    deleted = client.batch_delete_image(repository_name=name, image_ids=ids)
    gone = done(lambda: client.delete_repository(repository_name=name), RepositoryNotFoundException)

    for result in (created, gone):
        assert result is None or result.repository.repository_name == name
    assert (part.last_byte_received, layer.layer_digest) == (len(CONFIG) - 1, DIGEST)
    assert [image.image_id] == list(listed)
    if deleted.failures:
        assert [each.failure_code for each in deleted.failures] == ["ImageNotFound"]
        assert deleted.response_metadata.retried_errors
    else:
        assert [each.image_tag for each in deleted.image_ids] == ["v1"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_faults(connect: Any, ecr: Any, proxy: Any, fault: Any, seed: int) -> None:
    """All threads get their work done, whatever goes wrong with a quarter of the requests."""
    page = b"<html><h1>Bad Gateway</h1></html>"
    ends = [
        fault(at, then, after=after)
        for then in ("reset", "close")
        for at, after in (
            ("accept", 0), ("request", 100), ("received", 0), ("answer", 0), ("answer", 40),
            ("answer", -1), ("done", 0),
        )
    ]  # fmt: skip
    answers = [
        fault.answer(status, headers, page, at=at)
        for status, headers, at in (
            (429, {}, "received"), (500, {}, "received"), (500, {}, "answer"),
            (502, {}, "answer"), (503, {"Retry-After": "3"}, "received"), (504, {}, "answer"),
        )
    ]  # fmt: skip
    others = [
        fault("answer", "close", instead=b"\x00\xff<garbage>\r\n\r\n"),
        fault("done", "keep", piece=50, delay=0.001),
    ]
    kinds, chance = [*ends, *answers, *others], random.Random(seed)
    for _ in range(THREADS * 12):
        nothing = chance.random() > 0.25
        proxy.add(fault("done", "keep") if nothing else chance.choice(kinds))
    policy = RetryPolicy(max_attempts=20, sleep=lambda _: None)
    client = connect(config=ClientConfiguration(retry=policy, max_pool_connections=20))
    with ThreadPoolExecutor(THREADS) as threads:
        calls = [threads.submit(use, client, f"team/app{each}") for each in range(THREADS)]
        errors = [each.exception(PATIENCE) for each in calls]
    with ecr.client() as direct:
        left = direct.describe_repositories().repositories
    client.shutdown()
    proxy.wait_for(lambda: proxy.open == 0)

    assert [each for each in errors if each is not None] == []
    assert left == ()
