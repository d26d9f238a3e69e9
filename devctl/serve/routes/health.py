"""Whether the service lives, and whether it can do its work."""

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from devctl.serve.records import Readiness
from devctl.serve.routing import reply, service

_TAG = Tag(name="health", description="Without a token")


def healthz() -> Response:
    """Say that the process answers."""
    return Response("ok\n", mimetype="text/plain")


def readyz() -> Response:
    """Say whether the service can do its work, and what is away."""
    found = service().readiness()
    return reply(found, 200 if found.ready else 503)


def add_to(app: OpenAPI) -> None:
    """Register both."""
    text = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    app.get("/healthz", tags=[_TAG], responses={200: text}, operation_id="healthz")(healthz)
    app.get("/readyz", tags=[_TAG], responses={200: Readiness, 503: Readiness}, operation_id="readyz")(readyz)

    def openapi() -> Response:
        import json

        return Response(json.dumps(app.api_doc), mimetype="application/json")

    app.add_url_rule("/openapi.json", view_func=openapi)
