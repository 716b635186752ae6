"""Everything that the session and the journal may raise.

SessionError
├── Unavailable            try again later; `retry` is true
│   ├── StoreUnavailable       Redis
│   │   └── StoreUnusable          Redis, until somebody sets it up differently
│   ├── JournalUnavailable     SQL
│   └── Busy                   too many others write to this conversation
├── NoConversation         never was, or was deleted
├── Rejected               a decision not to do what was asked, with a code for the asker
├── IdReused               the id of a command, with another payload (rule W5)
├── Fenced                 the writer is not the owner any more (rule R2)
├── PartGap                text before this part is missing (rule W4)
├── StoreError             answers of the store; `Sessions` deals with them, its callers need not
│   ├── Conflict               the session moved, or has to be compared with SQL first
│   ├── Missing                Redis does not hold the session
│   └── Duplicate              the command has its result already
└── JournalError           answers of the journal; likewise
    ├── Diverged               Redis and SQL disagree on the past
    ├── Unarchivable           SQL can never take these events
    └── Behind                 SQL lacks events before these
"""


class SessionError(Exception):
    """Base of all of them. The docstring is the message unless there is more to say."""

    #: Whether the same request may succeed later.
    retry = False

    def __str__(self) -> str:
        return super().__str__() or " ".join((self.__doc__ or type(self).__name__).split())


class Unavailable(SessionError):
    """Something that the session stands on cannot be reached at the moment. Try again."""

    retry = True


class StoreUnavailable(Unavailable):
    """Redis cannot be reached or refuses to work at the moment. Try again."""


class StoreUnusable(StoreUnavailable):
    """This Redis must not be used as things are set up: it is a cluster, or another installation's. The text says what
    to do. A process that finds so at its start ends."""


class JournalUnavailable(Unavailable):
    """The database cannot be reached or is locked at the moment; what was asked is not acknowledged. What
    became of it is known after a new look: load again before deciding again."""


class Busy(Unavailable):
    """Too many others write to this conversation at the moment. Try again."""


class NoConversation(SessionError):
    """There is no such conversation."""


class Rejected(SessionError):
    """What was asked cannot be done; `code` is one of the wire's closed list."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class IdReused(SessionError):
    """A command with this id and another payload was there before (rule W5). Make a new id."""


class Fenced(SessionError):
    """Somebody else owns the run now; this write came too late and was refused (rule R2)."""


class PartGap(SessionError):
    """The text before this part is not there. Send it from `have` (UTF-16 units) on, or all of it from 0."""

    def __init__(self, have: int) -> None:
        super().__init__(f"The text is there up to offset {have}; send it from there on.")
        self.have = have


class StoreError(SessionError):
    """An answer of the store that `Sessions` deals with."""


class Conflict(StoreError):
    """The session is not where the writer thought. Load it and decide again."""


class Missing(StoreError):
    """Redis does not hold this session. Rebuild it from SQL (rule S6)."""


class Duplicate(StoreError):
    """The command was appended before; `result` is what was recorded then."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


class JournalError(SessionError):
    """An answer of the journal that `Sessions` deals with."""


class Diverged(JournalError):
    """Redis and SQL disagree on the past. SQL is right: rebuild the session under a new epoch (rule S6)."""


class Unarchivable(JournalError):
    """The database refuses these events for good. This is a defect; the events are dropped, because they would
    block their conversation for ever. Nothing of them was acknowledged."""


class Behind(JournalError):
    """SQL lacks events before these. Archive what Redis has from the journal's head on (rule S6)."""
