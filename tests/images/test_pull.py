"""Pulling images: what is written and verified, and that nothing is lost or left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
import tarfile
import threading
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException, ImageSourceException
from ecr_client.images import BlobFinished, BytesMoved, pull_image, push_image, transfer
from ecr_client.local import LocalECR
from ecr_client.models import Image, ImageIdentifier
from ecr_client.oci import Digest, Layout
from ecr_client.testing import ECRStub, RandomImage, example, random_image

REF_NAME = "org.opencontainers.image.ref.name"
MIB = 1024 * 1024
PLATFORMS = ["linux/amd64", "linux/arm64/v8"]


def files(folder: Path) -> set[str]:
    """Return the names of all files below a folder, including hidden ones."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_layout(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, contents: Any
) -> None:
    """A pulled layout has every byte of the image, under its tag, and nothing else."""
    result = pull_image(ecr_client, "team/app:1", tmp_path / "pulled")
    layout = Layout(tmp_path / "pulled")
    (listed,) = layout.read_index().manifests

    assert contents(layout.path / "blobs") == contents(pushed.path / "blobs")
    assert (listed.digest, listed.annotations) == (pushed.digest, {REF_NAME: "1"})
    assert (result.digest, result.tags) == (pushed.digest, ("1",))
    assert result.bytes_moved == sum(blob.size for blob in pushed.blobs)


def test_pulling_again(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, contents: Any
) -> None:
    """Only blobs that are corrupt or missing are pulled again."""
    pull_image(ecr_client, "team/app:1", tmp_path / "pulled")
    layout = Layout(tmp_path / "pulled")
    first, second, *_ = pushed.manifests[0].layers
    layout.blob_path(first.digest).write_bytes(bytes(first.size))
    layout.blob_path(second.digest).unlink()
    result = pull_image(ecr_client, "team/app:1", tmp_path / "pulled")

    assert result.bytes_moved == first.size + second.size
    assert contents(layout.path / "blobs") == contents(pushed.path / "blobs")
    assert len(layout.read_index().manifests) == 1


def test_several_images(ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path) -> None:
    """A layout keeps its other images, and a name moves to the image that was pulled last."""
    other = random_image(tmp_path / "other", seed=2)
    push_image(ecr_client, other.path, "team/app:2")
    target = f"oci:{tmp_path / 'pulled'}"
    pull_image(ecr_client, "team/app:1", target)
    pull_image(ecr_client, "team/app:2", target)
    pull_image(ecr_client, "team/app:2", f"{target}:1")
    listed = Layout(tmp_path / "pulled").read_index().manifests

    names = sorted((each.annotations[REF_NAME], each.digest) for each in listed)
    assert names == [("1", other.digest), ("2", other.digest)]


def test_archives(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, contents: Any
) -> None:
    """The archive of an image has its content, is deterministic, and leaves no other file."""
    for name in ("a.tar", "b.tar"):
        pull_image(ecr_client, "team/app:1", f"oci-archive:{tmp_path / 'out' / name}")
    with tarfile.open(tmp_path / "out" / "a.tar") as archive:
        archive.extractall(tmp_path / "extracted", filter="data")

    assert (tmp_path / "out/a.tar").read_bytes() == (tmp_path / "out/b.tar").read_bytes()
    assert contents(tmp_path / "out").keys() == {"a.tar", "b.tar"}
    assert contents(tmp_path / "extracted/blobs") == contents(pushed.path / "blobs")


@pytest.mark.parametrize("form", ["oci:{}", "oci-archive:{}", "oci-archive:{}:1"])
def test_round_trips(ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, form: str) -> None:
    """A pulled image can be pushed, and has the same digest."""
    place = form.format(tmp_path / "pulled")
    pull_image(ecr_client, "team/app:1", place)
    result = push_image(ecr_client, place, "team/back:1", create=True)

    assert result.digest == pushed.digest


@pytest.mark.parametrize(
    ("platforms", "manifests"), [(["linux/arm64"], 1), (PLATFORMS, 3), (None, 3)]
)
def test_platforms(
    ecr_client: ECRClient,
    pushed: RandomImage,
    tmp_path: Path,
    platforms: list[str] | None,
    manifests: int,
    contents: Any,
) -> None:
    """Only the content of the chosen platforms is pulled."""
    result = pull_image(ecr_client, "team/app:1", tmp_path / "pulled", platforms=platforms)

    assert len(result.manifests) == manifests
    configs = 1 if manifests == 1 else 2
    assert len(contents(tmp_path / "pulled/blobs")) == manifests + len(result.layers) + configs


