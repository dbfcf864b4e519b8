"""What a page in the place of a response holds is in no message, no log and no chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException

TOKEN = "Y2FuYXJ5LXRva2VuLW9mLWEtcmVzcG9uc2U"
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
    """A page is described, and nothing of it is quoted but plain words of its title."""
    evidence.secrets.update(token=TOKEN, word=WORD)
    server.answers = [(status, {"Content-Type": kind}, PAGES[name].encode())]
    client = connect()
    client.set_endpoint(server.url)
    for call in (client.get_authorization_token, client.describe_repositories):
        assert isinstance(evidence.fails(call), AmazonClientException)

    assert evidence.leaks() == []
