"""The client: what it is made of, where it calls, that it ends, and how it is replaced in tests."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import create_autospec

import attrs
import botocore.session
import pytest

from ecr_client import (
    AmazonECR,
    ClientConfiguration,
    Credentials,
    ECRClient,
    Operation,
    Region,
    models,
    operations,
)
from ecr_client.endpoints import resolve_endpoint
from ecr_client.exceptions import (
    ClientShutdownException,
    InvalidEndpointException,
    InvalidRegionException,
    ParamValidationException,
)
from ecr_client.models import ImageIdentifier, ListImagesRequest, ListImagesResult
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

#: The members of the interface, as it names them.
INTERFACE = (
    "batchCheckLayerAvailability",
    "batchDeleteImage",
    "batchGetImage",
    "completeLayerUpload",
    "createRepository",
    "deleteRepository",
    "deleteRepositoryPolicy",
    "describeRepositories",
    "getAuthorizationToken",
    "getCachedResponseMetadata",
    "getDownloadUrlForLayer",
    "getRepositoryPolicy",
    "initiateLayerUpload",
    "listImages",
    "putImage",
    "setEndpoint",
    "setRegion",
    "setRepositoryPolicy",
    "shutdown",
    "uploadLayerPart",
)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CONFIG = """
[default]
region = eu-north-1

[profile other]
region = ap-south-1
endpoint_url = http://127.0.0.1:1/profile

[profile plain]
"""


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def where(client: ECRClient) -> tuple[str, str]:
    return client.endpoint, client.region


@pytest.fixture
def profiles(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure two profiles with regions of their own."""
    path = tmp_path / "config"
    path.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))


# --- the interface --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INTERFACE)
def test_each_member(name: str) -> None:
    """Interface and client have each member, with a description and the same parameters."""
    declared, implemented = (getattr(cls, snake(name)) for cls in (AmazonECR, ECRClient))

    assert vars(AmazonECR)[snake(name)] is declared
    assert inspect.getdoc(declared)
    assert inspect.getdoc(implemented)
    assert inspect.signature(declared) == inspect.signature(implemented)


def test_the_interface() -> None:
    """There are twenty members, and the constant."""
    assert len(set(INTERFACE)) == 20
    assert ECRClient.ENDPOINT_PREFIX == AmazonECR.ENDPOINT_PREFIX == "ecr"


def test_all_operations() -> None:
    """There is a method for each of the 62 operations, which is more than botocore's client has."""
    names = {snake(operation) for operation in OPERATIONS}
    model = botocore.session.Session().get_service_model("ecr")

    assert len(names) == 62
    assert {name for name in names if callable(getattr(AmazonECR, name, None))} == names
    assert {snake(operation) for operation in model.operation_names} <= names


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_each_method_is_its_operation(operation: str) -> None:
    """Each method passes on its own operation, the request, and every member of it by its name."""

    class Recorder(ECRClient):
        def __init__(self) -> None:
            pass

        def invoke(self, operation: Any, request: Any) -> Any:
            return operation, request

    method = getattr(Recorder(), snake(operation))
    parameters = list(inspect.signature(method).parameters.values())[1:]
    values = {parameter.name: object() for parameter in parameters}
    called, request = method(**values)

    assert called is OPERATIONS[operation]
    assert type(request) is getattr(models, f"{operation}Request")
    assert {name: getattr(request, name) for name in attrs.fields_dict(type(request))} == values
    assert method(request)[1] is request
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)


# --- where it calls -------------------------------------------------------------------------------


