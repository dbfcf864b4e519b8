"""No input makes the server fail: whatever a client sends, it gets a proper response.

Requests are passed to the ASGI application without a socket, which also allows those that no
client library would send.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import string
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_client.local import LocalECR
from ecr_client.local.validation import operations

TARGET = "AmazonEC2ContainerRegistry_V20150921"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = f"sha256:{'0' * 64}"
FAR_AWAY = "Fri, 31 Dec 9999 23:59:59 -2359"

# The same examples in every run.
fuzzed = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Sent(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """A server, and a way to send requests to its application."""

    def __init__(self, ecr: LocalECR, auth: tuple[str, str]) -> None:
        self.ecr = ecr
        self._application: Any = ecr._server.config.app
        password = base64.b64encode(":".join(auth).encode()).decode()
        self.authorized = {"authorization": f"Basic {password}"}

    def send(
        self, method: str, path: str, headers: Any = None, body: bytes = b"", query: str = ""
    ) -> Sent:
        return asyncio.run(self._send(method, path, headers or {}, body, query))

    def call(self, operation: str, members: Any, **headers: str) -> Sent:
        target = {"x-amz-target": f"{TARGET}.{operation}"}
        body = json.dumps(members).encode()
        return self.send("POST", "/", {"host": "localhost", **target, **headers}, body)

    async def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str
    ) -> Sent:
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            if not messages:
                await asyncio.sleep(3600)  # the client does not disconnect
            return messages.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await self._application(scope, receive, send)
        found = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]
        }
        assert all(value.isprintable() for value in found.values())
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Sent(sent[0]["status"], found, content)


def assert_of_the_api(response: Sent) -> None:
    """Assert that a response has the form of the API, and that any error is the client's fault."""
    members = json.loads(response.body)
    assert response.status < 500, members
    assert response.headers["content-type"] == "application/x-amz-json-1.1"
    assert (response.status >= 400) == ("__type" in members)
    response.body.decode().encode("utf-8")


def assert_of_the_registry(response: Sent) -> None:
    """Assert that a response is a success, or an error in the form of the registry protocol."""
    assert response.status < 500, response
    if response.status == 401 and response.headers["content-type"].startswith("text/plain"):
        assert response.body == b"Not Authorized\n"  # the same as in ECR
        assert response.headers["www-authenticate"].startswith("Basic ")
    elif response.status >= 400:
        (error,) = json.loads(response.body)["errors"]
        assert response.headers["content-type"] == "application/json"
        assert error["code"].replace("_", "").isalpha()
        assert error["message"].encode()


def _server(**options: Any) -> Any:
    @pytest.fixture(scope="module")
    def server(login: Callable[..., tuple[str, str]]) -> Iterator[Server]:
        with LocalECR(**options) as ecr, ecr.client() as client:
            client.create_repository(repository_name="app")
            yield Server(ecr, login(client))

    return server


checking = _server()
specified = _server(registry_protocol="oci")
trusting = _server(auth=False)


def _basic(password: bytes) -> str:
    """Return a header whose password is bytes encoded in base64, like the password of a token."""
    return "Basic " + base64.b64encode(b"AWS:" + base64.b64encode(password)).decode()


