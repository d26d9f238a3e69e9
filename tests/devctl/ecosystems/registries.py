"""What tests of ecosystems need of this machine: programs, and registries that answer."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from devctl import Environment, Launcher, LaunchRequest, Limits, PreparationFailed, Prepared, PrepareRequest
from devctl.ecosystems.toolchain import ToolchainMissing
from tests.devctl.wheels import write_tree

LIMITS = Limits(memory_mb=4096, pids=1024, seconds=240)
_AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "dial tcp", "Could not resolve", "UnknownHost")


def needs(*programs: str) -> None:
    """Skip the test where a program is absent."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")


def skip_without_registry(error: PreparationFailed) -> None:
    """Skip the test where an installation failed for lack of a network."""
    if any(word in error.log for word in _AWAY):
        pytest.skip(f"no registry answers here: {error.log[-200:]}")


def prepared(launcher: Launcher, tree: Path, packages: tuple[str, ...] = ()) -> Prepared:
    """Prepare a tree, or skip the test where no registry answers."""
    try:
        return launcher.prepare(PrepareRequest(tree=tree, packages=packages, limits=LIMITS))
    except ToolchainMissing as error:
        if launcher.backend == "docker":
            pytest.skip(f"not run on docker: {error.message}")
        raise
    except PreparationFailed as error:
        skip_without_registry(error)
        print(error.log)  # noqa: T201 - the installer's words are what one needs to see
        raise


@contextmanager
def launched(launcher: Launcher, tree: Path, packages: tuple[str, ...] = ()) -> Iterator[Environment]:
    """An environment with a tree and all that it declares; the test is skipped where the image lacks a toolchain."""
    made = prepared(launcher, tree, packages)
    if launcher.backend == "docker" and (lacking := [note for note in made.notes if "the image has no" in note]):
        pytest.skip(f"not run on docker: {lacking[0]}")
    with launcher.launch(LaunchRequest(prepared=made, limits=LIMITS)) as environment:
        environment.put(tree)
        yield environment


def output(environment: Environment, script: str) -> str:
    """What a command prints; it must succeed."""
    result = environment.exec(["bash", "-c", script])
    assert result.exit_code == 0, result.output
    return result.output


def tree_of(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a tree."""
    folder.mkdir(exist_ok=True)
    return write_tree(folder, files)
