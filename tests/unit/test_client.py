"""The client: its interface, endpoint and arguments, its shutdown, and its subclasses."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import attrs
import botocore.session
import pytest
from botocore import xform_name

from ecr_client import (
    AmazonECR,
    ClientConfiguration,
    Credentials,
    ECRClient,
    Region,
    models,
    operations,
)
from ecr_client.endpoints import resolve_endpoint
from ecr_client.exceptions import (
    AmazonClientException,
    ClientShutdownException,
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
    ParamValidationException,
)
from ecr_client.models import ImageIdentifier, ListImagesRequest, ListImagesResult
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example

#: The members of the interface, by their names in Java.
INTERFACE = """
    batchCheckLayerAvailability batchDeleteImage batchGetImage completeLayerUpload createRepository
    deleteRepository deleteRepositoryPolicy describeRepositories getAuthorizationToken
    getCachedResponseMetadata getDownloadUrlForLayer getRepositoryPolicy initiateLayerUpload
    listImages putImage setEndpoint setRegion setRepositoryPolicy shutdown uploadLayerPart
"""
SECRET = "s3cret"
KEYS = Credentials("AKID", SECRET)
IMAGE = ImageIdentifier(image_tag="v1")
IMAGES: dict[str, Any] = {"repository_name": "app", "image_ids": [IMAGE] * 200}
APP = ListImagesRequest(repository_name="app")
CONFIG = """
[default]
region = eu-north-1
[profile other]
region = ap-south-1
endpoint_url = http://127.0.0.1:1/profile
[profile plain]
"""
FIPS = ClientConfiguration(use_fips_endpoint=True)


def where(client: ECRClient) -> tuple[str, str]:
    return client.endpoint, client.region


def signed_with(request: Any) -> tuple[str, str]:
    """Return the access key and the region of a request's signature."""
    parts = request.headers["authorization"].partition("Credential=")[2].split("/")
    return parts[0], parts[2]


@pytest.fixture
def profiles(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure two profiles with regions of their own."""
    path = tmp_path / "config"
    path.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))


# --- the interface --------------------------------------------------------------------------------


def test_the_interface() -> None:
    """The interface has a prefix and twenty documented members with the client's signatures."""
    names = INTERFACE.split()

    assert len(set(names)) == 20
    assert ECRClient.ENDPOINT_PREFIX == AmazonECR.ENDPOINT_PREFIX == "ecr"
    for name in map(xform_name, names):
        declared, implemented = vars(AmazonECR)[name], getattr(ECRClient, name)

        assert inspect.getdoc(declared)
        assert inspect.getdoc(implemented)
        assert inspect.signature(declared) == inspect.signature(implemented)


@pytest.mark.parametrize("base", [AmazonECR, ECRClient])
def test_each_method_is_its_operation(base: Any) -> None:
    """All that a method does is pass its operation and the whole request on to `invoke`."""

    class Recorder(base):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def invoke(self, operation: Any, request: Any) -> Any:
            return operation, request

    for name, operation in OPERATIONS.items():
        method = getattr(Recorder(), xform_name(name))
        parameters = list(inspect.signature(method).parameters.values())[1:]
        values = {parameter.name: object() for parameter in parameters}
        called, request = method(**values)

        assert called is operation
        assert type(request) is operation.request_class
        assert {each: getattr(request, each) for each in attrs.fields_dict(type(request))} == values
        assert method(request)[1] is request
        assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)


def test_the_bare_interface() -> None:
    """A member that a subclass of the interface lacks raises an error that names both."""

    class Double(AmazonECR):
        pass

    members: dict[str, Any] = {"set_endpoint": ["h"], "set_region": ["r"], "shutdown": []}
    for name, arguments in {**members, "get_cached_response_metadata": [APP]}.items():
        with pytest.raises(NotImplementedError, match=f"^Double does not implement {name}$"):
            getattr(Double(), name)(*arguments)
    with pytest.raises(NotImplementedError, match=r"^Double does not implement ListImages$"):
        Double().list_images(APP)


# --- endpoint and region --------------------------------------------------------------------------


