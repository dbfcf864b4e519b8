"""Locations: references, resolved for a client."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from ecr_client.models import ImageIdentifier
from ecr_client.oci import Reference

if TYPE_CHECKING:
    from ecr_client import ECRClient
    from ecr_client.models import DescribeImagesResult, ImageDetail
    from ecr_client.pagination import Paginator


@attrs.frozen(kw_only=True)
class Location:
    """A repository that a client can reach, and an image in it.

    Attributes:
        client: Calls the service.
        repository: The name of the repository.
        registry_id: The AWS account id of the registry; ``None`` for the client's own.
        tag: A tag of the image.
        digest: The digest of the image.
    """

    client: ECRClient
    repository: str
    registry_id: str | None
    tag: str | None
    digest: str | None

    @property
    def identifier(self) -> ImageIdentifier:
        """The identifier of the image in requests; the digest takes precedence over the tag."""
        if self.digest is not None:
            return ImageIdentifier(image_digest=self.digest)
        return ImageIdentifier(image_tag=self.tag)

    def require_image(self) -> None:
        """Refuse a location that names a repository, but no image.

        Raises:
            ValueError: There is neither a tag nor a digest.
        """
        if self.tag is None and self.digest is None:
            raise ValueError(
                f"the reference {str(self)!r} does not name an image: add a tag, such as"
                f" '{self.repository}:latest', or a digest"
            )

    def images(self) -> Paginator[ImageDetail, DescribeImagesResult]:
        """Return the images of the repository."""
        return self.client.paginate_describe_images(
            repository_name=self.repository, registry_id=self.registry_id
        )

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def reference_for(client: ECRClient, text: str) -> Reference:
    """Return a parsed reference; without a host, it is relative to the registry of a client.

    Raises:
        ValueError: The string is not a reference, or one of Amazon ECR Public.
    """
    found = Reference.parse(text, hosts=[urlsplit(client.endpoint).netloc])
    if found.registry is not None and found.registry.is_public:
        raise ValueError(f"{text!r} is in Amazon ECR Public, which has an API of its own")
    return found


def locate(
    client: ECRClient, text: str, name: str = "reference", client_name: str = "client"
) -> Location:
    """Return the location that a reference names.

    Args:
        client: A reference without a host is relative to the registry of this client.
        text: A reference; see `ecr_client.oci.Reference.parse`.
        name: The name of the argument with the reference, for error messages.
        client_name: The name of the argument with the client.

    Raises:
        ValueError: The string is not a reference, or belongs to a registry that the client does
            not call.
        TypeError: The client is not an `ECRClient`.
    """
    if isinstance(client, type) or not callable(getattr(client, "invoke", None)):
        raise TypeError(f"{client_name} must be an ECRClient, got {type(client).__name__}")
    # Not that of the object: `create_autospec` makes methods that seem to be asynchronous.
    if iscoroutinefunction(getattr(type(client), "invoke", None)):
        raise TypeError(
            f"{type(client).__name__} is asynchronous: push_image, pull_image, copy_image and "
            "inspect_image for it are in ecr_client.images.aio; pass an ECRClient to the others"
        )
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a string such as 'team/app:1.0', got {text!r}")
    reference = reference_for(client, text)
    registry = reference.registry
    if registry is not None and registry.region not in (None, client.region):
        raise ValueError(
            f"{text!r} is in {registry.region}, but the client calls {client.region}; create one"
            f" with ECRClient(region='{registry.region}')"
        )
    if (
        registry is not None
        and registry.account is None
        and urlsplit(f"//{registry.host}").port != urlsplit(client.endpoint).port
    ):
        raise ValueError(f"{text!r} is not in the registry of the client, {client.endpoint}")
    return Location(
        client=client,
        repository=reference.repository,
        registry_id=registry.account if registry is not None else None,
        tag=reference.tag,
        digest=reference.digest,
    )
