"""The rows that are written with the events: what the admin, the sweeper, paging and rebuilding read.

`Rows.write` must be called inside the transaction that holds the conversation's row. It gathers what a whole
append comes to and writes each row once. An honest worker makes each run and call once; if one comes twice all
the same, the later one stands, because an event that can never be archived would block its conversation.
"""

from collections.abc import Sequence
from typing import Any, cast

from django.db import models

from agents import events as e
from agents.lifecycle import CALL
from chat import models as m
from chat.journal import on_path
from chat.journal.committed import Committed
from chat.session import paths
from chat.session.state import WINDOW, edited, is_open, item_at, left_out, run_of
from chat.session.views import MessageItem, NoteItem, NoticeItem, State, StepItem

#: Events that bring a conversation to the top of its owner's list.
NEWS = ("conversation.", "message.", "note.", "run.")

#: Events that change a call's row. Progress is shown and not kept there.
CALL_NEWS = tuple(kind for kind in CALL.rows if kind not in (e.StepFinished, e.CallProgress))
#: Events that change an item wherever it stands, also when it has left the window.
MARKS = (e.MessageLeftOut, e.MessageTakenBack, e.MessageEdited)
#: The longest type of an event that the column holds. Ours are shorter; one of a later release need not be.
TYPE_CHARS = 40


