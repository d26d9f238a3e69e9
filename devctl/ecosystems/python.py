"""Python: a virtual environment with the packages of the tree, installed by uv."""

from pathlib import Path

from devctl.dependencies import plan_dependencies
from devctl.ecosystems.records import Fitting, Plan, Seen, Step, shell, unprefixed
from devctl.ecosystems.toolchain import Host, bound
from devctl.ecosystems.tree import Tree
from devctl.inside import hook
from devctl.records import Toolchain
from devctl.settings import DevctlSettings

# by an interpreter that starts without what was installed: a .pth file of a wheel is code
_COMPILE = 'for jobs in 0 1; do "$1"/bin/python -I -S -m compileall -q -j "$jobs" "$1"/lib && break; done'
_ADD_HOOK = (
    'for folder in "$1"/lib/python*/site-packages; do cp "$2"/hook/* "$folder"; done'
    ' && cp "$2"/pip "$1"/bin/pip && chmod 755 "$1"/bin/pip'
)


class Python:
    """Always there, for every environment has a Python; without requirements it is an empty one."""

    name = "python"
    programs = ("python3",)
    how = "name an image with Python in it"

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan:
        plan = plan_dependencies(tree.root, unprefixed(packages, ""))
        return Plan(
            ecosystem=self.name,
            packages=plan.requirements,
            files={
                "requirements.txt": _lines(plan.requirements),
                "constraints.txt": _lines(plan.constraints),
                f"hook/{hook.NAME}.py": hook.MODULE.encode(),
                f"hook/{hook.NAME}.pth": hook.PTH.encode(),
                f"hook/{hook.PACKAGES_NAME}.py": hook.PACKAGES.encode(),
                "pip": hook.PIP.encode(),
            },
            folders=("",) if plan.sources else (),
            sources=plan.sources,
            ignored=plan.ignored,
            requires_python=plan.requires_python,
        )

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        del plan, host  # the interpreter is chosen by the request, the installer is a package of ours
        uv = Path(uv_path())
        return bound({"uv": uv}, [uv], "")

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        del plan
        env = {
            "UV_CACHE_DIR": seen.downloads,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
            "UV_VENV_RELOCATABLE": "1",
        }
        if pip_index := settings.installer_env.get("PIP_INDEX_URL"):
            env["UV_DEFAULT_INDEX"] = settings.installer_env.get("UV_DEFAULT_INDEX", pip_index)
        return env

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        make = Step(argv=("uv", "venv", "--allow-existing", "--python", seen.python, seen.result))
        # before any package's code could lay links in the way
        add_hook = shell(_ADD_HOOK, seen.result, seen.plan)
        if not plan.packages:
            return (make, add_hook)
        files = ("-r", f"{seen.plan}/requirements.txt", "-c", f"{seen.plan}/constraints.txt")
        # copies, not links, so that nothing shares a file with the downloads
        install = ("uv", "pip", "install", "--python", f"{seen.result}/bin/python", "--link-mode", "copy", *files)
        # Wheels run nothing while they are unpacked. What must be built does, and is built apart from what is shared.
        built = Step(argv=install, alone=True)
        wheels = Step(argv=(*install, "--only-binary", ":all:"), instead=built)
        # a wheel may bring a program named python
        compiled = shell(_COMPILE, seen.result, optional=True).model_copy(update={"alone": True})
        return (make, add_hook, wheels, compiled)

    def listing(self, plan: Plan, seen: Seen) -> None:
        del plan, seen

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        del plan, listed
        return Fitting()


def uv_path() -> str:
    """The installer that the wheel `uv` brings."""
    import uv

    return uv.find_uv_bin()


def _lines(lines: tuple[str, ...]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
