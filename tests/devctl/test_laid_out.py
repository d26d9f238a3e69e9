"""Images that hold an environment's folders already, on a real engine."""

import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from devctl import LaunchRequest, archives, mounts
from devctl.docker_engine import UID
from devctl.errors import LaunchFailed
from devctl.fleet.records import EnvironmentSpec, Host
from devctl.hosts.containers import layout_of
from devctl.hosts.docker_images import EngineImages
from devctl.hosts.laid_out import BASE_LABEL, DAYS, REPOSITORY, LaidOutImages, remove_unused
from tests.devctl.fleets import ADA, IMAGE, SMALL, fleet_on, needs_docker
from tests.devctl.machines import launcher_on

LAYOUT = archives.layout(UID)


@pytest.fixture
def api() -> Iterator[docker.APIClient]:
    needs_docker()
    client = docker.APIClient(timeout=120)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def images(api: docker.APIClient, tmp_path: Path) -> Iterator[LaidOutImages]:
    made = LaidOutImages(api, tmp_path / "laid-out", "local")
    yield made
    made.prune()


@pytest.fixture
def base(api: docker.APIClient) -> Iterator[tuple[str, str]]:
    yield from made_base(api, "ENV COLOUR=blue")


@pytest.fixture
def with_volume(api: docker.APIClient) -> Iterator[tuple[str, str]]:
    yield from made_base(api, "VOLUME /work")


def made_base(api: docker.APIClient, change: str) -> Iterator[tuple[str, str]]:
    """Make an image that no other test has, and give its name and id."""
    name = f"devctl-test-{uuid.uuid4().hex[:12]}:1"
    container = api.create_container(os.environ["ROADCREW_TEST_IMAGE"], command=["true"])["Id"]
    try:
        repository, _, tag = name.partition(":")
        made = api.commit(container, repository=repository, tag=tag, changes=[f"LABEL of={name}", change])["Id"]
    finally:
        api.remove_container(container, force=True)
    yield name, str(made)
    if is_there(api, name):
        api.remove_image(name, force=True)


def is_there(api: docker.APIClient, image: str) -> bool:
    try:
        api.inspect_image(image)  # type: ignore[no-untyped-call] # untyped in the stubs
    except ImageNotFound:
        return False
    return True


def made_of(images: LaidOutImages, base: str) -> str:
    """Ask until there is one: it is made at the second call."""
    assert images.find(base, LAYOUT) is None
    found = images.find(base, LAYOUT)
    assert found is not None
    return found


def laid_out_of(api: docker.APIClient, base: str) -> list[str]:
    """The ids of all that were made of an image, by any home."""
    found = api.images(name=REPOSITORY)
    return [one["Id"] for one in found if any(base.removeprefix("sha256:") in tag for tag in one["RepoTags"])]


def test_the_archives_of_the_folders_are_the_same_each_time() -> None:
    assert archives.layout(UID) == LAYOUT
    spec = EnvironmentSpec(name="one", image="some")
    before = layout_of(spec)
    time.sleep(1.1)
    assert layout_of(spec.model_copy(update={"name": "two"})) == before


def test_an_image_is_made_at_the_second_launch_and_keeps_the_settings(
    api: docker.APIClient, images: LaidOutImages, base: tuple[str, str]
) -> None:
    found = made_of(images, base[1])
    assert images.find(base[1], LAYOUT) == found
    assert laid_out_of(api, base[1]) == [found]
    settings = api.inspect_image(found)["Config"]  # type: ignore[no-untyped-call] # untyped in the stubs
    assert "COLOUR=blue" in settings["Env"]
    assert settings["Cmd"] == ["true"]


def test_launches_at_once_make_one_image(
    api: docker.APIClient, images: LaidOutImages, base: tuple[str, str], tmp_path: Path
) -> None:
    images.find(base[1], LAYOUT)
    others = [LaidOutImages(api, tmp_path / "laid-out", "local") for _ in range(8)]
    with ThreadPoolExecutor(len(others)) as threads:
        said = list(threads.map(lambda one: one.find(base[1], LAYOUT), others))
    made = laid_out_of(api, base[1])
    assert len(made) == 1
    assert set(said) <= {None, made[0]}
    assert images.find(base[1], LAYOUT) == made[0]


def test_an_image_that_somebody_gave_the_name_is_not_taken(
    api: docker.APIClient, images: LaidOutImages, base: tuple[str, str], tmp_path: Path
) -> None:
    found = made_of(images, base[1])
    name = api.inspect_image(found)["RepoTags"][0]  # type: ignore[no-untyped-call] # untyped in the stubs
    repository, _, tag = name.partition(":")
    api.tag(IMAGE, repository, tag, force=True)
    assert images.find(base[1], LAYOUT) == found
    other = LaidOutImages(api, tmp_path / "other", "local")
    assert other.find(base[1], LAYOUT) is None
    own = other.find(base[1], LAYOUT)
    assert own not in (None, found), "another home makes its own"
    other.prune()
    api.remove_image(found)


