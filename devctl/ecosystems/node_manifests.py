"""What `package.json`, lock files and `.npmrc` of a tree say; nothing of it is run."""

import json
import re
from collections.abc import Mapping
from typing import Any

from devctl.ecosystems.tree import Tree, broken, joined
from devctl.errors import PreparationFailed
from devctl.records import Record

LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock")
_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_DECLARED = ("dependencies", "devDependencies", "optionalDependencies")
# keys that decide what is installed; scripts are not among them, so no script of the tree can run
_KEPT = (
    *_KINDS,
    *("name", "version", "license", "private", "type", "workspaces", "bundleDependencies", "bundledDependencies"),
    *("overrides", "resolutions", "pnpm", "peerDependenciesMeta", "dependenciesMeta", "engines", "os", "cpu", "bin"),
)
_LOCAL = ("file:", "link:", "workspace:", "portal:", "./", "../", "/", "~/", "catalog:", "patch:")
_ALIAS = re.compile(r"npm:((?:@[^/@]+/)?[^@]+)(?:@(.*))?", re.DOTALL)
_MANAGER = re.compile(r"(npm|pnpm|yarn)@(\d+(?:\.\d+){0,2}(?:-[\w.]+)?)(?:\+.*)?")
_SETTINGS = frozenset(
    [
        "legacy-peer-deps",
        "strict-peer-deps",
        "strict-peer-dependencies",
        "auto-install-peers",
        "shamefully-hoist",
        "hoist",
        "hoist-pattern[]",
        "public-hoist-pattern[]",
        "node-linker",
        "install-links",
        "install-strategy",
        "resolution-mode",
        "dedupe-peer-dependents",
        "link-workspace-packages",
        "prefer-workspace-packages",
    ]
)
"""Keys of a tree's `.npmrc` that the installer sees: none of them holds an address, a secret or a program."""


class Manifest(Record):
    """A `package.json`, reduced to what decides an installation."""

    text: bytes = b"{}\n"
    name: str = ""
    packages: tuple[str, ...] = ()
    """The packages it names, as the policy is asked for them."""
    workspaces: bool = False
    manager: str = ""
    """`packageManager`, if it says so in a form we know."""


def read_manifest(tree: Tree, path: str) -> Manifest:
    """Read a `package.json`; raises PreparationFailed."""
    try:
        found = json.loads(tree.read_text(path))
    except (ValueError, RecursionError) as error:
        raise broken(path, error) from error
    if not isinstance(found, dict):
        raise PreparationFailed(f"{path} is no object of JSON", log="", hint=f"correct {path}")
    folder = path.rpartition("/")[0]
    manager = found.get("packageManager")
    return _manifest(
        {key: found[key] for key in _KEPT if key in found},
        manager if isinstance(manager, str) else "",
        "workspaces" in found or tree.has(joined(folder, "pnpm-workspace.yaml")),
    )


def with_packages(manifest: Manifest, extra: tuple[str, ...]) -> Manifest:
    """The manifest with more packages for development: `vitest`, `@scope/name@^2`."""
    if not extra:
        return manifest
    found = json.loads(manifest.text)
    given = found.get("devDependencies")
    more = {name: version or "*" for name, version in (_split(text) for text in extra)}
    found["devDependencies"] = {**more, **(given if isinstance(given, dict) else {})}
    return _manifest(found, manifest.manager, manifest.workspaces)


def declared_packages(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The packages that a `package.json` names, with their ranges; what lies in the tree itself is left out."""
    names = []
    for kind in _DECLARED:
        section = found.get(kind)
        for name, version in section.items() if isinstance(section, dict) else ():
            if not isinstance(version, str) or version.startswith(_LOCAL):
                continue
            alias = _ALIAS.fullmatch(version)
            real, wanted = (alias[1], alias[2] or "") if alias else (name, version)
            names.append(f"npm:{real}@{wanted}" if wanted.strip() not in ("", "*") else f"npm:{real}")
    return tuple(dict.fromkeys(names))


def manager_of(tree: Tree, folder: str, manifests: Mapping[str, Manifest]) -> str:
    """Which package manager a project wants, with a version: by its lock file, else as it says, else npm."""
    own = manifests.get(joined(folder, "package.json"), Manifest())
    said = _MANAGER.fullmatch(own.manager)
    name = said[1] if said else "npm"
    if tree.has(joined(folder, "pnpm-lock.yaml")):
        name = "pnpm"
    elif tree.has(joined(folder, "yarn.lock")):
        name = "yarn"
    elif tree.has(joined(folder, "package-lock.json")) or tree.has(joined(folder, "npm-shrinkwrap.json")):
        name = "npm"
    version = said[2] if said and said[1] == name else ""
    if name == "pnpm":
        return f"pnpm@{version or _pnpm_version(tree, folder)}"
    if name == "yarn":
        lock = joined(folder, "yarn.lock")
        classic = version.startswith(("0.", "1")) if version else "__metadata" not in _text(tree, lock)
        return f"yarn-classic@{version or '1'}" if classic else f"yarn@{version or '4'}"
    return "npm"


def installer_settings(tree: Tree) -> dict[str, bytes]:
    """The `.npmrc` files of a tree, reduced to what shapes `node_modules`.

    A registry is chosen by the settings of whoever prepares, not by the tree; a token is never passed on.
    """
    found = {}
    for path in tree.named(".npmrc"):
        lines = [line.strip() for line in tree.read_text(path).splitlines()]
        kept = [line for line in lines if line.partition("=")[0].strip() in _SETTINGS and "${" not in line]
        if kept:
            found[path] = ("\n".join(kept) + "\n").encode()
    return found


def _manifest(found: Mapping[str, Any], manager: str, workspaces: bool) -> Manifest:
    text = json.dumps(found, indent=2).encode() + b"\n"
    name = found.get("name")
    name = name if isinstance(name, str) else ""
    return Manifest(text=text, name=name, packages=declared_packages(found), workspaces=workspaces, manager=manager)


def _split(text: str) -> tuple[str, str]:
    at = text.find("@", 1)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def _text(tree: Tree, path: str) -> str:
    return tree.read_text(path)[:2000] if tree.has(path) else ""


def _pnpm_version(tree: Tree, folder: str) -> str:
    """The pnpm that reads a lock file, by the version of its form."""
    form = re.search(r"lockfileVersion:\s*['\"]?(\d+)", _text(tree, joined(folder, "pnpm-lock.yaml")))
    return {"5": "7", "6": "8"}.get(form[1] if form else "", "10")
