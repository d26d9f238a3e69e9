"""Sources of environments: image, Dockerfile, folder, devcontainer.json or git address, each resolved to a spec.

with resolve("https://example.org/team/shop.git#main", settings=settings) as resolved:
    ...  # resolved.build is built first, resolved.tree is put into the environment of resolved.spec
"""

from devctl.sources.image_metadata import follow_image
from devctl.sources.records import BASE_ARGUMENT, BuildPlan, Clone, EngineFacts, Overrides, Resolved
from devctl.sources.resolving import resolve
from devctl.sources.variables import settle_env

__all__ = [
    "BASE_ARGUMENT",
    "BuildPlan",
    "Clone",
    "EngineFacts",
    "Overrides",
    "Resolved",
    "follow_image",
    "resolve",
    "settle_env",
]
