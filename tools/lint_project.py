"""The linters of a repository's own languages, run in its environment, where the repository's code may run too.

Only what is there is run: eslint and biome where the repository has and configures them, the compilers' own checks
where the toolchain is in the environment. What they say is believed as much as a test's output: it informs a review.
"""

import shlex
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from tools import lint_readers
from tools.lint_report import LintFinding, LintReport
from tools.mirror import Mirror
from tools.worktree import WorkTree

SECONDS = 180.0
FILES = 300
"""The most files named in one call; there is no second one."""
_SCRIPT = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_ESLINT = ("eslint.config.js", "eslint.config.mjs", "eslint.config.cjs", "eslint.config.ts", ".eslintrc.js",
           ".eslintrc.cjs", ".eslintrc.json", ".eslintrc.yml", ".eslintrc.yaml", ".eslintrc")  # fmt: skip
_HERE = "command -v {0} >/dev/null 2>&1 || exit 127; "
_INSTALLED = "[ -x node_modules/.bin/{0} ] || exit 127; "
_ABSENT = 127

Reader = Callable[[str, str], list[LintFinding]]


class ProjectLinter(NamedTuple):
    """One linter on one change."""

    name: str
    command: str
    """For a shell in `folder`; it exits with 127 where the program is not there."""
    read: Reader
    """Makes findings of the output and the root of the work tree; paths are relative to `folder`."""
    files: tuple[str, ...]
    """The changed files that it is about, relative to the root."""
    folder: str = ""


def project_linters(mirror: Mirror, base: str, commit: str) -> tuple[ProjectLinter, ...]:
    """The linters that a change asks for, by its files and by what the repository configures."""
    there = {entry.path for entry in mirror.files(commit)}
    changed = [path for path in sorted(mirror.changed_lines(base, commit)) if path in there]
    return (*_of_scripts(changed, there), *_of_go(changed, there), *_of_rust(changed, there))


def lint_project(
    worktree: WorkTree, linters: tuple[ProjectLinter, ...], changed: Mapping[str, frozenset[int]]
) -> LintReport:
    """Run linters in a work tree and keep what they say of changed lines; raises WorkTreeLost."""
    findings: set[LintFinding] = set()
    notes: list[str] = []
    looked_at: set[str] = set()
    for linter in linters:
        enter = f"cd {shlex.quote(linter.folder)} && " if linter.folder else ""
        result = worktree.exec(f"{enter}{{ {linter.command}; }}", seconds=SECONDS)
        if result.exit_code == _ABSENT:
            notes.append(f"{linter.name} is not in the environment and was not run")
        elif result.timed_out or result.truncated:
            notes.append(f"{linter.name} took too long or said too much; what it says is left out")
        else:
            found = linter.read(result.output, str(PurePosixPath(worktree.workdir, linter.folder)))
            findings |= {_placed(one, linter.folder) for one in found}
            looked_at |= set(linter.files)
    kept = [found for found in findings if found.line in changed.get(found.path, frozenset())]
    return LintReport(files=len(looked_at), notes=tuple(notes)).joined(LintReport(findings=tuple(kept)))


def _placed(found: LintFinding, folder: str) -> LintFinding:
    path = str(PurePosixPath(folder, found.path))
    return found.model_copy(update={"path": path})


def _of_scripts(changed: list[str], there: set[str]) -> list[ProjectLinter]:
    found: list[ProjectLinter] = []
    for folder, files in _by_project(changed, there, _SCRIPT, "package.json").items():
        names = _quoted(files, folder)
        made = []
        if any(str(PurePosixPath(folder, name)) in there for name in _ESLINT):
            command = f"{_INSTALLED.format('eslint')}node_modules/.bin/eslint --format json --no-color {names}"
            made.append(ProjectLinter("eslint", f"{command} 2>/dev/null", lint_readers.eslint, files, folder))
        if any(str(PurePosixPath(folder, name)) in there for name in ("biome.json", "biome.jsonc")):
            command = f"{_INSTALLED.format('biome')}node_modules/.bin/biome lint --reporter=github {names}"
            made.append(ProjectLinter("biome", command, lint_readers.biome, files, folder))
        if str(PurePosixPath(folder, "tsconfig.json")) in there:
            command = f"{_INSTALLED.format('tsc')}node_modules/.bin/tsc --noEmit --pretty false"
            made.append(ProjectLinter("tsc", command, lint_readers.tsc, files, folder))
        plain = tuple(path for path in files if path.endswith((".js", ".mjs", ".cjs")))
        if plain and not made:
            loop = f'for file in {_quoted(plain, folder)}; do node --check "$file" 2>&1; done'
            made.append(ProjectLinter("node", _HERE.format("node") + loop, lint_readers.node, plain, folder))
        found += made
    return found


def _of_go(changed: list[str], there: set[str]) -> list[ProjectLinter]:
    found = []
    for folder, files in _by_project(changed, there, (".go",), "go.mod").items():
        packages = sorted({f"./{PurePosixPath(path).relative_to(folder or '.').parent}" for path in files})
        names = _quoted(files, folder)
        found += [
            ProjectLinter("gofmt", f"{_HERE.format('gofmt')}gofmt -d {names}", lint_readers.gofmt, files, folder),
            ProjectLinter(
                "vet",
                f"{_HERE.format('go')}go vet {shlex.join(packages[:FILES])} 2>&1",
                lint_readers.vet,
                files,
                folder,
            ),
        ]
    return found


def _of_rust(changed: list[str], there: set[str]) -> list[ProjectLinter]:
    found = []
    for folder, files in _by_project(changed, there, (".rs",), "Cargo.toml").items():
        clippy = f"{_HERE.format('cargo-clippy')}cargo clippy --offline --all-targets --message-format json 2>/dev/null"
        style = f"{_HERE.format('cargo-fmt')}cargo fmt --check -- --color never"
        found += [
            ProjectLinter("clippy", clippy, lint_readers.clippy, files, folder),
            ProjectLinter("rustfmt", style, lint_readers.rustfmt, files, folder),
        ]
    return found


def _by_project(
    changed: list[str], there: set[str], endings: tuple[str, ...], manifest: str
) -> dict[str, tuple[str, ...]]:
    """The changed files of a language by the nearest folder above them that holds the manifest."""
    found: dict[str, list[str]] = {}
    for path in changed:
        if not path.endswith(endings) or not path.isprintable():
            continue
        above = [parent for parent in PurePosixPath(path).parents if str(parent / manifest) in there]
        if above:
            folder = "" if str(above[0]) == "." else str(above[0])
            found.setdefault(folder, []).append(path)
    return {folder: tuple(paths[:FILES]) for folder, paths in found.items()}


def _quoted(files: tuple[str, ...], folder: str) -> str:
    """The files for a shell in `folder`; none looks like an option."""
    return shlex.join(f"./{PurePosixPath(path).relative_to(folder or '.')}" for path in files)
