"""Write the vectors that hold both reducers, the Python one and the TypeScript one (rule S4).

    python -m tests.wire.make_vectors

One file per history: `{name, events: [{seq, event}], states: [{seq, state: {info, run, items}}]}`, where a
state is the one after the event of its `seq`. Short histories have every prefix; long ones every tenth and
the last ten, to keep the files small. Made from fixed seeds: `tests/wire/test_vectors.py` fails when they are
not what this makes now.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from agents import events as e
from chat.session.state import EMPTY, items, merge, reduce
from chat.session.views import State
from tests.support.histories import START, flat, tell

HERE = Path(__file__).parent
#: Between them they tell every type of event.
SEEDS = (10, 27, 59, 90, 342)
#: Longer histories than this do not list every prefix.
DENSE = 60


def shown(state: State) -> dict[str, Any]:
    """A state as clients have it."""
    return {"info": state["info"], "run": state["run"], "items": items(state)}


def vector(name: str, events: list[e.Event]) -> dict[str, Any]:
    """The history with its states."""
    states = []
    state: State = EMPTY
    for seq, event in enumerate(events, start=1):
        state = merge(state, reduce(state, event, seq))
        if len(events) <= DENSE or seq % 10 == 0 or seq > len(events) - 10:
            states.append({"seq": seq, "state": shown(state)})
    numbered = [{"seq": seq, "event": event.model_dump(mode="json")} for seq, event in enumerate(events, 1)]
    return {"name": name, "events": numbered, "states": states}


def histories() -> dict[str, list[e.Event]]:
    """The histories by name: generated ones, and the corners that generation may miss."""
    made = {f"generated-{seed}": flat(tell(Random(seed), runs=3)) for seed in SEEDS}
    made["long"] = flat(tell(Random(100), runs=12))
    made["discarded-in-a-full-window"] = _discarded_in_a_full_window()
    made["open-call-older-than-the-window"] = _open_call_older_than_the_window()
    made["attachments"] = _attachments()
    made["approvals"] = _approvals()
    return made


def _messages(count: int) -> list[e.Event]:
    return [e.MessageAdded(at=START + n, message=f"m{n}", text=str(n)) for n in range(count)]


def _begun() -> list[e.Event]:
    return [
        e.ConversationCreated(at=START, title="", agent="assistant"),
        e.MessageAdded(at=START, message="cause", text="go"),
        e.RunQueued(at=START, run="r", cause="cause"),
        e.RunStarted(at=START, run="r", attempt=1, fence=1, worker="w"),
    ]


def _attachments() -> list[e.Event]:
    """Messages with files, with files alone, and without."""
    picture = e.AttachmentRef(id="a1", name="p h\u00f6t\u00f6.png", media_type="image/png", size=70)
    text = e.AttachmentRef(id="a2", name="日记.md", media_type="text/markdown", size=9)
    return [
        *_begun(),
        e.MessageAdded(at=START, message="both", text="look", attachments=(picture, text)),
        e.MessageAdded(at=START, message="alone", text="", attachments=(picture,)),
        e.NoteAdded(at=START, message="n", text="note"),
    ]


def _approvals() -> list[e.Event]:
    """W8: one word per call wins, about what was asked, while the call waits for it; and a stop ends the waiting."""
    calls = tuple(
        e.ProposedCall(call=id, ordinal=n, name="pay", arguments=f'{{"n": {n}}}')
        for n, id in enumerate("ABCD")
    )
    digests = {call.call: e.approval_digest(call.name, call.arguments) for call in calls}

    def asked(id: str) -> e.Event:
        return e.ApprovalAsked(at=START, step="r.1", call=id, digest=digests[id])

    def said(id: str, decision: str, by: str, digest: str = "", note: str = "") -> e.Event:
        about = {"step": "r.1", "call": id, "digest": digest or digests[id]}
        return e.ApprovalDecided(at=START + 1, **about, decision=decision, by=by, note=note)

    ended = {"step": "r.1", "attempt": 0, "status": "cancelled", "result": "no", "preview": "no", "size": 2}
    return [
        *_begun(),
        e.StepStarted(at=START, run="r", step="r.1"),
        e.StepFinished(at=START, run="r", step="r.1", text="", calls=calls, finish="tool_calls"),
        said("A", "approved", "early"),
        *(asked(id) for id in "ABC"),
        asked("A"),
        e.RunWaiting(at=START, run="r", reason="approval"),
        said("A", "approved", "mallory", digest=digests["B"]),
        said("nobody", "approved", "mallory", digest="d"),
        said("A", "approved", "alice"),
        said("A", "refused", "bob"),
        said("B", "refused", "bob", note="zu teuer \u20ac"),
        e.CallSettled(at=START, call="B", code="refused", by="bob", **ended),
        said("B", "approved", "alice"),
        e.RunResumed(at=START, run="r"),
        e.CallStarted(at=START, step="r.1", call="A", attempt=1, fence=1, worker="w"),
        asked("A"),
        e.RunStopping(at=START, run="r", by="alice"),
        *(e.CallSettled(at=START, call=id, code="cancelled_by_user", **ended) for id in "ACD"),
        said("C", "approved", "late"),
        asked("D"),
        e.RunStopped(at=START, run="r", by="alice"),
    ]


def _discarded_in_a_full_window() -> list[e.Event]:
    """An item left for a step that was then discarded: the window keeps the hole."""
    return [
        *_begun(),
        *_messages(50),
        e.StepStarted(at=START, run="r", step="r.1"),
        e.StepDiscarded(at=START, run="r", step="r.1"),
        e.MessageAdded(at=START, message="after", text="after"),
    ]


def _open_call_older_than_the_window() -> list[e.Event]:
    """A step with an open call stays however old, and leaves when its last call is settled."""
    call = e.ProposedCall(call="c", ordinal=0, name="save_note", arguments="{}")
    settled = {"step": "r.1", "call": "c", "attempt": 1, "result": "ok", "preview": "ok", "size": 2}
    return [
        *_begun(),
        e.StepStarted(at=START, run="r", step="r.1"),
        e.StepFinished(at=START, run="r", step="r.1", text="", calls=(call,), finish="tool_calls"),
        e.CallStarted(at=START, step="r.1", call="c", attempt=1, fence=1, worker="w"),
        *_messages(55),
        e.CallInDoubt(at=START, step="r.1", call="c", attempt=1),
        e.CallSettled(at=START, status="succeeded", **settled),
        e.RunFinished(at=START, run="r"),
    ]


def files() -> dict[str, str]:
    """The text of each vector file by its name."""
    return {
        f"{name}.json": json.dumps(vector(name, events), ensure_ascii=True, separators=(",", ":")) + "\n"
        for name, events in histories().items()
    }


def main() -> None:
    for name, text in files().items():
        (HERE / name).write_text(text)
        print(f"{name}: {len(text)} bytes")


if __name__ == "__main__":
    main()
