"""The operations of Amazon ECR as objects, for `ecr_client.ECRClient.invoke`.

``OPERATIONS`` maps the service's names to them. An operation has the classes of its request and of
its result, which are imported on first access.
"""

from ecr_client._generated import operations as _operations
from ecr_client._generated.operations import *  # noqa: F403
from ecr_client._operation import Operation

__all__ = ["Operation"]
__all__ += _operations.__all__
