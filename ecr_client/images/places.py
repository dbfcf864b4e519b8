"""Paths of images in the file system, as skopeo writes them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ecr_client.exceptions import ImageSourceException
from ecr_client.images.layout_target import ArchiveTarget, LayoutTarget
from ecr_client.images.sources import LayoutSource
from ecr_client.oci import Layout, LayoutArchive

if TYPE_CHECKING:
    from ecr_client.images.references import Location
    from ecr_client.images.sources import Source


@attrs.frozen
class Place:
    """A path in the file system, as skopeo writes it.

    Attributes:
        form: ``oci``, ``oci-archive`` or ``docker-archive``; ``None`` if only a path is given.
        path: The folder or the file.
        reference: The name of an image in it.
    """

    form: str | None
    path: Path
    reference: str | None


_PLACE = re.compile(r"(?:(oci|oci-archive|docker-archive):)?(.+)", re.DOTALL)
#: The other forms of skopeo, which could be taken for file names.
_UNSUPPORTED = re.compile(r"(dir|docker|docker-daemon|containers-storage):.+", re.DOTALL)


def parse_place(text: str | os.PathLike[str], name: str) -> Place:
    """Return the form, the path and the name in the string of a source or a target.

    Args:
        text: ``oci:PATH[:NAME]``, ``oci-archive:PATH[:NAME]``, ``docker-archive:PATH[:NAME]``, or a
            path alone.
        name: The name of the argument, for error messages.

    Raises:
        ValueError: The string is empty, not a path, or has a form of skopeo that is not supported.
    """
    if not isinstance(text, str):
        path = os.fspath(text) if isinstance(text, os.PathLike) else text
        if not isinstance(path, str):
            raise ValueError(f"{name} must be a string or a path, got {text!r}")
        return Place(None, Path(path), None)
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{name} must not be an empty path")
    form, rest = found[1], found[2]
    if form is None and (other := _UNSUPPORTED.fullmatch(text)):
        raise ValueError(
            f"{text!r} must begin with oci:, oci-archive: or docker-archive:, or be a path;"
            f" {other[1]}: is not supported here"
        )
    if form is None:
        return Place(None, Path(rest), None)
    # A drive letter of Windows has a colon of its own.
    path, _, reference = rest[2:].partition(":") if rest[1:2] == ":" else rest.partition(":")
    return Place(form, Path(rest[:2] + path if rest[1:2] == ":" else path), reference or None)


def _form_of(path: Path) -> str:
    if not path.is_file():
        return "oci"
    from ecr_client.oci.tar_files import TarFiles

    return "oci-archive" if "oci-layout" in TarFiles(path) else "docker-archive"


def open_source(text: str | os.PathLike[str]) -> Source:
    """Return the image that a path names: a folder alone is a layout, a file alone an archive.

    Raises:
        ValueError: The argument is not a path.
        ImageSourceException: There is no image at the path.
        OSError: The image cannot be read.
    """
    place = parse_place(text, "source")
    try:
        if not place.path.exists():
            raise FileNotFoundError(f"there is no image at {place.path}")
        form = place.form or _form_of(place.path)
        if form == "docker-archive":
            from ecr_client.images.docker_archives import DockerArchiveSource

            return DockerArchiveSource(place.path, place.reference)
        layout = Layout(place.path) if form == "oci" else LayoutArchive(place.path)
    except ValueError as error:
        if isinstance(error, ImageSourceException):
            raise
        raise ImageSourceException(str(error)) from None
    return LayoutSource(layout, place.reference)


def open_target(
    text: str | os.PathLike[str], location: Location
) -> tuple[LayoutTarget | ArchiveTarget, str | None]:
    """Return the layout or the archive that a path names, and the name of the image in it.

    Args:
        text: As in `parse_place`; a path alone is that of a layout.
        location: The image, whose tag is its name if the path has none.
    """
    place = parse_place(text, "target")
    name = place.reference or location.tag
    if place.form == "docker-archive":
        from ecr_client.images.docker_archives import DockerArchiveTarget

        loaded_as = place.reference or (name and f"{location.repository}:{name}")
        return DockerArchiveTarget(place.path, [loaded_as] if loaded_as else []), name
    if place.form == "oci-archive":
        return ArchiveTarget(place.path), name
    return LayoutTarget(Layout(place.path)), name