@pytest.mark.usefixtures("profiles")
def test_region_and_endpoint_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile's settings count where neither argument nor environment says otherwise."""
    with ECRClient() as client:
        assert where(client) == ("https://api.ecr.eu-north-1.amazonaws.com", "eu-north-1")
    with ECRClient(profile="other") as client:
        assert where(client) == ("http://127.0.0.1:1/profile", "ap-south-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with ECRClient(profile="other", endpoint="localhost:2") as client:
        assert where(client) == ("https://localhost:2", "eu-west-1")


NAMED = {"AWS_PROFILE": "plain"}


@pytest.mark.parametrize(
    ("variables", "arguments", "warns"),
    [
        ({}, {}, False),
        ({}, {"profile": "other"}, False),
        ({}, {"profile": "plain"}, True),
        (NAMED, {}, True),
        (NAMED, {"session": botocore.session.Session()}, True),
        (NAMED, {"endpoint": "localhost"}, True),
        (NAMED, {"config": ClientConfiguration(use_fips_endpoint=True)}, True),
        (NAMED, {"region": "eu-west-1"}, False),
        (NAMED, {"endpoint": "api.ecr.eu-west-1.amazonaws.com"}, False),
        ({**NAMED, "AWS_REGION": "eu-west-1"}, {}, False),
    ],
)
@pytest.mark.usefixtures("profiles")
def test_a_profile_without_a_region(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    arguments: dict[str, Any],
    warns: bool,
) -> None:
    """Where a profile is named and no region found, a line in the log says which one is used."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ECRClient(**arguments)
    found = [each.getMessage() for each in caplog.records if each.name == "ecr_client"]

    assert ["'plain' has no region" in each and "us-east-1" in each for each in found] == [
        True
    ] * warns


@pytest.mark.parametrize("region", ["eu-west-1", Region.get_region("eu-west-1")])
def test_region_forms(region: Any) -> None:
    """A region may be an object or a name, in the constructor and in set_region."""
    with ECRClient(region=region) as client, ECRClient() as other:
        other.set_region(region)

        assert where(client) == where(other)
        assert client.region == "eu-west-1"


@pytest.mark.parametrize("use_fips", [False, True])
@pytest.mark.parametrize("use_dualstack", [False, True])
def test_variants(monkeypatch: pytest.MonkeyPatch, use_fips: bool, use_dualstack: bool) -> None:
    """FIPS and dual-stack endpoints come from configuration or environment, also in set_region."""
    options = {"use_fips_endpoint": use_fips, "use_dualstack_endpoint": use_dualstack}
    # What the names are is tested with the endpoints; they differ between releases of botocore.
    west = resolve_endpoint("us-west-2", use_fips=use_fips, use_dualstack=use_dualstack).url
    with ECRClient(region="us-west-2", config=ClientConfiguration(**options)) as client:
        assert client.endpoint == west

        client.set_region("us-east-1")

        assert client.endpoint == west.replace("us-west-2", "us-east-1")
    for name, value in options.items():
        monkeypatch.setenv(f"AWS_{name.upper()}", str(value).lower())
    with ECRClient(region="us-west-2") as client:
        assert client.endpoint == west


def test_endpoint_and_region_are_read_only() -> None:
    """Both are changed by their methods only."""
    with ECRClient() as client:
        before = where(client)
        for name in ("endpoint", "region"):
            with pytest.raises(AttributeError):
                setattr(client, name, "eu-west-1")

        assert where(client) == before


def test_set_endpoint() -> None:
    """A host takes the configured protocol; the region follows an AWS host and no other."""
    with ECRClient(config=ClientConfiguration(protocol="http")) as client:
        client.set_endpoint("ecr.eu-west-1.amazonaws.com")

        assert where(client) == ("http://ecr.eu-west-1.amazonaws.com", "eu-west-1")

        client.set_endpoint("https://localhost:4566/path")

        assert where(client) == ("https://localhost:4566/path", "eu-west-1")


def test_a_refused_change_changes_nothing() -> None:
    """After a bad endpoint or region the client goes on with the one that it had."""
    with ECRClient(region="eu-west-1") as client:
        before = where(client)
        with pytest.raises(InvalidEndpointException):
            client.set_endpoint("http://")
        with pytest.raises(InvalidRegionException):
            client.set_region("nowhere")

        assert where(client) == before


# --- its end --------------------------------------------------------------------------------------


def test_shutdown_is_final_and_idempotent(server: Any, client: ECRClient) -> None:
    """After the shutdown every call raises, naming its operation; another shutdown is no error."""
    client.shutdown()
    client.shutdown()

    with pytest.raises(ClientShutdownException, match=r"^ListImages: .*shut down"):
        client.list_images(repository_name="app")
    with pytest.raises(ClientShutdownException, match=r"^ListImages: .*shut down"):
        client.list_images(ListImagesRequest(repository_name="app"))
    assert server.requests == []


def test_close() -> None:
    """Closing a client is shutting it down, also where a subclass does that in its own way."""

    class Noisy(ECRClient):
        def shutdown(self) -> None:
            ended.append(self)
            super().shutdown()

    ended: list[ECRClient] = []
    with contextlib.closing(Noisy()) as client:
        pass

    assert ended == [client]
    with pytest.raises(ClientShutdownException):
        client.describe_registry()


@pytest.mark.parametrize("error", [None, KeyError])
def test_context_manager(error: type[Exception] | None) -> None:
    """The block gives the client itself and shuts it down at its end, however it ends."""
    made = ECRClient()
    with contextlib.suppress(KeyError), made as client:
        assert client is made

        if error:
            raise error
    with pytest.raises(ClientShutdownException):
        made.list_images(repository_name="app")


def test_a_shut_down_client_affects_no_other(server: Any, credentials: Credentials) -> None:
    """Clients share nothing that a shutdown would close."""
    first = ECRClient(endpoint=server.url, credentials=credentials)
    with ECRClient(endpoint=server.url, credentials=credentials) as second:
        first.list_images(repository_name="app")
        first.shutdown()

        assert second.list_images(repository_name="app").image_ids == ()


# --- what it shows --------------------------------------------------------------------------------


def test_repr_shows_where_and_no_secrets() -> None:
    """The repr names endpoint and region; neither it nor the attributes' reprs show a secret."""
    keys = Credentials("AKID", SECRET, "t0ken")
    config = ClientConfiguration(proxies={"https": "http://user:s3cret@proxy:1"})
    with ECRClient(region="eu-west-1", credentials=keys, config=config) as client:
        text = repr(client)
        inside = repr(vars(client))

    assert text == "<ECRClient https://api.ecr.eu-west-1.amazonaws.com (eu-west-1)>"
    assert [secret for secret in (SECRET, "s3cret", "t0ken") if secret in inside] == []


# --- test doubles ---------------------------------------------------------------------------------


def test_autospec() -> None:
    """An autospec answers as told, and refuses what the client does not have."""
    mock: Any = create_autospec(ECRClient, instance=True)
    mock.list_images.return_value = ListImagesResult()

    assert mock.list_images(repository_name="app") == ListImagesResult()
    mock.list_images.assert_called_once_with(repository_name="app")
    with pytest.raises(TypeError):
        mock.list_images(nonsense="app")
    with pytest.raises(AttributeError):
        _ = mock.nonsense
    assert isinstance(mock, ECRClient)


def test_a_subclass_with_one_method_of_its_own(server: Any, credentials: Credentials) -> None:
    """A subclass may answer one operation itself and leave the rest to the client."""

    class Partly(ECRClient):
        def list_images(self, *_: Any, **__: Any) -> ListImagesResult:
            return ListImagesResult(image_ids=[ImageIdentifier(image_tag="fake")])

    with Partly(endpoint=server.url, credentials=credentials) as client:
        assert client.list_images(repository_name="app").image_ids[0].image_tag == "fake"
        assert client.describe_repositories().repositories == ()
    assert len(server.requests) == 1


@pytest.fixture
def fake() -> Iterator[ECRClient]:
    """Yield a client whose one seam is replaced."""

    class Fake(ECRClient):
        def invoke(self, operation: Any, request: Any) -> Any:
            return ListImagesResult(image_ids=[ImageIdentifier(image_tag=operation.name)])

    with Fake() as made:
        yield made


def test_a_subclass_with_its_own_invoke(fake: ECRClient) -> None:
    """Operations and paginators all go through the one seam, without any credentials."""
    tags = [image.image_tag for image in fake.paginate_list_images(repository_name="app")]

    assert fake.list_images(repository_name="app").image_ids[0].image_tag == "ListImages"
    assert tags == ["ListImages"]


@pytest.mark.parametrize(
    ("member", "arguments", "lacking"),
    [
        ("list_images", [ListImagesRequest(repository_name="app")], "ListImages"),
        ("set_endpoint", ["localhost"], "set_endpoint"),
        ("set_region", ["eu-west-1"], "set_region"),
        (
            "get_cached_response_metadata",
            [ListImagesRequest(repository_name="app")],
            "get_cached_response_metadata",
        ),
        ("shutdown", [], "shutdown"),
    ],
)
def test_the_bare_interface(member: str, arguments: list[Any], lacking: str) -> None:
    """The interface alone says which class lacks what."""

    class Double(AmazonECR):
        pass

    with pytest.raises(NotImplementedError, match=f"^Double does not implement {lacking}$"):
        getattr(Double(), member)(*arguments)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_double_that_overrides_only_invoke(operation: str) -> None:
    """A class that derives from the interface and has only `invoke` answers every operation."""

    class Double(AmazonECR):
        def invoke(self, operation: Operation[Any, Any], request: Any) -> Any:
            return example(operation.result_class)

    method = getattr(Double(), snake(operation))
    fields = attrs.fields(OPERATIONS[operation].request_class)
    required = {field.name: "app" for field in fields if field.default is attrs.NOTHING}

    assert method(**required) == example(getattr(models, f"{operation}Result"))


# --- invoke ---------------------------------------------------------------------------------------


def test_invoke(server: Any, client: ECRClient) -> None:
    """An operation as an object makes the call that its method makes."""
    request = ListImagesRequest(repository_name="app")
    invoked = client.invoke(operations.LIST_IMAGES, request)
    called = client.list_images(request)

    assert type(invoked) is type(called) is ListImagesResult
    assert client.get_cached_response_metadata(request) is called.response_metadata
    assert server.requests[0].body == server.requests[1].body
    assert server.requests[0].headers["x-amz-target"].endswith(".ListImages")


@pytest.mark.parametrize("wrong", [None, {}, models.DescribeImagesRequest(repository_name="app")])
def test_invoke_with_the_request_of_another(server: Any, client: ECRClient, wrong: Any) -> None:
    """What is no request of the operation is refused before anything is sent."""
    with pytest.raises(ParamValidationException, match=r"^ListImages: request must be"):
        client.invoke(operations.LIST_IMAGES, wrong)

    assert server.requests == []


class Observed(ECRClient):
    """Records what is invoked."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.invoked: list[tuple[str, Any]] = []

    def invoke(self, operation: Any, request: Any) -> Any:
        self.invoked.append((operation.name, request))
        return super().invoke(operation, request)


@pytest.fixture
def observed(server: Any, credentials: Credentials) -> Iterator[Observed]:
    """Yield a client that records what is invoked."""
    with Observed(endpoint=server.url, credentials=credentials) as made:
        yield made


def test_every_page_is_invoked(server: Any, observed: Observed) -> None:
    """An overridden `invoke` sees each page; the first with the object that the caller passed."""
    server.answers = [(200, {}, b'{"nextToken": "t1"}'), (200, {}, b"{}")]
    request = ListImagesRequest(repository_name="app")
    list(observed.paginate_list_images(request))

    assert observed.invoked == [
        ("ListImages", request),
        ("ListImages", ListImagesRequest(repository_name="app", next_token="t1")),
    ]
    assert observed.invoked[0][1] is request


def test_every_poll_is_invoked(server: Any, observed: Observed) -> None:
    """An overridden `invoke` sees each poll of a waiter."""
    previews = [
        example(models.GetLifecyclePolicyPreviewResult, status=status)
        for status in ("IN_PROGRESS", "COMPLETE")
    ]
    server.answers = [(200, {}, encode_result(preview)) for preview in previews]
    request = models.GetLifecyclePolicyPreviewRequest(repository_name="app")
    observed.wait_until_lifecycle_policy_preview_complete(request, sleep=lambda _: None)

    assert observed.invoked == [("GetLifecyclePolicyPreview", request)] * 2


def test_every_call_of_a_batch_is_invoked(observed: Observed) -> None:
    """An overridden `invoke` sees each call that a long list is split into."""
    ids = [ImageIdentifier(image_tag=str(number)) for number in range(150)]
    observed.batch_get_image_all(repository_name="app", image_ids=ids)

    assert observed.invoked == [
        ("BatchGetImage", models.BatchGetImageRequest(repository_name="app", image_ids=part))
        for part in (ids[:100], ids[100:])
    ]


def test_views_are_observed(observed: Observed) -> None:
    """A view of a client of a subclass goes through its `invoke`, too."""
    observed.with_options(timeout=5).list_images(repository_name="app")

    assert [name for name, _ in observed.invoked] == ["ListImages"]
