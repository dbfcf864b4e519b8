"""Renders the interface: one method for each operation, and the other members of a client."""

from __future__ import annotations

from codegen.ir import Operation, Service
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

#: The members that are not operations; they do not depend on the model.
CLASS = '''

class AmazonECR(Invoker):
    """The interface of a client of Amazon ECR; `ecr_client.ECRClient` implements it.

    Each operation takes a request object, or its members as keywords, and makes its call through
    ``invoke``, the only extension point. A test double derives from this class and overrides
    ``invoke`` or single methods.

    Attributes:
        ENDPOINT_PREFIX: The name of the service in region metadata.
    """

    ENDPOINT_PREFIX: ClassVar[str] = "ecr"

    def set_endpoint(self, endpoint: str) -> None:
        """Send all later calls to another endpoint; see `ecr_client.ECRClient.set_endpoint`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement set_endpoint")

    def set_region(self, region: Region | str) -> None:
        """Send all later calls to another region; see `ecr_client.ECRClient.set_region`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement set_region")

    def get_cached_response_metadata(
        self, request: AmazonWebServiceRequest
    ) -> ResponseMetadata | None:
        """Return the metadata of the latest successful call with a request object, or ``None``.

        See `ecr_client.ECRClient.get_cached_response_metadata`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not implement get_cached_response_metadata"
        )

    def shutdown(self) -> None:
        """Close all connections; a second call does nothing.

        Later calls raise ``ClientShutdownException``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement shutdown")

'''


def render(service: Service) -> str:
    """Return ``_methods/interface.py``."""
    return (
        banner(service, "The interface of a client: every operation of Amazon ECR.")
        + HEADER.replace("Any,", "Any, ClassVar,")
        + imports(service, service.operations, types=TYPES)
        + CLASS
        + "\n".join(_method(op) for op in service.operations)
    )


def _method(op: Operation) -> str:
    lines = [op.description.summary]
    if op.description.details:
        lines += paragraphs(op.description.details, 8)
    lines += section("Args", member_entries(op.request.members), 8)
    raises = [(error.name, error.description.summary) for error in op.errors]
    lines += section("Raises", raises, 8)
    lines += ["", reference(op.name)]
    return (
        overloads(op.method, op, op.result)
        + docstring(lines, 8)
        + body(op, lambda request: f"self.invoke({op.constant}, {request})")
    )
