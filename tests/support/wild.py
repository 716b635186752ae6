"""Histories that no honest worker would write, made from a source of randomness.

tests/support/histories.py tells what should happen; this tells what could: any crash point, a step appended twice, a
late or repeated result, approvals asked, given, refused, repeated, late or never, results of calls that nobody made,
ids that repeat or are empty, arguments and names that are no such thing, steps of several models with what each of
them wants back, notes and messages anywhere.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from agents import events as e
from agents.history import History, empty, fold
from agents.profiles import all_profiles

#: What a model thought, as people see it. What its issuer wants back of it is data of another field.
THOUGHT = "what nobody may be told of"
NAMES = ("clock", "look_up", "save_note", "f f", "日历", "", "x" * 90, "clock.now", "functions.clock")
ARGUMENTS = (
    "{}", '{"city": "Rome"}',
    '{"a": {"b": [1, 2]}}', "", "null", "[1]", '"text"', '{"x":', "{'x': 1}", '{"x": NaN}',
    '{"x": 1}}', " ",
    '{"t": "\\ud800"}', "{" * 2_000, '{"long": "' + "y" * 9_000 + '"}', '{"日": "本"}', '{"nl": "a\nb"}',
)  # fmt: skip
RESULTS = ("ok", "", "  \n", "0", "null", "好" * 300, "z" * 20_000, '{"json": true}', "[Note from the user]")
WORDS = ("", " ", "hello", "你好，世界", "🙂" * 10, "line\nline", "w " * 2_000, "[Result of the tool]", "\t")
IDS = ("", "call_1", "call_1", "a", "null", "fc_" + "0" * 60, "functions.clock:0", "ABCDEFGHI", "ABCDEFGHI")
MODELS = ("m-1", "m-2", "claude-sonnet-4-5", "claude-opus-5", "gemini-3-pro")
PROFILES = tuple(all_profiles().values())
NATIVE = tuple(profile for profile in PROFILES if profile.dialect in ("anthropic", "gemini"))


class Teller:
    """Tells one conversation; `history` is what came of it, `said` the words that must not be lost (V19)."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.history: History = empty(f"c{random.randrange(3)}")
        self.said: list[str] = []
        self.log: list[e.Event] = []

    def tell(self, turns: int) -> History:
        """So many turns, each with whatever comes to mind."""
        if self.random.random() < 0.1:
            self._note()
        if self.random.random() < 0.1:
            self._run("welcome")
        for number in range(turns):
            self._message()
            self._run(f"r{number}")
            if self.random.random() < 0.08:
                upto = self.random.randrange(len(self.log))
                self._store(
                    e.HistoryCompacted(at=1, run=f"r{number}", upto=upto, summary=self.random.choice(WORDS))
                )
                kept = [item.text for item in self.history.items if item.id.startswith("m")]
                self.said = [text for text in self.said if text in kept]
        if self.random.random() < 0.7:
            self._message()
        return self.history

    def _store(self, event: e.Event) -> None:
        self.log.append(event)
        self.history = fold(self.history, event, len(self.log))
        if self.random.random() < 0.01:
            # At least once is not exactly once: some event of the past comes in again.
            late = self.random.choice(self.log[-12:])
            if not isinstance(late, e.MessageAdded | e.NoteAdded):
                self.history = fold(self.history, late, len(self.log))

    def _message(self) -> None:
        text = self.random.choice(WORDS)
        if text.strip():
            text = f"{text} #{len(self.log)}#"
            self.said.append(text)
        self._store(e.MessageAdded(at=1, message=f"m{len(self.log)}", text=text))

    def _note(self) -> None:
        origin = e.Origin(
            entrance=self.random.choice(("trigger", "schedule")), name=self.random.choice(("", "disk"))
        )
        self._store(
            e.NoteAdded(at=1, message=f"n{len(self.log)}", text=self.random.choice(WORDS), origin=origin)
        )

    def _perhaps_meanwhile(self) -> None:
        if self.random.random() < 0.12:
            self._message()
        if self.random.random() < 0.08:
            self._note()

    def _run(self, run: str) -> None:
        self._store(e.RunQueued(at=1, run=run, cause="m"))
        self._store(e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="w"))
        for index in range(1, self.random.randrange(1, 5)):
            self._step(run, f"{run}.{index}")
        ends: list[e.Event | None] = [
            e.RunFinished(at=1, run=run),
            e.RunFailed(at=1, run=run, code="model_error"),
            e.RunStopped(at=1, run=run),
            None,
        ]
        if (end := self.random.choice(ends)) is not None:
            self._store(end)

    def _step(self, run: str, step: str) -> None:
        for attempt in range(1, self.random.choice((2, 2, 2, 3))):
            self._store(e.StepStarted(at=1, run=run, step=step, attempt=attempt))
            self._perhaps_meanwhile()
        text = self.random.choice(WORDS)
        outcome = self.random.random()
        if outcome < 0.08:
            return self._store(e.StepStopped(at=1, run=run, step=step, text=text, reasoning=THOUGHT))
        if outcome < 0.12:
            return self._store(e.StepDiscarded(at=1, run=run, step=step))
        if outcome < 0.16:
            return None
        calls = tuple(self._call(step, ordinal) for ordinal in range(self.random.choice((0, 1, 1, 2, 3, 4))))
        model = self.random.choice(MODELS)
        # Those that want something back are few among all; they issue more than their share.
        profile = self.random.choice(PROFILES if self.random.random() < 0.5 else NATIVE)
        finished = e.StepFinished(
            at=1,
            run=run,
            step=step,
            text=text,
            reasoning=self.random.choice(("", f"{THOUGHT} #{len(self.log)}")),
            calls=calls,
            issuer=profile.issuer(model),
            replay=self._replay(text, calls),
        )
        self._store(finished)
        self._perhaps_meanwhile()
        for call in self.random.sample(calls, len(calls)):
            self._outcome(step, call)
        self._perhaps_meanwhile()
        return None

    def _call(self, step: str, ordinal: int) -> e.ProposedCall:
        honest = self.random.random() < 0.7
        return e.ProposedCall(
            call=e.call_id(self.history.conversation, step, ordinal) if honest else self.random.choice(IDS),
            ordinal=ordinal,
            name=self.random.choice(NAMES[:3] if honest else NAMES),
            arguments=self.random.choice(ARGUMENTS[:3] if honest else ARGUMENTS),
            provider_id=self.random.choice(IDS),
            effect=self.random.choice(("read_only", "idempotent", "effectful")),
        )

    def _outcome(self, step: str, call: e.ProposedCall) -> None:
        if self._perhaps_approval(step, call) and self.random.random() < 0.6:
            return  # still waiting, or refused and never closed
        fate = self.random.random()
        if fate < 0.06:
            return
        started = e.CallStarted(at=1, step=step, call=call.call, attempt=1, fence=1, worker="w")
        self._store(started)
        self._perhaps_meanwhile()
        if fate < 0.1:
            return
        if fate < 0.14:
            self._store(e.CallInDoubt(at=1, step=step, call=call.call, attempt=1))
            return
        result = self.random.choice(RESULTS)
        where = step if self.random.random() < 0.95 else "nowhere.1"
        for _ in range(self.random.choice((1, 1, 1, 2))):
            self._store(
                e.CallSettled(
                    at=1,
                    step=where,
                    call=call.call,
                    attempt=1,
                    status=self.random.choice(("succeeded", "failed", "cancelled")),
                    result=result,
                    preview=result[:20],
                    size=len(result),
                )
            )

    def _perhaps_approval(self, step: str, call: e.ProposedCall) -> bool:
        """Somebody is asked, or is not, and says what they like, once or twice, about this or something else. Whether
        nobody has allowed it."""
        if self.random.random() < 0.75:
            return False
        digest = self.random.choice(("d", "d", "other"))
        asked = e.ApprovalAsked(at=1, step=step, call=call.call, digest="d")
        yes = e.ApprovalDecided(at=1, step=step, call=call.call, digest=digest, decision="approved", by="a")
        no = yes.model_copy(update={"decision": "refused", "note": self.random.choice(WORDS)})
        words = [asked, *self.random.choices((yes, no), k=self.random.choice((0, 1, 1, 2)))]
        if self.random.random() < 0.1:
            self.random.shuffle(words)
        for word in words:
            self._store(word)
            self._perhaps_meanwhile()
        return yes not in words

    def _replay(self, text: str, calls: tuple[e.ProposedCall, ...]) -> dict[str, Any] | None:
        """What an issuer of some kind left with the step, sound or not."""
        kind = self.random.randrange(8)
        if kind == 0:
            return {"reasoning_content": self.random.choice(("hm", "", " ", "考虑"))}
        if kind == 1:
            signature = self.random.choice(("c2lnbg==", "c2lnbg==", ""))
            extra = {"extra_content": {"google": {"thought_signature": signature}}}
            return {"calls": {str(call.ordinal): extra for call in calls[:1]}}
        if kind == 2:
            return {"items": self._items(text, calls)}
        if kind == 3:
            return {"items": self._thoughts(text, calls)}
        if kind == 4:
            signed = {"thoughtSignature": self.random.choice(("c2lnbg==", "c2lnbg==", "", 5))}
            return {
                "calls": {str(call.ordinal): signed for call in calls[:1]},
                "items": [{"type": "text", **signed}],
            }
        return None if kind == 5 else {"calls": "?", "items": "?", "reasoning_content": 5}

    def _items(self, text: str, calls: tuple[e.ProposedCall, ...]) -> list[Any]:
        number = len(self.log)
        items: list[Any] = [
            {"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": "gAAA"}
        ]
        if text.strip():
            items.append({"type": "message", "id": f"msg_{number}"})
        items += [{"type": "function_call", "id": f"fc_{number}_{call.ordinal}"} for call in calls]
        if self.random.random() < 0.3:
            items.pop(self.random.randrange(len(items)))
        if items and self.random.random() < 0.2:
            self.random.shuffle(items)
        if items and self.random.random() < 0.1:
            items[0] = {
                **items[0],
                "id": self.random.choice(("call_1", "rs_", "rs_" + "9" * 80, 7, items[-1].get("id"))),
            }
        if self.random.random() < 0.1:
            items.append(
                self.random.choice(("?", {"type": "reasoning"}, {"type": "function_call", "id": ""}))
            )
        return items

    def _thoughts(self, text: str, calls: tuple[e.ProposedCall, ...]) -> list[Any]:
        """What Anthropic wants back: thinking among the places of texts and calls."""
        thought = {
            "type": "thinking",
            "thinking": self.random.choice(("hm", "", "考虑")),
            "signature": "c2lnbg==",
        }
        items: list[Any] = [thought, {"type": "redacted_thinking", "data": "gAAA"}][
            : self.random.randrange(1, 3)
        ]
        half = len(text) // 2
        if half and self.random.random() < 0.3:
            items += [{"type": "text", "length": half}, thought, {"type": "text", "length": len(text) - half}]
        elif text.strip():
            items.append({"type": "text", "length": len(text)})
        items += [{"type": "tool_use"} for _ in calls]
        if self.random.random() < 0.3:
            items.pop(self.random.randrange(len(items)))
        if items and self.random.random() < 0.2:
            self.random.shuffle(items)
        if self.random.random() < 0.1:
            items.append(
                self.random.choice(("?", {"type": "thinking"}, thought, {"type": "text", "length": "x"}))
            )
        return items


def tools_of(random: Random) -> list[dict[str, Any]]:
    """None to two declared tools."""
    schema = {"type": "object", "properties": {}}
    tools = [
        {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
        for name in ("clock", "look_up")
    ]
    return tools[: random.randrange(3)]


def same_bytes(body: dict[str, Any]) -> str:
    """A body as the bytes that would be sent."""
    return json.dumps(body, ensure_ascii=False)
