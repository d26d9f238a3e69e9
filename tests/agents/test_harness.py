"""What of a change is about how tests are run, on a real repository."""

from pathlib import Path

import pytest

from agents.harness import changed_scripts, changed_settings, own_harnesses, without_hooks
from tests.tools.repositories import committed, new_remote, seeded
from tools.mirror import Mirror
from tools.suites.command import command_of

BASE = {
    "pyproject.toml": '[project]\ndependencies = ["a"]\n[tool.pytest.ini_options]\naddopts = "-q"\n',
    "setup.cfg": "[metadata]\nname = x\n",
    "package.json": '{"scripts": {"test": "node --test", "lint": "x"}}',
    "Makefile": "all:\n\ttrue\ntest:\n\tpytest\n",
    "tests/test_x.py": "",
    "Cargo.toml": '[package]\nname = "a"\n\n[dependencies]\nb = "1"\n',
    "pom.xml": "<project><version>1</version><build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId>"
    "</plugin></plugins></build></project>",
    "build.gradle": "plugins { id 'java' }\ndependencies {\n  testImplementation 'junit:junit:4'\n}\ntest {\n  useJUnitPlatform()\n}\n",
    "vite.config.ts": "export default { plugins: [], test: { include: ['**'] } }\n",
    "go.mod": "module a\n\nrequire github.com/x/testify v1.0.0\n",
}


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", BASE["pyproject.toml"].replace('["a"]', '["a", "b"]')),
        ("setup.cfg", "[metadata]\nname = y\n[flake8]\nmax-line-length = 100\n"),
        ("package.json", '{"scripts": {"test": "node --test", "lint": "y"}, "dependencies": {"a": "1"}}'),
        ("Makefile", BASE["Makefile"].replace("true", "false")),
        ("src/json.py", ""),
        ("mail.py", ""),
        ("Makefile", BASE["Makefile"] + "lint:\n\truff\n"),
        ("Cargo.toml", BASE["Cargo.toml"] + 'c = "1"\n\n[[bin]]\nname = "x"\n\n[[test]]\nname = "it"\n'),
        ("pom.xml", BASE["pom.xml"].replace("<version>1", "<version>2")),
        ("build.gradle", BASE["build.gradle"].replace("junit:4", "junit:5")),
        ("vite.config.ts", BASE["vite.config.ts"].replace("[]", "[react()]")),
        ("go.mod", BASE["go.mod"] + "require github.com/x/y v1.0.0\n\nreplace github.com/x/y => ../y\n"),
        (".npmrc", "fund=false\n"),
        ("src/main/java/org/shop/Shop.java", ""),
        ("docs/extensions.xml", ""),
        ("setup.py", "from setuptools import setup\nsetup(name='a')\n"),
    ],
)
def test_other_parts_of_a_file_may_change(mirror: Mirror, path: str, text: str) -> None:
    base = committed(mirror, seeded(mirror), BASE)
    assert changed_settings(mirror, base, committed(mirror, base, {path: text}), ()) == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", BASE["pyproject.toml"].replace("-q", "--co")),
        ("pyproject.toml", None),
        ("pyproject.toml", "[tool.pytest"),
        ("setup.cfg", "[tool:pytest]\naddopts = --co\n"),
        ("sub/tox.ini", "[testenv]\ncommands = true\n"),
        ("package.json", '{"scripts": {"test": "exit 0"}}'),
        ("package.json", '{"scripts": {"test": "node --test", "pretest": "exit 0"}}'),
        ("Makefile", BASE["Makefile"].replace("pytest", "true")),
        (".pytest.ini", ""),
        ("web/vitest.config.ts", ""),
        ("_pytest/__init__.py", ""),
        ("json.py", ""),
        ("hypothesis/__init__.py", ""),
        ("Makefile", BASE["Makefile"] + "SHELL = /bin/true\n"),
        ("GNUmakefile", "test:\n\ttrue\n"),
        ("package.json", BASE["package.json"].replace('node --test"', 'node --test --import ./a.mjs"')),
        (".npmrc", "node-options=--require ./a.js\n"),
        (".yarnrc.yml", "yarnPath: ./evil.cjs\n"),
        ("bunfig.toml", '[test]\npreload = ["./a.ts"]\n'),
        ("jest.setup.js", ""),
        ("src/setupTests.ts", ""),
        ("vite.config.ts", BASE["vite.config.ts"].replace("**", "none")),
        ("Cargo.toml", BASE["Cargo.toml"] + '[[test]]\nname = "it"\nharness = false\n'),
        ("Cargo.toml", BASE["Cargo.toml"] + "[lib]\ntest = false\n"),
        (".cargo/config.toml", '[target."cfg(unix)"]\nrunner = "true"\n'),
        ("rust-toolchain.toml", '[toolchain]\npath = "evil"\n'),
        ("pom.xml", BASE["pom.xml"].replace("</plugin>", "<configuration><skip>true</skip></configuration></plugin>")),
        ("pom.xml", BASE["pom.xml"].replace("<build>", "<properties><skipTests>true</skipTests></properties><build>")),
        ("pom.xml", "<project"),
        (".mvn/maven.config", "-DskipTests"),
        ("build.gradle", BASE["build.gradle"].replace("useJUnitPlatform()", "enabled = false")),
        ("build.gradle", BASE["build.gradle"] + "tasks.withType(Test) { ignoreFailures = true }\n"),
        ("gradle.properties", "systemProp.skipTests=true\n"),
        ("src/test/resources/junit-platform.properties", ""),
        ("src/test/resources/META-INF/services/org.junit.platform.launcher.LauncherSessionListener", "evil.A"),
        ("src/test/java/org/junit/jupiter/api/Assertions.java", ""),
        ("go.mod", BASE["go.mod"] + "replace github.com/x/testify => ./fake\n"),
        ("node_modules/mocha/index.js", ""),
        ("setup.py", "setup(entry_points={'pytest11': ['x = evil']})\n"),
    ],
)
def test_what_decides_how_tests_are_run_may_not_unless_the_plan_lets_it(
    mirror: Mirror, path: str, text: str | None
) -> None:
    base = committed(mirror, seeded(mirror), BASE)
    commit = committed(mirror, base, {path: text})
    (told,) = changed_settings(mirror, base, commit, ())
    assert told.startswith(path)
    assert changed_settings(mirror, base, commit, (path,)) == ()


