"""Conversations, runs and calls in Django's admin, to look at and never to change.

What is shown comes from models and tools, so it is hostile text: nothing here marks any of it as safe.
"""

from chat.admin import conversations, events, runs
from chat.entrances.feishu import admin as feishu
from chat.entrances.schedules import admin as schedules
from chat.entrances.triggers import admin as triggers

__all__ = ["conversations", "events", "feishu", "runs", "schedules", "triggers"]
