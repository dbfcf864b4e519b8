"""References: all forms in which images of Amazon ECR are written, and none that looks alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client.oci import Digest, Reference, Registry

ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = Digest.of(b"content")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (HOST, "eu-west-1"),
        (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        (f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        (f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        (f"{ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        (f"{ACCOUNT}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
    ],
)
def test_registry_hosts(host: str, region: str) -> None:
    """Account and region are read from each form of a registry's host."""
    assert Registry.find(host) == Registry(host=host, account=ACCOUNT, region=region)
    assert Reference.parse(f"{host}/app:1").registry == Registry.find(host)


def test_repositories_like_hosts() -> None:
    """A repository whose name begins like a host must follow its registry's host."""
    assert Reference.parse(f"{HOST}/my.team/app").repository == "my.team/app"
    with pytest.raises(ValueError, match="has a dot in its first part"):
        Reference.parse("my.team/app")


def test_the_public_registry() -> None:
    """Amazon ECR Public is recognized, and is not the registry of an account."""
    registry = Reference.parse("public.ecr.aws/docker/library/busybox:1").registry

    assert registry is not None
    assert (registry.is_public, registry.account) == (True, None)


@pytest.mark.parametrize(
    "host",
    [
        f"{HOST}.evil.org",
        f"{HOST}.cn",
        f"evil-{HOST}",
        f"12345.{HOST}",
        HOST.replace(ACCOUNT, "12345678901"),
        HOST.replace("amazonaws", "amazonaws-com"),
        HOST.replace("eu-west-1", "nowhere"),
        HOST.replace("dkr.ecr", "dkr-ecr"),
        HOST.replace("dkr.", ""),
        f"{HOST}:443",
        "docker.io",
        "public.ecr.aws.evil.org",
        "127.0.0.1.evil.org",
        "localhost.evil.org:5000",
    ],
)
def test_hosts_that_look_alike(host: str) -> None:
    """A host that only looks like a registry of Amazon ECR is refused by name."""
    assert Registry.find(host) is None
    with pytest.raises(ValueError, match="is not a registry of Amazon ECR"):
        Reference.parse(f"{host}/app:1")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:80", "[::1]:5000", "a.localhost:1", "ecr:1"]
)
def test_other_hosts(host: str) -> None:
    """Loopback hosts and explicitly allowed hosts are registries without an account."""
    found = Reference.parse(f"{host}/team/app:1", hosts=["ecr:1"])

    assert found == Reference(registry=Registry(host=host), repository="team/app", tag="1")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("app", Reference(repository="app")),
        ("team/app:1.0", Reference(repository="team/app", tag="1.0")),
        (f"app@{DIGEST}", Reference(repository="app", digest=DIGEST)),
        (f"app:1@{DIGEST}", Reference(repository="app", tag="1", digest=DIGEST)),
        ("a-b__c/e--f.g:_", Reference(repository="a-b__c/e--f.g", tag="_")),
        ("my.app:1", Reference(repository="my.app", tag="1")),
    ],
)
def test_short_forms(text: str, reference: Reference) -> None:
    """A reference without a host has repository, tag and digest, and is written as it was read."""
    assert Reference.parse(text) == reference
    assert str(reference) == text
    assert str(Reference.parse(f"{HOST}/{text}")) == f"{HOST}/{text}"


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", HOST),
        ("aws-cn", "cn-north-1", f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_arns(partition: str, region: str, host: str) -> None:
    """The ARN of a repository is equivalent to its registry's host and its name."""
    arn = f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/team/app"

    assert str(Reference.parse(arn)) == f"{host}/team/app"
    assert str(Reference.parse(f"{arn}:1@{DIGEST}")) == f"{host}/team/app:1@{DIGEST}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 2,000 printable characters"),
        ("a" * 2001, "1 to 2,000 printable characters"),
        ("app\n", "1 to 2,000 printable characters"),
        (None, "must be a string, got NoneType"),
        ("a", "2 to 256 lower-case letters"),
        ("a" * 257, "2 to 256 lower-case letters"),
        ("App", "must be lower case, got 'App'"),
        ("a..b", "single separators"),
        ("app/", "single separators"),
        (":1", "single separators"),
        ("app:", "a tag must have 1 to 300"),
        ("app:-1", "a tag must have 1 to 300"),
        ("app:" + "a" * 301, "a tag must have 1 to 300"),
        ("app@sha256:1", "64 lower-case hexadecimal digits"),
        ("app@", "must be like 'sha256"),
        (f"docker://{HOST}/app", "remove 'docker://'"),
        (f"https://{HOST}/app", "remove 'https://'"),
        ("arn:aws:s3:::bucket", "an ARN must be like"),
        (f"arn:aws:ecr:cn-north-1:{ACCOUNT}:repository/app", "in the partition 'aws'"),
        (f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/", "2 to 256"),
    ],
)
def test_malformed_references(text: str, problem: str) -> None:
    """A malformed reference is a ValueError that says which part is wrong."""
    with pytest.raises(ValueError, match=problem):
        Reference.parse(text)


PIECES = st.sampled_from(["app", "team/app", ":", "@", "sha256:", "a" * 64, "/", "v1", " ", HOST])


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(PIECES | st.text(max_size=3), max_size=6).map("".join))
def test_any_string(text: str) -> None:
    """Any string is either refused with a ValueError, or written as it was read."""
    try:
        found = Reference.parse(text)
    except ValueError:
        return

    assert text.startswith("arn:") or str(found) == text
