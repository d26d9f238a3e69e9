"""Images from Dockerfiles: BuildKit with a cache in a registry where it can be had, the engine's own builder where not.

The names are loaded when they are first used: who reads of images needs no engine's client.
"""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from devctl.builder.builder import Builder, open_builder
    from devctl.builder.records import BuildOptions, BuildStep, BuiltImage, ImageInfo

_PLACES = {
    "builder": ("Builder", "open_builder"),
    "records": ("BuildOptions", "BuildStep", "BuiltImage", "ImageInfo"),
}

__all__ = ["BuildOptions", "BuildStep", "Builder", "BuiltImage", "ImageInfo", "open_builder"]

__getattr__ = loaded_when_used("devctl.builder", _PLACES)
