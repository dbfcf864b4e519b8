"""The pages for users of boto3 and of the AWS SDK for Java are complete."""

from __future__ import annotations

import builtins
import inspect
import re
from pathlib import Path

import attrs
import boto3
import botocore.exceptions
import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.loaders import Loader
from botocore.stub import Stubber

from ecr_client import AmazonECR, ClientConfiguration, ECRClient, RetryPolicy, exceptions, models
from ecr_client._generated.exceptions import MODELED

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
README = Path(__file__).resolve().parents[2] / "README.md"
BOTO3, JAVA, OPERATIONS = (
    (GUIDE / f"{page}.md").read_text("utf-8") for page in ("from-boto3", "from-java", "operations")
)


def words(text: str) -> set[str]:
    """Return the words of a string."""
    return set(text.split())


#: The members of the interface AmazonECR.
INTERFACE = words("""
    ENDPOINT_PREFIX batchCheckLayerAvailability batchDeleteImage batchGetImage completeLayerUpload
    createRepository deleteRepository deleteRepositoryPolicy describeRepositories
    getAuthorizationToken getCachedResponseMetadata getDownloadUrlForLayer getRepositoryPolicy
    initiateLayerUpload listImages putImage setEndpoint setRegion setRepositoryPolicy shutdown
    uploadLayerPart
""")
#: The members of AmazonECRClientBuilder other than getters and setters, in the last 1.x release.
BUILDER = words("""
    build defaultClient standard withClientConfiguration withCredentials withEndpointConfiguration
    withMetricsCollector withMonitoringListener withRegion withRequestHandlers
""")
#: The options of com.amazonaws.ClientConfiguration, in the last 1.x release.
CLIENT_CONFIGURATION = words("""
    withCacheResponseMetadata withClientExecutionTimeout withConnectionMaxIdleMillis
    withConnectionTTL withConnectionTimeout withDisableHostPrefixInjection withDisableSocketProxy
    withDnsResolver withGzip withHeader withLocalAddress withMaxConnections
    withMaxConsecutiveRetriesBeforeThrottling withMaxErrorRetry withNonProxyHosts
    withPreemptiveBasicProxyAuth withProtocol withProxyAuthenticationMethods withProxyDomain
    withProxyHost withProxyPassword withProxyPort withProxyProtocol withProxyUsername
    withProxyWorkstation withReaper withRequestTimeout withResponseMetadataCacheSize withRetryMode
    withRetryPolicy withSecureRandom withSignerOverride withSocketBufferSizeHints withSocketTimeout
    withTcpKeepAlive withThrottledRetries withTlsKeyManagersProvider withUseExpectContinue
    withUserAgent withUserAgentPrefix withUserAgentSuffix withValidateAfterInactivityMillis
""")
#: Exceptions that ECR calls with boto3 cannot raise: those of other services, bases, warnings.
NOT_OF_ECR = words("""
    AliasConflictParameterError AwsChunkedWrapperError BaseEndpointResolverError BotoCoreError
    CapacityNotAvailableError ChecksumError ConnectionError EndpointResolutionError
    EventStreamError FlexibleChecksumError ImminentRemovalWarning InvalidChecksumConfigError
    InvalidConfigError InvalidDNSNameError InvalidEndpointDiscoveryConfigurationError
    InvalidExpressionError InvalidHostLabelError InvalidS3AddressingStyleError
    InvalidS3UsEast1RegionalEndpointConfigError InvalidSTSRegionalEndpointsConfigError
    MD5UnavailableError MissingServiceIdError UndefinedModelAttributeError
    UnknownEndpointResolutionBuiltInName UnseekableStreamError UnsupportedOutpostResourceError
    UnsupportedS3AccesspointConfigurationError UnsupportedS3ArnError
    UnsupportedS3ConfigurationError UnsupportedS3ControlArnError
    UnsupportedS3ControlConfigurationError UnsupportedServiceProtocolsError
    UnsupportedTLSVersionWarning
""")
MODEL = boto3.client("ecr", region_name="us-east-1").meta.service_model


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, without its header."""
    below = text.partition(f"\n{heading}\n")[2]
    lines = below[below.index("\n|") + 1 :].split("\n\n", 1)[0].splitlines()
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines[2:]]
    return [[cell.strip() for cell in row] for row in cells]


def names(text: str, heading: str, pattern: str = r"`(\w+)") -> list[str]:
    """Return the names in the first column of a table, sorted."""
    return sorted(name for row in rows(text, heading) for name in re.findall(pattern, row[0]))


def code(*found: str) -> str:
    """Return names formatted as in a cell."""
    return ", ".join(f"`{name}`" for name in found)


def camel(name: str) -> str:
    """Return the name of an operation's method in Java."""
    return name[0].lower() + name[1:]


