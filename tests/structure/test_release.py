"""The archives of a release: their contents and reproducibility, and the check before it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ecr_client import __version__

ROOT = Path(__file__).resolve().parents[2]
#: 2026-01-02 03:04:06 UTC; the seconds of times in a wheel are even.
EPOCH = 1767323046
CHECK = ROOT / ".ci" / "check-release"


def build(source: Path, target: Path) -> tuple[Path, Path]:
    """Build both archives, and return the paths of the sdist and of the wheel."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    subprocess.run(command, cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)
    return next(target.glob("*.tar.gz")), next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the sdist and the wheel of this checkout."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def files(folder: str, *, below: Path = ROOT) -> set[str]:
    """Return the files in a folder of the checkout, without generated ones."""
    found = (path for path in (below / folder).rglob("*") if path.is_file())
    ours = (path.relative_to(below) for path in found)
    made = {"__pycache__", "_build", "performance"}
    return {path.as_posix() for path in ours if not made & {*path.parent.parts}}


@pytest.mark.slow
def test_reproducible(archives: tuple[Path, Path], tmp_path: Path) -> None:
    """The unpacked sdist builds the same bytes in another folder, with other times and modes."""
    with tarfile.open(archives[0]) as sdist:
        if sys.version_info >= (3, 12):
            sdist.extraction_filter = tarfile.data_filter
        sdist.extractall(tmp_path)
    (source,) = tmp_path.iterdir()
    for path in [path for path in source.rglob("*") if path.is_file()]:
        os.utime(path, (1, 1))
        path.chmod(path.stat().st_mode | 0o060)
    again = build(source, tmp_path / "dist")

    assert [path.name for path in again] == [path.name for path in archives]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in archives]


@pytest.mark.slow
def test_contents_of_the_sdist(archives: tuple[Path, Path]) -> None:
    """The sdist has the package and everything that its tests read, without benchmarks and CI."""
    folders = ("codegen", "docs", "ecr_client", "examples", "tests")
    expected = set().union(*map(files, folders)) - files("tests/benchmarks")
    expected |= {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"}
    expected |= {".gitignore", "PKG-INFO", "pyproject.toml", "tox.ini"}
    with tarfile.open(archives[0]) as sdist:
        members = sdist.getmembers()
    names = {member.name.partition("/")[2] for member in members}

    assert names == expected
    assert {member.name.partition("/")[0] for member in members} == {f"ecr_client-{__version__}"}
    assert {member.mtime for member in members} == {EPOCH}
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, "", "")
    }


@pytest.mark.slow
def test_contents_of_the_wheel(archives: tuple[Path, Path]) -> None:
    """The wheel has the package and its metadata, and no other files."""
    with zipfile.ZipFile(archives[1]) as wheel:
        names = {*wheel.namelist()}
        info = f"ecr_client-{__version__}.dist-info"
        metadata = wheel.read(f"{info}/METADATA").decode()

    assert {name for name in names if not name.startswith(info)} == files("ecr_client")
    assert {name.removeprefix(f"{info}/") for name in names if name.startswith(info)} == {
        *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"),
    }
    assert f"\nVersion: {__version__}\n" in metadata


@pytest.mark.skipif(not CHECK.exists(), reason="the scripts of CI are not in the sdist")
@pytest.mark.skipif(sys.platform == "win32", reason="the check is a bash script")
@pytest.mark.parametrize(
    ("tag", "heading", "error"),
    [
        (f"v{__version__}", f"[{__version__}] - 2026-12-01", ""),
        ("v9.9", f"[{__version__}] - 2026-12-01", f"the tag must be v{__version__}"),
        (__version__, f"[{__version__}] - 2026-12-01", f"the tag must be v{__version__}"),
        (f"v{__version__}", "[Unreleased]", "CHANGELOG.md must begin with"),
        (f"v{__version__}", "[0.0.1] - 2026-12-01", "CHANGELOG.md must begin with"),
        (f"v{__version__}", f"[{__version__}]", "CHANGELOG.md must begin with"),
    ],
)
def test_release_check(tmp_path: Path, tag: str, heading: str, error: str) -> None:
    """A release needs a tag, a version and a change log entry that agree."""
    for name in (".ci/check-release", "ecr_client/_version.py"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n## [0.0.0]\n")
    command = [str(tmp_path / ".ci" / "check-release"), tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == bool(error)
    assert done.stderr.startswith(error)
