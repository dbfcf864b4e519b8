"""oras, an independent client, pushes and pulls artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

oras = pytest.importorskip(
    "oras.client", reason="oras is not installed: python -m pip install oras"
)

pytestmark = pytest.mark.slow

#: For a file of 6 MB.
CHUNKED = {"do_chunked": True, "chunk_size": 5 << 20}


@pytest.fixture
def client(registry: Any) -> Iterator[Any]:
    """Yield a client with the password of the token."""
    host = urlsplit(registry.url).netloc
    made = oras.OrasClient(hostname=host, insecure=True, auth_backend="basic")
    # Its own login would look for Docker first.
    made.auth.set_basic_auth("AWS", registry.password)
    yield made
    made.session.close()


@pytest.fixture
def target(registry: Any) -> str:
    return f"{urlsplit(registry.url).netloc}/team/app"


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """Return a file to push."""
    path = tmp_path / "artifact.txt"
    path.write_bytes(b"an artifact " * 500_000)
    return path


@pytest.mark.parametrize("options", [{}, CHUNKED], ids=["at once", "in chunks"])
def test_push_and_pull(
    options: dict[str, Any], client: Any, artifact: Path, target: str, tmp_path: Path
) -> None:
    """A file pushed at once or in chunks is pulled unchanged."""
    options = {"files": [str(artifact)], "disable_path_validation": True, **options}
    pushed = client.push(f"{target}:v1", **options)
    (pulled,) = client.pull(f"{target}:v1", outdir=str(tmp_path / "out"))

    assert pushed.status_code == 201
    assert Path(pulled).read_bytes() == artifact.read_bytes()


def test_chunks_that_are_too_small_for_ecr(
    client: Any, artifact: Path, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A push in chunks that ECR refuses fails with an error that says why."""
    options = {**CHUNKED, "chunk_size": 1 << 20, "disable_path_validation": True}
    with pytest.raises(ValueError, match="Bad Request"):
        client.push(f"{target}:v1", files=[str(artifact)], **options)

    assert "All layer parts except the last part should be at least 5MB" in caplog.text


def test_tags(client: Any, registry: Any, target: str) -> None:
    """Tags are listed over several pages, and deleting a tag deletes its image."""
    pushed = registry.image("team/app")
    names = [f"v{number:03}" for number in range(101)]
    for name in names:
        registry.put("team/app", name, pushed.manifest)
    registry.image("team/app", "other", b"other")
    before = client.get_tags(target)
    client.delete_tags(target, tags=["v007"])

    assert before == ["other", *names]
    assert client.get_tags(target) == ["other"]
