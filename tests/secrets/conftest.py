"""Recognizable secrets, and a search of every place where one may show."""

from __future__ import annotations

import base64
import importlib.util
import logging
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, MethodType, ModuleType, TracebackType
from typing import Any, TypeAlias
from urllib.parse import quote, quote_plus

import pytest
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from ecr_client import Credentials, ECRClient, RetryPolicy
from ecr_client.hooks import CallEvent, Hooks
from ecr_client.local import LocalECR

HERE = Path(__file__).parent
SECRET_KEY = "canary/secret+key=4f2a91"
TOKEN = "canary~session/token+7bd03c=="
HEADER = "canary header <value> & 'quotes' 55e1"
PASSWORD = "canary/proxy+password 9c7e"
LAYER = b"\x00canary of a layer\xff\x80 31d8" * 40
USER_INFO = f"user:{quote(PASSWORD, safe='')}"
CANARIES: dict[str, str | bytes] = {
    "secret key": SECRET_KEY,
    "session token": TOKEN,
    "header": HEADER,
    "password of the proxy": PASSWORD,
    "bytes of the layer": LAYER[:23],
}
Kind: TypeAlias = "type[BaseException] | tuple[type[BaseException], ...]"
_LEAVES = (type, ModuleType, FunctionType, MethodType, logging.Logger, TracebackType)

spec = importlib.util.spec_from_file_location(
    "proxy_for_faults", HERE.parent / "faults/conftest.py"
)
assert spec is not None
assert spec.loader is not None
faults = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = faults
spec.loader.exec_module(faults)
fault, proxy = faults.fault, faults.proxy


def forms(secret: str | bytes) -> set[str]:
    """Return what a secret may look like: as it is, escaped, in a URL, in base64."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    text = raw.decode("latin-1")
    found = {text, repr(text)[1:-1], repr(raw)[2:-1], quote(raw, safe=""), quote(raw), raw.hex()}
    found |= {quote_plus(raw), text.replace("'", "\\'")}
    for shift in range(3):
        # Only the characters that depend on the secret alone, wherever it begins.
        whole = base64.b64encode(bytes(shift) + raw).decode()
        part = whole[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
        found |= {part, part.replace("+", "-").replace("/", "_")}
    return found


def foreign_frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    """Yield the parts of a traceback that are not in these tests, which know the secrets."""
    while trace is not None:
        if HERE.parent not in Path(trace.tb_frame.f_code.co_filename).parents:
            yield trace
        trace = trace.tb_next


def related(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its causes and its contexts."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]


def remove_frames_of_tests(error: BaseException) -> None:
    """Remove the frames of these tests from the tracebacks of an exception and its relatives."""
    for each in related(error):
        trace: TracebackType | None = None
        for part in reversed(list(foreign_frames(each.__traceback__))):
            trace = TracebackType(trace, part.tb_frame, part.tb_lasti, part.tb_lineno)
        each.__traceback__ = trace


def with_locals(error: BaseException) -> str:
    """Return what traceback prints with local variables."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def by_rich(error: BaseException) -> str:
    """Return what rich shows of an exception, except the source, which is slow to highlight."""
    found = Traceback.extract(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=None,
        locals_max_string=None,
    )
    lines = [stack.exc_value for stack in found.stacks]
    for stack in found.stacks:
        for frame in stack.frames:
            lines += [f"{name}={node}" for name, node in (frame.locals or {}).items()]
    return "\n".join(lines)


def by_frames(error: BaseException) -> str:
    """Return the variables of all frames of an exception and its relatives, as cgitb did."""
    lines = []
    for each in related(error):
        for part in foreign_frames(each.__traceback__):
            lines += [f"{name}={value!r}" for name, value in part.tb_frame.f_locals.items()]
    return "\n".join(lines)


def members(root: object) -> str:
    """Return all strings that can be reached from an object through its members."""
    texts: list[str] = []
    waiting: list[object] = [root]
    seen: dict[int, object] = {}
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _LEAVES):
            continue
        seen[id(each)] = each
        if isinstance(each, (str, bytes, bytearray, memoryview)):
            texts.append(each if isinstance(each, str) else bytes(each).decode("latin-1"))
        elif isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, (list, tuple, set, frozenset)):
            waiting += each
        if isinstance(each, BaseException):
            waiting += [each.args, each.__cause__, each.__context__]
        names = [name for cls in type(each).__mro__ for name in getattr(cls, "__slots__", ())]
        waiting += [getattr(each, name) for name in names if hasattr(each, name)]
        waiting.append(getattr(each, "__dict__", None))
    return "\n".join(texts)


