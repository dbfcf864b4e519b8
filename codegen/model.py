"""Reads the ECR model of the installed botocore: the service, its paginators and its waiters."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import botocore
from botocore.loaders import Loader
from botocore.model import ServiceModel

SERVICE = "ecr"


@dataclass(frozen=True)
class Model:
    """The input of the generator.

    Attributes:
        service: botocore's view of the model.
        paginators: By operation: input_token, output_token, limit_key, result_key.
        waiters: By waiter name: operation, delay, maxAttempts, acceptors.
        botocore_version: The release of botocore that ships the model.
        sha256: Of the model's JSON text with sorted keys, so that the banner names its exact input.
    """

    service: ServiceModel
    paginators: dict[str, dict[str, Any]]
    waiters: dict[str, dict[str, Any]]
    botocore_version: str
    sha256: str


def read() -> Model:
    """Return the model of the installed botocore."""
    loader = Loader()
    parts = [
        loader.load_service_model(SERVICE, part)
        for part in ("service-2", "paginators-1", "waiters-2")
    ]
    service, paginators, waiters = parts
    text = json.dumps(parts, sort_keys=True)
    return Model(
        service=ServiceModel(service, SERVICE),
        paginators=dict(paginators["pagination"]),
        waiters=dict(waiters["waiters"]),
        botocore_version=botocore.__version__,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
