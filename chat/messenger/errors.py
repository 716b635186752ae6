"""What can go wrong between a messenger and us: each adapter sorts its own codes into these.

    MessengerError          the request had no success
    ├── Away                nobody answered, or the server failed: it may or may not have been done
    ├── Limited             too fast: not done, again after `after` seconds
    ├── CardClosed          the card takes no streamed text any more: open another one
    ├── Outpaced            the card was changed with a larger sequence: go on with a larger one
    ├── Unclear             nobody knows what this answer means: tried again, some times
    └── MessageRefused      it will not work, however often
        ├── TargetGone      the message that was to be replied to is gone; the chat may still be there
        └── ContentRefused  what it says, or its shape: something plainer may arrive

`code` is the messenger's number, 0 where there was none. Texts hold neither tokens nor secrets.
"""


class MessengerError(Exception):
    """Base of this package's errors."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class Away(MessengerError):
    """No answer, or a failure of the messenger. With the same `uuid` the request may be repeated."""


class Limited(MessengerError):
    """Too many requests. Nothing was done. `chat_only`: other chats are not concerned."""

    def __init__(self, text: str, code: int, after: float, *, chat_only: bool = False) -> None:
        super().__init__(text, code)
        self.after = after
        self.chat_only = chat_only


class CardClosed(MessengerError):
    """The card can no longer be streamed into."""


class Outpaced(MessengerError):
    """Somebody changed this card with a larger sequence."""


class MessageRefused(MessengerError):
    """It will not work."""


class TargetGone(MessageRefused):
    """The message to reply to is gone."""


class ContentRefused(MessageRefused):
    """The content is refused: too large, in a shape that is not taken, or with words that are not."""


class Unclear(MessengerError):
    """An answer that we do not know. Whether it was done is open; with the same `uuid` it may be repeated."""