LATIN = st.text(st.characters(max_codepoint=0xFF), max_size=30)
TIMES = st.one_of(
    LATIN,
    st.sampled_from(
        [
            *(FAR_AWAY, "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 0001 00:00:00 -0000"),
            *("00000000T000000Z", "99999999T999999Z", "20261120T120000Z"),
            *("Fri, 20 Nov 2026 12:00:00 GMT", "1 Jan", ", ,", "1 Jan ,"),
            "Fri, 20 Nov 2026 12:00:00 +" + "9" * 5000,
            "Fri, 20 Nov " + "9" * 5000 + " 12:00:00 GMT",
        ]
    ),
    st.text(string.digits + "TZ:+- ,JanFriGMT", max_size=40),
)
PARTS_OF_SCOPES = st.sampled_from(
    ["AKIDEXAMPLE", "20261120", "us-east-1", "ecr", "aws4_request", ""]
)
SCOPES = st.lists(PARTS_OF_SCOPES | LATIN, max_size=7).map("/".join)
ALGORITHMS = ["AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA512 ", "Basic ", "Bearer ", ""]
PARAMETERS = st.one_of(
    SCOPES.map("Credential={}".format),
    st.sampled_from(["SignedHeaders=host;x-amz-date", "SignedHeaders=;;", "Signature="]),
    LATIN.map("Signature={}".format),
    LATIN.map("SignedHeaders={}".format),
    LATIN,
)
ENCODED = st.binary(max_size=30) | st.lists(LATIN, max_size=6).map(
    lambda parts: "/".join(parts).encode()
)
PAYLOADS = st.one_of(
    ENCODED.map(lambda data: base64.b64encode(data).decode()), LATIN, st.integers(), st.none()
)
AUTHORIZATIONS = st.one_of(
    LATIN,
    st.tuples(st.sampled_from(ALGORITHMS), st.lists(PARAMETERS, max_size=4).map(", ".join)).map(
        "".join
    ),
    st.binary(max_size=30).map(lambda data: f"Basic {base64.b64encode(data).decode()}"),
    st.binary(max_size=30).map(_basic),
    PAYLOADS.map(lambda payload: _basic(json.dumps({"payload": payload}).encode())),
    st.just(_basic(b"[" * 30_000)),
)
RANGES = st.one_of(
    LATIN,
    st.text("bytes=0123456789-, /*", max_size=20),
    st.sampled_from(
        [
            *("bytes=0-1,3-4", "bytes=-", "bytes=5-1", "bytes=99-"),
            *("lines=1-2", "bytes", "0-" + "9" * 30),
        ]
    ),
)
NUMBERS = st.one_of(
    LATIN, st.sampled_from(["", "-1", "1e3", "9" * 5000, "0x10", "+5", "\u00b2", "1,1", "18"])
)
ANY_HEADERS = """accept content-type expect host if-range transfer-encoding x-amz-security-token
    x-amz-target x-forwarded-host x-forwarded-proto"""
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(ANY_HEADERS.split(), LATIN),
        "authorization": AUTHORIZATIONS,
        "content-length": NUMBERS,
        "content-range": RANGES,
        "range": RANGES,
        "date": TIMES,
        "x-amz-date": TIMES,
    },
)
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=A/20261120/us-east-1/ecr/aws4_request, SignedHeaders=host;date"
)


@fuzzed
@example(headers={"date": FAR_AWAY, "authorization": f"{SIGNED}, Signature=0"})
@example(headers={"content-length": "9" * 5000})
@given(headers=HEADERS)
def test_headers_of_the_api(checking: Server, headers: dict[str, str]) -> None:
    """Headers of any content get a response of the API, even before anything is authenticated."""
    assert_of_the_api(checking.call("DescribeRepositories", {}, **headers))


@fuzzed
@given(headers=HEADERS, signed=LATIN, signature=LATIN, query=st.text(string.printable, max_size=30))
def test_signatures(
    checking: Server, headers: dict[str, str], signed: str, signature: str, query: str
) -> None:
    """The same holds with the id of an existing key, after which all else is checked, too."""
    now = datetime.now(timezone.utc)
    key = checking.ecr.credentials[checking.ecr.account].access_key
    names = ";".join(["host", "x-amz-date", signed, *headers])
    headers = {
        "host": "localhost",
        **headers,
        "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
        "x-amz-target": f"{TARGET}.DescribeRepositories",
        "authorization": f"AWS4-HMAC-SHA256 Credential={key}/{now:%Y%m%d}/us-east-1/ecr/"
        f"aws4_request, SignedHeaders={names}, Signature={signature}",
    }
    headers.pop("x-amz-security-token", None)
    response = checking.send("POST", "/", headers, b"{}", query)

    assert_of_the_api(response)
    assert response.status == 400


def _registry_requests() -> st.SearchStrategy[tuple[str, str, str]]:
    escaped = LATIN.map(quote)
    names = st.sampled_from(["app", "other", "..", "UPPER"]) | escaped
    references = (
        st.sampled_from([EMPTY, "v1", "sha256:0", "x:y", "00000000-0000-0000-0000-000000000000"])
        | escaped
    )
    kinds = ["blobs", "blobs/uploads", "manifests", "referrers", "tags/list", "blobs/uploads/"]
    paths = st.tuples(st.just("/v2"), names, st.sampled_from(kinds), references).map("/".join)
    fixed = st.sampled_from(["/v2", "/v2/", "/v2/_catalog", "/v2/app/tags/list", "/v2/%00/x"])
    parameters = st.tuples(
        st.sampled_from(["n", "last", "digest", "mount", "from", "artifactType"]),
        st.sampled_from([EMPTY, "10", "-1", "%ED%A0%80", "%FF", ""]) | escaped,
    ).map("=".join)
    methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"])
    return st.tuples(methods, paths | fixed, st.lists(parameters, max_size=3).map("&".join))


