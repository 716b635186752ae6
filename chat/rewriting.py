"""What comes of changing what was said or answered: pure functions from a state to events, as in `chat/decide.py`.

A message is changed where it stands, or taken back while it waits (rule R6); another answer, or another message in the
place of one, goes a way of its own (rules B1 and B2).
"""

from agents import events as e
from agents.branches import MAX_BRANCHES
from chat.decide import active_run, of_branch, run_id, waiting
from chat.session import paths
from chat.session.errors import Rejected
from chat.session.state import items
from chat.session.views import State


def decide_branch(
    state: State,
    *,
    conversation: str,
    branch: str,
    parent: str,
    before: int,
    cause: str,
    by: str,
    now: int,
    said: e.MessageAdded | None = None,
    agent: str = "",
) -> list[e.Event]:
    """Another way on from a place: a branch with what `parent`'s path has below `before`, and a run for message
    `cause`, which is `said` there or stands before the place already. Only while nothing runs: one of two who want it
    at once wins, and the other is told. Whoever looked the place up did that in the journal; it does not change."""
    known = paths.branches_of(paths.view_of(state))
    if known.knows(branch):
        return []
    if active_run(state) is not None:
        raise Rejected("run_active")
    if not known.knows(parent):
        raise Rejected("unknown_branch")
    if len(known.all) >= MAX_BRANCHES:
        raise Rejected("too_many_branches")
    opened = e.BranchOpened(at=now, branch=branch, parent=parent, before=before, by=by)
    run = run_id(conversation, f"{cause}/{branch}")
    told: list[e.Event] = [opened] if said is None else [opened, said]
    return [*told, *of_branch(run, cause, branch, agent, now)]


def decide_edit(
    state: State,
    *,
    message: str,
    text: str,
    attachments: tuple[e.AttachmentRef, ...],
    by: str,
    now: int,
    elsewhere: bool = False,
) -> list[e.Event]:
    """A person wants a message to say something else where it stands. One that waits may be changed at any time; one
    that the model has read only while it is not at work, or it would answer what nobody says. `elsewhere`: the journal
    has the message, if the state does not."""
    held = next((i for i in items(state) if i["kind"] == "message" and i["id"] == message), None)
    if held is None and not elsewhere:
        raise Rejected("unknown_message")
    if active_run(state) is not None and message not in {item["id"] for item in waiting(state)}:
        raise Rejected("run_active")
    files = [e.plain(file) for file in attachments]
    if held is not None and held["kind"] == "message":
        if held["text"] == text and held.get("attachments", []) == files:
            return []
    return [e.MessageEdited(at=now, message=message, text=text, attachments=attachments, by=by)]


def decide_withdraw(state: State, *, message: str, by: str, now: int) -> list[e.Event]:
    """A person takes back a message that waits. One that the model has read stays."""
    if message in {item["id"] for item in waiting(state)}:
        return [e.MessageWithdrawn(at=now, message=message, by=by)]
    known = any(item["kind"] == "message" and item["id"] == message for item in items(state))
    raise Rejected("already_read" if known else "unknown_message")
