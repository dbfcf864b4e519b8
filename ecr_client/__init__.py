"""A typed client of Amazon ECR.

`ECRClient` is the client, and `AsyncECRClient` the one for asyncio. ``ecr_client.models`` holds the
types, ``ecr_client.exceptions`` the errors, ``ecr_client.operations`` the operations as objects.
Each name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecr_client._version import __version__

if TYPE_CHECKING:
    from ecr_client._methods.asynchronous import AsyncAmazonECR
    from ecr_client._methods.interface import AmazonECR
    from ecr_client._operation import Operation
    from ecr_client.async_client import AsyncECRClient
    from ecr_client.client import ECRClient
    from ecr_client.config import ClientConfiguration
    from ecr_client.conversion import from_dict, to_dict
    from ecr_client.credentials import ANONYMOUS, Credentials
    from ecr_client.exceptions import (
        AmazonClientException,
        AmazonECRException,
        AmazonServiceException,
    )
    from ecr_client.hooks import CallEvent, Hooks
    from ecr_client.metadata import ResponseMetadata
    from ecr_client.regions import Region
    from ecr_client.retry import RetryPolicy

__all__ = [
    "ANONYMOUS",
    "AmazonClientException",
    "AmazonECR",
    "AmazonECRException",
    "AmazonServiceException",
    "AsyncAmazonECR",
    "AsyncECRClient",
    "CallEvent",
    "ClientConfiguration",
    "Credentials",
    "ECRClient",
    "Hooks",
    "Operation",
    "Region",
    "ResponseMetadata",
    "RetryPolicy",
    "__version__",
    "from_dict",
    "to_dict",
]

_MODULE_OF = {
    "ANONYMOUS": "credentials",
    "AmazonClientException": "exceptions",
    "AmazonECR": "_methods.interface",
    "AmazonECRException": "exceptions",
    "AmazonServiceException": "exceptions",
    "AsyncAmazonECR": "_methods.asynchronous",
    "AsyncECRClient": "async_client",
    "CallEvent": "hooks",
    "ClientConfiguration": "config",
    "Credentials": "credentials",
    "ECRClient": "client",
    "Hooks": "hooks",
    "Operation": "_operation",
    "Region": "regions",
    "ResponseMetadata": "metadata",
    "RetryPolicy": "retry",
    "from_dict": "conversion",
    "to_dict": "conversion",
}


if not TYPE_CHECKING:
    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    def __getattr__(name: str) -> Any:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"ecr_client.{module}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
