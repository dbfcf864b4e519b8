"""What the oracle tests share: botocore's model of the service, and values made from its shapes.

What is compared is made here from the model alone. Only the names of methods, members and classes
are ours, and those follow botocore's own rule for names, ``xform_name``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any

import attrs
import botocore.session
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import validate_parameters
from requests.structures import CaseInsensitiveDict

from ecr_client import Credentials, models

#: Shared, since reading botocore's files takes most of the time of making its client.
LOADER = Loader()
SERVICE = ServiceModel(LOADER.load_service_model("ecr", "service-2"), "ecr")

PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_./:"
#: Quotes, controls, line separators, combining marks, both ends of the planes, right-to-left text.
UNICODE = '"\\/\x00\n\r\t\x7f\u2028\u2029éßЖ中文\u0301\u200f\ufeff\uffff😀\U0010ffff שלום'
#: A time in each form that the service or a proxy of it has been seen to use.
TIMESTAMPS: tuple[Any, ...] = (
    0,
    -1.5,
    1442793600,
    1442793600.0,
    1442793600.123,
    1700000000.999999,
    253402300799,
    "1442793600",
    "1442793600.25",
    "2015-09-21T00:00:00Z",
    "2015-09-21T00:00:00.125Z",
    "2015-09-21T00:00:00.123456+00:00",
    "2015-09-21T02:00:00+02:00",
    "2015-09-21T00:00:00-08:30",
    "2015-09-21T00:00:00",
    "Mon, 21 Sep 2015 00:00:00 GMT",
    "Mon, 21 Sep 2015 02:00:00 +0200",
)
#: A response without values: status, headers, body.
NO_VALUES: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
UNKNOWN = {"a": [1, None, {"b": "c"}], "__type": "Unknown", "ResponseMetadata": {}}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each operation, error or timestamp if it has such a parameter."""
    names = SERVICE.operation_names
    if "operation" in metafunc.fixturenames:
        operations = [SERVICE.operation_model(name) for name in names]
        metafunc.parametrize("operation", operations, ids=names)
    if "error" in metafunc.fixturenames:
        metafunc.parametrize("error", SERVICE.error_shapes, ids=lambda shape: shape.name)
    if "timestamp" in metafunc.fixturenames:
        metafunc.parametrize("timestamp", TIMESTAMPS, ids=repr)


def required_members(shape: Any) -> list[str]:
    """Return the members that a structure must have: required by the model, or always sent."""
    fields = attrs.fields_dict(getattr(models, shape.name.replace("Response", "Result")))
    return [name for name in shape.members if fields[xform_name(name)].default is attrs.NOTHING]


class Inputs:
    """Values of a request's members, as botocore takes them.

    Args:
        case: ``required`` leaves out every other member; all other cases have every member.
            ``empty`` has lists as short as the model allows, ``unicode`` has texts of difficult
            characters, ``lowest`` and ``highest`` go to the bounds.
        seed: The same seed gives the same values.
    """

    def __init__(self, case: str, seed: str) -> None:
        self._case = case
        self._random = random.Random(seed)

    def of(self, shape: Any) -> Any:
        return getattr(self, f"_{shape.type_name}")(shape)

    def _structure(self, shape: Any) -> dict[str, Any]:
        required = required_members(shape)
        # botocore sends members in the order in which it receives them. They come in our order here
        # (required ones first, blobs last), so that bytes, and thus signatures, can be equal.
        members = sorted(
            shape.members.items(),
            key=lambda item: (item[1].type_name == "blob", item[0] not in required),
        )
        wanted = required if self._case == "required" else shape.members
        return {name: self.of(member) for name, member in members if name in wanted}

    def _list(self, shape: Any) -> list[Any]:
        low = shape.metadata.get("min", 0)
        size = low if self._case == "empty" else self._size(max(low, 1), shape.metadata, 3)
        return [self.of(shape.member) for _ in range(size)]

    def _string(self, shape: Any) -> str:
        if shape.enum:
            return self._random.choice(shape.enum)
        alphabet = UNICODE if self._case == "unicode" else PLAIN
        size = self._size(shape.metadata.get("min", 0), shape.metadata, 40)
        return "".join(self._random.choices(alphabet, k=size))

    def _blob(self, shape: Any) -> bytes:
        return self._random.randbytes(self._size(shape.metadata["min"], shape.metadata, 40))

    def _integer(self, shape: Any, largest: int = 2**31 - 1) -> int:
        return self._number(shape.metadata.get("min", 0), shape.metadata.get("max", largest))

    def _long(self, shape: Any) -> int:
        return self._integer(shape, 2**63 - 1)

    def _boolean(self, _: Any) -> bool:
        return self._random.random() < 0.5

    def _size(self, low: int, metadata: Mapping[str, int], usual: int) -> int:
        high = metadata.get("max", low + usual)
        if self._case == "highest":
            return high
        return self._number(low, min(high, low + usual))

    def _number(self, low: int, high: int) -> int:
        if self._case in ("lowest", "highest"):
            return low if self._case == "lowest" else high
        return self._random.randint(low, high)


