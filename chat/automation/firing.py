"""How an event that an entrance has seen by itself becomes a run: once, whatever dies in between.

    the entrance journals the event ─► fire(inbox, firing) ─► create (unless it is there) ─► send ─► Fired
                 ▲                                                                                    │
                 └───────────── retry: again later, with the same firing ◄────────────────────────────┘

Every id (conversation, commands, message) is made from the firing's key, so firing again what a dead worker may have
fired adds nothing (rule W5). The entrance must have stored the firing, whole, before it calls this: the same key with
another prompt is the event that was sent first. Entrances answer for `owner` being entitled to what they name: a
conversation that is not theirs is `not_found`.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from agents.tools.texts import fit
from chat import extensions
from chat.commands import MAX_TEXT, MAX_TITLE, ResultCode
from chat.inbox import Body, CommandResult, CreateBody, Inbox, SendBody, Sender
from chat.journal import replies
from chat.models import Conversation
from chat.session.errors import JournalUnavailable

#: What a person reads of a firing that can never be carried out.
REFUSALS: dict[str, str] = {
    "not_found": "The conversation was deleted.",
    "agent_missing": "The agent is missing or disabled.",
    "bad_command": "The message is empty.",
    "forbidden": "Its owner is disabled, so nothing is done for them.",
    "runs_spent": "The agents had worked for its owner as often that day as they may.",
    "tokens_spent": "The agents had read and written as much for its owner that day as they may.",
    "money_spent": "The agents had spent as much for its owner that day as they may.",
    "conversations_full": "Its owner has as many conversations as one person may have.",
}


@dataclass(frozen=True)
class Firing:
    """One event that is to become a message of `owner`, and so a run.

    `key` is the identity of the event, e.g. "schedule:17:1764000000000"; never made from what the event says.
    `entrance` is the name of the one that saw it (`chat/extensions.py`), `name` is shown as who spoke. A `prompt`
    longer than MAX_TEXT is cut with a mark: nobody is there to shorten it. `agent` (a slug, "" = the default one) and
    `title` ("" = made from the prompt) are those of a conversation that is made.
    `conversation` names one that must exist; without it one is made, for this firing alone or, with a `series`, for all
    firings that name the same one. `made_in`: the conversation whose agent has set it up, if one did. What was set up
    in a chat of a bot's account, by whoever spoke there, has the authority of a stranger and not of the account.
    """

    key: str
    owner: int
    entrance: str
    name: str
    prompt: str
    agent: str = ""
    conversation: str = ""
    title: str = ""
    series: str = ""
    made_in: UUID | None = None

    @property
    def place(self) -> str:
        """The id of the conversation that it goes to."""
        return self.conversation or _made("conversation", self.entrance, self.owner, self.series or self.key)

    @property
    def message(self) -> str:
        """The id of the message that it becomes."""
        return _made("message", self.key)


@dataclass(frozen=True)
class Fired:
    """What became of a firing. `applied` and `duplicate`: the message is in the conversation's journal.

    `run` is the run that answers it, or the active one that it waits behind (rule R6; `chat/journal/replies.py` tells
    which one it was in the end), or "" if nobody has read it yet. `retry`: fire the same again later; otherwise a
    refusal is final, and `REFUSALS` says it in words.
    """

    conversation: str
    message: str
    run: str
    status: Literal["applied", "duplicate", "rejected"]
    code: ResultCode | None = None
    retry: bool = False


async def fire(inbox: Inbox, firing: Firing) -> Fired:
    """Carry a firing out, or find that it was. Never raises for what an outage can cause."""
    place, message = firing.place, firing.message
    if not firing.prompt.strip():
        return Fired(place, message, "", "rejected", "bad_command")
    try:
        actor = await inbox.journal.ask(lambda: _actor(firing.made_in))
    except JournalUnavailable:
        return Fired(place, message, "", "rejected", "unavailable", retry=True)
    who = Sender(firing.owner, entrance=firing.entrance, name=firing.name, actor=actor)
    if not firing.conversation:
        create = CreateBody(kind="create", agent=firing.agent, title=firing.title[:MAX_TITLE])
        made = await _submit(inbox, who, place, _made("create", place), create)
        if made.status == "rejected":
            return Fired(place, message, "", "rejected", made.code, made.retry)
    send = SendBody(kind="send", message=message, text=fit(firing.prompt, MAX_TEXT))
    sent = await _submit(inbox, who, place, _made("send", firing.key), send)
    if sent.status == "rejected":
        return Fired(place, message, "", "rejected", sent.code, sent.retry)
    try:
        run = await inbox.journal.ask(lambda: replies.expected(place, message, inbox.journal.using))
    except JournalUnavailable:
        run = ""
    return Fired(place, message, run, sent.status)


async def _submit(inbox: Inbox, who: Sender, conversation: str, id: str, body: Body) -> CommandResult:
    result = await inbox.submit(who, conversation, id, body)
    # Its title, agent or prompt has changed since it was sent the first time: what was sent then stands.
    return CommandResult("duplicate") if result.code == "id_reused" else result


def is_of_chat(made_in: UUID | None) -> bool:
    """Whether something was set up in a chat of a bot's account, by whoever spoke there. In a database thread."""
    if made_in is None:
        return False
    entrance = Conversation.objects.filter(pk=made_in).values_list("entrance", flat=True).first()
    place = None if entrance is None else extensions.place_of(entrance, made_in)
    return place is not None and place.shared


def _actor(made_in: UUID | None) -> str:
    return f"guest:{made_in}" if is_of_chat(made_in) else ""


def _made(*parts: object) -> str:
    """A UUID made of these: the same on every worker, whenever it is asked for."""
    return str(uuid5(NAMESPACE_URL, "\0".join(["holdfast.firing", *map(str, parts)])))
