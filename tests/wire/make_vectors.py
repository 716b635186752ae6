"""Write the vectors that hold both reducers, the Python one and the TypeScript one (rule S4).

    python -m tests.wire.make_vectors
    python -m tests.wire.make_vectors --release 0.1.0

One file per history: `{name, events: [{seq, event}], states: [{seq, state: {info, run, items}}]}`, where a
state is the one after the event of its `seq`. Short histories have every prefix; long ones every tenth and
the last ten, to keep the files small. Made from fixed seeds: `tests/wire/test_vectors.py` fails when they are
not what this makes now.

With `--release` the stored texts and some states of the same histories are kept in `releases/<version>/`, once, when
that version is released: every later release must read them (rule J5).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any, get_args

from agents import events as e
from chat.session.state import items, reduce
from chat.session.telling import Telling
from chat.session.views import State
from tests.support.branching import Branching
from tests.support.histories import START, flat, tell

HERE = Path(__file__).parent
#: Between them they tell every type of event.
SEEDS = (10, 27, 59, 90, 342)
#: Histories with branches, of which some change while calls run.
BRANCHING = (3, 8, 21)
#: Longer histories than this do not list every prefix.
DENSE = 60
#: Of a release every so many states are kept, and the last.
SPARSE = 25

#: An event, or what a later release may have stored.
Told = e.Event | dict[str, Any]


def shown(state: State) -> dict[str, Any]:
    """A state as clients have it."""
    more = {name: state[name] for name in ("branches", "seen") if name in state}
    return {"info": state["info"], "run": state["run"], **more, "items": items(state)}


def stored(told: Told) -> str:
    """The text as it lies in the journal."""
    return json.dumps(told, separators=(",", ":")) if isinstance(told, dict) else e.to_json(told)


def vector(name: str, events: list[Told]) -> dict[str, Any]:
    """The history with its states."""
    states = []
    telling = Telling()
    for seq, told in enumerate(events, start=1):
        event = e.from_json(stored(told))
        moved = {"moved": True} if "moved" in reduce(telling.state, event, seq) else {}
        state = telling.tell(event, seq)
        if len(events) <= DENSE or seq % 10 == 0 or seq > len(events) - 10 or moved:
            states.append({"seq": seq, "state": shown(state), **moved})
    numbered = [{"seq": seq, "event": json.loads(stored(told))} for seq, told in enumerate(events, 1)]
    return {"name": name, "events": numbered, "states": states}


def histories() -> dict[str, list[Told]]:
    """The histories by name: generated ones, corners that these may miss, and what a later release may tell."""
    return {**of_this_release(), "of-a-later-release": later(of_this_release()["approvals"])}


def of_this_release() -> dict[str, list[Told]]:
    """The histories that this release could have written."""
    made: dict[str, list[Told]] = {
        f"generated-{seed}": list(flat(tell(Random(seed), runs=3))) for seed in SEEDS
    }
    made["long"] = list(flat(tell(Random(100), runs=12)))
    made["discarded-in-a-full-window"] = _discarded_in_a_full_window()
    made["open-call-older-than-the-window"] = _open_call_older_than_the_window()
    made["attachments"] = _attachments()
    made["approvals"] = _approvals()
    made["left-out"] = _left_out()
    made["edited"] = _edited()
    made["another-agent"] = _another_agent()
    made["titled"] = _titled()
    made["copied"] = _copied()
    for seed in BRANCHING:
        story = Branching(Random(seed), "c0ffee00-0000-4000-8000-000000000000")
        for _ in range(40):
            story.step()
        made[f"branching-{seed}"] = list(story.events)
    made["incomplete"] = _incomplete()
    return made


def later(told: list[Told]) -> list[Told]:
    """The same history as a later release may have told it (rules J2 to J4): with fields and words that this one does
    not know, and events of types and versions that it cannot read."""
    raws = [{**json.loads(stored(one)), "mood": {"calm": True}} for one in told]
    sms = {"entrance": "sms", "name": "Ada", "number": "+43 1"}
    paid = {"id": "f", "name": "a.pdf", "media_type": "application/pdf", "size": 1, "pages": 3}
    between: list[Told] = [
        {
            "at": START,
            "type": "message.added",
            "message": "sms",
            "text": "hi",
            "origin": sms,
            "attachments": [paid],
        },
        {"at": START, "type": "note.added", "message": "sms2", "text": "hi", "origin": sms},
        {"at": START, "type": "conversation.pinned", "ignorable": True},
        {"at": START, "type": "call.postponed", "step": "r.1", "call": "A", "until": START + 1},
        {"at": START, "type": "run.paused", "run": "r"},
        {"type": "toString"},
        {"at": START, "type": "run.finished", "v": 2, "run": "r", "limit": None, "detail": ""},
        {"at": START, "type": "call.settled", "step": "r.1", "call": "A", "attempt": 1, "status": "partial"}
        | {"result": "", "preview": "", "size": 0, "code": None, "by": ""},
    ]
    ended: list[Told] = [
        {"at": START, "type": "run.queued", "run": "r2", "cause": "sms"},
        {
            "at": START,
            "type": "run.started",
            "run": "r2",
            "attempt": 1,
            "fence": 2,
            "worker": "w",
            "zone": "eu",
        },
        {"at": START, "type": "run.waiting", "run": "r2", "reason": "payment"},
        {"at": START, "type": "run.failed", "run": "r2", "code": "moon_phase", "detail": "full"},
    ]
    return [*raws[:8], *between, *raws[8:], *between[2:6], *ended]


def _messages(count: int) -> list[e.Event]:
    return [e.MessageAdded(at=START + n, message=f"m{n}", text=str(n)) for n in range(count)]


def _begun() -> list[e.Event]:
    return [
        e.ConversationCreated(at=START, title="", agent="assistant"),
        e.MessageAdded(at=START, message="cause", text="go"),
        e.RunQueued(at=START, run="r", cause="cause"),
        e.RunStarted(at=START, run="r", attempt=1, fence=1, worker="w"),
    ]


def _attachments() -> list[Told]:
    """Messages with files, with files alone, and without."""
    picture = e.AttachmentRef(id="a1", name="p h\u00f6t\u00f6.png", media_type="image/png", size=70)
    text = e.AttachmentRef(id="a2", name="日记.md", media_type="text/markdown", size=9)
    return [
        *_begun(),
        e.MessageAdded(at=START, message="both", text="look", attachments=(picture, text)),
        e.MessageAdded(at=START, message="alone", text="", attachments=(picture,)),
        e.NoteAdded(at=START, message="n", text="note"),
    ]


def _incomplete() -> list[Told]:
    """R14: responses that are not whole, each for its reason, and a whole one."""
    told: list[Told] = [*_begun()]
    for index, why in enumerate((*get_args(e.Incomplete), None), start=1):
        step = f"r.{index}"
        told.append(e.StepStarted(at=START, run="r", step=step))
        told.append(e.StepFinished(at=START, run="r", step=step, text="Half of", finish="x", incomplete=why))
    return [*told, e.RunFinished(at=START, run="r")]


def _approvals() -> list[Told]:
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


def _left_out() -> list[Told]:
    """What a provider refuses is marked, in part or whole, and taken back; what is not there, or a notice, is not."""
    pictures = tuple(
        e.AttachmentRef(id=id, name=f"{id}.png", media_type="image/png", size=70) for id in ("p1", "p2")
    )
    call = e.ProposedCall(call="c", ordinal=0, name="look", arguments="{}")

    def out(message: str, *files: str, reason: str = "content_filter") -> e.Event:
        return e.MessageLeftOut(
            at=START + 1, message=message, reason=reason, files=files, detail="no \u20ac", model="m"
        )

    def back(message: str) -> e.Event:
        return e.MessageTakenBack(at=START + 2, message=message, by="alice")

    return [
        *_begun(),
        e.MessageAdded(at=START, message="pictures", text="look", attachments=pictures),
        e.NoteAdded(at=START, message="n", text="note"),
        e.StepStarted(at=START, run="r", step="r.1"),
        e.StepFinished(at=START, run="r", step="r.1", text="", calls=(call,), finish="tool_calls"),
        out("pictures", "p1", reason="image"),
        out("pictures", "p2", reason="image"),
        out("pictures"),
        out("pictures", "p1", reason="image"),
        out("n"),
        out("r.1", reason="refused"),
        out("nobody"),
        back("pictures"),
        back("pictures"),
        back("cause"),
        back("nobody"),
        e.RunFailed(at=START, run="r", code="content_refused"),
        out("notice-20"),
        back("notice-20"),
        back("r.1"),
    ]


def _edited() -> list[Told]:
    """Messages that wait are changed and taken back; what is a note, a step or gone is not."""
    file = e.AttachmentRef(id="a1", name="p.png", media_type="image/png", size=70)

    def edit(message: str, text: str, *files: e.AttachmentRef) -> e.Event:
        return e.MessageEdited(at=START + 1, message=message, text=text, attachments=files, by="alice")

    def back(message: str) -> e.Event:
        return e.MessageWithdrawn(at=START + 2, message=message, by="alice")

    return [
        *_begun(),
        e.MessageAdded(at=START, message="w1", text="one", attachments=(file,)),
        e.MessageAdded(at=START, message="w2", text="two"),
        e.NoteAdded(at=START, message="n", text="note"),
        e.MessageLeftOut(at=START, message="w1", reason="image", files=("a1",), detail="", model="m"),
        edit("w1", "once"),
        edit("w1", "twice", file),
        edit("n", "no note"),
        edit("nobody", "gone"),
        back("w2"),
        back("w2"),
        back("n"),
        edit("w2", "late"),
        e.StepStarted(at=START, run="r", step="r.1"),
        back("r.1"),
        e.StepFinished(at=START, run="r", step="r.1", text="done"),
        e.RunFinished(at=START, run="r"),
        edit("cause", "went"),
    ]


def _another_agent() -> list[Told]:
    """Another agent answers from here on, twice; the one that answers already is no news, on a branch neither."""
    branch = "0b0b0b0b-0000-4000-8000-000000000001"

    def change(agent: str, by: str = "alice") -> e.Event:
        return e.AgentChanged(at=START + 3, agent=agent, before="assistant", by=by)

    return [
        *_begun(),
        e.StepStarted(at=START, run="r", step="r.1", agent="assistant"),
        e.StepFinished(at=START, run="r", step="r.1", text="done"),
        e.RunFinished(at=START, run="r"),
        change("second"),
        change("second"),
        change("third", ""),
        e.BranchOpened(at=START, branch=branch, parent="", before=3),
        change("second"),
        e.MessageAdded(at=START, message="w1", text="one"),
    ]


def _titled() -> list[Told]:
    """A model gives a title, and what that took counts with the latest run; another one comes too late, and one before
    anything has run."""
    usage = e.Usage(input=300, output=6, cached=100, cost=420_000)

    def written(title: str, problem: str = "", usage: e.Usage | None = usage) -> e.Event:
        return e.ConversationRenamed(at=START + 9, title=title, model="small", problem=problem, usage=usage)

    return [
        e.ConversationCreated(at=START, title="", agent="assistant"),
        written("Early", usage=e.Usage(input=1)),
        *_begun()[1:],
        e.StepStarted(at=START, run="r", step="r.1"),
        e.StepFinished(at=START, run="r", step="r.1", text="done", usage=e.Usage(input=5, output=5, cost=10)),
        e.RunFinished(at=START, run="r"),
        written("About tea"),
        e.ConversationRenamed(at=START + 10, title="Tea"),
        e.MessageAdded(at=START, message="w1", text="one"),
        e.RunQueued(at=START, run="r2", cause="w1"),
        written("Tea", "it was named meanwhile"),
        written("Nothing told", usage=None),
    ]


def _copied() -> list[Told]:
    """A copy says where it comes from, whatever it is called later."""
    origin = e.CopiedFrom(conversation="c", title="Tea", item="m1")
    return [
        e.ConversationCreated(at=START, title="Tea", agent="demo", copied_from=origin),
        e.MessageAdded(at=START - 5, message="m1", text="which tea?"),
        e.ConversationRenamed(at=START + 1, title="More tea"),
    ]


def _discarded_in_a_full_window() -> list[Told]:
    """An item left for a step that was then discarded: the window keeps the hole."""
    return [
        *_begun(),
        *_messages(50),
        e.StepStarted(at=START, run="r", step="r.1"),
        e.StepDiscarded(at=START, run="r", step="r.1"),
        e.MessageAdded(at=START, message="after", text="after"),
    ]


def _open_call_older_than_the_window() -> list[Told]:
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


def release(version: str) -> None:
    """Keep what this release writes, for all later ones. What was kept once is never written again."""
    folder = HERE / "releases" / version
    folder.mkdir(parents=True)
    for name, told in of_this_release().items():
        last = len(told)
        kept = {
            "name": f"{version} {name}",
            "events": [{"seq": seq, "text": stored(one)} for seq, one in enumerate(told, 1)],
            "states": [
                one for one in vector(name, told)["states"] if one["seq"] % SPARSE == 0 or one["seq"] == last
            ],
        }
        (folder / f"{name}.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--release", metavar="VERSION", help="keep the vectors of this release")
    if (version := options.parse_args().release) is not None:
        return release(version)
    for name, text in files().items():
        (HERE / name).write_text(text)
        print(f"{name}: {len(text)} bytes")
    return None


if __name__ == "__main__":
    main()
