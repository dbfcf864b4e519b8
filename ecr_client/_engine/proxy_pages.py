"""Pages that a proxy or a captive portal sent in place of the service, loaded on the first one."""

from __future__ import annotations

import html
import re
import typing
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._common.display import redact_url
from ecr_client._shapes import Structure, type_parts

if TYPE_CHECKING:
    from ecr_client._engine.http import HTTPResponse
    from ecr_client._operation import Operation, Request, Result

#: How many bytes are searched for a title, and how many characters of it are shown.
SEARCHED, MAX_TITLE_LENGTH = 4096, 100
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title(?:\s[^<>]*)?>([^<]*)</title", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
#: A word of a title; longer ones, and those that look like data or code, may be tokens.
_WORD = re.compile(r"[^\s={}\[\]<>\"`\\@?]{1,20}")


def describe_page(operation: Operation[Request, Result], response: HTTPResponse, url: str) -> str:
    """Return a description of a body that is not JSON, or ``""`` if it was meant to be JSON.

    Of its content, only the title of an HTML page is shown, without words that may be tokens, and
    not at all if a request or a result of the operation contains a secret.

    Args:
        operation: The operation.
        response: The response; its body is not JSON.
        url: The URL that was called.
    """
    content_type = response.headers.get("Content-Type") or ""
    kind = content_type.partition(";")[0].strip().lower()
    start = response.body[:SEARCHED].decode("utf-8", "replace").lstrip("\ufeff")
    first = start.lstrip()[:1]
    if first in "{[" or (first != "<" and (not kind or "json" in kind)):
        return ""
    if not _MEDIA_TYPE.fullmatch(kind):
        kind = "a body of an unknown type"
    title = "" if _has_secrets(operation) else _title(start)
    return (
        f"{redact_url(url)} sent {kind}{title}, as proxies, load balancers and captive portals do; "
        "check endpoint, proxies, HTTPS_PROXY"
    )


def _title(start: str) -> str:
    found = _TITLE.search(start) if _PAGE.match(start) else None
    if found is None:
        return ""
    words = html.unescape(found[1]).split()
    text = " ".join(word if _WORD.fullmatch(word) else "***" for word in words)
    text = "".join(filter(str.isprintable, text))
    return f" titled {text[:MAX_TITLE_LENGTH]!r}" if text else ""


def _has_secrets(operation: Operation[Request, Result]) -> bool:
    return _hides(operation.request_class) or _hides(operation.result_class)


def _hides(kind: Any) -> bool:
    """Return whether the repr of a type hides a member, at any depth."""
    if not isinstance(kind, type) or not issubclass(kind, Structure):
        return any(map(_hides, typing.get_args(kind)))
    return any(
        field.repr is not True or any(map(_hides, type_parts(field.type)))
        for field in attrs.fields(kind)  # type: ignore[arg-type]
        if field.name != "response_metadata"
    )
