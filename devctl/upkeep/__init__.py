"""Keeping a machine of devctl in order: what works there, and what can go."""
