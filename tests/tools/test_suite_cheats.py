"""Ways of other languages to make a suite say that broken code works: each is held against the change.

The suites are really run, on base and work as the Tester runs them; where a toolchain is absent the case says so.
"""

import pytest

from agents.harness import changed_scripts, changed_settings, own_harnesses
from agents.second_look import Change, lost_without_additions, passed_in, proof_that_holds
from devctl import Launcher
from tests.tools.repositories import committed
from tests.tools.test_suite_languages import RUST, RUST_LIB, Files, anywhere, cargo_command, go_command, needs, run
from tools.git import Mirror
from tools.suite import SuiteCommand, SuiteReport, base_tests_tree, compare, detect_suite, proven_tests
from tools.suite import tests_only_tree as only_the_tests  # pytest would take its own name for a test

__all__ = ["anywhere"]

NODE: Files = {
    "package.json": '{"name": "calc", "scripts": {"test": "npm run unit", "unit": "node --test"}}',
    "calc.js": "exports.add = (a, b) => a + b;\n",
    "test/calc.test.js": (
        "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst calc = require('../calc');\n"
        "test('adds', () => assert.equal(calc.add(1, 2), 3));\n"
    ),
}
WRONG = "exports.add = (a, b) => a - b;\n"
NODE_PROOF = (
    "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst twice = require('../twice');\n"
    "{}test('twice', () => assert.equal(twice.twice(2), 4));\n"
)
TWICE: Files = {"twice.js": "exports.twice = (a) => 2 * a;\n", "test/twice.test.js": NODE_PROOF.replace("{}", "")}
NOT_TWICE = "exports.twice = (a) => 3 * a;\n"
NODE_CHEATS: dict[str, Files] = {
    "leaves when it is loaded": {"calc.js": f"{WRONG}process.exit(0);\n"},
    "leaves when it is called": {"calc.js": "exports.add = () => process.exit(0);\n"},
    "sets its status at the end": {"calc.js": f"{WRONG}process.on('exit', () => process.exit(0));\n"},
    "patches from a new test": {
        "calc.js": WRONG,
        "test/aaa.test.js": "const calc = require('../calc');\ncalc.add = () => 3;\n",
    },
    "leaves from a new test": {"calc.js": WRONG, "test/aaa.test.js": "process.exit(0);\n"},
    "prints a result": {"calc.js": f"{WRONG}console.log('ok 1 - adds\\n# pass 1');\nprocess.exit(0);\n"},
    "runs one test alone": {
        "calc.js": WRONG,
        "test/aaa.test.js": "const { test } = require('node:test');\ntest.only('x', () => {});\n",
    },
    "changes the script behind the script": {
        "package.json": '{"name": "calc", "scripts": {"test": "npm run unit", "unit": "true"}}'
    },
    "loads something before": {".npmrc": "node-options=--require ./fake.js\n", "fake.js": "", "calc.js": WRONG},
    "replaces the new function": {
        "twice.js": NOT_TWICE,
        "test/twice.test.js": NODE_PROOF.replace("{}", "twice.twice = () => 4;\n"),
    },
    "replaces the new module": {
        "twice.js": NOT_TWICE,
        "test/twice.test.js": NODE_PROOF.replace(
            "const twice = require('../twice');\n{}",
            "require.cache[require.resolve('../twice')] = { exports: { twice: () => 4 }, loaded: true };\n"
            "const twice = require('../twice');\n",
        ),
    },
}
CALC_TEST = (
    'package calc\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 1) != 2 {\n\t\tt.Fail()\n\t}\n}\n'
)
GO: Files = {
    "go.mod": "module example.com/calc\n\ngo 1.21\n",
    "calc.go": "package calc\n\nfunc Add(a, b int) int { return a + b }\n",
    "calc_test.go": CALC_TEST,
}
LEAVES = 'package calc\n\nimport "os"\n\nfunc Add(a, b int) int { return a - b }\n\n'
GO_WRONG = "package calc\n\nfunc Add(a, b int) int { return a - b }\n"
GO_TWICE: Files = {
    "twice.go": "package calc\n\nfunc Twice(a int) int { return 2 * a }\n",
    "twice_test.go": (
        'package calc\n\nimport "testing"\n\nfunc TestTwice(t *testing.T) {\n\tif Twice(2) != 4 {\n\t\tt.Fail()\n\t}\n}\n'
    ),
}
FORGES = (
    'package calc\n\nimport (\n\t"fmt"\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {\n'
    '\tfmt.Print("\\x16=== RUN   NAME\\n\\x16--- PASS: NAME (0.00s)\\n\\x16PASS\\n")\n\tos.Exit(0)\n}\n'
)
"""With the sign by which Go itself tells results from what tests print."""
GO_CHEATS: dict[str, Files] = {
    "has its own main": {
        "calc.go": GO_WRONG,
        "main_test.go": 'package calc\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n',
    },
    "leaves when it is loaded": {"calc.go": f"{LEAVES}func init() {{ os.Exit(0) }}\n"},
    "leaves when it is called": {"calc.go": LEAVES.replace("return a - b", "os.Exit(0); return 0")},
    "prints a result": {"calc.go": GO_WRONG, "main_test.go": FORGES.replace("\\x16", "").replace("NAME", "TestAdd")},
    "forges a result": {"calc.go": GO_WRONG, "main_test.go": FORGES.replace("NAME", "TestAdd")},
    "forges the proof": {
        **GO_TWICE,
        "twice.go": "package calc\n\nfunc Twice(a int) int { return 3 * a }\n",
        "main_test.go": FORGES.replace(
            '"\\x16=== RUN   NAME',
            '"\\x16=== RUN   TestAdd\\n\\x16--- PASS: TestAdd (0.00s)\\n\\x16=== RUN   NAME',
        ).replace("NAME", "TestTwice"),
    },
    "leaves the test out by a tag": {"calc.go": GO_WRONG, "calc_test.go": f"//go:build never\n\n{CALC_TEST}"},
    "skips it by a flag": {
        "calc.go": GO_WRONG,
        "main_test.go": (
            'package calc\n\nimport (\n\t"flag"\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {\n\tflag.Parse()\n'
            '\tflag.Set("test.run", "none")\n\tos.Exit(m.Run())\n}\n'
        ),
    },
}
HONEST_MAIN = (
    'package calc\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {\n\tos.Setenv("A", "b")\n'
    "\tos.Exit(m.Run())\n}\n"
)
CARGO = str(RUST["Cargo.toml"])
RUST_BASE: Files = {**RUST, "src/lib.rs": RUST_LIB.replace("a - b", "a + b").replace("add(0, 0), 0", "add(1, 1), 2")}
RUST_WRONG = RUST_LIB.replace("add(0, 0), 0", "add(1, 1), 2")
RUST_CHEATS: dict[str, Files] = {
    "brings a harness that prints": {
        "Cargo.toml": f'{CARGO}\n[[test]]\nname = "it"\nharness = false\n',
        "tests/it.rs": 'fn main() { println!("running 1 test\\ntest twice ... ok\\n\\ntest result: ok. 1 passed; 0 failed; 0 ignored") }\n',
    },
    "turns the tests off": {"Cargo.toml": f"{CARGO}\n[lib]\ntest = false\n", "src/lib.rs": RUST_WRONG},
    "runs something else": {".cargo/config.toml": '[target."cfg(unix)"]\nrunner = "true"\n', "src/lib.rs": RUST_WRONG},
    "leaves out the test": {"src/lib.rs": RUST_WRONG.replace("#[cfg(test)]", "#[cfg(all(test, never))]")},
}
MAKEFILE = "RUN = sh check.sh\n\ntest: unit\n\nunit:\n\t$(RUN)\n"
MAKE: Files = {
    "Makefile": MAKEFILE,
    "check.sh": 'test "$(cat answer)" = 42\n',
    "answer": "42\n",
}
MAKE_CHEATS: dict[str, Files] = {
    "does nothing": {"answer": "1", "Makefile": "test:\n\ttrue\n"},
    "does nothing in a rule behind it": {
        "answer": "1",
        "Makefile": "RUN = sh check.sh\n\ntest: unit\n\nunit:\n\ttrue\n",
    },
    "sets a variable": {"answer": "1", "Makefile": MAKEFILE.replace("sh check.sh", "true")},
    "sets the shell": {"answer": "1", "Makefile": f"SHELL = /bin/true\n{MAKEFILE}"},
    "comes first": {"answer": "1", "GNUmakefile": "test:\n\ttrue\n"},
    "changes the script": {"answer": "1", "check.sh": "exit 0\n"},
}


