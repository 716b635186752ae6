"""For whom the calls of a step are made, and what they may be, as plain data. Who decides it is outside (chat/runs)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from agents.events import Effect

#: What an agent may set up by itself: nothing, what stays in its conversation, or anything of its owner's.
Reach = Literal["nowhere", "here", "anywhere"]

NOT_PERMITTED = (
    "This call was not executed: {why} Nothing was done. Do not try to reach the same by other means; say that it "
    "cannot be done for them here."
)


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts in a step. `owner` is the key by which tools keep things for them; empty: nobody's, or more than one
    person's. Without `changes` only tools that read may run, and `why` says so to the model."""

    owner: str = ""
    changes: bool = True
    reach: Reach = "anywhere"
    why: str = ""

    def may_use(self, effect: Effect) -> bool:
        """Whether a tool of this effect may run. An effect of a later release changes something."""
        return self.changes or effect == "read_only"

    def refusal(self) -> str:
        """What the model reads about a call that they may not have."""
        return NOT_PERMITTED.format(why=self.why or "whoever asked for it may not have it.")


#: Who acts in the calls of a step that was started at this seq, as things stand now; None: of the step to come.
FindActing = Callable[[int | None], Awaitable[Acting]]


def always(acting: Acting) -> FindActing:
    """The same for every step: where nobody but the owner speaks."""

    async def found(before: int | None) -> Acting:
        return acting

    return found
