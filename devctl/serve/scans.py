"""Scans of images, for those who may see the image: who knows what is wrong with it knows what is in it."""

from pydantic import JsonValue

from devctl.admission.owners import OWN
from devctl.builder.builder import engine_host
from devctl.builder.records import OWNER_LABEL, REPOSITORY
from devctl.errors import NoSuchImage, NoSuchResource, RequestInvalid
from devctl.fleet.records import User
from devctl.fleet.roles import refuse_viewers
from devctl.hosts.docker_images import EngineImage, EngineImages
from devctl.scan.records import ScanReport
from devctl.serve.image_records import ScanWish
from devctl.serve.imaging import Work
from devctl.serve.operations import Told
from devctl.serve.service import Service
from devctl.sources.finding import is_image

_PRIVATE = (f"{OWN}/", f"{REPOSITORY}:", "devctl-snapshot", "devctl-prepared")
"""How the names begin of images that devctl made for somebody."""
_LAST = "SELECT image_id, name, report FROM image_scan WHERE name = %s OR image_id = %s ORDER BY at DESC LIMIT 1"
_USED = (
    "SELECT count(*) AS used FROM environment WHERE owner = %s AND phase <> 'removed' AND spec ->> 'image' = ANY(%s)"
)


def scanning(service: Service, user: User, wish: ScanWish) -> Work:
    """The work that scans; raises LaunchRefused and RequestInvalid, and NoSuchImage for what the user may not see."""
    refuse_viewers(user)
    if not is_image(wish.image):
        raise RequestInvalid(f"{wish.image!r} is no name of an image", "write it as name, name:tag or host/name:tag")

    def work(told: Told) -> JsonValue:
        from devctl.scan import open_scanner

        with EngineImages(engine_host(service.devctl)) as images:
            found = images.find(wish.image)
        if found is None or not _may_see(service, user, found, wish.image):
            raise NoSuchImage(
                f"there is no image {wish.image!r} to scan",
                "`GET /v1/images` lists yours; others are to be pulled first",
            )
        told(f"scan {wish.image}")
        with open_scanner(service.devctl) as scanner:
            report: JsonValue = scanner.scan(wish.image, wish.fresh).model_dump(mode="json")
            return report

    return work


def last_scan(service: Service, user: User, reference: str) -> ScanReport:
    """What the last scan of an image found; raises NoSuchResource, also for an image that the user may not see."""
    rows = service.fleet.parts.database.rows(_LAST, reference, reference)
    if not rows or not _may_see_scanned(service, user, str(rows[0]["image_id"]), str(rows[0]["name"])):
        raise NoSuchResource(f"the image {reference!r} was not scanned", "POST /v1/scans does it")
    return ScanReport.model_validate(rows[0]["report"])


def _may_see_scanned(service: Service, user: User, image_id: str, name: str) -> bool:
    """By what the engine has; an image that is gone from there is judged by its name alone."""
    if user.role == "admin":
        return True
    with EngineImages(engine_host(service.devctl)) as images:
        found = images.find(image_id)
    return _may_see(service, user, found or EngineImage(id=image_id, tags=()), name)


def _may_see(service: Service, user: User, image: EngineImage, name: str) -> bool:
    """Whether an image is the user's, or one that their environments run, or nobody's that devctl made."""
    if user.role == "admin":
        return True
    names = {name, *image.tags}
    if owner := image.labels.get(OWNER_LABEL):
        return owner == user.name or _runs(service, user, names)
    private = [one for one in names if one.startswith(_PRIVATE)]
    return not private or any(one.startswith(f"{OWN}/{user.name}/") for one in private) or _runs(service, user, names)


def _runs(service: Service, user: User, names: set[str]) -> bool:
    return bool(service.fleet.parts.database.rows(_USED, user.name, list(names))[0]["used"])