def test_an_image_that_was_removed_in_between_is_done_without_and_made_again(
    api: docker.APIClient, images: LaidOutImages, base: tuple[str, str]
) -> None:
    found = made_of(images, base[1])
    api.remove_image(found, force=True)

    def create(image: str) -> str:
        return str(api.inspect_image(image)["Id"])  # type: ignore[no-untyped-call] # untyped in the stubs

    assert images.create(base[1], LAYOUT, create) == (base[1], False)
    assert images.create(base[1], LAYOUT, create) == (base[1], False)
    made, laid_out = images.create(base[1], LAYOUT, create)
    assert laid_out
    assert made not in (base[1], found)


def test_those_of_an_image_without_a_name_and_those_out_of_use_are_removed(
    api: docker.APIClient, images: LaidOutImages, base: tuple[str, str], tmp_path: Path
) -> None:
    found = made_of(images, base[1])
    remove_unused(api)
    assert is_there(api, found), "its own image has a name"
    for note in (tmp_path / "laid-out").glob("*.id"):
        os.utime(note, (0, time.time() - DAYS * 86_400 - 60))
    assert images.find(base[1], LAYOUT) is None, "what is out of use is not taken"
    api.remove_image(base[0], force=True)
    remove_unused(api)
    assert not is_there(api, found)


def test_an_image_with_volumes_is_not_laid_out_and_still_launched(
    images: LaidOutImages, with_volume: tuple[str, str], tmp_path: Path
) -> None:
    name, base = with_volume
    assert [images.find(base, LAYOUT) for _ in range(3)] == [None, None, None]
    with launcher_on("docker", tmp_path / "d") as launcher:
        for _ in range(3):
            with launcher.launch(LaunchRequest(image=name)) as made:
                assert made.exec(["touch", "/work/mine", f"{mounts.HOME}/mine"]).exit_code == 0


def test_what_devctl_brings_is_owned_by_root_and_the_folders_by_the_commands_user(tmp_path: Path) -> None:
    places = ["/work", mounts.HOME, "/opt/devctl/inside", "/home", "/opt"]
    said = []
    with launcher_on("docker", tmp_path / "d") as launcher:
        for _ in range(3):
            with launcher.launch(LaunchRequest()) as environment:
                found = environment.exec(["stat", "-c", "%u %a", *places])
                assert found.output.split("\n")[:4] == [f"{UID} 755", f"{UID} 755", "0 755", "0 755"]
                assert environment.exec(["sh", "-c", "echo >>/opt/devctl/inside/relay.py"]).exit_code != 0
                assert environment.exec(["sh", "-c", "touch /work/seen && ls /work"]).output == "seen\n"
                said.append(found.output)
    assert len(set(said)) == 1, "however the folders came there, they look the same"


def test_a_kept_environment_of_a_laid_out_image_says_what_it_was_asked_for(
    api: docker.APIClient, base: tuple[str, str], database_url: str
) -> None:
    name, image_id = base
    with fleet_on("docker", database_url) as fleet:
        for count in range(3):
            spec = EnvironmentSpec(name=f"e{count}", image=name, limits=SMALL, workdir="/srv/deep/work")
            fleet.up(ADA, spec)
        laid_out = laid_out_of(api, image_id)
        assert len(laid_out) == 1
        record = fleet.get(ADA, "e2")
        container = api.inspect_container(record.container or "")
        assert container["Image"] == laid_out[0]
        assert container["Config"]["Labels"][BASE_LABEL] == image_id
        assert record.spec.image == name
        places = ["/srv", "/srv/deep", "/srv/deep/work", "/opt/devctl/inside", "/run/secrets", mounts.HOME]
        found = {fleet.exec(ADA, f"e{count}", ["stat", "-c", "%n %u %a", *places]).output for count in range(3)}
        assert len(found) == 1
        with EngineImages(Host(name="local", address="unix:///var/run/docker.sock")) as engine:
            assert image_id in engine.used()
            with pytest.raises(LaunchFailed, match="containers are made of it"):
                engine.remove(name)
            for count in range(3):
                fleet.remove(ADA, f"e{count}")
            assert [image.id for image in engine.labelled(f"of={name}")] == [image_id]
            engine.remove(name)
    assert not is_there(api, laid_out[0])
    assert not is_there(api, image_id)
