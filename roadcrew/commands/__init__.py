"""One module per command; each holds a click command named `command` and is imported when it is called."""
