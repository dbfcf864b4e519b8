"""Signatures of the generated methods, which take a request object or its members as keywords.

The source of such a method lists its parameters once, in the overload for type checkers, and takes
``*args`` and ``**members`` at run time. The signature that `inspect.signature`, ``help()`` and
`unittest.mock` read is built on first access from the class of the request.
"""

from __future__ import annotations

from importlib import import_module
from inspect import BoundArguments, Parameter, Signature
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._operation import Operation

Class = TypeVar("Class")
Method = TypeVar("Method")

#: The modules of the names in annotations.
_TYPES = ("ecr_client.models", "ecr_client.pagination", "collections.abc")


def takes(operation: Operation[Any, Any]) -> Callable[[Method], Method]:
    """Return a decorator that sets the signature of a method from the request of an operation."""

    def describe(method: Any) -> Any:
        method.__signature__ = CallSignature.of(method, operation)
        # Its own annotations are for type checkers; they name types that are loaded late.
        method.__no_type_check__ = True
        return method

    return describe


def documented_by(other: type) -> Callable[[type[Class]], type[Class]]:
    """Return a class decorator that copies the docstrings of methods from another class."""

    def document(cls: type[Class]) -> type[Class]:
        for name, method in vars(cls).items():
            if callable(method) and not name.startswith("__") and method.__doc__ is None:
                method.__doc__ = vars(other)[name].__doc__
        return cls

    return document


class _Omitted:
    """The default of a request object that was not passed."""

    def __repr__(self) -> str:
        return "..."


class CallSignature(Signature):
    """A signature with two forms: a call has either a request object or its members.

    Mocks bind calls to it, and derive signatures without ``self`` from it.
    """

    __slots__ = ("_method", "_operation")

    if TYPE_CHECKING:
        _method: Any
        _operation: Operation[Any, Any]

    @classmethod
    def of(cls, method: Any, operation: Operation[Any, Any]) -> CallSignature:
        """Return the signature of a method, which loads its types on first access."""
        made = cls.__new__(cls)
        made._method, made._operation = method, operation
        return made

    def __getattr__(self, name: str) -> Any:
        # Called once, while the slots of the base are empty.
        if name not in ("_parameters", "_return_annotation"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._resolve()
        return getattr(self, name)

    def _resolve(self) -> None:
        import attrs

        types = {
            name: eval(text, self._method.__globals__, _Types())
            for name, text in self._method.__annotations__.items()
        }
        request = self._operation.request_class
        parameters = [
            Parameter("self", Parameter.POSITIONAL_ONLY),
            Parameter("request", Parameter.POSITIONAL_ONLY, default=_Omitted(), annotation=request),
        ]
        for field in attrs.fields(request):
            default = Parameter.empty if field.default is attrs.NOTHING else field.default
            parameters.append(_keyword(field.name, default, field.type))
        for name, default in (self._method.__kwdefaults__ or {}).items():
            parameters.append(_keyword(name, default, types[name]))
        super().__init__(parameters, return_annotation=types["return"])

    def bind(self, /, *args: Any, **keywords: Any) -> BoundArguments:
        """Return the arguments of a call, bound to the parameters.

        Raises:
            TypeError: The arguments do not fit the signature.
        """
        return self._form(args).bind(*args, **keywords)

    def bind_partial(self, /, *args: Any, **keywords: Any) -> BoundArguments:
        """Return the bound arguments of a call that may lack required ones."""
        return self._form(args).bind_partial(*args, **keywords)

    def _form(self, args: tuple[Any, ...]) -> Signature:
        """Return the form of the signature for a call with these positional arguments."""
        parameters = dict(self.parameters)
        request = parameters.get("request")
        if request is not None and len(args) > list(parameters).index("request"):
            for field in request.annotation.__attrs_attrs__:
                parameters.pop(field.name, None)
        else:
            parameters.pop("request", None)
        return Signature(list(parameters.values()), return_annotation=self.return_annotation)


def _keyword(name: str, default: Any, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


class _Types(dict[str, Any]):
    """The names in annotations of the generated methods, each loaded on first access."""

    def __missing__(self, name: str) -> Any:
        for module in map(import_module, _TYPES):
            if hasattr(module, name):
                return getattr(module, name)
        raise KeyError(name)  # a global or builtin name
