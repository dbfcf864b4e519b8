from __future__ import annotations

import contextlib
import itertools
import pickle
import re
import subprocess
import sys
import threading
from typing import Any

import attrs
import pytest

from ecr_client import Credentials, ECRClient, endpoints
from ecr_client._exceptions import (
    InvalidConfigurationException,
    InvalidEndpointException,
    InvalidRegionException,
)
from ecr_client._settings import Settings
from ecr_client.config import ClientConfiguration
from ecr_client.endpoints import (
    DEFAULT_ENDPOINT,
    Endpoint,
    choose_endpoint,
    parse_endpoint,
    resolve_endpoint,
    wanted_variant,
)
from ecr_client.regions import Region, partitions

SECRET = "s3cret"
VARIANTS = list(itertools.product((False, True), repeat=2))
REGIONS = sorted(region for partition in partitions() for region in partition.regions)


def parse(endpoint: Any, protocol: str = "https") -> Endpoint:
    return parse_endpoint(endpoint, protocol=protocol, signing_region="ap-south-1")


# --- parse_endpoint ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("localhost", "https://localhost", "localhost"),
        ("localhost:4566", "https://localhost:4566", "localhost:4566"),
        ("localhost/ecr/", "https://localhost/ecr/", "localhost"),
        ("Host.Example.ORG", "https://host.example.org", "host.example.org"),
        ("http://localhost:5000/", "http://localhost:5000", "localhost:5000"),
        ("HTTP://localhost", "http://localhost", "localhost"),
        ("http://localhost:80", "http://localhost:80", "localhost"),
        ("https://localhost:443/a/b", "https://localhost:443/a/b", "localhost"),
        ("http://localhost:443", "http://localhost:443", "localhost:443"),
        ("https://my_container:8080", "https://my_container:8080", "my_container:8080"),
        ("127.0.0.1:5000", "https://127.0.0.1:5000", "127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000", "[::1]:5000"),
        ("[2001:DB8::1]", "https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://[::1]:443", "https://[::1]:443", "[::1]"),
    ],
)
def test_parse(text: str, url: str, host: str) -> None:
    """A host takes the protocol, a URL is taken as given, and both lose their last slash."""
    endpoint = parse(text)

    assert endpoint.url == url
    assert endpoint.host == host
    assert endpoint.signing_region == "ap-south-1"


