"""Maven: a local repository with all that `mvn -o test` wants, filled by a rehearsal on stand-in sources.

`dependency:go-offline` alone misses what plugins choose while they run, such as the provider with which Surefire
runs JUnit. So the phases up to `test` are run on copies of the poms without the executions that a tree adds to
them, with one empty class and one empty test in each module. The plugins of these executions are had afterwards.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree  # nosec B405 - jvm_manifests refuses document types
from xml.sax.saxutils import escape  # nosec B406 - writing only

from devctl.ecosystems.jvm_manifests import pom_packages, read_pom
from devctl.ecosystems.records import Fitting, Plan, Seen, Step, shell
from devctl.ecosystems.toolchain import Host, bound
from devctl.ecosystems.tree import Tree, broken, joined, parent
from devctl.records import Toolchain
from devctl.settings import DevctlSettings

_HOW = "install Maven 3.6 or later and a JDK from your system's packages, or use Docker with an image that has them"
_NAMESPACE = "http://maven.apache.org/POM/4.0.0"
_CONFIGURED = ("/etc/maven/m2.conf", "/etc/maven/logging")
_MAIN, _TEST = "src/main/java/DevctlStandIn.java", "src/test/java/DevctlStandInTest.java"
_COPY = 'mkdir -p "$HOME/src" && cp -R "$1"/. "$HOME/src"'
_MVN = 'mvn -B -ntp -s "$HOME/src/.devctl/settings.xml"'
_SETTINGS = 'printf %s "$DEVCTL_SETTINGS" > "$HOME/src/.devctl/settings.xml"'
# the version is ours: older ones, which Maven would take by itself, leave out what plugins depend on in turn
_DEPENDENCY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_LENIENT = "-Dmaven.test.failure.ignore=true -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false -DargLine="
# a rehearsal that breaks for lack of what an execution would have set is no reason to refuse the tree
_REHEARSE = f"""cd "$HOME/src/.devctl/stripped/$1"
{_MVN} -fae {_LENIENT} test || {_MVN} -fae test-compile || {_MVN} -fae {_DEPENDENCY}:resolve"""
_OTHERS = f"""cd "$HOME/src/$1" && {_MVN} -fae {_DEPENDENCY}:go-offline"""
# who had a file from where does not matter any more, and would make offline runs refuse it
_TIDY = "find repository \\( -name _remote.repositories -o -name '*.lastUpdated' \\) -exec rm -f {} +"


class Maven:
    """Artifacts for the poms of a tree; none of its own plugins' executions runs."""

    name = "maven"
    programs = ("mvn", "java")
    how = _HOW

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan | None:
        del packages  # an artifact is wanted by a pom, there is no other way to have it
        folders = tree.projects(("pom.xml",))
        if not folders:
            return None
        poms = {path: tree.read_text(path) for path in tree.named("pom.xml")}
        wanted: list[str] = []
        own: set[str] = set()
        stripped = {}
        for path, text in poms.items():
            try:
                wanted += pom_packages(text)
                own.add(_artifact(read_pom(text)))
                stripped[f".devctl/stripped/{path}"] = strip_executions(text)
            except ValueError as error:
                raise broken(path, error) from error
        stand_ins = {
            f".devctl/stripped/{joined(parent(path), name)}": f"public class {Path(name).stem} {{}}\n".encode()
            for path in poms
            for name in (_MAIN, _TEST)
        }
        return Plan(
            ecosystem=self.name,
            packages=tuple(name for name in dict.fromkeys(wanted) if name.partition("@")[0].split(":")[-1] not in own),
            files={**{path: text.encode() for path, text in poms.items()}, **stripped},
            more=stand_ins,
            folders=folders,
            sources=tuple(path for path in poms if parent(path) in folders),
        )

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        del plan
        maven = host.find("mvn", "the tree has a pom.xml", _HOW)
        said = host.ask(str(maven), "-v")
        home = Path(_value(said, r"Maven home: (.*)"))
        java = Path(_value(said, r"(?:runtime|Java home): (.*)"))
        programs = {"mvn": home / "bin/mvn", **jdk_programs(java)}
        roots = [home, *jdk_roots(java), *(Path(path) for path in _CONFIGURED if Path(path).exists())]
        return bound(programs, roots, said, {"JAVA_HOME": str(java)})

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        del plan
        given = settings.installer_env
        proxy = given.get("HTTPS_PROXY") or given.get("https_proxy", "")
        excluded = given.get("NO_PROXY") or given.get("no_proxy", "")
        return {
            "MAVEN_OPTS": f"-Dmaven.repo.local={seen.result}/repository",
            "MAVEN_SKIP_RC": "1",
            "DEVCTL_SETTINGS": settings_xml(proxy, excluded),
        }

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        steps = [shell(_COPY, seen.plan), shell(_SETTINGS)]
        for folder in plan.folders:
            steps.append(shell(_REHEARSE, folder))
            steps.append(shell(_OTHERS, folder, optional=True))
        return (*steps, shell(_TIDY))

    def listing(self, plan: Plan, seen: Seen) -> None:
        del plan, seen

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        del plan, listed
        return Fitting(
            env={"MAVEN_OPTS": "-Dmaven.repo.local={result}/repository", "MAVEN_ARGS": "-o", "MAVEN_SKIP_RC": "1"},
            written=True,
        )


def strip_executions(text: str) -> bytes:
    """A pom without the executions that it adds to plugins: only the life cycle's own goals are left."""
    root = read_pom(text)
    ElementTree.register_namespace("", _NAMESPACE)
    for element in root.iter():
        for child in list(element):
            if str(child.tag).rpartition("}")[2] == "executions":
                element.remove(child)
    text_again: str = ElementTree.tostring(root, encoding="unicode")
    return text_again.encode()


def settings_xml(proxy: str, excluded: str) -> str:
    """Maven's settings with a proxy in them; Java does not read the variables that others read."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if not proxy or not parts.hostname:
        return "<settings/>\n"
    hosts = "|".join(f"*{name}" if name.startswith(".") else name for name in excluded.split(",") if name)
    fields = {"id": "devctl", "active": "true", "protocol": "http", "host": parts.hostname}
    fields |= {"port": str(parts.port or 80), "nonProxyHosts": hosts}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<settings><proxies><proxy>{inner}</proxy></proxies></settings>\n"


def jdk_programs(home: Path) -> dict[str, Path]:
    """The programs of a JDK."""
    return {name: home / "bin" / name for name in ("java", "javac", "jar") if (home / "bin" / name).is_file()}


def jdk_roots(home: Path) -> list[Path]:
    """The folders that a JDK needs: its own and, in Debian, that of its settings."""
    real = home.resolve()
    return [
        real,
        *(
            path
            for path in Path("/etc").glob("java-*-openjdk")
            if path.name.removeprefix("java-").split("-")[0] in real.name
        ),
    ]


def _artifact(root: ElementTree.Element) -> str:
    return next((child.text or "" for child in root if str(child.tag).rpartition("}")[2] == "artifactId"), "").strip()


def _value(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[1].strip() if match else ""
