"""`python -m tests.recovery.mutants`: break Holdfast on purpose, one way at a time, and see that the tests notice.

Each mutant is a replacement in a temporary copy of the tree, where its test must fail (and must pass without it: see
`make test`). A mutant that nobody notices, or whose place is not there any more, makes the exit status 1.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.recovery.mutant import Mutant
from tests.recovery.mutants_of_providers import OF_PROVIDERS

ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds that one test may take.
TIMEOUT_S = 240

_STORE = "            if batch:\n                yield batch\n"
_START = "            for call in starting:\n                desk.start(call)\n"
SESSION = "tests/chat/session"
TRIGGERS = "tests/chat/entrances/triggers"
MUTANTS: tuple[Mutant, ...] = (
    *OF_PROVIDERS,
    Mutant(
        "a step that begins again has read what was taken back meanwhile",
        "agents/answering.py",
        ".items != beside(seen, decision.step).items:",
        ".items != before(seen, decision.step).items:",
        ("tests/agents/test_loop.py", "-k", "taken_back_before"),
    ),
    Mutant(
        "a branch has all that its parent says",
        "agents/branches.py",
        "        below = here.before if below is None else min(below, here.before)\n",
        "        below = None\n",
        ("tests/agents/test_branches.py",),
    ),
    Mutant(
        "a run goes on with whatever branch is shown",
        "agents/branches.py",
        "_with(branches.runs, event.run, event.branch)",
        "_with(branches.runs, event.run, branches.shown)",
        ("tests/agents/test_branches.py",),
    ),
    Mutant(
        "what waits on a hidden branch is forgotten",
        "chat/session/paths.py",
        'item["kind"] == "message" and item["seq"] > _seen(state).get(branch_of(item), 0)',
        'item["kind"] == "message" and on_path(state, item) and item["seq"] > _seen(state).get(branch_of(item), 0)',
        ("tests/chat/test_branches.py", "-k", "B4"),
    ),
    Mutant(
        "whoever is let in may ask everything of a conversation",
        "chat/inbox.py",
        "        if not (verdict := who.stands(owner).may(action_of(body))):\n",
        "        if False:\n",
        ("tests/chat/test_inbox.py", "-k", "W11"),
    ),
    Mutant(
        "a tool runs for whoever asks",
        "agents/calling.py",
        "    if acting.may_use(work.tools.effect(call.name)) and acting.may_use(call.effect):\n",
        "    if True:\n",
        ("tests/chat/messenger/test_authority.py", "-k", "without_memory"),
    ),
    Mutant(
        "the one who spoke first lends their memory to a run",
        "chat/runs/acting.py",
        "    alone = len(set(keys)) == 1 and",
        "    alone = bool(keys) and",
        ("tests/chat/messenger/test_authority.py", "-k", "several"),
    ),
    Mutant(
        "no fence check",
        "chat/session/scripts/append.lua",
        "if ARGV[5] ~= '' and tonumber(ARGV[5]) < tonumber(meta[4]) then return {'fenced'} end\n",
        "",
        ("tests/contract/test_store.py", "-k", "old_fence"),
    ),
    Mutant(
        "no compare-and-set",
        "chat/session/scripts/append.lua",
        "if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] or meta[6] ~= ARGV[4] then",
        "if false then",
        ("tests/contract/test_store.py", "-k", "conflict"),
    ),
    Mutant(
        "no check for duplicate commands",
        "chat/session/sessions.py",
        "        found = await self.journal.command(conversation, command.id)\n        if found is not None and",
        "        found = None\n        if found is not None and",
        (f"{SESSION}/test_sessions.py", "-k", "W5"),
    ),
    Mutant(
        "a session that has lost its state is written to",
        "chat/session/scripts/append.lua",
        "if not whole(meta[7], meta[2], meta[8]) then return {'missing'} end\n",
        "",
        ("tests/contract/test_keys.py", "-k", "redis"),
    ),
    Mutant(
        "a session that has lost a key is read as if nothing had happened",
        "chat/session/sessions.py",
        "            elif loaded.verified and loaded.whole and loaded.archived == loaded.position.seq:\n",
        "            elif loaded.verified and loaded.archived == loaded.position.seq:\n",
        (f"{SESSION}/test_keys.py", "-k", "memory"),
    ),
    Mutant(
        "each machine goes by its own clock",
        "chat/session/store.py",
        "            self._clock.learn(asked, int(told[0]) * 1000 + int(told[1]) / 1000)\n",
        "            pass\n",
        ("tests/chat/runs/test_clock_difference.py", "-k", "wrong_clock"),
    ),
    Mutant(
        "lanes are looked at from the first one on, each time",
        "chat/messenger/lanes.py",
        "        mail=chats[-1] if len(chats) == page else None,\n",
        "        mail=None,\n",
        ("tests/chat/messenger/test_lanes.py",),
    ),
    Mutant(
        "acknowledged before the journal has it",
        "chat/session/sessions.py",
        "        await self._archive(conversation, base, committed, state)\n",
        "        asyncio.get_running_loop().call_later(\n"
        "            1, lambda: asyncio.ensure_future(self._archive(conversation, base, committed, state))\n"
        "        )\n",
        (f"{SESSION}/test_sessions.py", f"{SESSION}/test_recovery.py", "-k", "S5"),
    ),
    Mutant(
        "the epoch never changes",
        "chat/session/contract.py",
        "    return secrets.token_hex(6)",
        '    return "000000000000"',
        (f"{SESSION}/test_recovery.py", "-k", "lost_tail"),
    ),
    Mutant(
        "a bell without a look at the log",
        "chat/feed.py",
        "due = {c for c in self._hot if self._channels[c].due <= now} | self._dirty",
        "due = {c for c in self._hot if self._channels[c].due <= now}",
        ("tests/chat/test_feed.py", "-k", "ring or lost_bell"),
    ),
    Mutant(
        "a conversation is kept hot for readers who have left",
        "chat/feed.py",
        "if self._channels.get(channel.conversation) is not channel:",
        "if False:",
        ("tests/chat/test_feed.py", "-k", "last_reader"),
    ),
    Mutant(
        "effectful calls are retried on take-over",
        "agents/steps.py",
        "if call.effect not in REPEATABLE:",
        "if False:",
        ("tests/agents/test_steps.py", "-k", "R4"),
    ),
    Mutant(
        "what a provider refuses is sent again with every later request",
        "agents/history.py",
        "return changed(history, event.message, lambda item: leave_out(item, event.files, event.reason))",
        "return history",
        ("tests/agents/test_rescue.py", "-k", "filter"),
    ),
    Mutant(
        "only refusals on a list are rescued",
        "agents/retrying.py",
        "error.status in (400, 422)",
        "False",
        ("tests/agents/test_rescue.py", "-k", "unlisted"),
    ),
    Mutant(
        "nobody is asked before a tool that needs a yes",
        "agents/steps.py",
        "_needs_word(step, c, approvals, must_ask)",
        "False",
        ("tests/agents/test_crash_points.py", "-k", "W8"),
    ),
    Mutant(
        "an address that begins like a given one is given",
        "agents/tools/visits.py",
        "(other.host, other.port, other.target) == (address.host, address.port, address.target)",
        "(other.host, other.port) == (address.host, address.port)",
        ("tests/agents/tools/test_visits.py", "-k", "differs"),
    ),
    Mutant(
        "a redirect of a composed address is followed to any host",
        "agents/tools/visits.py",
        "return first.host == then.host or self.given.by(target)",
        "return True or self.given.by(target)",
        ("tests/agents/test_asking.py", "-k", "lead_nowhere_else"),
    ),
    Mutant(
        "a rotation writes over what was entered meanwhile",
        "chat/support/rotation.py",
        "mine = _raw(column).filter(pk=pk, raw=sealed)",
        "mine = _raw(column).filter(pk=pk)",
        ("tests/chat/support/test_rotation.py", "-k", "meanwhile"),
    ),
    Mutant(
        "a lifecycle lacks a row",
        "agents/lifecycle.py",
        '        e.CallInDoubt: Row(("running",), "in_doubt"),\n',
        "",
        ("tests/agents/test_lifecycle.py",),
    ),
    Mutant(
        "a run that recovers is not started again",
        "agents/lifecycle.py",
        'Row(("queued", "recovering", "waiting"), "running")',
        'Row(("queued", "waiting"), "running")',
        ("tests/agents/test_lifecycle.py", "-k", "honest"),
    ),
    Mutant(
        "an event of another release is refused",
        "agents/events/vocabulary.py",
        'return _unknown(raw, text, "its type is not known")',
        'raise ValueError(raw["type"])',
        ("tests/agents/test_events.py", "-k", "J3"),
    ),
    Mutant(
        "a field of another release is dropped",
        "agents/events/parts.py",
        "return {**part.model_dump(), **(part.model_extra or {})}",
        "return part.model_dump()",
        ("tests/agents/test_events.py", "tests/wire", "-k", "J2"),
    ),
    Mutant(
        "a worker begins what it cannot read",
        "chat/runs/ownership.py",
        "if (unread := await self._unread(known)) is not None:",
        "if (unread := None) is not None:",
        ("tests/chat/test_later_release.py", "-k", "does_not_begin"),
    ),
    Mutant(
        "a worker goes on with what it cannot read",
        "agents/steps.py",
        "if history.unread is not None:",
        "if False:",
        ("tests/chat/test_later_release.py", "-k", "on_the_way"),
    ),
    Mutant(
        "the page reads events of later versions",
        "frontend/src/sync/lifecycle.ts",
        "return newest !== undefined && (event.v ?? 1) <= newest;",
        "return newest !== undefined;",
        ("src/sync/reducer.test.ts",),
    ),
    Mutant(
        "a yes to other arguments counts",
        "chat/decide.py",
        'if asked["digest"] != digest:',
        "if False:",
        ("tests/chat/test_decide.py", "-k", "W8"),
    ),
    Mutant(
        "tools start before it is journalled",
        "agents/calling.py",
        f"{_STORE}{_START}",
        f"{_START}{_STORE}",
        ("tests/agents/test_crash_points.py", "tests/agents/test_loop.py"),
    ),
    Mutant(
        "tools go on although the lease ran out",
        "agents/tools/running.py",
        "while error is None and not self._owned():",
        "while False:",
        ("tests/agents/tools/test_owned.py",),
    ),
    Mutant(
        "offsets of parts are not looked at",
        "chat/session/scripts/part.lua",
        "if offset > have then return {'gap', have} end\n",
        "",
        ("tests/contract/test_store.py", "-k", "W4"),
    ),
    Mutant(
        "a store that is empty takes writes for a conflict",
        "chat/session/scripts/append.lua",
        "if not meta[1] then return {'missing'} end\n",
        "",
        ("tests/contract/test_store.py", "-k", "S6"),
    ),
    Mutant(
        "a lease that was lost is free for anybody",
        "chat/session/sessions.py",
        '        if run is not None and run["status"] == "running" and self._lease_ms:',
        "        if False:",
        ("tests/chat/session/test_failover.py", "-k", "R2"),
    ),
    Mutant(
        "connections stay with a former primary",
        "chat/session/store.py",
        "            await self._let_go()\n        except (RedisError, OSError) as problem:\n",
        "            pass\n        except (RedisError, OSError) as problem:\n",
        ("tests/chat/session/test_failover.py", "-k", "S6"),
    ),
    Mutant(
        "an entry of the queue that came too early swallows the one that comes in time",
        "chat/runs/pool.py",
        'if busy.owned.is_set() or busy.task.cancelled() or busy.task.result() != "nothing":',
        "if True:",
        ("tests/chat/runs/test_pool.py",),
    ),
    Mutant(
        "an entry of the queue that comes twice keeps a run's place",
        "chat/runs/pool.py",
        "            owned = asyncio.create_task(busy.owned.wait())\n",
        "            owned = asyncio.create_task(asyncio.Event().wait())\n",
        ("tests/chat/runs/test_pool.py", "-k", "take_no_place"),
    ),
    Mutant(
        "runs of the dead are left alone",
        "chat/runs/sweeper.py",
        '    return run.status != "queued" or not 0',
        '    return run.status == "queued" and not 0',
        ("tests/chat/runs/test_sweeper.py",),
    ),
    Mutant(
        "bystanders of crashes are given up",
        "chat/runs/isolated/policy.py",
        "if (losses.seen_alone and losses.alone >= MAX_ALONE) or len(losses.crowds) >= MAX_LOST:",
        "if len(losses.crowds) >= 5:",
        ("tests/chat/runs/isolated/test_policy.py", "-k", "bystanders or ten_crashes"),
    ),
    Mutant(
        "a policy overrules a person",
        "chat/decide.py",
        'if event.code == "outcome_unknown" or event.by == "probe":',
        'if event.by == "probe":',
        ("tests/chat/test_decide.py", "-k", "W7"),
    ),
    Mutant(
        "an operator may do anything",
        "chat/authorization.py",
        '*("import", "replay", "act_for", "end_for", "see_secret"),',
        '*("write", "rename", "delete", "act_for", "end_for", "see_secret"),',
        ("tests/chat/inspection/test_operating.py", "-k", "W11"),
    ),
    Mutant(
        "a socket takes the hello of any page",
        "chat/entrances/web/connection.py",
        "        if not self._is_token(frame.token):\n",
        "        if False:\n",
        ("tests/chat/entrances/web/test_connection.py", "-k", "W11"),
    ),
    Mutant(
        "the token of one login is good for another",
        "chat/entrances/web/greeting.py",
        "    return salted_hmac(_SALT, key, secret",
        "    return salted_hmac(_SALT, '', secret",
        ("tests/chat/entrances/web/test_greeting.py",),
    ),
    Mutant(
        "a refusal before Django says nothing of what a browser may do with it",
        "config/asgi.py",
        "        with_headers(\n",
        "        (lambda application: application)(\n",
        ("tests/platform/test_headers.py", "-k", "refusals"),
    ),
    Mutant(
        "pages may make markup of text",
        "config/settings.py",
        """        "require-trusted-types-for": ["'script'"],\n""",
        "",
        ("tests/platform/test_headers.py", "-k", "registers"),
    ),
    Mutant(
        "a database of faults that knows none is believed",
        "scripts/audit.py",
        "    if not found.pop(KNOWN_PYTHON, []):\n",
        "    if found.pop(KNOWN_PYTHON, []) is None:\n",
        ("tests/platform/test_supply.py", "-k", "whole"),
    ),
    Mutant(
        "a client takes any event for the next one",
        "frontend/src/sync/replica.ts",
        "if (frame.prev !== replica.cursor) {",
        "if (frame.prev === '') {",
        ("src/sync/replica.test.ts", "src/sync/convergence.test.ts"),
    ),
    Mutant(
        "an event fired again is another message",
        "chat/automation/firing.py",
        '        return _made("message", self.key)',
        "        return str(__import__('uuid').uuid4())",
        ("tests/chat/automation/test_firing.py", "-k", "W5"),
    ),
    Mutant(
        "the due time moves on in a transaction of its own",
        "chat/entrances/schedules/store.py",
        "        for due in fire:\n            record(row, due)\n",
        "        from chat.support import kill_points\n"
        "        transaction.on_commit(lambda: kill_points.point('schedules.received'))\n"
        "        transaction.on_commit(lambda: [record(row, due) for due in fire])\n",
        ("tests/chat/entrances/schedules/test_service.py", "-k", "moves_on"),
    ),
    Mutant(
        "what is past in the repeated hour is due again",
        "chat/entrances/schedules/plan.py",
        "        if moment > after:\n            after = moment\n            yield moment",
        "        yield moment",
        ("tests/chat/entrances/schedules/test_plan.py", "-k", "past or ascend"),
    ),
    Mutant(
        "a result is delivered for each look",
        "chat/entrances/feishu/destination.py",
        '"parcel", parcel.key)',
        '"parcel", __import__("time").time_ns())',
        ("tests/chat/entrances/schedules/test_delivery.py", "-k", "feishu"),
    ),
    Mutant(
        "permissions are left behind when the entrances become apps",
        "chat/migrations/0010_entrances_are_apps.py",
        "migrations.RunPython(forward, backward),",
        "migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop),",
        ("tests/platform/test_upgrade.py", "-k", "carried and sqlite"),
    ),
    Mutant(
        "everybody counts as watching",
        "chat/extensions.py",
        "return frozenset(one.name for one in entrances() if not one.attended)",
        "return frozenset()",
        ("tests/chat/runs/test_runner.py", "-k", "nobody_watches"),
    ),
    Mutant(
        "an entrance that is switched off still works",
        "chat/extensions.py",
        "return tuple(one for one in self.known() if one.name not in (self._off or ()))",
        "return self.known()",
        ("tests/chat/test_extensions.py", "-k", "switched_off"),
    ),
    Mutant(
        "messenger: the mark moves to the journal's head whatever the cards show",
        "chat/messenger/told.py",
        "min(read.head, drawn.seq)",
        "read.head",
        ("tests/chat/messenger/test_told.py",),
    ),
    Mutant(
        "messenger: a row that raises is tried for ever",
        "chat/support/poison.py",
        "tries + 1 >= MAX_TRIES",
        "False",
        ("tests/chat/messenger/test_poison.py", "-k", "set_aside_with_its_reason"),
    ),
    Mutant(
        "trigger: a message's key is made of its text",
        "chat/entrances/triggers/watching.py",
        'Sighting(f"message:{row.pk}:{seq}", ',
        'Sighting(f"message:{hash(text)}", ',
        (f"{TRIGGERS}/test_traps.py", "-k", "identical_message"),
    ),
    Mutant(
        "trigger: a look's key is made of the value",
        "chat/entrances/triggers/polling.py",
        'f"look:{trigger.observation}"',
        'f"look:{digest}"',
        (f"{TRIGGERS}/test_traps.py", "-k", "returns"),
    ),
    Mutant(
        "trigger: a delivery without a name is its body",
        "chat/entrances/triggers/views.py",
        "delivery:own:{secrets.token_hex(16)}",
        "delivery:own:{hash(body)}",
        (f"{TRIGGERS}/test_traps.py", "-k", "name_no_delivery"),
    ),
    Mutant(
        "trigger: the hourly limit consumes changes",
        "chat/entrances/triggers/polling.py",
        'if firing.reason in ("cooldown", "hourly"):',
        "if False:",
        (f"{TRIGGERS}/test_polling.py", "-k", "hourly"),
    ),
    Mutant(
        "trigger: it hears itself",
        "chat/entrances/triggers/decide.py",
        "if standing.trigger in chain:",
        "if False:",
        (f"{TRIGGERS}/test_watching.py", "-k", "hear_itself"),
    ),
    Mutant(
        "trigger: what came before it counts",
        "chat/entrances/triggers/watching.py",
        "trigger.floors = {str(id): seq for id, seq in behind}",
        "trigger.floors = {}",
        (f"{TRIGGERS}/test_watching.py", "-k", "from_now_on"),
    ),
    Mutant(
        "trigger: a signature is not looked at",
        "chat/entrances/triggers/views.py",
        "if row.signed and not (known and row.secret and known.signed(given, row.secret)):",
        "if row.signed and not (known and row.secret):",
        (f"{TRIGGERS}/test_webhook.py", "-k", "signing"),
    ),
    Mutant(
        "trigger: a message's id is new each time",
        "chat/entrances/triggers/store.py",
        'key=f"trigger:{row.trigger_id}:{row.key}"',
        "key=f\"trigger:{id(row)}{__import__('time').time_ns()}\"",
        (f"{TRIGGERS}/test_traps.py", "-k", "before_its_mark"),
    ),
    Mutant(
        "an agent's call that runs again sets up another trigger",
        "chat/entrances/triggers/editing.py",
        "(known := mine.filter(made_key=maker.key).first())",
        "(known := mine.filter(made_key=None, pk=None).first())",
        ("tests/chat/automation/test_agent_tools.py", "-k", "R3_the_same_call"),
    ),
)


def main() -> int:
    """Try all mutants, or those whose name contains the argument; prints a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.mutants", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="part of a name (all)")
    wanted = [mutant for mutant in MUTANTS if parser.parse_args().name in mutant.name]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="holdfast-mutants-") as folder:
        tree = copy(Path(folder) / "tree")
        for mutant in wanted:
            began = time.monotonic()
            verdict = attempt(tree, mutant)
            missed += verdict != "caught"
            print(f"{mutant.name:<80}{verdict:<12}{time.monotonic() - began:>6.0f} s", flush=True)
    print(f"{len(wanted) - missed} of {len(wanted)} mutants caught")
    return 1 if missed else 0


