"""Conversations in SQL for tests of what reads them."""

from __future__ import annotations

import uuid
from typing import Any

from agents import events as e
from chat.models import Call, Conversation, Event, Message, Run, Step

START = 1_790_000_000_000


def conversation(owner: Any, title: str = "A chat", **fields: Any) -> Conversation:
    """A conversation with its first event."""
    at = fields.pop("at", START)
    row = Conversation.objects.create(
        **{
            "id": uuid.uuid4(),
            "owner": owner,
            "agent": "assistant",
            "title": title,
            "head_seq": 1,
            "info": {"title": title, "agent": "assistant", "created_at": at},
            "created_at": at,
            "updated_at": at,
            **fields,
        }
    )
    text = e.to_json(e.ConversationCreated(at=at, title=title, agent="assistant"))
    Event.objects.create(conversation=row, seq=1, type="conversation.created", at=at, text=text, tag="t1")
    return row


def message(row: Conversation, seq: int, text: str, kind: str = "message") -> Message:
    """Something a person said."""
    id = str(uuid.uuid4())
    origin = {"entrance": "web", "name": ""}
    body = {"kind": kind, "seq": seq, "id": id, "text": text, "at": START + seq, "origin": origin}
    return Message.objects.create(conversation=row, seq=seq, message=id, kind=kind, at=START + seq, body=body)


def run(row: Conversation, seq: int, cause: str = "m", **fields: Any) -> Run:
    """A run that has finished, unless `fields` say otherwise."""
    times = {"queued_at": START, "started_at": START + 5, "ended_at": START + 905, "updated_at": START}
    values = {"run": str(uuid.uuid4()), "cause": cause, "status": "finished", "worker": "w1", **times}
    return Run.objects.create(conversation=row, seq=seq, **{**values, **fields})


def step(row: Conversation, of: Run, seq: int, text: str, *calls: dict[str, Any]) -> Step:
    """A finished step with its calls; each a dict of fields of `Call`."""
    id = f"{of.run}.1"
    views = []
    for ordinal, fields in enumerate(calls):
        call = Call.objects.create(
            conversation=row,
            step=id,
            ordinal=ordinal,
            **{
                "call": e.call_id(str(row.id), id, ordinal),
                "name": "calculator",
                "arguments": "{}",
                "effect": "read_only",
                "status": "succeeded",
                "started_at": START,
                "ended_at": START + 100,
                **fields,
            },
        )
        views.append(_view(call))
    body = {
        "kind": "step",
        "seq": seq,
        "id": id,
        "run": of.run,
        "status": "finished",
        "attempt": 1,
        "survived": False,
        "model": "demo",
        "text": text,
        "calls": views,
        "usage": {"input": 1, "output": 2, "cached": 0, "cost": None},
        "at": START,
        "ended_at": START + 500,
    }
    return Step.objects.create(
        conversation=row,
        seq=seq,
        step=id,
        run=of.run,
        status="finished",
        open=False,
        model="demo",
        started_at=START,
        ended_at=START + 500,
        body=body,
    )


def _view(call: Call) -> dict[str, Any]:
    return {
        "id": call.call,
        "ordinal": call.ordinal,
        "name": call.name,
        "arguments": call.arguments,
        "effect": call.effect,
        "status": call.status,
        "attempt": call.attempt,
        "worker": call.worker,
        "progress": None,
        "preview": call.preview,
        "size": call.size,
        "code": None,
        "by": "",
        "started_at": call.started_at,
        "ended_at": call.ended_at,
    }
