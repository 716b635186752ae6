"""Where Django looks for the admin of this app: the pages are in `chat/inspection/`."""

from chat.entrances.feishu import admin as feishu
from chat.entrances.schedules import admin as schedules
from chat.entrances.triggers import admin as triggers
from chat.inspection import conversations, events, runs

__all__ = ["conversations", "events", "feishu", "runs", "schedules", "triggers"]
