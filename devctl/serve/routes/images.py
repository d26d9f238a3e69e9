"""Images: built of uploads, made by answers, listed, removed and scanned."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from devctl.scan.records import ScanReport
from devctl.serve.image_records import (
    BuildWish,
    ImageList,
    ImageQuery,
    ImageRemoval,
    RemovedNames,
    ScanWish,
    WizardDraft,
    WizardForm,
)
from devctl.serve.imaging import building, own_images, remove_image, wizard_form, wizard_work
from devctl.serve.operations import Operation
from devctl.serve.records import KeyHeader
from devctl.serve.routing import begun, blueprint, caller, reply, reply_tagged, route, service
from devctl.serve.scans import last_scan, scanning
from devctl.wizard.lint import lint
from devctl.wizard.records import WizardRequest
from devctl.wizard.rendering import render


def list_images() -> Response:
    """List the images that were built for the caller, all for an admin."""
    return reply_tagged(ImageList(items=own_images(service(), caller())))


def delete_image(query: ImageRemoval) -> Response:
    """Remove an image that was built for the caller, any for an admin, with all its names."""
    return reply(RemovedNames(removed=tuple(remove_image(service(), caller(), query.image, query.force))))


def build_image(header: KeyHeader, body: BuildWish) -> Response:
    """Build an image of an upload; the policy is asked for each image that it builds on."""
    return begun("build", body.tag or body.tree, body, header, building(service(), caller(), body))


def make_image(header: KeyHeader, body: WizardRequest) -> Response:
    """Make an image of a base and packages, as the wizard does."""
    return begun("wizard", body.tag, body, header, wizard_work(service(), caller(), body))


def scan_image(header: KeyHeader, body: ScanWish) -> Response:
    """Look for what is known against an image; the policy goes by the highest score."""
    return begun("scan", body.image, body, header, scanning(service(), caller(), body))


def show_scan(query: ImageQuery) -> Response:
    """Show the last scan of an image that the caller may see."""
    return reply_tagged(last_scan(service(), caller(), query.image))


def show_wizard() -> Response:
    """Show what the wizard asks, and what it made for the caller."""
    return reply_tagged(wizard_form(service(), caller()))


def draft_image(body: WizardRequest) -> Response:
    """Show the Dockerfile that would come of answers, and what is said against it; nothing is built."""
    dockerfile = render(body)
    return reply(WizardDraft(dockerfile=dockerfile, findings=tuple(lint(dockerfile))))


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("images", "Images and what is known against them")
    route(made, "GET", "/images", list_images, {200: ImageList, 304: None})
    route(made, "DELETE", "/images", delete_image, {200: RemovedNames})
    route(made, "POST", "/builds", build_image, {202: Operation})
    route(made, "GET", "/wizard", show_wizard, {200: WizardForm, 304: None})
    route(made, "POST", "/wizard", make_image, {202: Operation})
    route(made, "POST", "/wizard/draft", draft_image, {200: WizardDraft})
    route(made, "POST", "/scans", scan_image, {202: Operation})
    route(made, "GET", "/scans", show_scan, {200: ScanReport, 304: None})
    return made