class Outputs(Inputs):
    """Values of a result's members, as they stand in the JSON of a response.

    Args:
        case: Those of `Inputs`, and: ``timestamps`` has times in every form, ``enums`` has values
            that the model does not know, ``numbers`` has whole numbers with a fraction of zero,
            ``unknown`` has members that the model does not know, ``nulls`` has a null in place of
            some members, in every list and in every map. ``mixed`` is all of it.
        seed: The same seed gives the same values.
    """

    def _is(self, *cases: str) -> bool:
        return self._case in (*cases, "mixed")

    def _structure(self, shape: Any) -> dict[str, Any]:
        out = super()._structure(shape)
        if self._is("nulls"):
            for name in out:
                if name not in required_members(shape) and self._random.random() < 0.3:
                    out[name] = None
        if self._is("unknown"):
            out.update({"unknownMember": UNKNOWN, "AnotherOne": 1, "": None})
        return out

    def _list(self, shape: Any) -> list[Any]:
        out = super()._list(shape)
        if self._is("nulls"):
            out.insert(self._random.randint(0, len(out)), None)
        return out

    def _map(self, shape: Any) -> dict[str, Any]:
        count = 0 if self._case == "empty" else 3
        out = {self.of(shape.key): self.of(shape.value) for _ in range(count)}
        if self._is("nulls"):
            out["nothing"] = None
        return out

    def _string(self, shape: Any) -> str:
        if shape.enum and self._is("enums") and self._random.random() < 0.5:
            return f"{shape.enum[0]}_OF_TOMORROW"
        return super()._string(shape)

    def _timestamp(self, _: Any) -> Any:
        if self._is("timestamps"):
            return self._random.choice(TIMESTAMPS)
        return self._random.choice((1442793600, round(self._random.uniform(0, 4e9), 3)))

    def _double(self, _: Any) -> float:
        if self._is("numbers"):
            return self._random.choice((7, 7.0, 0, 1e-7))
        return round(self._random.uniform(0, 10), 1)

    def _integer(self, shape: Any, largest: int = 2**31 - 1) -> Any:
        found = super()._integer(shape, largest)
        # A float holds no more than 53 bits.
        return float(found % 2**53) if self._is("numbers") else found


class Oracle:
    """What botocore makes of a call, and the same values in our types."""

    service = SERVICE
    required_members = staticmethod(required_members)

    def inputs(self, operation: OperationModel, case: str, seed: int = 0) -> dict[str, Any]:
        """Return members of a request that botocore's own validation accepts."""
        made = Inputs(case, f"{operation.name} {case} {seed}").of(operation.input_shape)
        validate_parameters(made, operation.input_shape)
        return made

    def serialized(self, operation: OperationModel, params: dict[str, Any]) -> dict[str, Any]:
        """Return what botocore sends: ``method``, ``url_path``, ``headers``, ``body``."""
        serializer = create_serializer("json", include_validation=False)
        return serializer.serialize_to_request(params, operation)

    def members(
        self, operation: OperationModel, params: dict[str, Any], *, enums: bool = False
    ) -> dict[str, Any]:
        """Return the keywords of our method for botocore's ones; ``enums`` makes enum members."""
        shapes = operation.input_shape.members
        return {
            xform_name(name): self._ours(shapes[name], value, enums)
            for name, value in params.items()
        }

    def request(self, operation: OperationModel, params: dict[str, Any]) -> Any:
        """Return our request object for botocore's keywords."""
        return getattr(models, f"{operation.name}Request")(**self.members(operation, params))

    def _ours(self, shape: Any, value: Any, enums: bool) -> Any:
        if shape.type_name == "structure":
            return getattr(models, shape.name)(
                **{
                    xform_name(name): self._ours(shape.members[name], member, enums)
                    for name, member in value.items()
                }
            )
        if shape.type_name == "list":
            return [self._ours(shape.member, item, enums) for item in value]
        return getattr(models, shape.name)(value) if enums and getattr(shape, "enum", ()) else value

    def output(self, operation: OperationModel, case: str, seed: int = 0, **members: Any) -> bytes:
        """Return the body of a response, with the given values for some members."""
        made = Outputs(case, f"{operation.name} {case} {seed}").of(operation.output_shape)
        made |= members
        return json.dumps(made, ensure_ascii=False).encode()

    def parsed(
        self, operation: OperationModel, body: bytes, status: int = 200, **headers: str
    ) -> dict[str, Any]:
        """Return what botocore's parser makes of a response."""
        response = {"body": body, "status_code": status, "headers": headers}
        return create_parser("json").parse(response, operation.output_shape)

    def differences(self, shape: Any, ours: Any, theirs: Any, place: str = "") -> list[str]:
        """Return where our value differs from what botocore's stands for.

        - What botocore leaves out of a dict is ``None`` with us; a list or a map is empty.
        - botocore keeps a null in a list or a map as ``None``; with us it is left out.
        - botocore's lists and dicts are tuples and read-only mappings with us.
        - botocore reads a time without a time zone as such; with us it is in UTC.
        """
        kind = {"structure": self._in_structure, "list": self._in_list, "map": self._in_map}
        if theirs is not None and shape.type_name in kind:
            return kind[shape.type_name](shape, ours, theirs, place)
        if theirs is None and shape.type_name in ("list", "map"):
            theirs = () if shape.type_name == "list" else {}
        if isinstance(theirs, datetime):
            return self._in_timestamp(ours, theirs, place)
        same = ours == theirs and _fits(shape, ours)
        return [] if same else [f"{place}: {ours!r} is not {theirs!r}"]

    def _in_structure(self, shape: Any, ours: Any, theirs: Any, place: str) -> list[str]:
        if type(ours).__name__ != shape.name.replace("Response", "Result"):
            return [f"{place}: {type(ours).__name__} is not {shape.name}"]
        found = []
        for name, member in shape.members.items():
            value = getattr(ours, xform_name(name))
            found += self.differences(member, value, theirs.get(name), f"{place}.{name}")
        return found

    def _in_list(self, shape: Any, ours: Any, theirs: Any, place: str) -> list[str]:
        theirs = [item for item in theirs if item is not None]
        if not isinstance(ours, tuple) or len(ours) != len(theirs):
            return [f"{place}: {ours!r} is not {theirs!r}"]
        found = []
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            found += self.differences(shape.member, *pair, f"{place}[{index}]")
        return found

    def _in_map(self, shape: Any, ours: Any, theirs: Any, place: str) -> list[str]:
        theirs = {key: item for key, item in theirs.items() if item is not None}
        fits = isinstance(ours, Mapping) and all(_fits(shape.key, key) for key in ours)
        if not fits or list(ours) != list(theirs):
            return [f"{place}: {ours!r} is not {theirs!r}"]
        found = []
        for key, item in theirs.items():
            found += self.differences(shape.value, ours[key], item, f"{place}[{key!r}]")
        return found

    def _in_timestamp(self, ours: Any, theirs: datetime, place: str) -> list[str]:
        if theirs.tzinfo is None:
            theirs = theirs.replace(tzinfo=timezone.utc)
        same = isinstance(ours, datetime) and ours == theirs and ours.tzinfo is timezone.utc
        return [] if same else [f"{place}: {ours!r} is not {theirs!r}"]