def test_referrers(ecr_client: ECRClient, tmp_path: Path, contents: Any, make_layout: Any) -> None:
    """Referrers such as signatures are pulled on request, and are listed in the layout."""
    layout = make_layout(tmp_path / "in")
    subject = layout.add(("text/plain", b"content"), name="app")
    layout.add(subject=subject, artifact_type="application/vnd.example.signature")
    source = f"oci:{tmp_path / 'in'}:app"
    push_image(ecr_client, source, "team/app:1", referrers=True, create=True)
    pull_image(ecr_client, "team/app:1", tmp_path / "out", referrers=True)
    again = push_image(
        ecr_client, f"oci:{tmp_path / 'out'}:1", "team/b:1", referrers=True, create=True
    )

    assert contents(tmp_path / "out/blobs") == contents(tmp_path / "in/blobs")
    assert len(again.manifests) == 2


def test_ranges(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    tmp_path: Path,
    make_layout: Any,
    contents: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large layer is pulled over several connections, and stored only if its digest is right.

    It can use all connections, because nothing else is missing.
    """
    monkeypatch.setattr(transfer, "LARGE", MIB)
    image = random_image(tmp_path / "in", layers=1, size=5 * MIB)
    push_image(ecr_client, image.path, "team/app:1", create=True)
    layout = make_layout(tmp_path / "out")
    config = image.manifests[0].config
    layout.write_blob(config.media_type, image.blob_path(config.digest).read_bytes())
    local_ecr.faults.add("DownloadLayer", body="garbage", count=None)

    with pytest.raises(AmazonClientException):
        pull_image(ecr_client, "team/app:1", layout.path)
    left = contents(layout.path / "blobs").keys()
    local_ecr.faults.clear()
    local_ecr.requests.clear()
    pull_image(ecr_client, "team/app:1", layout.path)

    assert left == {f"sha256/{config.digest.encoded}"}
    assert len(local_ecr.requests.of("DownloadLayer")) == 4
    assert contents(layout.path / "blobs") == contents(image.path / "blobs")


@pytest.mark.parametrize("body", ["garbage", "short"])
def test_corrupt_downloads(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    pushed: RandomImage,
    tmp_path: Path,
    contents: Any,
    body: Any,
) -> None:
    """Content that does not match its digest is not stored, and the image is not listed."""
    local_ecr.faults.add("DownloadLayer", body=body, count=None)
    with pytest.raises(AmazonClientException):
        pull_image(ecr_client, "team/app:1", tmp_path / "out")

    assert contents(tmp_path / "out").keys() == {"index.json", "oci-layout"}
    assert Layout(tmp_path / "out").read_index().manifests == ()


def test_corrupt_manifests(ecr_client: ECRClient, image: RandomImage, tmp_path: Path) -> None:
    """A manifest whose content does not match its digest in the index is refused."""
    first = image.manifests[0].descriptor.digest
    index, manifest = (image.blob_path(each).read_text() for each in (image.digest, first))
    with ECRStub(ecr_client) as stub:
        for text in (index, f"{manifest} "):
            stub.expect("BatchGetImage", images=[example(Image, image_manifest=text)])
        with pytest.raises(ImageSourceException, match=f"manifest {first} is corrupt"):
            pull_image(ecr_client, "team/app:1", tmp_path / "out")


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_wrong_digests(image: RandomImage, tmp_path: Path, by: str) -> None:
    """A manifest must have the digest of the reference, or else the one in the response."""
    stated = Digest.of(b"another")
    manifest = example(
        Image,
        image_id=ImageIdentifier(image_digest=stated),
        image_manifest=image.blob_path(image.digest).read_text(encoding="utf-8"),
    )
    with ECRClient(region="eu-west-1") as client, ECRStub(client) as stub:
        stub.expect("BatchGetImage", images=[manifest])
        with pytest.raises(ImageSourceException, match=f"{image.digest}, .* should be {stated}"):
            pull_image(client, "team/app:1" if by == "tag" else f"team/app@{stated}", tmp_path)


def test_wrong_sizes(ecr_client: ECRClient, tmp_path: Path, make_layout: Any) -> None:
    """A manifest with a wrong size of a layer is detected."""
    layout = make_layout(tmp_path / "in")
    layout.add(("text/plain", b"content"))
    (layer,) = layout.only.layers
    push_image(ecr_client, layout.path, "team/app:1", create=True)
    for size in (6, 8):
        wrong = attrs.evolve(layout.only, layers=(attrs.evolve(layer, size=size),))
        ecr_client.put_image(
            repository_name="team/app",
            image_manifest=wrong.to_bytes().decode(),
            image_tag=f"wrong-{size}",
        )
        with pytest.raises(AmazonClientException, match=r"bytes than the|size"):
            pull_image(ecr_client, f"team/app:wrong-{size}", tmp_path / f"out{size}")

        assert Layout(tmp_path / f"out{size}").read_index().manifests == ()


def test_disk_space(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image larger than the free disk space is refused before a layer is pulled."""
    usage = namedtuple("usage", "total used free")(10, 9, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"the image needs [0-9,]+ bytes, but only 1 are") as raised:
        pull_image(ecr_client, "team/app:1", tmp_path / "out")

    assert raised.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("team/app", "does not name an image"),
        ("team/app:none", r"team/app:none cannot be read \(ImageNotFound"),
        ("team/none:1", "does not exist"),
    ],
)
def test_missing_images(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, reference: str, problem: str
) -> None:
    """A reference to a missing image is an error that says so, and creates no file."""
    with pytest.raises(ValueError, match=problem):
        pull_image(ecr_client, reference, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_wrong_targets(ecr_client: ECRClient, pushed: RandomImage) -> None:
    """A target that is not a path is refused by name."""
    for target in (None, 3, b"out", ""):
        with pytest.raises(ValueError, match=r"target must (be a|not be an empty path)"):
            pull_image(ecr_client, "team/app:1", target)  # type: ignore[arg-type]


@pytest.mark.parametrize("link", ["blobs", "blobs/sha256"])
def test_links_in_layouts(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, link: str
) -> None:
    """Symbolic links in a layout, which could lead anywhere, are not followed."""
    layout = Layout(tmp_path / "layout")
    layout.create()
    (layout.path / link).rename(tmp_path / "elsewhere")
    (layout.path / link).symlink_to(tmp_path / "elsewhere")
    before = files(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{link} is a symbolic link"):
        pull_image(ecr_client, "team/app:1", layout.path)

    assert files(tmp_path / "elsewhere") == before


def test_concurrent_pulls(ecr_client: ECRClient, tmp_path: Path) -> None:
    """No image is lost if several are pulled into one layout concurrently."""
    names = [str(number) for number in range(16)]
    for name in names:
        image = random_image(tmp_path / name, seed=int(name), layers=1)
        push_image(ecr_client, image.path, f"team/app:{name}", create=True)
    with ThreadPoolExecutor(8) as pool:
        pulls = [
            pool.submit(pull_image, ecr_client, f"team/app:{name}", tmp_path / "out")
            for name in names
        ]
    for pull in pulls:
        pull.result()
    listed = Layout(tmp_path / "out").read_index().manifests

    assert sorted(each.annotations[REF_NAME] for each in listed) == sorted(names)


def test_pulls_one_after_the_other(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull into an archive loses nothing if the one before it is still removing its files."""
    target = f"oci-archive:{tmp_path / 'out.tar'}"
    began, is_removed = threading.Event(), threading.Event()
    remove = shutil.rmtree

    def progress(event: object) -> None:
        if isinstance(event, BlobFinished):
            began.set()
            is_removed.wait(60)

    with ThreadPoolExecutor(1) as pool:

        def begin_another(*arguments: Any, **options: Any) -> None:
            monkeypatch.setattr(shutil, "rmtree", remove)
            nonlocal second
            second = pool.submit(pull_image, ecr_client, "team/app:1", target, progress=progress)
            second.add_done_callback(lambda future: began.set())
            began.wait(60)
            remove(*arguments, **options)

        second: Future[Any] | None = None
        monkeypatch.setattr(shutil, "rmtree", begin_another)
        try:
            pull_image(ecr_client, "team/app:1", target)
        finally:
            is_removed.set()

    assert second is not None
    assert second.result().digest == pushed.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image", "out.tar"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other owners")
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_archives_of_other_users(
    ecr_client: ECRClient,
    pushed: RandomImage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """What another user has left beside an archive is not used, since it may lead anywhere."""
    left = tmp_path / ".out.tar.incomplete"
    if kind == "folder":
        left.mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
    else:
        left.symlink_to(tmp_path / "image")
    with pytest.raises(FileExistsError, match=r"another user has begun .*\.out\.tar\.incomplete"):
        pull_image(ecr_client, "team/app:1", f"oci-archive:{tmp_path / 'out.tar'}")

    assert left.exists()
    assert not (left / "lock").exists()


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("reference", ["team/app:1", "team/app:none"])
def test_new_folders_of_archives(
    ecr_client: ECRClient,
    pushed: RandomImage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    reference: str,
) -> None:
    """A failed pull deletes the folders that it created for its archive."""
    size = sum(blob.size for blob in (*pushed.manifests[0].layers, pushed.manifests[0].config))
    # Enough for the layers, but not for the archive as well.
    usage = namedtuple("usage", "total used free")(size, 0, size)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises((OSError, ValueError), match=r"the image needs|cannot be read"):
        pull_image(
            ecr_client, reference, f"{form}:{tmp_path / 'a' / 'b' / 'x'}", platforms=PLATFORMS[:1]
        )

    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("place", "error", "problem"),
    [("mine", ValueError, "neither empty nor an OCI image layout"), ("mine/file", OSError, "file")],
)
def test_other_places(
    ecr_client: ECRClient,
    pushed: RandomImage,
    tmp_path: Path,
    contents: Any,
    place: str,
    error: type[Exception],
    problem: str,
) -> None:
    """A bare path is a layout, so a file, or a folder with other files, is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("text")
    with pytest.raises(error, match=problem):
        pull_image(ecr_client, "team/app:1", tmp_path / place)

    assert contents(tmp_path / "mine") == {"file": b"text"}


def test_missing_folders(ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path) -> None:
    """A link to a missing folder is an error, not something to wait for."""
    (tmp_path / "link").symlink_to(tmp_path / "none")
    with pytest.raises(FileExistsError, match="link"):
        pull_image(ecr_client, "team/app:1", f"oci-archive:{tmp_path / 'link' / 'app.tar'}")


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_no_archive(
    ecr_client: ECRClient,
    local_ecr: LocalECR,
    pushed: RandomImage,
    tmp_path: Path,
    form: str,
    make: Callable[[Path], None],
) -> None:
    """An archive replaces only a regular file; otherwise, nothing is pulled."""
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder / "app.tar")
    kind = stat.S_IFMT((folder / "app.tar").stat().st_mode)
    local_ecr.requests.clear()
    with pytest.raises(FileExistsError, match="an archive can only replace a file"):
        pull_image(
            ecr_client, "team/app:1", f"{form}:{folder / 'app.tar'}", platforms=PLATFORMS[:1]
        )

    assert not local_ecr.requests.operations()
    assert [path.name for path in folder.iterdir()] == ["app.tar"]
    assert stat.S_IFMT((folder / "app.tar").stat().st_mode) == kind


def test_progress(ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path) -> None:
    """The events add up to the bytes that were moved, and a failing callback ends the pull."""
    events: list[object] = []
    result = pull_image(ecr_client, "team/app:1", tmp_path / "out", progress=events.append)

    assert sum(e.bytes for e in events if isinstance(e, BytesMoved)) == result.bytes_moved
    assert type(events[0]).__name__ == "TransferStarted"
    assert type(events[-1]).__name__ == "TransferFinished"
    with pytest.raises(ZeroDivisionError):
        pull_image(ecr_client, "team/app:1", tmp_path / "other", progress=lambda event: 1 / 0)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_skopeo_reads_layouts(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, tool: Any, form: str, contents: Any
) -> None:
    """Skopeo copies a pulled image byte for byte."""
    place = f"{form}:{tmp_path / 'out'}:1"
    pull_image(ecr_client, "team/app:1", place)
    tool("skopeo", "copy", "--all", place, f"oci:{tmp_path / 'theirs'}:1")

    assert contents(tmp_path / "theirs/blobs") == contents(pushed.path / "blobs")


@pytest.mark.slow
def test_skopeo_pushes_and_pulls(
    local_ecr: LocalECR,
    ecr_client: ECRClient,
    image: RandomImage,
    tmp_path: Path,
    tool: Any,
    contents: Any,
) -> None:
    """Skopeo and this package exchange images through the registry byte for byte."""
    token = ecr_client.get_authorization_token().authorization_data[0]
    assert token.proxy_endpoint is not None
    host = token.proxy_endpoint.partition("://")[2]
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {host: {"auth": token.authorization_token}}}))
    flags = ("--all", "--authfile", auth, "--src-tls-verify=false", "--dest-tls-verify=false")
    for name in ("theirs", "ours"):
        ecr_client.create_repository(repository_name=f"team/{name}")
    tool("skopeo", "copy", *flags, f"oci:{image.path}", f"docker://{host}/team/theirs:1")
    push_image(ecr_client, image.path, "team/ours:1")
    pull_image(ecr_client, "team/theirs:1", tmp_path / "a")
    tool("skopeo", "copy", *flags, f"docker://{host}/team/ours:1", f"oci:{tmp_path / 'b'}:1")

    pulled, copied = contents(tmp_path / "a/blobs"), contents(tmp_path / "b/blobs")
    assert pulled == copied == contents(image.path / "blobs")
