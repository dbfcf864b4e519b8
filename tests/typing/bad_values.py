"""Uses of results, exceptions, types and settings that a type checker has to refuse."""

from __future__ import annotations

import ecr_client
from ecr_client import (
    AmazonECR,
    ClientConfiguration,
    Credentials,
    ECRClient,
    Region,
    docker,
    exceptions,
    from_dict,
    images,
    models,
    testing,
    to_dict,
)
from ecr_client.exceptions import InvalidLayerPartException, RepositoryNotFoundException
from ecr_client.models import (
    CreateRepositoryRequest,
    CreateRepositoryResult,
    DescribeImagesResult,
    ImageStatus,
    InitiateLayerUploadResult,
    ListImagesResult,
    Repository,
)


def misspelt_names() -> None:
    """A name that the package does not have is an error, although its modules are lazy."""
    print(ecr_client.ECRclient)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(models.CreateRepositroyRequest)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(exceptions.RepositoryNotFoundError)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(docker.docker_logn)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(images.push_imag)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(testing.ECRStbu)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def misspelt_attributes(
    created: CreateRepositoryResult, described: DescribeImagesResult, listed: ListImagesResult
) -> None:
    """An attribute that a result or a structure in it does not have is an error."""
    print(created.repositry)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(created.request_id)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    listed.raise_for_failures()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(described.image_details[0].imageTags)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(len(described), list(created))  # type: ignore[arg-type, call-overload]  # pyright: ignore[reportArgumentType]
    print(described["imageDetails"])  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    print(ImageStatus.ACTIV)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def absent_members(created: CreateRepositoryResult, described: DescribeImagesResult) -> None:
    """An optional member has to be checked before use, and a required one has to be passed."""
    print(created.repository.image_scanning_configuration.scan_on_push)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    InitiateLayerUploadResult(upload_id="u")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    size: int = described.image_details[0].image_size_in_bytes  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    status: ImageStatus = described.image_details[0].image_status  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(size, status)


def immutable_members(request: CreateRepositoryRequest, described: DescribeImagesResult) -> None:
    """Members cannot be set, and lists cannot be changed."""
    request.repository_name = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    described.next_token = None  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    described.image_details[0] = described.image_details[1]  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    described.image_details.append(described.image_details[0])  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    described.response_metadata.request_id = "1"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def attributes_of_exceptions(
    error: RepositoryNotFoundException, part: InvalidLayerPartException
) -> None:
    """An attribute that an exception does not have is an error."""
    print(error.code)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(error.error_kode)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(error.last_valid_byte_received)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(part.lastValidByteReceived)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    error.error_type = "Client"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def clients(client: ECRClient, region: Region) -> None:
    """A client's arguments and attributes are checked like those of its operations."""
    ECRClient("eu-west-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ECRClient(region_name="eu-west-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ECRClient(region=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ECRClient(credentials="AKIDEXAMPLE")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ECRClient(credentials=("a", "b"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ECRClient(config={"read_timeout": 5})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.region = "eu-west-1"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    client.endpoint = "http://localhost:4566"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    client.set_region(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.set_endpoint(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.get_cached_response_metadata(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.get_cached_response_metadata("request")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(AmazonECR().endpoint)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    made: ECRClient = region.create_client(Region)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(made)


def settings(config: ClientConfiguration, credentials: Credentials, region: Region) -> None:
    """Configurations, credentials and regions have certain fields, each with its type."""
    ClientConfiguration(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ClientConfiguration(timeout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ClientConfiguration(read_timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(proxies="http://proxy:8080")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ClientConfiguration(client_cert=("a", "b", "c"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    config.read_timeout = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    Credentials("a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    credentials.secret_key = "b"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    region.name = "eu-west-1"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    Region(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def plain_data(repository: Repository) -> None:
    """Plain data has two naming styles, and is converted from and to models only."""
    to_dict(repository, "java")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    to_dict({})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    from_dict(dict, {})  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    print(from_dict(Repository, {}).name)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
