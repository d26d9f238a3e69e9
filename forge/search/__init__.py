"""Searching issues and repositories: GitHub's query language read into conditions on the database."""
