"""Files in the data folder are private to the owner of the process."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_client.local import DataFolderError, LocalECR

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX file modes")


@pytest.fixture(autouse=True)
def _everything_is_allowed() -> Iterator[None]:
    """Clear the umask, so that new files are open to everybody by default."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(root: Path) -> dict[str, set[int]]:
    """Return the modes of a folder and of all folders and files below it."""
    found: dict[str, set[int]] = {"folders": set(), "files": set()}
    for path in (root, *root.rglob("*")):
        kind = "folders" if path.is_dir() else "files"
        found[kind].add(stat.S_IMODE(path.lstat().st_mode))
    return found


def test_files_are_private(tmp_path: Path, pushers: Any) -> None:
    """Folders and files are private when they are created, or else from the next start on."""
    root = tmp_path / "made" / "data"
    closed = {"folders": {0o700}, "files": {0o600}}
    with LocalECR(root, tls=True) as ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        client.initiate_layer_upload(repository_name="app")
        pushers(client).layer("app", b"x")
        names = {path.name for path in root.rglob("*")}
        found = modes(root)
    # As if an earlier release, or another user, had created it.
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with LocalECR(root):
        assert modes(root) == closed

    assert {"ecr.sqlite3", "ecr.sqlite3-wal", "ecr.sqlite3-shm", "in-use.sqlite3"} <= names
    assert {"ca.crt", "server.pem"} <= names
    assert found == closed


def test_a_link_to_the_folder(tmp_path: Path) -> None:
    """A data folder behind a symbolic link is made private, but not the target of a link in it."""
    folder, link, elsewhere = (tmp_path / name for name in ("data", "link", "elsewhere"))
    folder.mkdir()
    link.symlink_to(folder)
    elsewhere.write_text("")
    (folder / "blobs").mkdir()
    (folder / "blobs" / "link").symlink_to(elsewhere)
    with LocalECR(link):
        found = stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(elsewhere.stat().st_mode)

    assert found == (0o700, 0o666)


def test_foreign_folders(tmp_path: Path) -> None:
    """A refused folder, which the local ECR did not create, keeps its mode."""
    tmp_path.chmod(0o755)
    (tmp_path / "letter.txt").write_text("")
    with pytest.raises(DataFolderError, match="was not made by the local ECR"):
        LocalECR(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "letter.txt").stat().st_mode) == 0o666
