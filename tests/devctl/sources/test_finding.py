"""What a SOURCE is taken for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.errors import SourceInvalid
from devctl.sources import Overrides, resolve
from devctl.sources.finding import name_from, recognise, split_ref
from tests.devctl.sources.folders import DEFAULT_IMAGE, settings_in, write


@pytest.mark.parametrize(
    "image",
    ["python", "python:3.11-slim", "ghcr.io/a/b:v1", "localhost:5000/a@sha256:" + "0" * 64, "debian:bookworm-slim"],
)
def test_an_image_name_is_an_image(image: str, tmp_path: Path) -> None:
    with resolve(image, settings=settings_in(tmp_path)) as resolved:
        assert (resolved.kind, resolved.spec.image, resolved.tree, resolved.build) == ("image", image, None, None)


@pytest.mark.parametrize(
    ("text", "address", "ref"),
    [
        ("https://example.org/team/shop.git", "https://example.org/team/shop.git", None),
        ("https://example.org/team/shop@feature/x", "https://example.org/team/shop", "feature/x"),
        ("https://example.org/team/shop#v1.2", "https://example.org/team/shop", "v1.2"),
        ("ssh://git@example.org/team/shop#main", "ssh://git@example.org/team/shop", "main"),
        ("ssh://git@example.org/team/shop@main", "ssh://git@example.org/team/shop", "main"),
        ("git@example.org:team/shop.git#main", "git@example.org:team/shop.git", "main"),
        ("git@example.org:team/shop.git", "git@example.org:team/shop.git", None),
    ],
)
def test_a_git_address_is_told_from_its_ref(text: str, address: str, ref: str | None) -> None:
    found = recognise(text)
    assert (found.kind, found.address, found.ref) == ("git", address, ref)
    assert split_ref(text) == (address, ref)


@pytest.mark.parametrize("text", ["", "-rf", "./nowhere", "/nowhere", "UPPER", "a b", "x.json", "no\0thing", "a//b"])
def test_what_is_no_source_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(SourceInvalid) as caught:
        recognise(text)
    assert caught.value.hint


def test_a_folder_without_anything_gets_the_default_image(tmp_path: Path) -> None:
    tree = write(tmp_path / "My Shop!", {"main.py": "print()"})
    with resolve(str(tree), settings=settings_in(tmp_path)) as resolved:
        assert (resolved.spec.image, resolved.spec.name, resolved.tree) == (DEFAULT_IMAGE, "my-shop", tree)


def test_a_folder_with_a_dockerfile_is_built(tmp_path: Path) -> None:
    tree = write(tmp_path / "shop", {"Dockerfile": "FROM x"})
    for text in (str(tree), str(tree / "Dockerfile")):
        with resolve(text, settings=settings_in(tmp_path)) as resolved:
            assert resolved.build is not None
            assert (resolved.build.context, resolved.build.dockerfile) == (tree, tree / "Dockerfile")
            assert resolved.spec.image == ""


def test_devcontainer_json_wins_over_a_dockerfile_in_the_order_of_the_specification(tmp_path: Path) -> None:
    places = {
        ".devcontainer/devcontainer.json": "one",
        ".devcontainer.json": "two",
        ".devcontainer/x/devcontainer.json": "x",
    }
    tree = write(tmp_path / "shop", {"Dockerfile": "FROM y", **{at: {"image": image} for at, image in places.items()}})
    for at, image in places.items():
        with resolve(str(tree), settings=settings_in(tmp_path)) as resolved:
            assert resolved.spec.image == image
        (tree / at).unlink()


def test_one_of_several_devcontainers_is_chosen_by_name(tmp_path: Path) -> None:
    tree = write(tmp_path / "s", {f".devcontainer/{name}/devcontainer.json": {"image": name} for name in ("a", "b")})
    with resolve(str(tree), overrides=Overrides(config="b"), settings=settings_in(tmp_path)) as resolved:
        assert resolved.spec.image == "b"
    with pytest.raises(SourceInvalid, match="a, b"):
        resolve(str(tree), settings=settings_in(tmp_path))
    with pytest.raises(SourceInvalid, match="there are a, b"):
        resolve(str(tree), overrides=Overrides(config="c"), settings=settings_in(tmp_path))


def test_a_path_to_a_devcontainer_json_finds_the_folder_it_is_about(tmp_path: Path) -> None:
    tree = write(
        tmp_path / "s", {".devcontainer/a/devcontainer.json": {"image": "a"}, ".devcontainer.json": {"image": "b"}}
    )
    for at in (".devcontainer/a/devcontainer.json", ".devcontainer.json"):
        with resolve(str(tree / at), settings=settings_in(tmp_path)) as resolved:
            assert (resolved.tree, resolved.config) == (tree, tree / at)


def test_a_config_that_is_a_link_out_of_the_source_is_refused(tmp_path: Path) -> None:
    tree = write(tmp_path / "s", {"x": ""})
    write(tmp_path, {"outside.json": {"image": "evil"}})
    (tree / ".devcontainer.json").symlink_to("../outside.json")
    with pytest.raises(SourceInvalid, match="leads out of the source"):
        resolve(str(tree), settings=settings_in(tmp_path))


@given(st.text(max_size=80))
def test_any_text_makes_a_name_that_may_be_one(text: str) -> None:
    import re

    from devctl.fleet.records import NAME

    assert re.fullmatch(NAME, name_from(text))


def test_the_persons_words_win_over_the_source(tmp_path: Path) -> None:
    tree = write(
        tmp_path / "s",
        {".devcontainer.json": {"image": "a", "runArgs": ["--memory=1g"], "containerEnv": {"A": "1", "B": "1"}}},
    )
    wished = Overrides(image="other:2", memory_mb=512, env={"B": "2"}, domains=("example.org",), workdir="/src")
    with resolve(str(tree), name="mine", overrides=wished, settings=settings_in(tmp_path)) as resolved:
        spec = resolved.spec
    assert (spec.name, spec.image, spec.limits.memory_mb, spec.env, spec.workdir) == (
        "mine", "other:2", 512, {"A": "1", "B": "2"}, "/src",
    )  # fmt: skip
    assert (spec.egress.mode, spec.egress.domains) == ("allow", ("example.org",))


def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="'Bad Name' cannot be a name"):
        resolve("python", name="Bad Name", settings=settings_in(tmp_path))