@fuzzed
@example(request=("GET", "/v2/%0A/tags/list", ""), headers={}, authorized=True, body=b"")
@given(request=_registry_requests(), headers=HEADERS, authorized=st.booleans(), body=st.binary())
def test_requests_of_the_registry(
    checking: Server, request: Any, headers: dict[str, str], authorized: bool, body: bytes
) -> None:
    """Paths, queries and headers of any content get a response of the registry protocol."""
    method, path, query = request
    given_headers = {**headers, **(checking.authorized if authorized else {})}

    assert_of_the_registry(checking.send(method, path, given_headers, body, query))


@fuzzed
@example(range_header="bytes=5-1")
@example(range_header="nonsense")
@example(range_header="bytes=99-")
@given(range_header=RANGES)
def test_ranges(specified: Server, checking: Server, range_header: str) -> None:
    """Any range of a blob or a download is served, or refused in the form of that endpoint."""
    data = b"0123456789"
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    path = f"/v2/app/blobs/{digest}"
    for server in (specified, checking):
        if server.send("HEAD", path, server.authorized).status != 200:
            started = server.send("POST", "/v2/app/blobs/uploads/", server.authorized)
            headers = {**server.authorized, "content-length": "10"}
            place = started.headers["location"]
            assert server.send("PUT", place, headers, data, f"digest={digest}").status == 201
    blob = specified.send("GET", path, {**specified.authorized, "range": range_header})
    redirect = checking.send("GET", path, checking.authorized)
    address = urlsplit(redirect.headers["location"])
    download = checking.send("GET", address.path, {"range": range_header}, query=address.query)

    assert_of_the_registry(blob)
    assert redirect.status == 307
    assert {blob.status, download.status} <= {200, 206, 400, 416}
    if blob.status == 416:
        assert blob.headers["content-range"] == "bytes */10"
    if download.status >= 400:
        assert b"<Code>InvalidRange</Code>" in download.body


@fuzzed
@example(content_range="0-" + "9" * 30, length=None)
@example(content_range="0-9", length="9" * 5000)
@given(content_range=RANGES, length=st.none() | NUMBERS)
def test_ranges_of_chunks(checking: Server, content_range: str, length: str | None) -> None:
    """A chunk whose range or length is malformed is refused in the form of the protocol."""
    started = checking.send("POST", "/v2/app/blobs/uploads/", checking.authorized)
    headers = {**checking.authorized, "content-range": content_range}
    headers |= {} if length is None else {"content-length": length}
    response = checking.send("PATCH", started.headers["location"], headers, b"0123456789")

    assert_of_the_registry(response)


# Strings as JSON can hold them, escaped: with lone surrogates, which UTF-8 cannot encode.
STRINGS = st.one_of(
    st.sampled_from(["", "app", "v1", EMPTY, MANIFEST, "a/b; c=d", "x:\r\ny: z", "*", "\x00"]),
    st.text(st.characters(codec=None), max_size=10),
    st.sampled_from(["\ud800", "a\udfff", "\ud83d"]),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)


