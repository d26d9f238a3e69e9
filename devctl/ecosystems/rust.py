"""Rust: the crates of a tree in a Cargo home, and a target folder in which they are compiled already."""

import tomllib
from pathlib import Path

from devctl.ecosystems.cargo_manifests import declared_crates
from devctl.ecosystems.records import Fitting, Plan, Seen, Step, shell
from devctl.ecosystems.toolchain import Host, bound, missing
from devctl.ecosystems.tree import Tree, broken, parent
from devctl.records import Seed, Toolchain
from devctl.settings import DevctlSettings

_HOW = "install Rust with rustup or from your system's packages, or use Docker with an image that has it"
_PROGRAMS = ("cargo", "rustc", "rustdoc", "rustfmt", "cargo-fmt", "cargo-clippy", "clippy-driver")
_STUB = b"fn main() {}\n"
_SOURCES = 20_000
_TARGET_MB = 1_500
"""A larger target folder is not copied into each environment; crates are then compiled there."""
_COPY = 'mkdir -p "$HOME/src" && cp -R "$1"/. "$HOME/src"'
_FETCH = 'cd "$HOME/src/$1" && { cargo fetch --locked || cargo fetch; }'
# The crates' own build scripts and macros run here, as Cargo knows no other way; so there is no network.
_COMPILE = r"""cd "$HOME/src/$1"
cargo build --offline --workspace --keep-going; cargo build --offline --workspace --tests --keep-going; true"""
_TRIM = f"""if [ -d target ] && [ "$(du -sm target | cut -f1)" -gt {_TARGET_MB} ]; then rm -rf target; fi
result=$PWD; plan=$1; shift; cd "$HOME/src"
for file; do
  if ! cmp -s "$file" "$plan/$file"; then mkdir -p "$result/.locks/$(dirname "$file")"; cp "$file" "$result/.locks/$file"; fi
done"""


class Rust:
    """Crates by their lock; the tree's own build scripts are left out, and its `.cargo/config.toml` too."""

    name = "rust"
    programs = ("cargo", "rustc")
    how = _HOW

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan | None:
        del packages  # a crate is wanted by Cargo.toml, there is no other way to have it
        folders = tree.projects(("Cargo.toml",), ("Cargo.lock",))
        if not folders:
            return None
        crates: list[str] = []
        for path in tree.named("Cargo.toml"):
            try:
                crates += declared_crates(tree.read_text(path))
            except tomllib.TOMLDecodeError as error:
                raise broken(path, error) from error
        locks = [path for path in tree.named("Cargo.lock") if parent(path) in folders]
        sources = [path for path in tree.paths if path.endswith(".rs")][:_SOURCES]
        return Plan(
            ecosystem=self.name,
            packages=tuple(dict.fromkeys(crates)),
            files={path: tree.read(path) for path in (*tree.named("Cargo.toml"), *locks)},
            more=dict.fromkeys(sources, _STUB),  # Cargo looks whether they are there, we do not show what they say
            folders=folders,
            sources=(*(path for path in tree.named("Cargo.toml") if parent(path) in folders), *locks),
        )

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        del plan
        host.find("cargo", "the tree has a Cargo.toml", _HOW)
        rustc = host.find("rustc", "the tree has a Cargo.toml", _HOW)
        root = Path(host.ask(str(rustc), "--print", "sysroot"))
        programs = {name: root / "bin" / name for name in _PROGRAMS if (root / "bin" / name).is_file()}
        if "cargo" not in programs:
            raise missing("cargo", f"{root}, where rustc is from, has none", _HOW)
        return bound(programs, [root], host.ask(str(rustc), "-vV"))

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        del plan, settings
        env = {"CARGO_HOME": f"{seen.result}/cargo", "CARGO_TARGET_DIR": f"{seen.result}/target", **_ALWAYS}
        return {**env, "CARGO_HTTP_CAINFO": seen.certificates} if seen.certificates else env

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        steps = [shell(_COPY, seen.plan)]
        if plan.packages:
            steps += [shell(_FETCH, folder) for folder in plan.folders]
            steps += [shell(_COMPILE, folder, optional=True, network=False) for folder in plan.folders]
        locks = [path for path in plan.files if path.endswith("Cargo.lock")]
        return (*steps, shell(_TRIM, seen.plan, *locks))

    def listing(self, plan: Plan, seen: Seen) -> Step:
        del plan, seen
        return shell("[ ! -d target ] || echo target; cd .locks 2>/dev/null && find . -type f; exit 0")

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        del plan
        return Fitting(
            env={
                "CARGO_HOME": "{result}/cargo",
                "CARGO_TARGET_DIR": "{home}/target",
                "CARGO_NET_OFFLINE": "true",
                **_ALWAYS,
            },
            written=True,
            seeds=(Seed(source="target", target="target"),) if "target" in listed else (),
            locks=tuple(line.removeprefix("./") for line in listed if line.startswith("./")),
        )


_ALWAYS = {"CARGO_TERM_COLOR": "never", "RUSTUP_AUTO_INSTALL": "0"}
