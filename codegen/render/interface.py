"""Renders the interface: one method per operation, and what else an implementation has."""

from __future__ import annotations

from codegen.kinds import Operation, Plan
from codegen.render.signature import HEADER, body, imports, overloads
from codegen.render.text import (
    banner,
    docstring,
    member_entries,
    paragraphs,
    reference,
    section,
)

#: What annotations need besides the types of the model.
TYPES = """\
    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.metadata import ResponseMetadata
    from ecr_client.regions import Region
"""

#: The members that are not operations; their text does not depend on the model.
CLASS = '''

class AmazonECR(Invoker):
    """The interface of a client of Amazon ECR; `ecr_client.ECRClient` implements it.

    Each operation takes a request object or its members as keywords, and makes its call with
    ``invoke``, which is the one extension point. A test double derives from this class and
    overrides ``invoke``, or single methods.

    Attributes:
        ENDPOINT_PREFIX: The name by which region metadata knows the service.
    """

    ENDPOINT_PREFIX: ClassVar[str] = "ecr"

    def set_endpoint(self, endpoint: str) -> None:
        """Send the calls that begin from now on to another endpoint.

        Args:
            endpoint: A host, which takes the configured protocol, or a URL, taken as it is.
                The signing region follows the host name of an AWS endpoint; otherwise it stays.

        Raises:
            InvalidEndpointException: It is not an endpoint.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement set_endpoint")

    def set_region(self, region: Region | str) -> None:
        """Send the calls that begin from now on to the endpoint of another region.

        Args:
            region: A region that offers Amazon ECR, or its name.

        Raises:
            InvalidRegionException: It is not a region, or one without Amazon ECR.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement set_region")

    def get_cached_response_metadata(
        self, request: AmazonWebServiceRequest
    ) -> ResponseMetadata | None:
        """Return the metadata of the latest successful call with this very request object.

        Args:
            request: The object that was passed to the call; an equal one is not the same.

        Returns:
            The metadata, or ``None`` if it is not, or no longer, remembered.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not implement get_cached_response_metadata"
        )

    def shutdown(self) -> None:
        """Close all connections; calling it again does nothing.

        A call after it raises a ``ClientShutdownException``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement shutdown")

'''


def render(plan: Plan) -> str:
    """Return ``_generated/interface.py``."""
    return (
        banner(plan, "The interface: every operation of Amazon ECR.")
        + HEADER.replace("Any,", "Any, ClassVar,")
        + imports(plan, plan.operations, types=TYPES)
        + CLASS
        + "\n".join(_method(op) for op in plan.operations)
    )


def _method(op: Operation) -> str:
    lines = [op.text.summary]
    if op.text.details:
        lines += paragraphs(op.text.details, 8)
    lines += section("Args", member_entries(op.request.members), 8)
    raises = [(error.name, error.text.summary) for error in op.errors]
    lines += section("Raises", raises, 8)
    lines += ["", reference(op.name)]
    return (
        overloads(op.method, op, op.result)
        + docstring(lines, 8)
        + body(op, lambda request: f"self.invoke({op.constant}, {request})")
    )
