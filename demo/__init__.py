"""A first try without a key: a scripted model behind an OpenAI-compatible address, and tools that only show something.

A Django app that only a trial installs (`HOLDFAST_DEMO` in config/settings.py). Nothing else imports it.
"""
