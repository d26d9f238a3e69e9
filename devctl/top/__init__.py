"""The terminal UI over kept environments: `devctl top`."""
