"""Operations as objects: their names, their members, and when they load their types."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from typing import Any

import botocore.session
import pytest

import ecr_client
from ecr_client import Operation, models, operations
from ecr_client._operation import _constant
from ecr_client.exceptions import ParamValidationException
from ecr_client.models import ListImagesRequest, Tag
from ecr_client.operations import LIST_IMAGES, OPERATIONS

CONSTANTS = sorted(set(operations.__all__) - {"OPERATIONS", "Operation"})


@pytest.mark.parametrize("constant", CONSTANTS)
def test_each_operation(constant: str) -> None:
    """Each constant is the operation of its name, with its types; copies are the same object."""
    operation = getattr(operations, constant)

    assert _constant(operation.name) == constant
    assert OPERATIONS[operation.name] is operation
    assert operation.target == f"AmazonEC2ContainerRegistry_V20150921.{operation.name}"
    assert operation.request_class is getattr(models, f"{operation.name}Request")
    assert operation.result_class is getattr(models, f"{operation.name}Result")
    assert repr(operation) == f"<Operation {operation.name}>"
    assert copy.copy(operation) is copy.deepcopy(operation) is operation
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(operation, protocol)) is operation


def test_all_operations() -> None:
    """There are 62 operations, with all of the installed botocore's; the table is read-only."""
    model = botocore.session.Session().get_service_model("ecr")
    table: Any = OPERATIONS

    assert len(CONSTANTS) == len(OPERATIONS) == 62
    assert set(model.operation_names) <= set(OPERATIONS)
    assert list(OPERATIONS) == sorted(OPERATIONS)
    with pytest.raises(TypeError):
        table["ListImages"] = LIST_IMAGES


def test_types_are_loaded_late() -> None:
    """Importing the operations imports no types; using the types of one imports only those."""
    script = (
        "import sys\n"
        "from ecr_client.operations import LIST_IMAGES\n"
        "LIST_IMAGES.name, LIST_IMAGES.target, repr(LIST_IMAGES)\n"
        "print([name for name in sys.modules if '_generated.models' in name])\n"
        "LIST_IMAGES.result_class\n"
        "print(sorted(name for name in sys.modules if '_generated.models.' in name))\n"
    )
    place = os.path.dirname(os.path.dirname(ecr_client.__file__))
    command, environ = [sys.executable, "-c", script], {**os.environ, "PYTHONPATH": place}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    modules = [
        f"ecr_client._generated.models.{name}"
        for name in ("image_identifier", "image_status_filter", "list_images", "tag_status")
    ]

    assert done.stdout.splitlines() == ["[]", str(modules)]


def test_requests() -> None:
    """Keywords are moved, not copied, into a request; a request object is used as it is."""

    class Tagged(ListImagesRequest):
        pass

    members: dict[str, Any] = {"repository_name": "app", "next_token": None}
    tagged = Tagged(repository_name="app")

    assert LIST_IMAGES.request((), members) == ListImagesRequest(repository_name="app")
    assert members == {}
    assert LIST_IMAGES.request((tagged,), {}) is tagged


@pytest.mark.parametrize(
    ("given", "members", "problem"),
    [
        (None, {}, "request must be a ListImagesRequest, got NoneType"),
        (Tag(key="a", value="b"), {}, "request must be a ListImagesRequest, got Tag"),
        (
            ListImagesRequest(repository_name="app"),
            {"max_results": 5, "next_token": None},
            "takes a request object or keywords, not both: max_results, next_token",
        ),
    ],
)
def test_wrong_requests(given: Any, members: dict[str, Any], problem: str) -> None:
    """Anything but a request of the operation, or one with keywords, is an error that names it."""
    with pytest.raises(ParamValidationException) as caught:
        LIST_IMAGES.request((given,), members)

    assert str(caught.value) == f"ListImages: {problem}"
    assert caught.value.operation_name == "ListImages"


def test_public_module() -> None:
    """The class names the module from which users import it."""
    assert Operation.__module__ == "ecr_client.operations"
    assert operations.Operation is Operation
