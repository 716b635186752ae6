"""Where Django looks for the admin of this app: the pages are in `chat/inspection/`."""

from chat.inspection import conversations, events, queues, runs

__all__ = ["conversations", "events", "queues", "runs"]
