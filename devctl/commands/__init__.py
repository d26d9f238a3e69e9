"""The commands of the `devctl` program, a module for each noun; `devctl.cli` loads one when it is called."""
