"""Programs that run inside environments, on its own Python: standard library only, 3.8 and later."""