def snake(name: str) -> str:
    """Return the name of an operation's method in Python."""
    return re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", name).lstrip("_")


def operations() -> list[list[str]]:
    """Return a row for each operation of the model."""
    found = []
    for operation in sorted(MODEL.operation_names):
        method = snake(operation)
        fields = attrs.fields(getattr(models, f"{operation}Request"))
        required = [field.name for field in fields if field.default is attrs.NOTHING]
        helpers = [f"paginate_{method}", f"{method}_all"]
        existing = [name for name in helpers if hasattr(ECRClient, name)]
        found.append([code(method), code(camel(operation)), code(*required), code(*existing)])
    return found


def errors() -> list[list[str]]:
    """Return a row for each error of the model, with the operations that raise it."""
    found: dict[str, list[str]] = {name: [] for name in sorted(MODELED)}
    for operation in sorted(MODEL.operation_names):
        for error in MODEL.operation_model(operation).error_shapes:
            found[error.name].append(snake(operation))
    everywhere = len(MODEL.operation_names)
    return [
        [
            code(name),
            "all"
            if len(of) == everywhere
            else code(*of)
            if len(of) <= 8
            else f"{len(of)} operations",
        ]
        for name, of in found.items()
    ]


def test_operations() -> None:
    """The table of operations has each, with its required members and its helpers."""
    assert rows(OPERATIONS, "## Methods") == operations()


def test_errors() -> None:
    """The table of errors has each error of the model, an exception here, in boto3 and in Java."""
    shapes = [MODEL.shape_for(name) for name in MODEL.shape_names]
    modeled = [shape.name for shape in shapes if shape.metadata.get("exception")]

    assert rows(OPERATIONS, "## Errors") == errors()
    assert sorted(modeled) == sorted(MODELED)
    assert set(modeled) <= set(exceptions.__all__)


def test_interface() -> None:
    """The table in the README, which the page for Java includes, has the interface's members.

    Each is a method of the client.
    """
    table = rows(README.read_text("utf-8"), "## The interface")
    methods = [(row[0].strip("`"), row[1].strip("`")) for row in table]

    assert {*(java for java, _ in methods), "ENDPOINT_PREFIX"} == INTERFACE
    assert len(methods) == 20
    assert all(callable(getattr(ECRClient, snake(java))) for java, _ in methods)
    assert [python for _, python in methods] == [snake(java) for java, _ in methods]
    assert "`AmazonECR.ENDPOINT_PREFIX`" in JAVA
    assert AmazonECR.ENDPOINT_PREFIX == "ecr"


PAGES = {"boto3": BOTO3, "java": JAVA}
CLIENT = {name for name in dir(boto3.client("ecr", region_name="us-east-1")) if name[0] != "_"}
STUBBER = {name for name in dir(Stubber) if name[0] != "_"}
EXCEPTIONS = {
    name
    for name, value in vars(botocore.exceptions).items()
    if isinstance(value, type) and issubclass(value, (Exception, Warning))
}


@pytest.mark.parametrize(
    ("page", "heading", "pattern", "expected"),
    [
        (
            "boto3",
            "### Arguments of a session",
            r"`(\w+)",
            set(inspect.signature(Session).parameters),
        ),
        (
            "boto3",
            "### Arguments of a client",
            r"`(\w+)",
            set(inspect.signature(Session.client).parameters) - {"self"},
        ),
        ("boto3", "### Options of `Config`", r"`(\w+)", set(Config.OPTION_DEFAULTS)),
        (
            "boto3",
            "### Other members",
            r"`(\w+)",
            CLIENT - {snake(name) for name in MODEL.operation_names},
        ),
        ("boto3", "### Exceptions of botocore", r"`(\w+)", EXCEPTIONS - NOT_OF_ECR),
        ("boto3", "## Stubber", r"`([a-z_]+)[(`]", STUBBER),
        ("java", "## The builder", r"`(\w+)\(", BUILDER),
        ("java", "## Configuration", r"`(\w+)\(", CLIENT_CONFIGURATION),
    ],
    ids=lambda value: value.strip("# ") if isinstance(value, str) and value[:1] == "#" else "",
)
def test_options(page: str, heading: str, pattern: str, expected: set[str]) -> None:
    """A table has exactly the options, members or exceptions of the other library."""
    assert set(names(PAGES[page], heading, pattern)) == expected


