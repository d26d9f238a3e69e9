"""Editors and ssh: addresses that open an environment in an editor, entries of the ssh config, ssh's way inside."""