def copy(tree: Path) -> Path:
    """A copy of what git knows of, with what is installed lent to it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    (tree / ".venv").symlink_to((ROOT / ".venv").resolve())
    (tree / "frontend" / "node_modules").symlink_to((ROOT / "frontend" / "node_modules").resolve())
    return tree


def attempt(tree: Path, mutant: Mutant) -> str:
    """`caught`, `missed`, or `no place` if the code to break is not there once."""
    path = tree / mutant.file
    whole = path.read_text()
    if whole.count(mutant.old) != 1:
        return "no place"
    path.write_text(whole.replace(mutant.old, mutant.new))
    try:
        return "caught" if _fails(tree, mutant) else "missed"
    finally:
        path.write_text(whole)


def _fails(tree: Path, mutant: Mutant) -> bool:
    if mutant.file.startswith("frontend/"):
        argv, folder = ["npx", "vitest", "run", *mutant.caught_by], tree / "frontend"
    else:
        argv, folder = [sys.executable, "-m", "pytest", "-q", "-x", *_PLAIN, *mutant.caught_by], tree
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return True
    # 1: tests failed. Anything else (nothing collected, a usage error) is no proof of having noticed.
    return done.returncode == 1


#: One process, no files left behind, and also what `make test` leaves to `make test-long`.
_PLAIN = ("-p", "no:cacheprovider", "-m", "")

if __name__ == "__main__":
    sys.exit(main())