def _or_json(*values: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for one of these values, or for any JSON."""
    return JSON | st.sampled_from(values)


DESCRIPTORS = st.fixed_dictionaries(
    {},
    optional={
        "digest": _or_json(EMPTY, "x:\r\nInjected: y", "a:b"),
        "size": _or_json(2),
        "mediaType": JSON | STRINGS,
        "urls": _or_json(["https://example"]),
    },
)
SOUND = {"digest": "a:b", "size": 2, "mediaType": "a/b"}
FOREIGN = {**SOUND, "urls": ["u"]}
DESCRIBED = JSON | st.lists(DESCRIPTORS, max_size=2) | st.just([])
MANIFESTS = st.fixed_dictionaries(
    {"schemaVersion": st.just(2), "mediaType": st.sampled_from([MANIFEST, INDEX])},
    optional={
        "config": DESCRIPTORS | _or_json(FOREIGN),
        "layers": DESCRIBED,
        "manifests": DESCRIBED,
        "subject": DESCRIPTORS | _or_json({**SOUND, "digest": EMPTY}),
        "artifactType": JSON | STRINGS,
        "annotations": JSON | st.dictionaries(STRINGS, STRINGS, max_size=3),
    },
)


def _image(**members: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": FOREIGN, "layers": [], **members}


@pytest.mark.slow
@fuzzed
@example(document=_image(artifactType="a\ud800"))
@example(document=_image(annotations={"a": "\udfff"}, subject={**SOUND, "digest": EMPTY}))
@example(document=_image(config={**FOREIGN, "mediaType": "\ud800"}))
@example(document=_image(subject={**SOUND, "digest": "x:\r\nInjected: y"}))
@example(document=_image(subject={**SOUND, "digest": "x:\u20ac"}))
@given(document=MANIFESTS | JSON)
def test_manifests(trusting: Server, document: Any) -> None:
    """Any manifest is accepted or refused, and one that is accepted can be read everywhere."""
    text = json.dumps(document)
    headers = {**trusting.authorized, "content-type": ""}
    app = {"repositoryName": "app"}

    assert_of_the_registry(trusting.send("PUT", "/v2/app/manifests/v1", headers, text.encode()))
    for name in ("manifests/v1", f"referrers/{EMPTY}", "tags/list"):
        assert_of_the_registry(trusting.send("GET", f"/v2/app/{name}", trusting.authorized))
    for operation, more in (
        ("PutImage", {"imageManifest": text, "imageTag": "v2"}),
        ("DescribeImages", {}),
        ("BatchGetImage", {"imageIds": [{"imageTag": "v1"}]}),
        ("ListImageReferrers", {"subjectId": {"imageDigest": EMPTY}}),
    ):
        assert_of_the_api(trusting.call(operation, {**app, **more}))


SELECTIONS = st.fixed_dictionaries(
    {
        "tagStatus": _or_json("any"),
        "countType": _or_json("imageCountMoreThan"),
        "countNumber": _or_json(2),
    }
)
RULES = st.fixed_dictionaries(
    {
        "rulePriority": JSON | st.integers(1, 5),
        "selection": JSON | SELECTIONS,
        "action": _or_json({"type": "expire"}),
    },
    optional={"description": JSON},
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Principal": st.just("*")},
    optional={"Action": _or_json("ecr:*?*"), "Condition": JSON},
)
POLICIES = STRINGS | st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"Version": st.just("2012-10-17")}, optional={"Id": JSON, "Statement": JSON | STATEMENTS}
    ),
    st.fixed_dictionaries({"rules": JSON | st.lists(RULES, max_size=2)}),
).map(json.dumps)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "blob": st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode()) | STRINGS,
    "boolean": st.booleans(),
    "integer": st.integers(-1, 2**64),
    "long": st.integers(-1, 2**64),
}


def _values(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a shape of the model, most of which are valid."""
    if shape.type_name == "structure":
        members = {name: _values(member, depth + 1) for name, member in shape.members.items()}
        required = {name: members.pop(name) for name in shape.required_members}
        sound: st.SearchStrategy[Any] = st.fixed_dictionaries(required, optional=members)
    elif shape.type_name == "list":
        sound = st.lists(_values(shape.member, depth + 1), max_size=2)
    elif shape.type_name == "string":
        sound = _strings(shape)
    else:
        sound = SCALARS.get(shape.type_name, JSON)
    return sound if depth == 0 else st.integers(0, 15).flatmap(lambda n: sound if n else JSON)


def _strings(shape: Any) -> st.SearchStrategy[Any]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if pattern := shape.metadata.get("pattern"):
        return STRINGS | st.from_regex(pattern, fullmatch=True)
    return POLICIES if "olicy" in shape.name else STRINGS


@pytest.mark.slow
@settings(parent=fuzzed, max_examples=15)
@pytest.mark.parametrize("operation", sorted(operations()))
@given(data=st.data())
def test_bodies_of_the_api(trusting: Server, operation: str, data: st.DataObject) -> None:
    """Members of any content get a response of the API, for every operation."""
    members = data.draw(_values(operations()[operation].input_shape))
    if isinstance(members, dict) and data.draw(st.booleans()):
        if "repositoryName" in members:
            members["repositoryName"] = "app"
        members.pop("registryId", None)

    assert_of_the_api(trusting.call(operation, members))
