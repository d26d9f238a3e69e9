"""The REST API under `/api/v3`: one module per resource, each with a Flask blueprint."""