class Rows:
    """The rows of one append to one conversation."""

    def __init__(self, conversation: m.Conversation) -> None:
        self.conversation = conversation
        self.messages: dict[int, m.Message] = {}
        self.steps: dict[str, m.Step | None] = {}
        self.calls: dict[str, m.Call] = {}
        self.call_changes: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.new_runs: dict[str, m.Run] = {}
        #: Changes of items that have left the window, by their ids, in order.
        self.marks: list[e.MessageLeftOut | e.MessageTakenBack | e.MessageEdited] = []
        self.withdrawn: list[str] = []

    def write(self, committed: Sequence[Committed], after: State) -> None:
        """Write the events, their commands and everything they changed, and move the head."""
        for each in committed:
            self._gather(each)
        self.conversation.events.bulk_create([self._event(each) for each in committed])
        self.conversation.commands.bulk_create(self._commands(committed))
        self._write_items()
        self._write_marks()
        self._write_runs()
        self._move_head(committed, after)

    # ---- events ----

    def _event(self, each: Committed) -> m.Event:
        return m.Event(
            conversation=self.conversation,
            seq=each.seq,
            type=_type(each.event)[:TYPE_CHARS],
            version=e.version_of(each.event),
            at=each.event.at,
            text=each.text,
            tag=each.tag,
            command=each.command.id if each.command else None,
        )

    def _commands(self, committed: Sequence[Committed]) -> list[m.Command]:
        return [
            m.Command(
                conversation=self.conversation,
                command=each.command.id,
                digest=each.command.digest,
                result=each.command.result,
                seq=each.seq,
            )
            for each in committed
            if each.command is not None
        ]

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

    def _message(self, item: MessageItem | NoteItem | NoticeItem) -> None:
        self.messages[item["seq"]] = m.Message(
            conversation=self.conversation,
            seq=item["seq"],
            message=item["id"],
            kind=item["kind"],
            at=item["at"],
            branch=item.get("branch", ""),
            body=cast(Any, item),
        )

    def _withdrawn(self, message: str) -> None:
        for seq in [seq for seq, row in self.messages.items() if row.message == message]:
            del self.messages[seq]
        self.withdrawn.append(message)

    def _step(self, item: StepItem, event: e.Event) -> None:
        self.steps[item["id"]] = m.Step(
            conversation=self.conversation,
            seq=item["seq"],
            step=item["id"],
            run=item["run"],
            branch=item.get("branch", ""),
            status=item["status"],
            open=is_open(item),
            attempt=item["attempt"],
            model=clean(item["model"])[:100],
            **used(item["usage"]),
            started_at=item["at"],
            ended_at=item["ended_at"],
            body=cast(Any, item),
        )
        if isinstance(event, e.StepFinished):
            for call, proposed in zip(item["calls"], event.calls, strict=True):
                self._proposed(item["id"], call, proposed)
        elif isinstance(event, CALL_NEWS):
            named = getattr(event, "call", None)
            for call in item["calls"]:
                if call["id"] == named:
                    self._call_changed(call, event)

    def _proposed(self, step: str, call: Any, proposed: e.ProposedCall) -> None:
        self.calls[call["id"]] = m.Call(
            conversation=self.conversation,
            call=call["id"],
            step=step,
            ordinal=call["ordinal"],
            name=clean(call["name"])[:200],
            arguments=clean(call["arguments"]),
            provider_id=clean(proposed.provider_id)[:200],
            effect=call["effect"],
            status=call["status"],
            code=call["code"] or "",
        )

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
            for name, value in changes.items():
                setattr(new, name, value)

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
            self.new_runs[run["id"]] = m.Run(
                conversation=self.conversation,
                run=run["id"],
                seq=each.seq,
                cause=run["cause"],
                queued_at=run["queued_at"],
                **changes,
            )
        elif run["id"] in self.new_runs:
            for name, value in changes.items():
                setattr(self.new_runs[run["id"]], name, value)
        else:
            self.runs.setdefault(run["id"], {}).update(changes)

    # ---- writing ----

    def _write_items(self) -> None:
        conversation = self.conversation
        conversation.messages.bulk_create(
            self.messages.values(),
            update_conflicts=True,
            unique_fields=["conversation", "seq"],
            update_fields=["body"],
        )
        if self.withdrawn:
            conversation.messages.filter(message__in=self.withdrawn, kind="message").delete()
        gone = [step for step, row in self.steps.items() if row is None]
        if gone:
            conversation.steps.filter(step__in=gone).delete()
        conversation.steps.bulk_create(
            [row for row in self.steps.values() if row is not None],
            update_conflicts=True,
            unique_fields=["conversation", "step"],
            update_fields=_fields(m.Step, "step"),
        )
        conversation.calls.bulk_create(
            self.calls.values(),
            update_conflicts=True,
            unique_fields=["conversation", "call"],
            update_fields=_fields(m.Call, "call"),
        )
        for call, changes in self.call_changes.items():
            conversation.calls.filter(call=call).update(**changes)

    def _write_marks(self) -> None:
        for event in self.marks:
            held: list[Any] = [
                *self.conversation.messages.filter(message=event.message).exclude(kind="notice"),
                *self.conversation.steps.filter(step=event.message),
            ]
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
        self.conversation.runs.bulk_create(
            self.new_runs.values(),
            update_conflicts=True,
            unique_fields=["conversation", "run"],
            update_fields=_fields(m.Run, "run"),
        )
        for run, changes in self.runs.items():
            self.conversation.runs.filter(run=run).update(**changes)

    def _move_head(self, committed: Sequence[Committed], after: State) -> None:
        row, last = self.conversation, committed[-1]
        row.head_seq, row.head_tag = last.seq, last.tag
        row.info, row.run = after.get("info"), after.get("run")
        row.window = sorted(int(key[2:]) for key in after if key.startswith("i:"))
        if "branches" in after:
            row.branches, row.seen = after["branches"], after.get("seen")
            if any(isinstance(each.event, e.BranchOpened | e.BranchChosen) for each in committed):
                row.window = sorted({*row.window, *_newest(row)})
        row.title = clean(row.info["title"])[:200] if row.info else row.title
        row.run_status = row.run["status"] if row.run else ""
        changed = ["head_seq", "head_tag", "info", "run", "window", "title", "run_status"]
        if "branches" in after:
            changed += ["branches", "seen"]
        totals = used(row.info.get("usage")) if row.info else {}
        for name, value in totals.items():
            setattr(row, name, value)
        changed += totals
        for each in committed:
            if isinstance(each.event, e.HistoryCompacted) and not each.event.problem:
                row.compacted_seq = each.seq
                changed.append("compacted_seq")
        news = [each.event.at for each in committed if _type(each.event).startswith(NEWS)]
        if news:
            # Clocks of processes differ: what is newer must not sink in the list.
            row.updated_at = max(row.updated_at, *news)
            changed.append("updated_at")
        row.save(update_fields=changed)


def _newest(row: m.Conversation) -> list[int]:
    """The places of the newest items that the branch shown now has, as many as a window shows."""
    path = paths.path_of(row.branches)
    rows: list[int] = []
    for kind in (row.messages, row.steps):
        rows += on_path.on(kind.all(), path).order_by("-seq").values_list("seq", flat=True)[:WINDOW]
    return sorted(rows)[-WINDOW:]


def _fields(model: type[models.Model], key: str) -> list[str]:
    """All columns of a row that is written again: everything but what identifies it."""
    return [f.name for f in model._meta.concrete_fields if f.name not in ("id", "conversation", key)]


def used(usage: Any) -> dict[str, Any]:
    """The columns of a usage as the state has it, or of none."""
    usage = usage or {}
    tokens = {f"{name}_tokens": usage.get(name, 0) for name in ("input", "output", "cached")}
    return {**tokens, "cost": usage.get("cost")}


def clean(text: str) -> str:
    """Text for a column: PostgreSQL has no U+0000. The events and the items keep it, as an escape."""
    return text.replace("\0", "\ufffd")


def _type(event: e.Event) -> str:
    return str(getattr(event, "type", ""))
