"""What an image's own label adds to an environment, and what it may not."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentSpec, Lifecycle, LifecycleCommand
from devctl.hosts.engine import IMAGE_METADATA
from devctl.sources import follow_image
from tests.devctl.fleets import ADA, IMAGE, needs_docker, wanted

LAYERS = [
    {
        "id": "greeter", "containerEnv": {"STAGE": "image", "LANGUAGE": "de"}, "onCreateCommand": "echo feature >>told",
        "customizations": {"vscode": {"extensions": ["a.a"]}},
    },
    {
        "remoteUser": "dev", "remoteEnv": {"PATH": "${containerEnv:PATH}:/opt/image"}, "forwardPorts": [8000],
        "portsAttributes": {"8000": {"label": "shop"}}, "onCreateCommand": "echo image >>told",
        "customizations": {"vscode": {"extensions": ["b.b"]}},
    },
]  # fmt: skip


def spec(**changed: object) -> EnvironmentSpec:
    return EnvironmentSpec.model_validate({"name": "shop", "image": "shop:1", **changed})


def label(value: object) -> dict[str, str]:
    return {IMAGE_METADATA: value if isinstance(value, str) else json.dumps(value)}


def said(line: str) -> tuple[LifecycleCommand, ...]:
    return (LifecycleCommand(argv=("/bin/sh", "-c", line)),)


def test_layers_of_the_label_lie_under_what_the_source_says() -> None:
    own = Lifecycle(on_create=(said("echo source >>told"),))
    found = follow_image(spec(env={"STAGE": "dev"}, ports=[9000], lifecycle=own), label(LAYERS))
    assert (found.user, found.notes) == ("dev", ())
    assert found.env == {"STAGE": "dev", "LANGUAGE": "de"}
    assert found.remote_env == {"PATH": "${containerEnv:PATH}:/opt/image"}
    assert found.ports == (8000, 9000)
    assert found.labels == {"devcontainer.port.8000": "shop"}
    assert [group[0].argv[-1] for group in found.lifecycle.on_create] == [
        "echo feature >>told", "echo image >>told", "echo source >>told",
    ]  # fmt: skip
    assert found.customizations == {"vscode": {"extensions": ["a.a", "b.b"]}}


def test_one_object_alone_is_a_label_too() -> None:
    assert follow_image(spec(), label({"containerUser": "dev"})).user == "dev"


def test_user_that_the_source_names_stays() -> None:
    assert follow_image(spec(user="ada"), label(LAYERS)).user == "ada"


def test_following_twice_changes_nothing() -> None:
    once = follow_image(spec(), label(LAYERS))
    assert follow_image(once, label(LAYERS)) == once


@pytest.mark.parametrize("user", ["root", "0", "0:0", "root:root"])
def test_user_root_is_the_persons_to_give(user: str) -> None:
    found = follow_image(spec(), label({"remoteUser": user}))
    assert found.user is None
    assert "--user root" in found.notes[0]


def test_nothing_that_widens_the_sandbox_is_taken_from_an_image() -> None:
    wide = {
        "privileged": True, "capAdd": ["SYS_ADMIN"], "securityOpt": ["seccomp=unconfined"], "entrypoint": "/start",
        "mounts": ["type=bind,source=/etc,target=/host", "type=volume,source=others,target=/v"],
        "hostRequirements": {"cpus": 64, "memory": "512gb", "gpu": True},
    }  # fmt: skip
    found = follow_image(spec(), label(wide))
    assert found.model_copy(update={"notes": ()}) == spec()
    said = "\n".join(found.notes)
    words = (
        "privileged",
        "capAdd",
        "securityOpt",
        "/start",
        "bind at /host",
        "volume at /v",
        "64 cores",
        "memory",
        "GPU",
    )
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "line 1"),
        ('["x"]', "objects"),
        ('{"forwardPorts": ["no"]}', "no port"),
        ('{"containerEnv": [1]}', "object"),
    ],
)
def test_label_that_cannot_be_read_is_a_note(text: str, word: str) -> None:
    found = follow_image(spec(), label(text))
    assert found.model_copy(update={"notes": ()}) == spec()
    assert word in found.notes[0]


@pytest.mark.parametrize("labels", [{}, label(""), label("[]")])
def test_image_without_a_label_adds_nothing(labels: dict[str, str]) -> None:
    assert follow_image(spec(), labels) == spec()


@pytest.fixture
def labelled(tmp_path: Path) -> Iterator[str]:
    """An image with the label, and the user that it names."""
    needs_docker()
    tag = f"devctl-test-label:{tmp_path.name.lower()}"
    lines = [
        f"FROM {IMAGE}",
        f"LABEL of={tag}",
        "RUN useradd -m -u 4321 dev",
        f"LABEL {IMAGE_METADATA}={json.dumps(json.dumps(LAYERS))}",
    ]
    (tmp_path / "Dockerfile").write_text("\n".join(lines).replace("$", "\\$"))
    subprocess.run(
        ["docker", "build", "-q", "--network=none", "-t", tag, str(tmp_path)], check=True, capture_output=True
    )
    yield tag
    subprocess.run(["docker", "rmi", tag], check=True, capture_output=True)


def test_environment_of_a_labelled_image_runs_as_its_user_and_its_snapshot_does_not_begin_anew(
    labelled: str, docker_fleet: Fleet
) -> None:
    docker_fleet.up(ADA, wanted("docker", "shop", image=labelled))
    shown = docker_fleet.exec(ADA, "shop", ["sh", "-c", "id -un; echo $STAGE ${PATH##*:}; cat told"]).output
    assert shown == "dev\nimage /opt/image\nfeature\nimage\n"
    docker_fleet.snapshot(ADA, "shop", "kept")
    docker_fleet.restore(ADA, "kept", "again")
    shown = docker_fleet.exec(ADA, "again", ["sh", "-c", "id -un; echo $STAGE; cat told"]).output
    assert shown == "dev\nimage\nfeature\nimage\n"
    docker_fleet.remove(ADA, "again")
    docker_fleet.remove_snapshot(ADA, "kept")
