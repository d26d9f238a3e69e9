"""Images: built of uploads, made by answers, listed, removed and scanned."""

import hashlib

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from devctl.builder.records import ImageInfo
from devctl.errors import NoSuchResource
from devctl.records import Record
from devctl.scan.records import ScanReport
from devctl.serve.imaging import (
    BuildWish,
    ScanWish,
    Work,
    building,
    own_images,
    remove_image,
    scanning,
    wizard_work,
)
from devctl.serve.operations import Operation, Wanted
from devctl.serve.records import KeyHeader
from devctl.serve.routing import blueprint, caller, followed, reply, reply_tagged, route, service
from devctl.wizard.records import WizardRequest


class ImageList(Record):
    """Images that were built, newest first."""

    items: tuple[ImageInfo, ...]


class ImageQuery(Record):
    """Which image."""

    image: str = Field(max_length=512)
    """A name or id, as the list shows it."""


class ImageRemoval(ImageQuery):
    """Which image, and how."""

    force: bool = False
    """Also where stopped containers are made of it; admins only."""


class RemovedNames(Record):
    """The names that were removed."""

    removed: tuple[str, ...]


def list_images() -> Response:
    """List the images that were built for the caller, all for an admin."""
    return reply_tagged(ImageList(items=own_images(service(), caller())))


def delete_image(query: ImageRemoval) -> Response:
    """Remove an image that was built for the caller, any for an admin, with all its names."""
    return reply(RemovedNames(removed=tuple(remove_image(service(), caller(), query.image, query.force))))


def build_image(header: KeyHeader, body: BuildWish) -> Response:
    """Build an image of an upload; the policy is asked for each image that it builds on."""
    return _begun("build", body.tag or body.tree, body, header, building(service(), caller(), body))


def make_image(header: KeyHeader, body: WizardRequest) -> Response:
    """Make an image of a base and packages, as the wizard does."""
    return _begun("wizard", body.tag, body, header, wizard_work(service(), caller(), body))


def scan_image(header: KeyHeader, body: ScanWish) -> Response:
    """Look for what is known against an image; the policy goes by the highest score."""
    return _begun("scan", body.image, body, header, scanning(service(), caller(), body))


def show_scan(query: ImageQuery) -> Response:
    """Show the last scan of an image."""
    rows = service().fleet.parts.database.rows(
        "SELECT report FROM image_scan WHERE name = %s OR image_id = %s ORDER BY at DESC LIMIT 1",
        *(query.image, query.image),
    )
    if not rows:
        raise NoSuchResource(f"the image {query.image!r} was not scanned", "POST /v1/scans does it")
    return reply_tagged(ScanReport.model_validate(rows[0]["report"]))


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("images", "Images and what is known against them")
    route(made, "GET", "/images", list_images, {200: ImageList, 304: None})
    route(made, "DELETE", "/images", delete_image, {200: RemovedNames})
    route(made, "POST", "/builds", build_image, {202: Operation})
    route(made, "POST", "/wizard", make_image, {202: Operation})
    route(made, "POST", "/scans", scan_image, {202: Operation})
    route(made, "GET", "/scans", show_scan, {200: ScanReport, 304: None})
    return made


def _begun(kind: str, subject: str, body: BaseModel, header: KeyHeader, work: Work) -> Response:
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    wanted = Wanted(kind=kind, subject=subject, key=header.idempotency_key, digest=digest)
    operation = followed(service().operations.begin(caller(), wanted, work), header)
    return reply(operation, 202, {"Location": f"/v1/operations/{operation.id}"})
