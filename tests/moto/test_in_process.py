"""The client without a server: under moto's in-process mock, and under ``responses``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from moto import mock_aws

from ecr_client import Credentials, ECRClient
from ecr_client.exceptions import (
    PaginationException,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
    ResponseParseException,
    TransportException,
    WaiterFailureException,
)
from ecr_client.models import (
    DescribeRepositoriesResult,
    GetLifecyclePolicyPreviewResult,
    ImageIdentifier,
    ImageTagMutability,
    Repository,
    Tag,
)
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

URL = "https://api.ecr.eu-west-1.amazonaws.com/"
NO_DIGEST = f"sha256:{'0' * 64}"


# --- moto ---------------------------------------------------------------------------------------


@pytest.fixture
def mocked() -> Iterator[ECRClient]:
    """Give a client under moto's mock, which also gives it credentials in the environment."""
    with mock_aws(), ECRClient(region="eu-west-1") as client:
        yield client


def test_repositories_under_the_mock(mocked: ECRClient) -> None:
    """A repository is made, described and deleted without a server."""
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    made = mocked.create_repository(
        repository_name="team/app", tags=[Tag(key="a", value="1")], image_tag_mutability="IMMUTABLE"
    ).repository
    tags = mocked.list_tags_for_resource(resource_arn=arn).tags
    described = mocked.describe_repositories().repositories
    mocked.delete_repository(repository_name="team/app")

    assert made is not None
    assert made.repository_arn == arn
    assert made.image_tag_mutability is ImageTagMutability.IMMUTABLE
    assert described == (made,)
    assert tags == (Tag(key="a", value="1"),)
    assert mocked.describe_repositories().repositories == ()


def test_images_under_the_mock(mocked: ECRClient, manifest: str) -> None:
    """An image is put, listed, got and deleted without a server."""
    mocked.create_repository(repository_name="team/app")
    put = mocked.put_image(repository_name="team/app", image_manifest=manifest, image_tag="v1")
    (one,) = mocked.paginate_list_images(repository_name="team/app")
    got = mocked.batch_get_image(repository_name="team/app", image_ids=[one]).raise_for_failures()
    deleted = mocked.batch_delete_image(repository_name="team/app", image_ids=[one])

    assert put.image is not None
    assert put.image.image_id == one
    assert [image.image_manifest for image in got.images] == [manifest]
    assert deleted.image_ids == (one,)
    assert mocked.list_images(repository_name="team/app").image_ids == ()


def test_layers_under_the_mock(mocked: ECRClient, layer: bytes) -> None:
    """A layer is uploaded, with all its bytes, without a server."""
    mocked.create_repository(repository_name="team/app")
    upload = mocked.initiate_layer_upload(repository_name="team/app").upload_id or ""
    mocked.upload_layer_part(
        repository_name="team/app",
        upload_id=upload,
        part_first_byte=0,
        part_last_byte=len(layer) - 1,
        layer_part_blob=layer,
    )
    digest = mocked.complete_layer_upload(
        repository_name="team/app", upload_id=upload, layer_digests=[NO_DIGEST]
    ).layer_digest

    assert digest == f"sha256:{hashlib.sha256(layer).hexdigest()}"


def test_errors_under_the_mock(mocked: ECRClient) -> None:
    """What the mock refuses is raised by its class."""
    mocked.create_repository(repository_name="team/app")

    with pytest.raises(RepositoryAlreadyExistsException):
        mocked.create_repository(repository_name="team/app")
    with pytest.raises(RepositoryNotFoundException):
        mocked.list_images(repository_name="no/such")


def test_tokens_under_the_mock(mocked: ECRClient) -> None:
    """A token is got without a server."""
    (data,) = mocked.get_authorization_token().authorization_data

    assert data.proxy_endpoint == "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_the_region_is_that_of_the_client_under_the_mock(mocked: ECRClient) -> None:
    """Repositories of one region are not in another one, to which the client can be moved."""
    mocked.create_repository(repository_name="team/app")
    before = mocked.describe_repositories().repositories
    mocked.set_region("us-west-2")

    assert [each.repository_name for each in before] == ["team/app"]
    assert mocked.describe_repositories().repositories == ()


