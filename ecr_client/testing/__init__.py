"""Helpers for tests of code that uses a client of this package; each name is loaded on first use.

`ECRStub` and `AsyncECRStub` respond to a client without a server, `add_result` and `add_error`
respond through the ``responses`` library, and `example` creates results for all of them.
`random_image` writes images, and `assert_image_valid` checks stored ones. The fixtures
``local_ecr``, ``ecr_client`` and ``async_ecr_client`` are available wherever this package is
installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.testing.examples import example
    from ecr_client.testing.images import RandomImage, RandomManifest, random_image
    from ecr_client.testing.matchers import matching
    from ecr_client.testing.responses import add_error, add_result
    from ecr_client.testing.stub import AsyncECRStub, ECRStub, StubAssertionError
    from ecr_client.testing.verification import assert_image_valid

__all__ = [
    "AsyncECRStub",
    "ECRStub",
    "RandomImage",
    "RandomManifest",
    "StubAssertionError",
    "add_error",
    "add_result",
    "assert_image_valid",
    "example",
    "matching",
    "random_image",
]

_MODULE_OF = {
    "AsyncECRStub": "stub",
    "ECRStub": "stub",
    "RandomImage": "images",
    "RandomManifest": "images",
    "StubAssertionError": "stub",
    "add_error": "responses",
    "add_result": "responses",
    "assert_image_valid": "verification",
    "example": "examples",
    "matching": "matchers",
    "random_image": "images",
}


if not TYPE_CHECKING:
    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    def __getattr__(name: str) -> Any:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