def test_parse_takes_the_configured_protocol() -> None:
    """An endpoint without a scheme takes the protocol, one with a scheme keeps its own."""
    assert parse("localhost", "http").url == "http://localhost"
    assert parse("https://localhost", "http").url == "https://localhost"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("ecr.us-east-1.amazonaws.com", "us-east-1"),
        ("api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("API.ECR.EU-WEST-1.AMAZONAWS.COM:443", "eu-west-1"),
        ("https://api.ecr.xx-west-1.amazonaws.com", None),
        ("api.ecr-fips.us-east-2.amazonaws.com", "us-east-2"),
        ("ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("ecr.us-west-1.api.aws", "us-west-1"),
        ("ecr-fips.us-west-1.api.aws", "us-west-1"),
        ("api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("ecr-fips.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"),
        ("api.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("api.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("api.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        ("api.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ("api.ecr.eu-west-99.amazonaws.com", "eu-west-99"),
        ("vpce-0ab12-cd34.api.ecr.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0ab12-cd34-eu-west-1a.api.ecr.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0ab12.api.ecr.cn-north-1.vpce.amazonaws.com.cn", "cn-north-1"),
        ("vpce-0ab12.api.ecr.eu-west-1.amazonaws.com", None),
        ("api.ecr.eu-west-1.vpce.amazonaws.com", None),
        ("api.ecr.eu-west-1.amazonaws.com.evil.org", None),
        ("api.ecr.eu-west-1.amazonaws.com.cn", None),
        ("api.ecr.cn-north-1.amazonaws.com", None),
        ("api.ecr.eu-west-1.amazonaws.com-evil.org", None),
        ("evil.api.ecr.eu-west-1.amazonaws.com", None),
        ("evil-ecr.eu-west-1.amazonaws.com", None),
        ("sts.eu-west-1.amazonaws.com", None),
        ("public.ecr.aws", None),
        ("localhost", None),
    ],
)
def test_signing_region_follows_host(host: str, region: str | None) -> None:
    """The region of a host of ECR in AWS is signed for; that of any other name is not believed."""
    assert parse(host).signing_region == (region or "ap-south-1")


@pytest.mark.parametrize("region", REGIONS)
def test_signing_region_of_every_rule(region: str) -> None:
    """Every endpoint that the rules give is recognised with its region."""
    hosts = []
    for fips, dual in VARIANTS:
        # A partition may lack a variant.
        with contextlib.suppress(InvalidEndpointException):
            hosts.append(resolve_endpoint(region, use_fips=fips, use_dualstack=dual).host)

    assert hosts
    assert [parse(host).signing_region for host in hosts] == [region] * len(hosts)


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "",
        " ",
        b"localhost",
        7,
        ["localhost"],
        Region("eu-west-1"),
        " localhost",
        "localhost\n",
        "local host",
        "local\thost",
        "local\x00host",
        "local\u2028host",
        "höst.example.org",
        "local\\host",
        "ftp://localhost",
        "file:///etc/passwd",
        "//localhost",
        "://localhost",
        "https://",
        "https:///path",
        "https://:443",
        ":443",
        "localhost:",
        "localhost:0",
        "localhost:port",
        "localhost:65536",
        "localhost:-1",
        "localhost:+80",
        "localhost:0080",
        "localhost:80:80",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]x:80",
        "[localhost]",
        "[::g]",
        "..",
        "a..b",
        "-a",
        "a" * 64 + ".org",
        "localhost?",
        "localhost?a=b",
        "localhost#",
        "localhost/#a",
        f"user:{SECRET}@localhost",
        f"https://user:{SECRET}@localhost",
        f"https://{SECRET}@localhost",
        f"https://user:{SECRET}/x@localhost",
        f"https://user:{SECRET}?x@localhost",
        f"https://localhost/?token={SECRET}",
        f"ftp://user:{SECRET}@localhost:port",
        f"https://user:{SECRET}\n@localhost",
    ],
)
def test_what_is_no_endpoint(endpoint: Any) -> None:
    """Anything else is refused, without showing what may be a password."""
    with pytest.raises(InvalidEndpointException) as caught:
        parse(endpoint)

    assert isinstance(caught.value, ValueError)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


def test_message_of_a_bad_endpoint() -> None:
    """The text names the value, the reason and what is expected."""
    with pytest.raises(InvalidEndpointException) as caught:
        parse("ftp://localhost")

    assert str(caught.value) == (
        "'ftp://localhost' is not an endpoint: its scheme is neither http nor https; expected a "
        "host such as 'api.ecr.eu-west-1.amazonaws.com' or a URL such as 'http://localhost:4566'"
    )


def test_message_of_a_huge_endpoint_is_short() -> None:
    """A text of a megabyte is not repeated in the message."""
    with pytest.raises(InvalidEndpointException) as caught:
        parse("a" * 1_000_000)

    assert len(str(caught.value)) < 500


# --- Endpoint ------------------------------------------------------------------------------------


def test_endpoint_is_a_value() -> None:
    """Endpoints are equal by value, hashable, picklable, and cannot be changed."""
    one, other = parse("localhost:1"), parse("localhost:1")

    assert one == other
    assert len({one, other, parse("localhost:2")}) == 2
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.url = "http://localhost"  # type: ignore[misc]


def test_endpoint_in_words() -> None:
    """The repr has URL and region, the text is the URL."""
    endpoint = parse("localhost:1")

    assert repr(endpoint) == "Endpoint(url='https://localhost:1', signing_region='ap-south-1')"
    assert str(endpoint) == "https://localhost:1"


# --- resolve_endpoint ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oracle() -> Any:
    """Return botocore's endpoint provider, made in botocore's own way."""
    from botocore.endpoint_provider import EndpointProvider
    from botocore.loaders import Loader

    loader = Loader()
    rules = loader.load_service_model("ecr", "endpoint-rule-set-1")
    return EndpointProvider(rules, loader.load_data("partitions"))


