"""The examples do what they say, and need only the permissions in their headers."""

from __future__ import annotations

import ast
import base64
import csv
import json
import multiprocessing
import os
import re
import runpy
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.exceptions import EndpointConnectionException, WaiterFailureException
from ecr_client.images import inspect_image, pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.models import RegistryScanningRule, ScanningRepositoryFilter
from ecr_client.oci import media_types
from ecr_client.testing import assert_image_valid, random_image

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ACCOUNT, STRANGER = "123456789012", "210987654321"


class Ended(NamedTuple):
    """The result of a program: its exit status, and what it printed."""

    status: int | str | None
    out: str
    used: set[str]


Run = Callable[..., Ended]


def header(name: str) -> str:
    """Return the docstring at the top of an example."""
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)) or ""


def permissions(name: str) -> set[str]:
    """Return the permissions that the header of an example lists."""
    return {*re.findall(r"ecr:\w+", header(name).partition("\nPermissions")[2])}


def used(ecr: LocalECR) -> set[str]:
    """Return the permissions that the recorded calls need."""
    # A layer is downloaded with a presigned URL.
    return {f"ecr:{each.operation}" for each in ecr.requests} - {"ecr:DownloadLayer"}


@pytest.fixture
def run(
    local_ecr: LocalECR, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return a function that runs an example as a program against the local ECR."""
    for variable, value in local_ecr.environment().items():
        monkeypatch.setenv(variable, value)

    def run(name: str, *words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, words)])
        local_ecr.requests.clear()
        capsys.readouterr()
        status: int | str | None = 0
        try:
            runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
        except SystemExit as end:
            status = end.code
        calls = used(local_ecr)
        assert calls <= permissions(name), calls - permissions(name)
        return Ended(status, capsys.readouterr().out, calls)

    return run


def function(name: str, of: str) -> Any:
    """Return a function of an example."""
    return runpy.run_path(str(ROOT / "examples" / f"{of}.py"))[name]


def pushed(client: ECRClient, folder: Path, reference: str, seed: int = 0, **options: Any) -> str:
    """Push a random image, and return its digest."""
    image = random_image(folder / f"image-{seed}", seed=seed, **options)
    return push_image(client, image.path, reference, create=True).digest


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_form(path: Path) -> None:
    """Each example is short, says what it does and needs, and is in the documentation."""
    text, top = path.read_text(encoding="utf-8"), header(path.stem)

    assert len(text.splitlines()) < 60
    assert top.partition("\n")[0].endswith(".")
    assert "\nPermissions" in top
    assert "def main(client: ECRClient" in text.replace("(\n    ", "(")
    assert f"literalinclude}} ../examples/{path.name}\n" in (
        (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    )


@pytest.mark.slow
def test_quickstart_as_program() -> None:
    """The quickstart runs with the README's command, without an account or a warning."""
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "quickstart.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = done.stdout.splitlines()

    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        r"connected +http://127\.0\.0\.1:\d+ in us-east-1",
        r"caught +RepositoryNotFoundException, request id [\w-]+",
        r"created +127\.0\.0\.1:\d+/quickstart/hello",
        r"pushed +sha256:[0-9a-f]{64} as 1\.0, latest",
        r"pushed again +0 bytes moved, \d+ skipped",
        r"layer +sha256:[0-9a-f]{64}, \d+ bytes",
        r"policy +\{.*ecr:BatchGetImage.*\}",
        r"deleted +quickstart/hello; 0 left",
    ):
        assert any(re.fullmatch(expected, line) for line in lines), expected
    assert len({*re.findall(r"^(?:built|pushed|pulled) .*(sha256:\w+)", done.stdout, re.M)}) == 1


def test_quickstart(ecr_client: ECRClient, local_ecr: LocalECR) -> None:
    """The quickstart needs the permissions in its header."""
    function("main", of="quickstart")(ecr_client)

    assert used(local_ecr) == permissions("quickstart")


def test_inventory(run: Run, ecr_client: ECRClient, tmp_path: Path) -> None:
    """The inventory has a row for each image, largest first."""
    small = pushed(ecr_client, tmp_path, "team/app:1.0", 1)
    large = pushed(ecr_client, tmp_path, "team/web:1.0", 2, size=50_000)
    ended = run("inventory")
    rows = list(csv.DictReader(ended.out.splitlines()))

    assert ended.used == permissions("inventory")
    assert [(row["repository"], row["digest"]) for row in rows] == [
        ("team/web", large),
        ("team/app", small),
    ]
    assert int(rows[0]["bytes"]) == inspect_image(ecr_client, "team/web:1.0").size > 100_000


