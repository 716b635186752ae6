"""The whole system of one combination: what chaos has (tests/recovery/chaos), on other servers."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from tests.engines.parts import Database, Front, Store
from tests.recovery.chaos.run import TOOLS, Plan, Scene, give_tools
from tests.support import template

#: What the agent asks a person before.
ASKS = "sign"


@dataclass
class Parts:
    """The servers of a combination."""

    database: Database
    store: Store
    front: Front = field(default_factory=Front)

    @property
    def said(self) -> list[str]:
        """All servers with their versions."""
        return [*self.database.said, *self.store.said, *self.front.said]


class EngineScene(Scene):
    """`with EngineScene(plan, parts) as scene:` two web servers, two workers, and people who reach them by `links`."""

    def __init__(self, plan: Plan, parts: Parts) -> None:
        modules = "tests.recovery.chaos.tools,tests.engines.tools"
        super().__init__(plan, HOLDFAST_TOOL_MODULES=modules, **parts.front.settings)
        self.parts = parts

    def set_up_database(self, stack: ExitStack, folder: Path) -> str | None:
        database = stack.enter_context(self.parts.database)
        if database.direct is None:
            self._template = template.make_sqlite(folder)
        else:
            self.postgres = database.server
            assert database.server is not None
            template.fill(database.direct, folder, database.server.binaries)
        return database.direct

    def set_up_store(self, stack: ExitStack) -> Any:
        return stack.enter_context(self.parts.store)

    def set_up_front(self, stack: ExitStack, ports: list[int]) -> list[int]:
        give_tools(self.system, *TOOLS, ASKS)
        as_json = "?" if self.postgres is None else "?::jsonb"
        self.system.sql(f"UPDATE agents_agent SET approval_tools = {as_json}", json.dumps([ASKS]))
        return stack.enter_context(self.parts.front).before(ports)

    def settings_of(self, label: str) -> dict[str, str]:
        return {"DATABASE_URL": self.parts.database.url} if self.parts.database.url else {}

    def redis(self) -> redis.Redis:
        return self.parts.store.client()

    @property
    def address(self) -> str:
        return self.links[0]

    @property
    def links(self) -> list[str]:
        return [link + self.parts.front.path for link in super().links]


__all__ = ["ASKS", "EngineScene", "Parts"]