@pytest.mark.parametrize(("fips", "dual"), VARIANTS)
@pytest.mark.parametrize("region", [*REGIONS, "eu-west-99", "us-gov-new-1"])
def test_resolve_is_the_endpoint_providers(
    oracle: Any, region: str, fips: bool, dual: bool
) -> None:
    """Every region of every partition has, in every variant, the endpoint of botocore's rules."""
    from botocore.exceptions import EndpointResolutionError

    try:
        expected = oracle.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual).url
    except EndpointResolutionError:
        expected = None

    try:
        found = resolve_endpoint(region, use_fips=fips, use_dualstack=dual).url
    except InvalidEndpointException:
        found = None

    assert found == expected


@pytest.mark.parametrize(("fips", "dual"), VARIANTS)
@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "il-central-1"]
)
def test_resolve_is_a_real_clients(
    monkeypatch: pytest.MonkeyPatch, region: str, fips: bool, dual: bool
) -> None:
    """A botocore client of the same region and variant sends its calls to the same endpoint."""
    import botocore.session
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config

    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    client = botocore.session.Session().create_client(
        "ecr",
        region_name=region,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual),
    )
    sent = []

    def answer(request: Any, **_: Any) -> Any:
        # Not client.meta.endpoint_url, which botocore takes from older data than the rules.
        sent.append(request)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = b"{}"
        return response

    client.meta.events.register("before-send.ecr", answer)
    client.describe_repositories()
    client.close()

    endpoint = resolve_endpoint(Region(region), use_fips=fips, use_dualstack=dual)

    assert sent[0].url == f"{endpoint.url}/"
    assert f"/{region}/ecr/aws4_request" in str(sent[0].headers["Authorization"])


def test_resolve_with_http() -> None:
    """The protocol of a resolved endpoint can be chosen."""
    endpoint = resolve_endpoint("eu-west-1", use_fips=False, use_dualstack=False, protocol="http")

    assert endpoint.url == "http://api.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("region", [None, "", "nowhere", 7, "EU-WEST-1"])
def test_resolve_what_is_no_region(region: Any) -> None:
    """What cannot be a region has no endpoint."""
    with pytest.raises(InvalidRegionException):
        resolve_endpoint(region, use_fips=False, use_dualstack=False)


def test_resolve_without_such_a_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition without the wanted variant is an error of ours that keeps botocore's reason."""
    from botocore.exceptions import EndpointResolutionError

    class NoSuchVariant:
        def resolve_endpoint(self, **parameters: Any) -> Any:
            raise EndpointResolutionError(msg="this partition does not support FIPS")

    monkeypatch.setattr(endpoints, "_rules", NoSuchVariant)

    with pytest.raises(InvalidEndpointException, match="does not support FIPS") as caught:
        resolve_endpoint("eu-west-1", use_fips=True, use_dualstack=False)
    assert isinstance(caught.value.__cause__, EndpointResolutionError)


def test_rules_are_loaded_once_by_many_threads() -> None:
    """Threads that start together share one interpreter of the rules."""
    endpoints._load_rules.cache_clear()
    barrier, rules = threading.Barrier(8), []

    def load() -> None:
        barrier.wait()
        rules.append(endpoints._rules())

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(map(id, rules))) == 1
    assert endpoints._load_rules.cache_info().misses == 1


# --- choose_endpoint -----------------------------------------------------------------------------


def choose(
    region: Any = None,
    endpoint: Any = None,
    environ: dict[str, str] | None = None,
    **config: Any,
) -> Endpoint:
    nowhere = {"AWS_CONFIG_FILE": "/no/config", "AWS_SHARED_CREDENTIALS_FILE": "/no/credentials"}
    return choose_endpoint(
        region=region,
        endpoint=endpoint,
        config=ClientConfiguration(**config),
        settings=Settings(environ={**nowhere, **(environ or {})}),
    )


