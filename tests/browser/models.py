"""An agent whose model says one thing, for pages that show what the demo model does not say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.browser.chat import Chat
from tests.support.processes import Stack
from tests.support.provider import Json, Provider, Reply, completion

AGENT = """
from agents.models import Agent
values = dict(name="{slug}", model="m-1", base_url="{url}", tools=[], enabled=True)
Agent.objects.update_or_create(slug="{slug}", defaults=values)
"""


@contextmanager
def agent_saying(house: Stack, slug: str, answer: Callable[[str], str]) -> Iterator[None]:
    """An agent of this slug; `answer` makes its text of what was said last. It is switched off afterwards."""

    def reply(path: str, body: Json) -> Reply:
        said = body["messages"][-1]["content"]
        return completion(answer(said if isinstance(said, str) else said[-1].get("text", "")))

    provider = Provider(reply)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(provider.__aenter__(), loop).result(10)
    try:
        house.manage("shell", "-c", AGENT.format(slug=slug, url=provider.url))
        yield
        house.manage(
            "shell", "-c", f'from agents.models import Agent; Agent.objects.filter(slug="{slug}").delete()'
        )
    finally:
        asyncio.run_coroutine_threadsafe(provider.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def choose(chat: Chat, slug: str) -> None:
    """Have the next new conversation be with this agent."""
    chat.page.goto(f"{chat.address}/")
    chat.hook("agent-choice").click()
    chat.hook(f"agent-{slug}").click()
