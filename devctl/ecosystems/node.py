"""Node: `node_modules` folders, installed by npm, pnpm or yarn as the lock files tell."""

from collections.abc import Iterable
from pathlib import Path

from devctl.ecosystems import node_managers
from devctl.ecosystems.node_manifests import (
    LOCKS,
    Manifest,
    installer_settings,
    manager_of,
    read_manifest,
    with_packages,
)
from devctl.ecosystems.records import Fitting, Plan, Seen, Step, shell, unprefixed
from devctl.ecosystems.toolchain import Host, bound, missing
from devctl.ecosystems.tree import Tree, joined, parent
from devctl.records import Place, Toolchain
from devctl.settings import DevctlSettings

_HOW = "install Node.js 20 or later with npm, or use Docker with an image that has it"
_LIST = r"""find . -path ./.tools -prune -o -path ./.locks -prune -o -type d -name node_modules -prune -print
cd .locks 2>/dev/null && find . -type f -exec printf 'lock %s\n' {} +; exit 0"""
# what a lock says now that the installer saw the whole tree, where it says something else
_KEEP_LOCKS = r"""plan=$1; shift
for lock; do
  if [ -f "$lock" ] && ! cmp -s "$lock" "$plan/$lock"; then
    mkdir -p ".locks/$(dirname "$lock")"; cp "$lock" ".locks/$lock"
  fi
done
find . -path ./.tools -prune -o -path ./.locks -prune -o -name node_modules -prune -o ! -type d -exec rm -f {} +"""
_OTHERS = ("pnpm-workspace.yaml",)


class Node:
    """The packages of every `package.json` that counts, without any install script."""

    name = "node"
    programs = ("node", "npm")
    how = _HOW

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan | None:
        folders = tree.projects(("package.json",), LOCKS)
        manifests = {path: read_manifest(tree, path) for path in tree.named("package.json")}
        extra = unprefixed(packages, "npm")
        if not folders and not extra:
            return None
        folders = folders or ("",)
        main = joined(folders[0], "package.json")
        manifests[main] = with_packages(manifests.get(main, Manifest()), extra)
        wanting = [folder for folder in folders if _wants_packages(manifests, folder, tree)]
        managers = {folder: manager_of(tree, folder, manifests) for folder in wanting}
        files = {path: manifest.text for path, manifest in manifests.items()}
        locks = [path for path in tree.named(*LOCKS) if parent(path) in folders]
        files |= {path: tree.read(path) for path in (*locks, *tree.named(*_OTHERS))}
        files |= {path: tree.read(path) for path in tree.paths if path.endswith(".patch")}
        files |= installer_settings(tree)
        return Plan(
            ecosystem=self.name,
            packages=_foreign(manifests.values()),
            files=files,
            folders=folders,
            sources=tuple(joined(folder, "package.json") for folder in folders) + tuple(locks),
            options=managers,
        )

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        del plan
        found = host.find("node", "the tree has a package.json", _HOW)
        node = Path(host.ask(str(found), "-p", "process.execPath"))
        npm = _npm_folder(node, host.look("npm"))
        version = (
            f"{host.ask(str(node), '--version')} npm {host.ask(str(node), str(npm / 'bin/npm-cli.js'), '--version')}"
        )
        programs = {"node": node, "npm": npm / "bin/npm-cli.js", "npx": npm / "bin/npx-cli.js"}
        return bound(programs, [node, npm], version.splitlines()[0])

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        del plan, settings
        env = {
            "npm_config_cache": f"{seen.downloads}/npm",
            # the files of settings on a host may hold tokens
            "npm_config_userconfig": f"{seen.home}/.no-npmrc",
            "npm_config_globalconfig": f"{seen.home}/.no-global-npmrc",
            "npm_config_audit": "false",
            "npm_config_fund": "false",
            "npm_config_update_notifier": "false",
            "npm_config_ignore_scripts": "true",
            "CI": "1",
            **node_managers.environment(seen.downloads),
        }
        if seen.certificates:
            env |= dict.fromkeys(("NODE_EXTRA_CA_CERTS", "npm_config_cafile"), seen.certificates)
            env["YARN_HTTPS_CA_FILE_PATH"] = seen.certificates
        return env

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        steps = [shell('cp -R "$1"/. .', seen.plan)]
        steps += [
            node_managers.get_manager(spec)
            for spec in sorted(set(plan.options.values()))
            if node_managers.is_fetched(spec)
        ]
        for folder in plan.options:
            locked = any(joined(folder, name) in plan.files for name in LOCKS)
            steps.append(node_managers.install(plan.options[folder], folder, locked, seen))
        locks = [path for path in plan.files if path.rpartition("/")[2] in LOCKS]
        return (*steps, shell(_KEEP_LOCKS, seen.plan, *locks))

    def listing(self, plan: Plan, seen: Seen) -> Step:
        del plan, seen
        return shell(_LIST)

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        folders = [line.removeprefix("./") for line in listed if line.startswith("./")]
        locks = [line.removeprefix("lock ./") for line in listed if line.startswith("lock ")]
        fetched = any(node_managers.is_fetched(spec) for spec in plan.options.values())
        return Fitting(
            env={
                "npm_config_offline": "true",
                "npm_config_update_notifier": "false",
                **node_managers.environment("{home}/.cache"),
            },
            path=(f"{{result}}/{node_managers.PROGRAMS}",) if fetched else (),
            places=tuple(Place(source=folder, target=folder) for folder in folders),
            locks=tuple(locks),
        )


def _wants_packages(manifests: dict[str, Manifest], folder: str, tree: Tree) -> bool:
    """Whether a project has packages to install, and does not bring them along."""
    if (tree.root / folder / "node_modules").is_dir():
        return False
    own = manifests[joined(folder, "package.json")]
    inner = [one for path, one in manifests.items() if not folder or path.startswith(f"{folder}/")]
    return bool(own.packages) or (own.workspaces and any(one.packages for one in inner))


def _foreign(manifests: Iterable[Manifest]) -> tuple[str, ...]:
    """The packages of all manifests that come from a registry and not from the tree itself."""
    found = list(manifests)
    own = {f"npm:{one.name}" for one in found if one.name}
    names = dict.fromkeys(package for one in found for package in one.packages)
    return tuple(package for package in names if package[:5] + package[5:].partition("@")[0] not in own)


def _npm_folder(node: Path, program: Path | None) -> Path:
    """The folder of npm: the one on the search path, or the one that came with node; raises ToolchainMissing."""
    candidates = [program.resolve().parent.parent] if program is not None else []
    candidates += [node.parent.parent / "lib/node_modules/npm", Path("/usr/share/nodejs/npm")]
    for folder in candidates:
        if (folder / "bin/npm-cli.js").is_file():
            return folder
    raise missing("npm", "packages of Node are installed with it", _HOW)
