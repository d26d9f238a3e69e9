"""Programs that run inside an environment, with nothing of ours to import there."""