def test_clean_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tags: Any
) -> None:
    """The clean-up deletes old images, except those that are protected or to be kept."""
    now = datetime.now(timezone.utc)
    main = function("main", of="clean_up")
    age = timedelta(0)
    with LocalECR(clock=lambda: now - age, auth=False) as ecr, ecr.client() as client:
        for number in range(6):
            age = timedelta(days=100 - number)
            pushed(client, tmp_path, f"team/app:{'v' if number == 0 else 'b'}{number}", number)
        age = timedelta(0)
        pushed(client, tmp_path, "team/app:b6", 6, platforms=["linux/amd64"])
        options = {"days": 30, "keep": 4, "protect": "v*"}
        before = tags(client)
        ecr.requests.clear()
        planned = main(client, "team/app", **options, is_dry_run=True)
        deleted = main(client, "team/app", **options, is_dry_run=False)
        calls = used(ecr)
        after = tags(client)

    assert calls == permissions("clean_up")
    assert planned == ()
    # The index and its manifest count as two images.
    assert sorted(before.keys() - after.keys()) == ["b1", "b2", "b3"]
    assert {*deleted} == {before[tag] for tag in ("b1", "b2", "b3")}
    assert "deleted 3 images" in capsys.readouterr().out


def test_clean_up_as_program(run: Run, ecr_client: ECRClient, tmp_path: Path, tags: Any) -> None:
    """Without ``--yes``, the clean-up prints the plan and deletes nothing."""
    pushed(ecr_client, tmp_path, "team/app:1.0")
    ended = run("clean_up", "team/app", "--days", 0, "--keep", 0)

    assert ended.out.startswith("team/app: delete 1 of 1 images\n")
    assert tags(ecr_client).keys() == {"1.0"}


