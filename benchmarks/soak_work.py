"""What the threads of the soak do, and the ledger of what the service has acknowledged."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from ecr_client import ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonServiceException,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
    ResponseParseException,
    TransportException,
)
from ecr_client.models import ImageIdentifier

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
#: The smallest part but the last that the service takes.
PART = 5 * 1024 * 1024
#: How many images a thread remembers for its reads and deletes, so that its memory stays flat.
REMEMBERED = 30


def digest(data: bytes) -> str:
    """Return the digest of a blob or a manifest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest_of(config: bytes, layer: bytes) -> str:
    """Return the manifest of an image with one layer."""
    first, second = (
        {"mediaType": kind, "digest": digest(blob), "size": len(blob)}
        for kind, blob in ((CONFIG_TYPE, config), (LAYER_TYPE, layer))
    )
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": first,
        "layers": [second],
    }
    return json.dumps(content)


class Fate:
    """What the ledger records about a repository: its last state, and those of its images."""

    def __init__(self) -> None:
        self.state = "unknown"
        self.images: dict[str, dict[str, str]] = {}
        self.latest: dict[str, str] = {}


class Ledger:
    """A file with a line for each write: what it was, and whether it was acknowledged.

    Args:
        path: The path of the file.

    Attributes:
        calls: How many calls each operation had, and how many errors of each class were raised.
        problems: A sentence for each thing that must not happen and did.
    """

    def __init__(self, path: Path) -> None:
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.problems: list[str] = []
        self._path = path
        self._file = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, state: str, repository: str, **facts: str) -> None:
        """Write down that something is ``present``, ``gone``, or ``unknown``."""
        line = json.dumps({"state": state, "repository": repository, **facts})
        with self._lock:
            self._file.write(f"{line}\n")

    def count(self, operation: str) -> None:
        """Count a call."""
        with self._lock:
            self.calls[operation] += 1

    def failed(self, error: AmazonClientException) -> None:
        """Count a documented error; one that refuses a valid call is a problem."""
        with self._lock:
            self.errors[type(error).__name__] += 1
        if isinstance(error, AmazonServiceException) and not error.retryable:
            self.problem(f"a valid call was refused: {error}")
        elif not isinstance(
            error, (AmazonServiceException, TransportException, ResponseParseException)
        ):
            self.problem(f"an error of an unexpected kind: {type(error).__name__}: {error}")

    def problem(self, text: str) -> None:
        """Record something that must not happen."""
        with self._lock:
            self.problems.append(text)

    def close(self) -> dict[str, Fate]:
        """Return what has to be there now, by the names of repositories."""
        self._file.close()
        found: dict[str, Fate] = {}
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                entry = json.loads(line)
                fate = found.setdefault(entry["repository"], Fate())
                if "digest" in entry:
                    fate.images[entry["digest"]] = entry
                elif "latest" in entry:
                    fate.latest = entry
                else:
                    fate.state = entry["state"]
        return found


