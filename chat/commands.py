"""What may be asked of a conversation: the commands, their limits, and the answers (rules W5, W7, W8, W11).

Every entrance asks by these; the web's frames (`chat/entrances/web/protocol.py`) carry them as they are. A body checks
its shape. Whether it may be carried out is decided in `chat/decide.py` and `chat/inbox.py`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Longest text of one message, whichever door it comes through, in characters (code points). What people write beyond
#: it is refused; what comes from outside (a page, a webhook) is cut with a visible mark.
MAX_TEXT = 32_000
#: Longest reason of a refusal, in characters.
MAX_NOTE = 1_000
#: Longest title, in characters.
MAX_TITLE = 200
#: Longest slug of an agent, in characters.
MAX_SLUG = 100
#: Files that one message may carry.
MAX_ATTACHMENTS = 5

#: Why a command was rejected. Closed list; the texts for people are in the UI.
ResultCode = Literal[
    "not_found",
    "bad_command",
    "id_reused",
    "no_run",
    "unknown_call",
    "unknown_message",
    "already_read",
    "run_active",
    "unknown_branch",
    "too_many_branches",
    "already_settled",
    "already_decided",
    "wrong_digest",
    "too_many_waiting",
    "agent_missing",
    "unknown_attachment",
    "unavailable",
    "forbidden",
    "too_fast",
    "runs_spent",
    "tokens_spent",
    "money_spent",
    "conversations_full",
]

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]


#: Client-made, or empty: the branch that a conversation begins with.
BranchId = Annotated[str, Field(pattern=r"^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$")]
#: The id of a message, a note, a step or a notice.
ItemId = Annotated[str, Field(min_length=1, max_length=80)]


class Body(BaseModel):
    """What all commands share: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateBody(Body):
    """Make the conversation. Without an agent's slug it gets the default agent."""

    kind: Literal["create"]
    agent: Annotated[str, Field(max_length=MAX_SLUG)] = ""
    title: Annotated[str, Field(max_length=MAX_TITLE)] = ""


class SendBody(Body):
    """`message` is the client-made id of the message, so that the outbox can recognise it in the state.

    `attachments` are ids of files that were uploaded before. With at least one the text may be empty. `branch` is the
    one that its author looked at; none said: the one that is shown.
    """

    kind: Literal["send"]
    message: Uuid
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    attachments: Annotated[tuple[Uuid, ...], Field(max_length=MAX_ATTACHMENTS)] = ()
    branch: BranchId | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "SendBody":
        if not self.text and not self.attachments:
            raise ValueError("text is empty, and there is no attachment")
        return self


class StopBody(Body):
    """`run` is the run that is meant: a stop that comes late, after a long outage, must not end a later one. What waits
    behind it runs next, unless `withdraw` takes it back."""

    kind: Literal["stop"]
    run: Uuid | None = None
    withdraw: bool = False


class RenameBody(Body):
    """Give the conversation another title."""

    kind: Literal["rename"]
    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE)]


class ChangeAgentBody(Body):
    """Have another agent, by its slug, answer from here on; while a run is at work it is rejected."""

    kind: Literal["change_agent"]
    agent: Annotated[str, Field(min_length=1, max_length=MAX_SLUG)]


class DeleteBody(Body):
    """Remove the conversation for good."""

    kind: Literal["delete"]


class SettleBody(Body):
    """What a person says of a call that is in doubt (rule R4); `call` must name it (rule W7)."""

    kind: Literal["settle"]
    call: Annotated[str, Field(max_length=64)]
    decision: Literal["happened", "did_not_happen", "run_again"]
    result: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class ApproveBody(Body):
    """A person allows a call that awaits their yes, or refuses it. `digest` is that of what they were shown, so that
    nobody allows what they have not seen (rule W8); `note` is the reason of a refusal, for the model to read."""

    kind: Literal["approve"]
    call: Annotated[str, Field(max_length=64)]
    digest: Annotated[str, Field(max_length=64)]
    decision: Literal["approve", "refuse"]
    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""


class TakeBackBody(Body):
    """What a provider refused, and later requests go without, is to be sent again. `message` is the id of the message,
    the note or the step."""

    kind: Literal["take_back"]
    message: Annotated[str, Field(min_length=1, max_length=80)]


class EditBody(Body):
    """Have a message say something else where it stands, with these files; nothing is answered anew. `message` is its
    id."""

    kind: Literal["edit"]
    message: Annotated[str, Field(min_length=1, max_length=80)]
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    attachments: Annotated[tuple[Uuid, ...], Field(max_length=MAX_ATTACHMENTS)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "EditBody":
        if not self.text and not self.attachments:
            raise ValueError("text is empty, and there is no attachment")
        return self


class WithdrawBody(Body):
    """Take back a message that waits behind a run: it leaves the transcript."""

    kind: Literal["withdraw"]
    message: Annotated[str, Field(min_length=1, max_length=80)]


class TryAgainBody(Body):
    """Have a message answered anew, on a branch of its own: `item` is the answer (a step), or what says that there is
    none (a notice). The answer stays, on its branch. `agent` is another one that answers, by its slug."""

    kind: Literal["try_again"]
    item: ItemId
    branch: Uuid
    agent: Annotated[str, Field(max_length=MAX_SLUG)] = ""


class RewriteBody(Body):
    """Say something else in the place of a message, on a branch of its own, and have that answered. What was said
    stays, with all that follows it, on its branch. `message` is its id, `as_message` the client-made one of the new."""

    kind: Literal["rewrite"]
    message: ItemId
    as_message: Uuid
    branch: Uuid
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    attachments: Annotated[tuple[Uuid, ...], Field(max_length=MAX_ATTACHMENTS)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "RewriteBody":
        if not self.text and not self.attachments:
            raise ValueError("text is empty, and there is no attachment")
        return self


class ChooseBody(Body):
    """Show another branch, in every tab."""

    kind: Literal["choose"]
    branch: BranchId


CommandBody = Annotated[
    CreateBody
    | SendBody
    | StopBody
    | RenameBody
    | ChangeAgentBody
    | DeleteBody
    | SettleBody
    | ApproveBody
    | TakeBackBody
    | EditBody
    | WithdrawBody
    | TryAgainBody
    | RewriteBody
    | ChooseBody,
    Field(discriminator="kind"),
]
