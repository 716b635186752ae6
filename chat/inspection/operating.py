"""What an operator may do about a run or a call of somebody else, and its way through the inbox (rules R4, R7, W7).

The admin shows and never changes: a run is stopped, and a call in doubt is settled, by the same commands that its owner
would send. Who may: staff with the permission to change runs, or calls.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from chat.authorization import Action as Wanted
from chat.authorization import in_admin
from chat.commands import ApproveBody, SettleBody, StopBody
from chat.inbox import CommandResult, Sender
from chat.inspection import base
from chat.models import Call, Conversation, QueueFailure, Run
from chat.runs.clock_difference import difference, differences, this_server
from chat.runtime import opened
from chat.session.errors import StoreUnavailable
from chat.start import evicts
from chat.support.database import give_back

#: Seconds that a page waits for Redis.
REDIS_TIMEOUT_S = 2.0
#: By which permission somebody may act with another user's authority.
ACT_FOR = "auth.change_user"
#: What somebody is told who may not.
NOT_FOR_OTHERS = _(
    "You may do this for yourself only: it acts with its owner's authority. For others it takes the permission to "
    "change users."
)
#: Runs that nobody works on at the moment.
RESTING = frozenset({"queued", "waiting", "recovering"})

#: The three things that may have become of a call in doubt, as its owner has them in the chat.
DECISIONS = (
    ("happened", _("It happened")),
    ("did_not_happen", _("It did not happen")),
    ("run_again", _("Run it again")),
)

#: The two words on a call that asks.
APPROVALS = (("approve", _("Allow")), ("refuse", _("Refuse")))


@dataclass(frozen=True)
class Action:
    """A link to a page on which something is done."""

    label: str
    address: str


class Operator:
    """What a user of the admin may do beyond looking."""

    def __init__(self, user: Any) -> None:
        self.user = user

    def may(self, action: Wanted, permission: str, owner: int | None = None) -> bool:
        """Whether they may do this with what is `owner`'s (None: of somebody), by this permission of Django's."""
        active, permitted = self.user.is_active, self.user.has_perm(permission)
        return bool(in_admin(self.user.pk, owner, permitted=permitted, active=active).may(action))

    @property
    def settles(self) -> bool:
        """Whether they may say what became of a call in doubt."""
        return self.may("settle", "chat.change_call")

    @property
    def approves(self) -> bool:
        """Whether they may allow and refuse calls that ask."""
        return self.may("allow", "chat.change_call") and self.may("refuse", "chat.change_call")

    @property
    def reads(self) -> bool:
        """Whether they may read a conversation of somebody."""
        return self.may("read", "chat.view_conversation") or self.may("read", "chat.change_conversation")

    @property
    def stops(self) -> bool:
        """Whether they may stop a run."""
        return self.may("stop", "chat.change_run")

    def acts_for(self, owner: int | None) -> bool:
        """Whether they may have agents act with this user's authority: with their own they may, with another's only
        who may change users, and so could log in as them."""
        return self.may("keep" if owner == self.user.pk else "act_for", ACT_FOR, owner)

    def about_call(self, row: Call, *, back: bool = False) -> list[Action]:
        """The three choices of a call in doubt, or the two of one that asks. `back`: from its conversation, and back
        to it."""
        if row.status == "awaiting_approval" and self.approves:
            return [
                Action(
                    f"{label}…", base.address("chat_call_approve", row.pk, decision=decision, **_back(back))
                )
                for decision, label in APPROVALS
            ]
        if row.status != "in_doubt" or not self.settles:
            return []
        return [
            Action(f"{label}…", base.address("chat_call_settle", row.pk, decision=decision, **_back(back)))
            for decision, label in DECISIONS
        ]

    def about_run(self, row: Run, *, back: bool = False) -> list[Action]:
        """The stop of a run that is not over."""
        if row.status not in ACTIVE_RUN or not self.stops:
            return []
        return [Action(gettext("Stop this run…"), base.address("chat_run_stop", row.pk, **_back(back)))]

    def sender(self) -> Sender:
        """Them, for the inbox and for the journal."""
        return Sender(user_id=self.user.pk, name=self.user.get_username(), operator=True)


def _back(back: bool) -> dict[str, str]:
    return {"back": "conversation"} if back else {}


def submit(
    operator: Operator, row: Run | Call, command: str, body: StopBody | SettleBody | ApproveBody
) -> CommandResult:
    """Send a command about a conversation as `operator`; the caller has checked that they may. `command` is its id: the
    same one again has one effect (rule W5)."""

    async def sent() -> CommandResult:
        # Connections belong to an event loop, and which one carries this view is not ours to know.
        async with opened() as runtime:
            return await runtime.inbox.submit(operator.sender(), str(row.conversation_id), command, body)

    give_back()  # the runtime needs a connection of its own
    return async_to_sync(sent)()


def redis_trouble() -> list[str]:
    """A line for each of these: Redis cannot be worked with; it throws away what it has taken; a machine's clock is not
    its own."""

    async def looked() -> list[str]:
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S), opened() as runtime:
                policy = evicts(await runtime.sessions.store.examine())
                return [policy, *await differences(runtime.sessions, this_server())]
        except TimeoutError:
            return ["Redis does not answer.", difference(this_server())]
        except StoreUnavailable as problem:
            return [str(problem), difference(this_server())]

    return [line for line in async_to_sync(looked)() if line]


def doubts() -> int:
    """How many calls are in doubt, in conversations that were not deleted; counted no further than a list is."""
    alive = Conversation.objects.filter(deleted_at=None)
    return Call.objects.filter(status="in_doubt", conversation__in=alive)[: base.MAX_COUNTED].count()


def set_aside() -> int:
    """How many rows of queues were set aside (chat/set_aside.py), counted no further than a list is."""
    return QueueFailure.objects.filter(aside=True)[: base.MAX_COUNTED].count()
