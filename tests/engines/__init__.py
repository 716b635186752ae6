"""Holdfast on the databases, stores and proxies that people have: `make engines` (`python -m tests.engines.run`)."""
