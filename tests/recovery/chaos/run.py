"""One chaos run: a whole system, people, a nemesis, rest, and then the check."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import redis

from tests.recovery.chaos import books, stacks, tools, tracing
from tests.recovery.chaos.checker import Record, violations
from tests.recovery.chaos.clients import Clients, Line, build
from tests.recovery.chaos.measure import Figures, figures
from tests.recovery.chaos.model import Model
from tests.recovery.chaos.nemesis import Fault, Nemesis
from tests.recovery.chaos.pages import Pages
from tests.support import template
from tests.support.otlp import Receiver
from tests.support.ports import claim_port
from tests.support.postgres import Postgres
from tests.support.processes import PEOPLE, Stack, password
from tests.support.proxy import Proxy
from tests.support.replicated import Replicated
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

TOOLS = ("pay", "post", "put", "look")


@dataclass(frozen=True)
class Plan:
    """What to do. The seed decides about people and faults; what the machine makes of it differs from run to run."""

    seed: int
    seconds: float = 60
    conversations: int = 10
    postgres: bool = False
    #: Settings of the PostgreSQL server itself.
    server: tuple[tuple[str, str], ...] = ()
    lease_ms: int = 2_000
    pace_ms: int = 3_000
    mishaps: float = 0.01
    #: How often half of the people think better of something instead of speaking: edit, try again, choose a branch.
    second_thoughts: float = 0.6
    gap_s: tuple[float, float] = (0.3, 2.5)
    rest_s: float = 60
    only: tuple[str, ...] = ()
    #: Real pages in Chromium that look on.
    pages: int = 0
    #: Whether processes tell traces, which are held against the journal.
    traces: bool = False
    #: Where logs and records are kept; a temporary folder that is removed otherwise.
    keep: Path | None = None


@dataclass
class Report:
    """What came of it."""

    plan: Plan
    violations: list[str]
    faults: list[Fault]
    figures: Figures
    outputs: str = ""
    record: Record | None = field(default=None, repr=False)


def run(plan: Plan, database_template: Path | None = None) -> Report:
    """Do it. Takes `plan.seconds`, the rest at the end, and about 15 s for the start."""
    with Scene(plan, database_template) as scene:
        clients = scene.people()
        scene.look_on(clients, plan.pages)
        nemesis = Nemesis(
            scene.system,
            webs=["web", "web2"],
            workers=["worker", "worker2"],
            proxies=scene.proxies,
            seed=plan.seed,
            lease_ms=plan.lease_ms,
            gap_s=plan.gap_s,
            postgres=scene.postgres,
            store=scene.store,
            only=plan.only,
        )
        nemesis.run(plan.seconds)
        nemesis.repair()
        report = scene.report(clients, nemesis.faults)
        if plan.keep is not None:
            shutil.copytree(scene.system.data, plan.keep, dirs_exist_ok=True)
            assert report.record is not None
            kept = {"journal": report.record.journal, "asked": report.record.asked}
            (plan.keep / "record.json").write_text(json.dumps(kept, ensure_ascii=False))
        return report


class Scene:
    """A whole system under observation: two web servers behind proxies, two workers, a strict model, counted effects.
    `with Scene(plan) as scene: clients = scene.people(); …; scene.report(clients, faults)`"""

    def __init__(
        self, plan: Plan, database_template: Path | None = None, *, replicated: bool = True, **env: str
    ) -> None:
        self.plan = plan
        self.postgres: Postgres | None = None
        #: A store with a replica, or None for one without.
        self.store: Replicated | None = None
        self.proxies: list[Proxy] = []
        self.pages: Pages | None = None
        self._template = database_template
        self._replicated = replicated
        self._env = env
        self._stack = ExitStack()
        self._parties = 0

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _set_up(self) -> None:
        stack, plan = self._stack, self.plan
        folder = Path(tempfile.mkdtemp(prefix="holdfast-chaos-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database = self.set_up_database(stack, folder)
        self._script = build()
        self.model = stack.enter_context(Model())
        self.receiver = stack.enter_context(Receiver()) if plan.traces else None
        store = self.set_up_store(stack)
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
            "OPENAI_BASE_URL": self.model.url,
            "OPENAI_MODEL": "chaos",
            "HOLDFAST_LEASE_MS": str(plan.lease_ms),
            "HOLDFAST_RENEW_MS": str(plan.lease_ms // 3),
            "HOLDFAST_SWEEP_MS": str(plan.lease_ms // 4),
            "HOLDFAST_HEARTBEAT_MS": "1000",
            "HOLDFAST_COMMANDS_PER_MINUTE": "6000",
            "HOLDFAST_METRICS_PORT": str(metrics := claim_port()),
            "HOLDFAST_METRICS_PORTS": str(books.PORTS),
            **({"HOLDFAST_TRACES_URL": self.receiver.url} if self.receiver is not None else {}),
            **self._env,
        }
        self.system = stack.enter_context(
            Stack(
                template=None if plan.postgres else self._template,
                database=database,
                valkey=store,
                env=env,
            )
        )
        give_tools(self.system)
        ports = self.set_up_front(stack, _start(self.system, self.settings_of))
        self.proxies = [stack.enter_context(Proxy(port)) for port in ports]
        self.books = stack.enter_context(books.Books(metrics))

    def set_up_database(self, stack: ExitStack, folder: Path) -> str | None:
        """Make and fill the database; its address, None for the SQLite file of the template."""
        if self.plan.postgres:
            self.postgres = stack.enter_context(Postgres(**dict(self.plan.server)))
            # Not the superuser, who gets a connection when nobody else does.
            self.postgres.execute("CREATE ROLE app LOGIN")
            self.postgres.execute("CREATE DATABASE chaos OWNER app")
            database = self.postgres.url("chaos", "app")
            template.fill(database, folder)
            return database
        if self._template is None:
            self._template = template.make_sqlite(folder)
        return None

    def set_up_store(self, stack: ExitStack) -> Any:
        """Make the store; None for one that the stack makes itself."""
        if self._replicated:
            self.store = stack.enter_context(Replicated())
        return self.store

    def set_up_front(self, stack: ExitStack, ports: list[int]) -> list[int]:
        """Put something before the web servers; the ports to which the links lead."""
        return ports

    def settings_of(self, label: str) -> dict[str, str]:
        """What one process is told differently."""
        return {}

    @property
    def address(self) -> str:
        """Where people log in, without a slash at the end."""
        return self.system.address

    @property
    def links(self) -> list[str]:
        """Where they talk: addresses of links that can break."""
        return [f"http://127.0.0.1:{proxy.port}" for proxy in self.proxies]

    def people(self, conversations: int | None = None) -> Clients:
        """Start people who talk, each conversation with one who writes and one who looks on."""
        self._parties += 1
        folder = self.system.data / f"people{self._parties}"
        folder.mkdir()
        return self._stack.enter_context(
            Clients(
                self._script,
                self.address,
                self.links,
                conversations=conversations or self.plan.conversations,
                seed=self.plan.seed,
                pace_ms=self.plan.pace_ms,
                mishaps=self.plan.mishaps,
                second_thoughts=self.plan.second_thoughts,
                folder=folder,
            )
        )

    def look_on(self, clients: Clients, count: int) -> None:
        """Open so many pages in Chromium, each at the conversation of somebody who has spoken."""
        if not count:
            return

        def begun() -> dict[str, str]:
            return {
                line["client"]: line["conversation"] for line in clients.lines() if line["what"] == "said"
            }

        wait_until(lambda: len(begun()) >= count, 60, "people to speak")
        views = [
            (
                f"http://127.0.0.1:{self.proxies[number % len(self.proxies)].port}",
                PEOPLE[int(client[1:]) % len(PEOPLE)],
                conversation,
            )
            for number, (client, conversation) in enumerate(list(begun().items())[:count])
        ]
        self.pages = self._stack.enter_context(Pages())
        self.pages.open(views)

    def redis(self) -> redis.Redis:
        """A client to the store as it is now; close it or use it as a context."""
        return redis.Redis.from_url(self.system.valkey.url, decode_responses=True)

    def leases(self, conversations: list[str]) -> dict[str, str]:
        """Who holds a lease now that everything has come to rest. The last owners get a moment to let go."""
        held: dict[str, str] = {}

        def none() -> bool:
            nonlocal held
            owners = [client.get(f"hf:{{{one}}}:lease") for one in conversations]
            held = {one: str(owner) for one, owner in zip(conversations, owners, strict=True) if owner}
            return not held

        with self.redis() as client, contextlib.suppress(AssertionError):
            wait_until(none, 3, "leases to be given back")
        return held

    def _journal_follows(self) -> None:
        """What people have seen in Redis gets a moment to come into the journal: some 100 ms on a busy machine. What
        is not there then is for the checker to tell."""

        def behind() -> list[str]:
            with self.redis() as client:
                metas = {key: client.hmget(key, "seq", "archived") for key in client.scan_iter("hf:{*}:meta")}
            return [key for key, (seq, archived) in metas.items() if seq != archived]

        with contextlib.suppress(AssertionError):
            wait_until(lambda: not behind(), 10, "the journal to follow", every=0.1)

    def _traced(self, record: Record, calm: int) -> list[Line]:
        """What the receiver has, once it has what happened since `calm`: traces are told beside all else, and may come
        a moment later."""
        assert self.receiver is not None
        receiver, journal = self.receiver, [record.events(one) for one in record.journal]
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not tracing.untold(receiver.spans, journal, calm), 10, "the traces", every=0.3)
        return receiver.spans

    def answers(self, number: int) -> bool:
        """Whether this web server (0 or 1) takes connections."""
        return _answers(self.proxies[number].target_port)

    def report(self, clients: Clients, faults: list[Fault]) -> Report:
        """Everything works again: have people come to rest, and check what is left."""
        system, plan = self.system, self.plan
        wait_until(lambda: system.status("/readyz") == 200, 40, lambda: _unready(system), every=0.5)
        calm = time.time_ns() // 1_000_000
        said = clients.finish(plan.rest_s)
        self._journal_follows()
        pages = self.pages.finish(plan.rest_s) if self.pages is not None else []
        record = _record(system, self.address, self.model, said)
        record.leases = self.leases(list(record.journal))
        record.pages = pages
        types = Counter(event["type"] for one in record.journal for event in record.events(one))
        record.books = [*self.books.wrong, *books.against(self.books.last(), types)]
        record.figures_asked = self.books.answers
        if self.receiver is not None:
            record.spans, record.calm_since = self._traced(record, calm), calm
        record.mangled = [
            # What was held back may come a moment later, and be read later still.
            (fault.target, fault.at, (fault.until or fault.at) + 2_000)
            for fault in faults
            if fault.action == "mangle_link"
        ]
        record.stuck = [fault.target for fault in faults if fault.action == "did_not_end"]
        record.died = [f"{fault.target}: {fault.detail}" for fault in faults if fault.action == "died"]
        found = violations(record)
        if found:
            # Whatever does not come to its end is still there, and says where it is.
            stacks.ask([one.pid for one in system.processes.values() if one.alive])
        return Report(
            plan,
            found,
            faults,
            figures(record, faults, requests=self.model.requests),
            system.outputs(30_000 if found else 4_000),
            record,
        )


def give_tools(system: Stack, *names: str) -> None:
    """Let every agent have these tools (those of tests/recovery/chaos/tools.py)."""
    as_json = "?" if system.database.startswith("sqlite") else "?::jsonb"
    system.sql(f"UPDATE agents_agent SET tools = {as_json}", json.dumps(names or TOOLS))


def _start(system: Stack, settings_of: Callable[[str], dict[str, str]]) -> list[int]:
    """Two workers and two web servers; the ports of these."""
    second = claim_port()
    for label in ("worker", "worker2", "web"):
        system.start(label.rstrip("2"), label, **settings_of(label))
    system.start("web", "web2", HOLDFAST_PORT=str(second), **settings_of("web2"))
    wait_until(lambda: _answers(second), 30, "the second web server to answer")
    wait_until(lambda: system.status("/readyz") == 200, 30, "the system to be ready")
    return [system.web_port, second]


def _unready(system: Stack) -> str:
    """What the system still lacks, for whoever waits for it in vain."""
    if system.status("/readyz") is None:
        return f"the web server to answer\n{system.outputs()}"
    return f"the system to be ready again, without {system.json('/readyz')}\n{system.outputs()}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _record(system: Stack, address: str, model: Model, said: list[Line]) -> Record:
    journal: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    rows = system.sql("SELECT conversation_id, seq, text, tag FROM chat_event ORDER BY conversation_id, seq")
    for conversation, seq, text, tag in rows:
        journal[_dashed(str(conversation))].append((seq, text, tag))
    watched = {line["conversation"]: line["client"] for line in said if line["what"] == "final"}
    fresh = asyncio.run(_snapshots(address, watched))
    ledger = tools.entries(system.data / tools.NAME)
    return Record(dict(journal), said, ledger, model.refused, fresh, asked=model.asked)


def _dashed(id: str) -> str:
    return id if "-" in id else f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"


async def _snapshots(address: str, watched: dict[str, str]) -> dict[str, Any]:
    """The state of each conversation for somebody who opens it now."""
    found: dict[str, Any] = {}
    for place, person in enumerate(PEOPLE):
        cookies = await asyncio.to_thread(login, address, person, password(person))
        mine = [id for id, client in watched.items() if int(client[1:]) % len(PEOPLE) == place]
        for conversation in mine:
            try:
                async with Wire(address, cookies) as wire:
                    frames = [f for f in await wire.open(conversation) if f["type"] == "snapshot"]
            except TimeoutError:
                continue  # the checker says that none could be had
            state = frames[-1]["state"]
            found[conversation] = {**state, "items": [i for f in frames for i in f["state"]["items"]]}
    return found
