"""Make the metadata of the project in a folder known to the environment's Python.

Usage: project_metadata.py TREE SITE. The project's own build backend writes its dist-info from a copy of the
tree (some backends leave files behind), so that versions, entry points and plugins are found; commands get
small scripts in SITE/bin. The code itself is imported from the tree, through `paths.txt`.
"""

import configparser
import contextlib
import importlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "venv", "node_modules", "__pycache__", "*.pyc", ".tox", "build")


def main() -> int:
    """Write paths, metadata and scripts; the stamp comes first: a failure is not repeated."""
    tree, site = Path(sys.argv[1]), Path(sys.argv[2])
    site.mkdir(parents=True, exist_ok=True)
    (site / ".made").touch()
    settings = _settings(tree)
    (site / "paths.txt").write_text("".join(f"{path}\n" for path in _code_folders(tree, settings)))
    for old in site.glob("*.dist-info"):
        shutil.rmtree(old)
    shutil.rmtree(site / "bin", ignore_errors=True)
    _write_metadata(tree, site, settings.get("build-system", {}))
    _write_scripts(site)
    return 0


def _settings(tree: Path) -> "dict[str, Any]":
    path = tree / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        toml: Any = importlib.import_module("tomllib")
    except ImportError:
        toml = importlib.import_module("pip._vendor.tomli")
    found: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8"))
    return found


def _code_folders(tree: Path, settings: "dict[str, Any]") -> "list[Path]":
    """Where the tree keeps what can be imported: declared folders, `src`, the tree itself."""
    setuptools = settings.get("tool", {}).get("setuptools", {})
    declared: list[str] = []
    if isinstance(setuptools.get("package-dir"), dict):
        declared.append(str(setuptools["package-dir"].get("", "")))
    packages = setuptools.get("packages", {})
    if isinstance(packages, dict):
        declared += packages.get("find", {}).get("where", [])
    folders = [tree / name for name in [*declared, "src", "."] if name and (tree / name).is_dir()]
    return list(dict.fromkeys(folders))


def _write_metadata(tree: Path, site: Path, system: "dict[str, Any]") -> None:
    name = system.get("build-backend", "setuptools.build_meta:__legacy__")
    module, _, attribute = name.partition(":")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "tree"
        shutil.copytree(tree, copy, symlinks=True, ignore=LEFT_OUT)
        if (tree / ".git").exists():
            (copy / ".git").symlink_to(tree / ".git")
        os.chdir(copy)
        sys.path[:0] = [str(copy / part) for part in system.get("backend-path", [])]
        backend: Any = importlib.import_module(module)
        for part in filter(None, attribute.split(".")):
            backend = getattr(backend, part)
        written = Path(scratch) / "written"
        written.mkdir()
        backend.prepare_metadata_for_build_wheel(str(written))
        for made in written.glob("*.dist-info"):
            shutil.copytree(made, site / made.name)


def _write_scripts(site: Path) -> None:
    """Write a script for each console command that the metadata declares."""
    folder = site / "bin"
    for declared in site.glob("*.dist-info/entry_points.txt"):
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign] # names of commands keep their case
        parser.read_string(declared.read_text(encoding="utf-8"))
        for name, target in parser["console_scripts"].items() if parser.has_section("console_scripts") else ():
            module, _, attribute = target.partition("[")[0].strip().partition(":")
            folder.mkdir(exist_ok=True)
            script = folder / Path(name).name
            first = (attribute or "main").partition(".")[0]
            call = f"sys.exit({attribute or 'main'}())"
            script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {first}\n{call}\n")
            script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