def test_nothing_configured() -> None:
    """With nothing configured, the endpoint is the interface's default."""
    assert choose() == DEFAULT_ENDPOINT
    assert DEFAULT_ENDPOINT.url == "https://ecr.us-east-1.amazonaws.com"
    assert DEFAULT_ENDPOINT.signing_region == "us-east-1"
    assert choose(protocol="http").url == "http://ecr.us-east-1.amazonaws.com"


URL = {"AWS_ENDPOINT_URL": "http://configured:1"}


REGION = {"AWS_REGION": "eu-west-3"}
FIPS = {"AWS_USE_FIPS_ENDPOINT": "true"}


@pytest.mark.parametrize(
    ("arguments", "url", "signing_region"),
    [
        ({"region": "eu-west-1"}, "https://api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ({"region": Region("sa-east-1")}, "https://api.ecr.sa-east-1.amazonaws.com", "sa-east-1"),
        ({"environ": REGION}, "https://api.ecr.eu-west-3.amazonaws.com", "eu-west-3"),
        (
            {"region": "cn-north-1", "environ": REGION},
            "https://api.ecr.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
        ),
        ({"endpoint": "localhost"}, "https://localhost", "us-east-1"),
        ({"endpoint": "localhost", "protocol": "http"}, "http://localhost", "us-east-1"),
        ({"endpoint": "localhost", "region": "eu-west-1"}, "https://localhost", "eu-west-1"),
        (
            {"endpoint": "localhost", "region": Region("sa-east-1")},
            "https://localhost",
            "sa-east-1",
        ),
        ({"endpoint": "localhost", "region": "made-up"}, "https://localhost", "made-up"),
        ({"endpoint": "localhost", "environ": REGION}, "https://localhost", "eu-west-3"),
        ({"endpoint": "localhost", "environ": URL}, "https://localhost", "us-east-1"),
        (
            {"endpoint": "ecr.eu-west-2.amazonaws.com", "region": "eu-west-1"},
            "https://ecr.eu-west-2.amazonaws.com",
            "eu-west-2",
        ),
        ({"environ": URL}, "http://configured:1", "us-east-1"),
        ({"region": "eu-west-1", "environ": URL}, "http://configured:1", "eu-west-1"),
        (
            {"use_fips_endpoint": False, "environ": {**URL, **FIPS}},
            "http://configured:1",
            "us-east-1",
        ),
    ],
)
def test_choice(arguments: dict[str, Any], url: str, signing_region: str) -> None:
    """Arguments come before the environment, an endpoint before a region."""
    assert choose(**arguments) == Endpoint(url, signing_region)


@pytest.mark.parametrize(
    ("arguments", "region", "fips", "dual"),
    [
        ({"use_fips_endpoint": True}, "us-east-1", True, False),
        ({"use_dualstack_endpoint": True}, "us-east-1", False, True),
        ({"environ": {**REGION, **FIPS}}, "eu-west-3", True, False),
        (
            {"use_dualstack_endpoint": True, "region": "us-gov-west-1", "environ": FIPS},
            "us-gov-west-1",
            True,
            True,
        ),
    ],
)
def test_choice_of_a_variant(
    arguments: dict[str, Any], region: str, fips: bool, dual: bool
) -> None:
    """FIPS and dual-stack change the endpoint, and need no region to do so."""
    expected = resolve_endpoint(region, use_fips=fips, use_dualstack=dual)

    assert choose(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"endpoint": "localhost", "use_fips_endpoint": True}, "FIPS cannot .*endpoint argument"),
        ({"endpoint": "localhost", "use_dualstack_endpoint": True}, "dual-stack cannot"),
        ({"environ": URL, "use_fips_endpoint": True}, "from AWS_ENDPOINT_URL"),
        (
            {
                "endpoint": "localhost",
                "environ": {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
            },
            "FIPS and dual-stack cannot",
        ),
    ],
)
def test_variant_of_an_endpoint_of_ones_own(arguments: dict[str, Any], text: str) -> None:
    """FIPS and dual-stack are refused together with an endpoint, wherever each comes from."""
    with pytest.raises(InvalidConfigurationException, match=text):
        choose(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "source"),
    [
        ({"endpoint": ""}, InvalidEndpointException, "the endpoint argument"),
        ({"endpoint": b"localhost"}, InvalidEndpointException, "the endpoint argument"),
        (
            {"environ": {"AWS_ENDPOINT_URL_ECR": "ftp://x"}},
            InvalidEndpointException,
            "AWS_ENDPOINT_URL_ECR",
        ),
        ({"region": ""}, InvalidRegionException, "the region argument"),
        ({"region": 7}, InvalidRegionException, "the region argument"),
        ({"region": "nowhere"}, InvalidRegionException, "the region argument"),
        ({"region": "aws-global"}, InvalidRegionException, "the region argument"),
        ({"environ": {"AWS_REGION": "nowhere"}}, InvalidRegionException, "AWS_REGION"),
        ({"endpoint": "x", "region": "a.b"}, InvalidRegionException, "the region argument"),
        ({"endpoint": "x", "region": 7}, InvalidRegionException, "the region argument"),
        ({"environ": {**URL, "AWS_REGION": "a b"}}, InvalidRegionException, "AWS_REGION"),
    ],
)
def test_bad_choice_names_its_source(
    arguments: dict[str, Any], error: type[Exception], source: str
) -> None:
    """An endpoint or region that cannot be used says which setting it comes from."""
    with pytest.raises(error) as caught:
        choose(**arguments)

    assert str(caught.value).endswith(f"(from {source})")