def _fits(shape: Any, value: Any) -> bool:
    """Return whether a value is of exactly the type that the model asks for."""
    if shape.type_name == "list":
        return type(value) is tuple
    if shape.type_name == "map":
        return isinstance(value, Mapping)
    if value is None:
        return True
    if getattr(shape, "enum", ()):
        known = str(value) in shape.enum
        return type(value) is (getattr(models, shape.name) if known else str)
    kinds = {"string": str, "boolean": bool, "integer": int, "long": int, "double": float}
    return type(value) is kinds[shape.type_name]


class Reference:
    """A botocore client that records its requests, and takes responses from here.

    Args:
        credentials: What it signs with.
        region: The region that it signs for.
        endpoint: Where it sends, or ``None`` for the region's own endpoint.
        capture: Whether responses come from here; otherwise requests go to the endpoint.
    """

    def __init__(
        self,
        credentials: Credentials,
        region: str,
        endpoint: str | None,
        *,
        capture: bool = True,
    ) -> None:
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        session.set_credentials(credentials.access_key, credentials.secret_key, credentials.token)
        self.client = session.create_client(
            "ecr",
            region_name=region,
            endpoint_url=endpoint,
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )
        self.requests: list[AWSRequest] = []
        self.response = NO_VALUES
        if capture:
            self.client.meta.events.register("before-send.ecr", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        status, headers, body = self.response
        return AWSResponse(request.url, status, CaseInsensitiveDict(headers), _Raw(body))


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """Return botocore's view of the service."""
    return Oracle()


@cache
def _capturing_reference(*args: Any) -> Reference:
    return Reference(*args)


@pytest.fixture
def reference(credentials: Credentials) -> Iterator[Callable[..., Reference]]:
    """Yield a function that makes botocore clients; tests share those that send nothing."""
    sending: list[Reference] = []

    def make(
        keys: Credentials = credentials,
        region: str = "eu-west-1",
        endpoint: str | None = None,
        *,
        capture: bool = True,
    ) -> Reference:
        if not capture:
            sending.append(Reference(keys, region, endpoint, capture=False))
            return sending[-1]
        found = _capturing_reference(keys, region, endpoint)
        found.requests.clear()
        found.response = NO_VALUES
        return found

    yield make
    for each in sending:
        each.client.close()


@pytest.fixture
def client(client_class: Any, server: Any, credentials: Credentials) -> Iterator[Any]:
    """Yield each client in turn."""
    with client_class(region="eu-west-1", endpoint=server.url, credentials=credentials) as made:
        yield made
