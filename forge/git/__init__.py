"""git on bare repositories: run with an explicit folder, no outside configuration and no hooks."""
