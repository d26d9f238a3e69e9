"""Giving an environment what was installed: variables, programs, copies of what tools write to."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from devctl import mounts
from devctl.capture import run_tool
from devctl.errors import LaunchFailed
from devctl.files import open_below
from devctl.records import EnvironmentInfo, Part

_COPY_SECONDS = 300


def variables(parts: Iterable[Part], results: Mapping[str, str], home: str) -> dict[str, str]:
    """The variables of all parts; `results` says where commands see each ecosystem's result."""
    return {name: filled(value, results[part.ecosystem], home) for part in parts for name, value in part.env.items()}


def program_folders(parts: Iterable[Part], results: Mapping[str, str], home: str) -> list[str]:
    """The folders of programs of all parts."""
    return [filled(folder, results[part.ecosystem], home) for part in parts for folder in part.path]


def installed_at(info: EnvironmentInfo, part: Part) -> str:
    """Where the commands of an environment see what was installed for an ecosystem."""
    return mounts.result_place(part.ecosystem) if info.backend == "bubblewrap" else part.location


def filled(text: str, result: str, home: str) -> str:
    """A text of a part with the folders of one environment in it."""
    return text.replace("{result}", result).replace("{home}", home)


def place_paths(parts: Iterable[Part]) -> tuple[str, ...]:
    """The paths of the work folder that belong to the environment."""
    return tuple(place.target for part in parts for place in part.places)


def make_places(work: Path, targets: Iterable[str], owner: int | None) -> None:
    """Make the folders that installed ones are laid over."""
    for target in targets:
        with open_below(work, PurePosixPath(target).parts, create=True, owner=owner):
            pass


def copy_seeds(parts: Iterable[Part], home: Path, owner: int | None) -> None:
    """Copy what each environment has for itself into its home."""
    for part in parts:
        for seed in part.seeds:
            make_places(home, [str(PurePosixPath(seed.target))], owner)
            copy_folder(Path(part.location) / seed.source, home / seed.target, owner)


def copy_places(parts: Sequence[Part], work: Path, owner: int | None) -> None:
    """Copy installed folders into the work folder, where they cannot be laid over it."""
    make_places(work, place_paths(parts), owner)
    for part in parts:
        for place in part.places:
            copy_folder(Path(part.location) / place.source, work / place.target, owner)


def copy_folder(source: Path, target: Path, owner: int | None) -> None:
    """Copy what a folder of ours holds into another one that is there; raises LaunchFailed."""
    commands: list[tuple[str, ...]] = [
        ("cp", "-a", "--reflink=auto", "--no-preserve=ownership", f"{source}/.", str(target))
    ]
    if owner is not None:
        commands.append(("chown", "-R", "-h", f"{owner}:{owner}", str(target)))
    for argv in commands:
        finished = run_tool(argv, {"PATH": os.defpath}, seconds=_COPY_SECONDS)
        if finished.exit_code != 0:
            raise LaunchFailed(f"{source} could not be copied: {finished.text.strip()[-300:]}", "look for a full disk")
