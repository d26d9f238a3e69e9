"""Changes to how tests are run, which could hide what they find: settings of runners, hooks, modules in the way.

Test files of the base are put back before the suite is run; these are the other ways to make it say what one likes. They
count where the base has a suite, and not for what the plan lets change.
"""

from __future__ import annotations

import re
import sys
from pathlib import PurePosixPath

from agents.runner_settings import own_harness, read, reader_of
from tools.mirror import Mirror
from tools.suites.command import SuiteCommand
from tools.testpaths import is_test_path, matches

OWN_FILE = re.compile(
    r"\.?pytest\.(ini|toml)|(jest|vitest|ava|karma|playwright)\.(config|setup|workspace|global)\.[cm]?[jt]s(on)?"
    r"|(setupTests|setup-tests|globalSetup|globalTeardown)\.[cm]?[jt]sx?|\.mocharc\.\w+|\.taprc|nose2\.cfg|unittest\.cfg"
    r"|junit-platform\.properties|testng\.xml|maven\.config|jvm\.config|extensions\.xml|noxfile\.py"
)
"""Files that only say how tests are run."""
SERVICE = re.compile(r"(^|/)META-INF/services/(org\.junit|org\.testng|org\.spockframework|java\.lang)\b")
"""Files by which a JVM's runner loads classes before and around all tests."""
HOOK = re.compile(r"conftest\.py|(site|user)customize\.py|.*\.pth")
"""Files that Python or pytest runs by themselves, before and around all tests."""
RUNNERS = frozenset({
    "pytest", "_pytest", "pluggy", "iniconfig", "xdist", "nose2", "tox", "hypothesis", "mock", "nose", "testtools",
})  # fmt: skip
"""Modules of runners and assertions; one of the same name at the root of the repository is run in their place."""
JVM_RUNNERS = re.compile(
    r"(^|/)(src/\w+/(java|kotlin|groovy|resources)/)?(org/(junit|testng|hamcrest|assertj|mockito|apiguardian|opentest4j|spockframework)"
    r"|junit/(framework|runner)|kotlin/test|io/kotest)/"
)
"""Places of classes of a JVM's runners and assertions; a class of the same name is loaded in their place."""
RUNS_TESTS = re.compile(r"(test|spec|check|loader|setup|runner|register|hook)", re.IGNORECASE)
"""Names of scripts that are about tests, of whatever language."""


def changed_settings(mirror: Mirror, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a change does to how tests are run, each in a line that says what to do."""
    wrong = []
    files = [file for file in mirror.changed_files(base, commit) if not matches(file.path, may_change)]
    told = [file.path for file in files if reader_of(file.path) is not None]
    before, after = mirror.read_many(base, told), mirror.read_many(commit, told)
    for file in files:
        path = file.path
        reader = reader_of(path)
        if _is_own_file(path) and (file.status != "modified" or not is_test_path(path)):
            wrong.append(f"{path} decides how tests are run: take it back, the plan does not let it change")
        elif reader is not None and read(reader, before.get(path)) != read(reader, after.get(path)):
            wrong.append(f"{path} changes how tests are run: take that part back, the plan does not let it change")
        elif file.status == "added" and _stands_in_the_way(path):
            wrong.append(f"{path} stands in the way of a module that the test runner imports: give it another name")
    return tuple(wrong)


def own_harnesses(mirror: Mirror, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Cargo.toml files that bring tests with a harness of their own: their results are what they print."""
    paths = [file.path for file in mirror.changed_files(base, commit) if PurePosixPath(file.path).name == "Cargo.toml"]
    paths = [path for path in paths if not matches(path, may_change)]
    before, after = mirror.read_many(base, paths), mirror.read_many(commit, paths)
    return tuple(
        f"{path} turns off the test harness: the results would be what the tests print, take that back"
        for path, content in after.items()
        if own_harness(content.decode("utf-8", "replace"))
        and not own_harness(before.get(path, b"").decode("utf-8", "replace"))
    )


def changed_scripts(
    mirror: Mirror, base: str, commit: str, command: SuiteCommand, may_change: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what a change does to files of the base that its test command, or a test script, names."""
    files = [file for file in mirror.changed_files(base, commit) if file.status != "added"]
    paths = [file.path for file in files if not matches(file.path, may_change) and not is_test_path(file.path)]
    if not paths:
        return ()
    texts = [one.text for one in (command, *command.others)] + [command.setup]
    recipes = mirror.read_many(base, [entry.path for entry in mirror.files(base) if _is_recipe(entry.path)])
    for path, content in recipes.items():
        reader = reader_of(path)
        texts.append(str(read(reader, content) or "") if reader else "")
    said = "\n".join(texts)
    return tuple(
        f"{path} is run by the test command: take the change back, the plan does not let it change"
        for path in paths
        if _is_program(path) and _is_named(path, said)
    )


def without_hooks(mirror: Mirror, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return a tree like that of `commit` without the hooks that it adds, and the paths of these."""
    added = [
        file.path
        for file in mirror.changed_files(base, commit)
        if file.status == "added"
        and HOOK.fullmatch(PurePosixPath(file.path).name)
        and not matches(file.path, may_change)
    ]
    return mirror.graft(commit, base, added), tuple(added)


def _is_own_file(path: str) -> bool:
    pure = PurePosixPath(path)
    if pure.name in {"maven.config", "jvm.config", "extensions.xml"}:
        return pure.parent.name == ".mvn"
    return OWN_FILE.fullmatch(pure.name) is not None or SERVICE.search(path) is not None


def _is_recipe(path: str) -> bool:
    return PurePosixPath(path).name in {"package.json", "Makefile", "makefile", "GNUmakefile"} and path.count("/") < 3


def _is_program(path: str) -> bool:
    """Whether a file could be one that runs tests, and not what is tested."""
    pure = PurePosixPath(path)
    return pure.suffix in {"", ".sh", ".bash", ".mk", ".cmd", ".bat"} or RUNS_TESTS.search(pure.stem) is not None


def _is_named(path: str, said: str) -> bool:
    """Whether command lines name a file: by its path, or by its name where that has a suffix."""
    name = PurePosixPath(path).name
    ways = [re.escape(path) if "/" in path else rf"\./{re.escape(name)}"]
    ways += [rf"(?:[\w.-]+/)*{re.escape(name)}"] if "." in name else []
    return re.search(rf"(?<![\w/-])(?:\./)?(?:{'|'.join(ways)})(?![\w/-])", said) is not None


def _stands_in_the_way(path: str) -> bool:
    if JVM_RUNNERS.search(path) and path.endswith((".java", ".kt", ".groovy", ".class")):
        return True
    if path.startswith("node_modules/"):
        return True
    first, _, rest = path.partition("/")
    name = first.removesuffix(".py") if not rest else first if rest == "__init__.py" else ""
    return path.endswith(".py") and name != "test" and (name in sys.stdlib_module_names or name in RUNNERS)
