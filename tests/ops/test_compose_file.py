"""docker-compose.yml, read as text: nothing is open, nobody is root, no secret is in it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.source import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN_IMAGE = "roadcrew:local"
SECRET_NAME = re.compile(r"TOKEN|PASSWORD|SECRET|API_KEY|AUTH")

each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_services_of_a_deployment_are_there() -> None:
    assert {"neo4j", "postgres", "opa", "api", "worker"} <= SERVICES.keys()


@each_service
def test_image_has_an_exact_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == OWN_IMAGE or re.search(r":\d+\.\d+(\.\d+)?(-[a-z]+)?$", image), image


@each_service
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_service_runs_without_root_and_without_capabilities(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.keys() & {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices", "userns_mode"}


@each_service
def test_root_file_system_is_read_only_but_for_neo4j(name: str) -> None:
    assert SERVICES[name].get("read_only", False) is (name != "neo4j")


@each_service
def test_service_has_a_health_check_and_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


@each_service
def test_secrets_come_as_files(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    named = {key: value for key, value in environment.items() if SECRET_NAME.search(key)}
    given = {
        secret if isinstance(secret, str) else secret["target"].partition(".")[0]
        for secret in SERVICES[name].get("secrets", [])
    }
    assert given <= COMPOSE["secrets"].keys()
    for key, value in named.items():
        assert key.endswith("_FILE"), f"{key} would be in the environment"
        assert value.removeprefix("/run/secrets/") in given


def test_only_the_service_that_says_so_holds_the_docker_socket() -> None:
    holders = {name for name, service in SERVICES.items() if "docker.sock" in str(service.get("volumes"))}
    assert holders == {"worker-docker"}
    assert SERVICES["worker-docker"]["profiles"] == ["docker"]


def test_only_the_worker_gives_up_filters() -> None:
    weaker = {name for name, service in SERVICES.items() if "unconfined" in str(service["security_opt"])}
    assert weaker == {"worker"}


def test_stores_have_no_way_out() -> None:
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    for name in ("neo4j", "postgres", "opa"):
        assert SERVICES[name]["networks"] == ["stores"]
        assert "ports" not in SERVICES[name]


def test_worker_filter_denies_what_reaches_the_kernel_at_large() -> None:
    profile = json.loads((ROOT / "ops" / "worker-seccomp.json").read_text(encoding="utf-8"))
    (rule,) = profile["syscalls"]
    assert rule["action"] == "SCMP_ACT_ERRNO"
    assert {"bpf", "kexec_load", "init_module", "keyctl", "open_by_handle_at", "reboot"} <= set(rule["names"])
    assert not {"clone", "unshare", "mount", "pivot_root"} & set(rule["names"])


def make_secrets(folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [ROOT / "ops" / "make-secrets", folder],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    told = make_secrets(folder, GITHUB_TOKEN="ghp_1")
    assert "OPENAI_API_KEY" in told
    assert "GITHUB_TOKEN" not in told
    first = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert first.keys() == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert first["github_token"] == "ghp_1\n"
    assert folder.stat().st_mode & 0o777 == 0o700
    random = ("neo4j_password", "postgres_password", "opa_token", "github_webhook_secret")
    assert len({first[name] for name in random}) == len(random)
    assert first["neo4j_auth"] == f"neo4j/{first['neo4j_password']}"
    assert json.loads(first["opa_access.json"]) == {"token": first["opa_token"].strip()}
    make_secrets(folder, GITHUB_TOKEN="ghp_2")
    assert first == {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_neither_secrets_nor_git_reach_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    admitted = {rule[1:] for rule in rules if rule.startswith("!")}
    assert not admitted & {"secrets", ".git", ".env", "."}
    assert all((ROOT / name).exists() for name in admitted)
