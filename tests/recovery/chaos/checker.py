"""What must hold after a chaos run, whatever happened: system-wide invariants, checked on what was written down.

Records are held against each other: the journal (SQL), what the clients sent, heard and show in the end, the effect
ledger, what the model server refused, figures and traces. Nothing here knows what the nemesis did.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.recovery.chaos import branching, tracing
from tests.recovery.chaos.model import Asked

Line = dict[str, Any]


@dataclass
class Record:
    """All that a chaos run left behind."""

    #: Events by conversation: (seq, text, tag), in the order of seq.
    journal: dict[str, list[tuple[int, str, str]]]
    #: What the clients said.
    clients: list[Line]
    ledger: list[Line]
    refused: list[str]
    #: The state of a fresh snapshot, by conversation.
    fresh: dict[str, Line]
    #: Leases held when everything had come to rest, by conversation.
    leases: dict[str, str] = field(default_factory=dict)
    #: Processes that did not end within 15 s of SIGTERM.
    stuck: list[str] = field(default_factory=list)
    #: What pages in Chromium show in the end.
    pages: list[Line] = field(default_factory=list)
    #: Processes that ended though nobody told them to, with the last that they wrote.
    died: list[str] = field(default_factory=list)
    #: When links lost, repeated and held back frames by themselves: (link, from, until), in ms since the Unix epoch.
    mangled: list[tuple[str, int, int]] = field(default_factory=list)
    #: Where the installation's metrics did not add up, in the middle of it all or in the end (chaos/books.py).
    books: list[str] = field(default_factory=list)
    #: How often they were told.
    figures_asked: int = 0
    #: What a receiver of traces got (tests/support/otlp.py); None: nobody was to tell any.
    spans: list[Line] | None = None
    #: What every request that the model got had of simulated people, and when it came.
    asked: list[Asked] = field(default_factory=list)
    #: Since when everything was repaired and nobody killed, in ms: what happened from then on must have been traced.
    calm_since: int = 0

    def events(self, conversation: str) -> list[Line]:
        """The events of one conversation, parsed."""
        return [json.loads(text) for _, text, _ in self.journal.get(conversation, [])]


def violations(record: Record) -> list[str]:
    """A line for everything that is not as promised; none in a good run."""
    found: list[str] = []
    for check in (
        journal_is_a_chain,
        acknowledged_is_kept,
        second_thoughts_are_kept,
        branches_hold,
        clients_agree,
        pages_agree,
        frames_follow_each_other,
        calls_end,
        effects_happen_once,
        requests_were_valid,
        fences_only_grow,
        runs_end,
        processes_end,
        figures_add_up,
        traces_follow_the_journal,
    ):
        found += [f"{check.__name__}: {line}" for line in check(record)]
    return found


def journal_is_a_chain(record: Record) -> Iterator[str]:
    """Seq 1, 2, 3 … without gaps or repeats, each tag made from the one before (S2)."""
    for conversation, rows in record.journal.items():
        tag = ""
        for place, (seq, text, stored) in enumerate(rows, start=1):
            if seq != place:
                yield f"{conversation}: seq {seq} stands at place {place}"
                break
            tag = hashlib.sha1((tag + text).encode()).hexdigest()[:16]
            if tag != stored:
                yield f"{conversation}: the tag of seq {seq} does not follow"
                break


def acknowledged_is_kept(record: Record) -> Iterator[str]:
    """Every acknowledged message stands in the journal once, in the order in which its client said them (S5, W5)."""
    commands = {line["id"]: line for line in record.clients if line["what"] == "command"}
    acknowledged: set[str] = set()
    for line in record.clients:
        if line["what"] == "result" and line["status"] in ("applied", "duplicate"):
            body = commands[line["id"]]["body"]
            if body["kind"] == "send":
                acknowledged.add(body["message"])
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in record.clients:
        if line["what"] == "said":
            said[line["client"], line["conversation"]].append(line["message"])
    stored = {
        conversation: [
            event["message"] for event in record.events(conversation) if event["type"] == "message.added"
        ]
        for conversation in record.journal
    }
    everywhere = Counter(message for messages in stored.values() for message in messages)
    yield from (f"message {message} is there {n} times" for message, n in everywhere.items() if n > 1)
    yield from (
        f"acknowledged message {message} is lost" for message in acknowledged if not everywhere[message]
    )
    for (client, conversation), messages in said.items():
        kept = [message for message in stored.get(conversation, []) if message in messages]
        if kept != [message for message in messages if message in kept]:
            yield f"the messages of {client} in {conversation} are not in order"


def second_thoughts_are_kept(record: Record) -> Iterator[str]:
    """What people thought better of stands once if it was acknowledged, and not at all if it was refused (W5)."""
    bodies = {line["id"]: line for line in record.clients if line["what"] == "command"}
    results: dict[str, dict[str, str]] = defaultdict(dict)
    for line in record.clients:
        if line["what"] == "result":
            # A refusal that says to try again is followed by another answer.
            unknown = line["code"] == "unavailable"
            results[bodies[line["id"]]["conversation"]][line["id"]] = "" if unknown else line["status"]
    for conversation in record.journal:
        told = [(bodies[id]["body"], status) for id, status in results[conversation].items()]
        found = branching.commands_have_their_effect(told, record.events(conversation))
        yield from (f"{conversation}: {line}" for line in found)


def branches_hold(record: Record) -> Iterator[str]:
    """Branches are what the journal says; a message begins one run on each; a request is of one of them (B1 to B7)."""
    trees = []
    for conversation in record.journal:
        events = record.events(conversation)
        trees.append(branching.Tree(events))
        found = [
            *branching.follow_the_journal(events, record.fresh.get(conversation)),
            *branching.runs_begin_once(events),
        ]
        yield from (f"{conversation}: {line}" for line in found)
    yield from branching.requests_are_of_one_branch(record.asked, trees, _taken_back(record))


def _taken_back(record: Record) -> dict[str, int]:
    """When it was first acknowledged that a message is taken back (ms), by message."""
    asked = {
        line["id"]: line["body"]["message"]
        for line in record.clients
        if line["what"] == "command" and line["body"]["kind"] == "withdraw"
    }
    found: dict[str, int] = {}
    for line in record.clients:
        if line["what"] == "result" and line["id"] in asked and line["status"] in ("applied", "duplicate"):
            found.setdefault(asked[line["id"]], line["at"])
    return found


def clients_agree(record: Record) -> Iterator[str]:
    """Every client came to rest and shows what a fresh snapshot shows (S4, W1 to W3)."""
    finals = [line for line in record.clients if line["what"] == "final"]
    for line in finals:
        who = f"{line['client']} in {line['conversation']}"
        fresh = record.fresh.get(line["conversation"])
        if fresh is None:
            yield f"{who}: no fresh snapshot could be had"
            continue
        if not line["rests"]:
            run = line["run"] and (line["run"]["status"], line["run"]["reason"])
            yield (
                f"{who} does not come to rest: {line['phase']}, synced {line['synced']}, run {run}, "
                f"pending {[(m['state'], m['code']) for m in line['pending']]}, link {line['connection']}"
            )
        items = branching.of_a_path(fresh["items"], fresh.get("branches"))
        shown = line["items"][-len(items) :] if items else []
        if shown != items:
            yield f"{who} shows other items than a fresh snapshot: {_difference(shown, items)}"
        for name in ("run", "info", "branches", "seen"):
            if line.get(name) != fresh.get(name):
                yield f"{who} shows another {name}: {line.get(name)} instead of {fresh.get(name)}"


def pages_agree(record: Record) -> Iterator[str]:
    """Every page came to rest without a reload and without a script error, and shows what a fresh snapshot shows, from
    the newest row on upwards as far as it shows any (W1 to W3)."""
    for page in record.pages:
        who = f"the page at {page['page']} on {page['conversation']}"
        yield from (f"{who}: {problem}" for problem in page["problems"])
        if not page["rests"]:
            yield f"{who} does not come to rest"
        fresh = record.fresh.get(page["conversation"], {"items": []})
        items = {item["seq"]: item for item in branching.of_a_path(fresh["items"], fresh.get("branches"))}
        rows = {row["seq"]: row for row in page["rows"]}
        newest = max(
            (seq for seq, item in items.items() if item["kind"] in ("message", "step")), default=None
        )
        if newest not in rows:
            yield f"{who} does not show the newest row, {newest}, but {sorted(rows)}"
        for seq, row in rows.items():
            item = items.get(seq)
            if item is None and seq > min(items, default=seq):
                yield f"{who} shows {row}, which is not there, or of another branch"
            if item is None:
                continue  # from before the snapshot's window
            calls = [[call["id"], call["status"]] for call in item.get("calls", [])]
            status = item.get("status") if item["kind"] == "step" else row["status"]
            if (row["kind"], row["id"], row["status"], row["calls"]) != (
                item["kind"],
                item["id"],
                status,
                calls,
            ):
                yield f"{who} shows {row} instead of {json.dumps(item)[:600]}"
            elif " ".join(item["text"].split()) not in " ".join(row["text"].split()):
                yield f"{who} shows the text {row['text'][:200]!r} instead of {item['text'][:200]!r}"


def frames_follow_each_other(record: Record) -> Iterator[str]:
    """No server left out or repeated an event on a socket (W2). What a bad link did to frames is not its fault: one
    that it lost is missed with the next that comes, which may be long after the link is well again."""
    for line in record.clients:
        if line["what"] != "broken_chain":
            continue
        link = f"link{line['link']}"
        mangled = [(begun, end) for on, begun, end in record.mangled if on == link]
        if not any(begun <= line["at"] and line["since"] <= end for begun, end in mangled):
            yield f"{line['client']} was sent {line['prev']} after {line['before']}"


def calls_end(record: Record) -> Iterator[str]:
    """Every call that was proposed is settled once, or in doubt (R3, R4)."""
    for conversation in record.journal:
        status: dict[str, str] = {}
        for event in record.events(conversation):
            kind = event["type"]
            if kind == "step.finished":
                status |= {call["call"]: "proposed" for call in event["calls"]}
            if not kind.startswith("call."):
                continue
            call = event["call"]
            if status.get(call) == "settled":
                yield f"{conversation}: {kind} of call {call}, which was settled before"
            status[call] = {"call.settled": "settled", "call.in_doubt": "in_doubt"}.get(kind, "open")
        yield from (
            f"{conversation}: call {call} is {at}"
            for call, at in status.items()
            if at in ("open", "proposed")
        )


def effects_happen_once(record: Record) -> Iterator[str]:
    """At most one effect per call that is not safe to repeat (and one more for each time a person said `run_again`);
    none of a call that is reported as not started (R3, R4)."""
    effects = Counter(line["call"] for line in record.ledger if line["tool"] in ("pay", "post"))
    allowed: Counter[str] = Counter()
    not_started: set[str] = set()
    started: set[str] = set()
    for conversation in record.journal:
        for event in record.events(conversation):
            if event["type"] == "call.retried" and event["by"] not in ("recovery", "probe"):
                allowed[event["call"]] += 1
            if event["type"] == "call.settled" and event["code"] == "not_started":
                not_started.add(event["call"])
            if event["type"] == "call.started":
                started.add(event["call"])
    for call, n in effects.items():
        if n > 1 + allowed[call]:
            yield f"call {call} had its effect {n} times, {1 + allowed[call]} allowed"
    for call in {str(line["call"]) for line in record.ledger}:
        if call in not_started:
            yield f"call {call} is reported as not started and had its effect"
        if call not in started:
            yield f"call {call} had its effect and the journal does not know that it was started"


def requests_were_valid(record: Record) -> Iterator[str]:
    """The model server never had to refuse a request (T1)."""
    yield from record.refused
    for conversation in record.journal:
        for event in record.events(conversation):
            if event["type"] == "run.failed":
                yield f"{conversation}: a run failed: {event['code']} {event['detail']}"


def fences_only_grow(record: Record) -> Iterator[str]:
    """Whoever starts a run or a call owns it then: nobody writes with the fence of an owner of before (R2)."""
    for conversation in record.journal:
        owner = 0
        for event in record.events(conversation):
            if event["type"] == "run.started":
                if event["fence"] <= owner:
                    yield f"{conversation}: run started with fence {event['fence']} after {owner}"
                owner = event["fence"]
            elif event["type"] == "call.started" and event["fence"] != owner:
                yield f"{conversation}: call {event['call']} started with fence {event['fence']} under owner {owner}"


def runs_end(record: Record) -> Iterator[str]:
    """At rest no run is active, but for those that wait for a person; and nobody holds a lease."""
    for conversation in record.journal:
        status: dict[str, str] = {}
        for event in record.events(conversation):
            kind = event["type"]
            if kind.startswith("run."):
                status[event["run"]] = kind.removeprefix("run.")
        for run, at in status.items():
            if at not in ("finished", "failed", "stopped", "waiting"):
                yield f"{conversation}: run {run} is left {at}, its lease is with {record.leases.get(conversation)}"
    for conversation, owner in record.leases.items():
        yield f"{conversation}: {owner} holds the lease at rest"


def processes_end(record: Record) -> Iterator[str]:
    """A process that is told to end does (R4, W9), and no other ends."""
    yield from (f"{name} went on after SIGTERM" for name in record.stuck)
    yield from (f"ended by itself: {what}" for what in record.died)


def figures_add_up(record: Record) -> Iterator[str]:
    """Runs begun are those that ended and those that are active, in every answer; and the totals are the journal's."""
    yield from record.books


def traces_follow_the_journal(record: Record) -> Iterator[str]:
    """What is traced of a run is one trace, from its command through its workers to its requests, and nothing in it is
    otherwise than in the journal; nothing is missing but what killed processes have not told."""
    if record.spans is None:
        return
    journal = [record.events(conversation) for conversation in record.journal]
    yield from tracing.against(record.spans, journal)
    if record.calm_since:
        yield from tracing.untold(record.spans, journal, record.calm_since)


def _difference(shown: list[Any], items: list[Any]) -> str:
    if [item["id"] for item in shown] != [item["id"] for item in items]:
        return f"{len(shown)} items, ids {[i['id'][-6:] for i in shown]} and {[i['id'][-6:] for i in items]}"
    for mine, theirs in zip(shown, items, strict=True):
        if mine != theirs:
            return f"{json.dumps(mine)[:600]} and {json.dumps(theirs)[:600]}"
    return "nothing"


__all__ = ["Record", "violations"]
