"""A change as the policy judges it: files with their modes and sizes, packages that it adds."""

from __future__ import annotations

from agents.declared_packages import is_declaring, packages_in, requirements_in
from policies import FileChange
from tools.errors import ObjectMissing
from tools.mirror import Mirror
from tools.patch import ChangedFile

LINK_MODE = "120000"


def file_changes(mirror: Mirror, base: str, commit: str) -> tuple[FileChange, ...]:
    """Return the files in which two commits differ."""
    sizes = {entry.path: entry.size for entry in mirror.files(commit)}
    return tuple(_file_change(mirror, commit, file, sizes) for file in mirror.changed_files(base, commit))


def new_packages(mirror: Mirror, base: str, commit: str) -> tuple[str, ...]:
    """Return the normalised names of packages that a change declares and its base does not.

    Names of other languages than Python carry their registry: `npm:left-pad`, `go:…`, `cargo:…`, `maven:…`.
    """
    return tuple(sorted(_declared(mirror, commit) - _declared(mirror, base)))


def _file_change(mirror: Mirror, commit: str, file: ChangedFile, sizes: dict[str, int]) -> FileChange:
    kinds = {"added": "added", "deleted": "deleted"}
    mode = file.old_mode if file.status == "deleted" else file.new_mode
    target = None
    if mode == LINK_MODE and file.status != "deleted":
        target = mirror.read(commit, file.path).decode("utf-8", "replace")
    return FileChange.model_validate(
        {
            "path": file.path,
            "mode": mode,
            "kind": kinds.get(file.status, "modified"),
            "size": sizes.get(file.path, 0) or 0,
            "link_target": target,
            "binary": file.binary,
        }
    )


def _declared(mirror: Mirror, commit: str) -> set[str]:
    """Return the names in all dependency files of a commit."""
    return packages_in(_dependency_files(mirror, commit))


def declared_requirements(mirror: Mirror, commit: str) -> set[str]:
    """Return what all dependency files of a commit ask for, with versions."""
    return requirements_in(_dependency_files(mirror, commit))


def _dependency_files(mirror: Mirror, commit: str) -> dict[str, str]:
    wanted = [entry.path for entry in mirror.files(commit) if is_declaring(entry.path)]
    try:
        texts = mirror.read_many(commit, wanted)
    except ObjectMissing:
        return {}
    return {path: content.decode("utf-8", "replace") for path, content in texts.items()}
