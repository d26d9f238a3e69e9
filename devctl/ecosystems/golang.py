"""Go: a module cache with all that `go.mod` asks for, and a build cache that knows the standard library."""

from pathlib import Path

from devctl.ecosystems.go_manifests import imports_of, module_path, required_modules
from devctl.ecosystems.records import Fitting, Plan, Seen, Step, shell
from devctl.ecosystems.toolchain import Host, bound
from devctl.ecosystems.tree import Tree, joined, parent
from devctl.records import Seed, Toolchain
from devctl.settings import DevctlSettings

_HOW = "install Go from your system's packages or its own archive, or use Docker with an image that has it"
_FILES = ("go.mod", "go.sum", "go.work", "go.work.sum")
_SOURCES = 5_000
"""Go files whose imports are looked at."""
_WARM = "devctlwarm"
_COPY = 'mkdir -p "$HOME/src" && cp -R "$1"/. "$HOME/src"'
_DOWNLOAD = 'cd "$HOME/src/$1" && go mod download'
# With the imports known, Go adds what go.sum and go.mod lack, as far as the network answers.
_COMPLETE = rf"""cd "$HOME/src/$1"
mkdir -p {_WARM}
known=$(go list -mod=mod -e -f '{{{{if and (not .Error) (not .DepsErrors)}}}}{{{{.ImportPath}}}}{{{{end}}}}' $(cat "$2"))
{{ echo 'package {_WARM}'; for name in $known; do echo "import _ \"$name\""; done; }} > {_WARM}/warm_test.go
go list -mod=mod -deps -test ./{_WARM} >/dev/null"""
_COMPILE = rf"""cd "$HOME/src/$1" && go test -c -o /dev/null ./{_WARM}; go vet ./{_WARM}; true"""
_KEEP = r"""result=$PWD; plan=$1; shift; cd "$HOME/src"
for file; do
  if [ -f "$file" ] && ! cmp -s "$file" "$plan/$file"; then mkdir -p "$result/.locks/$(dirname "$file")"; cp "$file" "$result/.locks/$file"; fi
done"""


class Go:
    """Modules by checksum; a tree that brings `vendor` needs none."""

    name = "go"
    programs = ("go",)
    how = _HOW

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan | None:
        del packages  # a module is required by go.mod, there is no other way to have it
        folders = tree.projects(("go.mod", "go.work"), ("go.sum",))
        if not folders:
            return None
        modules = {path: tree.read_text(path) for path in tree.named("go.mod")}
        required = dict.fromkeys(name for text in modules.values() for name in required_modules(text))
        own = tuple(f"go:{module_path(text)}@" for text in modules.values())
        wanting = [folder for folder in folders if not (tree.root / folder / "vendor/modules.txt").is_file()]
        return Plan(
            ecosystem=self.name,
            packages=tuple(name for name in required if not name.startswith(own)),
            files={path: tree.read(path) for path in tree.named(*_FILES)},
            more={f".imports/{number}": _imports(tree, folder, modules) for number, folder in enumerate(wanting)},
            folders=folders,
            sources=tuple(path for path in tree.named(*_FILES) if parent(path) in folders),
            options={str(number): folder for number, folder in enumerate(wanting)},
        )

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        del plan
        go = host.find("go", "the tree has a go.mod", _HOW)
        root = Path(host.ask(str(go), "env", "GOROOT"))
        programs = {name: root / "bin" / name for name in ("go", "gofmt") if (root / "bin" / name).is_file()}
        return bound(programs, [root], host.ask(str(go), "env", "GOVERSION", "GOARCH"))

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        del plan
        env = {"GOMODCACHE": f"{seen.result}/mod", "GOCACHE": f"{seen.result}/build", "GOPATH": f"{seen.home}/go"}
        return {**env, **_ALWAYS, "GOFLAGS": settings.installer_env.get("GOFLAGS", "") + " -modcacherw"}

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        steps = [shell(_COPY, seen.plan)]
        for number, folder in plan.options.items():
            imports = f"{seen.plan}/.imports/{number}"
            if plan.packages:
                steps.append(shell(_DOWNLOAD, folder))
            steps.append(shell(_COMPLETE, folder, imports, optional=True))
            steps.append(shell(_COMPILE, folder, optional=True, network=False))
        files = [path for path in plan.files if path.endswith((".mod", ".sum"))]
        files += [joined(folder, "go.sum") for folder in plan.options.values()]
        return (*steps, shell(_KEEP, seen.plan, *dict.fromkeys(files)))

    def listing(self, plan: Plan, seen: Seen) -> Step:
        del plan, seen
        return shell("[ ! -d build ] || echo build; cd .locks 2>/dev/null && find . -type f; exit 0")

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        del plan
        cache = ".cache/go-build"
        return Fitting(
            env={
                "GOMODCACHE": "{result}/mod",
                "GOCACHE": f"{{home}}/{cache}",
                "GOPATH": "{home}/go",
                "GOPROXY": "off",
                "GOSUMDB": "off",
                "GOFLAGS": "-buildvcs=false",
                **_ALWAYS,
            },
            written=True,
            seeds=(Seed(source="build", target=cache),) if "build" in listed else (),
            locks=tuple(line.removeprefix("./") for line in listed if line.startswith("./")),
        )


_ALWAYS = {"GOTOOLCHAIN": "local", "GOENV": "off", "GOTELEMETRY": "off"}


def _imports(tree: Tree, folder: str, modules: dict[str, str]) -> bytes:
    """What the sources of a module import from elsewhere, to be compiled ahead; one name a line."""
    own = tuple(module_path(text) for text in modules.values())
    nested = tuple(f"{parent(path)}/" for path in modules if parent(path) not in ("", folder))
    inside = joined(folder, "") if folder else ""
    sources = [path for path in tree.paths if path.endswith(".go") and path.startswith(inside)]
    found: set[str] = set()
    for path in sources[:_SOURCES]:
        if not path.startswith(tuple(one for one in nested if one.startswith(inside))):
            found |= imports_of(tree.read(path).decode("utf-8", "replace"))
    foreign = {name for name in found if not any(name == one or name.startswith(f"{one}/") for one in own)}
    return "".join(f"{name}\n" for name in sorted({*foreign, "testing"})).encode()