def test_the_default_endpoint_works_under_the_mock() -> None:
    """A client without a region, whose host is the older one, is answered as well."""
    with mock_aws(), ECRClient() as client:
        client.create_repository(repository_name="team/app")
        (found,) = client.describe_repositories().repositories

    assert client.endpoint == "https://ecr.us-east-1.amazonaws.com"
    assert found.repository_uri == "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"


def test_boto3_is_in_the_same_mock(mocked: ECRClient) -> None:
    """What we make under the mock is there for boto3, and the other way round."""
    boto3 = pytest.importorskip("boto3")
    theirs = boto3.session.Session().client("ecr", region_name="eu-west-1")
    mocked.create_repository(repository_name="ours")
    theirs.create_repository(repositoryName="theirs")
    names = [each["repositoryName"] for each in theirs.describe_repositories()["repositories"]]
    ours = [each.repository_name for each in mocked.describe_repositories().repositories]

    assert names == ours == ["ours", "theirs"]


# --- responses ----------------------------------------------------------------------------------


@pytest.fixture
def client(credentials: Credentials) -> Iterator[ECRClient]:
    """Give a client that knows no server."""
    with ECRClient(region="eu-west-1", credentials=credentials) as made:
        yield made


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    """Give the mock of ``responses``, all of whose answers have to be used."""
    with responses.RequestsMock() as active:
        yield active


def _sent(mock: responses.RequestsMock) -> list[dict[str, Any]]:
    return [json.loads(call.request.body or b"") for call in mock.calls]


def test_responses_answers_a_call(client: ECRClient, mock: responses.RequestsMock) -> None:
    """An answer that is registered becomes the result, and the request can be looked at."""
    mock.post(
        URL,
        body=encode_result(DescribeRepositoriesResult(repositories=[example(Repository)])),
        headers={"x-amzn-RequestId": "id-1"},
        match=[responses.matchers.json_params_matcher({"maxResults": 10})],
    )

    result = client.describe_repositories(max_results=10)

    assert result.repositories == (example(Repository),)
    assert result.response_metadata.request_id == "id-1"
    target = mock.calls[0].request.headers["X-Amz-Target"]
    assert target == "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"


def test_responses_answers_with_an_error(client: ECRClient, mock: responses.RequestsMock) -> None:
    """An error that is registered is raised by its class."""
    mock.post(URL, status=400, json={"__type": "RepositoryNotFoundException", "message": "No."})

    with pytest.raises(RepositoryNotFoundException) as raised:
        client.list_images(repository_name="app")

    assert raised.value.error_message == "No."


def test_responses_answers_with_something_else(
    client: ECRClient, mock: responses.RequestsMock
) -> None:
    """A success that is no answer to the operation is an error."""
    mock.post(URL, body="<html></html>")

    with pytest.raises(ResponseParseException, match="ListImages"):
        client.list_images(repository_name="app")


def test_responses_breaks_the_connection(client: ECRClient, mock: responses.RequestsMock) -> None:
    """A failure of ``requests`` becomes one of ours, with the cause behind it."""
    mock.post(URL, body=requests.ConnectionError("gone"))

    with pytest.raises(TransportException) as raised:
        client.list_images(repository_name="app")

    assert isinstance(raised.value.__cause__, requests.ConnectionError)


def test_a_call_that_nobody_answers_stays_inside(
    client: ECRClient, mock: responses.RequestsMock
) -> None:
    """A call for which nothing is registered fails as one that gets no answer."""
    with pytest.raises(TransportException):
        client.describe_registry()

    assert len(mock.calls) == 1


