"""The WSGI application: all routes of one forge."""

import logging

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from forge import githttp
from forge.errors import ApiError, GitFailed, Unavailable
from forge.host import Host
from forge.pages.session import signed_in
from forge.pages.setup import add_pages, error_page
from forge.rest import (
    answer,
    assignees,
    commits,
    contents,
    gitdata,
    hooks,
    issues,
    labels,
    milestones,
    protection,
    pulls,
    refs,
    releases,
    repositories,
    reviews,
    search,
    users,
)
from forge.rest.request import identify

logger = logging.getLogger(__name__)

RESOURCES = (
    assignees,
    commits,
    contents,
    gitdata,
    hooks,
    issues,
    labels,
    milestones,
    protection,
    pulls,
    refs,
    releases,
    repositories,
    reviews,
    search,
    users,
)


def create_app(host: Host) -> Flask:
    """The application for one forge; the caller starts and stops `host.sender`."""
    app = Flask("forge", static_folder="pages/static", template_folder="pages/templates")
    app.extensions["forge"] = host
    app.secret_key = host.cookie_secret
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    if host.settings.trusted_hosts is not None:
        app.config["TRUSTED_HOSTS"] = list(host.settings.trusted_hosts)
    for module in RESOURCES:
        app.register_blueprint(module.routes, url_prefix=answer.PREFIX)
    app.register_blueprint(githttp.routes)
    add_pages(app)
    answer.finish(app, host)
    _errors(app)

    @app.before_request
    def admit() -> None:
        g.viewer = None
        if is_api():
            request.max_content_length = host.settings.api_body_bytes
        if is_api() or is_git():
            g.viewer = identify()
        elif request.endpoint != "static":
            g.viewer = signed_in(host)
        if is_api():
            answer.count(host)

    @app.get("/healthz")
    def health() -> Response:
        with host.db.read() as db:
            db.execute("SELECT 1")
        return answer.reply({"status": "ok"})

    return app


def is_api() -> bool:
    """Whether the request is for the REST API."""
    return request.path == answer.PREFIX or request.path.startswith(f"{answer.PREFIX}/")


def is_git() -> bool:
    """Whether the request is git's."""
    return request.blueprint == githttp.routes.name


def _errors(app: Flask) -> None:
    @app.errorhandler(ApiError)
    def told(failure: ApiError) -> Response:
        if is_git():
            response = Response(f"{failure.message}\n", failure.status, content_type="text/plain; charset=utf-8")
            if failure.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="forge"'
            return response
        return answer.error(failure) if is_api() else error_page("That did not work", failure)

    @app.errorhandler(HTTPException)
    def raised(failure: HTTPException) -> Response:
        if is_api():
            return answer.http_error(failure)
        plain = ApiError(failure.description or failure.name)
        plain.status = failure.code or 500
        return error_page(failure.name, plain)

    @app.errorhandler(GitFailed)
    def broken(failure: GitFailed) -> Response:
        logger.error("%s %s: %s", request.method, request.path, failure)
        asked = request.view_args or {}
        name = f"{asked['owner']}/{asked['name']}" if {"owner", "name"} <= asked.keys() else "The repository"
        return told(Unavailable(f"{name} cannot be served: {failure}"))
