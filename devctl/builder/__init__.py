"""Images from Dockerfiles: BuildKit with a cache in a registry where it can be had, the engine's own builder where not."""

from devctl.builder.builder import Builder, open_builder
from devctl.builder.records import BuildOptions, BuildStep, BuiltImage, ImageInfo

__all__ = ["BuildOptions", "BuildStep", "Builder", "BuiltImage", "ImageInfo", "open_builder"]