def test_hooks_that_are_added_are_taken_out(mirror: Mirror) -> None:
    base = committed(mirror, seeded(mirror), {**BASE, "conftest.py": "old"})
    added = {"tests/conftest.py": "x", "sitecustomize.py": "x", "lib/a.pth": "import x"}
    commit = committed(mirror, base, {**added, "conftest.py": "new", "b.py": "b"})
    tree, paths = without_hooks(mirror, base, commit, ())
    assert set(paths) == set(added)
    assert {file.path for file in mirror.changed_files(base, tree)} == {"conftest.py", "b.py"}
    assert without_hooks(mirror, base, commit, ("tests/**",))[1] == ("lib/a.pth", "sitecustomize.py")


def test_scripts_that_the_test_command_names_may_not_change(mirror: Mirror) -> None:
    files = {
        "Makefile": "test: \n\tsh ci/unit.sh\n",
        "ci/unit.sh": "x",
        "ci/build.sh": "x",
        "run_tests.py": "x",
        "package.json": '{"scripts": {"test": "node --import ./loader.mjs --test"}}',
        "loader.mjs": "x",
        "gradlew": "x",
        "main.py": "x",
    }
    base = committed(mirror, seeded(mirror), files)
    work = committed(mirror, base, {path: "y" for path in files if path not in {"Makefile", "package.json"}})
    for text, named in (
        ("make test", ["ci/unit.sh", "loader.mjs"]),
        ("./gradlew test", ["ci/unit.sh", "gradlew", "loader.mjs"]),
        ("python run_tests.py && python main.py", ["ci/unit.sh", "loader.mjs", "run_tests.py"]),
    ):
        told = changed_scripts(mirror, base, work, command_of(text, "plan"), ())
        assert [line.partition(" ")[0] for line in told] == named
    assert changed_scripts(mirror, base, work, command_of("make test", "plan"), ("ci/**", "loader.mjs")) == ()


def test_a_harness_of_its_own_is_told_where_the_base_has_no_suite(mirror: Mirror) -> None:
    base = committed(mirror, seeded(mirror), {"a/Cargo.toml": "[[test]]\nharness = false\n"})
    files = {
        "Cargo.toml": '[[test]]\nname = "a"\nharness = false\n',
        "b/Cargo.toml": "[lib]\nharness = true\n",
        "a/Cargo.toml": "[lib]\nharness = false\n",
    }
    work = committed(mirror, base, files)
    (told,) = own_harnesses(mirror, base, work, ())
    assert told.startswith("Cargo.toml turns off")
    assert own_harnesses(mirror, base, work, ("Cargo.toml",)) == ()
