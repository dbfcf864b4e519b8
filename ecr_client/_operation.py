"""Operations as objects, each typed by the request that it takes and the result that it returns."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from ecr_client._exceptions import ParamValidationException
from ecr_client._shapes import NO_ENTRIES, AmazonWebServiceRequest, AmazonWebServiceResult
from ecr_client._unavailable import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType
    from typing import TypeAlias

    #: How a waiter interprets one response.
    Outcome: TypeAlias = Literal["success", "failure", "retry"]

Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Result = TypeVar("Result", bound=AmazonWebServiceResult)

#: The prefix of ``X-Amz-Target``, which names the service and the version of its API.
TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921"


class Operation(Generic[Request, Result]):
    """One operation of the service; every instance is in ``ecr_client.operations``.

    The classes of requests and results are imported on first access, so that a program loads only
    those that it uses.

    Attributes:
        name: The service's name of the operation, for example ``CreateRepository``.
        target: The value of the header ``X-Amz-Target``.
        request_class: The class of its requests.
        result_class: The class of its results.
    """

    __slots__ = ("_module", "_names", "name", "request_class", "result_class", "target")

    def __init__(self, name: str, module: str, request: str, result: str) -> None:
        self.name: str = name
        self.target: str = f"{TARGET_PREFIX}.{name}"
        self._module, self._names = module, (request, result)

    if TYPE_CHECKING:
        request_class: type[Request]
        result_class: type[Result]
    else:

        def __getattr__(self, name: str) -> type:
            # Called once, while the slots of the two classes are empty.
            if name not in ("request_class", "result_class"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            with Guarded(self.name):
                module = import_module(f"ecr_client._generated.{self._module}")
            # Racing threads assign the same classes.
            self.request_class, self.result_class = (getattr(module, n) for n in self._names)
            return self.request_class if name == "request_class" else self.result_class

    def request(self, args: tuple[Any, ...], members: dict[str, Any]) -> Request:
        """Return the request of a call: the object that was passed, or one built from keywords.

        Args:
            args: The positional arguments of the calling method.
            members: Its keyword arguments. The dict is emptied, because tools that print the local
                variables of that method would show the bytes of a layer.

        Raises:
            ParamValidationException: The object is of another class, both were passed, or a member
                is missing.
            TypeError: There is more than one object, or a keyword that the method does not take.
        """
        try:
            return self._passed(args, members) if args else self.request_class(**members)
        except TypeError:
            # The error message names the method, as one of Python's own would.
            refusal = self._refusal(sys._getframe(1).f_code, args, list(members))
            if refusal is None:
                raise
        finally:
            members.clear()
        raise refusal

    def _passed(self, args: tuple[Any, ...], members: dict[str, Any]) -> Request:
        """Return the request object that was passed."""
        request: Request = args[0]
        if len(args) > 1:
            raise TypeError
        self.check(request)
        if members:
            raise ParamValidationException(
                f"takes a request object or keywords, not both: {', '.join(members)}", self.name
            )
        return request

    def _refusal(
        self, method: CodeType, args: tuple[Any, ...], given: list[str]
    ) -> Exception | None:
        """Return an exception for a wrong number or wrong names of arguments, or ``None``."""
        import attrs

        from ecr_client._common.hints import unexpected

        request_class: Any = self.request_class
        name, fields = method.co_name, attrs.fields(request_class)
        if args:
            takes = "takes a request object or keywords"
            return TypeError(f"{name}() {takes}, got {len(args)} positional arguments")
        more = method.co_varnames[1 : 1 + method.co_kwonlyargcount]
        known = [*(field.name for field in fields), *more]
        if problem := unexpected(name, given, known, "operation"):
            return TypeError(problem)
        for field in fields:
            if field.default is attrs.NOTHING and field.name not in given:
                return ParamValidationException(f"{field.name} is required", self.name)
        return None

    def check(self, request: object) -> None:
        """Check that an object is a request of this operation.

        Raises:
            ParamValidationException: The object is of another class.
        """
        if not isinstance(request, self.request_class):
            name = self._names[0]
            meant = f"; did you mean keywords, or from_dict({name}, ...)?"
            hint = meant if isinstance(request, dict) else ""
            raise ParamValidationException(
                f"request must be a {name}, got {type(request).__name__}{hint}", self.name
            )

    def __reduce__(self) -> str:
        # As the constant's name, so that copies and unpickled operations are the same object.
        return _constant(self.name)

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"


def _constant(name: str) -> str:
    """Return the name of an operation's constant: ``CreateRepository`` -> ``CREATE_REPOSITORY``."""
    return "".join(f"_{each}" if each.isupper() else each.upper() for each in name).lstrip("_")


# Where pickle looks the constants up.
Operation.__module__ = "ecr_client.operations"


class Acceptors(Generic[Result]):
    """How a waiter interprets the responses to its calls.

    Attributes:
        states: Outcomes by the value of one member of the result.
        path: The name of that member, for error messages.
        value: A function that returns that member of a result.
        description: A function that returns the service's explanation of that state.
        errors: Outcomes by error code.
        statuses: Outcomes by HTTP status, used where nothing more specific applies.
    """

    # Not an attrs class: attrs compiles code for each class, and every client would pay for it.
    __slots__ = ("description", "errors", "path", "states", "statuses", "value")

    def __init__(
        self,
        *,
        states: Mapping[str, Outcome] = NO_ENTRIES,
        path: str = "",
        value: Callable[[Result], str | None] = lambda _: None,
        description: Callable[[Result], str | None] = lambda _: None,
        errors: Mapping[str, Outcome] = NO_ENTRIES,
        statuses: Mapping[int, Outcome] = NO_ENTRIES,
    ) -> None:
        self.states: Final = states
        self.path: Final = path
        self.value: Final = value
        self.description: Final = description
        self.errors: Final = errors
        self.statuses: Final = statuses
