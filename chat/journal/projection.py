"""The rows that are written with the events: what the admin, the sweeper, paging and rebuilding read.

`Rows.write` must be called inside the transaction that holds the conversation's row. It gathers what a whole
append comes to and writes each row once. An honest worker makes each run and call once; if one comes twice all
the same, the later one stands, because an event that can never be archived would block its conversation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

from agents import events as e
from agents.lifecycle import CALL
from chat import models as m
from chat.journal import on_path
from chat.journal.committed import Committed
from chat.journal.statements import Table, dumped, key_of
from chat.limits.spending import spender_of
from chat.session import paths
from chat.session.errors import Diverged
from chat.session.state import WINDOW, edited, is_open, item_at, items, left_out, run_of
from chat.session.views import UNSENT, AgentItem, MessageItem, NoteItem, NoticeItem, State, StepItem

#: Events that bring a conversation to the top of its owner's list.
NEWS = ("conversation.", "message.", "note.", "run.")

#: Events that change a call's row. Progress is shown and not kept there.
CALL_NEWS = tuple(kind for kind in CALL.rows if kind not in (e.StepFinished, e.CallProgress))
#: Events that change an item wherever it stands, also when it has left the window.
MARKS = (e.MessageLeftOut, e.MessageTakenBack, e.MessageEdited)
#: The longest type of an event that the column holds. Ours are shorter; one of a later release need not be.
TYPE_CHARS = 40


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose a conversation is, and the entrance at which it began."""

    owner: int
    entrance: str


EVENTS = Table(m.Event)
#: A command that is there already is not written; see `Rows._write_commands`.
COMMANDS = Table(m.Command, ("conversation", "command"), ())
MESSAGES = Table(m.Message, ("conversation", "seq"), ("body",))
STEPS = Table(m.Step, ("conversation", "step"))
CALLS = Table(m.Call, ("conversation", "call"))
RUNS = Table(m.Run, ("conversation", "run"))


