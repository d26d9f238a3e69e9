"""Finding a feature in the roadmap alone, by what a person calls it."""

from __future__ import annotations

from graph import Feature, RoadmapReader
from roadcrew.errors import NotFound


def find_in_roadmap(roadmap: RoadmapReader, name: str) -> Feature:
    """Return the feature of `F-12`, `12`, `#12` or `owner/repo/F-12`; raises `NotFound` with what there is."""
    if "/" in name:
        repository, _, key = name.rpartition("/")
        exact = roadmap.feature(f"{repository}/{_key(key)}")
        found = [exact] if exact else []
    else:
        found = roadmap.features_by_key(_key(name))
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(
            f"{name!r} is in {len(found)} repositories", f"say {' or '.join(feature.id for feature in found)}"
        )
    known = ", ".join(feature.id for feature in roadmap.latest_features())
    hint = f"the latest are {known}" if known else "it holds nothing yet: start a delivery with `roadcrew run`"
    raise NotFound(f"the roadmap has no feature {name!r}", hint)


def _key(name: str) -> str:
    return name.upper() if name.upper().startswith("F-") else f"F-{name.lstrip('#')}"
