"""References: the names by which people and tools refer to images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from ecr_client.oci.digest import Digest
from ecr_client.regions import find_partition

if TYPE_CHECKING:
    from collections.abc import Collection

_REGISTRY = re.compile(
    r"(?P<account>[0-9]{12})\.dkr(?P<separator>[.-])ecr(?P<fips>-fips)?"
    r"\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z0-9.-]+)"
)
#: The domains of the dual-stack hosts ``ACCOUNT.dkr-ecr.REGION.DOMAIN``, by partition.
_DUAL_STACK = {"aws-cn": "on.amazonwebservices.com.cn"}
_PUBLIC = "public.ecr.aws"
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z0-9-]*):ecr:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":repository/(?P<rest>.*)",
    re.DOTALL,
)
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
#: A tag as in the distribution specification, but as long as the service allows.
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}")
_LOOPBACK = re.compile(r"(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]")
_LONGEST = 2000


@attrs.frozen(kw_only=True)
class Registry:
    """A registry of images: what comes before the first slash of a reference.

    Attributes:
        host: The host as it was written, with its port if it has one.
        account: The AWS account that owns the registry; ``None`` for a registry outside of AWS.
        region: The region that the registry is in; ``None`` for a registry outside of AWS.
    """

    host: str
    account: str | None = None
    region: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether this is Amazon ECR Public, which has an API of its own."""
        return self.host == _PUBLIC

    @classmethod
    def find(cls, host: str) -> Registry | None:
        """Return the registry of Amazon ECR that a host name stands for, or None for any other.

        The hosts of all partitions are recognized, including FIPS, dual-stack and ECR Public. A
        look-alike, whose domain is not that of its region's partition, is not.
        """
        if host == _PUBLIC:
            return cls(host=host)
        found = _REGISTRY.fullmatch(host)
        if found is None:
            return None
        partition = find_partition(found["region"])
        if partition is None:
            return None
        if found["separator"] == ".":
            domain = partition.domain
        else:
            domain = _DUAL_STACK.get(partition.name, "on.aws")
        if found["domain"] != domain:
            return None
        return cls(host=host, account=found["account"], region=found["region"])


@attrs.frozen(kw_only=True)
class Reference:
    """An image, or a whole repository if there is neither a tag nor a digest.

    Attributes:
        registry: The registry of the repository; ``None`` if the reference names none.
        repository: The name of the repository.
        tag: The tag, or ``None``.
        digest: The digest, or ``None``. If there is a tag, too, the digest takes precedence.
    """

    registry: Registry | None = None
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str, *, hosts: Collection[str] = ()) -> Reference:
        """Return the parsed reference.

        Args:
            text: ``[HOST/]REPOSITORY[:TAG][@DIGEST]``, as docker and the console write it, or the
                ARN of a repository, which a tag or a digest may follow. Without a host, it is
                relative to a registry.
            hosts: Further hosts to accept, each with its port if it has one. Hosts of Amazon ECR
                and loopback hosts are always accepted.

        Raises:
            ValueError: The string is not a reference; the message says what is wrong and expected.

        Example:
            >>> image = Reference.parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.0")
            >>> image.repository, image.tag, image.registry.region
            ('team/app', '1.0', 'eu-west-1')
        """
        if not isinstance(text, str):
            raise ValueError(f"a reference must be a string, got {type(text).__name__}")
        if not text or len(text) > _LONGEST or not text.isprintable():
            raise _malformed(text, "it must be 1 to 2,000 printable characters")
        is_arn = text.startswith("arn:")
        registry, rest = _split_arn(text) if is_arn else _split_host(text, hosts)
        rest, at, digest = rest.partition("@")
        name, colon, tag = rest.partition(":")
        _check_repository(text, name)
        if colon and not _TAG.fullmatch(tag):
            raise _malformed(
                text, f"a tag must have 1 to 300 letters, digits and '._-', got {tag[:100]!r}"
            )
        try:
            found = Digest(digest) if at else None
        except ValueError as error:
            raise _malformed(text, str(error)) from None
        return cls(registry=registry, repository=name, tag=tag or None, digest=found)

    def __str__(self) -> str:
        host = f"{self.registry.host}/" if self.registry else ""
        tag = f":{self.tag}" if self.tag else ""
        return f"{host}{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def _split_arn(text: str) -> tuple[Registry | None, str]:
    found = _ARN.fullmatch(text)
    if found is None:
        raise _malformed(text, "an ARN must be like 'arn:aws:ecr:REGION:ACCOUNT:repository/NAME'")
    partition = find_partition(found["region"])
    if partition is None or partition.name != found["partition"]:
        raise _malformed(
            text, f"no region {found['region']!r} is in the partition {found['partition']!r}"
        )
    host = f"{found['account']}.dkr.ecr.{found['region']}.{partition.domain}"
    return Registry(host=host, account=found["account"], region=found["region"]), found["rest"]


def _split_host(text: str, hosts: Collection[str]) -> tuple[Registry | None, str]:
    if "://" in text:
        raise _malformed(text, f"it must have no scheme; remove '{text.partition('://')[0]}://'")
    first, slash, rest = text.partition("/")
    # Docker's rule: what could not be the beginning of a repository's name is a host.
    if not slash or not ("." in first or ":" in first or first == "localhost" or first in hosts):
        return None, text
    registry = Registry.find(first)
    if registry is None and (first in hosts or _LOOPBACK.fullmatch(_without_port(first))):
        registry = Registry(host=first)
    if registry is None:
        raise _malformed(
            text,
            f"{first[:100]!r} is not a registry of Amazon ECR; expected a host such as"
            " '123456789012.dkr.ecr.eu-west-1.amazonaws.com', which must also come before the name"
            " of a repository that has a dot in its first part",
        )
    return registry, rest


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]{1,5}$", "", host)


def _check_repository(text: str, name: str) -> None:
    if 2 <= len(name) <= 256 and _REPOSITORY.fullmatch(name):
        return
    if name != name.lower() and name.isascii():
        raise _malformed(text, f"a repository's name must be lower case, got {name[:100]!r}")
    raise _malformed(
        text,
        "a repository's name must have 2 to 256 lower-case letters, digits, single separators"
        f" '._-' between them and slashes, got {name[:100]!r}",
    )


def _malformed(text: str, reason: str) -> ValueError:
    return ValueError(f"{text[:200]!r} is not a reference to an image: {reason}")
