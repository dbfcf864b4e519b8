"""Renders the methods of the asynchronous client; those of the blocking one have the docstrings."""

from __future__ import annotations

from codegen.ir import Batch, Operation, Paginator, Service, Waiter
from codegen.render import batches, paginators, waiters
from codegen.render.interface import TYPES
from codegen.render.signature import HEADER, body, imports, overloads
from codegen.render.text import banner

ASYNC = "async def"
AWAIT = "return await"

#: The members that are not operations; they do not depend on the model.
INTERFACE = '''

@documented_by(AmazonECR)
class AsyncAmazonECR(AsyncInvoker):
    """The interface of an asynchronous client of Amazon ECR; the blocking one has `AmazonECR`.

    `ecr_client.AsyncECRClient` implements it. A test double derives from this class and overrides
    ``invoke`` or single methods.

    Attributes:
        ENDPOINT_PREFIX: The name of the service in region metadata.
    """

    ENDPOINT_PREFIX: ClassVar[str] = "ecr"

    def set_endpoint(self, endpoint: str) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not implement set_endpoint")

    def set_region(self, region: Region | str) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not implement set_region")

    def get_cached_response_metadata(
        self, request: AmazonWebServiceRequest
    ) -> ResponseMetadata | None:
        raise NotImplementedError(
            f"{type(self).__name__} does not implement get_cached_response_metadata"
        )

    async def shutdown(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not implement shutdown")

'''

CLASS = '''

@documented_by({name})
class Async{name}(AsyncInvoker):
    """{summary}"""

'''


def render(service: Service) -> str:
    """Return ``_methods/asynchronous.py``."""
    constants = [waiters.constant(waiter) for waiter in service.waiters]
    return (
        banner(service, "The methods of the asynchronous client.")
        + HEADER.replace("Any,", "Any, ClassVar,")
        + "from ecr_client._methods.batches import Batches\n"
        + "from ecr_client._methods.interface import AmazonECR\n"
        + "from ecr_client._methods.paginators import Paginators\n"
        + "".join(
            f"from ecr_client._methods.waiters import {name}\n" for name in [*constants, "Waiters"]
        )
        + imports(
            service,
            service.operations,
            bases="from ecr_client._invoker import AsyncInvoker\n",
            types=f"    from collections.abc import Awaitable, Callable\n{TYPES}"
            "    from ecr_client.pagination import AsyncPaginator\n",
            more=(name for each in service.paginators for name in each.item_type.split(" | ")),
        ).replace("import takes", "import documented_by, takes")
        + INTERFACE
        + "\n".join(map(_operation, service.operations))
        + CLASS.format(name="Batches", summary="The batch operations of `Batches`, for asyncio.")
        + "\n".join(map(_batch, service.batches))
        + CLASS.format(name="Paginators", summary="The paginators of `Paginators`, for asyncio.")
        + "\n".join(map(_paginator, service.paginators))
        + CLASS.format(name="Waiters", summary="The waiters of `Waiters`, for asyncio.")
        + "\n".join(map(_waiter, service.waiters))
    )


def _operation(op: Operation) -> str:
    return overloads(op.method, op, op.result, define=ASYNC) + body(
        op, lambda request: f"self.invoke({op.constant}, {request})", AWAIT
    )


def _batch(batch: Batch) -> str:
    op = batch.operation
    return overloads(f"{op.method}_all", op, op.result, define=ASYNC) + body(
        op, batches.call(batch), AWAIT
    )


def _paginator(paginator: Paginator) -> str:
    op, returns = paginator.operation, f"AsyncPaginator[{paginators.items(paginator)}]"
    return overloads(f"paginate_{op.method}", op, returns, paginators.EXTRA) + body(
        op, paginators.call(paginator)
    )


def _waiter(waiter: Waiter) -> str:
    op = waiter.operation
    extra = waiters.extra(waiter, "Awaitable[object]")
    return overloads(waiter.method, op, op.result, extra, ASYNC) + body(
        op, waiters.call(waiter), AWAIT
    )
