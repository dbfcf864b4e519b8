"""TLS contexts from the settings of a client."""

from __future__ import annotations

import os
import ssl

import certifi
from urllib3.util.ssl_ import create_urllib3_context

#: OpenSSL's reasons for a corrupt record after the handshake.
_DAMAGED = ("BAD_RECORD_MAC", "DECRYPTION_FAILED", "DECRYPT_ERROR")


def tls_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """Return a TLS context for connections of a client.

    Args:
        verify: ``True``, ``False``, or the path of a CA bundle or of a directory of certificates.
        cert: The client's certificate, like the ``cert`` of ``requests``.

    Raises:
        OSError: One of the files cannot be used.
    """
    context = create_urllib3_context()
    if verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        bundle = certifi.where() if verify is True else verify
        is_directory = os.path.isdir(bundle)
        context.load_verify_locations(**{"capath" if is_directory else "cafile": bundle})
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    return context


def tls_broke(error: BaseException) -> bool:
    """Return whether an established TLS connection failed."""
    return isinstance(error, ssl.SSLError) and (
        isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        or any(mark in (error.reason or "") for mark in _DAMAGED)
    )
