"""The linters of a repository's own languages."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl import Launcher
from tests.tools.repositories import committed
from tools import lint_readers
from tools.git import Mirror
from tools.lint_project import ProjectLinter, lint_project, project_linters
from tools.lint_report import LintFinding, LintReport
from tools.worktree import open_worktree

Files = dict[str, bytes | str | None]
ESLINT = [
    {
        "filePath": "/work/src/a.js",
        "messages": [
            {"ruleId": "no-unused-vars", "severity": 2, "message": "'a' is never used.", "line": 1, "column": 7},
            {"ruleId": None, "fatal": True, "severity": 2, "message": "Parsing error", "line": 2, "column": 1},
        ],
        "errorCount": 2,
    }
]
BIOME = (
    "::error title=lint/suspicious/noDoubleEquals,file=/work/src/a.js,line=2,endLine=2,col=7::Using == may be unsafe.\n"
    "::warning title=parse,file=src/c.js,line=x::no number\nChecked 2 files\n"
)
TSC = "src/b.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'.\nFound 1 error.\n"
VET = "# example.com/m/d\nvet: d/d.go:5:15: undefined: nix\n./e.go:2: self-assignment\n"
NODE = "/work/src/c.js:2\n\n\n\nSyntaxError: Unexpected end of input\n    at checkSyntax (node:internal:74:5)\n"
GOFMT = """diff ./d/d.go.orig ./d/d.go
--- ./d/d.go.orig
+++ ./d/d.go
@@ -1,4 +1,5 @@
 package d
+
 import "fmt"
