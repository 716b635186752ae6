"""Live sessions: the sequenced state of conversations in Redis, and the journal behind it. See `chat/runtime.py`."""
