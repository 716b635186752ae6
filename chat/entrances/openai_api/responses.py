"""`response` and the events of its stream: pure writing."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from chat.entrances.openai_api.answering import Answer
from chat.entrances.openai_api.models import Exchange
from chat.http import sse
from chat.http.problems import Problem

PREFIX = "resp_"


def name(exchange: Exchange) -> str:
    """The id that the client knows it by."""
    return f"{PREFIX}{exchange.pk.hex}"


def exchange_id(name: str) -> UUID:
    """The exchange that a response's id names. Raises Problem."""
    try:
        if not name.startswith(PREFIX):
            raise ValueError
        return UUID(hex=name.removeprefix(PREFIX))
    except ValueError:
        raise Problem("not_found") from None


def response(exchange: Exchange, answer: Answer | None, metadata: Any = None) -> dict[str, Any]:
    """A response as it stands; `answer` None: it is in progress."""
    status, error, why = _status(answer)
    return {
        "id": name(exchange),
        "object": "response",
        "created_at": exchange.created_at // 1000,
        "status": status,
        "error": error,
        "incomplete_details": {"reason": why} if why else None,
        "instructions": None,
        "metadata": metadata or {},
        "model": exchange.agent,
        "output": [] if answer is None or not answer.text else [_item(exchange, answer.text, "completed")],
        "output_text": "" if answer is None else answer.text,
        "parallel_tool_calls": True,
        "previous_response_id": f"{PREFIX}{exchange.previous_id.hex}" if exchange.previous_id else None,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "text": {"format": {"type": "text"}},
        "conversation": {"id": str(exchange.conversation)},
        "usage": None if answer is None else _usage(answer),
    }


class Writer:
    """The events of one stream, in order."""

    def __init__(self, exchange: Exchange, metadata: Any = None) -> None:
        self._exchange = exchange
        self._metadata = metadata
        self._number = 0
        self._text = ""
        self._open = False

    def begun(self) -> Iterator[str]:
        """It is in the journal."""
        now = response(self._exchange, None, self._metadata)
        yield self._event("response.created", response=now)
        yield self._event("response.in_progress", response=now)

    def piece(self, text: str) -> Iterator[str]:
        """The next piece of the text."""
        if not self._open:
            self._open = True
            item = {**_item(self._exchange, "", "in_progress"), "content": []}
            yield self._event("response.output_item.added", output_index=0, item=item)
            yield self._event("response.content_part.added", **self._place(), part=_part(""))
        self._text += text
        yield self._event("response.output_text.delta", **self._place(), delta=text, logprobs=[])

    def ended(self, answer: Answer) -> Iterator[str]:
        """The answer is there."""
        if self._open:
            yield self._event("response.output_text.done", **self._place(), text=answer.text, logprobs=[])
            yield self._event("response.content_part.done", **self._place(), part=_part(answer.text))
            item = _item(self._exchange, answer.text, "completed")
            yield self._event("response.output_item.done", output_index=0, item=item)
        whole = response(self._exchange, answer, self._metadata)
        last = {"completed": "completed", "incomplete": "incomplete"}.get(whole["status"], "failed")
        yield self._event(f"response.{last}", response=whole)

    def failed(self, problem: Problem) -> str:
        """It cannot be told to its end."""
        return self._event("error", code=problem.code, message=str(problem.detail), param=None)

    def _place(self) -> dict[str, Any]:
        return {"item_id": _item_id(self._exchange), "output_index": 0, "content_index": 0}

    def _event(self, kind: str, **fields: Any) -> str:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return sse.event(json.dumps(data, ensure_ascii=False, separators=(",", ":")), name=kind)


def _status(answer: Answer | None) -> tuple[str, Any, str]:
    """(status, error, why it is incomplete)."""
    if answer is None:
        return "in_progress", None, ""
    if answer.status == "failed":
        return "failed", {"code": "server_error", "message": answer.ending}, ""
    if answer.status == "stopped":
        return "cancelled", None, ""
    if answer.incomplete.startswith("length"):
        return "incomplete", None, "max_output_tokens"
    if answer.incomplete == "content_filter":
        return "incomplete", None, "content_filter"
    return "completed", None, ""


def _item_id(exchange: Exchange) -> str:
    return f"msg_{exchange.message.hex}"


def _item(exchange: Exchange, text: str, status: str) -> dict[str, Any]:
    head = {"id": _item_id(exchange), "type": "message", "role": "assistant", "status": status}
    return {**head, "content": [_part(text)]}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.input,
        "input_tokens_details": {"cached_tokens": answer.cached},
        "output_tokens": answer.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input + answer.output,
    }
