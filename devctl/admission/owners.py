"""Whose an image is: by its name, as the state knows names, and by what its engine says of it."""

import re
from collections.abc import Mapping

from devctl.builder.records import OWNER_LABEL, REPOSITORY
from devctl.fleet.database import Database

OWN = "devctl-user"
"""First part of the names of users' images: nobody gives an image a name that others take for something else."""
_USUAL = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")
_OWN = re.compile(rf"{OWN}/([^/:@]+)/")
_BY_DIGEST = re.compile(rf"{REPOSITORY}:[0-9a-f]{{32}}")
_MADE = """SELECT owner FROM custom_image WHERE tag = ANY(%s)
    UNION SELECT owner FROM snapshot WHERE image = ANY(%s) ORDER BY owner"""


class ImageOwners:
    """Knows whose images are; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owner(self, image: str, asking: str, labels: Mapping[str, str] | None = None) -> str:
        """Whose an image is, or nothing where it is everybody's; who asks wins where several made it under that name.

        `labels` are what the engine says of it: without them an image that is named by its id is nobody's.
        Whoever knows the digest of a build could build the same, so it is nobody's under that name.
        """
        name = _USUAL.sub("", image, count=1).partition("@")[0]
        if own := _OWN.match(name):
            return own[1]
        if _BY_DIGEST.fullmatch(name):
            return ""
        names = [name, name.removesuffix(":latest"), f"{name}:latest"]
        made = [str(row["owner"]) for row in self._database.rows(_MADE, names, names)]
        if made:
            return asking if asking in made else made[0]
        return (labels or {}).get(OWNER_LABEL, "")
