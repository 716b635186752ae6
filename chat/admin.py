"""Where Django looks for the admin of this app: the pages are in `chat/inspection/`."""

from chat.inspection import conversations, events, people, queues, replays, runs

__all__ = ["conversations", "events", "people", "queues", "replays", "runs"]