def test_wanted_variant() -> None:
    """The configuration's word on FIPS and dual-stack comes before the environment's."""
    both = {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}
    settings = Settings(environ={**both, "AWS_CONFIG_FILE": "/no", "HOME": "/no"})
    config = ClientConfiguration(use_fips_endpoint=False)

    assert wanted_variant(config, settings) == (False, True)


def test_loads_nothing_that_it_does_not_need() -> None:
    """A given endpoint loads no data of botocore, a resolved one neither session nor models."""
    script = (
        "import sys\n"
        "from ecr_client._settings import Settings\n"
        "from ecr_client.config import ClientConfiguration\n"
        "from ecr_client.endpoints import choose_endpoint\n"
        "names = ('session', 'client', 'model', 'regions', 'loaders', 'endpoint_provider')\n"
        "def choose(region, endpoint):\n"
        "    choose_endpoint(region=region, endpoint=endpoint, config=ClientConfiguration(),\n"
        "        settings=Settings())\n"
        "    print([name for name in names if f'botocore.{name}' in sys.modules])\n"
        "choose(None, None)\n"
        "choose('eu-west-1', 'http://localhost:5000')\n"
        "choose('eu-west-1', None)\n"
    )
    path = ":".join(entry for entry in sys.path if entry)
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": path, "AWS_CONFIG_FILE": "/no", "AWS_SHARED_CREDENTIALS_FILE": "/no"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.splitlines() == ["[]", "[]", "['loaders', 'endpoint_provider']"]


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com",
        ),
        (
            "https://123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "api.ecr-fips.us-east-1.amazonaws.com",
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "api.ecr.cn-north-1.amazonaws.com.cn",
        ),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "api.ecr.eu-west-1.amazonaws.com"),
    ],
)
def test_a_registry_is_no_endpoint(host: str, meant: str) -> None:
    """The host of a registry is refused, and the error names the endpoint that was meant."""
    with pytest.raises(InvalidEndpointException, match=f"registry host.*'{re.escape(meant)}'"):
        parse_endpoint(host, protocol="https", signing_region="us-east-1")


@pytest.mark.parametrize("variant", ["use_fips_endpoint", "use_dualstack_endpoint"])
def test_an_endpoint_does_not_lose_a_variant(credentials: Credentials, variant: str) -> None:
    """A client that calls FIPS or dual-stack endpoints refuses another one, as its constructor."""
    config = ClientConfiguration(**{variant: True})  # type: ignore[arg-type]
    with ECRClient(region="us-east-1", credentials=credentials, config=config) as client:
        before = client.endpoint
        with pytest.raises(InvalidConfigurationException, match="cannot be combined with"):
            client.set_endpoint("api.ecr.us-east-1.amazonaws.com")

        assert client.endpoint == before