class Rows:
    """The rows of one append to one conversation. To be used inside a transaction that holds the conversation's row."""

    def __init__(
        self, connection: BaseDatabaseWrapper, conversation: UUID, whose: "Whose", after: State
    ) -> None:
        self.connection = connection
        self.conversation = conversation
        self.whose = whose
        self.after = after
        self.events: list[e.Event] = []
        #: As columns have it.
        self.key = key_of(connection, conversation)
        self.messages: dict[int, dict[str, Any]] = {}
        self.steps: dict[str, dict[str, Any] | None] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.call_changes: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.new_runs: dict[str, dict[str, Any]] = {}
        #: Changes of items that have left the window, by their ids, in order.
        self.marks: list[e.MessageLeftOut | e.MessageTakenBack | e.MessageEdited] = []
        self.withdrawn: list[str] = []

    def write(self, committed: Sequence[Committed]) -> None:
        """Write the events, their commands and everything they changed. The caller moves the head. Raises Diverged if
        one of the commands has its result already."""
        self.events = [each.event for each in committed]
        for each in committed:
            self._gather(each)
        self._write_commands(committed)
        EVENTS.insert(self.connection, [self._event(each) for each in committed])
        self._write_items()
        self._write_marks()
        self._write_runs()

    # ---- events ----

    def _event(self, each: Committed) -> dict[str, Any]:
        return {
            "conversation": self.key,
            "seq": each.seq,
            "type": _type(each.event)[:TYPE_CHARS],
            "version": e.version_of(each.event),
            "at": each.event.at,
            "text": each.text,
            "tag": each.tag,
            "command": each.command.id if each.command else None,
        }

    def _write_commands(self, committed: Sequence[Committed]) -> None:
        """A command has one effect: an event whose command has its result already is not of this history."""
        commands = [
            {
                "conversation": self.key,
                "command": each.command.id,
                "digest": each.command.digest,
                "result": each.command.result,
                "seq": each.seq,
            }
            for each in committed
            if each.command is not None
        ]
        if COMMANDS.insert(self.connection, commands) < len(commands):
            raise Diverged

    # ---- what each event changed ----

    def _gather(self, each: Committed) -> None:
        for key, value in each.change.items():
            if key.startswith("i:") and value is not None:
                item = item_at(each.change, key)
                if item["kind"] == "step":
                    self._step(item, each.event)
                else:
                    self._message(item)
        if isinstance(each.event, MARKS) and not each.change:
            self.marks.append(each.event)
        if isinstance(each.event, e.MessageWithdrawn) and each.change:
            self._withdrawn(each.event.message)
        if isinstance(each.event, e.StepDiscarded) and each.change:
            self.steps[each.event.step] = None
        run = run_of(each.change)
        if run is not None:
            self._run(run, each)

    def _message(self, item: MessageItem | NoteItem | NoticeItem | AgentItem) -> None:
        self.messages[item["seq"]] = {
            "conversation": self.key,
            "seq": item["seq"],
            "message": item["id"],
            "kind": item["kind"],
            "at": item["at"],
            "branch": item.get("branch", ""),
            "body": item,
        }

    def _withdrawn(self, message: str) -> None:
        for seq in [seq for seq, row in self.messages.items() if row["message"] == message]:
            del self.messages[seq]
        self.withdrawn.append(message)

    def _step(self, item: StepItem, event: e.Event) -> None:
        self.steps[item["id"]] = {
            "conversation": self.key,
            "seq": item["seq"],
            "step": item["id"],
            "run": item["run"],
            "branch": item.get("branch", ""),
            "status": item["status"],
            "open": is_open(item),
            "attempt": item["attempt"],
            "model": clean(item["model"])[:100],
            **used(item["usage"]),
            "started_at": item["at"],
            "ended_at": item["ended_at"],
            "body": item,
        }
        if isinstance(event, e.StepFinished):
            for call, proposed in zip(item["calls"], event.calls, strict=True):
                self._proposed(item["id"], call, proposed)
        elif isinstance(event, CALL_NEWS):
            named = getattr(event, "call", None)
            for call in item["calls"]:
                if call["id"] == named:
                    self._call_changed(call, event)

    def _proposed(self, step: str, call: Any, proposed: e.ProposedCall) -> None:
        self.calls[call["id"]] = {
            **CALLS.defaults,
            "conversation": self.key,
            "call": call["id"],
            "step": step,
            "ordinal": call["ordinal"],
            "name": clean(call["name"])[:200],
            "arguments": clean(call["arguments"]),
            "provider_id": clean(proposed.provider_id)[:200],
            "effect": call["effect"],
            "status": call["status"],
            "code": call["code"] or "",
        }

    def _call_changed(self, call: Any, event: e.Event) -> None:
        changes: dict[str, Any] = {
            "status": call["status"],
            "attempt": call["attempt"],
            "worker": clean(call["worker"])[:100],
            "preview": clean(call["preview"]),
            "size": call["size"],
            "code": call["code"] or "",
            "by": clean(call["by"])[:150],
            "started_at": call["started_at"],
            "ended_at": call["ended_at"],
        }
        if isinstance(event, e.CallStarted):
            changes["fence"] = event.fence
        if isinstance(event, e.CallSettled):
            changes["result"] = clean(event.result)
        new = self.calls.get(call["id"])
        if new is None:
            self.call_changes.setdefault(call["id"], {}).update(changes)
        else:
            new.update(changes)

    def _run(self, run: Any, each: Committed) -> None:
        changes: dict[str, Any] = {
            "status": run["status"],
            "attempt": run["attempt"],
            "worker": clean(run["worker"])[:100],
            "stopping": run["stopping"],
            "reason": run["reason"] or "",
            "code": run["code"] or "",
            "detail": clean(run["detail"]),
            "started_at": run["started_at"],
            "ended_at": run["ended_at"],
            "retry_at": run["retry_at"],
            "updated_at": each.event.at,
            "branch": run.get("branch", ""),
            **used(run.get("usage")),
        }
        if isinstance(each.event, e.RunStarted):
            changes["fence"] = each.event.fence
        if isinstance(each.event, e.RunQueued):
            self.new_runs[run["id"]] = {
                **RUNS.defaults,
                "conversation": self.key,
                "run": run["id"],
                "seq": each.seq,
                "cause": run["cause"],
                "queued_at": run["queued_at"],
                **self._spender(run["cause"]),
                **changes,
            }
        elif run["id"] in self.new_runs:
            self.new_runs[run["id"]].update(changes)
        else:
            self.runs.setdefault(run["id"], {}).update(changes)

    def _spender(self, cause: str) -> dict[str, Any]:
        found = spender_of(cause, self.events, items(self.after), self.whose.owner, self.whose.entrance)
        return {"person": clean(found.person), "entrance": clean(found.entrance)[:20]}

    # ---- writing ----

    def _write_items(self) -> None:
        MESSAGES.insert(self.connection, list(self.messages.values()))
        if self.withdrawn:
            m.Message.objects.using(self.connection.alias).filter(
                conversation=self.conversation, message__in=self.withdrawn, kind="message"
            ).delete()
        gone = [step for step, row in self.steps.items() if row is None]
        if gone:
            m.Step.objects.using(self.connection.alias).filter(
                conversation=self.conversation, step__in=gone
            ).delete()
        STEPS.insert(self.connection, [row for row in self.steps.values() if row is not None])
        CALLS.insert(self.connection, list(self.calls.values()))
        for call, changes in self.call_changes.items():
            CALLS.update(self.connection, {"conversation": self.key, "call": call}, changes)

    def _write_marks(self) -> None:
        using = self.connection.alias
        for event in self.marks:
            said = m.Message.objects.using(using).filter(
                conversation=self.conversation, message=event.message
            )
            steps = m.Step.objects.using(using).filter(conversation=self.conversation, step=event.message)
            held: list[Any] = [*said.exclude(kind__in=UNSENT), *steps]
            for row in held:
                if isinstance(event, e.MessageEdited):
                    if getattr(row, "kind", "") == "message":
                        row.body = edited(row.body, event)
                        row.save(update_fields=["body"])
                    continue
                mark = row.body.get("left_out")
                told = None if isinstance(event, e.MessageTakenBack) else left_out(mark, event)
                row.body = {**row.body, "left_out": told}
                row.save(update_fields=["body"])

    def _write_runs(self) -> None:
        RUNS.insert(self.connection, list(self.new_runs.values()))
        for run, changes in self.runs.items():
            RUNS.update(self.connection, {"conversation": self.key, "run": run}, changes)