def test_pages_are_asked_for_with_the_token_of_the_page_before(
    client: ECRClient, mock: responses.RequestsMock
) -> None:
    """Paging sends each token back, keeps the other members, and ends without a token."""
    pages = [(["a", "b"], "t1"), ([], "t2"), (["c"], None)]
    for tags, token in pages:
        ids = [{"imageTag": tag} for tag in tags]
        mock.post(URL, json={"imageIds": ids, "nextToken": token})

    found = client.paginate_list_images(repository_name="app", max_results=2)

    assert len(mock.calls) == 0
    assert [image.image_tag for image in found] == ["a", "b", "c"]
    common = {"repositoryName": "app", "maxResults": 2}
    tokens = [{}, {"nextToken": "t1"}, {"nextToken": "t2"}]
    assert _sent(mock) == [{**common, **token} for token in tokens]


def test_pages_that_repeat_are_an_error(client: ECRClient, mock: responses.RequestsMock) -> None:
    """A token that comes twice ends the paging with an error."""
    for _ in range(2):
        mock.post(URL, json={"imageIds": [{"imageTag": "a"}], "nextToken": "t1"})

    with pytest.raises(PaginationException, match="ListImages"):
        list(client.paginate_list_images(repository_name="app"))


def test_batches_are_split_and_their_answers_joined(
    client: ECRClient, mock: responses.RequestsMock
) -> None:
    """A list of 250 ids goes out in three calls, whose images and failures come back in order."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        ids = json.loads(request.body)["imageIds"]
        failure = {"imageId": ids[-1], "failureCode": "ImageNotFound"}
        sent = {"registryId": "1" * 12, "repositoryName": "app", "imageManifest": "{}"}
        images = [{**sent, "imageId": each} for each in ids[:-1]]
        return 200, {}, json.dumps({"images": images, "failures": [failure]})

    mock.add_callback(responses.POST, URL, answer)
    ids = [ImageIdentifier(image_tag=f"v{number}") for number in range(250)]

    result = client.batch_get_image_all(repository_name="app", image_ids=ids)

    assert [len(sent["imageIds"]) for sent in _sent(mock)] == [100, 100, 50]
    assert [image.image_id for image in result.images] == [*ids[:99], *ids[100:199], *ids[200:249]]
    assert [failure.image_id for failure in result.failures] == [ids[99], ids[199], ids[249]]


@pytest.mark.parametrize("size", [1, 100])
def test_a_list_that_fits_into_one_call_is_not_split(
    client: ECRClient, mock: responses.RequestsMock, size: int
) -> None:
    """Up to 100 digests go out in one call."""
    mock.post(URL, json={"layers": [], "failures": []})
    digests = [f"sha256:{number:064x}" for number in range(size)]

    client.batch_check_layer_availability_all(repository_name="app", layer_digests=digests)

    assert [sent["layerDigests"] for sent in _sent(mock)] == [digests]


def test_a_waiter_asks_until_the_scan_is_complete(
    client: ECRClient, mock: responses.RequestsMock
) -> None:
    """A waiter sleeps between its calls and returns the answer that ended it."""
    for status in ("IN_PROGRESS", "PENDING", "COMPLETE"):
        mock.post(URL, json={"imageScanStatus": {"status": status}})
    slept: list[float] = []

    result = client.wait_until_image_scan_complete(
        repository_name="app", image_id=ImageIdentifier(image_tag="v1"), sleep=slept.append
    )

    assert slept == [5, 5]
    assert result.image_scan_status is not None
    assert result.image_scan_status.status == "COMPLETE"


def test_a_waiter_gives_up_when_the_preview_has_failed(
    client: ECRClient, mock: responses.RequestsMock
) -> None:
    """A waiter ends with an error as soon as success can no longer come."""
    for status in ("IN_PROGRESS", "FAILED"):
        mock.post(URL, body=encode_result(example(GetLifecyclePolicyPreviewResult, status=status)))
    slept: list[float] = []

    with pytest.raises(WaiterFailureException, match="FAILED"):
        client.wait_until_lifecycle_policy_preview_complete(
            repository_name="app", sleep=slept.append
        )

    assert slept == [5]
