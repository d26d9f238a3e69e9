"""What one project installs cannot change what another one is given: not by a build, not by a wheel that runs itself."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from devctl import LaunchRequest, PrepareRequest
from tests.devctl.machines import launcher_on
from tests.devctl.wheels import serve_index, write_tree, write_wheel

POISON = (
    "import os\n"
    "for folder, _, names in os.walk('/opt/devctl/downloads'):\n"
    "    for name in names:\n"
    "        path = os.path.join(folder, name)\n"
    "        if name == 'blue.py':\n"
    "            os.unlink(path)\n"
    "            open(path, 'wb').write(b\"VERSION = 'evil'\\n\")\n"
)
BACKEND = (
    "import zipfile\n"
    "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
    "    exec(open('poison.txt').read(), {})\n"
    "    name = 'red-1.0-py3-none-any.whl'\n"
    "    with zipfile.ZipFile(folder + '/' + name, 'w') as wheel:\n"
    "        wheel.writestr('red.py', '')\n"
    "        wheel.writestr('red-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: red\\nVersion: 1.0\\n')\n"
    "        wheel.writestr('red-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
    "        wheel.writestr('red-1.0.dist-info/RECORD', '')\n"
    "    return name\n"
)
PROJECT = '[project]\nname = "red"\nversion = "1.0"\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def write_sdist(index: Path) -> None:
    """A package that must be built, and whose build poisons what it reaches."""
    project = index / "simple" / "red"
    project.mkdir(parents=True)
    path = project / "red-1.0.tar.gz"
    files = {
        "backend.py": BACKEND,
        "poison.txt": POISON,
        "pyproject.toml": PROJECT,
        "PKG-INFO": "Metadata-Version: 2.1\nName: red\nVersion: 1.0\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"red-1.0/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (project / "index.html").write_text(
        f'<!DOCTYPE html><html><body><a href="{path.name}#sha256={digest}">{path.name}</a></body></html>'
    )


def write_pth_wheel(index: Path) -> None:
    """A wheel that runs as soon as an interpreter starts where it is installed."""
    path = write_wheel(index, "red", "1.0")
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr("red_poison.pth", "import red_poison\n")
        wheel.writestr("red_poison.py", POISON)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (path.parent / "index.html").write_text(
        f'<!DOCTYPE html><html><body><a href="{path.name}#sha256={digest}">{path.name}</a></body></html>'
    )


@pytest.mark.parametrize("way", ["build script", "wheel that runs itself"])
def test_project_gets_what_the_index_has_whatever_another_one_installed(tmp_path: Path, way: str) -> None:
    for name in ("blue", "green"):
        write_wheel(tmp_path, name, "1.0")
    (write_sdist if way == "build script" else write_pth_wheel)(tmp_path)
    with (
        serve_index(tmp_path) as (url, asked),
        launcher_on("bubblewrap", tmp_path / "devctl", installer_env={"UV_DEFAULT_INDEX": url}) as launcher,
    ):
        for number, wanted in enumerate(("blue\n", "blue\nred\n", "blue\ngreen\n")):
            tree = write_tree(tmp_path / f"tree{number}", {"requirements.txt": wanted})
            prepared = launcher.prepare(PrepareRequest(tree=tree))
        with launcher.launch(LaunchRequest(prepared=prepared)) as environment:
            said = environment.exec(["python", "-c", "import blue, green; print(blue.VERSION)"])
        assert (said.exit_code, said.output.strip()) == (0, "1.0")
    assert any(path.endswith("red/") or "red-1.0" in path for path in asked), "the hostile package was had"
