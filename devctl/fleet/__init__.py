"""Kept environments: named, owned by a user, recorded in PostgreSQL, on any of the hosts."""
