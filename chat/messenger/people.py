"""Who speaks in a chat, and how they stand to its conversation (chat/authorization.py)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chat.authorization import ChatPerson, ChatPlace, Standing, Verdict, in_chat
from chat.messenger import texts
from chat.messenger.adapter import Messenger, Person, made_id
from chat.messenger.models import PRESS, InboundMessage, Lane
from chat.models import Conversation

#: How a refused row is kept, and what the writer is told: (state, reason, reply).
NoSay = tuple[str, str, Any]


@dataclass(frozen=True)
class Speaker:
    """Somebody who has written or pressed. `name` is how the agent and others see them, `actor` who they are
    (`agents.events.Origin`), `policy` the door's policy for such chats."""

    name: str
    actor: str
    standing: Standing
    policy: str


def speaker(
    messenger: Messenger, app: Any, sender: str, name: str, person: Person, private: bool, lane: Lane
) -> Speaker:
    """Who `sender` is in this lane, as they are linked and as the app is configured now. The lane's owner must have
    been loaded with it."""
    user = person.user
    known = ChatPerson(None if user is None else user.pk, user is None or user.is_active)
    actor = f"guest:{made_id(messenger, 'guest', app.pk, sender)}" if user is None else f"user:{user.pk}"
    policy = app.private_policy if private else app.group_policy
    place = _place(app, lane, private)
    standing = in_chat(known, place, lane.owner_id, policy, owner_active=lane.owner.is_active)
    return Speaker(name, actor, standing, policy)


def is_still_theirs(messenger: Messenger, lane: Lane) -> bool:
    """Whether the chat may be told of its conversation: not once the one who writes there is linked to its owner no
    longer. In a database thread."""
    lane = messenger.tables.lanes.select_related("app", "owner").get(pk=lane.pk)
    if lane.owner_id == lane.app.owner_id:
        return True
    newest = _newest(messenger, lane)
    if newest is None:
        return True
    person = messenger.person(lane.app, newest.sender)
    who = speaker(messenger, lane.app, newest.sender, "", person, messenger.is_private(newest), lane)
    return who.standing.may("read").reason != "not_theirs"


def pass_over(messenger: Messenger, lane: Lane) -> None:
    """Let what has happened in the conversation count as told. In a database thread."""
    rows = Conversation.objects.filter(pk=lane.conversation)
    head = rows.values_list("head_seq", flat=True).first()
    messenger.tables.lanes.filter(pk=lane.pk, head_seq__lt=head or 0).update(head_seq=head or 0)


def _newest(messenger: Messenger, lane: Lane) -> InboundMessage | None:
    rows = messenger.tables.messages.filter(app_id=lane.app_id, chat_id=lane.chat_id)
    found: InboundMessage | None = rows.exclude(message_id__startswith=PRESS).order_by("-id").first()
    return found


def no_say(verdict: Verdict, policy: str) -> NoSay:
    """What becomes of words or a press of somebody who may not."""
    if policy == "nobody":
        return "ignored", "by policy", ""
    match verdict.reason:
        case "disabled" if policy != "linked":
            return "refused", "owner disabled", texts.DISABLED
        case "trust":
            return "refused", "strangers are not trusted", ""
        case "policy" | "disabled":
            return "refused", "not linked", texts.UNKNOWN
    return "refused", "not theirs", ""


class Chats:
    """The chats of a messenger, for whoever asks what a conversation is (`chat.extensions.Chats`)."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def place(self, conversation: UUID) -> ChatPlace | None:
        """The chat that this conversation is, as its app is configured now; None if it is none. In a database
        thread."""
        tables = self._messenger.tables
        lane = tables.lanes.select_related("app").filter(conversation=conversation).first()
        if lane is None:
            return None
        newest = _newest(self._messenger, lane)
        return _place(lane.app, lane, newest is not None and self._messenger.is_private(newest))


def _place(app: Any, lane: Lane, private: bool) -> ChatPlace:
    trusting = bool(getattr(app, "trusts_strangers", False))
    return ChatPlace("private" if private else "group", lane.owner_id == app.owner_id, trusting)
