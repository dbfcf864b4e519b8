"""Every operation of Amazon ECR as an object, for `ecr_client.ECRClient.invoke`.

``OPERATIONS`` maps the service's names to them. An operation knows the classes of its request and
of its result, and imports them when it is first asked for them.
"""

from ecr_client._generated import operations as _operations
from ecr_client._generated.operations import *  # noqa: F403
from ecr_client._operation import Operation

__all__ = ["Operation"]
__all__ += _operations.__all__
