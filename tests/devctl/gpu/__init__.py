"""Tests of GPU detection; no GPU is needed, and none is claimed to have been tested."""
