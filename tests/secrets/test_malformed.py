"""The content of a malformed response or a page is in no message, log or exception chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException

TOKEN = "Y2FuYXJ5LXRva2VuLW9mLWEtcmVzcG9uc2U"
OK = "HTTP/1.1 200 OK\r\n"
#: Responses that hold a token, by what is wrong with them.
RESPONSES = {
    "status line": f"{TOKEN}\r\n\r\n",
    "status": f"HTTP/1.1 {TOKEN}\r\n\r\n",
    "long status line": f"HTTP/1.1 200 {TOKEN * 3000}\r\n\r\n",
    "header": f"{OK}{TOKEN}\r\nX: y\r\n\r\n{{}}",
    "folded header": f"{OK}{TOKEN} : x\r\n\r\n{{}}",
    "lengths": f"{OK}Content-Length: 3, {TOKEN}\r\n\r\n{{}}",
    "length": f"{OK}Content-Length: x\r\n\r\n{TOKEN}",
    "length of a chunk": f"{OK}Transfer-Encoding: chunked\r\n\r\n{TOKEN}\r\n{TOKEN}\r\n",
    "chunk": f"{OK}Transfer-Encoding: chunked\r\n\r\n5\r\n{TOKEN}\r\n",
    "truncated": f"{OK}Content-Length: 500\r\n\r\n{TOKEN}",
    "truncated chunk": f"{OK}Transfer-Encoding: chunked\r\n\r\n500\r\n{TOKEN}",
    "compression": f"{OK}Content-Encoding: gzip\r\nContent-Length: {len(TOKEN)}\r\n\r\n{TOKEN}",
    "no JSON": f"{OK}Content-Length: {len(TOKEN)}\r\n\r\n{TOKEN}",
    "interim": f"HTTP/1.1 103 {TOKEN}\r\n\r\n",
}


@pytest.mark.parametrize("name", RESPONSES)
def test_malformed_responses(
    evidence: Any, connect: Callable[..., ECRClient], server: Any, name: str
) -> None:
    """A response that cannot be read is described, and nothing of it is quoted."""
    evidence.secrets["response"] = TOKEN
    server.responses = [RESPONSES[name].encode()]
    client = connect()
    client.set_endpoint(server.url)
    try:
        client.get_authorization_token()  # succeeds in spite of some odd headers
    except AmazonClientException as error:
        evidence.error(error)

    assert evidence.leaks() == []


WORD = "canaryword"
PAGES = {
    "body": f"<html><title>Sign in</title><body>{TOKEN} {WORD}</body></html>",
    "title": f"<html><title>{TOKEN} x={WORD} {{{WORD}}}</title></html>",
    "comment": f"<!-- {WORD} --><html><title>{WORD}</title></html>",
    "attribute": f"<html {WORD}><title lang='{WORD}'>{TOKEN}</title></html>",
    "text": f"{TOKEN} {WORD}",
    "XML": f"<Error><Code>{WORD}</Code><Message>{TOKEN}</Message></Error>",
}


@pytest.mark.parametrize("status", [200, 302, 403, 502])
@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/json"])
@pytest.mark.parametrize("name", PAGES)
def test_pages(
    evidence: Any, connect: Callable[..., ECRClient], server: Any, name: str, kind: str, status: int
) -> None:
    """A page is described, and only plain words of its title are quoted."""
    evidence.secrets.update(token=TOKEN, word=WORD)
    server.responses = [(status, {"Content-Type": kind}, PAGES[name].encode())]
    client = connect()
    client.set_endpoint(server.url)
    for call in (client.get_authorization_token, client.describe_repositories):
        evidence.fails(call, AmazonClientException)

    assert evidence.leaks() == []
