"""Measurements: run by hand, never by the tests, because a busy machine must not make a test fail."""
