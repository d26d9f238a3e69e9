"""The package managers of Node and how each is told to install: from the lock, without any script.

npm comes with Node. pnpm and yarn are packages themselves and are had from the registry, in the version that the
tree names, so that a host needs neither.
"""

from devctl.ecosystems.records import Seen, Step, shell

PROGRAMS = ".tools/node_modules/.bin"
"""Where managers that are had from the registry lie, below the result."""
_PACKAGES = {"pnpm": "pnpm", "yarn-classic": "yarn", "yarn": "@yarnpkg/cli-dist"}
_NPM = "--ignore-scripts --no-audit --no-fund --no-progress"
_PNPM = (
    "--ignore-scripts --ignore-pnpmfile --reporter=append-only --config.package-import-method=copy"
    ' --config.manage-package-manager-versions=false --store-dir="$2/pnpm"'
)
_YARN = "--ignore-scripts --non-interactive --no-progress"
# What is locked is installed as locked; a lock that the tree has outgrown is brought in step.
_SCRIPTS = {
    "npm": (f"npm ci {_NPM} || npm install {_NPM}", f"npm install --no-package-lock {_NPM}"),
    "pnpm": (
        f"pnpm install --frozen-lockfile {_PNPM} || pnpm install --no-frozen-lockfile {_PNPM}",
        f"pnpm install --no-lockfile {_PNPM}",
    ),
    "yarn-classic": (
        f"yarn install --frozen-lockfile {_YARN} || yarn install {_YARN}",
        f"yarn install --no-lockfile {_YARN}",
    ),
    "yarn": ("yarn install --immutable --mode=skip-build || yarn install --no-immutable --mode=skip-build",) * 2,
}


def is_fetched(spec: str) -> bool:
    """Whether a manager, such as `pnpm@9`, is had from the registry."""
    return not spec.startswith("npm")


def package_of(spec: str) -> str:
    """The package that holds a manager, with its version."""
    name, _, version = spec.partition("@")
    return f"{_PACKAGES[name]}@{version}"


def get_manager(spec: str) -> Step:
    """Have a manager from the registry."""
    return shell(f'npm install --prefix .tools --no-package-lock {_NPM} "$1"', package_of(spec))


def install(spec: str, folder: str, locked: bool, seen: Seen) -> Step:
    """Install one project with its manager."""
    name = spec.partition("@")[0]
    script = _SCRIPTS[name][0 if locked else 1]
    return shell(f'PATH="$1/{PROGRAMS}:$PATH"; export PATH; {script}', seen.result, seen.downloads, cwd=folder)


def environment(cache: str) -> dict[str, str]:
    """Variables that keep managers from running what a tree brings, and from asking for themselves."""
    return {
        "COREPACK_ENABLE_DOWNLOAD_PROMPT": "0",
        "YARN_CACHE_FOLDER": f"{cache}/yarn",
        "YARN_GLOBAL_FOLDER": f"{cache}/yarn-global",
        "YARN_ENABLE_GLOBAL_CACHE": "true",
        "YARN_ENABLE_SCRIPTS": "false",
        "YARN_ENABLE_TELEMETRY": "false",
        "YARN_IGNORE_PATH": "1",
        "YARN_NODE_LINKER": "node-modules",
    }