_HEAD = """UPDATE "chat_conversation" SET "head_seq" = %s, "head_tag" = %s, "info" = %s, "run" = %s, "window" = %s,
"run_status" = %s, "title" = COALESCE(%s, "title"), "agent" = COALESCE(%s, "agent"),
"compacted_seq" = COALESCE(%s, "compacted_seq"),
"updated_at" = CASE WHEN "updated_at" < %s THEN %s ELSE "updated_at" END{used}{branches}
WHERE "id" = %s AND "head_seq" = %s AND "head_tag" = %s AND "deleted_at" IS NULL
RETURNING "owner_id", "entrance" """
#: The columns of a usage; without them where a state does not say what was used.
_USED = ', "input_tokens" = %s, "output_tokens" = %s, "cached_tokens" = %s, "cost" = %s'

#: Of a conversation that has branches.
_BRANCHES = ', "branches" = %s, "seen" = %s'


def move_head(
    connection: BaseDatabaseWrapper,
    conversation: UUID,
    base: tuple[int, str],
    committed: Sequence[Committed],
    after: State,
) -> Whose | None:
    """Move the head of a conversation from (seq, tag) `base` to the last of `committed`, and hold its row until the
    transaction ends. None if its head is elsewhere, or there is no such conversation."""
    last = committed[-1]
    info: Any = after.get("info")
    run: Any = after.get("run")
    window = sorted(int(key[2:]) for key in after if key.startswith("i:"))
    compacted = [
        each.seq
        for each in committed
        if isinstance(each.event, e.HistoryCompacted) and not each.event.problem
    ]
    # Clocks of processes differ: what is newer must not sink in the list.
    news = max([each.event.at for each in committed if _is_news(each.event)], default=0)
    totals = tuple(used(info.get("usage")).values()) if info else ()
    branched = tuple(dumped(after.get(name)) for name in ("branches", "seen") if "branches" in after)
    values = (
        last.seq,
        last.tag,
        dumped(info),
        dumped(run),
        dumped(window),
        run["status"] if run else "",
        clean(info["title"])[:200] if info else None,
        (info["agent"] or None) if info else None,
        compacted[-1] if compacted else None,
        news,
        news,
        *totals,
        *branched,
        key_of(connection, conversation),
        *base,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _HEAD.format(used=_USED if totals else "", branches=_BRANCHES if branched else ""), values
        )
        rows = cursor.fetchall()
    return Whose(*rows[0]) if rows else None


def show(
    connection: BaseDatabaseWrapper, conversation: UUID, committed: Sequence[Committed], after: State
) -> None:
    """Make the window that of the branch which is shown, if these events have shown another one; its items are in the
    rows, and not in the state. After the rows are written, in the same transaction."""
    if not any(isinstance(each.event, e.BranchOpened | e.BranchChosen) for each in committed):
        return
    row = m.Conversation.objects.using(connection.alias).get(id=conversation)
    path = paths.path_of(paths.view_of(after))
    newest: list[int] = []
    for rows in (row.messages, row.steps):
        newest += on_path.on(rows.all(), path).order_by("-seq").values_list("seq", flat=True)[:WINDOW]
    row.window = sorted({*row.window, *sorted(newest)[-WINDOW:]})
    row.save(update_fields=["window"])


def used(usage: Any) -> dict[str, Any]:
    """The columns of a usage as the state has it, or of none."""
    usage = usage or {}
    tokens = {f"{name}_tokens": usage.get(name, 0) for name in ("input", "output", "cached")}
    return {**tokens, "cost": usage.get("cost")}


def clean(text: str) -> str:
    """Text for a column: PostgreSQL has no U+0000. The events and the items keep it, as an escape."""
    return text.replace("\0", "\ufffd")


def _is_news(event: e.Event) -> bool:
    """Whether it brings its conversation to the top. A title that nobody has asked for does not."""
    return _type(event).startswith(NEWS) and not (isinstance(event, e.ConversationRenamed) and event.model)


def _type(event: e.Event) -> str:
    return str(getattr(event, "type", ""))
