"""docker-compose.yml, brought up: healthy, closed, without root, and gone afterwards.

The images are stand-ins made on this machine (tests/ops/standins); all else is the file that people use. It runs
where scripts/ci-services found or made the parts: Docker, Compose, OPA's program, Neo4j's artifacts and a JDK.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roadcrew.webhooks import PATH, signature_of
from scripts.source import ROOT

NEEDED = (
    "ROADCREW_TEST_COMPOSE",
    "ROADCREW_TEST_IMAGE",
    "OPA_BINARY",
    "ROADCREW_TEST_NEO4J_JARS",
    "ROADCREW_TEST_JAVA",
)
MISSING = [name for name in NEEDED if not os.environ.get(name)]
SERVICES = ("neo4j", "postgres", "opa", "api", "worker")
STANDINS = ROOT / "tests" / "ops" / "standins"

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"scripts/ci-services did not set {', '.join(MISSING)}"),
    pytest.mark.timeout(900),
]


def docker(*arguments: str) -> str:
    return run(["docker", *arguments])


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


class Deployment:
    """The compose project of one test run."""

    def __init__(self, folder: Path) -> None:
        self.secrets = folder / "secrets"
        self.project = f"rc{uuid.uuid4().hex[:8]}"
        run([str(ROOT / "ops" / "make-secrets"), str(self.secrets)], GITHUB_TOKEN="ghp_t1", OPENAI_API_KEY="sk-t2")

    def compose(self, *arguments: str) -> str:
        files = ("-f", "docker-compose.yml", "-f", str(STANDINS / "compose.yml"))
        return run(
            [os.environ["ROADCREW_TEST_COMPOSE"], "-p", self.project, *files, *arguments],
            ROADCREW_SECRETS=str(self.secrets), ROADCREW_MODEL="none", ROADCREW_PORT="0",
            GITHUB_API_URL="http://127.0.0.1:9", OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        )  # fmt: skip

    def up(self, *arguments: str) -> None:
        """Start it and wait until it is healthy; what the services said is told where it is not."""
        try:
            self.compose("up", "--detach", "--no-build", "--wait", *arguments)
        except AssertionError as fault:
            raise AssertionError(f"{fault}\n{self.compose('logs', '--no-color', '--tail', '40')}") from fault

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8").strip()

    def inspected(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(docker("inspect", *self.compose("ps", "-q").split()))
        return found

    def post(self, body: bytes, signature: str, delivery: str) -> int:
        address = self.compose("port", "api", "8080").strip()
        headers = {
            "X-Hub-Signature-256": signature,
            "X-GitHub-Event": "ping",
            "X-GitHub-Delivery": delivery,
        }
        request = urllib.request.Request(f"http://{address}{PATH}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the address is http on loopback
                return int(answer.status)
        except urllib.error.HTTPError as fault:
            with fault:
                return fault.code

    def leftovers(self) -> str:
        label = f"label=com.docker.compose.project={self.project}"
        listings = (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
        return "".join(docker(*listing, "--filter", label) for listing in listings)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    run(
        [
            str(STANDINS / "make"),
            *(os.environ[name] for name in ("ROADCREW_TEST_IMAGE", "OPA_BINARY", "ROADCREW_TEST_JAVA")),
        ]
    )
    one = Deployment(tmp_path_factory.mktemp("compose"))
    try:
        one.up("--scale", "worker=2")
        yield one
    finally:
        one.compose("down", "--volumes", "--timeout", "5")
    assert one.leftovers() == ""


def test_all_services_are_healthy(deployment: Deployment) -> None:
    states = [
        (each["Config"]["Labels"]["com.docker.compose.service"], each["State"]) for each in deployment.inspected()
    ]
    assert sorted(name for name, _ in states) == sorted([*SERVICES, "worker"])
    assert {state["Health"]["Status"] for _, state in states} == {"healthy"}


def test_webhook_is_heard_with_the_right_signature_alone(deployment: Deployment) -> None:
    body, delivery = b'{"zen": "Keep it logically awesome."}', uuid.uuid4().hex
    right = signature_of(deployment.secret("github_webhook_secret"), body)
    assert deployment.post(body, signature_of("wrong", body), delivery) == 401
    assert deployment.post(body, right, delivery) == 202
    assert deployment.post(body, right, delivery) == 200, "the same delivery again is known from the database"


def test_only_loopback_is_published(deployment: Deployment) -> None:
    published = [
        (each["Config"]["Labels"]["com.docker.compose.service"], binding["HostIp"])
        for each in deployment.inspected()
        for bindings in each["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    ]
    assert published == [("api", "127.0.0.1")]


def test_no_process_is_root_or_has_capabilities(deployment: Deployment) -> None:
    for each in deployment.inspected():
        pids = [line.split()[1] for line in docker("top", each["Id"]).splitlines()[1:]]
        assert pids
        for status in (Path(f"/proc/{pid}/status") for pid in pids):
            if not status.exists():
                continue  # a health check that has ended since
            text = status.read_text(encoding="utf-8")
            assert "0" not in text.partition("Uid:")[2].splitlines()[0].split(), each["Name"]
            assert set(re.findall(r"Cap(?:Prm|Eff|Bnd):\s*(\w+)", text)) == {"0" * 16}, each["Name"]


def test_secrets_are_in_no_environment_and_not_in_the_image(deployment: Deployment) -> None:
    values = {
        json.loads(path.read_text())["token"] if path.suffix else path.read_text().strip()
        for path in deployment.secrets.iterdir()
    }
    shown = docker("inspect", *deployment.compose("ps", "-q").split())
    shown += docker("history", "--no-trunc", "roadcrew-ci/roadcrew:ci")
    assert [value for value in values if value in shown] == []
    found = docker(
        "run",
        "--rm",
        "--network=none",
        "roadcrew-ci/roadcrew:ci",
        "sh",
        "-c",
        "ls -a /opt/roadcrew /run/secrets 2>/dev/null || true",
    )
    assert ".git" not in found.split()
    assert "secrets" not in found


def test_migrations_have_run_in_both_stores(deployment: Deployment) -> None:
    asked = (
        "import os, psycopg, roadcrew.settings as s; "
        "url = s.read_settings().database_url.get_secret_value();"
        "print(psycopg.connect(url).execute('SELECT count(*) FROM roadcrew.migration').fetchone()[0])"
    )
    assert int(deployment.compose("exec", "-T", "api", "python", "-c", asked)) >= 3
    rows = deployment.compose(
        "exec", "-T", "api", "roadcrew", "cypher", "--json", "MATCH (m:Migration) RETURN count(m) AS n"
    )
    assert re.search(r'"n":\s*[1-9]', rows), rows


def test_policy_server_answers_nobody_without_the_token(deployment: Deployment) -> None:
    asked = (
        "import urllib.request as u, sys;"
        "u.urlopen(u.Request('http://opa:8181/v1/policies', headers={'Authorization': 'Bearer ' + sys.argv[1]}), timeout=9)"
    )
    command = ("exec", "-T", "worker", "python", "-c", asked)
    deployment.compose(*command, deployment.secret("opa_token"))
    with pytest.raises(AssertionError, match="401"):
        deployment.compose(*command, "guessed")


def test_worker_makes_environments_inside_its_container(deployment: Deployment) -> None:
    said = deployment.compose("exec", "-T", "worker", "devctl", "doctor")
    assert re.search(r"^bubblewrap: works", said, re.MULTILINE), said
