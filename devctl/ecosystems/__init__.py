"""The ecosystems that preparing knows: what a tree declares, how it is installed, what an environment gets of it.

Each is one module behind one interface (`ecosystem.Ecosystem`). Python comes first: every environment has one.
"""

LOCK_FILES = frozenset(
    [
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "go.sum",
        "go.work.sum",
        "Cargo.lock",
        "gradle.lockfile",
    ]
)
"""Names of files that fix versions; they may be long."""