def test_copy_to_regions(
    run: Run, local_ecr: LocalECR, ecr_client: ECRClient, tmp_path: Path, tags: Any
) -> None:
    """Each region gets the same image."""
    digest = pushed(ecr_client, tmp_path, "team/app:1.0")
    regions = ["eu-west-1", "ap-southeast-2"]
    ended = run("copy_to_regions", "team/app:1.0", *regions)
    again = run("copy_to_regions", "team/app:1.0", *regions)

    assert ended.used | again.used == permissions("copy_to_regions")
    assert again.out.count(", 0 bytes moved") == 2
    for region, line in zip(regions, ended.out.splitlines(), strict=True):
        assert line.startswith(f"{region}: {digest}, ")
        with local_ecr.client(region=region) as there:
            assert tags(there) == {"1.0": digest}
            assert_image_valid(there, "team/app:1.0")


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy that allows pulls."""
    rest = {"Effect": "Allow", "Action": ["ecr:BatchGetImage"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**rest, **s} for s in statements]})


@pytest.mark.parametrize(
    ("statement", "is_found"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"}}, True),
        ({"Principal": {"AWS": [ACCOUNT, STRANGER]}}, True),
        ({"Principal": {"Service": "codebuild.amazonaws.com"}}, True),
        ({"NotPrincipal": {"AWS": ACCOUNT}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/deploy"}}, False),
        ({"Principal": {"AWS": ACCOUNT}}, False),
        ({"Principal": "*", "Effect": "Deny"}, False),
    ],
)
def test_policy_audit(
    run: Run, ecr_client: ECRClient, statement: dict[str, Any], is_found: bool
) -> None:
    """The audit finds each principal with access whose account is not trusted."""
    for name in ("team/app", "team/web"):
        ecr_client.create_repository(repository_name=name)
    ecr_client.set_repository_policy(repository_name="team/app", policy_text=policy(statement))
    ended = run("policy_audit", ACCOUNT)

    assert ended.used == permissions("policy_audit")
    assert ended.status == is_found
    assert ended.out.startswith("team/app: {" if is_found else "no policy lets a stranger in")


def test_policy_of_the_registry(run: Run, ecr_client: ECRClient) -> None:
    """The audit covers the policy of the registry, too."""
    guest = {"Principal": {"AWS": STRANGER}, "Action": "ecr:ReplicateImage", "Sid": "Guest"}
    resource = {"Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*"}
    ecr_client.put_registry_policy(policy_text=policy({**guest, **resource}))
    ended = run("policy_audit", ACCOUNT)

    assert ended.status == 1
    assert ended.out.startswith("the registry: {")


@pytest.mark.parametrize(
    ("commit", "branch"),
    [("GITHUB_SHA", "GITHUB_REF_NAME"), ("CI_COMMIT_SHA", "CI_COMMIT_REF_NAME")],
)
def test_push_from_ci(
    run: Run,
    ecr_client: ECRClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    commit: str,
    branch: str,
    tags: Any,
) -> None:
    """The image has the tags of the job, and its digest is an output of the step."""
    for name in ("GITHUB_SHA", "GITHUB_REF_NAME", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(commit, "0123456789abcdef0123456789abcdef01234567")
    monkeypatch.setenv(branch, "feature/x")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    ecr_client.create_repository(repository_name="team/app")
    image = random_image(tmp_path / "app")
    ended = run("push_from_ci", image.path, "team/app")

    assert ended.used == permissions("push_from_ci")
    assert tags(ecr_client) == dict.fromkeys(("commit-0123456789ab", "feature-x"), image.digest)
    assert (tmp_path / "output").read_text() == f"digest={image.digest}\n"
    assert image.digest in ended.out


def test_build_image(run: Run, ecr_client: ECRClient, tmp_path: Path, tags: Any) -> None:
    """The image has the files of the folder, and its digest is reproducible."""
    site = tmp_path / "site"
    (site / "pages").mkdir(parents=True)
    (site / "pages" / "index.html").write_text("<p>Hello")
    first = run("build_image", site, "team/site:1.0", "--entrypoint", "/serve", "site")
    os.utime(site / "pages" / "index.html", (0, 0))
    second = run("build_image", site, "team/site:2.0", "--entrypoint", "/serve", "site")
    pull_image(ecr_client, "team/site:1.0", f"docker-archive:{tmp_path / 'site.tar'}")
    (found,) = inspect_image(ecr_client, "team/site:1.0").manifests

    assert first.used | second.used == permissions("build_image")
    assert len({*tags(ecr_client, "team/site").values()}) == 1
    assert found.config["config"]["Entrypoint"] == ["/serve", "site"]
    with tarfile.open(tmp_path / "site.tar") as outer:
        name = json.load(outer.extractfile("manifest.json"))[0]["Layers"][0]  # type: ignore[arg-type]
        with tarfile.open(fileobj=outer.extractfile(name)) as layer:
            assert layer.extractfile("./pages/index.html").read() == b"<p>Hello"  # type: ignore[union-attr]
            assert {entry.mtime for entry in layer} == {0}
    assert_image_valid(ecr_client, "team/site:1.0")


@pytest.mark.parametrize(
    ("severities", "status"), [([], 0), (["HIGH", "LOW"], 0), (["LOW", "CRITICAL"], 1)]
)
def test_scan_gate(
    run: Run,
    local_ecr: LocalECR,
    ecr_client: ECRClient,
    tmp_path: Path,
    severities: list[str],
    status: int,
) -> None:
    """The gate fails if there is a critical finding, and prints it."""
    digest = pushed(ecr_client, tmp_path, "team/app:1.0")
    findings = [{"name": f"CVE-{each}", "severity": each} for each in severities]
    local_ecr.set_findings("team/app", digest, findings)
    ended = run("scan_gate", "team/app", "1.0")

    assert ended.used == permissions("scan_gate")
    assert ended.status == status
    assert ended.out == "scan: COMPLETE\n" + "CRITICAL CVE-CRITICAL\n" * status


def test_scan_gate_without_new(
    run: Run, local_ecr: LocalECR, ecr_client: ECRClient, tmp_path: Path
) -> None:
    """If the service refuses a new scan, the gate uses the existing findings."""
    rule = RegistryScanningRule(
        scan_frequency="CONTINUOUS_SCAN",
        repository_filters=[ScanningRepositoryFilter(filter="*", filter_type="WILDCARD")],
    )
    ecr_client.put_registry_scanning_configuration(scan_type="ENHANCED", rules=[rule])
    digest = pushed(ecr_client, tmp_path, "team/app:1.0")
    local_ecr.set_findings("team/app", digest, enhanced=[{"title": "A", "severity": "HIGH"}])
    passed = run("scan_gate", "team/app", "1.0")
    failed = run("scan_gate", "team/app", "1.0", "--severity", "CRITICAL", "HIGH")

    assert (passed.status, failed.status) == (0, 1)
    assert failed.out == "no new scan: This feature is disabled\nscan: ACTIVE\nHIGH A\n"


def test_scan_gate_of_failed(
    run: Run, local_ecr: LocalECR, ecr_client: ECRClient, tmp_path: Path
) -> None:
    """A failed scan does not pass as one without findings."""
    digest = pushed(ecr_client, tmp_path, "team/app:1.0")
    local_ecr.set_findings("team/app", digest, status="FAILED", description="no such system")

    with pytest.raises(WaiterFailureException, match="no such system"):
        run("scan_gate", "team/app", "1.0")


def test_docker_py_login(
    run: Run, local_ecr: LocalECR, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Docker daemon gets a valid password, even if it has kept an older one."""
    registry = local_ecr.endpoint.removeprefix("http://")
    old = {"auths": {registry: {"auth": base64.b64encode(b"AWS:expired").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(old))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", server.url.replace("http:", "tcp:"))
    server.responses = [(200, {}, b'{"ApiVersion": "1.47"}'), (200, {}, b'{"Status": "OK"}')]
    ended = run("docker_py_login")
    assert ended.used == permissions("docker_py_login")
    sent = json.loads(server.requests[-1].body)
    opened = requests.get(
        f"http://{sent['serveraddress']}/v2/", auth=(sent["username"], sent["password"]), timeout=20
    )

    assert server.requests[-1].path.endswith("/auth")
    assert (sent["serveraddress"], opened.status_code) == (registry, 200)
    assert ended.out.startswith(f"logged in to {registry} until ")
    assert sent["password"] not in ended.out


def event(digest: str, **detail: str) -> dict[str, Any]:
    """Return an event as EventBridge delivers it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    return {
        "version": "0",
        "id": "13cde686-328b-6117-af20-0e5566167482",
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": ACCOUNT,
        "time": "2026-11-16T01:54:34Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": "team/app",
            "image-digest": digest,
            "action-type": "PUSH",
            **detail,
        },
    }


def test_lambda_handler(
    local_ecr: LocalECR,
    ecr_client: ECRClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tags: Any,
) -> None:
    """A release is copied by its digest; builds, untagged images and deletions are ignored."""
    for variable, value in {**local_ecr.environment(), "TARGET_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(variable, value)
    digest = pushed(ecr_client, tmp_path, "team/app:v1")
    pushed(ecr_client, tmp_path, "team/app:v1", 1)  # the tag moves
    local_ecr.requests.clear()
    handler = function("handler", of="lambda_handler")
    ignored = [{"image-tag": "build-7"}, {}, {"image-tag": "v1", "action-type": "DELETE"}]
    ignored.append({"image-tag": "v1", "result": "FAILURE"})

    assert [handler(event(digest, **detail), None) for detail in ignored] == [None] * 4
    assert len(local_ecr.requests) == 0
    assert handler(event(digest, **{"image-tag": "v1"}), None) == digest
    assert handler(event(digest, **{"image-tag": "v1"}), None) == digest
    assert used(local_ecr) == permissions("lambda_handler")
    with local_ecr.client(region="eu-west-1") as there:
        assert tags(there) == {"v1": digest}


def test_bulk_audit(
    run: Run, local_ecr: LocalECR, ecr_client: ECRClient, tmp_path: Path, make_layout: Any
) -> None:
    """The audit prints the user of each tagged image, and continues after an unreadable one."""
    references = {}
    for user in ("", "app", "0"):
        layout = make_layout(tmp_path / f"user-{user}")
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"User": user}})
        digest = layout.add(
            config=layout.write_blob(media_types.OCI_CONFIG, config.encode())
        ).digest
        push_image(ecr_client, layout.path, f"team/app:user-{user}", create=True)
        references[f"team/app@{digest}"] = user or "root"
    ended = run("bulk_audit")
    lines = dict(line.split(": ", 1) for line in ended.out.splitlines())
    local_ecr.faults.add("GetDownloadUrlForLayer", error="AccessDeniedException")
    broken = run("bulk_audit", "--workers", 1).out

    assert ended.used == permissions("bulk_audit")
    assert lines == references
    assert len(re.findall(r": failed: .*AccessDenied", broken)) == 1
    assert len(broken.splitlines()) == 3


@pytest.mark.slow
def test_bulk_audit_in_processes(
    ecr_client: ECRClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process does the same work with a pickled client."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    digest = pushed(ecr_client, tmp_path, "team/app:1.0")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        found = import_module("bulk_audit").main(ecr_client, executor)

    assert found == [f"team/app@{digest}"]


def test_offline_cache(
    run: Run, ecr_client: ECRClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that was pulled is available offline; any other is an error."""
    cache = tmp_path / "cache"
    first = pushed(ecr_client, tmp_path, "team/app:latest", 1)
    words = ("offline_cache", cache, "team/app:latest")

    pulled = run(*words)
    assert pulled.used == permissions("offline_cache")
    assert pulled.out.startswith(f"team/app:latest: {first}, ")
    assert run(*words).out == f"team/app:latest: {first}, 0 bytes pulled\n"
    second = pushed(ecr_client, tmp_path, "team/app:latest", 2)
    assert run(*words).out.startswith(f"team/app:latest: {second}, ")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:1")
    offline = run(*words).out
    assert offline == f"team/app:latest: {second} from the cache (EndpointConnectionException)\n"
    with pytest.raises(EndpointConnectionException):
        run(*words, "team/web:1.0")