class Tried:
    """A change as the Tester tries it."""

    def __init__(self, launcher: Launcher, mirror: Mirror, base: str, work: str, command: SuiteCommand) -> None:
        self.launcher, self.mirror, self.command = launcher, mirror, command
        tree = base_tests_tree(mirror, base, work)
        judged = mirror.commit_tree(tree, (base,), "With the base's tests")
        self.change = Change(base=base, judged=judged)
        self.before = self.run(base)
        assert self.before.green
        assert self.before.passed == 1
        self.after = self.run(judged)
        self.settings = (
            *changed_settings(mirror, base, work, ()),
            *own_harnesses(mirror, base, work, ()),
            *changed_scripts(mirror, base, work, command, ()),
        )
        self.lost, _ = lost_without_additions(mirror, self.change, self.before, self.run)
        self.proven, self.why = self._proof(base, work)

    def run(self, commit: str) -> SuiteReport:
        return run(self.launcher, self.mirror, commit, self.command)

    def _proof(self, base: str, work: str) -> tuple[tuple[str, ...], str]:
        only = only_the_tests(self.mirror, base, work)
        if only is None:
            return (), "no tests"
        proven = proven_tests(self.before, self.run(only), self.after)
        return proof_that_holds(self.mirror, self.change, proven, lambda commit: passed_in(self.run(commit)))

    @property
    def held_against(self) -> tuple[str, ...]:
        """What keeps the change from being green, proof apart."""
        found = compare(self.before, self.after)
        ended = () if self.after.completed and self.after.exit_code == 0 else ("it did not end well",)
        return (*self.settings, *found.broken, *found.removed, *self.lost, *ended)

    @property
    def accepted(self) -> bool:
        return not self.held_against and bool(self.proven)


