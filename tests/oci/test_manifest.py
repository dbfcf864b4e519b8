"""Manifests and indexes: reading any input, and writing what other tools can read."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_client.oci import (
    Descriptor,
    Digest,
    Index,
    Manifest,
    Platform,
    media_types,
    parse_manifest,
)
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH

A, B = Digest.of(b"a"), Digest.of(b"b")
CONFIG = {"mediaType": media_types.OCI_CONFIG, "digest": A, "size": 1}
LAYER = {"mediaType": media_types.OCI_LAYER_GZIP, "digest": B, "size": 2}
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": media_types.OCI_MANIFEST,
    "config": CONFIG,
    "layers": [LAYER],
}
INDEX = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": []}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PLATFORMS = st.builds(
    Platform,
    os=TEXT,
    architecture=TEXT,
    variant=st.none() | TEXT,
    os_version=st.none() | TEXT,
    os_features=st.lists(TEXT, max_size=2).map(tuple),
)
DESCRIPTORS = st.builds(
    Descriptor,
    media_type=st.just("application/vnd.example+json"),
    digest=st.binary().map(Digest.of),
    size=st.integers(0, 2**63 - 1),
    urls=st.lists(TEXT, max_size=2).map(tuple),
    annotations=st.dictionaries(TEXT, TEXT, max_size=2),
    platform=st.none() | PLATFORMS,
    artifact_type=st.none() | st.just("application/vnd.example"),
)
SHARED: dict[str, Any] = {
    "subject": st.none() | DESCRIPTORS,
    "artifact_type": st.none() | st.just("application/vnd.example"),
    "annotations": st.dictionaries(TEXT, TEXT, max_size=2),
}
DOCUMENTS = st.builds(
    Manifest,
    media_type=st.sampled_from(sorted(media_types.MANIFESTS)),
    config=DESCRIPTORS,
    layers=st.lists(DESCRIPTORS, max_size=3).map(tuple),
    **SHARED,
) | st.builds(
    Index,
    media_type=st.sampled_from(sorted(media_types.INDEXES)),
    manifests=st.lists(DESCRIPTORS, max_size=3).map(tuple),
    **SHARED,
)
VALUES = st.sampled_from(
    [
        None,
        True,
        -1,
        2**63,
        1e300,
        "",
        "a",
        "\ud800",
        [],
        ["a"],
        [[]],
        {},
        {"a": 1},
        [CONFIG],
        CONFIG,
    ]
)
# The same examples in every run, however slow the machine is.
steady = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
MEMBERS = [
    *("schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType"),
    "annotations",
]


@steady
@given(DOCUMENTS)
def test_round_trips(document: Manifest | Index) -> None:
    """A document that is written and read again is the same."""
    assert parse_manifest(document.to_bytes()) == document


@steady
@given(
    st.sampled_from([MANIFEST, INDEX]),
    st.dictionaries(
        st.sampled_from(MEMBERS),
        VALUES
        | st.dictionaries(st.sampled_from(["digest", "size", "platform", "urls"]), VALUES).map(
            lambda changed: {**CONFIG, **changed}
        ),
    ),
)
def test_malformed_documents(whole: dict[str, Any], changed: dict[str, Any]) -> None:
    """Any document is either refused with a ValueError, or written as it was read."""
    try:
        found = parse_manifest(json.dumps({**whole, **changed}).encode())
    except ValueError:
        return

    assert parse_manifest(found.to_bytes()) == found


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "1 to 4,194,304 characters, got 0"),
        (b" " * (MAX_MANIFEST_LENGTH + 1), "1 to 4,194,304 characters, got 4,194,305"),
        (b"\xff", "not UTF-8"),
        (b"{", "not JSON at line 1"),
        (b"[" * 100_000, "not JSON"),
        (b'{"size": NaN}', "not JSON"),
        (b"[]", "must be a JSON object, got a list"),
        (b"null", "must be a JSON object, got null"),
    ],
)
def test_invalid_json(content: bytes, problem: str) -> None:
    """Only a JSON object of a bounded length is accepted."""
    with pytest.raises(ValueError, match=problem):
        parse_manifest(content)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"mediaType": None}, "no mediaType, and none was given"),
        ({"mediaType": "text/plain"}, "unsupported media type 'text/plain'"),
        ({"schemaVersion": 1}, "Schema 1 is not supported"),
        ({"schemaVersion": "2"}, "schemaVersion must be 2"),
        ({"schemaVersion": True}, "Schema 1|schemaVersion must be 2"),
        ({"manifests": []}, "must not have 'manifests'"),
        ({"config": None}, "config must be a descriptor, got null"),
        ({"layers": {}}, "layers must be a list of descriptors, got an object"),
        ({"layers": [LAYER, 1]}, r"layers\[1\] must be a descriptor, got a number"),
        ({"config": {**CONFIG, "digest": "sha256:1"}}, "config.digest: .*64 lower-case"),
        ({"config": {**CONFIG, "size": -1}}, "config.size must be a number of bytes"),
        ({"config": {**CONFIG, "size": True}}, "config.size must be .*, got a boolean"),
        ({"config": {**CONFIG, "mediaType": ""}}, "config.mediaType must be a media type"),
        ({"config": {**CONFIG, "mediaType": "a/b;c=d"}}, "without parameters, got 'a/b;c=d'"),
        ({"config": {**CONFIG, "urls": [1]}}, "config.urls must be a list of strings"),
        ({"config": {**CONFIG, "platform": "linux"}}, "config.platform must be an object"),
        ({"annotations": {"a": 1}}, "annotations must be a map of strings"),
        ({"annotations": {"a": "\ud800"}}, "it is not JSON at line 1"),
        ({"subject": []}, "subject must be a descriptor, got a list"),
        ({"artifactType": 5}, "artifactType must be a string, got a number"),
    ],
)
def test_messages(change: dict[str, Any], problem: str) -> None:
    """The error message names the member that is wrong, and what it should be."""
    with pytest.raises(ValueError, match=problem):
        parse_manifest(json.dumps({**MANIFEST, **change}))


@pytest.mark.parametrize("name", ["config", "layers"])
def test_ambiguous_documents(name: str) -> None:
    """A document that could be read as an index or as a manifest is refused."""
    with pytest.raises(ValueError, match=f"must not have '{name}'"):
        parse_manifest(json.dumps({**INDEX, name: MANIFEST[name]}))


def test_media_types() -> None:
    """A document's media type must agree with its descriptor's, which is used if there is none."""
    silent = json.dumps({**MANIFEST, "mediaType": None})

    assert parse_manifest(silent, media_types.DOCKER_MANIFEST).media_type == (
        media_types.DOCKER_MANIFEST
    )
    with pytest.raises(ValueError, match="but it is declared as"):
        parse_manifest(json.dumps(MANIFEST), media_types.OCI_INDEX)


def test_blobs() -> None:
    """The blobs of a manifest are listed once each, except those stored elsewhere."""
    layer, config = Descriptor.from_json(LAYER), Descriptor.from_json(CONFIG)
    foreign = attrs.evolve(layer, digest=Digest.of(b"c"), urls=("https://example.com",))
    manifest = Manifest(config=config, layers=(layer, foreign, layer))

    assert manifest.blobs == (layer, config)


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [("linux/arm64", True), ("linux/arm64/v8", True), ("linux/arm64/v7", False), ("a/b", False)],
)
def test_platforms(wanted: str, matches: bool) -> None:
    """A platform matches if all requested parts do; the variant is optional."""
    found = Platform.parse("linux/arm64/v8")

    assert str(found) == "linux/arm64/v8"
    assert found.matches(Platform.parse(wanted)) is matches
    with pytest.raises(ValueError, match=r"must be os/architecture\[/variant\], got 'linux'"):
        Platform.parse("linux")


def test_members_of_platforms() -> None:
    """A platform keeps all members that the image specification defines."""
    windows = {
        "architecture": "amd64",
        "os": "windows",
        "os.version": "10.0.17763.6414",
        "os.features": ["win32k"],
        "variant": "v3",
    }

    assert Platform.from_json(windows).to_json() == windows
    assert Platform.from_json(windows).matches(Platform.parse("windows/amd64"))
