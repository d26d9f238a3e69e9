"""Folders of sources for the tests."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devctl import DevctlSettings
from devctl.sources import Overrides, Resolved, resolve

DEFAULT_IMAGE = "default-image:1"


def settings_in(folder: Path, **given: object) -> DevctlSettings:
    """Settings with a folder of their own."""
    values = {"folder": folder / "devctl", "docker_image": DEFAULT_IMAGE, **given}
    return DevctlSettings.from_environment({"HOME": str(folder), "PATH": "/usr/bin:/bin", "USER": "ada"}, **values)


def write(folder: Path, files: Mapping[str, object]) -> Path:
    """Write files by their path; what is no text is written as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return folder


def follow(
    folder: Path, config: object, overrides: Overrides | None = None, files: Mapping[str, object] | None = None
) -> Resolved:
    """Resolve a folder with this devcontainer.json."""
    tree = write(folder / "shop", {".devcontainer/devcontainer.json": config, **(files or {})})
    return resolve(str(tree), overrides=overrides, settings=settings_in(folder))


def git(folder: Path, *words: str) -> str:
    """Run git for a test and return what it prints."""
    program = shutil.which("git") or "git"
    env = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run([program, *who, *words], cwd=folder, env=env, check=True, capture_output=True, text=True)  # noqa: S603 - a fixed program
    return done.stdout.strip()
