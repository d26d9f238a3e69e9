"""Sources of environments: image, Dockerfile, folder, devcontainer.json or git address, each resolved to a spec."""