@pytest.mark.usefixtures("profiles")
def test_region_and_endpoint_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile's settings apply unless an argument or the environment overrides them."""
    assert where(ECRClient()) == ("https://api.ecr.eu-north-1.amazonaws.com", "eu-north-1")
    assert where(ECRClient(profile="other")) == ("http://127.0.0.1:1/profile", "ap-south-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client = ECRClient(profile="other", endpoint="localhost:2")
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
        (NAMED, {"config": FIPS}, True),
        (NAMED, {"region": "eu-west-1"}, False),
        (NAMED, {"endpoint": "api.ecr.eu-west-1.amazonaws.com"}, False),
        ({**NAMED, "AWS_REGION": "eu-west-1"}, {}, False),
    ],
)
@pytest.mark.usefixtures("profiles")
def test_a_profile_without_a_region(
    monkeypatch: pytest.MonkeyPatch, caplog: Any, variables: Any, arguments: Any, warns: bool
) -> None:
    """If a profile is named and no region is found, a log record says which one is used."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ECRClient(**arguments)
    found = [each.getMessage() for each in caplog.records if each.name == "ecr_client"]

    assert len(found) == warns
    assert all("'plain' has no region" in each and "us-east-1" in each for each in found)


def test_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIPS and dual-stack come from configuration or environment, and set_region keeps them."""
    options: dict[str, Any] = {"use_fips_endpoint": True, "use_dualstack_endpoint": True}
    # Their names differ between releases of botocore, and are tested in test_endpoints.py.
    west = resolve_endpoint("us-west-2", use_fips=True, use_dualstack=True).url
    client = ECRClient(region="us-west-2", config=ClientConfiguration(**options))
    assert client.endpoint == west
    client.set_region("us-east-1")
    assert client.endpoint == west.replace("us-west-2", "us-east-1")
    for name in options:
        monkeypatch.setenv(f"AWS_{name.upper()}", "true")
    assert ECRClient(region="us-west-2").endpoint == west


def test_changes_of_the_endpoint() -> None:
    """A host gets the configured protocol, an AWS host sets the region, an error nothing."""
    client = ECRClient(config=ClientConfiguration(protocol="http"))
    client.set_endpoint("ecr.eu-west-1.amazonaws.com")
    assert where(client) == ("http://ecr.eu-west-1.amazonaws.com", "eu-west-1")
    client.set_endpoint("https://localhost:4566/path")
    before = where(client)
    assert before == ("https://localhost:4566/path", "eu-west-1")
    with pytest.raises(InvalidEndpointException):
        client.set_endpoint("http://")
    with pytest.raises(InvalidEndpointException, match="NoneType"):
        client.set_endpoint(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidRegionException):
        client.set_region("nowhere")
    with pytest.raises(InvalidRegionException, match="NoneType"):
        client.set_region(None)  # type: ignore[arg-type]
    for name in ("endpoint", "region"):
        with pytest.raises(AttributeError):
            setattr(client, name, "eu-west-1")
    assert where(client) == before
    assert repr(client) == "<ECRClient https://localhost:4566/path (eu-west-1)>"
    client.set_region(Region.get_region("sa-east-1"))
    assert where(client) == ("http://api.ecr.sa-east-1.amazonaws.com", "sa-east-1")


def test_a_call_in_flight_keeps_its_endpoint(server: Any) -> None:
    """A call is signed for, and sent to, the endpoint that the client had when it began.

    Its keys are requested at that time, and no earlier; here, that changes the client.
    """
    given = []

    def rotate() -> Credentials:
        client.set_region("us-west-2")
        given.append(f"AKID{len(given)}")
        return Credentials(given[-1], SECRET)

    with ECRClient(region="eu-west-1", endpoint=server.url, credentials=rotate) as client:
        assert given == []
        client.list_images(repository_name="app")
        assert where(client) == ("https://api.ecr.us-west-2.amazonaws.com", "us-west-2")
        client.set_endpoint(server.url)
        client.list_images(repository_name="app")

    first, second = map(signed_with, server.requests)
    assert (first, second) == (("AKID0", "eu-west-1"), ("AKID1", "us-west-2"))


# --- arguments that cannot work -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"config": {}}, "config.*dict"),
        ({"config": ClientConfiguration}, "config.*type"),
        ({"profile": ""}, "profile.*''"),
        ({"profile": 5}, "profile.*5"),
        ({"profile": "missing"}, "profile.*'missing'"),
        ({"credentials": KEYS, "profile": "p"}, "profile"),
        ({"endpoint": "h", "config": FIPS}, "FIPS"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], part: str) -> None:
    """Unusable and contradictory arguments are refused by their names."""
    with pytest.raises(InvalidConfigurationException, match=part) as caught:
        ECRClient(**arguments)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "error"),
    [
        ("AWS_REGION", "no where", InvalidRegionException),
        ("AWS_ENDPOINT_URL_ECR", f"http://u:{SECRET}@localhost", InvalidEndpointException),
        ("AWS_ENDPOINT_URL", "http://", InvalidEndpointException),
        ("AWS_USE_FIPS_ENDPOINT", "yes", InvalidConfigurationException),
        ("AWS_PROFILE", "missing", InvalidConfigurationException),
    ],
)
def test_bad_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, error: type[AmazonClientException]
) -> None:
    """An unusable setting in the environment is refused by the name of its variable."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(error, match=variable) as caught:
        ECRClient()

    assert SECRET not in str(caught.value)


def test_missing_ca_bundle(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing CA bundle fails the first call that needs it, and the error names the variable."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    with ECRClient(endpoint=server.url, credentials=KEYS) as client:
        client.list_images(repository_name="app")
        client.set_endpoint(server.url.replace("http:", "https:"))
        with pytest.raises(InvalidConfigurationException, match=r"'/nowhere/.* AWS_CA_BUNDLE"):
            client.list_images(repository_name="app")

    assert len(server.requests) == 1


# --- shutdown -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("ListImages", lambda c: c.list_images(repository_name="app")),
        ("ListImages", lambda c: c.list_images(APP)),
        ("ListImages", lambda c: c.invoke(operations.LIST_IMAGES, None)),
        ("ListImages", lambda c: list(c.paginate_list_images(repository_name="app"))),
        ("BatchGetImage", lambda c: c.batch_get_image_all(**IMAGES)),
        ("DescribeImages", lambda c: c.wait_until_image_exists(**IMAGES)),
    ],
)
def test_closed_client(
    server: Any, client: ECRClient, call: Callable[[ECRClient], object], operation: str
) -> None:
    """After a shutdown, every way to call is refused, and a second shutdown is not an error."""
    with ECRClient(endpoint=server.url, credentials=KEYS) as other:
        client.shutdown()
        client.shutdown()
        with pytest.raises(ClientShutdownException, match=f"^{operation}: the client was shut d"):
            call(client)
        # Clients share nothing that a shutdown would close.
        assert server.requests == []
        assert other.list_images(repository_name="app").image_ids == ()


@pytest.mark.parametrize("error", [None, KeyError])
@pytest.mark.parametrize("close", [contextlib.closing, lambda client: client])
def test_blocks(close: Any, error: type[Exception] | None) -> None:
    """A with block yields the client itself and shuts it down, by a subclass's method if any."""

    class Noisy(ECRClient):
        def shutdown(self) -> None:
            ended.append(self)
            super().shutdown()

    ended: list[ECRClient] = []
    made = Noisy()
    with contextlib.suppress(KeyError), close(made) as client:
        assert client is made
        if error:
            raise error

    assert ended == [made]
    with pytest.raises(ClientShutdownException):
        made.describe_registry()


