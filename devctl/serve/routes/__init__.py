"""The routes of the service, a module per noun; each registers itself with `add_to`."""
