"""Holdfast with the servers that people have: `make engines` (`python -m tests.engines.run`)."""
