"""Engines, builders and registries that tests build with, where this machine has them."""

import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devctl import DevctlSettings
from devctl.builder import Builder, BuiltImage
from devctl.builder.builder import engine_host
from devctl.sources.records import BuildPlan

METHODS = ("classic", "engine-buildkit", "buildkit")


class RecordingBuilder(Builder):
    """Knows which images it built: other tests build on the same engine at the same time."""

    def __init__(self, settings: DevctlSettings) -> None:
        super().__init__(settings, engine_host(settings))
        self.built: set[str] = set()

    def build(self, *given: Any, **named: Any) -> BuiltImage:
        made = super().build(*given, **named)
        if made.method != "found":
            self.built.add(made.id)
        return made


def needed(name: str) -> str:
    """A variable that the CI's services set, or skip."""
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"{name} is not set: scripts/ci-services offers it where it can be had")
    return value


def engine_image() -> str:
    """An image that the engine has."""
    if os.environ.get("DOCKER") != "1":
        pytest.skip("no Docker engine: DOCKER is not 1")
    return needed("ROADCREW_TEST_IMAGE")


@contextmanager
def builder_by(method: str, folder: Path, **given: object) -> Iterator[Builder]:
    """A builder that can build by this method; what it built is removed from the engine."""
    settings: dict[str, object] = {"docker_prepare_network": "host", "search_path": "/nowhere", "buildx": None}
    if method != "classic":
        settings["buildx"] = needed("ROADCREW_TEST_BUILDX")
    if method == "buildkit":
        settings["buildkit"] = needed("ROADCREW_TEST_BUILDKIT")
    engine_image()
    quiet = {"HOME": str(folder), "PATH": os.environ["PATH"], "DOCKER_HOST": os.environ.get("DOCKER_HOST", "")}
    read = DevctlSettings.from_environment(quiet, folder=folder, **{**settings, **given})
    with RecordingBuilder(read) as builder:
        try:
            yield builder
        finally:
            for image in builder.images():
                if image.id in builder.built:
                    builder.remove(image.id, force=True)


def registry_base() -> str:
    """The engine's image, in the registry."""
    registry, image = needed("ROADCREW_TEST_REGISTRY"), engine_image()
    base = f"{registry}/base:1"
    known = subprocess.run(["docker", "manifest", "inspect", "--insecure", base], capture_output=True, check=False)
    if known.returncode != 0:
        for words in (["tag", image, base], ["push", "-q", base], ["rmi", base]):
            subprocess.run(["docker", *words], check=True, capture_output=True)
    return base


def base_for(method: str) -> str:
    """A base image that the method can build on: BuildKit sees registries alone."""
    return registry_base() if method == "buildkit" else engine_image()


def write_context(folder: Path, files: Mapping[str, str]) -> BuildPlan:
    """Write a context; its Dockerfile says something of its own, so that no other test has built it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return BuildPlan(context=folder, dockerfile=folder / "Dockerfile", args={"UNIQUE": uuid.uuid4().hex})
