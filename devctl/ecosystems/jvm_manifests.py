"""What `pom.xml` and Gradle's build files say; build files are programs, and only their literal words are read."""

import re
import tomllib
from xml.etree import ElementTree  # nosec B405 - document types are refused before

from devctl.ecosystems.toml import table

_DOCTYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_COORDINATE = re.compile(r"""["']([A-Za-z0-9_.-]+):([A-Za-z0-9_.-]+)(?::([^"':@\s]+))?(?:[:@][^"']*)?["']""")
_NAMED = re.compile(r"""group\s*[:=]\s*["']([\w.-]+)["']\s*,\s*name\s*[:=]\s*["']([\w.-]+)["']""")
_CALL = re.compile(
    r"^\s*(?:\w*(?:[iI]mplementation|[aA]pi|[cC]ompileOnly|[rR]untimeOnly|[cC]lasspath|[pP]rocessor|[kK]apt|[kK]sp)"
    r"|compile|testCompile|developmentOnly)\b(.*)$",
    re.MULTILINE,
)
_PLAIN = re.compile(r"[A-Za-z0-9_.,+\[\]() -]+")


def read_pom(text: str) -> ElementTree.Element:
    """Parse a `pom.xml`; raises ValueError for what is none, or holds a document type."""
    if _DOCTYPE.search(text):
        raise ValueError("it holds a document type")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 # nosec B314 - without a document type there are no entities
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error


def pom_packages(text: str) -> tuple[str, ...]:
    """The artifacts that a `pom.xml` names: dependencies, plugins, its parent; raises ValueError.

    As `maven:group:artifact@version`; a version behind a property is left out.
    """
    root = read_pom(text)
    names = []
    for element in root.iter():
        kind = _local(element.tag)
        if kind not in ("dependency", "plugin", "extension", "parent", "path"):
            continue
        found = {_local(child.tag): (child.text or "").strip() for child in element}
        group = found.get("groupId") or ("org.apache.maven.plugins" if kind == "plugin" else "")
        if kind == "parent" and "relativePath" in found and found["relativePath"]:
            continue
        if group and found.get("artifactId") and "${" not in group + found["artifactId"]:
            names.append(named(group, found["artifactId"], found.get("version", "")))
    return tuple(dict.fromkeys(names))


def gradle_packages(text: str) -> tuple[str, ...]:
    """The artifacts that a build file names in plain words, as `maven:group:artifact@version`."""
    names = []
    for call in _CALL.finditer(text):
        names += [named(match[1], match[2], match[3] or "") for match in _COORDINATE.finditer(call[1])]
        names += [named(match[1], match[2], "") for match in _NAMED.finditer(call[1])]
    return tuple(dict.fromkeys(names))


def catalogue_packages(text: str) -> tuple[str, ...]:
    """The libraries of a version catalogue (`gradle/libs.versions.toml`); raises TOMLDecodeError."""
    names = []
    for wanted in table(tomllib.loads(text), "libraries").values():
        if isinstance(wanted, str):
            group, _, rest = wanted.partition(":")
            artifact, _, version = rest.partition(":")
        elif isinstance(wanted, dict) and isinstance(wanted.get("module"), str):
            group, _, artifact = wanted["module"].partition(":")
            version = ""
        elif isinstance(wanted, dict):
            group, artifact, version = str(wanted.get("group", "")), str(wanted.get("name", "")), ""
        else:
            continue
        if group and artifact:
            names.append(named(group, artifact, version))
    return tuple(dict.fromkeys(names))


def named(group: str, artifact: str, version: str) -> str:
    """An artifact as the policy is asked for it; a computed version is left out."""
    plain = f"maven:{group}:{artifact}"
    return f"{plain}@{version}" if version and _PLAIN.fullmatch(version) else plain


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
