"""The local code host: GitHub's REST, webhooks and git over HTTP, on bare repositories and one SQLite file.

Start it with `python -m forge --data DIR --port N --admin-token-file FILE`; `forge.app.create_app` builds the
same WSGI application for callers that bring their own server.
"""
