"""Where the JSON column was in release 0.1; landed migrations name this place."""

from chat.support.fields import JsonText

__all__ = ["JsonText"]
