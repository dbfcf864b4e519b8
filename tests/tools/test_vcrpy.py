"""vcrpy: recorded calls are replayed, and nothing else reaches the network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException

# The last vcrpy for Python 3.10 drops idle connections of a pool without closing them.
pytestmark = (
    [pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")]
    if sys.version_info < (3, 11)
    else []
)

FINE = (200, {"x-amzn-RequestId": "id-1"}, b'{"registryId": "210987654321"}')


@pytest.fixture(params=["fresh", "used"])
def player(request: pytest.FixtureRequest, web_client: ECRClient, server: Any) -> ECRClient:
    """Return a client without a connection, or with an idle one."""
    server.responses = [FINE]
    if request.param == "used":
        web_client.describe_registry()
        server.requests.clear()
    return web_client


#: No module of the client is loaded before the first cassette is entered.
FIRST_CALL = """
import sys, vcr, warnings
if sys.version_info < (3, 11):
    warnings.filterwarnings("ignore", "unclosed <s", ResourceWarning)
with vcr.use_cassette(sys.argv[2], record_mode="once"):
    from ecr_client import Credentials, ECRClient
    keys = Credentials("AKIDEXAMPLE", "secret")
    client = ECRClient(region="eu-west-1", endpoint=sys.argv[1], credentials=keys)
    client.describe_registry()
for _ in range(2):
    with vcr.use_cassette(sys.argv[2], record_mode="none"):
        client.describe_registry()
    print(client.describe_registry().registry_id)
client.shutdown()
"""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_unknown_calls(player: ECRClient, server: Any, tmp_path: Path) -> None:
    """A call that is not in the cassette fails, says so, and is not sent."""
    expected = (AmazonClientException, CannotOverwriteExistingCassetteException)
    with (
        vcr.use_cassette(str(tmp_path / "none.yaml"), record_mode="none"),
        pytest.raises(expected) as raised,
    ):
        player.describe_registry()

    assert server.requests == []
    assert CannotOverwriteExistingCassetteException in map(type, causes(raised.value))


def test_replay(player: ECRClient, server: Any, tmp_path: Path) -> None:
    """A call is sent once and then replayed alike; calls without a cassette reach the server."""
    results = []
    for mode in ("once", "none"):
        with vcr.use_cassette(str(tmp_path / "some.yaml"), record_mode=mode) as cassette:
            results.append(player.describe_registry())
    sent = len(server.requests)
    for _ in range(2):
        player.describe_registry()

    assert [sent, len(server.requests)] == [1, 3]
    assert cassette.play_count == 1
    assert results[0] == results[1]
    assert [each.registry_id for each in results] == ["210987654321"] * 2
    assert [each.response_metadata.request_id for each in results] == ["id-1"] * 2


def test_first_call(run_script: Callable[..., list[str]], server: Any, tmp_path: Path) -> None:
    """Modules that are imported while a cassette is in use work without it later."""
    server.responses = [FINE]
    printed = run_script(FIRST_CALL, server.url, str(tmp_path / "some.yaml"))

    assert printed == ["210987654321"] * 2
    assert len(server.requests) == 3


def test_secrets(player: ECRClient, server: Any, tmp_path: Path) -> None:
    """Data that ``before_record_request`` removes is not recorded, and calls are still replayed."""

    def without_signature(request: Any) -> Any:
        request.headers.pop("Authorization", None)
        return request

    path = tmp_path / "some.yaml"
    for mode in ("once", "none"):
        with vcr.use_cassette(str(path), record_mode=mode, before_record_request=without_signature):
            player.describe_registry()

    assert "authorization" in server.requests[0].headers
    assert len(server.requests) == 1
    assert "DescribeRegistry" in path.read_text(encoding="utf-8")
    assert "Signature=" not in path.read_text(encoding="utf-8")