# --- invoke, and subclasses -----------------------------------------------------------------------


def test_invoke(server: Any, client: ECRClient) -> None:
    """`invoke` makes the same call as the operation's method, and accepts only its request."""
    invoked, called = client.invoke(operations.LIST_IMAGES, APP), client.list_images(APP)
    wrong: Any
    for wrong in (None, {}, models.DescribeImagesRequest(repository_name="app")):
        with pytest.raises(ParamValidationException, match=r"^ListImages: request must be"):
            client.invoke(operations.LIST_IMAGES, wrong)

    assert type(invoked) is type(called) is ListImagesResult
    assert client.get_cached_response_metadata(APP) is called.response_metadata
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body
    assert server.requests[0].headers["x-amz-target"].endswith(".ListImages")


def test_a_subclass_with_one_method_of_its_own(server: Any) -> None:
    """A subclass may override one operation and leave the rest to the client."""

    class Partly(ECRClient):
        def list_images(self, *_: Any, **__: Any) -> ListImagesResult:
            return ListImagesResult(image_ids=[IMAGE])

    with Partly(endpoint=server.url, credentials=KEYS) as client:
        assert client.list_images(repository_name="app").image_ids == (IMAGE,)
        assert client.describe_repositories().repositories == ()
    assert len(server.requests) == 1


def test_an_overridden_invoke_sees_everything(server: Any) -> None:
    """An overridden `invoke` sees each page, poll and batch, of views as well, as it was passed.

    What it returns is used as the result, and needs no credentials.
    """
    preview = models.GetLifecyclePolicyPreviewRequest(repository_name="app")
    ids = [ImageIdentifier(image_tag=str(number)) for number in range(150)]
    previews = [
        example(models.GetLifecyclePolicyPreviewResult, status=status)
        for status in ("IN_PROGRESS", "COMPLETE")
    ]
    responses: dict[str, list[Any]] = {
        "ListImages": [ListImagesResult(image_ids=[IMAGE], next_token="t1"), ListImagesResult()],
        "GetLifecyclePolicyPreview": previews,
        "BatchGetImage": [models.BatchGetImageResult()] * 2,
    }
    invoked: list[tuple[str, Any]] = []

    class Observed(ECRClient):
        def invoke(self, operation: Any, request: Any) -> Any:
            invoked.append((operation.name, request))
            if operation.name == "DescribeRegistry":
                return super().invoke(operation, request)
            return responses[operation.name].pop(0)

    client = Observed(endpoint=server.url, credentials=KEYS)
    found = list(client.paginate_list_images(APP))
    client.wait_until_lifecycle_policy_preview_complete(preview, sleep=lambda _: None)
    client.batch_get_image_all(repository_name="app", image_ids=ids)
    client.with_options(timeout=5).describe_registry()

    assert found == [IMAGE]
    assert invoked[0][1] is APP
    assert invoked == [
        ("ListImages", APP),
        ("ListImages", ListImagesRequest(repository_name="app", next_token="t1")),
        *[("GetLifecyclePolicyPreview", preview)] * 2,
        *(
            ("BatchGetImage", models.BatchGetImageRequest(repository_name="app", image_ids=part))
            for part in (ids[:100], ids[100:])
        ),
        ("DescribeRegistry", models.DescribeRegistryRequest()),
    ]
    assert len(server.requests) == 1
