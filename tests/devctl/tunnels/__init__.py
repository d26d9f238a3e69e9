"""Tests of the tunnels."""
