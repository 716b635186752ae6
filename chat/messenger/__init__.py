"""What any messenger needs, once: chats as lanes, what comes in, what goes out, and how far a chat is told.

    adapter.py     what a messenger has to bring (Feishu: chat/entrances/feishu/adapter.py)
    models.py      its tables, as abstract bases
    store.py       an event on its way into the tables
    lanes.py       which worker sees to which chat
    intake.py      stored message -> command to the inbox; presses.py: what a button stands for; poison.py: what raises
    follow.py      a reader of the conversation's live state
    answers.py     journal -> outbox; told.py: how far the chat is told (pure, one stored mark)
    outbox.py      what must arrive, in order, once
    delivery.py    the way out of one chat: outbox and cards; cards.py: what a card shows (pure)
    pacing.py      how fast
    service.py     the side task of a worker that does all this

No file in here knows a messenger by name (`tests/test_imports.py`), and the tests drive all of it through two of them.
"""
