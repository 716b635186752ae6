"""Conversations, runs and calls in Django's admin, to look at and never to change.

What is shown comes from models and tools, so it is hostile text: nothing here marks any of it as safe.
"""
