"""The certificate that a server shows: one that was given, or one that is made for it.

A certificate that is made is signed by an authority of its own, whose key is thrown away at once:
whoever trusts the authority trusts this certificate and will never have to trust another one.
"""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ecr_client.local.errors import ServerStartError
from ecr_client.local.store.folder import FILE_MODE, FOLDER_MODE

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Below the data folder. skopeo and docker read authorities from folders, by this ending.
FOLDER, _AUTHORITY, _SERVER = "tls", "ca.crt", "server.pem"
_EVERYWHERE = ("0.0.0.0", "::")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _path(path: str | os.PathLike[str]) -> Path:
    return Path(path).absolute()


@attrs.frozen
class Certificate:
    """A certificate for a local ECR.

    Args:
        cert: The file with the certificate, and those between it and the authority after it (PEM).
        key: The file with its private key, without a password (PEM).
        ca: The file with the authority that clients have to trust; ``None`` for the certificate
            itself, as for one that is signed by its own key.
    """

    cert: Path = attrs.field(converter=_path)
    key: Path = attrs.field(converter=_path)
    ca: Path | None = attrs.field(default=None, converter=attrs.converters.optional(_path))

    @property
    def trusted(self) -> Path:
        """The file that clients have to trust."""
        return self.ca or self.cert


def certificate_for(tls: bool | Certificate, folder: Path, host: str) -> Certificate | None:
    """Return the certificate of a server, which is made if there is none; None without TLS.

    Args:
        tls: The certificate, or whether one is to be made.
        folder: The data folder. A certificate that was made is kept there and used again.
        host: The address that the server listens on.

    Raises:
        ServerStartError: The certificate cannot be used, or trustme is missing.
        TypeError: `tls` is something else.
    """
    if isinstance(tls, Certificate):
        _check(tls)
        return tls
    if not isinstance(tls, bool):
        raise TypeError(f"tls must be a bool or a Certificate, got {tls!r}")
    return _made(folder / FOLDER, _names(host)) if tls else None


def _made(folder: Path, names: Sequence[str]) -> Certificate:
    ca, server = folder / _AUTHORITY, folder / _SERVER
    made = Certificate(server, server, ca)
    # PEM files may have text around the certificates; what is written last says that all is there.
    title = f"A local ECR at {', '.join(names)}\n".encode()
    if server.is_file() and server.read_bytes().startswith(title):
        _check(made)
        return made
    try:
        import trustme
    except ImportError as error:
        raise ServerStartError(
            "a certificate is made by trustme, which comes with an extra:"
            " python -m pip install 'ecr-client[local,tls]'; or give one"
        ) from error
    authority = trustme.CA(organization_name="A local ECR")
    try:
        issued = authority.issue_cert(*names)
    except ValueError as error:
        raise ServerStartError(
            f"cannot make a certificate for {', '.join(names)}: {error}; give one"
        ) from error
    try:
        folder.mkdir(FOLDER_MODE, exist_ok=True)
        server.unlink(missing_ok=True)
        _write_privately(ca, authority.cert_pem.bytes())
        _write_privately(server, title + issued.private_key_and_cert_chain_pem.bytes())
    except OSError as error:
        raise ServerStartError(f"cannot write to {folder}: {error.strerror}") from error
    return made


def _write_privately(path: Path, data: bytes) -> None:
    """Write a file that nobody else can read, and that is either there as a whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    opened = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with open(opened, "wb") as file:
        file.write(data)
    unfinished.replace(path)


def _names(host: str) -> list[str]:
    """Return the names and addresses by which clients reach a server that listens on a host."""
    return sorted({*_LOOPBACK, socket.gethostname() if host in _EVERYWHERE else host})


def _check(certificate: Certificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in (certificate.cert, certificate.key, certificate.trusted):
        if not path.is_file():
            raise ServerStartError(f"cannot use the certificate: {path} is not a file")
    try:
        context.load_cert_chain(certificate.cert, certificate.key, _no_password)
        context.load_verify_locations(certificate.trusted)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        files = f"{certificate.cert} with the key {certificate.key}"
        raise ServerStartError(f"cannot use the certificate {files}: {reason}") from error


def _no_password() -> str:
    """Keep OpenSSL from asking for the password of a key on the terminal."""
    raise ValueError("the key has a password")
