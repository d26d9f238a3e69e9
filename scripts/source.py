"""The project's own files, as git knows them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("roadcrew", "agents", "tools", "devctl", "graph", "forge", "policies", "prompts", "specs", "local")


def project_files(root: Path = ROOT) -> list[Path]:
    """Return the files that git tracks or would track, relative to the root and sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
        timeout=60,
    )
    paths = {Path(name) for name in listed.stdout.decode().split("\0") if name}
    return sorted(path for path in paths if (root / path).is_file())


def python_files(root: Path = ROOT) -> list[Path]:
    """Return the project's own Python modules; not those of fixture repositories."""
    return [path for path in project_files(root) if path.suffix == ".py" and "fixtures" not in path.parts]
