"""Conversion between models and plain data, as type checkers see it."""

from __future__ import annotations

from typing import Any

import cattrs
from typing_extensions import assert_type

from ecr_client import conversion, from_dict, to_dict
from ecr_client.models import CreateRepositoryRequest, DescribeRepositoriesResult, Repository


def there_and_back(result: DescribeRepositoriesResult) -> None:
    """Plain data is a dict, and converting it back returns an instance of the class."""
    assert_type(to_dict(result), dict[str, Any])
    assert_type(to_dict(result.repositories[0], "wire", include_secrets=True), dict[str, Any])
    to_dict(CreateRepositoryRequest(repository_name="app"), names="python", include_metadata=True)
    assert_type(from_dict(Repository, {}), Repository)
    assert_type(from_dict(DescribeRepositoriesResult, {}).repositories[0], Repository)
    assert_type(conversion.converter("wire"), cattrs.Converter)
