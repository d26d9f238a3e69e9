"""devctl's event of an image, written into the roadmap by the program that devctl calls."""

import json
import subprocess
import sys
from datetime import UTC, datetime

from devctl.wizard import CustomImage
from devctl.wizard.wizard import hook
from local import Workspace
from scripts.source import ROOT
from tests.conftest import clean_environment, roadcrew


def test_an_image_of_devctl_is_found_in_the_roadmap(workspace: Workspace) -> None:
    image = CustomImage(
        owner="ann", tag="shop/tools:3", digest_tag="devctl-build:0", image_id="sha256:1",
        build_time=datetime(2026, 1, 2, tzinfo=UTC), base="debian:12", packages={"apt": ("curl",)}, dockerfile="FROM x\n",
    )  # fmt: skip
    program = (sys.executable, "-m", "roadcrew.cli", "--workspace", str(workspace.path), "image")
    hook(program, clean_environment(PYTHONPATH=str(ROOT)))(image)
    query = "MATCH (i:CustomImage {owner: 'ann'}) RETURN i.tag, i.packages"
    asked = roadcrew("--workspace", str(workspace.path), "cypher", query, "--json")
    assert json.loads(asked.stdout)["data"]["rows"] == [{"i.tag": "shop/tools:3", "i.packages": ["apt:curl"]}]


def test_what_is_no_event_is_refused_with_the_place(workspace: Workspace) -> None:
    words = [sys.executable, "-m", "roadcrew.cli", "--workspace", str(workspace.path), "image"]
    done = subprocess.run(
        words, input='{"image": {"owner": "ann"}}', capture_output=True, text=True, check=False, timeout=60,
        cwd=ROOT, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode != 0
    assert "image.tag: Field required" in done.stderr
