"""Names that people bring from the wire, from boto3 or from Java get a hint."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks, RetryPolicy, models
from ecr_client._common import hints
from ecr_client.models import DescribeImagesResult, ImageDetail, ListImagesRequest
from ecr_client.testing import example

CLIENT: Any = ECRClient(region="eu-west-1", credentials=Credentials("AKIDEXAMPLE", "secret"))
RESULT: Any = DescribeImagesResult(image_details=[example(ImageDetail, image_digest="sha256:0")])
WAIT = CLIENT.wait_until_image_exists


@pytest.mark.parametrize(
    ("call", "owner", "name", "meant"),
    [
        (CLIENT.list_images, "list_images", "repositoryName", "repository_name"),
        (CLIENT.list_images, "list_images", "RepositoryName", "repository_name"),
        (CLIENT.list_images, "list_images", "repositoryname", "repository_name"),
        (CLIENT.list_images, "list_images", "repositry_name", "repository_name"),
        (CLIENT.paginate_list_images, "paginate_list_images", "maxResults", "max_results"),
        (CLIENT.batch_get_image_all, "batch_get_image_all", "imageIds", "image_ids"),
        (WAIT, "wait_until_image_exists", "maxWait", "max_wait"),
        (WAIT, "wait_until_image_exists", "WaiterConfig", "delay and max_wait"),
        (CLIENT.download_layer, "ECRClient.download_layer", "layerDigest", "layer_digest"),
        (CLIENT.with_options, "ECRClient.with_options", "retries", "retry"),
        (ListImagesRequest, "", "repositoryName", "repository_name"),
        (models.Tag, "", "Key", "key"),
        (ECRClient, "", "region_name", "region"),
        (ECRClient, "", "regionName", "region"),
        (ECRClient, "", "endpoint_url", "endpoint"),
        (ECRClient, "", "profile_name", "profile"),
        (ECRClient, "", "verify", "config=ClientConfiguration(verify=...)"),
        (ECRClient, "", "retries", "config=ClientConfiguration(retry=RetryPolicy(...))"),
        (ECRClient, "", "aws_access_key_id", 'credentials=Credentials("...", "...")'),
        (ClientConfiguration, "", "retries", "retry=RetryPolicy(...)"),
        (ClientConfiguration, "", "connectTimeout", "connect_timeout"),
        (ClientConfiguration, "", "timeout", "total_timeout"),
        (RetryPolicy, "", "total_max_attempts", "max_attempts"),
        (Credentials, "", "aws_session_token", "token"),
        (Hooks, "", "requests", "request"),
    ],
)
def test_keywords(call: Any, owner: str, name: str, meant: str) -> None:
    """An unknown keyword is a TypeError that says what was called, and what was meant."""
    owner = owner or f"{call.__name__}.__init__"
    with pytest.raises(TypeError) as caught:
        call(**{name: 1})

    assert str(caught.value) == (
        f"{owner}() got an unexpected keyword argument {name!r}; did you mean {meant}?"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ListImagesRequest(xyz=1), r"argument 'xyz'$"),  # type: ignore[call-arg]
        (lambda: ListImagesRequest(), r"__init__\(\) missing 1 required .* 'repository_name'$"),  # type: ignore[call-arg]
        (lambda: ECRClient("eu-west-1"), r"positional"),  # type: ignore[misc]
    ],
)
def test_errors_without_a_hint(call: Callable[[], object], message: str) -> None:
    """If it is unclear what was meant, the error is Python's own."""
    with pytest.raises(TypeError, match=message):
        call()


def test_errors_of_what_is_called() -> None:
    """A TypeError that is raised inside, for example by a converter, propagates unchanged."""

    class Odd(list[str]):
        def __iter__(self) -> Any:
            raise TypeError("of a list")

    with pytest.raises(TypeError, match=r"^of a list$"):
        models.BatchCheckLayerAvailabilityRequest(repository_name="app", layer_digests=Odd())
    with pytest.raises(TypeError, match=r"^of a list$"):
        CLIENT.batch_check_layer_availability(repository_name="app", layer_digests=Odd())


@pytest.mark.parametrize(
    ("thing", "name", "meant"),
    [
        (RESULT, "imageDetails", "image_details"),
        (RESULT, "getImageDetails", "image_details"),
        (RESULT.image_details[0], "imageDigest", "image_digest"),
        (CLIENT, "describeImages", "describe_images"),
        (CLIENT, "setEndpoint", "set_endpoint"),
        (CLIENT, "get_paginator", "paginate_...()"),
        (CLIENT, "get_waiter", "wait_until_...()"),
        (CLIENT, "exceptions", "ecr_client.exceptions"),
        (CLIENT, "meta", "endpoint or region"),
    ],
)
def test_attributes(thing: Any, name: str, meant: str) -> None:
    """An attribute of another SDK is an AttributeError that says what was meant."""
    with pytest.raises(AttributeError) as caught:
        getattr(thing, name)

    kind = type(thing).__name__
    expected = f"{kind!r} object has no attribute {name!r}; did you mean {meant}?"
    assert str(caught.value) == expected


@pytest.mark.parametrize("name", ["image_detail", "nonsense", "__call__"])
def test_other_attributes(name: str) -> None:
    """For other names the error is Python's own, which suggests similar names itself."""
    for thing in (RESULT, CLIENT):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'$") as caught:
            getattr(thing, name)

        assert (caught.value.name, caught.value.obj) == (name, thing)


def test_items() -> None:
    """A result is neither a dict nor a list, and the error says what to use instead."""
    with pytest.raises(TypeError, match=r"use attributes; did you mean image_details"):
        RESULT["imageDetails"]
    with pytest.raises(TypeError, match=r"is not iterable; did you mean client\.paginate_desc"):
        list(RESULT)


def test_copies() -> None:
    """Objects with hints can be copied and pickled as usual."""
    for thing in (RESULT, copy.copy(RESULT), attrs.evolve(RESULT)):
        assert copy.deepcopy(thing) == pickle.loads(pickle.dumps(thing)) == RESULT


def test_fields_of_the_configuration() -> None:
    """Each field of the configuration that is passed to the client itself gets a hint."""
    for field in attrs.fields(ClientConfiguration):
        expected = f"; did you mean config=ClientConfiguration({field.name}=...)?"

        assert hints.hint(field.name, (), "ECRClient") == expected
