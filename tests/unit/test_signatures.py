"""The signatures that tools see of generated methods, and the calls that a mock accepts."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import pydoc
import typing
from collections.abc import Iterator
from typing import Any
from unittest import mock

import attrs
import pytest

from ecr_client import AmazonECR, ClientConfiguration, Credentials, ECRClient, models
from ecr_client.models import DescribeImagesRequest, ListImagesRequest
from ecr_client.operations import OPERATIONS

REQUEST = ListImagesRequest(repository_name="app")
METHODS = sorted(
    name
    for name, method in inspect.getmembers(ECRClient, inspect.isfunction)
    if isinstance(getattr(method, "__signature__", None), inspect.Signature)
)


def test_every_generated_method() -> None:
    """Operations, paginators, waiters and batches have a generated signature, and no others."""
    ours = {name for name in vars(AmazonECR) if hasattr(getattr(AmazonECR, name), "__signature__")}
    rest = {name.partition("_")[0] for name in set(METHODS) - ours}

    assert len(ours) == len(OPERATIONS)
    assert rest == {"batch", "paginate", "wait"}


@pytest.mark.parametrize("method", METHODS)
def test_parameters(method: str) -> None:
    """A signature has the members of the request, and requires the same ones."""
    signature = inspect.signature(getattr(ECRClient, method))
    request = signature.parameters["request"].annotation
    fields = {field.name: field for field in attrs.fields(request)}
    found = {name: signature.parameters[name] for name in fields}

    assert list(signature.parameters)[:2] == ["self", "request"]
    assert {name: each.annotation for name, each in found.items()} == {
        name: field.type for name, field in fields.items()
    }
    assert [name for name, each in found.items() if each.default is inspect.Parameter.empty] == [
        name for name, field in fields.items() if field.default is attrs.NOTHING
    ]
    assert not isinstance(signature.return_annotation, str)
    # get_type_hints() does not fail; the types are in the signature.
    assert typing.get_type_hints(getattr(ECRClient, method)) == {}


def test_text() -> None:
    """The signature that ``help()`` shows is readable."""
    text = str(inspect.signature(ECRClient.wait_until_image_exists))
    types = "ecr_client.models"

    assert text.startswith(
        f"(self, request: {types}.DescribeImagesRequest = ..., /, *, repository_name: str, "
        "registry_id: str | None = None, "
    )
    assert text.endswith(
        "delay: float = 5.0, max_wait: float = 200.0, sleep: collections.abc.Callable[[float], "
        f"object] | None = None) -> {types}.DescribeImagesResult"
    )
    assert "repository_name: str," in pydoc.render_doc(ECRClient.list_images)


def test_constructors() -> None:
    """Hiding the arguments of constructors from tracebacks does not hide their parameters."""
    assert "read_timeout" in inspect.signature(ClientConfiguration).parameters
    assert list(inspect.signature(Credentials).parameters) == ["access_key", "secret_key", "token"]
    assert "endpoint" in inspect.signature(ECRClient).parameters


def test_copied_signatures() -> None:
    """A signature that was copied or pickled, as by a deep copy of a mock, binds as before."""
    signature = inspect.signature(ECRClient.list_images)

    for each in (copy.deepcopy(signature), pickle.loads(pickle.dumps(signature))):
        assert str(each) == str(signature)
        assert each.bind(None, REQUEST).args == (None, REQUEST)


def mocks() -> Iterator[Any]:
    """Yield mocks of the client, made in each way."""
    client = ECRClient(region="eu-west-1")
    for spec in (AmazonECR, ECRClient):
        yield mock.create_autospec(spec)
        yield mock.create_autospec(spec, instance=True)
    yield mock.create_autospec(client)
    with mock.patch.object(ECRClient, "list_images", autospec=True):
        yield client
    with mock.patch.object(client, "list_images", autospec=True):
        yield client


def test_mocks_take_both_forms() -> None:
    """A mock accepts a request object or keywords, and records which it was."""
    for each in mocks():
        each.list_images(REQUEST)
        each.list_images(repository_name="app", max_results=5)
        calls = [call.args[-1:] or call.kwargs for call in each.list_images.call_args_list]

        assert calls[0] == (REQUEST,)
        assert calls[1] in ({"repository_name": "app", "max_results": 5}, (each,))


@pytest.mark.parametrize(
    ("args", "members"),
    [
        ((), {}),
        ((), {"max_results": 5}),
        ((), {"repository_name": "app", "misspelt": 1}),
        ((), {"request": REQUEST}),
        ((REQUEST,), {"repository_name": "app"}),
        ((REQUEST,), {"max_results": 5}),
        ((REQUEST, REQUEST), {}),
    ],
)
def test_mocks_refuse(args: tuple[object, ...], members: dict[str, Any]) -> None:
    """A mock refuses the calls that the client would refuse for their arguments."""
    for each in mocks():
        with pytest.raises(TypeError):
            each.list_images(*args, **members)


def test_mocks_of_other_methods() -> None:
    """The other options of a method can be combined with both forms."""
    ecr = mock.create_autospec(ECRClient, instance=True)
    ecr.describe_registry()
    ecr.describe_registry(models.DescribeRegistryRequest())
    ecr.wait_until_image_exists(repository_name="app", delay=1.0)
    request = DescribeImagesRequest(repository_name="app")
    ecr.wait_until_image_exists(request, delay=1.0, max_wait=5.0)

    assert len(ecr.method_calls) == 4


def test_partial_calls() -> None:
    """The signature of a functools.partial takes the other members."""
    client = ECRClient(region="eu-west-1")
    signature = inspect.signature(functools.partial(client.list_images, repository_name="app"))

    assert signature.parameters["repository_name"].default == "app"
    assert signature.bind(max_results=5).arguments == {"max_results": 5}
