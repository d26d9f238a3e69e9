"""Gradle: the program itself and a JDK. Its dependencies cannot be had without running the tree's build scripts.

A build file is a program that says what it depends on only while it runs, and preparing runs nothing of a tree.
So a tree that names libraries is refused, in words that say what can be done instead.
"""

import re
import tomllib
from pathlib import Path

from devctl.ecosystems.jvm_manifests import catalogue_packages, gradle_packages
from devctl.ecosystems.maven import jdk_programs, jdk_roots
from devctl.ecosystems.records import Fitting, Plan, Seen, Step
from devctl.ecosystems.toolchain import Host, bound
from devctl.ecosystems.tree import Tree, broken, parent
from devctl.errors import PreparationFailed
from devctl.records import Toolchain
from devctl.settings import DevctlSettings

_HOW = "install Gradle and a JDK from your system's packages, or use Docker with an image that has them"
_BUILD = ("build.gradle", "build.gradle.kts")
_SETTINGS = ("settings.gradle", "settings.gradle.kts")
_FILES = (
    *_BUILD,
    *_SETTINGS,
    "gradle.properties",
    "gradle.lockfile",
    "gradle-wrapper.properties",
    "libs.versions.toml",
)


class Gradle:
    """A tree whose build needs no library from elsewhere can be built and tested offline."""

    name = "gradle"
    programs = ("gradle", "java")
    how = _HOW

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan | None:
        del packages
        folders = tree.projects((*_SETTINGS, *_BUILD))
        if not folders or any(tree.has(f"{folder}/pom.xml" if folder else "pom.xml") for folder in folders):
            return None  # a tree with both is built by Maven
        names: list[str] = []
        for path in tree.named(*_BUILD, "libs.versions.toml"):
            try:
                text = tree.read_text(path)
                names += catalogue_packages(text) if path.endswith(".toml") else gradle_packages(text)
            except tomllib.TOMLDecodeError as error:
                raise broken(path, error) from error
        return Plan(
            ecosystem=self.name,
            packages=tuple(dict.fromkeys(names)),
            files={path: tree.read(path) for path in tree.named(*_FILES)},
            folders=folders,
            sources=tuple(path for path in tree.named(*_BUILD, *_SETTINGS) if parent(path) in folders),
        )

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        if plan.packages:
            raise PreparationFailed(
                f"the Gradle build in {', '.join(plan.sources)} names libraries, and Gradle finds them only by running "
                "the tree's own build scripts, which is not done while there is a network",
                log="named: " + ", ".join(plan.packages),
                hint="name an image in .devcontainer/devcontainer.json whose Gradle has the libraries in its cache, "
                "and use Docker",
            )
        wrapper = any(path.endswith("gradle-wrapper.properties") for path in plan.files)
        why = "the tree has a Gradle build" + (", and its wrapper would have to download one" if wrapper else "")
        gradle = host.find("gradle", why, _HOW)
        said = host.ask(str(gradle), "--version")
        java = host.find("java", "Gradle runs on it", _HOW)
        told = host.ask(str(java), "-XshowSettings:properties", "-version")
        found = re.search(r"java\.home = (.*)", told)
        home = Path(found[1].strip()) if found else java.resolve().parent.parent
        programs = {"gradle": gradle.resolve(), **jdk_programs(home)}
        roots = [gradle.resolve().parent.parent, *jdk_roots(home)]
        return bound(programs, roots, said, {"JAVA_HOME": str(home)})

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        del plan, settings
        return {"GRADLE_USER_HOME": f"{seen.home}/.gradle"}

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        """None here; in an image with a cache of its own the libraries are there already."""
        del plan, seen
        return ()

    def listing(self, plan: Plan, seen: Seen) -> None:
        del plan, seen

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        del plan, listed
        return Fitting(env={"GRADLE_OPTS": "-Dorg.gradle.daemon=false"})