-func  A() {
+func A() {
 }
"""
RUSTFMT = """Diff in /work/src/lib.rs:2:
 /// Adds.
-pub fn add(a: i32) -> i32 { a }
+pub fn add(a: i32) -> i32 {
+    a
+}
 mod x;
"""
CLIPPY = json.dumps(
    {
        "reason": "compiler-message",
        "message": {
            "message": "unneeded `return` statement",
            "level": "warning",
            "code": {"code": "clippy::needless_return"},
            "spans": [{"file_name": "src/lib.rs", "line_start": 14, "is_primary": True}],
        },
    }
)


def rows(found: list[LintFinding]) -> list[tuple[str, int, str, str]]:
    return [(one.path, one.line, one.rule, one.severity) for one in found]


def test_each_linters_words_become_findings() -> None:
    assert rows(lint_readers.eslint(json.dumps(ESLINT), "/work")) == [
        ("src/a.js", 1, "no-unused-vars", "medium"),
        ("src/a.js", 2, "syntax", "high"),
    ]
    assert rows(lint_readers.biome(BIOME, "/work")) == [("src/a.js", 2, "lint/suspicious/noDoubleEquals", "medium")]
    assert rows(lint_readers.tsc(TSC, "/work")) == [("src/b.ts", 1, "TS2322", "high")]
    assert rows(lint_readers.vet(VET, "/work")) == [("d/d.go", 5, "vet", "medium"), ("e.go", 2, "vet", "medium")]
    assert rows(lint_readers.node(NODE, "/work")) == [("src/c.js", 2, "syntax", "high")]
    assert lint_readers.node(NODE.replace("Unexpected end of input", "Unexpected token 'export'"), "/work") == []
    assert rows(lint_readers.gofmt(GOFMT, "/work")) == [("d/d.go", 1, "gofmt", "low"), ("d/d.go", 3, "gofmt", "low")]
    assert rows(lint_readers.rustfmt(RUSTFMT, "/work")) == [("src/lib.rs", 3, "rustfmt", "low")]
    assert rows(lint_readers.clippy(f"{CLIPPY}\n[]\n{{}}\n", "/work")) == [
        ("src/lib.rs", 14, "clippy::needless_return", "medium")
    ]


READERS = (
    lint_readers.eslint, lint_readers.biome, lint_readers.tsc, lint_readers.vet, lint_readers.node,
    lint_readers.gofmt, lint_readers.rustfmt, lint_readers.clippy,
)  # fmt: skip
LINES = [line for text in (BIOME, TSC, VET, NODE, GOFMT, RUSTFMT, CLIPPY) for line in text.splitlines()]


@given(st.text() | st.lists(st.sampled_from(LINES) | st.text()).map("\n".join))
def test_any_output_is_read(output: str) -> None:
    for read in READERS:
        assert all(found.line >= 1 and found.rule for found in read(output, "/work"))


def test_linters_are_chosen_by_the_changed_files_and_the_configuration(mirror: Mirror, first: str) -> None:
    files: Files = {
        "web/package.json": "{}",
        "web/eslint.config.js": "",
        "web/src/a.ts": "x",
        "go.mod": "module x",
        "a/a.go": "package a",
        "lib/Cargo.toml": "",
        "lib/src/lib.rs": "",
        "tool/package.json": "{}",
        "tool/a.js": "1",
        "lone.js": "1",
    }
    chosen = project_linters(mirror, first, committed(mirror, first, files))
    assert [(one.name, one.folder) for one in chosen] == [
        ("node", "tool"),
        ("eslint", "web"),
        ("gofmt", ""),
        ("vet", ""),
        ("clippy", "lib"),
        ("rustfmt", "lib"),
    ]


def test_findings_on_changed_lines_are_kept_and_absent_programs_are_noted(
    launcher: Launcher, mirror: Mirror, first: str
) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed here")
    files: Files = {
        "package.json": '{"devDependencies": {"typescript": "5"}}',
        "tsconfig.json": "{}",
        "a.ts": "x",
        "sub dir/package.json": "{}",
        "sub dir/b c.js": "let a = (\n",
        "sub dir/good.js": "let a = 1;\n",
    }
    commit = committed(mirror, first, files)
    linters = project_linters(mirror, first, commit)
    changed = {**mirror.changed_lines(first, commit), "sub dir/b c.js": frozenset({1, 2})}
    with open_worktree(launcher, mirror, commit) as worktree:
        report = lint_project(worktree, linters, changed)
        empty = lint_project(worktree, linters, {})
    assert [(found.path, found.tool) for found in report.findings] == [("sub dir/b c.js", "node")]
    assert report.notes == ("tsc is not in the environment and was not run",)
    assert (report.verdict, report.files) == ("lint: 1 from node, 1 of them high", 2)
    assert empty.findings == ()


def test_go_is_looked_at_by_its_own_tools(launcher: Launcher, mirror: Mirror, first: str) -> None:
    places = (shutil.which("gofmt"), "/usr/local/go/bin/gofmt")
    folder = next((str(Path(place).parent) for place in places if place and Path(place).exists()), None)
    if folder is None:
        pytest.skip("gofmt is not installed here")
    base = committed(mirror, first, {"go.mod": "module x\n", "a.go": "package a\n\nvar  old = 1\n"})
    commit = committed(mirror, base, {"a.go": "package a\n\nvar  old = 1\n\nvar  new = 1\n"})
    linters = tuple(
        one._replace(command=f"PATH={folder}:$PATH; {one.command}") for one in project_linters(mirror, base, commit)
    )
    gofmt = tuple(one for one in linters if one.name == "gofmt")
    with open_worktree(launcher, mirror, commit) as worktree:
        report = lint_project(worktree, gofmt, mirror.changed_lines(base, commit))
    lines = {found.line for found in report.findings}
    assert 5 in lines
    assert 3 not in lines  # as badly formatted, and not of this change


def test_a_linter_that_says_too_much_is_left_out(launcher: Launcher, mirror: Mirror, first: str) -> None:
    loud = ProjectLinter("vet", "yes a.go:1: x | head -n 400000", lint_readers.vet, ("a.go",))
    with open_worktree(launcher, mirror, first) as worktree:
        report = lint_project(worktree, (loud,), {"a.go": frozenset({1})})
    assert (report.findings, report.verdict) == ((), "lint: no linter looked at the change")
    assert LintReport().verdict == "lint: no file is changed that a linter reads"
