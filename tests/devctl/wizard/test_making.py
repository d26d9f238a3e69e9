"""Images made by the wizard on a real engine: policy, record, event."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.admission.policy_admission import PolicyAdmission
from devctl.builder import Builder
from devctl.errors import LaunchRefused
from devctl.fleet.database import Database
from devctl.fleet.records import User
from devctl.wizard import CustomImage, Wizard, WizardRequest
from devctl.wizard.wizard import hook
from policies import PolicySettings, open_engine
from tests.devctl.builder.places import builder_by, engine_image

ANN = User(name=f"ann-{uuid.uuid4().hex[:8]}", tier="free")
"""Of this run alone: others may build on the same engine at the same time."""


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    with builder_by("classic", tmp_path / "d") as opened:
        yield opened


def wanted(**more: object) -> WizardRequest:
    return WizardRequest.model_validate({"base": engine_image(), "tag": "devctl-test/wizard:1", **more})


def test_an_image_is_built_recorded_and_told(builder: Builder, database: Database, tmp_path: Path) -> None:
    told: list[CustomImage] = []
    event = tmp_path / "event.json"
    program = hook(("sh", "-c", f"cat > {event}"), {"PATH": "/usr/bin:/bin"})
    wizard = Wizard(database, PolicyAdmission(database, open_engine()), builder, (told.append, program))
    made = wizard.make(ANN, wanted(user="ann", ports=(8080,), labels={"team": "$HOME"}))
    assert told == [made]
    assert json.loads(event.read_text())["image"]["tag"] == "devctl-test/wizard:1"
    listed = wizard.images(ANN.name)
    assert [(image.owner, image.tag, image.base) for image in listed] == [(ANN.name, made.tag, engine_image())]
    assert wizard.images("bob") == []
    words = [
        "docker",
        "run",
        "--rm",
        "--network",
        "none",
        made.tag,
        "sh",
        "-c",
        "id -un; pwd; touch here && echo wrote",
    ]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["ann", "/work", "wrote"]
    look = ["docker", "image", "inspect", "-f", "{{json .Config}}", made.tag]
    config = json.loads(subprocess.run(look, capture_output=True, text=True, check=True).stdout)
    assert config["Labels"]["team"] == "$HOME"
    assert list(config["ExposedPorts"]) == ["8080/tcp"]
    again = wizard.make(ANN, wanted(user="ann", ports=(8080,), labels={"team": "$HOME"}))
    assert again.image_id == made.image_id
    assert len(wizard.images()) == 1


@pytest.mark.parametrize(
    ("answers", "reason"),
    [({"apt": ("sudo",)}, "sudo"), ({"apt": ("docker.io",)}, "docker"), ({"pip": ("doas",)}, "doas")],
)
def test_what_the_policy_does_not_allow_is_not_built(
    answers: dict[str, object], reason: str, builder: Builder, database: Database
) -> None:
    wizard = Wizard(database, PolicyAdmission(database, open_engine()), builder)
    with pytest.raises(LaunchRefused, match=reason):
        wizard.make(ANN, wanted(**answers))
    assert wizard.images() == []
    assert [image for image in builder.images() if image.owner == ANN.name] == []


def test_a_base_with_a_grave_weakness_is_refused_unless_excepted(
    builder: Builder, database: Database, tmp_path: Path
) -> None:
    weak = PolicyAdmission(database, open_engine(), None, {engine_image(): 9.8}.get)
    with pytest.raises(LaunchRefused, match=r"CVSS 9\.8"):
        Wizard(database, weak, builder).make(ANN, wanted())
    (tmp_path / "data.yaml").write_text(f"devctl_data:\n  accepted_images: ['{engine_image()}']\n")
    try:
        engine = open_engine(PolicySettings(extra_rules=tmp_path))
        excepted = PolicyAdmission(database, engine, None, {engine_image(): 9.8}.get)
        assert Wizard(database, excepted, builder).make(ANN, wanted()).owner == ANN.name
    finally:
        (tmp_path / "data.yaml").unlink()


def test_a_hook_that_fails_leaves_the_image(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    from datetime import UTC, datetime

    image = CustomImage(
        owner="a", tag="t", digest_tag="d", image_id="i", build_time=datetime.now(UTC), base="b", dockerfile=""
    )
    hook(("sh", "-c", "echo no thanks; exit 3"), {"PATH": "/usr/bin:/bin"})(image)
    hook(("/no/such/program",), {"PATH": "/usr/bin:/bin"})(image)
    assert "no thanks" in caplog.text
    assert "/no/such/program does not run" in caplog.text
