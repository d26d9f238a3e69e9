"""Images that callers have built on the engine of the service, as the policy allows."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devctl.fleet.records import User
from devctl.serve.server import Server
from devctl.settings import DevctlSettings
from tests.devctl.fleets import IMAGE, ROOT, fleet_on
from tests.devctl.serve.services import Caller, serving, token_of
from tests.devctl.serve.test_environments import archive, output_of
from tests.devctl.sources.folders import git, write

_RUN = uuid.uuid4().hex[:8]
ADA, BOB = User(name=f"ada-{_RUN}", tier="free"), User(name=f"bob-{_RUN}", tier="free")
"""Of this run alone: others may build on the same engine at the same time."""
_SSH = """#!/bin/sh
for last; do :; done
exec sh -c "$last"
"""
"""Takes ssh's place for git: runs what it would run on the other machine here."""


@pytest.fixture
def builds(devctl_database: str) -> Iterator[Server]:
    """A service that asks the real policy and builds with the engine's old builder."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder:
        ssh = Path(folder) / "ssh"
        ssh.write_text(_SSH)
        ssh.chmod(0o700)
        settings = DevctlSettings.from_environment(
            {"GIT_SSH_COMMAND": str(ssh)}, folder=Path(folder), database_url=devctl_database, search_path="/nowhere", docker_image=IMAGE or None,
            docker_prepare_network="host",
        )  # fmt: skip
        with fleet_on("docker", devctl_database, ruled=True) as fleet, serving(fleet, settings) as server:
            yield server
            root = caller(server, ROOT)
            for image in root("GET", "/v1/images").json["items"]:
                if image["owner"] in (ADA.name, BOB.name):
                    root("DELETE", f"/v1/images?image={image['id']}&force=true")


def caller(server: Server, user: User) -> Caller:
    return Caller(server.url, token_of(server, user))


def build(who: Caller, dockerfile: str, **more: Any) -> Any:
    sent = who("POST", "/v1/uploads", archive({"Dockerfile": dockerfile.encode()}), Content_Type="application/x-tar")
    return who("POST", "/v1/builds", {"tree": sent.json["id"], **more}, Prefer="wait=120")


def test_an_image_is_built_of_an_upload_and_is_its_owners(builds: Server) -> None:
    ada, bob = caller(builds, ADA), caller(builds, BOB)
    done = build(ada, f"FROM {IMAGE}\nRUN echo {_RUN} > /proof\n", tag=f"devctl-user/{ADA.name}/proof:1")
    assert (done.status, done.json["state"]) == (202, "done"), done.body
    assert f"devctl-user/{ADA.name}/proof:1" in done.json["result"]["tags"]
    told = [one["text"] for one in ada.lines(f"{done.headers['location']}/events")]
    assert any(one.startswith("started ") for one in told), told
    assert bob("GET", done.headers["location"]).status == 404
    image = done.json["result"]["id"]
    assert image in [one["id"] for one in ada("GET", "/v1/images").json["items"]]
    assert image not in [one["id"] for one in bob("GET", "/v1/images").json["items"]]
    assert bob("DELETE", f"/v1/images?image={image}&force=true").status == 403
    assert ada("DELETE", f"/v1/images?image={IMAGE}").status == 403
    removed = ada("DELETE", f"/v1/images?image=devctl-user/{ADA.name}/proof:1")
    assert (removed.status, f"devctl-user/{ADA.name}/proof:1" in removed.json["removed"]) == (200, True), removed.body
    assert ada("GET", "/v1/images").json["items"] == []


def test_a_build_that_fails_tells_the_end_of_its_output(builds: Server) -> None:
    done = build(caller(builds, ADA), f"FROM {IMAGE}\nRUN echo no luck; exit 3\n")
    assert done.json["state"] == "failed" and done.json["error"]["kind"] == "BuildFailed"
    assert "no luck" in done.json["error"]["log"]


def test_the_policy_is_asked_for_what_is_built_on(builds: Server) -> None:
    weak, ada = "weak.example.org/base:1", caller(builds, ADA)
    builds.service.fleet.parts.database.rows(
        "INSERT INTO image_scan (image_id, name, at, highest, report) VALUES ('sha256:weak', %s, now(), 9.8, '{}')"
        " ON CONFLICT (image_id) DO NOTHING RETURNING image_id",
        weak,
    )
    refused = build(ada, f"FROM {weak}\n")
    assert (refused.status, refused.json["kind"]) == (403, "LaunchRefused"), refused.body
    assert any("9.8" in reason for reason in refused.json["reasons"])
    assert ada("GET", "/v1/audit?operation=build&denied=true").json["items"][-1]["details"]["base"] == weak


def test_the_wizard_makes_an_image_of_answers(builds: Server) -> None:
    ada = caller(builds, ADA)
    wish = {"base": IMAGE, "tag": f"devctl-user/{ADA.name}/tools", "user": "dev"}
    done = ada("POST", "/v1/wizard", wish, Prefer="wait=120")
    assert done.json["state"] == "done", done.body
    assert done.json["result"]["owner"] == ADA.name and "USER dev" in done.json["result"]["dockerfile"]


def test_a_source_with_a_dockerfile_is_built_and_launched(builds: Server, tmp_path: Path) -> None:
    repository = write(tmp_path / "shop", {"Dockerfile": f"FROM {IMAGE}\nRUN echo built > /proof\n", "note": "hello\n"})
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "first")):
        git(repository, *words)
    ada = caller(builds, ADA)
    overrides = {"cpus": 1, "memory_mb": 256, "disk_mb": 64}
    wish = {"source": f"ssh://git@forge.example{repository}", "overrides": overrides}
    made = ada("POST", "/v1/environments", wish, Prefer="wait=120")
    assert (made.status, made.json.get("name")) == (201, "shop"), made.body
    assert output_of(ada, "shop", "cat /proof note") == "built\nhello\n"
    assert ada("DELETE", "/v1/environments/shop").status == 204
