"""Lifecycle policies: what a policy document says, and which images it affects.

Everything here is a pure function of its arguments, without store and clock.

- `parse_policy` turns a document into a `Policy`, or raises `PolicyError`.
- `evaluate` returns the `Candidate` images that a policy affects at a moment, and the rules.

Sources, both of the Amazon ECR user guide:

- https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
- https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

from ecr_client.local.lifecycle.evaluate import Candidate, Mark, evaluate
from ecr_client.local.lifecycle.parse import parse_policy
from ecr_client.local.lifecycle.policy import (
    Action,
    CountType,
    Policy,
    Rule,
    StorageClass,
    TagStatus,
)
from ecr_client.local.lifecycle.schema import PolicyError

__all__ = [
    "Action",
    "Candidate",
    "CountType",
    "Mark",
    "Policy",
    "PolicyError",
    "Rule",
    "StorageClass",
    "TagStatus",
    "evaluate",
    "parse_policy",
]