def test_not_of_ecr() -> None:
    """All names in the list of excluded exceptions exist in botocore."""
    assert NOT_OF_ECR <= EXCEPTIONS


def test_exceptions_here_exist() -> None:
    """All names of this package in the tables of exceptions exist."""
    for _, here in [*rows(BOTO3, "### Exceptions of botocore"), *rows(JAVA, "## Errors")]:
        for name in re.findall(r"`([A-Z]\w+(?:Exception|Error))`", here):
            assert name in exceptions.__all__ or name in vars(builtins), name


def test_defaults_of_config() -> None:
    """The table of options has the defaults of both sides."""
    fields = {field.name: field.default for field in attrs.fields(ClientConfiguration)}
    for theirs, default, ours, ours_default in rows(BOTO3, "### Options of `Config`"):
        for name in re.findall(r"`(\w+)`", theirs):
            assert repr(getattr(Config(), name)) == default.strip("`"), name
        field = re.match(r"`(\w+)`", ours)
        if field and field[1] in fields and ours_default:
            assert repr(fields[field[1]]) == ours_default.strip("`"), field[1]


@pytest.mark.parametrize("page", ["boto3", "java"])
def test_defaults_that_differ(page: str) -> None:
    """The numbers in the tables of defaults are those of both sides."""
    documented = {
        row[0].strip("`"): row[1:] for row in rows(PAGES[page], "## Defaults that differ")
    }
    here = {field.name: field.default for field in attrs.fields(ClientConfiguration)}
    attempts = attrs.fields(RetryPolicy).max_attempts.default

    assert documented["largest response"][1] == f"{here['max_response_size']:,} bytes"
    if page == "java":
        assert documented["retries of a failed call"][1] == str(attempts - 1)
        assert documented["connection timeout"][1] == f"{here['connect_timeout']:.0f} seconds"
        return
    legacy = Loader().load_data("_retry")["retry"]["__default__"]["max_attempts"]
    waiter = Loader().load_service_model("ecr", "waiters-2")["waiters"]["ImageScanComplete"]
    ours = inspect.signature(ECRClient.wait_until_image_scan_complete).parameters
    assert documented["attempts of a call"] == [
        f"{legacy}, mode `legacy`",
        f"{attempts}, mode `standard`",
    ]
    assert documented["idle connections"][1] == (
        f"closed after {here['connection_max_idle_time']:.0f} seconds"
    )
    assert documented["waiters"] == [
        f"{waiter['delay']} seconds between calls, {waiter['maxAttempts']} calls",
        f"{ours['delay'].default:.0f} seconds between calls,"
        f" {ours['max_wait'].default:.0f} seconds in total",
    ]
    for name, unit in [("connect_timeout", "seconds"), ("read_timeout", "seconds")]:
        assert documented[name] == [f"{getattr(Config(), name)} {unit}", f"{here[name]:.0f} {unit}"]
    assert documented["max_pool_connections"] == [
        f"{Config.OPTION_DEFAULTS['max_pool_connections']} connections",
        f"{here['max_pool_connections']} connections",
    ]


def test_options_for_java_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counterpart of each option of Java is accepted by the configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("client.crt", "client.key"):
        (tmp_path / name).touch()
    cells = [here for _, here in rows(JAVA, "## Configuration") if not here.startswith("none")]
    options = [option for here in cells for option in re.findall(r"`(\w+=.*?)`", here)]

    assert len(options) > 15
    for option in options:
        assert isinstance(eval(f"ClientConfiguration({option})"), ClientConfiguration)


def test_waiters() -> None:
    """Each waiter of botocore has a row, and its method exists."""
    for waiter in map(snake, Loader().load_service_model("ecr", "waiters-2")["waiters"]):
        assert f'get_waiter("{waiter}")' in BOTO3
        assert f"`client.wait_until_{waiter}(...)`" in BOTO3
        assert callable(getattr(ECRClient, f"wait_until_{waiter}"))


def test_paginators() -> None:
    """Each operation with a paginator in boto3 has its paginator in the table of operations."""
    paged = Loader().load_service_model("ecr", "paginators-1")["pagination"]
    also = {row[0].strip("`"): row[3] for row in rows(OPERATIONS, "## Methods")}

    for name in map(snake, paged):
        assert f"`paginate_{name}`" in also[name]
