"""A local ECR in place of AWS, for the code in the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest
from botocore.httpsession import URLLib3Session
from requests.adapters import HTTPAdapter

from ecr_client import Credentials
from ecr_client.local import LocalECR

#: The keys in the environment, and temporary keys of another account.
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials(
    "ASIDEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", "a-session-token"
)
#: The keys of a role in the account, which the pages do not use.
ROLE = "arn:aws:iam::123456789012:role/task"
ROLE_KEYS = Credentials("AKIDROLEEXAMPLE", "c2VjcmV0LW9mLXRoZS1yb2xlLWV4YW1wbGU=")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalECR]:
    """Yield a local ECR in place of AWS, with matching credentials and a profile.

    Requests to AWS hosts are redirected to it, also those of boto3, and all its checks are on.
    """
    config = tmp_path / "config"
    config.write_text("[profile build]\nregion = eu-central-1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")  # readers have not set it
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_key)
    keys = {"123456789012": KEYS, "210987654321": TEMPORARY, ROLE: ROLE_KEYS}
    with LocalECR(credentials=keys) as ecr:
        for sender in (HTTPAdapter, URLLib3Session):
            monkeypatch.setattr(sender, "send", _redirected(sender.send, ecr.endpoint))
        request = _redirected_request(aiohttp.ClientSession.request, ecr.endpoint)
        monkeypatch.setattr(aiohttp.ClientSession, "request", request)
        yield ecr


def _redirected(send: Any, endpoint: str) -> Any:
    def redirected(sender: Any, request: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        if _is_of_aws(parts.netloc):
            # The signature covers the host that was called, so the header keeps it.
            request.headers["Host"] = parts.netloc
            request.url = endpoint + urlunsplit(("", "", *parts[2:]))
        return send(sender, request, **options)

    return redirected


def _redirected_request(request: Any, endpoint: str) -> Any:
    def redirected(session: Any, method: str, url: Any, **options: Any) -> Any:
        if _is_of_aws(url.host):
            options["headers"] = {**options["headers"], "Host": url.host}
            url = endpoint + url.raw_path_qs
        return request(session, method, url, **options)

    return redirected


def _is_of_aws(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
