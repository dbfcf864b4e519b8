"""The calls of a client: what they send, with whose keys, and what may change meanwhile."""

from __future__ import annotations

import datetime
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
import responses
from botocore.credentials import RefreshableCredentials

from ecr_client import Credentials, ECRClient
from ecr_client.models import ListImagesRequest, ListImagesResult

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def where(client: ECRClient) -> tuple[str, str]:
    return client.endpoint, client.region


def scope(request: Any) -> tuple[str, str, str]:
    """Return access key, region and service of a request's signature."""
    headers = {name.lower(): text for name, text in request.headers.items()}
    parts = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return parts[0], parts[2], parts[3]


# --- calls ----------------------------------------------------------------------------------------


def test_requests_and_keywords_send_the_same(server: Any, client: ECRClient) -> None:
    """A request object and the same members as keywords make the same call."""
    client.list_images(ListImagesRequest(repository_name="app", max_results=5))
    client.list_images(repository_name="app", max_results=5)
    first, second = server.requests

    assert first.body == second.body == b'{"repositoryName": "app", "maxResults": 5}'
    assert (first.method, first.path) == ("POST", "/")
    assert first.headers["x-amz-target"] == "AmazonEC2ContainerRegistry_V20150921.ListImages"
    assert first.headers["content-type"] == "application/x-amz-json-1.1"


def test_a_call_in_flight_keeps_its_endpoint(server: Any, credentials: Credentials) -> None:
    """A call that has begun is signed for and sent to where it began; the next one goes elsewhere.

    The credentials are asked for in the middle of a call, and here they change the client.
    """

    def interfere() -> Credentials:
        client.set_region("us-west-2")
        return credentials

    with ECRClient(region="eu-west-1", endpoint=server.url, credentials=interfere) as client:
        client.list_images(repository_name="app")

        assert [scope(request)[1] for request in server.requests] == ["eu-west-1"]
        assert where(client) == ("https://api.ecr.us-west-2.amazonaws.com", "us-west-2")


def test_endpoint_and_region_change_together(credentials: Credentials) -> None:
    """While one thread changes the region, each call has host and signature of one region."""
    regions, stop = ["eu-west-1", "us-west-2", "ap-south-1"], threading.Event()

    def change(client: ECRClient) -> None:
        while not stop.is_set():
            for region in regions:
                client.set_region(region)

    with (
        responses.RequestsMock() as mocked,
        ECRClient(region=regions[0], credentials=credentials) as client,
    ):
        mocked.post(re.compile("https://api.ecr..*"), json={})
        changing = threading.Thread(target=change, args=(client,))
        changing.start()
        for number in range(50_000):
            client.list_images(repository_name="app")
            hosts = {urlsplit(call.request.url).hostname for call in list(mocked.calls)[-150:]}
            if number >= 150 and len(hosts) > 1:
                break
        stop.set()
        changing.join()
        calls = [
            (urlsplit(call.request.url).hostname, scope(call.request)) for call in mocked.calls
        ]

    assert len({host for host, _ in calls}) > 1, "nothing changed, so this test shows nothing"
    for host, (_, region, service) in calls:
        assert (host, service) == (f"api.ecr.{region}.amazonaws.com", "ecr")


def test_credentials_are_asked_for_late_and_every_time(server: Any) -> None:
    """Building a client asks for no credentials; each call asks anew."""
    given = []

    def rotate() -> Credentials:
        given.append(f"AKID{len(given)}")
        return Credentials(given[-1], SECRET)

    with ECRClient(endpoint=server.url, credentials=rotate) as client:
        assert given == []

        for _ in range(3):
            client.list_images(repository_name="app")
    assert (
        [scope(request)[0] for request in server.requests] == given == ["AKID0", "AKID1", "AKID2"]
    )


def test_refreshable_credentials_are_refreshed(server: Any) -> None:
    """Keys that have expired by the next call are replaced by then."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hours = iter([1, 1])

    def refresh() -> dict[str, str]:
        soon = now + datetime.timedelta(hours=next(hours))
        return {
            "access_key": f"AKID{soon.hour}",
            "secret_key": SECRET,
            "token": "t0ken",
            "expiry_time": soon.isoformat(),
        }

    keys = RefreshableCredentials("AKIDOLD", SECRET, "old", now, refresh, "test")
    with ECRClient(endpoint=server.url, credentials=keys) as client:
        client.list_images(repository_name="app")
        client.list_images(repository_name="app")
    tokens = [request.headers["x-amz-security-token"] for request in server.requests]

    assert tokens == ["t0ken", "t0ken"]
    assert len(list(hours)) == 1, "credentials that are good for an hour were refreshed twice"


def test_threads_share_a_client(server: Any, client: ECRClient) -> None:
    """Threads that make the first calls at once each get their own answer."""
    start = threading.Barrier(8)

    def call(number: int) -> list[Any]:
        start.wait()
        names = [f"app-{number}-{turn}" for turn in range(3)]
        return [client.list_images(ListImagesRequest(repository_name=name)) for name in names]

    with ThreadPoolExecutor(8) as pool:
        results = [result for found in pool.map(call, range(8)) for result in found]

    assert [type(result) for result in results] == [ListImagesResult] * 24
    assert len({request.body for request in server.requests}) == 24


def test_session(server: Any) -> None:
    """A session gives region and credentials."""
    session = botocore.session.Session()
    session.set_credentials("AKIDSESSION", SECRET)
    session.set_config_variable("region", "sa-east-1")
    with ECRClient(session=session, endpoint=server.url) as client:
        client.list_images(repository_name="app")

        assert client.region == "sa-east-1"
    assert scope(server.requests[0]) == ("AKIDSESSION", "sa-east-1", "ecr")


# --- pickles ---


def test_a_client_pickles_its_configuration(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the environment's credentials arrives elsewhere with endpoint and region."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with ECRClient(region="eu-west-1", endpoint=server.url) as client:
        client.list_images(repository_name="app")
        data = pickle.dumps(client)
    with pickle.loads(data) as arrived:
        arrived.list_images(repository_name="app")

        assert where(arrived) == where(client)
    assert SECRET.encode() not in data
    assert [scope(request)[0] for request in server.requests] == ["AKIDENV", "AKIDENV"]
