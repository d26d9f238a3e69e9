"""Fitting the pages into the application."""

from flask import Flask, Response, g, render_template
from markupsafe import Markup

from forge.errors import ApiError
from forge.pages import avatars, home, issues, markup, pulls
from forge.pages.session import form_token, harden


def form_field() -> Markup:
    """The hidden field that every form carries."""
    return Markup('<input type="hidden" name="form_token" value="{}">').format(form_token())


def add_pages(app: Flask) -> None:
    """Register the pages, their filters, and what templates may call."""
    for module in (avatars, home, issues, pulls):
        app.register_blueprint(module.routes)
    harden(app)
    app.add_template_filter(markup.markdown, "markdown")
    app.add_template_filter(markup.when, "when")
    app.add_template_global(form_field, "form_field")
    app.add_template_global(issues.author, "author")
    app.add_template_global(issues.labels_of, "labels_of")

    @app.context_processor
    def person() -> dict[str, object]:
        return {"viewer": g.get("viewer")}


def error_page(title: str, failure: ApiError) -> Response:
    """An error as a page."""
    details = [each if isinstance(each, str) else each.get("message", "") for each in failure.errors]
    shown = render_template("error.html", title=title, message=failure.message, details=[d for d in details if d])
    return Response(shown, failure.status, content_type="text/html; charset=utf-8")
