"""The journal's vocabulary: what can happen in a conversation (`facts.py`), of what it is made (`parts.py`), and how
stored text becomes an event again (`reading.py`). Import it as `from agents import events as e`."""

from agents.events.facts import *  # noqa: F403