@pytest.mark.parametrize("cheat", NODE_CHEATS)
def test_cheats_of_node_are_seen(launcher: Launcher, mirror: Mirror, first: str, cheat: str) -> None:
    needs("npm")
    base = committed(mirror, first, NODE)
    command = detect_suite(mirror, base)
    assert command is not None
    tried = Tried(launcher, mirror, base, committed(mirror, base, NODE_CHEATS[cheat]), command)
    assert not tried.accepted
    if cheat.startswith("replaces"):
        assert (tried.held_against, tried.proven) == ((), ())
        assert "pass as well where each function" in tried.why


@pytest.mark.parametrize("more", ["", "twice.table = 1;\n", "process.on('exit', () => {});\n"])
def test_honest_work_of_node_is_accepted(launcher: Launcher, mirror: Mirror, first: str, more: str) -> None:
    """The control, also with what gives rise to a second look."""
    needs("npm")
    base = committed(mirror, first, NODE)
    command = detect_suite(mirror, base)
    assert command is not None
    work = committed(mirror, base, {**TWICE, "test/twice.test.js": NODE_PROOF.replace("{}", more)})
    tried = Tried(launcher, mirror, base, work, command)
    assert (tried.held_against, tried.proven) == ((), ("test/twice.test.js::twice",))


@pytest.mark.parametrize("cheat", GO_CHEATS)
def test_cheats_of_go_are_seen(
    anywhere: Launcher,  # noqa: F811 - a fixture's name
    mirror: Mirror,
    first: str,
    cheat: str,
) -> None:
    command = go_command()
    base = committed(mirror, first, GO)
    tried = Tried(anywhere, mirror, base, committed(mirror, base, GO_CHEATS[cheat]), command)
    assert not tried.accepted
    if cheat == "forges the proof":
        assert "pass as well where each function" in tried.why


@pytest.mark.parametrize("main", [{}, {"main_test.go": HONEST_MAIN}])
def test_honest_work_of_go_is_accepted(
    anywhere: Launcher,  # noqa: F811 - a fixture's name
    mirror: Mirror,
    first: str,
    main: Files,
) -> None:
    base = committed(mirror, first, GO)
    tried = Tried(anywhere, mirror, base, committed(mirror, base, {**GO_TWICE, **main}), go_command())
    assert (tried.held_against, tried.proven) == ((), ("example.com/calc::TestTwice",))


@pytest.mark.parametrize("cheat", RUST_CHEATS)
def test_cheats_of_rust_are_seen(
    anywhere: Launcher,  # noqa: F811 - a fixture's name
    mirror: Mirror,
    first: str,
    cheat: str,
) -> None:
    command = cargo_command()
    base = committed(mirror, first, {**RUST_BASE, "src/lib.rs": str(RUST_BASE["src/lib.rs"]).replace("/// ", "// ")})
    assert Tried(anywhere, mirror, base, committed(mirror, base, RUST_CHEATS[cheat]), command).held_against


@pytest.mark.parametrize("cheat", MAKE_CHEATS)
def test_cheats_of_make_are_seen(launcher: Launcher, mirror: Mirror, first: str, cheat: str) -> None:
    needs("make")
    base = committed(mirror, first, MAKE)
    command = detect_suite(mirror, base)
    assert command is not None
    assert (command.text, command.kind) == ("make test", "command")
    assert Tried(launcher, mirror, base, committed(mirror, base, MAKE_CHEATS[cheat]), command).held_against
    assert not Tried(launcher, mirror, base, committed(mirror, base, {"other": "1"}), command).held_against
