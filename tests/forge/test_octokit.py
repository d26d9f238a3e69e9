"""GitHub's own client for JavaScript drives the forge through the main job's steps."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.source import ROOT
from tests.forge.conftest import Project, Receiver

MODULES = os.environ.get("ROADCREW_TEST_OCTOKIT", "")
SCRIPT = ROOT / "tests" / "contracts" / "octokit" / "drive.mjs"


def test_octokit_takes_an_issue_to_its_merge(project: Project, receiver: Receiver, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not MODULES:
        pytest.skip("there is no Node, or no Octokit: scripts/ci-services fetches it where npm is")
    (tmp_path / "node_modules").symlink_to(MODULES)
    shutil.copy(SCRIPT, tmp_path)
    tokens = {f"{login.upper()}_TOKEN": project.forge.token(login) for login in ("ada", "bob")}
    done = subprocess.run(
        [node, str(tmp_path / SCRIPT.name), project.forge.api, project.name, receiver.url],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": os.defpath, **tokens},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["comments"] == [f"Comment {number}" for number in range(7)]
    assert seen["files"] == ["GREET.md", "greet.py"]
    assert (seen["required"]["enforcement_level"], seen["required"]["contexts"]) == ("everyone", ["ci"])
    assert (seen["early"]["status"], "expected" in seen["early"]["message"]) == ("405", True)
    assert (seen["mergeable"], seen["merged"], seen["issue"]) == ("clean", True, "closed")
    assert (seen["planned"], seen["released"], seen["found"]) == (1, "v1", [1])
    assert seen["unchanged"] == 304
    assert (seen["absent"]["status"], seen["absent"]["message"]) == ("404", "Not Found")
    assert seen["invalid"]["errors"][0]["field"] == "title"
    assert seen["stranger"]["message"] == "Bad credentials"
    assert seen["remaining"] > 0
    opened = receiver.take("pull_request", "opened").json
    assert opened["pull_request"]["changed_files"] == 2
    assert receiver.take("pull_request", "closed").json["pull_request"]["merged"] is True
