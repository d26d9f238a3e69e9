"""Attempts to get out of an environment, each of which works where there is no sandbox."""