def texts_of(value: Any) -> str:
    """Return a value as it is printed in every way."""
    return "\n".join([repr(value), str(value), f"{value}", pretty_repr(value), repr([value])])


#: What a tool shows of an exception, by the name of the tool.
ERROR_SINKS: dict[str, Callable[[BaseException], str]] = {
    "text": texts_of,
    "traceback": lambda error: "".join(traceback.format_exception(error)),
    "traceback with locals": with_locals,
    "rich": by_rich,
    "frames": by_frames,
    "members": members,
    "pickle": lambda error: pickle.dumps(error).decode("latin-1"),
}


class Evidence(logging.Handler):
    """A log handler that collects everything that is shown, and finds secrets in it.

    Attributes:
        secrets: What must not be found, by its name.
        texts: What was shown, and where.
        events: The events of hooks.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.secrets = dict(CANARIES)
        self.texts: list[tuple[str, str]] = []
        self.events: list[CallEvent] = []

    def emit(self, record: logging.LogRecord) -> None:
        label = f"log of {record.name}"
        if record.exc_info and record.exc_info[1] is not None:
            self.error(record.exc_info[1], label)
        extras = {name: value for name, value in vars(record).items() if name != "exc_info"}
        self.texts.append((label, f"{record.getMessage()}\n{extras!r}\n{record.args!r}"))

    def value(self, value: object, label: str = "value") -> None:
        """Collect how a value is printed."""
        self.texts.append((f"{label} {type(value).__name__}", texts_of(value)))

    def event(self, event: CallEvent) -> None:
        """Collect an event of a hook, as it is at that time."""
        self.events.append(event)
        self.value(event, "event")
        if event.error is not None:
            # Collecting must not change the tracebacks that others see.
            traces = [(each, each.__traceback__) for each in related(event.error)]
            self.error(event.error, "event")
            for each, trace in traces:
                each.__traceback__ = trace

    def error(self, error: BaseException, label: str = "error") -> None:
        """Collect what every tool shows of an exception."""
        remove_frames_of_tests(error)
        for sink, show in ERROR_SINKS.items():
            self.texts.append((f"{label} {type(error).__name__}, {sink}", show(error)))

    def fails(self, call: Callable[[], object], kind: Kind = BaseException) -> BaseException:
        """Collect the exception that a function must raise, and return it."""
        try:
            call()
        except kind as error:
            self.error(error)
            return error
        raise AssertionError("it did not fail")

    def leaks(self) -> list[str]:
        """Return which secrets were shown, and where."""
        return sorted(
            {
                f"{name} in {place}"
                for name, secret in self.secrets.items()
                for form in forms(secret)
                for place, text in self.texts
                if form in text
            }
        )


@pytest.fixture
def evidence() -> Iterator[Evidence]:
    """Yield a handler that collects the records of all loggers at every level."""
    handler = Evidence()
    root = logging.getLogger()
    known = [root, *(each for each in root.manager.loggerDict.values() if hasattr(each, "level"))]
    before = [(each, each.level) for each in known if isinstance(each, logging.Logger)]
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalECR]:
    with LocalECR(credentials=Credentials("ASIACANARY", SECRET_KEY, TOKEN)) as running:
        yield running


@pytest.fixture
def ecr(_server: LocalECR) -> LocalECR:
    """Return an empty local ECR whose keys are among the secrets."""
    _server.reset()
    return _server


@pytest.fixture
def connect(
    ecr: LocalECR, proxy: Any, evidence: Evidence, client_class: Any
) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes clients, through the proxy for faults, with a secret header."""
    clients = []

    def make(**settings: Any) -> ECRClient:
        from ecr_client import ClientConfiguration

        settings.setdefault("retry", RetryPolicy(max_attempts=1))
        look = evidence.event
        hooks = Hooks(request=look, response=look, retry=look, error=look)
        config = ClientConfiguration(**{"hooks": hooks, **settings})
        client: ECRClient = client_class(
            region=ecr.region,
            endpoint=f"http://127.0.0.1:{proxy.port}",
            credentials=ecr.credentials[ecr.account],
            config=config,
        )
        view = client.with_options(headers={"x-canary": HEADER})
        own = view.with_options(credentials=ecr.credentials[ecr.account])
        for each in (config, client, view, vars(client), vars(own), hooks, own._make_options()):
            evidence.value(each)
        clients.append(client)
        return view

    yield make
    for each in clients:
        each.close()