class Worker:
    """One thread, which works on repositories of its own through a client that all share.

    Args:
        client: The client.
        ledger: The ledger, which all share as well.
        name: Begins the names of its repositories.
        seed: Decides what it does.
    """

    def __init__(self, client: ECRClient, ledger: Ledger, name: str, seed: str) -> None:
        self._client = client
        self._ledger = ledger
        self._name = name
        self._random = random.Random(seed)
        self._made = 0
        self._repository: str | None = None
        self._images: list[tuple[str, str, str]] = []

    def step(self) -> None:
        """Do one thing, and count a documented error."""
        try:
            if self._repository is None:
                self._create()
            else:
                weights = {self._push: 45, self._read: 42, self._delete: 11, self._drop: 2}
                self._random.choices([*weights], [*weights.values()])[0](self._repository)
        except AmazonClientException as error:
            self._ledger.failed(error)

    def _call(self, method: str, **members: Any) -> Any:
        self._ledger.count(method)
        return getattr(self._client, method)(**members)

    def _call_once(self, method: str, done: type[AmazonServiceException], **members: Any) -> None:
        """Make a call that may find its work done, which then was an earlier attempt of its own.

        Nobody else creates or deletes the repositories of this worker.
        """
        try:
            self._call(method, **members)
        except done as error:
            if not error.earlier_attempt_may_have_succeeded:
                raise

    def _create(self) -> None:
        self._made += 1
        name = f"{self._name}/{self._made}"
        # Recorded first: a name whose fate is unknown is not used.
        self._ledger.note("unknown", name)
        self._call_once("create_repository", RepositoryAlreadyExistsException, repository_name=name)
        self._ledger.note("present", name)
        self._repository, self._images = name, []

    def _push(self, repository: str) -> None:
        size = self._random.choices([self._random.randrange(1, 100_000), PART + 1], [99, 1])[0]
        layer = self._random.randbytes(size)
        self._made += 1
        config = json.dumps({"architecture": "amd64", "os": "linux", "name": self._made}).encode()
        self._upload(repository, config)
        self._upload(repository, layer)
        manifest = manifest_of(config, layer)
        found, tag = digest(manifest.encode()), f"v{self._made}"
        self._ledger.note("unknown", repository, digest=found)
        result = self._call(
            "put_image", repository_name=repository, image_manifest=manifest, image_tag=tag
        )
        self._ledger.note("present", repository, digest=found, tag=tag)
        if result.image.image_id.image_digest != found:
            self._ledger.problem(f"put_image responded with another image: {result.image}")
        self._images = [*self._images, (found, tag, manifest)][-REMEMBERED:]
        if self._random.random() < 0.3:
            self._ledger.note("unknown", repository, latest=found)
            self._call(
                "put_image", repository_name=repository, image_manifest=manifest, image_tag="latest"
            )
            self._ledger.note("present", repository, latest=found)

    def _upload(self, repository: str, blob: bytes) -> None:
        begun = self._call("initiate_layer_upload", repository_name=repository)
        for start in range(0, len(blob), PART):
            part = blob[start : start + PART]
            result = self._call(
                "upload_layer_part",
                repository_name=repository,
                upload_id=begun.upload_id,
                part_first_byte=start,
                part_last_byte=start + len(part) - 1,
                layer_part_blob=part,
            )
            if result.last_byte_received != start + len(part) - 1:
                self._ledger.problem(f"a part ended at {result.last_byte_received}")
        result = self._call(
            "complete_layer_upload",
            repository_name=repository,
            upload_id=begun.upload_id,
            layer_digests=[digest(blob)],
        )
        if result.layer_digest != digest(blob):
            self._ledger.problem(f"complete_layer_upload returned {result.layer_digest}")

    def _read(self, repository: str) -> None:
        if not self._images or self._random.random() < 0.2:
            found = self._call("describe_repositories", repository_names=[repository])
            if [each.repository_name for each in found.repositories] != [repository]:
                self._ledger.problem(f"describe_repositories lost {repository}")
            return
        wanted, tag, manifest = self._random.choice(self._images)
        result = self._call(
            "batch_get_image",
            repository_name=repository,
            image_ids=[ImageIdentifier(image_tag=tag)],
            accepted_media_types=[MANIFEST_TYPE],
        )
        texts = [each.image_manifest for each in result.images]
        if texts != [manifest]:
            self._ledger.problem(f"{repository}@{wanted} was read as {texts}, {result.failures}")
        listed = self._call("list_images", repository_name=repository)
        if len(listed.image_ids) < len(self._images) and listed.next_token is None:
            count = len(listed.image_ids)
            self._ledger.problem(f"list_images of {repository} returned {count} images")

    def _delete(self, repository: str) -> None:
        if not self._images:
            return
        found, _, _ = self._images.pop(self._random.randrange(len(self._images)))
        self._ledger.note("unknown", repository, digest=found)
        result = self._call(
            "batch_delete_image",
            repository_name=repository,
            image_ids=[ImageIdentifier(image_digest=found)],
        )
        codes = {each.failure_code for each in result.failures}
        # An attempt whose response was lost may have deleted it.
        expected = {"ImageNotFound"} if result.response_metadata.retry_attempts else set()
        if codes - expected:
            self._ledger.problem(f"batch_delete_image failed: {result.failures}")
        self._ledger.note("gone", repository, digest=found)

    def _drop(self, repository: str) -> None:
        self._repository, self._images = None, []
        self._ledger.note("unknown", repository)
        self._call_once(
            "delete_repository",
            RepositoryNotFoundException,
            repository_name=repository,
            force=True,
        )
        self._ledger.note("gone", repository)
