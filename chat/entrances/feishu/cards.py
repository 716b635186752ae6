"""What the cards show: pure functions from a session's state to CardKit's JSON (schema 2.0) and its two texts.

A card of a run in work has two streamed elements, `status` (state, tools, elapsed time) and `text` (what the model
writes), and a button to stop. When the run is over or waits, the card is replaced by its last look, without streaming.
The answer itself is not the card's business: it is a message of its own (chat/messenger/delivery.py).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chat.entrances.feishu.markdown import mapped

Json = dict[str, Any]
State = Mapping[str, Any]

#: Characters of streamed text on a card; what is beyond comes with the answer.
MOST_TEXT = 5_000
#: Longest arguments of a call that can be allowed on a card: nobody allows what they have not seen (rule W8).
MOST_ARGUMENTS = 2_000
#: Tool calls named on a card, the newest ones.
MOST_CALLS = 12

MARKS = {
    "proposed": "▫️",
    "queued": "▫️",
    "awaiting_approval": "⏸",
    "running": "⏳",
    "in_doubt": "❓",
    "succeeded": "✅",
    "failed": "⚠️",
    "cancelled": "✖️",
}
STATES = {
    "queued": "Waiting for a worker",
    "running": "Working",
    "waiting": "Waiting for you",
    "recovering": "Recovering: its worker was lost, another one takes over",
    "finished": "Done",
    "failed": "Failed",
    "stopped": "Stopped",
}


def status(state: State, run: str, now: int) -> str:
    """The line of state and elapsed time, and one line per tool call."""
    found = state.get("run") or {}
    if found.get("id") != run:
        return "…"
    ended = found.get("ended_at") or now
    seconds = max(0, (ended - found["queued_at"]) // 1000)
    word = "Stopping" if found.get("stopping") else STATES.get(found["status"], found["status"])
    if found.get("retry_at") and found["status"] == "running":
        word = "The model is busy; trying again"
    lines = [f"**{word}** · {_elapsed(seconds)}"]
    calls = [call for step in steps(state, run) for call in step["calls"]]
    if len(calls) > MOST_CALLS:
        lines.append(f"… {len(calls) - MOST_CALLS} earlier calls")
    lines += [_call(call, now) for call in calls[-MOST_CALLS:]]
    return "\n".join(lines)


def text(state: State, run: str, part: tuple[str, str] | None) -> str:
    """What the model has written in the newest step of the run."""
    mine = steps(state, run)
    if not mine:
        return ""
    newest = mine[-1]
    written = newest["text"]
    if newest["status"] == "streaming" and part is not None and part[0] == newest["id"]:
        written = part[1]
    shown = mapped(written[:MOST_TEXT])
    return shown if len(written) <= MOST_TEXT else f"{shown}\n… the whole text comes with the answer."


def steps(state: State, run: str) -> list[Any]:
    """The steps of a run that the state shows, oldest first."""
    items = sorted((v for k, v in state.items() if k.startswith("i:")), key=lambda item: item["seq"])
    return [item for item in items if item["kind"] == "step" and item["run"] == run]


def working(lane: int, thread: str, run: str, told: str) -> Json:
    """A card of a run in work, streaming."""
    stop = _button("Stop", "danger", {"act": "stop", "lane": lane, "thread": thread, "run": run})
    elements = [_markdown(told, "status"), _markdown("", "text"), stop]
    return _card(elements, "Working…", streaming=True)


def resting(told: str, doubts: list[Any], lane: int, thread: str, asked: list[Any] | None = None) -> Json:
    """The last look of a card: what was done, and the choices for calls in doubt and for those `asked` about."""
    elements = [_markdown(told, "status")]
    for number, call in enumerate((asked or [])[:5]):
        elements += _asked(
            call, number, {"act": "approve", "lane": lane, "thread": thread, "call": call["id"]}
        )
    for number, call in enumerate(doubts[:5]):
        elements.append(
            _markdown(
                f"**{_safe(call['name'])}** was interrupted. Did it happen?\n"
                f"```\n{_short(call['arguments'], 300)}\n```",
                f"doubt{number}",
            )
        )
        for label, decision in (
            ("It happened", "happened"),
            ("It did not happen", "did_not_happen"),
            ("Run it again", "run_again"),
        ):
            value = {
                "act": "settle",
                "lane": lane,
                "thread": thread,
                "call": call["id"],
                "decision": decision,
            }
            elements.append(_button(label, "default", value))
    return _card(elements, told.split("\n")[0].replace("*", ""), streaming=False)


def message(text: str) -> str:
    """The content of a message that shows markdown (already mapped)."""
    summary = " ".join(text.split())[:60]
    return json.dumps(_card([_markdown(text, "text")], summary, streaming=False), ensure_ascii=False)


def doubts(state: State, run: str) -> list[Any]:
    """The calls of a run that wait for somebody to say what became of them."""
    return [call for step in steps(state, run) for call in step["calls"] if call["status"] == "in_doubt"]


def asked(state: State, run: str) -> list[Any]:
    """The calls of a run that wait for somebody to allow them."""
    calls = [call for step in steps(state, run) for call in step["calls"]]
    return [
        call
        for call in calls
        if call["status"] == "awaiting_approval" and call["approval"]["decision"] is None
    ]


def waits_for(state: State, run: str) -> str:
    """A name for the calls that a run waits for: another one, another name."""
    calls = [call["id"] for call in (*doubts(state, run), *asked(state, run))]
    return hashlib.sha1("\0".join(calls).encode()).hexdigest()


def _asked(call: Any, number: int, value: Json) -> list[Json]:
    shown = len(call["arguments"]) <= MOST_ARGUMENTS
    told = (
        "" if shown else "\nThis is too long to be shown whole here: allow it in the web chat, or refuse it."
    )
    question = (
        f"May **{_safe(call['name'])}** run?\n```\n{_short(call['arguments'], MOST_ARGUMENTS)}\n```{told}"
    )
    value = {**value, "digest": call["approval"]["digest"]}
    choices = [("Allow", "primary", "approve")] if shown else []
    choices.append(("Refuse", "default", "refuse"))
    return [
        _markdown(question, f"asked{number}"),
        *(_button(label, kind, {**value, "decision": decision}) for label, kind, decision in choices),
    ]


def _card(elements: list[Json], summary: str, *, streaming: bool) -> Json:
    config = {"streaming_mode": streaming, "update_multi": True, "summary": {"content": summary}}
    return {"schema": "2.0", "config": config, "body": {"elements": elements}}


def _markdown(content: str, id: str) -> Json:
    return {"tag": "markdown", "element_id": id, "content": content}


def _button(label: str, kind: str, value: Json) -> Json:
    return {
        "tag": "button",
        "type": kind,
        "text": {"tag": "plain_text", "content": label},
        "behaviors": [{"type": "callback", "value": value}],
    }


def _call(call: Any, now: int) -> str:
    line = f"{MARKS.get(call['status'], '▫️')} {_safe(call['name'])}"
    if call["status"] == "running" and call["started_at"]:
        line += f" · {_elapsed(max(0, (now - call['started_at']) // 1000))}"
    note = (call.get("progress") or {}).get("note") if call["status"] == "running" else ""
    return f"{line} · {_safe(_short(note, 80))}" if note else line


def _elapsed(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def _safe(text: str) -> str:
    """`text` as it is: signs that mean something in Feishu's markdown as HTML entities, as its manual wants them."""
    return "".join(f"&#{ord(sign)};" if sign in "*_~`[]<>" else sign for sign in text)


def _short(text: str, most: int) -> str:
    text = text.replace("```", "'''")
    return text if len(text) <= most else text[: most - 1] + "…"
